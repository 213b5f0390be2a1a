"""Environments such as dev and prod: `-c environment=prod` takes the settings of `environments/prod.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.config import Config, InvalidConfiguration

PROJECT = Path(__file__).parent.parent


def with_environment(context: Mapping[str, Any], project: Path = PROJECT) -> dict[str, Any]:
    """Return the CDK context with the settings of the environment that it names; without one, as it is.

    The file of the environment replaces settings of `cdk.json`, and `-c key=value` replaces both. Raises
    InvalidConfiguration.
    """
    name = context.get("environment", "")
    if name == "":
        return dict(context)
    files = {file.stem: file for file in sorted((project / "environments").glob("*.json"))}
    if str(name) not in files:
        takes = " or ".join(files) or "the name of a file in environments/, which has none"
        raise InvalidConfiguration(f"The context key environment cannot be {name!r}: it takes {takes}.")
    settings = {each: _read(file) for each, file in files.items()}
    for other, of_other in settings.items():
        if other != name and of_other["stack_name"].lower() == settings[name]["stack_name"].lower():
            raise InvalidConfiguration(
                f"environments/{name}.json and {other}.json have the same stack_name, so each would replace the other: "
                "give each its own."
            )
    # The CDK merges `cdk.json` and `-c` before it starts the application; what differs was on the command line.
    shared = json.loads((project / "cdk.json").read_text())["context"]
    given = {key: value for key, value in context.items() if value != shared.get(key)}
    return {**context, **settings[name], **given}


def _read(file: Path) -> dict[str, Any]:
    where = f"environments/{file.name}"
    try:
        settings = json.loads(file.read_text())
    except ValueError as error:
        raise InvalidConfiguration(f"{where} is not JSON: {error}") from None
    if not isinstance(settings, dict):
        raise InvalidConfiguration(f"{where} must be a JSON object of settings.")
    if unknown := sorted(set(settings) - (set(Config.model_fields) - {"environment"})):
        raise InvalidConfiguration(
            f"{where}: {', '.join(unknown)} cannot be set there; docs/configure.md lists the settings."
        )
    if not isinstance(settings.get("stack_name"), str):
        raise InvalidConfiguration(f"{where} has no stack_name: give each environment a stack of its own.")
    return settings
