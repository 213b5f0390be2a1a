"""Environments: the settings of their files, what replaces what, and the messages for files that cannot be used."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.config import Config, InvalidConfiguration
from infra.environments import with_environment
from tests import PROJECT

SHARED = {"stack_name": "PrivateFiles", "auth": "on", "url_lifetime": 900, "url_window": 300, "rest": "off"}
ENVIRONMENTS = sorted(file.stem for file in (PROJECT / "environments").glob("*.json"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "environments").mkdir()
    (tmp_path / "cdk.json").write_text(json.dumps({"context": SHARED}))
    write(tmp_path, "dev", {"stack_name": "Dev", "url_lifetime": 60})
    write(tmp_path, "prod", {"stack_name": "Prod"})
    return tmp_path


def write(project: Path, name: str, settings: Any) -> None:
    text = settings if isinstance(settings, str) else json.dumps(settings)
    (project / "environments" / f"{name}.json").write_text(text)


def refusal(project: Path, environment: object = "dev") -> str:
    with pytest.raises(InvalidConfiguration) as refused:
        with_environment(SHARED | {"environment": environment}, project)
    return str(refused.value)


def test_file_of_the_environment_replaces_the_shared_settings(project: Path) -> None:
    context = with_environment(SHARED | {"environment": "dev", "aws:cdk:key": 1}, project)
    expected = {"stack_name": "Dev", "url_lifetime": 60, "environment": "dev", "aws:cdk:key": 1}
    assert context == SHARED | expected


def test_command_line_replaces_both(project: Path) -> None:
    given = {"environment": "dev", "url_lifetime": "30", "rest": "on"}
    context = with_environment(SHARED | given, project)
    assert (context["url_lifetime"], context["rest"], context["stack_name"]) == ("30", "on", "Dev")


def test_without_an_environment_the_context_is_as_it_is(project: Path) -> None:
    write(project, "dev", "not JSON")
    assert with_environment(SHARED | {"environment": ""}, project) == SHARED | {"environment": ""}
    assert with_environment({}, project) == {}


@pytest.mark.parametrize("name", ["production", "../cdk", "dev.json", "DEV", " ", None, ["dev"], 1], ids=repr)
def test_name_of_no_file_is_refused_with_those_that_exist(project: Path, name: object) -> None:
    assert refusal(project, name) == f"The context key environment cannot be {name!r}: it takes dev or prod."


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("{", "environments/dev.json is not JSON: "),
        ([], "environments/dev.json must be a JSON object"),
        ({"stack_name": "Dev", "url_lifetme": 60}, "environments/dev.json: url_lifetme cannot be set there"),
        ({"stack_name": "Dev", "environment": "prod"}, "environments/dev.json: environment cannot be set there"),
        ({"rest": "on"}, "environments/dev.json has no stack_name"),
        ({"stack_name": "PROD"}, "environments/dev.json and prod.json have the same stack_name"),
    ],
    ids=["not JSON", "list", "unknown", "environment", "no name", "same name"],
)
def test_file_that_cannot_be_used_is_refused(project: Path, settings: object, message: str) -> None:
    write(project, "dev", settings)
    assert refusal(project).startswith(message)


def test_mistake_in_the_file_of_another_environment_is_refused(project: Path) -> None:
    write(project, "prod", {"stack_name": 1})
    assert refusal(project).startswith("environments/prod.json has no stack_name")


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_environments_of_this_project_are_valid(name: str) -> None:
    shared = json.loads((PROJECT / "cdk.json").read_text())["context"]
    config = Config.from_context(with_environment(shared | {"environment": name}))
    assert (config.environment, config.retain_data) == (name, name != "dev")


def test_this_project_has_dev_and_prod() -> None:
    assert ENVIRONMENTS == ["dev", "prod"]
