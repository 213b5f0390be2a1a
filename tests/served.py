"""ASGI apps, and the standard library's HTTP servers, on real sockets."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from socketserver import BaseServer
from typing import Any, TypeVar

import uvicorn
from starlette.types import ASGIApp

from local.servers import Server

AnyServer = TypeVar("AnyServer", bound=BaseServer)


@contextlib.contextmanager
def serving() -> Iterator[Callable[..., str]]:
    """Yield a function that serves an app on a free port of 127.0.0.1 and returns its URL. All stop together."""
    running: list[tuple[Server, threading.Thread]] = []

    def serve(app: ASGIApp, **options: Any) -> str:
        config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, timeout_graceful_shutdown=1, **options)
        server = Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        deadline = time.monotonic() + 20
        while not server.started:
            assert thread.is_alive() and time.monotonic() < deadline, "the server did not start"
            time.sleep(0.001)
        running.append((server, thread))
        return f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"

    try:
        yield serve
    finally:
        for server, _ in running:
            server.stop()
        for _, thread in running:
            thread.join()


@contextlib.contextmanager
def served(app: ASGIApp, **options: Any) -> Iterator[str]:
    """Serve one app; yields its URL. `options` are uvicorn's."""
    with serving() as serve:
        yield serve(app, **options)


@contextlib.contextmanager
def accepting(server: AnyServer) -> Iterator[AnyServer]:
    """Let a server of the standard library accept requests, in a thread; yields the server."""
    with server:
        # The default, half a second, is what each test would wait for its server to stop.
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.005})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
