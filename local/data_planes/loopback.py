"""Limits a server of this machine to the programs and the pages of this machine."""

import re
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
HOST = re.compile(r"(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?", re.ASCII | re.IGNORECASE)
ORIGIN = re.compile(rf"https?://({HOST.pattern})", re.ASCII | re.IGNORECASE)

OTHER_HOST = "This server is for this machine only: use 127.0.0.1 or localhost as the host."
OTHER_PAGE = "Only pages of this machine can send requests to this server: open your page from localhost."
HEADERS_TOO_LARGE = "The request line and headers are too large: the limit is {limit:,} bytes."
NO_WEBSOCKETS = "This server does not support WebSocket: send an HTTP request."


class LoopbackOnly:
    """Refuses requests that a page of another machine can cause, and what is not HTTP, before `app` sees them.

    `refusal` makes a response of a status and a message. Request line and headers may have `largest_head` bytes.
    """

    def __init__(self, app: ASGIApp, refusal: Callable[[int, str], Response], largest_head: int) -> None:
        self._app = app
        self._refusal = refusal
        self._largest_head = largest_head

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or (refused := self._refused(scope)) is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            socket = WebSocket(scope, receive, send)
            if "websocket.http.response" in scope.get("extensions", {}):
                await socket.send_denial_response(self._refusal(*refused))
            else:
                await socket.close()
        else:
            await self._refusal(*refused)(scope, receive, send)

    def _refused(self, scope: Scope) -> tuple[int, str] | None:
        size = len(scope.get("raw_path") or scope["path"]) + len(scope.get("query_string", b""))
        # Each header has a colon, a space and the end of its line, too.
        if size + sum(len(name) + len(value) + 4 for name, value in scope["headers"]) > self._largest_head:
            return 431, HEADERS_TOO_LARGE.format(limit=self._largest_head)
        headers = Headers(scope=scope)
        # A host name that its owner points at 127.0.0.1 makes this server the same origin as a page of that host.
        if [bool(HOST.fullmatch(host)) for host in headers.getlist("host")] != [True]:
            return 403, OTHER_HOST
        # AWS lets the pages of every origin in, because they need a credential. Here a page needs none: with auth=off
        # the HTTP API is open, and the emulator's root key is public. Only browsers send these headers.
        if not all(ORIGIN.fullmatch(origin) for origin in headers.getlist("origin")):
            return 403, OTHER_PAGE
        # A link to this server may be followed. Images and scripts are requested without an Origin, too.
        site, mode = headers.get("sec-fetch-site"), headers.get("sec-fetch-mode")
        if "origin" not in headers and site == "cross-site" and mode != "navigate":
            return 403, OTHER_PAGE
        return (400, NO_WEBSOCKETS) if scope["type"] == "websocket" else None
