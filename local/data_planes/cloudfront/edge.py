"""CloudFront's data plane: a URL is checked here, then origin access control and the bucket policy decide.

What the edge refuses carries `X-Refused-By: edge`, what the origin refuses `X-Refused-By: origin`.
"""

import logging
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response, StreamingResponse
from starlette.routing import Router
from starlette.types import Receive, Scope, Send
from yarl import URL

from local.data_planes.cloudfront.distribution import Distribution, Unknown, Watch
from local.data_planes.loopback import LOOPBACK
from private_files import canned_policy

if TYPE_CHECKING:
    from types_boto3_cloudfront import CloudFrontClient

log = logging.getLogger(__name__)

# CloudFront waits 10 seconds for a connection and 30 for the next packet. A download may take as long as it takes.
TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=30)
CHUNK_BYTES = 64 * 1024

# An allow list: cookies and Authorization stay with the viewer, so only origin access control speaks to the bucket.
REQUEST_HEADERS = {
    "accept", "accept-encoding", "access-control-request-headers", "access-control-request-method",
    "if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "origin", "range",
}  # fmt: skip
AUTOMATIC_HEADERS = ("Accept", "Accept-Encoding", "User-Agent")
# Hop by hop (RFC 9110, 7.6.1). `Date` is written by whatever serves this application.
DROPPED_RESPONSE_HEADERS = {
    b"connection", b"date", b"keep-alive", b"proxy-authenticate", b"proxy-connection", b"te", b"trailer",
    b"transfer-encoding", b"upgrade",
}  # fmt: skip

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
    """The ASGI application that answers for one distribution of the embedded AWS.

    `cdn_url` is scheme://host:port as URLs are signed, `aws_endpoint_url` is where the distribution itself answers,
    `ssl_context` what is trusted there, `clock` gives epoch seconds. Serve it with uvicorn's `server_header=False`:
    `Server` is for CloudFront and S3 to fill.
    """
    watch = Watch(cloudfront, distribution_id)
    edge = Edge(watch, cdn_url, aws_endpoint_url.rstrip("/"), clock)

    @asynccontextmanager
    async def lifespan(_: Router) -> AsyncIterator[None]:
        # No limit: viewers who read slowly must not keep the others waiting for a connection.
        connector = aiohttp.TCPConnector(limit=0, ssl=ssl_context or True)
        async with aiohttp.ClientSession(
            connector=connector, timeout=TIMEOUT, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
        ) as edge.session:
            yield

    # Not a route: routes match the decoded path, and a file name may hold any character.
    return Router(default=edge, lifespan=lifespan)


