"""A Cognito for one user that is as strict as AWS documents: sessions and codes are used once, secrets are compared.

https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_RespondToAuthChallenge.html
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

USER, SUB = "ann@example.com", "5b1c0c6e-0000-4000-8000-000000000001"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXPJBSW"
MASKED = "a***@e***"
# A challenge as Cognito sends it; nothing checks the proof that the page returns.
PROVE = {
    "ChallengeName": "PASSWORD_VERIFIER",
    "ChallengeParameters": {
        "SRP_B": "ab" * 384, "SALT": "cd" * 16, "SECRET_BLOCK": base64.b64encode(b"block").decode(),
        "USERNAME": SUB, "USER_ID_FOR_SRP": SUB,
    },
}  # fmt: skip
INVALID_SESSION = "Invalid session for the user, session can only be used once."
CODES = {"SOFTWARE_TOKEN_MFA": "SOFTWARE_TOKEN_MFA_CODE", "SMS_MFA": "SMS_MFA_CODE", "EMAIL_OTP": "EMAIL_OTP_CODE"}


Operation = Callable[[dict[str, Any]], dict[str, Any]]


class Refused(Exception):
    """An exception of Cognito: its name and message."""


def refused(name: str, message: str = "…", status: int = 400) -> dict[str, Any]:
    """Return an exception of Cognito, as arguments of `route.fulfill`."""
    return {"status": status, "headers": {"x-amzn-errortype": name}, "json": {"__type": name, "message": message}}


def challenge(name: str, session: str = "s", **parameters: str) -> dict[str, Any]:
    """Return a challenge of Cognito, as arguments of `route.fulfill`."""
    return {"json": {"ChallengeName": name, "Session": session, "ChallengeParameters": parameters}}


def token(use: str, expires: float = 4_000_000_000) -> str:
    """Return an unsigned token of the user."""
    claims = {"sub": SUB, "username": SUB, "token_use": use, "exp": int(expires), "iat": 1_000_000_000}
    parts = (b"{}", json.dumps(claims).encode(), b"s")
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def totp(secret: str, at: float | None = None) -> str:
    """Return the code that an authenticator app shows (RFC 6238)."""
    counter = struct.pack(">Q", int(time.time() if at is None else at) // 30)
    digest = hmac.digest(base64.b32decode(secret + "=" * (-len(secret) % 8)), counter, hashlib.sha1)
    start = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[start : start + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


@dataclass
class StrictCognito:
    """Responds to the page. `challenges` are the names of those that follow the password, in order."""

    challenges: list[str] = field(default_factory=list)
    factors: tuple[str, ...] = ("SOFTWARE_TOKEN_MFA",)  # those that the user may set up or choose
    missing: tuple[str, ...] = ()  # attributes that the pool requires
    code: str = "123456"  # the code that was sent last
    reset_required: bool = False
    # What the page sent: the operation and its body.
    received: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    _sessions: int = 0
    _left: list[str] = field(default_factory=list)
    _used: set[str] = field(default_factory=set)

    def operations(self) -> dict[str, Any]:
        """Return the responses for `StandIn.cognito`."""

        return {
            name: partial(self._respond, name, operation)
            for name, operation in {
                "InitiateAuth": self._initiate_auth,
                "RespondToAuthChallenge": self._respond_to_auth_challenge,
                "AssociateSoftwareToken": self._associate_software_token,
                "VerifySoftwareToken": self._verify_software_token,
                "ForgotPassword": self._forgot_password,
                "ConfirmForgotPassword": self._confirm_forgot_password,
            }.items()
        }

    def _respond(self, name: str, operation: Operation, body: dict[str, Any]) -> dict[str, Any]:
        self.received.append((name, body))
        try:
            return operation(body)
        except Refused as error:
            return refused(*error.args)

    def sent(self, operation: str) -> list[dict[str, Any]]:
        """Return the bodies that the page sent for an operation."""
        return [body for name, body in self.received if name == operation]

    def _initiate_auth(self, _body: Any) -> dict[str, Any]:
        return {"json": PROVE}

    def _respond_to_auth_challenge(self, body: dict[str, Any]) -> dict[str, Any]:
        name, responses = body["ChallengeName"], body["ChallengeResponses"]
        if name == "PASSWORD_VERIFIER":
            if self.reset_required:
                raise Refused("PasswordResetRequiredException", "Password reset required for the user")
            self._left = list(self.challenges)
            return self._next()
        self._check_session(body["Session"])
        assert self._left[0] == name
        if name == "NEW_PASSWORD_REQUIRED":
            self._check_password(responses["NEW_PASSWORD"])
            if not set(self.missing) <= set(responses):
                raise Refused("InvalidParameterException", "Invalid attributes given, name is missing")
        if name == "MFA_SETUP":
            assert self._used, "the token was not verified"
        if name in CODES:
            self._check_code(responses[CODES[name]], by_app=name == "SOFTWARE_TOKEN_MFA")
        self._left.pop(0)
        if name == "SELECT_MFA_TYPE":
            self._left.insert(0, responses["ANSWER"])
        return self._next()

    def _associate_software_token(self, body: dict[str, Any]) -> dict[str, Any]:
        self._check_session(body["Session"])
        return {"json": {"SecretCode": SECRET, "Session": self._new_session()}}

    def _verify_software_token(self, body: dict[str, Any]) -> dict[str, Any]:
        self._check_session(body["Session"])
        try:
            self._check_code(body["UserCode"], by_app=True)
        except Refused:
            message = "Code mismatch and fail enable Software Token MFA"
            raise Refused("EnableSoftwareTokenMFAException", message) from None
        return {"json": {"Status": "SUCCESS", "Session": self._new_session()}}

    def _forgot_password(self, _body: Any) -> dict[str, Any]:
        self.code = f"{int(self.code) + 1}"
        details = {"AttributeName": "email", "DeliveryMedium": "EMAIL", "Destination": MASKED}
        return {"json": {"CodeDeliveryDetails": details}}

    def _confirm_forgot_password(self, body: dict[str, Any]) -> dict[str, Any]:
        if body["ConfirmationCode"] in self._used:
            raise Refused("ExpiredCodeException", "Invalid code provided, please request a code again.")
        if body["ConfirmationCode"] != self.code:
            raise Refused("CodeMismatchException", "Invalid verification code provided, please try again.")
        self._check_password(body["Password"])
        self._used.add(self.code)
        self.reset_required = False
        return {"json": {}}

    def _check_session(self, session: str) -> None:
        if session != f"session {self._sessions}":
            raise Refused("NotAuthorizedException", INVALID_SESSION)

    def _check_password(self, password: str) -> None:
        if len(password) < 12:
            message = "Password did not conform with policy: Password not long enough"
            raise Refused("InvalidPasswordException", message)

    def _check_code(self, code: str, *, by_app: bool) -> None:
        if by_app and code in self._used:
            raise Refused("ExpiredCodeException", "Your software token has already been used once.")
        now = time.time()
        if code not in ([totp(SECRET, now + step) for step in (-30, 0, 30)] if by_app else [self.code]):
            raise Refused("CodeMismatchException", "Invalid code received for user")
        self._used.add(code)

    def _next(self) -> dict[str, Any]:
        if not self._left:
            tokens = {"AccessToken": token("access"), "IdToken": token("id"), "RefreshToken": "r", "ExpiresIn": 3600}
            return {"json": {"AuthenticationResult": {**tokens, "TokenType": "Bearer"}, "ChallengeParameters": {}}}
        name, factors = self._left[0], json.dumps(self.factors)
        parameters = {
            "NEW_PASSWORD_REQUIRED": {"requiredAttributes": json.dumps(self.missing), "userAttributes": "{}"},
            "MFA_SETUP": {"MFAS_CAN_SETUP": factors},
            "SELECT_MFA_TYPE": {"MFAS_CAN_CHOOSE": factors},
            "SMS_MFA": {"CODE_DELIVERY_DELIVERY_MEDIUM": "SMS", "CODE_DELIVERY_DESTINATION": "+*******0199"},
            "EMAIL_OTP": {"CODE_DELIVERY_DELIVERY_MEDIUM": "EMAIL", "CODE_DELIVERY_DESTINATION": MASKED},
        }
        return challenge(name, self._new_session(), **parameters.get(name, {}))

    def _new_session(self) -> str:
        self._sessions += 1
        return f"session {self._sessions}"
