"""The endpoint to which browsers send files on one machine: passes requests with presigned URLs on to S3.

The presigned URLs name the AWS emulator, whose certificate no browser trusts. A page sends the same path and query
here, over HTTP, and S3 gets them with the host that was signed. The CORS headers are those of the emulator, which
applies the configuration of the bucket.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

import aiohttp
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send
from yarl import URL

from local.data_planes.loopback import LoopbackOnly

log = logging.getLogger(__name__)

LARGEST_HEAD = 16 * 1024  # bytes of the request line and the headers
SECONDS = 60.0  # for the next bytes of a file
_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=60)
_AUTOMATIC_HEADERS = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
# Hop by hop (RFC 9110, 7.6.1). `Host` is the signed one; this server has responded to `Expect`, and writes `Date`.
_OWN_REQUEST_HEADERS = {"connection", "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
_OWN_RESPONSE_HEADERS = {b"connection", b"date", b"keep-alive", b"trailer", b"transfer-encoding", b"upgrade"}

OTHER_METHOD = "Only PUT and OPTIONS are available here; send files to the URLs that the API returns."
OTHER_BUCKET = "This endpoint is for the files of this stack only; send files to the URLs that the API returns."
NO_LENGTH = "You must provide the Content-Length HTTP header."
NOT_SIGNED = "There were headers present in the request which were not signed"
TOO_SLOW = f"No content arrived for {SECONDS:g} seconds; send the file again."
NO_UPSTREAM = "The AWS emulator did not respond; is `make up` still running?"


def create_app(*, bucket_name: str, aws_endpoint_url: str, ssl_context: ssl.SSLContext | None = None) -> ASGIApp:
    """Return the ASGI application; `ssl_context` verifies the certificate of the emulator at `aws_endpoint_url`."""
    uploads = _Uploads(bucket_name, aws_endpoint_url)

    @asynccontextmanager
    async def lifespan(_: Router) -> AsyncIterator[None]:
        connector = aiohttp.TCPConnector(limit=0, ssl=ssl_context or True)
        async with aiohttp.ClientSession(
            connector=connector, timeout=_TIMEOUT, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
        ) as uploads.session:
            yield

    # Not a route: routes match the decoded path, and a file name may hold any character.
    router = Router(default=uploads, lifespan=lifespan)
    return LoopbackOnly(router, lambda status, message: _error(status, "AccessDenied", message), LARGEST_HEAD)


class _Uploads:
    """Passes presigned requests for one bucket on, and the content as it arrives."""

    session: aiohttp.ClientSession

    def __init__(self, bucket_name: str, aws_endpoint_url: str) -> None:
        self._prefix = f"/{bucket_name}/".encode()
        self._aws_endpoint_url = aws_endpoint_url.rstrip("/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        response = _refused(request, self._prefix)
        if response is None:
            content = _Content(request)
            try:
                response = await self._pass_on(request, content)
            except (aiohttp.ClientError, TimeoutError) as error:
                if content.disconnected:
                    return
                if content.too_slow:
                    response = _error(408, "RequestTimeout", TOO_SLOW)
                else:
                    # Only the type is logged: the text of some of these errors contains the presigned URL.
                    log.error("502, no response from %s: %s", self._aws_endpoint_url, type(error).__name__)
                    response = _error(502, "BadGateway", NO_UPSTREAM)
        await response(scope, receive, send)

    async def _pass_on(self, request: Request, content: _Content) -> Response:
        scope = request.scope
        target = scope["raw_path"] + b"?" + scope["query_string"]
        headers = [(name, value) for name, value in request.headers.items() if name not in _OWN_REQUEST_HEADERS]
        has_body = request.headers.get("content-length", "0") != "0"
        async with self.session.request(
            request.method,
            URL(self._aws_endpoint_url + target.decode("latin-1"), encoded=True),
            headers=headers,
            data=content if has_body else None,
            skip_auto_headers=_AUTOMATIC_HEADERS,
            allow_redirects=False,
        ) as upstream:
            response = Response(await upstream.read(), upstream.status)
            raw = [(name.lower(), value) for name, value in upstream.raw_headers]
            response.raw_headers = [(name, value) for name, value in raw if name not in _OWN_RESPONSE_HEADERS]
            return response


class _Content:
    """The content of a request as it arrives, chunk by chunk."""

    def __init__(self, request: Request) -> None:
        self._chunks = request.stream()
        self.disconnected = self.too_slow = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            try:
                async with asyncio.timeout(SECONDS):
                    chunk = await anext(self._chunks, b"")
            except ClientDisconnect:
                self.disconnected = True
                raise
            except TimeoutError:
                self.too_slow = True
                raise
            if not chunk:
                return
            yield chunk


def _refused(request: Request, prefix: bytes) -> Response | None:
    """Return the response to a request that is not passed on."""
    headers = request.headers
    if request.method not in ("PUT", "OPTIONS"):
        response = _error(405, "MethodNotAllowed", OTHER_METHOD)
        response.headers["Allow"] = "OPTIONS, PUT"
        return response
    if not request.scope["raw_path"].startswith(prefix):
        return _error(403, "AccessDenied", OTHER_BUCKET)
    if request.method == "PUT" and "content-length" not in headers:
        return _error(411, "MissingContentLength", NO_LENGTH)
    # The emulator accepts these. https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
    if request.method == "PUT" and not _amz_headers(headers) <= _signed_headers(request):
        return _error(403, "AccessDenied", NOT_SIGNED)
    return None


def _amz_headers(headers: Headers) -> set[str]:
    return {name for name in headers if name.startswith("x-amz-")}


def _signed_headers(request: Request) -> set[str]:
    parameters = parse_qs(request.scope["query_string"].decode("latin-1"))
    return set(parameters.get("X-Amz-SignedHeaders", [""])[0].split(";"))


def _error(status: int, code: str, message: str) -> Response:
    """Return an error in the form of S3, which the page may read."""
    error = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    body = '<?xml version="1.0" encoding="UTF-8"?>\n' + error
    return Response(body, status, {"Access-Control-Allow-Origin": "*"}, media_type="application/xml")
