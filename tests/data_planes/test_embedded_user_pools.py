"""The emulator's Cognito: a sign-in step needs the session of the step before."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.cognito_emulator import call, patch

NEW = "Long-Enough-1"
TEMPORARY = "Temporary-1"


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """A client of a pool in which only administrators create users. Ann and Bob have a temporary password."""
    patch(monkeypatch)
    pool = call("CreateUserPool", PoolName="p", AdminCreateUserConfig={"AllowAdminCreateUserOnly": True}).UserPool["Id"]
    flows = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_ADMIN_USER_PASSWORD_AUTH"]
    made = call("CreateUserPoolClient", UserPoolId=pool, ClientName="c", ExplicitAuthFlows=flows).UserPoolClient
    for name in ("ann", "bob"):
        call("AdminCreateUser", UserPoolId=pool, Username=name, TemporaryPassword=TEMPORARY, MessageAction="SUPPRESS")
    yield {"UserPoolId": pool, "ClientId": made["ClientId"]}
    call("DeleteUserPool", UserPoolId=pool)


def sign_in(client: dict[str, str], name: str = "ann", password: str = TEMPORARY) -> Any:
    parameters = {"USERNAME": name, "PASSWORD": password}
    return call("InitiateAuth", ClientId=client["ClientId"], AuthFlow="USER_PASSWORD_AUTH", AuthParameters=parameters)


def respond(client: dict[str, str], step: str, session: str | None, action: str = "", **responses: str) -> Any:
    data = {
        "ChallengeName": step,
        "ChallengeResponses": {"USERNAME": "ann", **responses},
        "ClientId": client["ClientId"],
    }
    data |= {"Session": session} if session is not None else {}
    data |= {"UserPoolId": client["UserPoolId"]} if action else {}
    return call(f"{action}RespondToAuthChallenge", **data)


def test_temporary_password_is_replaced_once_in_its_session(client: dict[str, str]) -> None:
    session = sign_in(client).Session
    assert respond(client, "NEW_PASSWORD_REQUIRED", session, NEW_PASSWORD=NEW).AuthenticationResult["AccessToken"]
    again = respond(client, "NEW_PASSWORD_REQUIRED", session, NEW_PASSWORD="Another-Long-1")
    assert again.error == "NotAuthorizedException"
    assert sign_in(client, password=NEW).AuthenticationResult["AccessToken"]


@pytest.mark.parametrize("action", ["", "Admin"])
@pytest.mark.parametrize("step", ["NEW_PASSWORD_REQUIRED", "SOFTWARE_TOKEN_MFA", "SMS_MFA", "MFA_SETUP"])
@pytest.mark.parametrize("session", [None, "", "made-up" * 5])
def test_step_without_its_session_is_refused(
    client: dict[str, str], step: str, session: str | None, action: str
) -> None:
    refused = respond(client, step, session, action, NEW_PASSWORD=NEW, SOFTWARE_TOKEN_MFA_CODE="123456")
    assert (refused.error, refused.message) == ("NotAuthorizedException", "Invalid session for the user.")


@pytest.mark.parametrize("step", ["SOFTWARE_TOKEN_MFA", "MFA_SETUP"])
def test_session_of_another_step_is_refused(client: dict[str, str], step: str) -> None:
    assert respond(client, step, sign_in(client).Session).error == "NotAuthorizedException"


def test_session_of_another_user_is_refused(client: dict[str, str]) -> None:
    session = sign_in(client, "bob").Session
    assert respond(client, "NEW_PASSWORD_REQUIRED", session, NEW_PASSWORD=NEW).error == "NotAuthorizedException"


@pytest.mark.parametrize("password", ["", "short", "long-enough-but-lower"])
def test_new_password_must_fit_the_policy(client: dict[str, str], password: str) -> None:
    refused = respond(client, "NEW_PASSWORD_REQUIRED", sign_in(client).Session, NEW_PASSWORD=password)
    assert refused.error == "InvalidPasswordException"
    assert sign_in(client).ChallengeName == "NEW_PASSWORD_REQUIRED"


def test_nobody_signs_up_if_only_administrators_create_users(client: dict[str, str]) -> None:
    refused = call("SignUp", ClientId=client["ClientId"], Username="eve", Password=NEW)
    assert refused.error == "NotAuthorizedException"
