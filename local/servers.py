"""Sockets on loopback, and the servers that accept requests through them."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from local.failures import Failure

HOST = "127.0.0.1"
SECONDS_FOR_A_HEAD = 30.0
# uvicorn closes idle connections after 5 s, just when clients that send a request every few seconds use them again.
SECONDS_IDLE = 60


class PortTaken(Failure):
    """A port cannot be opened, usually because another program listens on it."""


class ServerFailed(Failure):
    """A server did not start."""


@contextlib.contextmanager
def listen(port: int, option: str) -> Iterator[socket.socket]:
    """A socket that listens on loopback; port 0 takes a free one. Raises PortTaken."""
    # asyncio sets TCP_NODELAY only if the protocol is named; without it every response waits 40 ms for an ACK.
    with socket.socket(proto=socket.IPPROTO_TCP) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((HOST, port))
            listening.listen()  # now, because two programs can bind a port as long as neither listens
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            problem, hint = ("is taken", "Is another stack running? ") if taken else ("cannot be opened", "")
            other = port + 1000 if port < 64_000 else 0
            raise PortTaken(
                f"Port {port} on {HOST} {problem} ({error.strerror}). {hint}"
                f"Choose another port: make up OPTIONS='{option} {other}'"
            ) from error
        yield listening


def free_port(port: int, option: str) -> int:
    """Return this port, or a free one for 0, for a process that opens its own socket. Raises PortTaken."""
    with listen(port, option) as listening:
        return int(listening.getsockname()[1])


def base_url(listening: socket.socket) -> str:
    """Return scheme, host and port of the socket's server."""
    return f"http://{HOST}:{listening.getsockname()[1]}"


class _Http(HttpToolsProtocol):
    """uvicorn's protocol, which closes a connection whose request line and headers do not arrive in time.

    uvicorn limits only the time between two requests. The servers limit the time of a body.
    """

    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._limit_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._limit_head()

    def on_headers_complete(self) -> None:
        self._stop_timer()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def _limit_head(self) -> None:
        self._stop_timer()
        self._head_timer = self.loop.call_later(SECONDS_FOR_A_HEAD, self._close)

    def _stop_timer(self) -> None:
        if self._head_timer:
            self._head_timer.cancel()

    def _close(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()
        else:  # the response to the request before is still being sent
            self._limit_head()


class Server(uvicorn.Server):
    """uvicorn's server, which stops as soon as it has sent its responses: its own pauses are 0.2 s for each server."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # local/__main__.py handles signals for the whole program

    def stop(self) -> None:
        """Tell the server, once it has started, to stop; from any thread."""
        self.should_exit = True
        self._loop.call_soon_threadsafe(self._stopping.set)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        await super().startup(sockets)

    async def main_loop(self) -> None:
        tenths = 0
        while not await self.on_tick(tenths):  # sets the time of the Date header once in ten times
            tenths += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), 0.1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for listening in (*self.servers, *(sockets or ())):
            listening.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.config.timeout_graceful_shutdown):
                while self.server_state.connections or self.server_state.tasks:
                    await asyncio.sleep(0.001)
        for task in self.server_state.tasks:
            task.cancel()
        await self.lifespan.shutdown()


@contextlib.asynccontextmanager
async def serve(app: Any, listening: socket.socket) -> AsyncIterator[None]:
    """Serve an ASGI application through a socket while the context is open. Raises ServerFailed."""
    config = uvicorn.Config(app, lifespan="on", log_level="warning", access_log=False, server_header=False, http=_Http)
    # The address of a viewer is that of its socket, never what its X-Forwarded-For says.
    config.proxy_headers = False
    config.timeout_keep_alive = SECONDS_IDLE
    config.timeout_graceful_shutdown = 3
    server = Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:
        if serving.done():
            raise ServerFailed(f"The server at {base_url(listening)} did not start; the cause is printed above.")
        await asyncio.sleep(0.01)
    try:
        yield
    finally:
        server.stop()
        await serving
