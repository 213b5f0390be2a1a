"""The environment variables of `make up` and of every process that it starts."""

from __future__ import annotations

import os
from collections.abc import Mapping

# Each of these would change what the pinned programs do: another AWS account, another Python path, another CDK app.
_DROPPED_PREFIXES = ("AWS_", "CDK_", "PYTHON")
_DROPPED = {"NODE_OPTIONS", "NODE_PATH", "MAKEFLAGS", "MFLAGS", "MAKELEVEL"}
_NO_PROXY = ("no_proxy", "NO_PROXY")  # programs differ in which they read
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def isolated(environ: Mapping[str, str]) -> dict[str, str]:
    """Return these variables without those of the user that would break the stack, and with neutral values.

    No AWS profile, key or configuration file is used, loopback is never proxied, and Python reads and writes UTF-8.
    """
    return {
        **{
            name: value
            for name, value in environ.items()
            if not name.startswith(_DROPPED_PREFIXES) and name not in _DROPPED
        },
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "PYTHONUTF8": "1",
        **dict.fromkeys(_NO_PROXY, _not_proxied(environ)),
    }


def _not_proxied(environ: Mapping[str, str]) -> str:
    hosts = [host.strip() for name in _NO_PROXY for host in environ.get(name, "").split(",") if host.strip()]
    # "*" is understood only if it is alone.
    return "*" if "*" in hosts else ",".join(dict.fromkeys([*hosts, *_LOOPBACK]))
