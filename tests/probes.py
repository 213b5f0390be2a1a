"""Calls of AWS APIs with the role of a deployed function: what it may do, and what it is refused."""

from __future__ import annotations

import contextlib
import io
import json
import uuid
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

from tests.running_stack import Stack

_PROBE = """
import boto3
from botocore.exceptions import ClientError

def handler(event, _context):
    try:
        getattr(boto3.client(event["service"]), event["call"])(**event["arguments"])
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "allowed"
"""


@contextlib.contextmanager
def probing(stack: Stack) -> Iterator[Callable[..., str]]:
    """Yield a call of an AWS API with the role of a deployed function; it returns the error's code, or `allowed`."""
    functions = stack.client("lambda")
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("probe.py", _PROBE)
    made: dict[str, str] = {}

    def run(like: str, service: str, call: str, **arguments: Any) -> str:
        if like not in made:
            role = functions.get_function_configuration(FunctionName=_deployed(stack, like))["Role"]
            made[like] = f"probe-{like}-{uuid.uuid4().hex[:8]}"
            functions.create_function(
                FunctionName=made[like],
                Runtime="python3.13",
                Role=role,
                Handler="probe.handler",
                Code={"ZipFile": code.getvalue()},
            )
            functions.get_waiter("function_active_v2").wait(FunctionName=made[like])
        event = json.dumps({"service": service, "call": call, "arguments": arguments})
        answer = json.loads(functions.invoke(FunctionName=made[like], Payload=event)["Payload"].read())
        assert isinstance(answer, str), answer
        return answer

    yield run
    for name in made.values():
        functions.delete_function(FunctionName=name)


def _deployed(stack: Stack, like: str) -> str:
    """Return the name of the stack's function with this logical id, of which AWS keeps only the beginning."""
    resources = stack.client("cloudformation").describe_stack_resources(StackName=stack.name)["StackResources"]
    (name,) = (
        str(resource["PhysicalResourceId"])
        for resource in resources
        if resource["ResourceType"] == "AWS::Lambda::Function"
        and resource["LogicalResourceId"].startswith(f"Functions{like}Function")
    )
    return name


def denied(answer: str) -> bool:
    return answer in ("AccessDenied", "AccessDeniedException")
