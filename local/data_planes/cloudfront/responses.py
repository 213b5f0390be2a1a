"""The responses of the edge: the origin's, and CloudFront's own errors."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
from starlette.datastructures import MutableHeaders
from starlette.responses import Response, StreamingResponse

CHUNK_BYTES = 64 * 1024
# Hop by hop (RFC 9110, 7.6.1). The server that runs this application writes `Date`.
DROPPED_RESPONSE_HEADERS = {
    b"connection", b"date", b"keep-alive", b"proxy-authenticate", b"proxy-connection", b"te", b"trailer",
    b"transfer-encoding", b"upgrade",
}  # fmt: skip


def pass_back(origin: aiohttp.ClientResponse) -> StreamingResponse:
    """Return the response that streams the origin's response to the viewer."""
    response = StreamingResponse(_chunks(origin), origin.status)
    response.raw_headers = [
        (name.lower(), value) for name, value in origin.raw_headers if name.lower() not in DROPPED_RESPONSE_HEADERS
    ]
    if origin.status == 304:
        # It is the length of a body that a 304 does not have, and the server would wait for that body.
        del response.headers["content-length"]
    if origin.status == 403:
        _name_refuser(response.headers, "origin")
    return response


async def _chunks(origin: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    async for chunk in origin.content.iter_chunked(CHUNK_BYTES):
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


def error_page(status: int, text: str) -> Response:
    """Return an error of CloudFront itself as an HTML page."""
    title = "ERROR: The request could not be satisfied"
    body = f"<!DOCTYPE html><HTML><HEAD><TITLE>{title}</TITLE></HEAD><BODY><H1>{status} ERROR</H1>{text}</BODY></HTML>"
    return error(status, "text/html", body.encode())


def _name_refuser(headers: MutableHeaders, refuser: str) -> None:
    headers["X-Refused-By"] = refuser
    if "Access-Control-Allow-Origin" in headers:
        exposed = headers.get("Access-Control-Expose-Headers")
        headers["Access-Control-Expose-Headers"] = f"{exposed}, X-Refused-By" if exposed else "X-Refused-By"
