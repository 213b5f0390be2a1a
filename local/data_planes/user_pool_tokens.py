"""Verifies the tokens of Cognito user pools."""

import asyncio
import math
import re
import ssl
import time
from collections.abc import Collection
from typing import Any

import aiohttp
import jwt

from local.data_planes.deployed_state import Unreadable

REFETCH_AFTER = 5.0
FETCH_TIMEOUT = aiohttp.ClientTimeout(total=10)
TEXTS = ("iss", "sub", "aud", "client_id", "username", "cognito:username")


class UnknownKey(jwt.InvalidTokenError):
    """The token is signed with a key that the pool does not publish."""


def bearer_token(authorization: str) -> str:
    """Return the token of an `Authorization` header, with or without `Bearer`."""
    return re.sub(r"^Bearer\s+", "", authorization.strip(), flags=re.IGNORECASE)


class UserPoolTokens:
    """Verifies tokens with the public keys of their pools.

    The keys of a pool are fetched when they are first needed, and again for a key id that is not among them.
    """

    def __init__(self, http: aiohttp.ClientSession, aws_endpoint_url: str, tls: ssl.SSLContext | bool) -> None:
        self._http = http
        self._endpoint = aws_endpoint_url.rstrip("/")
        self._tls = tls
        self._keys: dict[str, dict[str, jwt.PyJWK]] = {}
        self._fetched_at: dict[str, float] = {}
        self._fetching = asyncio.Lock()

    async def claims(
        self, token: str, issuer: str, *, algorithms: Collection[str], required: Collection[str]
    ) -> dict[str, Any]:
        """Return the claims of an ID or access token signed by the pool `issuer`, without a check of its app client.

        Raises `jwt.InvalidTokenError`: ExpiredSignatureError, InvalidIssuerError and UnknownKey among others. Raises
        Unreadable if the keys of the pool cannot be read.
        """
        try:
            return await self._claims(token, issuer, algorithms, required)
        except jwt.InvalidTokenError:
            raise
        except (jwt.PyJWTError, AttributeError, TypeError, ValueError, OverflowError, RecursionError) as error:
            # PyJWT does not expect every type of a header or a claim.
            raise jwt.InvalidTokenError("a claim has the wrong type") from error

    async def _claims(
        self, token: str, issuer: str, algorithms: Collection[str], required: Collection[str]
    ) -> dict[str, Any]:
        key_id = str(jwt.get_unverified_header(token).get("kid", ""))
        # The issuer is the pool's URL on AWS, on one machine too; only the keys come from the endpoint.
        key = await self._key(issuer.rpartition("/")[2], key_id)
        # The app client is `aud` in an ID token and `client_id` in an access token.
        options: Any = {"require": list(required), "verify_aud": False}
        claims: dict[str, Any] = jwt.decode(token, key, algorithms=list(algorithms), issuer=issuer, options=options)
        _check_types(claims)
        # AWS needs no such check: a refresh token of Cognito is encrypted and no JWT. The emulator's is one.
        if claims.get("token_use") not in ("id", "access"):
            raise jwt.InvalidTokenError("the token is neither an ID token nor an access token")
        return claims

    async def _key(self, pool_id: str, key_id: str) -> jwt.PyJWK:
        async with self._fetching:
            known = key_id in self._keys.get(pool_id, {})
            # Requests with made-up key ids must not cause a fetch each.
            if not known and time.monotonic() - self._fetched_at.get(pool_id, float("-inf")) > REFETCH_AFTER:
                self._keys[pool_id] = await self._fetch(pool_id)
                self._fetched_at[pool_id] = time.monotonic()
        try:
            return self._keys[pool_id][key_id]
        except KeyError:
            raise UnknownKey(key_id) from None

    async def _fetch(self, pool_id: str) -> dict[str, jwt.PyJWK]:
        url = f"{self._endpoint}/{pool_id}/.well-known/jwks.json"
        try:
            async with self._http.get(url, ssl=self._tls, raise_for_status=True, timeout=FETCH_TIMEOUT) as response:
                keys = jwt.PyJWKSet.from_dict(await response.json(content_type=None)).keys
        except (aiohttp.ClientError, TimeoutError, ValueError, jwt.PyJWTError) as error:
            raise Unreadable(f"the public keys of the user pool {pool_id}: {type(error).__name__}") from error
        return {key.key_id: key for key in keys if key.key_id is not None}


def _check_types(claims: dict[str, Any]) -> None:
    """Raise `jwt.InvalidTokenError` if a claim that is used has a type that Cognito does not give it."""
    groups = claims.get("cognito:groups", [])
    if (
        not all(isinstance(claims.get(name, ""), str) for name in TEXTS)
        or not (isinstance(groups, list) and all(isinstance(group, str) for group in groups))
        or not all(_is_time(claims[name]) for name in ("exp", "iat", "nbf") if name in claims)
    ):
        raise jwt.InvalidTokenError("a claim has the wrong type")


def _is_time(claim: Any) -> bool:
    return isinstance(claim, int | float) and not isinstance(claim, bool) and math.isfinite(claim)
