"""The example of a pipeline: it is valid YAML, its commands exist, and no job has more permissions than it needs."""

import itertools
import re
import shlex
import subprocess
from functools import cache
from typing import Any

import pytest
import yaml

from infra.environments import PROJECT
from tests.synthesized import Resource

PIPELINE = PROJECT / "deploy/pipeline.yml"
WORKFLOW: dict[Any, Any] = yaml.safe_load(PIPELINE.read_text())
JOBS: dict[str, Resource] = WORKFLOW["jobs"]
STEPS = [(name, step) for name, job in JOBS.items() for step in job["steps"]]
COMMANDS = [
    shlex.split(command)
    for _, step in STEPS
    for line in step.get("run", "").splitlines()
    for command in re.findall(r"(?:^|; )((?:cdk|make|\.venv/bin/python) [^;|>]+)", line)
]


def test_main_goes_to_dev_and_from_there_to_prod() -> None:
    assert WORKFLOW[True]["push"] == {"branches": ["main"]}  # YAML 1.1 reads the key `on` as true
    assert JOBS["dev"]["if"] == "github.event_name == 'push'"
    assert (JOBS["prod"]["needs"], JOBS["prod"]["environment"]) == ("dev", "prod")
    assert JOBS["dev"]["steps"] == JOBS["prod"]["steps"]
    deployed = {each["environment"] for each in JOBS.values()} - {"prod-diff"}
    assert deployed == {file.stem for file in (PROJECT / "environments").glob("*.json")} == JOBS.keys() - {"diff"}


def test_pull_requests_of_forks_get_no_role() -> None:
    assert "head.repo.full_name == github.repository" in JOBS["diff"]["if"]
    assert "pull_request_target" not in PIPELINE.read_text()


def test_permissions_are_named_and_no_key_is_stored() -> None:
    assert WORKFLOW["permissions"] == {"contents": "read"}
    for name, job in JOBS.items():
        comments = {"pull-requests": "write"} if name == "diff" else {}
        assert job["permissions"] == {"contents": "read", "id-token": "write"} | comments
    assert "secrets." not in PIPELINE.read_text()


def test_no_command_contains_an_expression_that_could_be_a_command() -> None:
    assert not [step["run"] for _, step in STEPS if "${{" in step.get("run", "")]


def test_deployment_that_fails_its_test_is_rolled_back() -> None:
    names = [step.get("name") for step in JOBS["dev"]["steps"]]
    back = JOBS["dev"]["steps"][names.index("Roll back to the commit before")]
    assert names.index("Deploy") < names.index("Test") < names.index("Roll back to the commit before")
    assert back["if"] == "failure() && steps.test.outcome == 'failure'"
    assert "git checkout HEAD^\n" in back["run"]
    assert JOBS["dev"]["steps"][0]["with"] == {"fetch-depth": 2}


@pytest.mark.slow
def test_commands_take_these_options() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.M))
    for program, *arguments in COMMANDS:
        options = {word for word in arguments if word.startswith("--")}
        if program == "make":
            assert set(arguments) <= targets
        else:
            words = itertools.takewhile(lambda word: word in ("-m", "test") or word[0] != "-", arguments)
            assert options <= options_of(program, *words), arguments


@cache
def options_of(*command: str) -> set[str]:
    """Return the options in the help of a command."""
    shown = subprocess.run([*command, "--help"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"--[a-z-]+", shown))


def test_every_command_of_interest_is_found() -> None:
    assert [" ".join(command[:2]) for command in COMMANDS].count("cdk deploy") == 4
    assert sum(command[1:4] == ["-m", "deploy.journey", "test"] for command in COMMANDS) == 2
