"""The contract between infra and the functions: infra constructs a settings object, the function parses the same one.

A field's name, upper-cased, is the name of the environment variable; it is written nowhere else.
"""

from __future__ import annotations

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
class SigningKey:
    """One signing key: CloudFront's id of its public half, when it takes over, how it signs, where it is.

    `signs_from` is in seconds since 1970; text, because infra knows it only as a token.
    """

    key_id: str
    signs_from: str
    algorithm: str
    parameter: str

    def __str__(self) -> str:
        return f"{self.key_id} {self.signs_from} {self.algorithm} {self.parameter}"


@dataclass(frozen=True)
class SigningKeys:
    """The signing keys, oldest → newest."""

    keys: tuple[SigningKey, ...]

    def __str__(self) -> str:
        return ", ".join(map(str, self.keys))

    @classmethod
    def parse(cls, text: str) -> SigningKeys:
        """The keys whose `str` this is."""
        return cls(tuple(SigningKey(*key.split(" ")) for key in text.split(", ")))


@dataclass(frozen=True)
class UrlSettings:
    """What the function that signs URLs needs to know.

    `cdn_url` is scheme, host and, where it is not the default, port: `https://files.example.com`.
    """

    cdn_url: str
    files_folder: str
    signing_keys: SigningKeys
    url_lifetime: int
    url_lifetime_min: int
    url_lifetime_max: int
    url_window: int


@dataclass(frozen=True)
class MintSettings:
    """What the function that mints key pairs needs to know."""

    encryption_key_id: str


@dataclass(frozen=True)
class NoSettings:
    """For a function that needs to know nothing."""


Settings = TypeVar("Settings", FilesSettings, UrlSettings, MintSettings)

_PARSERS: Mapping[str, Any] = {"str": str, "int": int, "SigningKeys": SigningKeys.parse}


def to_environment(settings: FilesSettings | UrlSettings | MintSettings | NoSettings) -> dict[str, str]:
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
        values[field.name] = _PARSERS[str(field.type)](text)
    return kind(**values)
