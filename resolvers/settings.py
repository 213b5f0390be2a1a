"""The contract between infra and the functions: infra constructs a settings object, the function parses the same one.

A field's name, upper-cased, is the name of the environment variable; it is written nowhere else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar


class MissingSetting(RuntimeError):
    """The function was deployed without an environment variable that it needs."""


@dataclass(frozen=True)
class FilesSettings:
    """What the function that lists files needs to know."""

    bucket_name: str
    files_folder: str


@dataclass(frozen=True)
class UrlSettings:
    """What the function that signs URLs needs to know.

    `edge_origin` is scheme, host and, where it is not the default, port: `https://files.example.com`.
    """

    edge_origin: str
    files_folder: str
    signing_key_id: str
    signing_key_parameter: str
    url_lifetime_seconds: int


@dataclass(frozen=True)
class MintSettings:
    """What the function that mints key pairs needs to know."""

    encryption_key_id: str


Settings = TypeVar("Settings", FilesSettings, UrlSettings, MintSettings)


def to_environment(settings: FilesSettings | UrlSettings | MintSettings) -> dict[str, str]:
    """The environment variables that carry these settings."""
    return {field.name.upper(): str(getattr(settings, field.name)) for field in fields(settings)}


def from_environment(kind: type[Settings], environment: Mapping[str, str]) -> Settings:
    """The settings of this kind that the environment carries.

    Raises MissingSetting for a variable that is absent or empty, ValueError for a number that is none.
    """
    values: dict[str, Any] = {}
    for field in fields(kind):
        variable = field.name.upper()
        text = environment.get(variable, "")
        if not text:
            raise MissingSetting(f"The environment variable {variable} is not set; deploy the stack again.")
        values[field.name] = int(text) if field.type is int else text
    return kind(**values)
