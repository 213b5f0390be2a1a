"""ASGI apps on real sockets."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn
from starlette.types import ASGIApp


class Server(uvicorn.Server):
    """uvicorn, which notices within a hundredth of a second that it should stop: hundreds of tests wait for that."""

    async def main_loop(self) -> None:
        counter = 0
        while not await self.on_tick(counter):
            await asyncio.sleep(0.01)
            counter += 1


@contextlib.contextmanager
def serving() -> Iterator[Callable[..., str]]:
    """Yield a function that serves an app on a free port of 127.0.0.1 and returns its URL. All stop together."""
    running: list[tuple[Server, threading.Thread]] = []

    def serve(app: ASGIApp, **options: Any) -> str:
        config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, timeout_graceful_shutdown=2, **options)
        server = Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        running.append((server, thread))
        deadline = time.monotonic() + 20
        while not server.started:
            assert thread.is_alive() and time.monotonic() < deadline, "the server did not start"
            time.sleep(0.005)
        return f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"

    try:
        yield serve
    finally:
        for server, _ in running:
            server.should_exit = True
        for _, thread in running:
            thread.join()


@contextlib.contextmanager
def served(app: ASGIApp, **options: Any) -> Iterator[str]:
    """Serve one app; yields its URL. `options` are uvicorn's."""
    with serving() as serve:
        yield serve(app, **options)
