"""The data plane of a CloudFront distribution: checks a signed URL and passes the request on to its origin (S3).

The origin checks origin access control and the bucket policy. A 403 of the edge carries `X-Refused-By: edge`, a 403 of
the origin `X-Refused-By: origin`.
"""

import logging
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import aiohttp
from starlette.datastructures import Headers
from starlette.routing import Router
from starlette.types import Receive, Scope, Send
from yarl import URL

from local.data_planes.cloudfront import responses
from local.data_planes.cloudfront.distribution import Distribution, read
from local.data_planes.deployed_state import DeployedState, Unreadable
from local.data_planes.loopback import LOOPBACK
from private_files import canned_policy

if TYPE_CHECKING:
    from types_boto3_cloudfront import CloudFrontClient

log = logging.getLogger(__name__)

# CloudFront waits 10 seconds for a connection and 30 for the next packet. The whole download is not limited.
TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=30)

# An allow list. Cookies and Authorization are not passed on: only origin access control authenticates to the bucket.
REQUEST_HEADERS = {
    "accept", "accept-encoding", "access-control-request-headers", "access-control-request-method",
    "if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "origin", "range",
}  # fmt: skip
AUTOMATIC_HEADERS = ("Accept", "Accept-Encoding", "User-Agent")

HTTPS_ONLY = "Viewers must use HTTPS to request this object."
METHOD_NOT_ALLOWED = "This distribution is not configured to allow the HTTP request method that was used."


def create_app(
    *,
    cloudfront: "CloudFrontClient",
    distribution_id: str,
    cdn_url: str,
    aws_endpoint_url: str,
    ssl_context: ssl.SSLContext | None = None,
    clock: Callable[[], float] = time.time,
) -> Router:
    """Return the ASGI application that serves one distribution.

    `cdn_url` is the base URL of signed URLs, `aws_endpoint_url` the emulator, which serves the distribution's origin;
    `ssl_context` verifies its certificate. `clock` returns epoch seconds. Run uvicorn with `server_header=False`,
    because `Server` is set by CloudFront or S3.
    """
    # A removed key must be refused soon, so the distribution is read more often than the APIs.
    state = DeployedState(partial(read, cloudfront, distribution_id), fresh=1.0)
    edge = Edge(state, cdn_url, aws_endpoint_url.rstrip("/"), clock)

    @asynccontextmanager
    async def lifespan(_: Router) -> AsyncIterator[None]:
        # No limit: slow downloads must not keep other viewers waiting for a connection.
        connector = aiohttp.TCPConnector(limit=0, ssl=ssl_context or True)
        async with aiohttp.ClientSession(
            connector=connector, timeout=TIMEOUT, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
        ) as edge.session:
            yield

    # Not a route: routes match the decoded path, and a file name may hold any character.
    return Router(default=edge, lifespan=lifespan)


class Edge:
    """Checks a request, passes it on to the origin and streams the response back."""

    session: aiohttp.ClientSession

    def __init__(
        self, state: DeployedState[Distribution], cdn_url: str, aws_endpoint_url: str, clock: Callable[[], float]
    ) -> None:
        self._state = state
        self._cdn_url = cdn_url
        # Loopback counts as HTTPS, as it does in browsers, which would not trust a certificate made here:
        # https://w3c.github.io/webappsec-secure-contexts/#is-origin-trustworthy
        origin = URL(cdn_url)
        self._scheme = "https" if origin.host in LOOPBACK else origin.scheme
        self._aws_endpoint_url = aws_endpoint_url
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # The query of a signed URL is a bearer token: it is removed from the scope so that no access log shows it.
        query, scope["query_string"] = scope["query_string"], b""
        request = f"{scope['method']} {scope['raw_path'].decode('latin-1')}"
        if not scope["raw_path"].startswith(b"/"):
            # Appended to the endpoint URL, such a target (`@elsewhere/`) would name another host.
            log.info("%s: 400, the request target is not a path", request)
            return await responses.error_page(400, "Bad request.")(scope, receive, send)
        try:
            distribution = await self._state.current()
            if refusal := self._refusal(scope["method"], distribution):
                log.info("%s: 403, refused by the edge: %s", request, refusal)
                return await responses.error_page(403, refusal)(scope, receive, send)
            target = self._check(scope["raw_path"], query, distribution)
            origin = await self._fetch(distribution, target, Headers(scope=scope), scope["method"])
        except Unreadable as error:
            log.error("%s: 503, the distribution could not be read: %s", request, error)
            return await responses.error_page(503, "CloudFront could not read this distribution.")(scope, receive, send)
        except canned_policy.Refused as refused:
            log.info("%s: 403, refused by the edge: %s", request, refused.reason)
            body = canned_policy.refusal_body(refused.code, refused.message)
            return await responses.error(403, "text/xml", body)(scope, receive, send)
        except (aiohttp.ClientError, TimeoutError) as error:
            # Only the type is logged: the text of some of these errors contains the signed URL.
            log.error("%s: 502, no response from %s: %s", request, self._aws_endpoint_url, type(error).__name__)
            return await responses.error_page(502, "CloudFront wasn't able to connect to the origin.")(
                scope, receive, send
            )

        log.info("%s: %d%s", request, origin.status, ", refused by the origin" if origin.status == 403 else "")
        # The end of the response closes the connection to the origin, also if the viewer disconnects.
        async with origin:
            try:
                await responses.pass_back(origin)(scope, receive, send)
            except (aiohttp.ClientError, TimeoutError) as error:
                # With the body unfinished, the server closes the connection, so the viewer sees that data is missing.
                log.error("%s: the origin closed the connection early: %s", request, type(error).__name__)

    def _refusal(self, method: str, distribution: Distribution) -> str | None:
        if distribution.https_only and self._scheme != "https":
            return HTTPS_ONLY
        return None if method in distribution.allowed_methods else METHOD_NOT_ALLOWED

    def _check(self, raw_path: bytes, query: bytes, distribution: Distribution) -> bytes:
        if distribution.keys is None:
            return raw_path + b"?" + query if query else raw_path
        return canned_policy.check(self._cdn_url, raw_path, query, keys=distribution.keys, now=self._clock())

    async def _fetch(
        self, distribution: Distribution, target: bytes, viewer: Headers, method: str
    ) -> aiohttp.ClientResponse:
        headers = [(name, value) for name, value in viewer.items() if name in REQUEST_HEADERS]
        # The origin applies the viewer protocol policy, so it must know the viewer's protocol.
        headers += [("Host", distribution.domain_name), ("X-Forwarded-Proto", self._scheme)]
        origin = await self.session.request(
            method,
            URL(self._aws_endpoint_url + target.decode("latin-1"), encoded=True),
            headers=headers,
            skip_auto_headers=AUTOMATIC_HEADERS,
            allow_redirects=False,
        )
        if origin.status in (206, 416) and not _if_range_holds(viewer, origin):
            # S3 then sends the whole file (RFC 9110, 13.1.5); the emulator ignores the condition.
            origin.close()
            whole = {name: value for name, value in viewer.items() if name not in ("range", "if-range")}
            return await self._fetch(distribution, target, Headers(whole), method)
        return origin


def _if_range_holds(viewer: Headers, origin: aiohttp.ClientResponse) -> bool:
    condition = viewer.get("if-range")
    if condition is None:
        return True
    validator = "ETag" if condition.endswith('"') else "Last-Modified"
    return condition == origin.headers.get(validator) and not condition.startswith("W/")
