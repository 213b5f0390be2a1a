"""Users of the running stack set up an authenticator app, reset a password and come back, on the command line."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.authenticator_app import App
from tests.command_line import Terminal, terminal
from tests.running_stack import Stack

__all__ = ["terminal"]

FIRST, NEW = "Temporary-Word-1", "  Spaces-stay-2 "


def variables(stack: Stack, terminal: Terminal, password: str, new_password: str = "") -> dict[str, str]:
    terminal.write(stack.outputs.to_json(), "outputs.json")
    cache = str(terminal.directory / "cache")
    secret = {"PRIVATE_FILES_PASSWORD": password, "PRIVATE_FILES_NEW_PASSWORD": new_password}
    return {"PRIVATE_FILES_OUTPUTS": "outputs.json", "XDG_CACHE_HOME": cache, **secret}


def set_up(terminal: Terminal, user: str, **given: str) -> App:
    """Sign the user in on a terminal, with a first password of their own, and add an authenticator app."""
    keyboard, stdin = os.openpty()
    arguments = ("login", "--set-up-authenticator", "--username", user)
    with terminal.start(*arguments, variables=given, stdin=stdin) as process, os.fdopen(keyboard, "wb", 0) as typed:
        os.close(stdin)
        assert process.stdout and process.stderr
        shown = ""
        while not shown.endswith("Code of the authenticator app: "):
            letter = process.stderr.read(1)
            assert letter, shown
            shown += letter
        found = re.search(r"Secret: (\w+)", shown)
        assert found, shown
        app = App(found[1])
        typed.write(f"{app.code()}\n".encode())
        assert process.stdout.read() == f"Signed in as {user}.\n", process.stderr.read()
    return app


@pytest.mark.parametrize("user", ["ann@example.com", "bob@example.com"])
def test_user_with_an_authenticator_app_resets_the_password_and_comes_back(
    stack: Stack, terminal: Terminal, user: str
) -> None:
    if not stack.directory:
        pytest.fail("Run this test on this machine: it reads the e-mails.")
    attributes = [{"Name": "email", "Value": user}, {"Name": "email_verified", "Value": "true"}]
    pool = {"UserPoolId": stack.outputs.user_pool_id, "Username": user}
    stack.client("cognito-idp").admin_create_user(
        **pool, TemporaryPassword=FIRST, MessageAction="SUPPRESS", UserAttributes=attributes
    )
    app = set_up(terminal, user, **variables(stack, terminal, FIRST, "Chosen-Word-1"))

    reset = ("reset-password", "--username", user)
    given = variables(stack, terminal, "", NEW)
    code, _, err = terminal.run(*reset, **given)
    assert (code, "--code" in err) == (3, True)
    sent = mailed(stack.directory / "mail.txt", user)
    code, _, err = terminal.run(*reset, "--code", sent, **given)
    assert (code, err.startswith("The new password is set")) == (3, True)

    given = variables(stack, terminal, NEW)
    login = ("login", "--username", user.upper())
    assert terminal.run(*login, "--code", app.code(), **given) == (0, f"Signed in as {user.upper()}.\n", "")
    assert "letter.pdf" in terminal.run("files", "--username", user.upper(), **given)[1]


def mailed(mail: Path, user: str) -> str:
    """The last code that was sent to the user."""
    return [line.split()[-1] for line in mail.read_text().splitlines() if user in line][-1]
