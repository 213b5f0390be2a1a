"""Cognito patch: codes for forgotten passwords are random, expire, can be guessed five times, and are in a file.

ministack always makes the same code, which works any time, and sends one to users who cannot reset their password.
https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_ForgotPassword.html
"""

from __future__ import annotations

import secrets
import time
from typing import Any

from ministack.services import cognito

from local.embedded_aws import mail, upstream

Response = tuple[int, dict[str, str], bytes]
_SECONDS = 3600  # https://docs.aws.amazon.com/cognito/latest/developerguide/limits.html
_GUESSES = 5
_CODES_AN_HOUR = 5


def apply() -> None:
    send = upstream.original(cognito, "_send_verification_email", "bceed599b45c")
    forgot = upstream.original(cognito, "_forgot_password", "2c3b97e277d5")
    upstream.original(cognito, "_admin_reset_user_password", "98829bff4ce6")
    check = upstream.original(cognito, "_confirmation_code_error", "8b04e994a0c4")

    def with_random_code(pool: Any, username: str, attributes: Any, code: str, attribute_name: str = "email") -> Any:
        user, _ = cognito._resolve_user(pool, username)
        if user and attribute_name == "password":
            code = f"{secrets.randbelow(10**6):06d}"
            user |= {"_reset_code": code, "_reset_until": time.time() + _SECONDS, "_reset_guesses": 0}
            mail.deliver(str(attributes.get("email")), f"password reset code: {code}")
        return send(pool, username, attributes, code, attribute_name)

    def if_possible(data: dict[str, Any]) -> Response:
        pool, _ = cognito._pool_for_client(data.get("ClientId"))
        user, _ = cognito._resolve_user(pool, data.get("Username")) if pool else (None, None)
        return (_cannot_reset(user) if user else None) or forgot(data)

    def within_limits(action: str, data: dict[str, Any]) -> Response | None:
        pool, _ = cognito._pool_for_client(data.get("ClientId"))
        user, _ = cognito._resolve_user(pool, data.get("Username")) if pool else (None, None)
        if action == "ConfirmForgotPassword" and user:
            user["_reset_guesses"] = user.get("_reset_guesses", 0) + 1
            if user["_reset_guesses"] > _GUESSES:
                return _too_many()
            if time.time() > user.get("_reset_until", 0):
                user.pop("_reset_code", None)
        error: Response | None = check(action, data)
        return error

    cognito._send_verification_email = with_random_code
    cognito._forgot_password = if_possible
    cognito._confirmation_code_error = within_limits


def _cannot_reset(user: Any) -> Response | None:
    attributes = cognito._attr_list_to_dict(user.get("Attributes", []))
    if not user.get("Enabled", True):
        return _refused("NotAuthorizedException", "User is disabled.")
    if user.get("UserStatus") == "FORCE_CHANGE_PASSWORD":
        return _refused("NotAuthorizedException", "User password cannot be reset in the current state.")
    if str(attributes.get("email_verified")).lower() != "true":
        message = "Cannot reset password for the user as there is no registered/verified email or phone_number"
        return _refused("InvalidParameterException", message)
    now = time.time()
    user["_reset_requests"] = [at for at in user.get("_reset_requests", []) if at > now - 3600]
    if len(user["_reset_requests"]) >= _CODES_AN_HOUR:
        return _too_many()
    user["_reset_requests"].append(now)
    return None


def _too_many() -> Response:
    return _refused("LimitExceededException", "Attempt limit exceeded, please try after some time.")


def _refused(name: str, message: str) -> Response:
    response: Response = cognito.error_response_json(name, message, 400)
    return response
