"""The ports on loopback that the stack answers at, and the servers behind them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import uvicorn

HOST = "127.0.0.1"


class PortTaken(RuntimeError):
    """Something else listens on a port that this stack wants."""


class DoorClosed(RuntimeError):
    """The stack is up, and does not open: a server did not start, or a sample file cannot be had."""


@contextlib.contextmanager
def listen(port: int, option: str) -> Iterator[socket.socket]:
    """A socket that listens on loopback; raises PortTaken."""
    # Named as TCP, because asyncio sets TCP_NODELAY on no other; without it every answer waits 40 ms for an ACK.
    with socket.socket(proto=socket.IPPROTO_TCP) as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind((HOST, port))
            door.listen()  # at once: two may be bound to a port for as long as neither listens
        except OSError as error:
            raise PortTaken(
                f"Port {port} on {HOST} is taken ({error.strerror}). Is another stack running? "
                f"Name another port: make up OPTIONS='{option} {port + 1000}'"
            ) from error
        yield door


def origin(door: socket.socket) -> str:
    """Where a browser finds this socket: scheme, host and port."""
    return f"http://{HOST}:{door.getsockname()[1]}"


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # the whole program has one place that handles signals


@contextlib.asynccontextmanager
async def serve(app: Any, door: socket.socket) -> AsyncIterator[None]:
    """Serves this ASGI application through the socket meanwhile; raises DoorClosed."""
    config = uvicorn.Config(app, lifespan="on", log_level="warning", access_log=False, server_header=False)
    # The address of a viewer is that of its socket, never what its X-Forwarded-For says.
    config.proxy_headers = False
    config.timeout_graceful_shutdown = 3
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[door]))
    while not server.started:
        if serving.done():
            raise DoorClosed(f"The server at {door.getsockname()} did not start; see the lines above.")
        await asyncio.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        await serving
