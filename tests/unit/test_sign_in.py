"""Sign-ins of the client, against a server that responds as Cognito documents."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from private_files import authenticator, prompts
from private_files.cognito import Cognito
from private_files.failures import SignInRefused, Unreachable
from private_files.outputs import Outputs
from private_files.tokens import Tokens
from tests.command_line import PASSWORD, SIGNED_IN, TOKEN, Server, server

__all__ = ["server"]

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
WRONG_CODE = (400, {"__type": "CodeMismatchException", "message": "Invalid code received for user"})


def challenge(name: str, session: str = "s" * 20, **parameters: str) -> tuple[int, Any]:
    return 200, {"ChallengeName": name, "Session": session, "ChallengeParameters": parameters}


def refusal(kind: str, message: str = "No.") -> tuple[int, Any]:
    return 400, {"__type": kind, "message": message}


@pytest.fixture
def cognito(server: Server) -> Cognito:
    return Cognito(Outputs.from_json(server.outputs()))


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What the user types, in this order, and on the last line of a test nothing is left."""
    lines: list[str] = []
    monkeypatch.setattr(prompts, "line", lambda text, instead: lines.pop(0))  # noqa: ARG005
    monkeypatch.setattr(prompts, "new_password", lambda reason: lines.pop(0))  # noqa: ARG005
    monkeypatch.setattr(prompts, "show_lines", lambda _: None)
    yield lines
    assert lines == []


def responses(server: Server) -> list[dict[str, str]]:
    """The responses to the challenges after the password, without the name of the user, which is the one of SRP."""
    found = [request.json["ChallengeResponses"] for request in server.sign_ins if "ChallengeName" in request.json][1:]
    assert {response.pop("USERNAME") for response in found} <= {"u1"}
    return found


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("SOFTWARE_TOKEN_MFA", "SOFTWARE_TOKEN_MFA_CODE"),
        ("SMS_MFA", "SMS_MFA_CODE"),
        ("EMAIL_OTP", "EMAIL_OTP_CODE"),
    ],
)
def test_code_of_a_second_factor_is_sent(server: Server, cognito: Cognito, name: str, key: str) -> None:
    server.sign_in = [challenge(name), SIGNED_IN]
    assert cognito.sign_in("me", PASSWORD, code="123 456").access == TOKEN
    assert responses(server) == [{key: "123456"}]


def test_wrong_code_can_be_corrected_in_the_same_session(server: Server, cognito: Cognito, typed: list[str]) -> None:
    server.sign_in = [challenge("SOFTWARE_TOKEN_MFA", "first" * 4), WRONG_CODE, SIGNED_IN]
    typed += ["not a code", "000000", "123456"]
    assert cognito.sign_in("me", PASSWORD).access == TOKEN
    assert [request.json["Session"] for request in server.sign_ins[2:]] == ["first" * 4] * 2
    assert [response["SOFTWARE_TOKEN_MFA_CODE"] for response in responses(server)] == ["000000", "123456"]


def test_third_wrong_code_ends_the_sign_in(server: Server, cognito: Cognito, typed: list[str]) -> None:
    server.sign_in = [challenge("SOFTWARE_TOKEN_MFA"), *[WRONG_CODE] * 3]
    typed += ["000001", "000002", "000003"]
    with pytest.raises(SignInRefused, match=r"CodeMismatchException: .*clock of the device"):
        cognito.sign_in("me", PASSWORD)


def test_authenticator_app_is_chosen_among_second_factors(server: Server, cognito: Cognito) -> None:
    offered = json.dumps(["SMS_MFA", "SOFTWARE_TOKEN_MFA"])
    server.sign_in = [
        challenge("SELECT_MFA_TYPE", MFAS_CAN_CHOOSE=offered),
        challenge("SOFTWARE_TOKEN_MFA"),
        SIGNED_IN,
    ]
    assert cognito.sign_in("me", PASSWORD, code="123456").access == TOKEN
    assert responses(server) == [{"ANSWER": "SOFTWARE_TOKEN_MFA"}, {"SOFTWARE_TOKEN_MFA_CODE": "123456"}]


def test_required_authenticator_app_is_set_up(server: Server, cognito: Cognito, typed: list[str]) -> None:
    server.sign_in = [
        challenge("MFA_SETUP", "1" * 20, MFAS_CAN_SETUP='["SOFTWARE_TOKEN_MFA"]'),
        (200, {"SecretCode": SECRET, "Session": "2" * 20}),
        refusal("EnableSoftwareTokenMFAException", "Code mismatch"),
        (200, {"Status": "SUCCESS", "Session": "3" * 20}),
        SIGNED_IN,
    ]
    typed += ["000000", "123456"]
    assert cognito.sign_in("me", PASSWORD).access == TOKEN
    sessions = [request.json.get("Session") for request in server.sign_ins[2:]]
    assert sessions == ["1" * 20, "2" * 20, "2" * 20, "3" * 20]


def test_authenticator_app_is_set_up_with_a_token(server: Server, cognito: Cognito, typed: list[str]) -> None:
    server.sign_in = [(200, {"SecretCode": SECRET}), (200, {"Status": "SUCCESS"}), (200, {})]
    typed += ["123456"]
    cognito.set_up_authenticator("me", Tokens(TOKEN, 0, ""))
    assert [request.json["AccessToken"] for request in server.sign_ins] == [TOKEN] * 3
    assert server.sign_ins[-1].json["SoftwareTokenMfaSettings"] == {"Enabled": True, "PreferredMfa": True}


def test_authenticator_app_gets_the_secret_in_a_uri_of_its_own_format() -> None:
    assert authenticator.uri("JBSWY3DP", "you+me@example.com") == (
        "otpauth://totp/Private%20Files:you%2Bme@example.com?secret=JBSWY3DP&issuer=Private%20Files"
    )