class Edge:
    """One request: check it, pass it on to the distribution, stream the answer back."""

    session: aiohttp.ClientSession

    def __init__(self, watch: Watch, cdn_url: str, aws_endpoint_url: str, clock: Callable[[], float]) -> None:
        self._watch = watch
        self._cdn_url = cdn_url
        # A browser trusts loopback as it trusts TLS (https://w3c.github.io/webappsec-secure-contexts/#is-origin-trustworthy),
        # and does not trust a certificate made here: so loopback counts as HTTPS.
        origin = URL(cdn_url)
        self._scheme = "https" if origin.host in LOOPBACK else origin.scheme
        self._aws_endpoint_url = aws_endpoint_url
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # The query of a signed URL is a bearer token. Out of the scope, it is out of every server's access log too.
        query, scope["query_string"] = scope["query_string"], b""
        request = f"{scope['method']} {scope['raw_path'].decode('latin-1')}"
        if not scope["raw_path"].startswith(b"/"):
            # Appended to the endpoint, such a target (`@elsewhere/`) would name another host.
            log.info("%s: 400, the request target is not a path", request)
            return await _page(400, "Bad request.")(scope, receive, send)
        try:
            distribution = await self._watch.current()
            if complaint := self._complaint(scope["method"], distribution):
                log.info("%s: 403, refused by the edge: %s", request, complaint)
                return await _page(403, complaint)(scope, receive, send)
            target = self._check(scope["raw_path"], query, distribution)
            origin = await self._ask(distribution, target, Headers(scope=scope), scope["method"])
        except Unknown:
            log.error("%s: 503, the keys that the distribution trusts are not known", request)
            return await _page(503, "CloudFront could not read this distribution.")(scope, receive, send)
        except canned_policy.Refused as refused:
            log.info("%s: 403, refused by the edge: %s", request, refused.reason)
            body = canned_policy.refusal_body(refused.code, refused.message)
            return await _answer(403, "text/xml", body)(scope, receive, send)
        except (aiohttp.ClientError, TimeoutError) as error:
            # The type says enough, and the text of some of these errors is the URL.
            log.error("%s: 502, no answer from %s: %s", request, self._aws_endpoint_url, type(error).__name__)
            return await _page(502, "CloudFront wasn't able to connect to the origin.")(scope, receive, send)

        log.info("%s: %d%s", request, origin.status, ", refused by the origin" if origin.status == 403 else "")
        # Whatever ends the answer, the viewer's disconnect included, ends the connection to the origin.
        async with origin:
            try:
                await _pass_back(origin)(scope, receive, send)
            except (aiohttp.ClientError, TimeoutError) as error:
                # Returning with the body unfinished makes the server cut the connection: the viewer sees a short body.
                log.error("%s: the origin broke off: %s", request, type(error).__name__)

    def _complaint(self, method: str, distribution: Distribution) -> str | None:
        if distribution.https_only and self._scheme != "https":
            return HTTPS_ONLY
        return None if method in distribution.allowed_methods else METHOD_NOT_ALLOWED

    def _check(self, raw_path: bytes, query: bytes, distribution: Distribution) -> bytes:
        if distribution.keys is None:
            return raw_path + b"?" + query if query else raw_path
        return canned_policy.check(self._cdn_url, raw_path, query, keys=distribution.keys, now=self._clock())

    async def _ask(
        self, distribution: Distribution, target: bytes, viewer: Headers, method: str
    ) -> aiohttp.ClientResponse:
        headers = [(name, value) for name, value in viewer.items() if name in REQUEST_HEADERS]
        # The distribution's viewer protocol policy asks how the viewer came, which only this header can tell it.
        headers += [("Host", distribution.domain_name), ("X-Forwarded-Proto", self._scheme)]
        origin = await self.session.request(
            method,
            URL(self._aws_endpoint_url + target.decode("latin-1"), encoded=True),
            headers=headers,
            skip_auto_headers=AUTOMATIC_HEADERS,
            allow_redirects=False,
        )
        if origin.status in (206, 416) and not _if_range_holds(viewer, origin):
            # S3 sends the whole file then (RFC 9110, 13.1.5); the embedded one overlooks the condition.
            origin.close()
            whole = {name: value for name, value in viewer.items() if name not in ("range", "if-range")}
            return await self._ask(distribution, target, Headers(whole), method)
        return origin


def _if_range_holds(viewer: Headers, origin: aiohttp.ClientResponse) -> bool:
    condition = viewer.get("if-range")
    if condition is None:
        return True
    validator = "ETag" if condition.endswith('"') else "Last-Modified"
    return condition == origin.headers.get(validator) and not condition.startswith("W/")


def _pass_back(origin: aiohttp.ClientResponse) -> StreamingResponse:
    response = StreamingResponse(origin.content.iter_chunked(CHUNK_BYTES), origin.status)
    response.raw_headers = [
        (name.lower(), value) for name, value in origin.raw_headers if name.lower() not in DROPPED_RESPONSE_HEADERS
    ]
    if origin.status == 304:
        # It would announce the length of a body that a 304 does not have, and a server would wait for that body.
        del response.headers["content-length"]
    if origin.status == 403:
        _name_refuser(response.headers, "origin")
    return response


def _answer(status: int, media_type: str, body: bytes) -> Response:
    headers = MutableHeaders({"Server": "CloudFront", "X-Cache": "Error from cloudfront", "Content-Type": media_type})
    # A response headers policy covers what CloudFront caches or forwards; no source says it covers CloudFront's own
    # errors. A page of this machine may read them, because it is where people find out why a URL does not open.
    headers["Access-Control-Allow-Origin"] = "*"
    if status == 403:
        _name_refuser(headers, "edge")
    return Response(body, status, headers)


def _page(status: int, text: str) -> Response:
    title = "ERROR: The request could not be satisfied"
    body = f"<!DOCTYPE html><HTML><HEAD><TITLE>{title}</TITLE></HEAD><BODY><H1>{status} ERROR</H1>{text}</BODY></HTML>"
    return _answer(status, "text/html", body.encode())


def _name_refuser(headers: MutableHeaders, who: str) -> None:
    headers["X-Refused-By"] = who
    if "Access-Control-Allow-Origin" in headers:
        exposed = headers.get("Access-Control-Expose-Headers")
        headers["Access-Control-Expose-Headers"] = f"{exposed}, X-Refused-By" if exposed else "X-Refused-By"
