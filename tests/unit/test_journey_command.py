"""`python -m deploy.journey`: what it says before it changes anything, and that it deletes what it deployed."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from deploy import journey

ACCOUNT, REGION = "123456789012", "eu-west-1"


class Aws:
    """The clients of an account: its number, and the stacks in it."""

    def __init__(self) -> None:
        self.stacks: list[dict[str, str]] = []

    def get_caller_identity(self) -> dict[str, str]:
        return {"Account": ACCOUNT}

    def get_paginator(self, name: str) -> Any:
        pages = [{"StackSummaries": self.stacks, "logGroups": []}]
        assert name in ("list_stacks", "describe_log_groups")
        return SimpleNamespace(paginate=lambda **_: pages)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Aws:
    aws = Aws()
    monkeypatch.setattr(journey, "_client", lambda _service: aws)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    return aws


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The CDK commands and tests that would have run."""
    run: list[str] = []
    monkeypatch.setattr(journey.Cdk, "run", lambda self, command, *_: run.append(f"{command} {self._context}"))
    monkeypatch.setattr(journey, "_test", lambda *_: run.append("test"))
    monkeypatch.setattr(journey, "_wait_until_urls_open", lambda *_: run.append("wait"))
    return run


def main(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> object:
    """Return the exit code, or the message that ends the program."""
    monkeypatch.setattr(sys, "argv", ["journey", *arguments])
    try:
        journey.main()
    except SystemExit as stopped:
        return stopped.code
    return 0


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(
    ("command", "does"),
    [("test", "adds a user and files to a stack"), ("all", "deploys the stack PrivateFilesJourney, and deletes it")],
)
def test_account_and_region_are_named_and_nothing_runs_unconfirmed(
    command: str, does: str, commands: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stopped = main(monkeypatch, command)
    assert stopped == "No terminal to confirm: add --account with the number of the account."
    printed = capsys.readouterr().out
    assert does in printed
    assert f"in the AWS account {ACCOUNT}, Region {REGION}." in printed
    assert main(monkeypatch, command, "--account", "210987654321") == "Not confirmed: nothing was changed."
    assert commands == []


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(("typed", "runs"), [(ACCOUNT, True), (f" {ACCOUNT} ", True), ("", False), ("yes", False)])
def test_person_confirms_by_typing_the_account(
    typed: str, runs: bool, commands: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))

    def answer(text: str) -> str:
        asked.append(text)
        return typed

    monkeypatch.setattr("builtins.input", answer)
    stopped = main(monkeypatch, "test")
    assert (commands, stopped) == ((["test"], 0) if runs else ([], "Not confirmed: nothing was changed."))
    assert len(asked) == 1


@pytest.mark.usefixtures("aws")
def test_stack_is_deployed_rotated_and_deleted(commands: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(monkeypatch, "all", "--account", ACCOUNT, "-c", "rest=on") == 0
    own = "'stack_name=PrivateFilesJourney', 'retain_data=off', 'rest=on'"
    assert commands == [
        f"deploy [{own}, 'signing_keys=1']",
        "test",
        f"deploy [{own}, 'signing_keys=1,2', 'key_settling=0']",
        "wait",
        "test",
        f"deploy [{own}, 'key_settling=0', 'signing_keys=2', 'revoke=1']",
        "test",
        f"destroy [{own}, 'key_settling=0', 'signing_keys=2', 'revoke=1']",
    ]


@pytest.mark.usefixtures("aws")
def test_stack_is_deleted_even_if_a_test_fails(commands: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise journey.Stopped("The tests failed; their output is above.")

    monkeypatch.setattr(journey, "_test", fail)
    assert main(monkeypatch, "all", "--account", ACCOUNT) == "The tests failed; their output is above."
    assert [command.split()[0] for command in commands] == ["deploy", "destroy"]


@pytest.mark.usefixtures("aws", "commands")
def test_failed_test_and_stack_that_is_left_are_both_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def test(*_: object) -> None:
        raise journey.Stopped("The tests failed; their output is above.")

    def run(_cdk: object, command: str, *_: str) -> None:
        if command == "destroy":
            raise journey.Stopped("No network.")

    monkeypatch.setattr(journey, "_test", test)
    monkeypatch.setattr(journey.Cdk, "run", run)
    expected = "The tests failed; their output is above. No network. Delete the stack Mine by hand."
    assert main(monkeypatch, "all", "--account", ACCOUNT, "--stack", "Mine") == expected


@pytest.mark.parametrize("status", ["CREATE_COMPLETE", "DELETE_FAILED", "REVIEW_IN_PROGRESS"])
def test_stack_that_exists_is_left_alone(
    status: str, aws: Aws, commands: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.stacks = [{"StackName": "Mine", "StackStatus": status}]
    stopped = main(monkeypatch, "all", "--account", ACCOUNT, "--stack", "Mine")
    assert (stopped, commands) == ("The stack Mine exists: choose another name with --stack.", [])


def test_without_a_region_nothing_runs(aws: Aws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    assert aws.stacks == []
    assert main(monkeypatch, "all") == "There is no Region: set AWS_DEFAULT_REGION."
