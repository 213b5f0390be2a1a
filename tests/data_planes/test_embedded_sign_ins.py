"""The emulator's Cognito: authenticator apps, forgotten passwords and e-mail addresses in any case."""

import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from local.embedded_aws import second_factors
from local.embedded_aws.mail import MAIL_VARIABLE
from tests.authenticator_app import totp
from tests.cognito_emulator import call, patch

EMAIL = "Ann@Example.com"
PASSWORD = "Long-Enough-1"
ANOTHER = "Another-Long-1"
RFC_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # "12345678901234567890", appendix B of RFC 6238
RFC_CODES = {59: "94287082", 1111111109: "07081804", 1234567890: "89005924", 2000000000: "69279037"}


@pytest.fixture
def mail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(MAIL_VARIABLE, str(tmp_path / "mail.txt"))
    return tmp_path / "mail.txt"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A clock that the test moves."""
    now = SimpleNamespace(time=1_800_000_000.0)
    monkeypatch.setattr(time, "time", lambda: now.time)
    return now


@pytest.fixture
def pool(clock: SimpleNamespace, mail: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:  # noqa: ARG001
    """A pool with an optional second factor, and Ann with a permanent password."""
    patch(monkeypatch)
    settings = {"UsernameAttributes": ["email"], "UsernameConfiguration": {"CaseSensitive": False}}
    made = call("CreateUserPool", PoolName="p", MfaConfiguration="OPTIONAL", **settings).UserPool["Id"]
    flows = ["ALLOW_USER_PASSWORD_AUTH"]
    client = call("CreateUserPoolClient", UserPoolId=made, ClientName="c", ExplicitAuthFlows=flows).UserPoolClient
    user = {"UserPoolId": made, "Username": EMAIL}
    verified = [{"Name": "email", "Value": EMAIL}, {"Name": "email_verified", "Value": "true"}]
    call("AdminCreateUser", **user, UserAttributes=verified, MessageAction="SUPPRESS")
    call("AdminSetUserPassword", **user, Password=PASSWORD, Permanent=True)
    yield {"UserPoolId": made, "ClientId": client["ClientId"]}
    call("DeleteUserPool", UserPoolId=made)


def sign_in(pool: dict[str, str], password: str = PASSWORD, name: str = EMAIL) -> Any:
    parameters = {"USERNAME": name, "PASSWORD": password}
    return call("InitiateAuth", ClientId=pool["ClientId"], AuthFlow="USER_PASSWORD_AUTH", AuthParameters=parameters)


def respond(pool: dict[str, str], step: str, session: str, **responses: str) -> Any:
    given = {"USERNAME": EMAIL, **responses}
    return call(
        "RespondToAuthChallenge",
        ClientId=pool["ClientId"],
        ChallengeName=step,
        Session=session,
        ChallengeResponses=given,
    )


def send_code(pool: dict[str, str], session: str, code: str) -> Any:
    return respond(pool, "SOFTWARE_TOKEN_MFA", session, SOFTWARE_TOKEN_MFA_CODE=code)


def enable(token: str) -> Any:
    return call("SetUserMFAPreference", AccessToken=token, SoftwareTokenMfaSettings={"Enabled": True})


def set_up(pool: dict[str, str]) -> str:
    """Set an authenticator app up for Ann, and return its secret."""
    token = sign_in(pool).AuthenticationResult["AccessToken"]
    secret = str(call("AssociateSoftwareToken", AccessToken=token).SecretCode)
    assert call("VerifySoftwareToken", AccessToken=token, UserCode=totp(secret)).Status == "SUCCESS"
    assert enable(token).error == ""
    return secret


def last_code(mail: Path) -> str:
    return mail.read_text().split()[-1]


def confirm(pool: dict[str, str], code: str, password: str = ANOTHER) -> Any:
    given = {"ClientId": pool["ClientId"], "Username": EMAIL, "ConfirmationCode": code, "Password": password}
    return call("ConfirmForgotPassword", **given)


def forget(pool: dict[str, str], name: str = EMAIL) -> Any:
    return call("ForgotPassword", ClientId=pool["ClientId"], Username=name)


@pytest.mark.parametrize(("at", "code"), RFC_CODES.items())
def test_codes_are_those_of_rfc_6238(
    clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, at: int, code: str
) -> None:
    monkeypatch.setattr(second_factors, "_used", set())
    clock.time = at
    assert totp(RFC_SECRET, at, digits=8) == code
    assert second_factors.accept(RFC_SECRET, code[2:])


def test_code_is_demanded_once_the_app_is_enabled(pool: dict[str, str], clock: SimpleNamespace) -> None:
    secret = set_up(pool)
    clock.time += 30
    challenge = sign_in(pool)
    assert challenge.ChallengeName == "SOFTWARE_TOKEN_MFA"
    assert send_code(pool, challenge.Session, "000000").error == "CodeMismatchException"
    assert send_code(pool, challenge.Session, totp(secret)).AuthenticationResult["AccessToken"]


def test_code_works_once(pool: dict[str, str], clock: SimpleNamespace) -> None:
    secret = set_up(pool)
    refused = send_code(pool, sign_in(pool).Session, totp(secret))
    assert (refused.error, refused.message) == (
        "ExpiredCodeException",
        "Your software token has already been used once.",
    )
    clock.time += 30
    assert send_code(pool, sign_in(pool).Session, totp(secret)).AuthenticationResult


@pytest.mark.parametrize(("steps", "accepted"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_clock_may_be_one_step_away(
    pool: dict[str, str], clock: SimpleNamespace, steps: int, *, accepted: bool
) -> None:
    secret = set_up(pool)
    clock.time += 300
    response = send_code(pool, sign_in(pool).Session, totp(secret, clock.time + 30 * steps))
    assert (response.error == "") == accepted


def test_second_factor_without_an_app_cannot_be_enabled(pool: dict[str, str]) -> None:
    token = sign_in(pool).AuthenticationResult["AccessToken"]
    assert enable(token).error == "InvalidParameterException"
    user = {"UserPoolId": pool["UserPoolId"], "Username": EMAIL}
    admin = call("AdminSetUserMFAPreference", **user, SoftwareTokenMfaSettings={"Enabled": True})
    assert admin.error == "InvalidParameterException"


@pytest.mark.parametrize("caller", [{}, {"AccessToken": "made-up"}, {"Session": "made-up" * 5}])
def test_secret_is_for_callers_who_sign_in_only(pool: dict[str, str], caller: dict[str, str]) -> None:
    assert pool
    assert call("AssociateSoftwareToken", **caller).error == "NotAuthorizedException"
    assert call("VerifySoftwareToken", UserCode="123456", **caller).error == "NotAuthorizedException"


def require_app(pool: dict[str, str]) -> None:
    config = {"UserPoolId": pool["UserPoolId"], "SoftwareTokenMfaConfiguration": {"Enabled": True}}
    call("SetUserPoolMfaConfig", MfaConfiguration="ON", **config)


def test_required_app_is_set_up_at_the_sign_in(pool: dict[str, str], clock: SimpleNamespace) -> None:
    require_app(pool)
    challenge = sign_in(pool)
    assert challenge.ChallengeName == "MFA_SETUP"
    made = call("AssociateSoftwareToken", Session=challenge.Session)
    assert respond(pool, "MFA_SETUP", made.Session).error == "InvalidParameterException"
    wrong = call("VerifySoftwareToken", Session=made.Session, UserCode="000000")
    assert wrong.error == "EnableSoftwareTokenMFAException"
    verified = call("VerifySoftwareToken", Session=made.Session, UserCode=totp(made.SecretCode))
    assert respond(pool, "MFA_SETUP", verified.Session).AuthenticationResult["AccessToken"]
    clock.time += 30
    again = sign_in(pool)
    assert send_code(pool, again.Session, totp(made.SecretCode)).AuthenticationResult["AccessToken"]


def test_required_app_is_set_up_after_the_first_password(pool: dict[str, str]) -> None:
    require_app(pool)
    call("AdminSetUserPassword", UserPoolId=pool["UserPoolId"], Username=EMAIL, Password=PASSWORD, Permanent=False)
    challenge = sign_in(pool)
    after = respond(pool, challenge.ChallengeName, challenge.Session, NEW_PASSWORD="Another-Long-1")
    assert after.ChallengeName == "MFA_SETUP"
    assert call("AssociateSoftwareToken", Session=after.Session).SecretCode


@pytest.mark.parametrize("name", ["ann@example.com", "ANN@EXAMPLE.COM", "Ann@Example.com"])
def test_email_addresses_sign_in_in_any_case(pool: dict[str, str], name: str) -> None:
    assert sign_in(pool, name=name).AuthenticationResult["AccessToken"]
    assert call("AdminCreateUser", UserPoolId=pool["UserPoolId"], Username=name).error == "UsernameExistsException"


def test_forgotten_password_is_reset_once_with_the_code_in_the_mail(pool: dict[str, str], mail: Path) -> None:
    assert forget(pool, EMAIL.lower()).CodeDeliveryDetails["Destination"] == "A****@E****"
    assert mail.stat().st_mode & 0o077 == 0
    code = last_code(mail)
    assert confirm(pool, f"{(int(code) + 1) % 10**6:06d}").error == "CodeMismatchException"
    assert confirm(pool, code).error == ""
    assert sign_in(pool, "Another-Long-1").AuthenticationResult["AccessToken"]
    assert confirm(pool, code, "Third-Long-1").error == "ExpiredCodeException"


def test_code_for_a_new_password_expires_after_an_hour(
    pool: dict[str, str], mail: Path, clock: SimpleNamespace
) -> None:
    forget(pool)
    clock.time += 3601
    assert confirm(pool, last_code(mail)).error == "ExpiredCodeException"


def test_code_cannot_be_guessed(pool: dict[str, str], mail: Path) -> None:
    forget(pool)
    code = last_code(mail)
    for _ in range(5):
        confirm(pool, "not it")
    assert confirm(pool, code).error == "LimitExceededException"
    assert [forget(pool).error for _ in range(5)] == [""] * 4 + ["LimitExceededException"]


def test_reset_by_an_administrator_is_required_at_the_sign_in(pool: dict[str, str], mail: Path) -> None:
    call("AdminResetUserPassword", UserPoolId=pool["UserPoolId"], Username=EMAIL)
    assert sign_in(pool).error == "PasswordResetRequiredException"
    assert confirm(pool, last_code(mail)).error == ""
    assert sign_in(pool, "Another-Long-1").AuthenticationResult["AccessToken"]


def test_password_of_an_invited_user_cannot_be_reset(pool: dict[str, str]) -> None:
    call("AdminSetUserPassword", UserPoolId=pool["UserPoolId"], Username=EMAIL, Password=PASSWORD, Permanent=False)
    assert forget(pool).error == "NotAuthorizedException"
    call("AdminSetUserPassword", UserPoolId=pool["UserPoolId"], Username=EMAIL, Password=PASSWORD, Permanent=True)
    call("AdminDisableUser", UserPoolId=pool["UserPoolId"], Username=EMAIL)
    assert forget(pool).message == "User is disabled."
