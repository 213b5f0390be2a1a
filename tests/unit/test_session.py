"""`login`, and the session that the other commands use, against a server that responds as Cognito does."""

import dataclasses
import json
import stat
import time
from pathlib import Path
from typing import Any

import pytest

import private_files
from private_files import session
from private_files.failures import SignInRefused
from private_files.outputs import Outputs
from private_files.settings import DEFAULT_OUTPUTS
from private_files.tokens import Tokens
from tests.command_line import FIRST_TIME, PASSWORD, TOKEN, Server, Terminal, server, terminal, with_users

pytestmark = pytest.mark.slow  # every test starts the command line, a process of its own

__all__ = ["server", "terminal", "with_users"]

TOKENS = {"AccessToken": TOKEN, "RefreshToken": "secret-refresh", "ExpiresIn": 3600}
ENDED = (400, {"__type": "NotAuthorizedException", "message": "Refresh Token has expired."})


@pytest.fixture
def cache(with_users: Terminal, server: Server, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of the sessions. There is no password, unless a test sets it."""
    outputs = {name: value for name, value in server.outputs().items() if not name.startswith("Demo")}
    with_users.write(outputs)
    server.sign_in = [(200, {"AuthenticationResult": TOKENS})]
    folder = with_users.directory / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder / "private-files"


def log_in(terminal: Terminal, **more: str) -> tuple[int, str, str]:
    named = {"PRIVATE_FILES_OUTPUTS": DEFAULT_OUTPUTS}
    return terminal.run("login", "--username", "me@example.com", PRIVATE_FILES_PASSWORD=PASSWORD, **named, **more)


def session_file(cache: Path) -> Path:
    [file] = cache.rglob("*.json")
    return file


def expire(cache: Path) -> None:
    file = session_file(cache)
    file.write_text(json.dumps(json.loads(file.read_text()) | {"expires": time.time() + 30}))


def test_session_is_used_by_the_commands_that_follow(with_users: Terminal, server: Server, cache: Path) -> None:
    assert log_in(with_users) == (0, "Signed in as me@example.com.\n", "")
    sign_ins = len(server.sign_ins)
    assert with_users.run("files") == (0, "a b.txt\nété.jpg\n", "")
    assert server.requests[0].headers["authorization"] == TOKEN
    assert len(server.sign_ins) == sign_ins
    assert not list(cache.rglob("tmp*"))


def test_nobody_else_can_read_a_session(with_users: Terminal, cache: Path) -> None:
    log_in(with_users)
    file = session_file(cache)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in (file.parent, cache)} == {0o700}


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_session_that_others_can_read_is_refused(with_users: Terminal, cache: Path, mode: int) -> None:
    log_in(with_users)
    session_file(cache).chmod(mode)
    code, _, err = with_users.run("files")
    assert (code, err.count("\n")) == (2, 1)
    assert "chmod 600" in err


def test_token_that_is_about_to_expire_is_renewed_once(with_users: Terminal, server: Server, cache: Path) -> None:
    log_in(with_users)
    expire(cache)
    server.sign_in = [(200, {"AuthenticationResult": {"AccessToken": "other.secret.access.token", "ExpiresIn": 3600}})]
    assert with_users.run("files")[0] == 0
    assert server.requests[-1].headers["authorization"] == "other.secret.access.token"
    assert server.sign_ins[-1].json["AuthParameters"] == {"REFRESH_TOKEN": "secret-refresh"}
    sign_ins = len(server.sign_ins)
    assert with_users.run("files")[0] == 0
    assert len(server.sign_ins) == sign_ins


def test_session_that_has_ended_names_the_command_to_sign_in(with_users: Terminal, server: Server, cache: Path) -> None:
    log_in(with_users)
    expire(cache)
    server.sign_in = [ENDED]
    code, _, err = with_users.run("files")
    assert (code, err.count("\n")) == (3, 1)
    assert err.endswith("Sign in again: private-files login\n")


@pytest.mark.parametrize(("status", "kind"), [(400, "TooManyRequestsException"), (500, "InternalErrorException")])
def test_busy_cognito_has_not_ended_the_session(
    with_users: Terminal, server: Server, cache: Path, status: int, kind: str
) -> None:
    log_in(with_users)
    expire(cache)
    server.sign_in = [(status, {"__type": kind, "message": "Rate exceeded."})] * 2
    code, _, err = with_users.run("files")
    assert (code, err.count("\n"), "has ended" in err) == (4, 1, False)
    assert kind in err
    server.sign_in = [(200, {"AuthenticationResult": TOKENS})]
    assert with_users.run("files")[0] == 0


def test_token_that_cannot_be_saved_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Renewing:
        def __init__(self, _: Outputs) -> None:
            pass

        def renew(self, refresh_token: str) -> Tokens:
            return Tokens("new", time.time() + 3600, refresh_token)

    monkeypatch.setattr("private_files.cognito.Cognito", Renewing)
    (tmp_path / "full").touch()
    old = session.Session(tmp_path / "full" / "stack" / "me.json", "me", Tokens("old", 0, "refresh"))
    assert old.access_token(Outputs()) == "new"


def test_command_that_runs_makes_no_request_after_the_user_has_signed_out(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    outputs = Outputs.from_json(server.outputs(DemoUser="", DemoPassword=""))
    signed_in = session.new(outputs, "me@example.com", Tokens("access", time.time() + 3600, "refresh"))
    session.save(signed_in)
    api = private_files.connect(**{name: value for name, value in dataclasses.asdict(outputs).items() if value})
    assert api.names()
    signed_in.file.unlink()
    with pytest.raises(SignInRefused, match=r"^me@example.com has signed out[.] Sign in again: private-files login$"):
        api.names()
    assert len(server.requests) == 1


@pytest.mark.usefixtures("cache")
def test_session_is_used_without_importing_what_is_slow(with_users: Terminal) -> None:
    log_in(with_users)
    code, _, imported = with_users.run("files", PYTHONPROFILEIMPORTTIME="1")
    assert (code, " urllib3\n" in imported) == (0, True)
    assert [name for name in ("gql", "graphql", "aiohttp", "boto3", "botocore") if f" {name}\n" in imported] == []


@pytest.mark.usefixtures("cache")
def test_token_is_not_sent_to_another_api(with_users: Terminal, server: Server) -> None:
    log_in(with_users)
    other = ["--outputs", ".local/outputs.json", "--graphql-url", f"{server.url}/other", "--username", "me@example.com"]
    code, _, err = with_users.run("files", *other)
    assert (code, server.requests) == (3, [])
    assert "PRIVATE_FILES_PASSWORD" in err


def test_logout_revokes_and_deletes_the_tokens(with_users: Terminal, server: Server, cache: Path) -> None:
    log_in(with_users)
    server.sign_in = [(200, {})]
    assert with_users.run("logout") == (0, "Signed out me@example.com.\n", "")
    assert server.sign_ins[-1].json == {"Token": "secret-refresh", "ClientId": "client1"}
    assert not list(cache.rglob("*.json"))
    assert with_users.run("logout") == (0, "No user was signed in.\n", "")


def test_first_sign_in_reads_the_new_password_from_the_environment(
    with_users: Terminal, server: Server, cache: Path
) -> None:
    signed_in: Any = (200, {"AuthenticationResult": TOKENS})
    server.sign_in = [FIRST_TIME, signed_in]
    assert log_in(with_users, PRIVATE_FILES_NEW_PASSWORD="N3w-secret!")[0] == 0
    assert server.sign_ins[-1].json["ChallengeResponses"]["NEW_PASSWORD"] == "N3w-secret!"
    assert session_file(cache)


def test_code_of_a_second_factor_is_read_from_standard_input(
    with_users: Terminal, server: Server, cache: Path, tmp_path: Path
) -> None:
    server.sign_in = [(200, {"ChallengeName": "SOFTWARE_TOKEN_MFA", "Session": "s" * 20}), *server.sign_in]
    (tmp_path / "code").write_text("123456\n")
    variables = {"PRIVATE_FILES_OUTPUTS": DEFAULT_OUTPUTS, "PRIVATE_FILES_PASSWORD": PASSWORD}
    arguments = ("login", "--username", "me@example.com", "--code", "-")
    with (
        (tmp_path / "code").open() as code,
        with_users.start(*arguments, variables=variables, stdin=code.fileno()) as process,
    ):
        assert process.communicate(timeout=60) == ("Signed in as me@example.com.\n", "")
    assert server.sign_ins[-1].json["ChallengeResponses"]["SOFTWARE_TOKEN_MFA_CODE"] == "123456"
    assert session_file(cache)


@pytest.mark.usefixtures("cache")
def test_second_factor_without_a_terminal_names_the_option(with_users: Terminal, server: Server) -> None:
    server.sign_in = [(200, {"ChallengeName": "SOFTWARE_TOKEN_MFA", "Session": "s" * 20})]
    code, out, err = log_in(with_users)
    assert (code, out, err.count("\n")) == (3, "", 1)
    assert "--code" in err


def test_password_is_reset_with_the_code_that_was_sent(with_users: Terminal, server: Server, cache: Path) -> None:
    named = {"PRIVATE_FILES_OUTPUTS": DEFAULT_OUTPUTS, "PRIVATE_FILES_NEW_PASSWORD": PASSWORD}
    reset = ("reset-password", "--username", "me@example.com")
    server.sign_in = [(200, {"CodeDeliveryDetails": {"Destination": "m***@e***"}})]
    code, out, err = with_users.run(*reset, **named)
    assert (code, out) == (3, "")
    assert "Code sent to m***@e***" in err and "--code" in err
    server.sign_in = [(200, {}), (200, {"AuthenticationResult": TOKENS})]
    assert with_users.run(*reset, "--code", "123456", **named) == (0, "Signed in as me@example.com.\n", "")
    assert session_file(cache)


@pytest.mark.usefixtures("cache")
def test_refused_sign_in_after_a_reset_says_that_the_password_is_set(with_users: Terminal, server: Server) -> None:
    named = {"PRIVATE_FILES_OUTPUTS": DEFAULT_OUTPUTS, "PRIVATE_FILES_NEW_PASSWORD": PASSWORD}
    server.sign_in = [(200, {}), (200, {"ChallengeName": "SOFTWARE_TOKEN_MFA", "Session": "s" * 20})]
    code, _, err = with_users.run("reset-password", "--username", "me@example.com", "--code", "123456", **named)
    assert (code, err.count("\n")) == (3, 1)
    assert err.startswith("The new password is set, but you are not signed in. ")