@pytest.mark.parametrize("password", ["  Spaces around 1! ", "Pässwörd-ключ-1😀", "New-Password-1\t"])
def test_passwords_are_sent_exactly_as_typed(server: Server, cognito: Cognito, typed: list[str], password: str) -> None:
    server.sign_in = [challenge("NEW_PASSWORD_REQUIRED", requiredAttributes='["userAttributes.name"]'), SIGNED_IN]
    typed += ["Ann", password]
    cognito.sign_in("me", PASSWORD)
    assert responses(server) == [{"NEW_PASSWORD": password, "userAttributes.name": "Ann"}]
    server.sign_in = [(200, {})]
    cognito.reset_password("me", "123456", password)
    assert server.sign_ins[-1].json["Password"] == password


def test_new_password_that_the_pool_refuses_can_be_corrected(
    server: Server, cognito: Cognito, typed: list[str]
) -> None:
    server.sign_in = [challenge("NEW_PASSWORD_REQUIRED"), refusal("InvalidPasswordException", "Too short"), SIGNED_IN]
    typed += ["short", "Long-Enough-1"]
    assert cognito.sign_in("me", PASSWORD).access == TOKEN


def test_wrong_reset_code_keeps_the_new_password_unset(server: Server, cognito: Cognito) -> None:
    server.sign_in = [refusal("CodeMismatchException", "Invalid verification code provided, please try again.")]
    with pytest.raises(SignInRefused, match="The code is wrong"):
        cognito.reset_password("me", "123456", "New-Password-1")


@pytest.mark.parametrize("code", ["12345a", "１２３４５６", "-", "' OR 1"])
def test_code_that_is_not_digits_is_not_sent(server: Server, cognito: Cognito, code: str) -> None:
    with pytest.raises(SignInRefused, match="digits only"):
        cognito.reset_password("me", code, "New-Password-1")
    assert server.sign_ins == []


@pytest.mark.parametrize("name", ["CUSTOM_CHALLENGE", "DEVICE_SRP_AUTH", "WEB_AUTHN", "MFA_SETUP", "SELECT_MFA_TYPE"])
def test_step_that_this_program_lacks_is_named(server: Server, cognito: Cognito, name: str) -> None:
    server.sign_in = [challenge(name, MFAS_CAN_SETUP='["NEW_KIND"]', MFAS_CAN_CHOOSE='["NEW_KIND"]')]
    with pytest.raises(SignInRefused, match=f"must also pass ({name}|NEW_KIND) to sign in.*administrator"):
        cognito.sign_in("me", PASSWORD)


def test_endless_challenges_end(server: Server, cognito: Cognito) -> None:
    server.sign_in = [challenge("SELECT_MFA_TYPE", MFAS_CAN_CHOOSE='["EMAIL_OTP"]')] * 100
    with pytest.raises(SignInRefused, match="one step after another"):
        cognito.sign_in("me", PASSWORD)


@pytest.mark.parametrize(
    ("kind", "message", "advice"),
    [
        ("PasswordResetRequiredException", "Password reset required for the user", "private-files reset-password"),
        ("NotAuthorizedException", "Incorrect username or password.", "private-files reset-password"),
        ("NotAuthorizedException", "Password attempts exceeded", "Wait 15 minutes"),
        ("NotAuthorizedException", "User is disabled.", "administrator must enable"),
        ("NotAuthorizedException", "Invalid session for the user, session is expired.", "private-files login"),
        ("NotAuthorizedException", "User account has expired, it must be reset by an administrator.", "new invitation"),
        ("UserNotConfirmedException", "User is not confirmed.", "administrator must confirm"),
        ("UserNotFoundException", "User does not exist.", "capital letters can count"),
        ("ExpiredCodeException", "Invalid code provided, please request a code again.", "private-files reset-password"),
        ("ExpiredCodeException", "Your software token has already been used once.", "shows another code"),
    ],
)
def test_dead_end_says_what_the_user_can_do(
    server: Server, cognito: Cognito, kind: str, message: str, advice: str
) -> None:
    server.sign_in = [refusal(kind, message)]
    with pytest.raises(SignInRefused) as refused:
        cognito.sign_in("me", PASSWORD)
    assert str(refused.value).startswith(f"{kind}: {message} ")
    assert advice in str(refused.value)


@pytest.mark.parametrize("kind", ["LimitExceededException", "TooManyRequestsException"])
def test_too_many_attempts_are_no_refusal_of_the_user(server: Server, cognito: Cognito, kind: str) -> None:
    server.sign_in = [refusal(kind, "Attempt limit exceeded, please try after some time.")] * 2
    with pytest.raises(Unreachable, match="again"):
        cognito.send_reset_code("me")


def test_password_with_lone_surrogates_is_a_sentence_without_it(cognito: Cognito) -> None:
    with pytest.raises(SignInRefused, match="not valid UTF-8"):
        cognito.sign_in("me", "Secret\udcff")


@pytest.mark.parametrize(
    "response",
    [
        {"ChallengeName": "SOFTWARE_TOKEN_MFA"},
        {"ChallengeName": "MFA_SETUP", "Session": "s" * 20, "ChallengeParameters": {"MFAS_CAN_SETUP": "["}},
        {"ChallengeName": "NEW_PASSWORD_REQUIRED", "ChallengeParameters": {"requiredAttributes": "["}},
    ],
)
def test_odd_challenge_is_a_sentence(server: Server, cognito: Cognito, response: Any) -> None:
    server.sign_in = [(200, response)]
    with pytest.raises(Unreachable, match="unexpected response"):
        cognito.sign_in("me", PASSWORD, code="123456")
