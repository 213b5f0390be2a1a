"""The settings of each function: infra constructs the object, the function parses it from its environment.

A field's name in upper case is the name of the environment variable; it is written nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from resolvers.access import AccessRules


class MissingSetting(RuntimeError):
    """The function was deployed without an environment variable that it needs."""


@dataclass(frozen=True)
class FilesSettings:
    """The settings of the function that lists files."""

    bucket_name: str
    files_folder: str
    access: AccessRules


@dataclass(frozen=True)
class SigningKey:
    """A deployed signing key. `infra.config.KeyGeneration` is the same key as the configuration names it.

    `key_id` is CloudFront's id of the public half; `signs_from` is when it starts to sign, in seconds since 1970, as
    text because infra has only a CDK token for it; `parameter` is the SSM parameter of the private half;
    `public_key_sha256` is the digest of the public half's SubjectPublicKeyInfo, in hexadecimal, by which the function
    recognises the private half.
    """

    key_id: str
    signs_from: str
    algorithm: str
    parameter: str
    public_key_sha256: str

    def __str__(self) -> str:
        return f"{self.key_id} {self.signs_from} {self.algorithm} {self.parameter} {self.public_key_sha256}"


@dataclass(frozen=True)
class SigningKeys:
    """The deployed signing keys, oldest → newest."""

    keys: tuple[SigningKey, ...]

    def __str__(self) -> str:
        return ", ".join(map(str, self.keys))

    @classmethod
    def parse(cls, text: str) -> SigningKeys:
        """Return the keys from their `str`."""
        return cls(tuple(SigningKey(*key.split(" ")) for key in text.split(", ")))


@dataclass(frozen=True)
class UrlSettings:
    """The settings of the function that signs URLs.

    `cdn_url` is the base URL of signed URLs: scheme, host and, if it is not the default, port. Times are in seconds.
    """

    cdn_url: str
    files_folder: str
    signing_keys: SigningKeys
    url_lifetime: int
    url_lifetime_min: int
    url_lifetime_max: int
    url_window: int
    access: AccessRules


@dataclass(frozen=True)
class UploadSettings:
    """The settings of the function that grants uploads and deletes files; the size is in bytes."""

    bucket_name: str
    files_folder: str
    access: AccessRules
    upload_max_size: int


@dataclass(frozen=True)
class SigningKeySettings:
    """The settings of the function that creates signing keys."""

    encryption_key_id: str


@dataclass(frozen=True)
class NoSettings:
    """The settings of a function that has none."""


Settings = TypeVar("Settings", FilesSettings, UrlSettings, UploadSettings, SigningKeySettings)

_PARSERS: Mapping[str, Any] = {
    "str": str,
    "int": int,
    "SigningKeys": SigningKeys.parse,
    "AccessRules": AccessRules.parse,
}


AnySettings = FilesSettings | UrlSettings | UploadSettings | SigningKeySettings | NoSettings


def to_environment(settings: AnySettings) -> dict[str, str]:
    """Return the environment variables for these settings."""
    return {field.name.upper(): str(getattr(settings, field.name)) for field in fields(settings)}


def from_environment(kind: type[Settings], environment: Mapping[str, str]) -> Settings:
    """Return the settings of this kind from the environment.

    Raises MissingSetting if a variable is missing or empty, ValueError if a number is not a number.
    """
    values: dict[str, Any] = {}
    for field in fields(kind):
        variable = field.name.upper()
        text = environment.get(variable, "")
        if not text:
            raise MissingSetting(f"The environment variable {variable} is not set; deploy the stack again.")
        values[field.name] = _PARSERS[str(field.type)](text)
    return kind(**values)
