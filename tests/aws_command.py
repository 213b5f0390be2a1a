"""A stand-in for the AWS command line, to run the `aws` commands of the documents: `python -m tests.aws_command …`.

It takes what `aws SERVICE OPERATION` takes because both read it from botocore's models: operations, their parameters,
`--query` and `--output text`. It has none of the commands that the AWS command line adds, such as `aws s3 cp`.
"""

from __future__ import annotations

import itertools
import json
import sys
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import boto3
import jmespath
from botocore import xform_name
from botocore.model import Shape
from botocore.session import get_session

_SERVICES = {"s3api": "s3"}


class UsageError(ValueError):
    """The AWS command line would not accept these arguments."""


def parse(service: str, command: str, *arguments: str) -> tuple[str, str, dict[str, Any], dict[str, str]]:
    """Return the service, the method of its client, its parameters, and the options for the output and the body.

    Raises UsageError.
    """
    service = _SERVICES.get(service, service)
    model = get_session().get_service_model(service)
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    if command not in operations:
        raise UsageError(f"{service} has no operation {command}")
    operation = model.operation_model(operations[command])
    shapes = operation.input_shape.members if operation.input_shape else {}
    names = {f"--{xform_name(name, '-')}": name for name in shapes}
    parameters: dict[str, Any] = {}
    options = {"output": "json", "query": "@"}
    if operation.has_streaming_output:  # the file for it is the last argument
        *rest, options["body"] = arguments
    else:
        rest = list(arguments)
    for option, values in _options(rest):
        if option in ("--output", "--query") and len(values) == 1:
            options[option[2:]] = values[0]
        elif (command, option) == ("create-invalidation", "--paths"):  # an option that the AWS command line adds
            paths = {"Quantity": len(values), "Items": values}
            parameters["InvalidationBatch"] = {"CallerReference": uuid.uuid4().hex, "Paths": paths}
        elif option in names:
            parameters[names[option]] = _value(shapes[names[option]], values)
        elif (turned_off := names.get(option.replace("--no-", "--", 1))) and not values:
            parameters[turned_off] = not _value(shapes[turned_off], values)
        else:
            raise UsageError(f"{command} does not take {option} with {len(values)} values")
    required = operation.input_shape.required_members if operation.input_shape else []
    if missing := set(required) - set(parameters):
        raise UsageError(f"{command} needs {missing}")
    return service, xform_name(operation.name), parameters, options


def _options(arguments: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield each option with the values that follow it."""
    for start, argument in enumerate(arguments):
        if argument.startswith("--"):
            yield argument, list(itertools.takewhile(lambda word: not word.startswith("--"), arguments[start + 1 :]))
        elif start == 0:
            raise UsageError(f"{argument} follows no option")


def _value(shape: Shape, values: list[str]) -> Any:
    if shape.type_name == "boolean" and not values:
        return True
    if shape.type_name in ("structure", "list", "map") and len(values) == 1 and values[0][0] in "[{":
        return json.loads(values[0])
    if shape.type_name == "list":
        return values
    if len(values) != 1:
        raise UsageError(f"{shape.name} takes one value, not {values}")
    [text] = values
    if shape.type_name in ("structure", "map"):
        return dict(pair.split("=", 1) for pair in text.split(","))
    if text.startswith("file://"):
        text = Path(text.removeprefix("file://")).read_text()
    return {"integer": int, "long": int}.get(shape.type_name, str)(text)


def main() -> None:
    service, method, parameters, options = parse(*sys.argv[1:])
    any_boto3: Any = boto3
    response = getattr(any_boto3.client(service), method)(**parameters)
    response.pop("ResponseMetadata", None)
    if "body" in options:
        Path(options["body"]).write_bytes(response.pop("Body").read())
    found = jmespath.search(options["query"], response)
    if options["output"] == "text":
        sys.stdout.write((found if isinstance(found, str) else "\t".join(map(str, found))) + "\n")
    elif found not in (None, {}):
        sys.stdout.write(json.dumps(found, indent=4, default=str) + "\n")


if __name__ == "__main__":
    main()
