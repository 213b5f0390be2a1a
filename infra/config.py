"""The configuration: every key of the CDK context that this application reads, typed, or refused by name."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html
MAX_PUBLIC_KEYS_IN_A_GROUP = 5
MAX_URL_LIFETIME = 604_800
KEY_ALGORITHMS = ("ecdsa-p256", "rsa-2048", "rsa-2048-sha1")


class InvalidConfiguration(ValueError):
    """A context key is unknown, or its value cannot be used; the message names the key and what it takes."""


@dataclass(frozen=True)
class KeyGeneration:
    """One signing key: its name, unique and never used again, and its algorithm."""

    name: str
    algorithm: str


@dataclass(frozen=True)
class Config:
    """What may be chosen. Defaults are the closed ones, and `cdk.json` repeats them so that a person can see them."""

    stack_name: str = "PrivateFiles"
    auth: bool = True
    rest: bool = False
    files_folder: str = "files"
    url_lifetime: int = 900
    url_lifetime_min: int = 1
    url_lifetime_max: int = 3600
    url_window: int = 300
    custom_domain: str = ""
    certificate_arn: str = ""
    cdn_url: str = ""
    signing_keys: str = "1"
    key_settling: int = 600
    revoke: str = ""
    retain_data: bool = True
    architecture: str = "arm64"
    snap_start: bool = False
    frontend: bool = False
    log_level: str = "INFO"

    @classmethod
    def from_context(cls, context: Mapping[str, Any]) -> Config:
        """The configuration in this CDK context, where `-c key=value` is text and `cdk.json` has types.

        Raises InvalidConfiguration for a key that is none of ours, and for a value that cannot be used.
        """
        known = {field.name: field for field in fields(cls)}
        for key in context:
            # CDK's own keys carry a colon or begin with an at sign.
            if key not in known and ":" not in key and not key.startswith("@"):
                near = difflib.get_close_matches(key, known, n=1)
                hint = f"Did you mean {near[0]}?" if near else f"The keys are {', '.join(known)}."
                raise InvalidConfiguration(f"The context key {key} is unknown. {hint}")
        values: dict[str, Any] = {
            name: _typed(field.type, name, context[name]) for name, field in known.items() if name in context
        }
        config = cls(**values)
        config._check()
        return config

    @property
    def key_generations(self) -> list[KeyGeneration]:
        """The signing keys, oldest → newest: `1,2:rsa-2048` is an ECDSA P-256 key and, after it, an RSA-2048 key."""
        pairs = (entry.strip().partition(":") for entry in self.signing_keys.split(","))
        return [KeyGeneration(name, algorithm or KEY_ALGORITHMS[0]) for name, _, algorithm in pairs]

    def _check(self) -> None:
        _match(
            "stack_name",
            self.stack_name,
            r"(?!aws|ssm)[A-Za-z][A-Za-z0-9-]{0,60}",
            "letters, digits and hyphens, not beginning with aws or ssm",
        )
        _match(
            "files_folder",
            self.files_folder,
            r"(?!\.)[A-Za-z0-9._-]+(/(?!\.)[A-Za-z0-9._-]+)*",
            "a folder such as files or public/files, without a slash at either end",
        )
        self._check_signing_keys()
        _one_of("architecture", self.architecture, ("arm64", "x86_64"))
        _one_of("log_level", self.log_level, ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"))
        self._check_lifetimes()
        if bool(self.custom_domain) != bool(self.certificate_arn):
            missing, given = (
                ("certificate_arn", "custom_domain") if self.custom_domain else ("custom_domain", "certificate_arn")
            )
            raise InvalidConfiguration(f"{given} is set and {missing} is not; CloudFront needs both or neither.")
        if self.custom_domain:
            _match(
                "custom_domain",
                self.custom_domain,
                r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}",
                "a host name such as files.example.com",
            )
            _match(
                "certificate_arn",
                self.certificate_arn,
                r"arn:aws[a-z-]*:acm:us-east-1:\d{12}:certificate/.+",
                "the ARN of an ACM certificate in us-east-1, where CloudFront looks for it",
            )
        if self.cdn_url:
            # Browsers lower the case of a host and drop the port that its scheme implies; the signature covers both.
            _match(
                "cdn_url",
                self.cdn_url,
                r"(http(?!.*:80$)|https(?!.*:443$))://([a-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?",
                "scheme and host as browsers write them, such as https://files.example.com, without a path",
            )

    @property
    def longest_url(self) -> int:
        """The seconds that a URL can live at most."""
        return self.url_lifetime_max + self.url_window

    @property
    def revoked(self) -> list[str]:
        """The names of signing keys that may be removed although URLs still need them."""
        return [name.strip() for name in self.revoke.split(",") if name.strip()]

    def _check_lifetimes(self) -> None:
        week = f"whole seconds from 1 to {MAX_URL_LIFETIME}, a week"
        for name in ("url_lifetime_min", "url_lifetime_max", "url_lifetime"):
            if not 1 <= getattr(self, name) <= MAX_URL_LIFETIME:
                _refuse(name, getattr(self, name), week)
        if not self.url_lifetime_min <= self.url_lifetime <= self.url_lifetime_max:
            bounds = (
                f"seconds from url_lifetime_min to url_lifetime_max, {self.url_lifetime_min} to {self.url_lifetime_max}"
            )
            _refuse("url_lifetime", self.url_lifetime, bounds)
        if self.url_window > 86_400:
            _refuse("url_window", self.url_window, "seconds up to 86400, a day; 0 is off")
        if self.key_settling > 86_400:
            _refuse("key_settling", self.key_settling, "seconds up to 86400, a day")

    def _check_signing_keys(self) -> None:
        names = [generation.name for generation in self.key_generations]
        for generation in self.key_generations:
            _match(
                "signing_keys",
                generation.name,
                r"[A-Za-z0-9-]{1,40}",
                "names of letters, digits and hyphens, parted by commas",
            )
            _one_of("signing_keys", generation.algorithm, KEY_ALGORITHMS)
        if kept := set(names) & set(self.revoked):
            _refuse(
                "revoke", self.revoke, f"keys that are no longer in signing_keys, which still holds {', '.join(kept)}"
            )
        if len(set(names)) != len(names):
            _refuse("signing_keys", self.signing_keys, "each name once")
        if len(names) > MAX_PUBLIC_KEYS_IN_A_GROUP:
            _refuse(
                "signing_keys",
                self.signing_keys,
                f"at most {MAX_PUBLIC_KEYS_IN_A_GROUP} keys, as many as a key group holds",
            )


def _typed(kind: Any, name: str, value: Any) -> bool | int | str:
    match kind:
        case "bool":
            words = {"true": True, "on": True, "false": False, "off": False}
            if str(value).lower() not in words:
                _refuse(name, value, "on or off")
            return words[str(value).lower()]
        case "int":
            if isinstance(value, bool) or not re.fullmatch(r"\d+", str(value)):
                _refuse(name, value, "a whole number")
            return int(value)
        case _:
            if not isinstance(value, str):
                _refuse(name, value, "text")
            return str(value)


def _match(name: str, value: str, pattern: str, wanted: str) -> None:
    if not re.fullmatch(pattern, value):
        _refuse(name, value, wanted)


def _one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        _refuse(name, value, " or ".join(choices))


def _refuse(name: str, value: object, wanted: str) -> None:
    raise InvalidConfiguration(f"The context key {name} cannot be {value!r}: it takes {wanted}.")
