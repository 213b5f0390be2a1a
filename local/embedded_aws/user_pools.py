"""Cognito patch: a sign-in step needs the session of the step before, and the pool's settings are respected.

ministack returns tokens for NEW_PASSWORD_REQUIRED, SOFTWARE_TOKEN_MFA and MFA_SETUP to any caller who knows a user's
name, with any session or none. It accepts any new password there, SignUp where only administrators create users,
and e-mail addresses only as they were registered, whatever UsernameConfiguration says.
https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_RespondToAuthChallenge.html
"""

import json
from collections.abc import Callable
from typing import Any

from ministack.services import cognito

from local.embedded_aws import second_factors, upstream

Response = tuple[int, dict[str, str], bytes]
_STEPS = ("NEW_PASSWORD_REQUIRED", "SOFTWARE_TOKEN_MFA", "SMS_MFA", "MFA_SETUP")


def apply() -> None:
    upstream.original(cognito, "_create_challenge_session", "ae3bc5b4dd85")
    upstream.original(cognito, "_get_challenge_session", "0e4181165400")
    signed_in = upstream.original(cognito, "_password_auth_result", "b88268f483e4")
    respond = upstream.original(cognito, "_respond_to_auth_challenge", "9dae007b5620")
    admin_respond = upstream.original(cognito, "_admin_respond_to_auth_challenge", "0ed094bdaeb9")
    resolve = upstream.original(cognito, "_resolve_user", "005b45b0326d")
    sign_up = upstream.original(cognito, "_sign_up", "7c18b40cc080")

    def with_session(
        pool: Any, pool_id: str, client_id: str, user: dict[str, Any], *args: Any, **more: Any
    ) -> Response:
        response: Response = signed_in(pool, pool_id, client_id, user, *args, **more)
        _keep_session(json.loads(response[2]), pool_id, client_id, user)
        return response

    def in_any_case(pool: Any, username: str) -> Any:
        sensitive = str((pool.get("UsernameConfiguration") or {}).get("CaseSensitive", True)).lower() == "true"
        attribute = "email" if "email" in (pool.get("UsernameAttributes") or []) else "none"
        for user in [] if sensitive or not username else pool["_users"].values():
            names = (user["Username"], cognito._attr_list_to_dict(user.get("Attributes", [])).get(attribute) or "")
            if username.lower() in map(str.lower, names):
                username = user["Username"] if username.lower() == names[0].lower() else names[1]
                break
        return resolve(pool, username)

    def by_administrators(data: dict[str, Any]) -> Response:
        pool, _ = cognito._pool_for_client(data.get("ClientId"))
        if pool and pool.get("AdminCreateUserConfig", {}).get("AllowAdminCreateUserOnly"):
            return _error("NotAuthorizedException", "SignUp is not permitted for this user pool")
        response: Response = sign_up(data)
        return response

    cognito._password_auth_result = with_session
    cognito._resolve_user = in_any_case
    cognito._sign_up = by_administrators
    cognito._respond_to_auth_challenge = _in_session(respond)
    cognito._admin_respond_to_auth_challenge = _in_session(admin_respond)


def _in_session(respond: Callable[[dict[str, Any]], Response]) -> Callable[[dict[str, Any]], Response]:
    def checked(data: dict[str, Any]) -> Response:
        step = data.get("ChallengeName")
        if step not in _STEPS:
            return respond(data)
        responses = data.get("ChallengeResponses") or {}
        token = data.get("Session") or ""
        session, _ = cognito._get_challenge_session(token)
        pool, _ = cognito._pool_for_client(data.get("ClientId"))
        user, _ = cognito._resolve_user(pool, responses.get("USERNAME")) if pool else (None, None)
        if not (
            session
            and user
            and session.get("step") == step
            and (session["client_id"], session["username"]) == (data.get("ClientId"), user["Username"])
        ):
            return _error("NotAuthorizedException", "Invalid session for the user.")
        if step == "NEW_PASSWORD_REQUIRED":
            refused: Response | None = cognito._validate_password(pool, responses.get("NEW_PASSWORD") or "")
            if refused:
                return refused
        if refused := _wrong_factor(step, session, user, responses):
            return refused
        response = respond(data)
        if response[0] != 200:
            return response
        del cognito._challenge_sessions[token]
        if step == "MFA_SETUP":
            second_factors.enroll(user, session["secret"])
        elif step == "NEW_PASSWORD_REQUIRED":
            pool_id, client_id = session["pool_id"], session["client_id"]
            challenge = cognito._mfa_challenge_for_user(pool, user, pool_id, user["Username"])
            if challenge:
                _keep_session(challenge, pool_id, client_id, user)
                response = cognito.json_response(challenge)
        return response

    return checked


def _wrong_factor(step: str, session: Any, user: Any, responses: dict[str, str]) -> Response | None:
    if step == "MFA_SETUP" and not session.get("verified"):
        return _error("InvalidParameterException", "User has not verified software token mfa")
    if step == "SOFTWARE_TOKEN_MFA":
        if not user.get("_totp_secret"):
            return _error("SoftwareTokenMFANotFoundException", "User has not set up software token mfa")
        if second_factors.is_used(user["_totp_secret"], responses.get("SOFTWARE_TOKEN_MFA_CODE")):
            return _error("ExpiredCodeException", "Your software token has already been used once.")
    return None


def _keep_session(challenge: dict[str, Any], pool_id: str, client_id: str, user: dict[str, Any]) -> None:
    """Keep the session of a challenge, if it has one, for this step of this user's sign-in."""
    if "Session" in challenge:
        own, session = cognito._create_challenge_session(pool_id, client_id, user["Username"])
        cognito._challenge_sessions[challenge["Session"]] = session | {"step": challenge["ChallengeName"]}
        del cognito._challenge_sessions[own]


def _error(name: str, message: str) -> Response:
    response: Response = cognito.error_response_json(name, message, 400)
    return response
