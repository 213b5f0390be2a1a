"""The responses of the edge: the origin's, those of the cache, and CloudFront's own errors."""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import aiohttp
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from local.data_planes.cloudfront import cache, response_headers

if TYPE_CHECKING:
    from types_boto3_cloudfront.type_defs import ResponseHeadersPolicyConfigOutputTypeDef

# Hop by hop (RFC 9110, 7.6.1). The server that runs this application writes `Date`.
DROPPED_RESPONSE_HEADERS = {
    b"connection", b"date", b"keep-alive", b"proxy-authenticate", b"proxy-connection", b"te", b"trailer",
    b"transfer-encoding", b"upgrade", b"x-cache",
}  # fmt: skip


class _Streamed(StreamingResponse):
    """A response of the origin. Its end closes the connection to the origin, also if the viewer disconnects."""

    def __init__(self, origin: aiohttp.ClientResponse) -> None:
        super().__init__(_chunks(origin), origin.status)
        self._origin = origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._origin:
            await super().__call__(scope, receive, send)


def pass_back(origin: aiohttp.ClientResponse) -> Response:
    """Return the response that streams the origin's response to the viewer."""
    response = _Streamed(origin)
    response.raw_headers = end_to_end(origin)
    if origin.status == 304:
        # It is the length of a body that a 304 does not have, and the server would wait for that body.
        del response.headers["content-length"]
    response.headers["X-Cache"] = "Miss from cloudfront"
    return response


def from_cache(stored: cache.Stored, viewer: Headers, x_cache: str, *, age: int | None) -> Response:
    """Return the response to a GET or HEAD for a stored file. The server that runs this sends no body to a HEAD."""
    status, headers, body = cache.serve(stored, viewer)
    response = Response(body, status)
    response.raw_headers = headers.raw
    response.headers["X-Cache"] = x_cache
    if age is not None:
        response.headers["Age"] = str(age)
    return response


def finish(
    response: Response,
    policy: "ResponseHeadersPolicyConfigOutputTypeDef | None",
    *,
    method: str,
    origin: str | None,
) -> None:
    """Add what CloudFront adds to every response of its origin and its cache."""
    if response.status_code >= 400:
        response.headers["X-Cache"] = "Error from cloudfront"
    if policy:
        response_headers.apply(policy, response.headers, method=method, origin=origin)
    if response.status_code == 403:
        _name_refuser(response.headers, "origin")


def end_to_end(origin: aiohttp.ClientResponse) -> list[tuple[bytes, bytes]]:
    """Return the headers of the origin's response that are for the viewer, with names in lower case."""
    headers = [(name.lower(), value) for name, value in origin.raw_headers]
    return [(name, value) for name, value in headers if name not in DROPPED_RESPONSE_HEADERS]


async def _chunks(origin: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    async for chunk in origin.content.iter_any():
        yield chunk
        # If the viewer disconnects, this task is cancelled only while it waits, and a fast origin never lets it wait.
        await asyncio.sleep(0)


def error(status: int, media_type: str, body: bytes) -> Response:
    """Return an error of CloudFront itself."""
    headers = MutableHeaders({"Server": "CloudFront", "X-Cache": "Error from cloudfront", "Content-Type": media_type})
    # Pages may read these errors, to show why a URL does not open. On AWS, the response headers policy adds CORS
    # headers to what CloudFront caches or forwards; no source says that it adds them to CloudFront's own errors.
    headers["Access-Control-Allow-Origin"] = "*"
    if status == 403:
        _name_refuser(headers, "edge")
    return Response(body, status, headers)


def error_page(status: int, text: str, *, close: bool = False) -> Response:
    """Return an error of CloudFront itself as an HTML page; `close` ends the connection, with what is unread on it."""
    title = "ERROR: The request could not be satisfied"
    body = f"<!DOCTYPE html><HTML><HEAD><TITLE>{title}</TITLE></HEAD><BODY><H1>{status} ERROR</H1>{text}</BODY></HTML>"
    response = error(status, "text/html", body.encode())
    if close:
        response.headers["Connection"] = "close"
    return response


def _name_refuser(headers: MutableHeaders, refuser: str) -> None:
    headers["X-Refused-By"] = refuser
    if "Access-Control-Allow-Origin" in headers:
        exposed = headers.get("Access-Control-Expose-Headers")
        headers["Access-Control-Expose-Headers"] = f"{exposed}, X-Refused-By" if exposed else "X-Refused-By"
