"""The settings of a command: options and environment variables, then the outputs file of a stack."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from private_files import implicit_outputs
from private_files.failures import Unconfigured
from private_files.outputs import Outputs, output_name
from private_files.this_machine import is_this_machine

DEFAULT_OUTPUTS = ".local/outputs.json"
_OTHER_FLAGS = {"aws_ca_bundle": "--ca-bundle", "bucket_name": "--bucket"}
_OF_USERS = ("username", "password", "new_password")


@dataclass(frozen=True)
class Settings:
    """The outputs of a stack, and the user who signs in to it; what is not set is the empty string.

    `implicit` is whether addresses may come from the default file, without --outputs: they get no AWS credentials.
    """

    outputs: Outputs
    username: str = ""
    password: str = ""
    new_password: str = ""
    implicit: bool = False


def find(given: Mapping[str, str]) -> Settings:
    """Return the settings for these values by name: fields of Outputs, those of a user, and `outputs`, a file.

    `stack` is the name of a stack in the file, which can have several.

    The default file is not read if another API is given: that API must not get the credentials of the local stack. It
    is read only if no other user can have written it and if all its addresses are on this machine: it may have come
    with a folder that somebody else made. Raises Unconfigured if a name is unknown or the file cannot be used.
    """
    if unknown := given.keys() - Outputs.__dataclass_fields__.keys() - {"outputs", "stack", *_OF_USERS}:
        raise Unconfigured(f"There is no setting {min(unknown)}.")
    outputs, file = Outputs(), Path(given.get("outputs") or DEFAULT_OUTPUTS)
    implicit = not given.get("outputs") and not given.get("graphql_url") and os.path.lexists(file)
    if implicit:
        implicit_outputs.refuse_foreign_file(file)
    if implicit or given.get("outputs"):
        outputs = read(file, given.get("stack", ""))
    if implicit:
        implicit_outputs.refuse_foreign_addresses(file, outputs)
        _refuse_credentials(given, file)
    username = given.get("username") or outputs.demo_user
    # A password in the file belongs to a user in the file.
    known = {outputs.second_user: outputs.second_password, outputs.demo_user: outputs.demo_password}
    password = given.get("password") or known.get(username, "")
    values = {name: value for name, value in given.items() if value and name in Outputs.__dataclass_fields__}
    return Settings(replace(outputs, **values), username, password, given.get("new_password", ""), implicit)


def required(values: Settings | Outputs, name: str) -> str:
    """Return the value of this field. Raises Unconfigured if it is not set."""
    if value := getattr(values, name):
        return str(value)
    raise Unconfigured(
        f"{output_name(name)} is missing: set it with {flag(name)}, the environment variable {variable(name)}, or "
        f"--outputs and a file that contains it (`make up` writes {DEFAULT_OUTPUTS} while it runs)."
    )


def graphql_url(outputs: Outputs) -> str:
    """Return the URL of the API. Raises Unconfigured if a token sent to it could be read in transit."""
    url = required(outputs, "graphql_url")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise Unconfigured(f"GraphqlUrl ({flag('graphql_url')}) is not a URL: {error}.") from None
    clean = re.fullmatch(r"[!-\[\]-~]+", url) and "@" not in parts.netloc  # libraries disagree about anything else
    if not host or not clean or not (parts.scheme == "https" or (parts.scheme == "http" and is_this_machine(host))):
        raise Unconfigured("GraphqlUrl must start with https://; http:// is allowed for this machine only.")
    return url


def flag(name: str) -> str:
    """Return the option that sets this field: `graphql_url` is `--graphql-url`."""
    return _OTHER_FLAGS.get(name) or "--" + name.replace("_", "-")


def variable(name: str) -> str:
    """Return the environment variable for an option: `PRIVATE_FILES_GRAPHQL_URL` for `--graphql-url`."""
    return "PRIVATE_FILES_" + flag(name).removeprefix("--").replace("-", "_").upper()


def _refuse_credentials(given: Mapping[str, str], file: Path) -> None:
    for name in ("api_key", "password", "new_password"):
        if given.get(name):
            source = f"{flag(name)} or {variable(name)}" if name == "api_key" else variable(name)
            raise Unconfigured(
                f"The value of {source} is not sent to the addresses in {file}, which was not named: unset it, or add "
                f"--outputs {file}."
            )


def read(file: Path, stack: str = "") -> Outputs:
    """Return the outputs of the only stack in the file, or of the one of this name. Raises Unconfigured."""
    try:
        found: Any = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise Unconfigured(f"The outputs file {file} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError):
        raise Unconfigured(f"The outputs file {file} is not JSON.") from None
    url = output_name("graphql_url")
    if not isinstance(found, dict):
        raise _no_stack(file)
    if url in found:
        if stack:
            raise Unconfigured(f"The outputs file {file} is of one stack, without its name: omit --stack.")
        return Outputs.from_json(found)
    # `cdk deploy --outputs-file` writes the outputs of each deployed stack under the name of the stack.
    stacks = {name: each for name, each in found.items() if isinstance(each, dict) and url in each}
    if not stacks:
        raise _no_stack(file)
    if stack and stack not in stacks:
        raise Unconfigured(f"The outputs file {file} has no stack {stack}. It has {', '.join(stacks)}.")
    if not stack and len(stacks) > 1:
        raise Unconfigured(f"The outputs file {file} has several stacks: choose {', '.join(stacks)} with --stack.")
    return Outputs.from_json(stacks[stack or next(iter(stacks))])


def _no_stack(file: Path) -> Unconfigured:
    return Unconfigured(f"The outputs file {file} has no stack with a {output_name('graphql_url')}.")
