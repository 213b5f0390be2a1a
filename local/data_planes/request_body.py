"""Reads the body of a request, within a size and a time."""

import asyncio

from starlette.requests import Request

SECONDS = 10.0


class BodyRefused(Exception):
    """The body is too large or arrives too slowly; `status` is that of the response."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


async def read_body(request: Request, *, largest: int, seconds: float = SECONDS) -> bytes:
    """Return the body. Raises BodyRefused, without reading more than `largest` bytes, and ClientDisconnect."""
    check_declared_size(request, largest=largest)
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > largest:
                    raise _too_large(largest)
    except TimeoutError:
        raise BodyRefused(408, f"The request did not arrive within {seconds:g} seconds: send it again.") from None
    return bytes(body)


def check_declared_size(request: Request, *, largest: int) -> None:
    """Raise BodyRefused if the request declares a body of more than `largest` bytes."""
    declared = request.headers.get("content-length", "").lstrip("0")
    if declared.isdecimal() and (len(declared) > len(str(largest)) or int(declared) > largest):
        raise _too_large(largest)


def _too_large(largest: int) -> BodyRefused:
    return BodyRefused(413, f"The request body is too large: the limit is {largest:,} bytes.")
