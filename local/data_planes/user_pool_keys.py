"""The keys that sign the tokens of Cognito user pools."""

import asyncio
import ssl
import time

import aiohttp
import jwt

REFETCH_AFTER = 5.0


class UnknownKey(Exception):
    """The pool does not sign with a key of this id."""


class UserPoolKeys:
    """The signing keys of the pools, fetched when first needed and again for a key id not seen before."""

    def __init__(self, http: aiohttp.ClientSession, aws_endpoint_url: str, tls: ssl.SSLContext | bool) -> None:
        self._http = http
        self._endpoint = aws_endpoint_url.rstrip("/")
        self._tls = tls
        self._keys: dict[str, dict[str, jwt.PyJWK]] = {}
        self._fetched_at: dict[str, float] = {}
        self._fetching = asyncio.Lock()

    async def find(self, pool_id: str, key_id: str) -> jwt.PyJWK:
        """The public key of this id. Raises UnknownKey."""
        async with self._fetching:
            known = key_id in self._keys.get(pool_id, {})
            # A stream of made-up key ids must not become a stream of fetches.
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
