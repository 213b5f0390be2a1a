"""Serves files from the cache of the edge location, and keeps what the origin returns as the cache policy says."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp
from starlette.datastructures import Headers
from starlette.responses import Response

from local.data_planes.cloudfront import cache, responses
from local.data_planes.cloudfront.cache import Cache, CachePolicy, Stored
from local.data_planes.cloudfront.distribution import Distribution
from local.data_planes.cloudfront.origin import Origin

# The origin checks these, because the guide does not say what CloudFront does with them for a file in its cache.
PRECONDITIONS = {"if-match", "if-unmodified-since"}
CONDITIONS = {"if-modified-since", "if-none-match", "if-range", "range"}


@dataclass(frozen=True)
class _Request:
    distribution: Distribution
    policy: CachePolicy
    target: bytes
    viewer: Headers
    method: str
    key: cache.Key


class CachedOrigin:
    """The origin behind the cache. `clock` returns epoch seconds."""

    def __init__(self, origin: Origin, clock: Callable[[], float]) -> None:
        self._origin = origin
        self._clock = clock
        self._cache = Cache()
        self._invalidated: set[str] = set()

    async def respond(self, distribution: Distribution, target: bytes, viewer: Headers, method: str) -> Response:
        """Return the response to a request that the edge allows, without the response headers policy."""
        for invalidation in distribution.invalidations.keys() - self._invalidated:
            for path in distribution.invalidations[invalidation]:
                self._cache.invalidate(path)
        self._invalidated.update(distribution.invalidations)
        policy = distribution.cache_policy
        if method == "OPTIONS":
            return responses.pass_back(await self._origin.preflight(distribution, target, viewer))
        if not policy or method not in ("GET", "HEAD") or PRECONDITIONS.intersection(viewer):
            return await self._pass_on(distribution, target, viewer, method)

        # A part of a compressed file is of no use to a viewer that has a part of the file as it is.
        gzip = policy.gzip and distribution.compress and "range" not in viewer
        key = target, gzip and cache.accepts_gzip(viewer.get("accept-encoding", ""))
        stored = self._cache.get(key)
        now = self._clock()
        if stored and now < stored.fresh_until:
            return responses.from_cache(stored, viewer, "Hit from cloudfront", age=int(now - stored.stored_at))
        if not stored and (method == "HEAD" or CONDITIONS.intersection(viewer)):
            return await self._pass_on(distribution, target, viewer, method)
        return await self._refresh(_Request(distribution, policy, target, viewer, method, key), stored)

    async def _refresh(self, request: _Request, stored: Stored | None) -> Response:
        """Fetch the whole file, or find that the stored one is unchanged, and keep it."""
        policy, key = request.policy, request.key
        unchanged = {"if-none-match": stored.validator} if stored and stored.validator else {}
        try:
            origin = await self._origin.fetch(request.distribution, request.target, Headers(unchanged), "GET")
        except (aiohttp.ClientError, TimeoutError):
            if not stored or stored.status != 200:
                raise
            return self._refreshed(request, stored, policy.ttl(502, Headers(), self._clock()))
        headers = Headers(raw=responses.end_to_end(origin))
        if stored and (origin.status == 304 or (origin.status >= 500 and stored.status == 200)):
            # If the origin fails, CloudFront serves the expired file for the error caching minimum TTL.
            origin.close()
            status = 200 if origin.status == 304 else origin.status
            ttl = policy.ttl(status, headers if "cache-control" in headers else stored.headers, self._clock())
            return self._refreshed(request, stored, ttl)

        self._cache.remove(key)
        if int(headers.get("content-length", cache.MAX_OBJECT_BYTES + 1)) > cache.MAX_OBJECT_BYTES:
            if request.method == "GET" and not CONDITIONS.intersection(request.viewer):
                return responses.pass_back(origin)
            origin.close()
            return await self._pass_on(request.distribution, request.target, request.viewer, request.method)
        async with origin:
            body = await origin.read()
        now = self._clock()
        validator, ttl = headers.get("etag"), policy.ttl(origin.status, headers, now)
        if origin.status == 200 and policy.gzip and request.distribution.compress:
            headers, sent = await asyncio.to_thread(cache.compressed, headers, body, accepted=key[1])
            # "If you set the Minimum TTL value to zero, CloudFront won't cache compressed content":
            # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/ServingCompressedFiles.html
            if sent is not body and policy.min_ttl == 0:
                ttl = 0
            body = sent
        fetched = Stored(origin.status, headers, body, validator, now, now + ttl)
        if ttl > 0:
            self._cache.put(key, fetched)
        return responses.from_cache(fetched, request.viewer, "Miss from cloudfront", age=None)

    def _refreshed(self, request: _Request, stored: Stored, ttl: float) -> Response:
        now = self._clock()
        self._cache.put(request.key, stored.refreshed(now, ttl))
        return responses.from_cache(stored, request.viewer, "RefreshHit from cloudfront", age=None)

    async def _pass_on(self, distribution: Distribution, target: bytes, viewer: Headers, method: str) -> Response:
        return responses.pass_back(await self._origin.fetch(distribution, target, viewer, method))
