"""The environment variables of the user cannot break `make up`."""

import os
import subprocess
import sys
import urllib.request

import boto3
import pytest

from local.environment import isolated

LOOPBACK = "localhost,127.0.0.1,::1"


@pytest.mark.parametrize(
    "name",
    ["AWS_PROFILE", "AWS_SESSION_TOKEN", "CDK_OUTDIR", "PYTHONPATH", "PYTHONIOENCODING", "NODE_OPTIONS", "MAKEFLAGS"],
)
def test_variable_that_changes_the_pinned_programs_is_dropped(name: str) -> None:
    assert name not in isolated({name: "anything"})


@pytest.mark.parametrize("name", ["PATH", "HOME", "LANG", "HTTPS_PROXY", "UV_CACHE_DIR", "TMPDIR"])
def test_other_variables_are_kept(name: str) -> None:
    assert isolated({name: "a value"})[name] == "a value"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, LOOPBACK),
        ({"NO_PROXY": "a.example, b.example"}, f"a.example,b.example,{LOOPBACK}"),
        ({"no_proxy": "a.example", "NO_PROXY": "b.example"}, f"a.example,b.example,{LOOPBACK}"),
        ({"NO_PROXY": "localhost,"}, LOOPBACK),
        ({"no_proxy": "*"}, "*"),
    ],
)
def test_loopback_is_never_proxied(given: dict[str, str], expected: str) -> None:
    made = isolated(given | {"HTTPS_PROXY": "http://proxy.example:1", "ALL_PROXY": "http://proxy.example:1"})
    assert made["no_proxy"] == made["NO_PROXY"] == expected


def test_python_bypasses_the_proxy_for_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in isolated({"HTTPS_PROXY": "http://proxy.example:1"}).items():
        monkeypatch.setenv(name, value)
    assert urllib.request.proxy_bypass("127.0.0.1:4566")
    assert not urllib.request.proxy_bypass("aws.example")


def test_profile_that_does_not_exist_and_malformed_configuration_are_not_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (malformed := tmp_path_factory.mktemp("aws") / "config").write_text("[profile\nno")
    users = {"AWS_PROFILE": "missing", "AWS_CONFIG_FILE": str(malformed)}
    for name in users:
        monkeypatch.delenv(name, raising=False)
    for name, value in isolated(users).items():
        monkeypatch.setenv(name, value)
    boto3.Session("key", "secret", region_name="us-east-1")


def test_child_process_uses_utf_8_in_any_locale() -> None:
    environment = isolated(os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"})
    script = "import locale, sys; print(sys.stdout.encoding, locale.getpreferredencoding(False))"
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.lower().split() == ["utf-8", "utf-8"]
