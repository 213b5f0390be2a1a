"""The data plane of a CloudFront distribution: checks signatures and serves files from its cache or the origin (S3).

The origin checks origin access control and the bucket policy. A 403 of the edge carries `X-Refused-By: edge`, a 403 of
the origin `X-Refused-By: origin`.
"""

import logging
import re
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import aiohttp
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.routing import Router
from starlette.types import Receive, Scope, Send
from yarl import URL

from local.data_planes.cloudfront import responses
from local.data_planes.cloudfront.caching import CachedOrigin
from local.data_planes.cloudfront.distribution import Distribution, read
from local.data_planes.cloudfront.origin import Origin
from local.data_planes.deployed_state import DeployedState, Unreadable
from local.data_planes.loopback import LOOPBACK
from private_files import canned_policy, custom_policy
from private_files.shown_text import masked

if TYPE_CHECKING:
    from types_boto3_cloudfront import CloudFrontClient

log = logging.getLogger(__name__)

# CloudFront waits 10 seconds for a connection and 30 for the next packet. The whole download is not limited.
TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=30)

# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html
MAX_URL_BYTES = 8_192
MAX_REQUEST_BYTES = 20_480

# A URL library drops or cuts at these, so the origin would get another target than the one that was checked.
_NOT_IN_A_TARGET = re.compile(rb"[\x00-\x20#\x7f]")

_LOOPBACK_HOST = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?", re.I)

HTTPS_ONLY = "Viewers must use HTTPS to request this object."
METHOD_NOT_ALLOWED = "This distribution is not configured to allow the HTTP request method that was used."
BODY_NOT_ALLOWED = "A GET, HEAD or OPTIONS request must not have a body."
OTHER_HOST = "This distribution does not serve the host name of the request. Use a URL that the API returned."
DISABLED = "This distribution is disabled. Ask its administrator."
NO_WEBSOCKET = "The origin of this distribution does not support WebSocket. Request the file with GET."
TOO_LARGE = (
    f"The URL is longer than {MAX_URL_BYTES:,} bytes, or the request with its headers longer than "
    f"{MAX_REQUEST_BYTES:,}. Send a shorter request."
)


def create_app(
    *,
    cloudfront: "CloudFrontClient",
    distribution_id: str,
    cdn_url: str,
    aws_endpoint_url: str,
    ssl_context: ssl.SSLContext | None = None,
    origin_headers: Mapping[str, str] | None = None,
    clock: Callable[[], float] = time.time,
) -> Router:
    """Return the ASGI application that serves one distribution.

    `cdn_url` is the base URL of signed URLs, `aws_endpoint_url` the emulator, which serves the distribution's origin;
    `ssl_context` verifies its certificate and `origin_headers` go with every request to it, as custom headers of an
    origin do. `clock` returns epoch seconds. Run uvicorn with `server_header=False`, because `Server` is set by
    CloudFront or S3.
    """
    # A removed key must be refused soon, so the distribution is read more often than the APIs.
    state = DeployedState(partial(read, cloudfront, distribution_id), fresh=1.0)
    edge = Edge(state, cdn_url, aws_endpoint_url.rstrip("/"), clock, origin_headers or {})

    @asynccontextmanager
    async def lifespan(_: Router) -> AsyncIterator[None]:
        # No limit: slow downloads must not keep other viewers waiting for a connection.
        connector = aiohttp.TCPConnector(limit=0, ssl=ssl_context or True)
        async with aiohttp.ClientSession(
            connector=connector, timeout=TIMEOUT, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
        ) as edge.origin.session:
            yield

    # Not a route: routes match the decoded path, and a file name may hold any character.
    return Router(default=edge, lifespan=lifespan)


