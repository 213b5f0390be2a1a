"""The steps that Cognito demands after the password: a new password, a code, or setting up an authenticator app.

https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_RespondToAuthChallenge.html
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from private_files import authenticator, prompts
from private_files.cognito_errors import sentence
from private_files.failures import SignInRefused

# The name of each code in the response to the challenge.
_CODES = {
    "SOFTWARE_TOKEN_MFA": "SOFTWARE_TOKEN_MFA_CODE",
    "SMS_MFA": "SMS_MFA_CODE",
    "EMAIL_OTP": "EMAIL_OTP_CODE",
}
_ATTEMPTS = 3
_MOST_STEPS = 8  # Cognito demands at most four
# Cognito keeps the session after these, so that the user can type again.
_RETRIED = {
    "CodeMismatchException",
    "EnableSoftwareTokenMFAException",
    "ExpiredCodeException",
    "InvalidPasswordException",
    "PasswordHistoryPolicyViolationException",
}
_GIVE_CODE = "Give it with --code, or --code - for standard input."


@dataclass
class Challenges:
    """Responds to the challenges of one sign-in. `new_password` and `code` are used once; the user types the rest."""

    api: Any
    client_id: str
    username: str  # for the user
    user_id: str  # for Cognito
    new_password: str = ""
    code: str = ""

    def finish(self, response: Any) -> Any:
        """Return Cognito's response with the tokens. Raises SignInRefused, or what botocore raises."""
        for _ in range(_MOST_STEPS):
            if "AuthenticationResult" in response:
                return response
            response = self._step(str(response["ChallengeName"]), response)
        raise SignInRefused("Cognito demands one step after another. An administrator must check the user pool.")

    def _step(self, name: str, response: Any) -> Any:
        parameters = response.get("ChallengeParameters") or {}

        def respond(session: str = "", **responses: str) -> Any:
            return self.api.respond_to_auth_challenge(
                ClientId=self.client_id,
                ChallengeName=name,
                Session=session or response["Session"],
                ChallengeResponses={"USERNAME": self.user_id, **responses},
            )

        match name:
            case "NEW_PASSWORD_REQUIRED":
                attributes = _required_attributes(parameters)
                given, self.new_password = self.new_password, ""
                return attempt(
                    lambda password: respond(NEW_PASSWORD=password, **attributes),
                    given,
                    lambda: prompts.new_password("This is the first sign-in."),
                )
            case "SOFTWARE_TOKEN_MFA" | "SMS_MFA" | "EMAIL_OTP":
                given, self.code = self.code, ""
                return attempt(
                    lambda code: respond(**{_CODES[name]: code}), given, lambda: _code(name, parameters), digits
                )
            case "SELECT_MFA_TYPE":
                return respond(ANSWER=_first(_CODES, parameters, "MFAS_CAN_CHOOSE"))
            case "MFA_SETUP":
                _first(("SOFTWARE_TOKEN_MFA",), parameters, "MFAS_CAN_SETUP")
                given, self.code = self.code, ""
                session = set_up_authenticator(self.api, self.username, given, Session=response["Session"])
                return respond(session)
        raise _unknown(name)


def set_up_authenticator(api: Any, username: str, code: str, **caller: str) -> str:
    """Set up an authenticator app for a caller, and return the session that goes on, if there was one.

    `caller` is `Session` or `AccessToken`. Raises SignInRefused, or what botocore raises.
    """
    made = api.associate_software_token(**caller)
    session = {"Session": made["Session"]} if "Session" in caller else caller
    prompts.show_lines(authenticator.instructions(str(made["SecretCode"]), username, sys.stderr.encoding))
    verified = attempt(
        lambda code: api.verify_software_token(UserCode=code, **session),
        code,
        lambda: _code("SOFTWARE_TOKEN_MFA", {}),
        digits,
    )
    return str(verified.get("Session", ""))


def attempt(
    send: Callable[[str], Any], given: str, prompt: Callable[[], str], clean: Callable[[str], str] = str
) -> Any:
    """Return the response to what was given; otherwise to what the user types, who may correct it twice."""
    if given:
        return send(clean(given))
    for attempts_left in reversed(range(_ATTEMPTS)):
        try:
            return send(clean(prompt()))
        except ClientError as error:
            if error.response["Error"]["Code"] not in _RETRIED or not attempts_left:
                raise
            prompts.show(sentence(error))
        except NotDigits as refused:
            if not attempts_left:
                raise
            prompts.show(str(refused))
    raise AssertionError("the last attempt returns or raises")


class NotDigits(SignInRefused):
    """A code contains other characters than digits."""


def digits(code: str) -> str:
    """Return a code without the spaces with which apps and mails group it. Raises NotDigits."""
    compact = "".join(code.split())
    if not re.fullmatch("[0-9]{4,10}", compact):
        raise NotDigits("A code consists of digits only, usually six.")
    return compact


def _code(name: str, parameters: Any) -> str:
    if name == "SOFTWARE_TOKEN_MFA":
        return prompts.line("Code of the authenticator app", _GIVE_CODE)
    to = parameters.get("CODE_DELIVERY_DESTINATION")
    return prompts.line(f"Code sent to {to}" if to else "Code that Cognito sent", _GIVE_CODE)


def _required_attributes(parameters: Any) -> dict[str, str]:
    """Return the attributes that the pool requires of the user, such as `userAttributes.name`, as typed."""
    names = json.loads(parameters.get("requiredAttributes") or "[]")
    instead = "Sign in with private-files login, or on the page."
    found = {}
    for name in names:
        plain = str(name).removeprefix("userAttributes.")
        found[f"userAttributes.{plain}"] = prompts.line(f"Your {plain} (required)", instead)
    return found


def _first(known: Any, parameters: Any, key: str) -> str:
    offered = json.loads(parameters.get(key) or "[]")
    for name in known:
        if name in offered:
            return str(name)
    raise _unknown(" or ".join(map(str, offered)) or key)


def _unknown(name: str) -> SignInRefused:
    return SignInRefused(
        f"This user must also pass {name} to sign in, and this program cannot do that: ask an administrator of the "
        "user pool to turn it off for you, or use AWS credentials with --auth iam."
    )
