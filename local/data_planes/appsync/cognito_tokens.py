"""Tokens of a Cognito user pool: signature, issuer, expiry, use and app client, as AppSync checks them."""

import re
import ssl
from typing import Any

import aiohttp
import jwt

from local.data_planes.appsync.deployed_api import Provider
from local.data_planes.appsync.errors import RequestError
from local.data_planes.user_pool_keys import UnknownKey, UserPoolKeys

HEADER_NOT_VALID = "Valid authorization header not provided."
NOT_AUTHORIZED = "You are not authorized to make this call."


class CognitoTokens:
    """Tells who a token stands for, with the keys of the pools."""

    def __init__(self, http: aiohttp.ClientSession, aws_endpoint_url: str, tls: ssl.SSLContext | bool) -> None:
        self._keys = UserPoolKeys(http, aws_endpoint_url, tls)

    async def claims(self, authorization: str, pools: list[Provider]) -> dict[str, Any]:
        """Get the claims of a valid token, with or without ``Bearer``; raise ``RequestError`` (401) otherwise."""
        token = re.sub(r"^Bearer\s+", "", authorization.strip(), flags=re.IGNORECASE)
        if token.count(".") != 2:
            raise _unauthorized(HEADER_NOT_VALID)
        try:
            header = jwt.get_unverified_header(token)
            issuer = jwt.decode(token, options={"verify_signature": False}).get("iss")
        except jwt.InvalidTokenError:
            raise _unauthorized("Unable to parse JWT token.") from None
        for pool in pools:
            # The issuer is AWS's name for the pool, on one machine too; only the keys come from the endpoint.
            if issuer == f"https://cognito-idp.{pool.user_pool_region}.amazonaws.com/{pool.user_pool_id}":
                try:
                    key = await self._keys.find(pool.user_pool_id, str(header.get("kid", "")))
                except UnknownKey:
                    raise _unauthorized(NOT_AUTHORIZED) from None
                return _verified(token, key, issuer, pool)
        raise _unauthorized(NOT_AUTHORIZED)


def _verified(token: str, key: jwt.PyJWK, issuer: str, pool: Provider) -> dict[str, Any]:
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=["RS256"],
            issuer=issuer,
            # The app client is ``aud`` in one kind of token and ``client_id`` in the other: checked below.
            options={"require": ["exp", "iss", "sub", "token_use"], "verify_aud": False},
        )
    except jwt.ExpiredSignatureError:
        raise _unauthorized("Token has expired.") from None
    except jwt.InvalidTokenError:
        raise _unauthorized(NOT_AUTHORIZED) from None
    app_client = {"id": claims.get("aud"), "access": claims.get("client_id")}.get(claims["token_use"])
    if not isinstance(app_client, str):
        raise _unauthorized(NOT_AUTHORIZED)
    if pool.app_client_pattern is not None and re.fullmatch(pool.app_client_pattern, app_client) is None:
        raise _unauthorized(NOT_AUTHORIZED)
    return claims


def _unauthorized(message: str) -> RequestError:
    return RequestError(401, "UnauthorizedException", message)