class Edge:
    """Checks a request and serves it from the cache, or passes it on to the origin and streams the response back."""

    def __init__(
        self,
        state: DeployedState[Distribution],
        cdn_url: str,
        aws_endpoint_url: str,
        clock: Callable[[], float],
        origin_headers: Mapping[str, str],
    ) -> None:
        self._state = state
        self._cdn_url = cdn_url
        # Loopback counts as HTTPS, as it does in browsers, which would not trust a certificate made here:
        # https://w3c.github.io/webappsec-secure-contexts/#is-origin-trustworthy
        base = URL(cdn_url)
        self._authority = cdn_url.partition("://")[2]
        self._scheme = "https" if base.host in LOOPBACK else base.scheme
        self._aws_endpoint_url = aws_endpoint_url
        self._clock = clock
        self.origin = Origin(aws_endpoint_url, self._scheme, origin_headers)
        self._cached = CachedOrigin(self.origin, clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # The query of a signed URL is a bearer token: it is removed from the scope so that no access log shows it.
        query, scope["query_string"] = scope["query_string"], b""
        method = scope.get("method", "GET")
        # A client that percent-encodes a whole signed URL sends its signature in the path or in another parameter.
        request = masked(f"{method} {scope['raw_path'].decode('latin-1')}")
        try:
            response = await self._respond(scope, method, query, request)
        except Unreadable as error:
            log.error("%s: 503, the distribution could not be read: %s", request, error)
            response = responses.error_page(503, "CloudFront could not read this distribution.")
        except canned_policy.Refused as refused:
            log.info("%s: 403, refused by the edge: %s", request, masked(refused.reason))
            response = responses.error(403, "text/xml", canned_policy.refusal_body(refused.code, refused.message))
        except (aiohttp.ClientError, TimeoutError) as error:
            # Only the type is logged: the text of some of these errors contains the signed URL.
            log.error("%s: 502, no response from %s: %s", request, self._aws_endpoint_url, type(error).__name__)
            response = responses.error_page(502, "CloudFront wasn't able to connect to the origin.")
        try:
            await response(scope, receive, send)
        except (aiohttp.ClientError, TimeoutError) as error:
            # With the body unfinished, the server closes the connection, so the viewer sees that data is missing.
            log.error("%s: the origin closed the connection early: %s", request, type(error).__name__)

    async def _respond(self, scope: Scope, method: str, query: bytes, request: str) -> Response:
        raw_path, viewer = scope["raw_path"], Headers(scope=scope)
        if malformed := _malformed(scope, viewer, self._cdn_url, query):
            status, reason = malformed
            log.info("%s: %d, %s", request, status, reason)
            return responses.error_page(status, reason, close=True)
        distribution = await self._state.current()
        if refusal := self._refusal(method, viewer, distribution):
            log.info("%s: 403, refused by the edge: %s", request, refusal)
            return responses.error_page(403, refusal, close=refusal == BODY_NOT_ALLOWED)
        target = raw_path + b"?" + query if query else raw_path
        if distribution.keys is not None:
            target = custom_policy.check(
                self._cdn_url,
                raw_path,
                query,
                cookies=[value for name, value in viewer.raw if name.lower() == b"cookie"],
                source_ip=(scope.get("client") or ("", 0))[0],
                keys=distribution.keys,
                now=self._clock(),
            )
        if distribution.cache_policy:
            target = distribution.cache_policy.target(target)
        response = await self._cached.respond(distribution, target, viewer, method)
        responses.finish(response, distribution.response_headers, method=method, origin=viewer.get("origin"))
        refused = ", refused by the origin" if response.status_code == 403 else ""
        log.info("%s: %d%s", request, response.status_code, refused)
        return response

    def _refusal(self, method: str, viewer: Headers, distribution: Distribution) -> str | None:
        # CloudFront serves its own names only. Here that keeps out pages whose host name was pointed at this machine.
        hosts = viewer.getlist("host")
        if hosts != [self._authority] and [bool(_LOOPBACK_HOST.fullmatch(host)) for host in hosts] != [True]:
            return OTHER_HOST
        if not distribution.enabled:
            return DISABLED
        if distribution.https_only and self._scheme != "https":
            return HTTPS_ONLY
        if method not in distribution.allowed_methods:
            return METHOD_NOT_ALLOWED
        has_body = "transfer-encoding" in viewer or viewer.get("content-length", "0").strip("0") != ""
        return BODY_NOT_ALLOWED if has_body and method in ("GET", "HEAD", "OPTIONS") else None


def _malformed(scope: Scope, viewer: Headers, cdn_url: str, query: bytes) -> tuple[int, str] | None:
    """Return the status and the reason for a request that CloudFront does not read any further."""
    if scope["type"] != "http":
        return 400, NO_WEBSOCKET
    path = scope["raw_path"]
    url_bytes = len(cdn_url) + len(path) + 1 + len(query)
    header_bytes = sum(len(name) + len(value) + len(": \r\n") for name, value in viewer.raw)
    if (
        url_bytes > MAX_URL_BYTES
        or len(scope["method"]) + len(path) + 1 + len(query) + header_bytes > MAX_REQUEST_BYTES
    ):
        # "413, Request Header Fields Too Large": the guide's page on requests to S3 origins.
        return 413, TOO_LARGE
    if not path.startswith(b"/"):
        # Appended to the endpoint URL, such a target (`@elsewhere/`) would name another host.
        return 400, "Bad request. The request target is not a path: start it with a slash."
    if _NOT_IN_A_TARGET.search(path + query):
        return 400, "Bad request. The URL contains a space, a control character or #: percent-encode it."
    return None
