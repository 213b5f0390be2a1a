"""Checks that what a patch changes or calls in ministack is still what the patch was written for."""

import hashlib
import inspect
from importlib.metadata import version
from types import ModuleType
from typing import Any

from ministack.services.cloudformation import provisioners


class PatchOutdated(RuntimeError):
    """A part of ministack differs from the one that a patch was written for; the message names it and the version."""


def original(owner: ModuleType | type, name: str, digest: str) -> Any:
    """Return a function or a text of a module or a class of ministack, or a module that it uses.

    `digest` is the start of the SHA-256 of its source, or of the module's name. Raises PatchOutdated if that differs.
    """
    value = getattr(owner, name, None)
    if inspect.ismodule(value):
        source = value.__name__
    else:
        source = inspect.getsource(value) if inspect.isfunction(value) else repr(value)
    if digest != (found := hashlib.sha256(source.encode()).hexdigest()[:12]):
        raise PatchOutdated(
            f"{owner.__name__}.{name} of ministack {version('ministack')} is not the one that our patch was written "
            f"for: compare both, then give the patch its digest, {found}, or install the release in `pyproject.toml`."
        )
    return value


def add_resource_type(name: str, **handlers: Any) -> None:
    """Add a CloudFormation type that ministack lacks. Raises PatchOutdated if it has this type."""
    original(provisioners, "_provision_resource", "3b8f01fb1871")
    original(provisioners, "_update_resource", "21b9b1207f59")
    original(provisioners, "_delete_resource", "9e9ba54fb428")
    if name in provisioners._RESOURCE_HANDLERS:
        raise PatchOutdated(
            f"provisioners._RESOURCE_HANDLERS of ministack {version('ministack')} has {name}: remove our patch."
        )
    provisioners._RESOURCE_HANDLERS[name] = handlers


def body(response: tuple[int, dict[str, str], bytes | str]) -> bytes:
    """Return the body of a response of ministack. Raises ValueError, with the body, if the status is that of an error.

    CloudFormation shows the text of a ValueError as the reason for the failed resource.
    """
    status, _headers, content = response
    content = content if isinstance(content, bytes) else content.encode()
    if status >= 400:
        raise ValueError(content.decode())
    return content
