"""The settings of a command: options and environment variables, then the outputs file of a stack."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from private_files.failures import Unconfigured
from private_files.outputs import Outputs, output_name

if TYPE_CHECKING:
    import ssl

DEFAULT_OUTPUTS = ".local/outputs.json"
_OTHER_FLAGS = {"aws_ca_bundle": "--ca-bundle", "bucket_name": "--bucket"}


@dataclass(frozen=True)
class Settings:
    """The outputs of a stack, and the user who signs in to it; what is not set is the empty string."""

    outputs: Outputs
    username: str = ""
    password: str = ""


def find(given: Mapping[str, str]) -> Settings:
    """Return the settings for these values by name: fields of Outputs, `username`, `password`, and `outputs`, a file.

    The default file is not read if another API is given: that API must not get the credentials of the local stack.
    Raises Unconfigured if a name is unknown or the file cannot be used.
    """
    if unknown := given.keys() - Outputs.__dataclass_fields__.keys() - {"outputs", "username", "password"}:
        raise Unconfigured(f"There is no setting {min(unknown)}.")
    outputs = Outputs()
    if given.get("outputs") or (not given.get("graphql_url") and Path(DEFAULT_OUTPUTS).exists()):
        outputs = _read(Path(given.get("outputs") or DEFAULT_OUTPUTS))
    username = given.get("username") or outputs.demo_user
    # The password in the file belongs to the user in the file.
    password = given.get("password") or (outputs.demo_password if username == outputs.demo_user else "")
    values = {name: value for name, value in given.items() if value and name in Outputs.__dataclass_fields__}
    return Settings(replace(outputs, **values), username, password)


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
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and is_this_machine(host))):
        raise Unconfigured("GraphqlUrl must start with https://; http:// is allowed for this machine only.")
    return url


def trust(outputs: Outputs) -> ssl.SSLContext | bool:
    """Return the certificate authorities to trust: those in the bundle, or True for those of the system."""
    if not outputs.aws_ca_bundle:
        return True
    import ssl  # noqa: PLC0415 - `--help` does not need it

    try:
        return ssl.create_default_context(cafile=outputs.aws_ca_bundle)
    except OSError as error:
        raise Unconfigured(
            f"{outputs.aws_ca_bundle} (AwsCaBundle, {flag('aws_ca_bundle')}) cannot be used: {error.strerror}."
        ) from None


def flag(name: str) -> str:
    """Return the option that sets this field: `graphql_url` is `--graphql-url`."""
    return _OTHER_FLAGS.get(name) or "--" + name.replace("_", "-")


def variable(name: str) -> str:
    """Return the environment variable for an option: `PRIVATE_FILES_GRAPHQL_URL` for `--graphql-url`."""
    return "PRIVATE_FILES_" + flag(name).removeprefix("--").replace("-", "_").upper()


def is_this_machine(host: str) -> bool:
    """Whether data sent to the host stays on this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _read(file: Path) -> Outputs:
    try:
        found: Any = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise Unconfigured(f"The outputs file {file} cannot be read: {error.strerror}.") from None
    except ValueError:
        raise Unconfigured(f"The outputs file {file} is not JSON.") from None
    url = output_name("graphql_url")
    if isinstance(found, dict) and url not in found:
        # `cdk deploy --outputs-file` writes the outputs of each deployed stack under the name of the stack.
        stacks = [stack for stack in found.values() if isinstance(stack, dict) and url in stack]
        found = stacks[0] if len(stacks) == 1 else None
    if not isinstance(found, dict):
        raise Unconfigured(f"The outputs file {file} must hold one stack with a {url}.")
    return Outputs.from_json(found)
