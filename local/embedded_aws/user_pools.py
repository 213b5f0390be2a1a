"""Cognito patch: a sign-in step needs the session of the step before, and SignUp respects the pool's settings.

ministack returns tokens for NEW_PASSWORD_REQUIRED, SOFTWARE_TOKEN_MFA and MFA_SETUP to any caller who knows a user's
name, with any session or none. It accepts any new password there, and SignUp where only administrators create users.
https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_RespondToAuthChallenge.html
"""

import json
from collections.abc import Callable
from typing import Any

from ministack.services import cognito

from local.embedded_aws import upstream

Response = tuple[int, dict[str, str], bytes]
_STEPS = ("NEW_PASSWORD_REQUIRED", "SOFTWARE_TOKEN_MFA", "SMS_MFA", "MFA_SETUP")


def apply() -> None:
    upstream.original(cognito, "_create_challenge_session", "ae3bc5b4dd85")
    upstream.original(cognito, "_get_challenge_session", "0e4181165400")
    signed_in = upstream.original(cognito, "_password_auth_result", "b88268f483e4")
    respond = upstream.original(cognito, "_respond_to_auth_challenge", "9dae007b5620")
    admin_respond = upstream.original(cognito, "_admin_respond_to_auth_challenge", "0ed094bdaeb9")
    sign_up = upstream.original(cognito, "_sign_up", "7c18b40cc080")

    def with_session(
        pool: Any, pool_id: str, client_id: str, user: dict[str, Any], *args: Any, **more: Any
    ) -> Response:
        response: Response = signed_in(pool, pool_id, client_id, user, *args, **more)
        challenge = json.loads(response[2])
        if "Session" in challenge:
            own, session = cognito._create_challenge_session(pool_id, client_id, user["Username"])
            cognito._challenge_sessions[challenge["Session"]] = session | {"step": challenge["ChallengeName"]}
            del cognito._challenge_sessions[own]
        return response

    def by_administrators(data: dict[str, Any]) -> Response:
        pool, _ = cognito._pool_for_client(data.get("ClientId"))
        if pool and pool.get("AdminCreateUserConfig", {}).get("AllowAdminCreateUserOnly"):
            return _error("NotAuthorizedException", "SignUp is not permitted for this user pool")
        response: Response = sign_up(data)
        return response

    cognito._password_auth_result = with_session
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
        response = respond(data)
        if response[0] == 200:
            del cognito._challenge_sessions[token]
        return response

    return checked


def _error(name: str, message: str) -> Response:
    response: Response = cognito.error_response_json(name, message, 400)
    return response
