"""Requests to an ASGI app without a socket, with every byte as the test wants it."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message

HOST = (b"host", b"127.0.0.1:4567")


@dataclass
class Received:
    """A response."""

    status: int
    headers: Headers
    body: bytes


async def send(
    app: ASGIApp,
    method: str = "POST",
    path: str = "/graphql",
    *,
    query: bytes = b"",
    headers: Iterable[tuple[bytes, bytes]] = (),
    body: Iterable[bytes] = (b"",),
    host: Iterable[tuple[bytes, bytes]] = (HOST,),
    stalls: bool = False,
    **scope: Any,
) -> Received:
    """Return the response to a request whose body arrives in these chunks; with `stalls`, the last never ends it."""
    chunks = list(body)
    arriving: list[Message] = [
        {"type": "http.request", "body": chunk, "more_body": stalls or number < len(chunks) - 1}
        for number, chunk in enumerate(chunks)
    ]
    sent: list[Message] = []

    async def receive() -> Message:
        if not arriving:
            await asyncio.Future[None]()
        return arriving.pop(0)

    async def sending(message: Message) -> None:
        sent.append(message)

    described = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "headers": [*host, *headers],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 4567),
    }
    await app({**described, **scope}, receive, sending)
    start, *bodies = sent
    assert start["type"] == "http.response.start"
    content = b"".join(message.get("body", b"") for message in bodies)
    return Received(start["status"], Headers(raw=list(start["headers"])), content)


async def upgrade(app: ASGIApp, path: str, headers: Iterable[tuple[bytes, bytes]], **scope: Any) -> list[Message]:
    """Return what an app sends for a request to open a WebSocket."""
    arriving: list[Message] = [{"type": "websocket.connect"}]
    sent: list[Message] = []

    async def receive() -> Message:
        return arriving.pop(0)

    async def sending(message: Message) -> None:
        sent.append(message)

    described = {"type": "websocket", "scheme": "ws", "path": path, "raw_path": path.encode(), "query_string": b""}
    await app({**described, "headers": [*headers], "subprotocols": [], **scope}, receive, sending)
    return sent
