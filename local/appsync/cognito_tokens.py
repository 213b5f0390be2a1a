"""Tokens of a Cognito user pool: signature, issuer, expiry, use and app client, as AppSync checks them."""

import asyncio
import re
import ssl
import time
from typing import Any

import aiohttp
import jwt

from local.appsync.deployed_api import Provider
from local.appsync.errors import RequestError

REFETCH_AFTER = 5.0
HEADER_NOT_VALID = "Valid authorization header not provided."
NOT_AUTHORIZED = "You are not authorized to make this call."


class CognitoTokens:
    """The signing keys of the pools, fetched when first needed and again for a key id not seen before."""

    def __init__(self, http: aiohttp.ClientSession, aws_endpoint_url: str, tls: ssl.SSLContext | bool) -> None:
        self._http = http
        self._endpoint = aws_endpoint_url.rstrip("/")
        self._tls = tls
        self._keys: dict[str, dict[str, jwt.PyJWK]] = {}
        self._fetched_at: dict[str, float] = {}
        self._fetching = asyncio.Lock()

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
                key = await self._key(pool.user_pool_id, str(header.get("kid", "")))
                return _verified(token, key, issuer, pool)
        raise _unauthorized(NOT_AUTHORIZED)

    async def _key(self, pool_id: str, key_id: str) -> jwt.PyJWK:
        async with self._fetching:
            known = key_id in self._keys.get(pool_id, {})
            # A stream of made-up key ids must not become a stream of fetches.
            if not known and time.monotonic() - self._fetched_at.get(pool_id, float("-inf")) > REFETCH_AFTER:
                self._keys[pool_id] = await self._fetch(pool_id)
                self._fetched_at[pool_id] = time.monotonic()
        try:
            return self._keys[pool_id][key_id]
        except KeyError:
            raise _unauthorized(NOT_AUTHORIZED) from None

    async def _fetch(self, pool_id: str) -> dict[str, jwt.PyJWK]:
        url = f"{self._endpoint}/{pool_id}/.well-known/jwks.json"
        async with self._http.get(url, ssl=self._tls, raise_for_status=True) as response:
            keys = jwt.PyJWKSet.from_dict(await response.json(content_type=None)).keys
        return {key.key_id: key for key in keys if key.key_id is not None}


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
