"""Verifies the tokens of Cognito user pools."""

import asyncio
import re
import ssl
import time
from collections.abc import Collection
from typing import Any

import aiohttp
import jwt

REFETCH_AFTER = 5.0


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
        """Return the claims of a token signed by the pool `issuer`, without a check of its app client.

        Raises `jwt.InvalidTokenError`: ExpiredSignatureError, InvalidIssuerError and UnknownKey among others.
        """
        key_id = str(jwt.get_unverified_header(token).get("kid", ""))
        # The issuer is the pool's URL on AWS, on one machine too; only the keys come from the endpoint.
        key = await self._key(issuer.rpartition("/")[2], key_id)
        # The app client is `aud` in an ID token and `client_id` in an access token.
        options: Any = {"require": list(required), "verify_aud": False}
        claims: dict[str, Any] = jwt.decode(token, key, algorithms=list(algorithms), issuer=issuer, options=options)
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
        async with self._http.get(url, ssl=self._tls, raise_for_status=True) as response:
            keys = jwt.PyJWKSet.from_dict(await response.json(content_type=None)).keys
        return {key.key_id: key for key in keys if key.key_id is not None}
