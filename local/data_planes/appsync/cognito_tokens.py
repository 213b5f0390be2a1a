"""Checks the tokens of the API's user pools as AppSync does."""

import re
from typing import Any

import jwt

from local.data_planes.appsync.deployed_api import Provider
from local.data_planes.appsync.errors import RequestError
from local.data_planes.user_pool_tokens import UserPoolTokens, bearer_token

HEADER_NOT_VALID = "Valid authorization header not provided."
NOT_AUTHORIZED = "You are not authorized to make this call."


async def token_claims(authorization: str, pools: list[Provider], tokens: UserPoolTokens) -> dict[str, Any]:
    """Return the claims of a valid token of one of the pools. Raises RequestError (401)."""
    token = bearer_token(authorization)
    if token.count(".") != 2:
        raise _unauthorized(HEADER_NOT_VALID)
    try:
        claimed_issuer = jwt.decode(token, options={"verify_signature": False}).get("iss")
    except (jwt.PyJWTError, TypeError, ValueError, RecursionError):
        raise _unauthorized("Unable to parse JWT token.") from None
    pool = next((pool for pool in pools if pool.issuer == claimed_issuer), None)
    if pool is None:
        raise _unauthorized(NOT_AUTHORIZED)
    try:
        claims = await tokens.claims(
            token, pool.issuer, algorithms=["RS256"], required=["exp", "iss", "sub", "token_use"]
        )
    except jwt.ExpiredSignatureError:
        raise _unauthorized("Token has expired.") from None
    except jwt.InvalidTokenError:
        raise _unauthorized(NOT_AUTHORIZED) from None
    app_client = {"id": claims.get("aud"), "access": claims.get("client_id")}.get(claims["token_use"])
    if not isinstance(app_client, str) or re.fullmatch(pool.app_client_pattern, app_client) is None:
        raise _unauthorized(NOT_AUTHORIZED)
    return claims


def _unauthorized(message: str) -> RequestError:
    return RequestError(401, "UnauthorizedException", message)
