"""Where to ask: flags win over the environment, and that over the outputs file of a stack."""

from __future__ import annotations

import ipaddress
import json
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from private_files.failures import Unconfigured

DEFAULT_OUTPUTS = ".local/outputs.json"
# The flag for each output of the stack.
FLAGS = {
    "GraphqlUrl": "--graphql-url",
    "Region": "--region",
    "UserPoolId": "--user-pool-id",
    "UserPoolClientId": "--user-pool-client-id",
    "ApiKey": "--api-key",
    "AwsCaBundle": "--ca-bundle",
    "AwsEndpointUrl": "--aws-endpoint-url",
    "Username": "--username",
    "BucketName": "--bucket",
    "FilesFolder": "--files-folder",
}
_DEMO = {"DemoUser": "Username", "DemoPassword": "Password"}


class Settings:
    """The values that were given, under the names of the stack's outputs."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def get(self, name: str) -> str | None:
        return self._values.get(name)

    def __getitem__(self, name: str) -> str:
        if name not in self._values:
            raise Unconfigured(
                f"{name} is missing: give {FLAGS[name]}, the environment variable {variable(FLAGS[name])}, "
                f"or --outputs with a file that holds it ({DEFAULT_OUTPUTS} is there while `make up` runs)."
            )
        return self._values[name]

    @property
    def graphql_url(self) -> str:
        """The URL of the API; raises Unconfigured where a token sent to it could be read on the way."""
        url = self["GraphqlUrl"]
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname or "", parts.port
        except ValueError as error:
            raise Unconfigured(f"GraphqlUrl is no URL: {error}.") from None
        if not host or not (parts.scheme == "https" or (parts.scheme == "http" and is_this_machine(host))):
            raise Unconfigured("GraphqlUrl must begin with https://; http:// is for this machine only.")
        return url

    def trust(self) -> ssl.SSLContext | bool:
        """Whom to trust as a server: the authorities in the bundle, else those of the system."""
        bundle = self.get("AwsCaBundle")
        if not bundle:
            return True
        try:
            return ssl.create_default_context(cafile=bundle)
        except OSError as error:
            raise Unconfigured(f"{bundle} (AwsCaBundle, --ca-bundle) cannot be used: {error.strerror}.") from None


def variable(flag: str) -> str:
    """The environment variable that says the same as the flag."""
    return "PRIVATE_FILES_" + flag.removeprefix("--").replace("-", "_").upper()


def find(flags: Mapping[str, str | None], environment: Mapping[str, str]) -> Settings:
    """The settings from flags (keyed `--like-this`), environment and outputs file; raises Unconfigured."""
    given = {name: flags.get(flag) or environment.get(variable(flag)) for name, flag in FLAGS.items()}
    password = environment.get(variable("--password"))
    outputs_file = flags.get("--outputs") or environment.get(variable("--outputs"))
    outputs: dict[str, str] = {}
    # Whoever names another API must not be answered with, or send it, the keys of the stack that happens to run here.
    if outputs_file or (not given["GraphqlUrl"] and Path(DEFAULT_OUTPUTS).exists()):
        outputs = _read(Path(outputs_file or DEFAULT_OUTPUTS))
    values = outputs | {name: value for name, value in given.items() if value}
    if password:
        values["Password"] = password
    elif values.get("Username") != outputs.get("Username"):
        values.pop("Password", None)
    return Settings(values)


def _read(file: Path) -> dict[str, str]:
    try:
        outputs: Any = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise Unconfigured(f"The outputs file {file} cannot be read: {error.strerror}.") from None
    except ValueError:
        raise Unconfigured(f"The outputs file {file} is not JSON.") from None
    if isinstance(outputs, dict) and "GraphqlUrl" not in outputs:
        # `cdk deploy --outputs-file` writes every stack that it deployed, by name.
        stacks = [stack for stack in outputs.values() if isinstance(stack, dict) and "GraphqlUrl" in stack]
        outputs = stacks[0] if len(stacks) == 1 else None
    if not isinstance(outputs, dict):
        raise Unconfigured(f"The outputs file {file} must hold one stack with a GraphqlUrl.")
    return {_DEMO.get(str(name), str(name)): str(value) for name, value in outputs.items()}


def is_this_machine(host: str) -> bool:
    """Whether what is sent to the host stays on this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
