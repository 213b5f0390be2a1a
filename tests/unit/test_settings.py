"""The environment that infra writes, and the settings that the function reads from it."""

import dataclasses
from typing import Any

import pytest

from resolvers.access import AccessRules, Rule
from resolvers.settings import (
    FilesSettings,
    MissingSetting,
    NoSettings,
    SigningKey,
    SigningKeys,
    SigningKeySettings,
    UrlSettings,
    from_environment,
    to_environment,
)

RULES = AccessRules(
    (Rule("users", ("read", "write"), "home/{sub}/"), Rule("group:editors", ("read",), "with spaces and é/"))
)
FILES = FilesSettings(bucket_name="a-bucket", files_folder="files", access=RULES)
URL = UrlSettings(
    cdn_url="https://files.example.com:8443",
    files_folder="public/files",
    signing_keys=SigningKeys(
        (
            SigningKey("K0123456789ABC", "1800000000", "ecdsa-p256", "/PrivateFiles/signing-keys/1", "0a" * 32),
            SigningKey("KDEFGHIJKLMNOP", "1800003600", "rsa-2048-sha1", "/PrivateFiles/signing-keys/2", "0b" * 32),
        )
    ),
    url_lifetime=900,
    url_lifetime_min=1,
    url_lifetime_max=3600,
    url_window=300,
    access=AccessRules(),
)
MINT = SigningKeySettings(encryption_key_id="0f4c1d2e-0000-4000-8000-000000000000")
ENVIRONMENTS = [
    (
        FILES,
        {
            "BUCKET_NAME": "a-bucket",
            "FILES_FOLDER": "files",
            "ACCESS": "users read,write home/{sub}/\ngroup:editors read with spaces and é/",
        },
    ),
    (
        URL,
        {
            "CDN_URL": "https://files.example.com:8443",
            "FILES_FOLDER": "public/files",
            "SIGNING_KEYS": f"K0123456789ABC 1800000000 ecdsa-p256 /PrivateFiles/signing-keys/1 {'0a' * 32}, "
            f"KDEFGHIJKLMNOP 1800003600 rsa-2048-sha1 /PrivateFiles/signing-keys/2 {'0b' * 32}",
            "URL_LIFETIME": "900",
            "URL_LIFETIME_MIN": "1",
            "URL_LIFETIME_MAX": "3600",
            "URL_WINDOW": "300",
            "ACCESS": "no rules",
        },
    ),
    (MINT, {"ENCRYPTION_KEY_ID": "0f4c1d2e-0000-4000-8000-000000000000"}),
]
EACH_SETTINGS = pytest.mark.parametrize(
    ("settings", "environment"), ENVIRONMENTS, ids=[type(settings).__name__ for settings, _ in ENVIRONMENTS]
)
EACH_VARIABLE = pytest.mark.parametrize(
    ("settings", "variable"),
    [
        pytest.param(settings, name, id=f"{type(settings).__name__}-{name}")
        for settings, environment in ENVIRONMENTS
        for name in environment
    ],
)
Settings = FilesSettings | UrlSettings | SigningKeySettings


def parsed(like: Settings, environment: dict[str, str]) -> Settings:
    kind: Any = type(like)
    settings: Settings = from_environment(kind, environment)
    return settings


@EACH_SETTINGS
def test_settings_become_variables_named_after_their_fields(settings: Settings, environment: dict[str, str]) -> None:
    assert to_environment(settings) == environment


@EACH_SETTINGS
def test_variables_become_the_same_settings_whatever_stands_beside_them(
    settings: Settings, environment: dict[str, str]
) -> None:
    assert parsed(settings, environment | {"PATH": "/usr/bin", "bucket_name": "another"}) == settings


@pytest.mark.parametrize("emptied", [False, True], ids=["missing", "empty"])
@EACH_VARIABLE
def test_missing_or_empty_variable_is_refused_by_name(settings: Settings, variable: str, emptied: bool) -> None:
    environment = to_environment(settings)
    del environment[variable]
    if emptied:
        environment[variable] = ""
    with pytest.raises(MissingSetting, match=rf"\bvariable {variable} is not set"):
        parsed(settings, environment)


@pytest.mark.parametrize("text", ["soon", "1.5", "1e3", "900s"])
@pytest.mark.parametrize("variable", ["URL_LIFETIME", "URL_LIFETIME_MIN", "URL_LIFETIME_MAX", "URL_WINDOW"])
def test_time_that_is_not_a_number_is_refused(variable: str, text: str) -> None:
    with pytest.raises(ValueError, match="invalid literal for int"):
        from_environment(UrlSettings, to_environment(URL) | {variable: text})


def test_function_without_settings_has_no_variables() -> None:
    assert to_environment(NoSettings()) == {}


@EACH_VARIABLE
def test_settings_cannot_be_constructed_without_a_field(settings: Settings, variable: str) -> None:
    fields = {field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)}
    del fields[variable.lower()]
    with pytest.raises(TypeError, match=variable.lower()):
        type(settings)(**fields)
