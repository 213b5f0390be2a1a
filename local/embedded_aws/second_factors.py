"""Cognito patch: authenticator apps (TOTP) are set up by whoever signs in only, and no code works twice.

ministack gives a secret to any caller, skips the set-up that a pool requires, turns the second factor on for users
without an app, of whom it accepts any code, and accepts a code again.
https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-mfa-totp.html
"""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Callable
from typing import Any

from ministack.services import cognito

from local.embedded_aws import upstream

Response = tuple[int, dict[str, str], bytes]
_STEPS = (-1, 0, 1)  # of 30 seconds
_used: set[tuple[str, int]] = set()  # secrets, and the steps whose codes were accepted


def apply() -> None:
    upstream.original(cognito, "_totp_code", "eec2e37ae49e")
    upstream.original(cognito, "_totp_matches", "3c9ab2f8aedd")
    upstream.original(cognito, "_associate_software_token", "266bef59f661")
    upstream.original(cognito, "_verify_software_token", "dfdccbaa6151")
    challenge = upstream.original(cognito, "_mfa_challenge_for_user", "14b1bbda71fe")
    preference = upstream.original(cognito, "_set_user_mfa_preference", "81ac37e86ff0")
    admin_preference = upstream.original(cognito, "_admin_set_user_mfa_preference", "23da41ca4ba8")

    def with_set_up(pool: Any, user: Any, *more: Any) -> Any:
        if pool.get("MfaConfiguration") == "ON" and "SOFTWARE_TOKEN_MFA" not in user.get("_mfa_enabled", []):
            parameters = {"MFAS_CAN_SETUP": json.dumps(["SOFTWARE_TOKEN_MFA"])}
            return {"ChallengeName": "MFA_SETUP", "Session": _token(), "ChallengeParameters": parameters}
        return challenge(pool, user, *more)

    cognito._mfa_challenge_for_user = with_set_up
    cognito._totp_matches = accept
    cognito._associate_software_token = _associate
    cognito._verify_software_token = _verify
    cognito._set_user_mfa_preference = _with_app(preference, _caller)
    cognito._admin_set_user_mfa_preference = _with_app(
        admin_preference,
        lambda data: cognito._resolve_user(cognito._user_pools[data["UserPoolId"]], data["Username"])[0],
    )


def accept(secret: str, code: Any) -> bool:
    """Whether this is a code of the secret, now or one step away, that was not accepted before."""
    step = _step(secret, code)
    if step is None or (secret, step) in _used:
        return False
    _used.difference_update({entry for entry in _used if entry[1] < step - 10})
    _used.add((secret, step))
    return True


def is_used(secret: str, code: Any) -> bool:
    """Whether this code was accepted before."""
    return (secret, _step(secret, code)) in _used


def enroll(user: Any, secret: str) -> None:
    """Make the app with this secret the second factor of the user."""
    user["_totp_secret"] = secret
    user["_mfa_enabled"] = sorted({*user.get("_mfa_enabled", []), "SOFTWARE_TOKEN_MFA"})
    user["_preferred_mfa"] = "SOFTWARE_TOKEN_MFA"


def _step(secret: str, code: Any) -> int | None:
    now = int(time.time() // 30)
    matching = (now + offset for offset in _STEPS if cognito._totp_code(secret, offset) == code)
    return next(matching, None)


def _associate(data: dict[str, Any]) -> Response:
    secret = base64.b32encode(secrets.token_bytes(20)).decode()
    if user := _caller(data):
        user["_totp_pending_secret"] = secret
        return _json({"SecretCode": secret})
    if session := _take_session(data):
        session |= {"secret": secret, "verified": False}
        return _json({"SecretCode": secret, "Session": _keep_session(session)})
    return _refused("NotAuthorizedException", _no_caller(data))


def _verify(data: dict[str, Any]) -> Response:
    user, token = _caller(data), data.get("Session") or ""
    session = {} if user else cognito._challenge_sessions.get(token) or {}
    secret = user.get("_totp_pending_secret") if user else session.get("secret")
    if not user and session.get("step") != "MFA_SETUP":
        return _refused("NotAuthorizedException", _no_caller(data))
    if not secret:
        return _refused("InvalidParameterException", "No software token has been associated.")
    if not accept(secret, data.get("UserCode")):
        return _refused("EnableSoftwareTokenMFAException", "Code mismatch")
    if user:
        user["_totp_secret"] = user.pop("_totp_pending_secret")
        return _json({"Status": "SUCCESS"})
    _take_session(data)
    session["verified"] = True
    return _json({"Status": "SUCCESS", "Session": _keep_session(session)})


def _with_app(
    change: Callable[[dict[str, Any]], Response], user_of: Callable[[dict[str, Any]], Any]
) -> Callable[[dict[str, Any]], Response]:
    def changed(data: dict[str, Any]) -> Response:
        user = user_of(data)
        if user and (data.get("SoftwareTokenMfaSettings") or {}).get("Enabled") and not user.get("_totp_secret"):
            return _refused("InvalidParameterException", "User has not verified software token mfa")
        return change(data)

    return changed


def _caller(data: dict[str, Any]) -> Any:
    return cognito._user_for_access_token(data.get("AccessToken"))


def _named_user(data: dict[str, Any]) -> Any:
    pool, _ = cognito._resolve_pool(data.get("UserPoolId"))
    return cognito._resolve_user(pool, data.get("Username"))[0] if pool else None


def _no_caller(data: dict[str, Any]) -> str:
    return "Invalid Access Token" if data.get("AccessToken") else "Invalid session for the user."


def _take_session(data: dict[str, Any]) -> Any:
    """Return the session of a sign-in that must set up an app, which then has another name; None if there is none."""
    token = data.get("Session") or ""
    session, _ = cognito._get_challenge_session(token)
    if not session or session.get("step") != "MFA_SETUP":
        return None
    return cognito._challenge_sessions.pop(token)


def _keep_session(session: Any) -> str:
    token = _token()
    cognito._challenge_sessions[token] = session
    return token


def _token() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def _json(fields: dict[str, str]) -> Response:
    response: Response = cognito.json_response(fields)
    return response


def _refused(name: str, message: str) -> Response:
    response: Response = cognito.error_response_json(name, message, 400)
    return response
