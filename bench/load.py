"""The cost of the local GraphQL API under load, compared with a server that returns a fixed response."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass

import aiohttp
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.aws_stand_in import API_KEY, REGION, SESSION, SIGNED_URL, aws
from bench.paired import Timed, compare
from bench.rows import Row, of_pair
from local.data_planes.appsync.app import create_app

CONCURRENT = 100
KEPT_OF = 5_000
TYPE_NAME = '{"query":"{ __typename }"}', '{"data":{"__typename":"Query"}}'
GET_URL = '{"query":"{ getUrl(file: \\"photos/first.jpg\\") }"}', f'{{"data":{{"getUrl":"{SIGNED_URL}"}}}}'


@dataclass(frozen=True)
class Server:
    """A server in a thread of its own, so that its CPU time is measured without that of its clients."""

    server: uvicorn.Server
    loop: asyncio.AbstractEventLoop

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.servers[0].sockets[0].getsockname()[1]}"

    def cpu_seconds(self) -> float:
        return asyncio.run_coroutine_threadsafe(_thread_time(), self.loop).result()

    def wait_until_idle(self) -> None:
        while self.server.server_state.connections:
            time.sleep(0.01)


def rows(rounds: int) -> Iterator[Row]:
    """Compare the CPU time of two queries with the bare server's, then count the objects that 5,000 responses leave."""
    with _served(aws()) as stand_in, _served(_plane(stand_in.url)) as plane:
        for subject, (query, expected), goal in (("__typename", TYPE_NAME, 10), ("getUrl", GET_URL, 16)):
            with _served(_bare(expected)) as bare:
                pair = compare(_timed(plane, query, expected), _timed(bare, query, expected), rounds)
            against = "Starlette returning the same bytes"
            yield of_pair(f"local GraphQL API, {subject}", against, pair, 1 / pair.ratio, "× the cost", at_most=goal)
        yield Row(
            f"local GraphQL API, {KEPT_OF:,} getUrl",
            "objects kept per response; a leak keeps 12",
            _kept(plane) / KEPT_OF,
            "objects",
            at_most=0.5,
        )


def _plane(aws_endpoint_url: str) -> Starlette:
    return create_app(
        session=SESSION,
        api_id="an-api",
        region=REGION,
        aws_endpoint_url=aws_endpoint_url,
        ca_bundle=None,
        credentials={},
    )


def _bare(body: str) -> Starlette:
    async def graphql(request: Request) -> Response:
        await request.body()
        return Response(body, media_type="application/json;charset=UTF-8")

    return Starlette(routes=[Route("/graphql", graphql, methods=["POST"])])


def _timed(server: Server, query: str, expected: str) -> Timed:
    def timed() -> float:
        started = server.cpu_seconds()
        asyncio.run(_send(server.url, query, expected, CONCURRENT))
        return (server.cpu_seconds() - started) / CONCURRENT

    return timed


def _kept(plane: Server) -> int:
    held = []
    for times in (KEPT_OF // 5, KEPT_OF):
        asyncio.run(_send(plane.url, *GET_URL, times))
        plane.wait_until_idle()
        gc.collect()
        held.append(sys.getallocatedblocks())
    return held[1] - held[0]


async def _send(url: str, query: str, expected: str, times: int) -> None:
    """Send a query this often, 100 at once. Raises AssertionError if a response is not the expected one."""
    headers = {"x-api-key": API_KEY, "content-type": "application/json"}
    turns = iter(range(times))

    async def send_in_turn() -> None:
        for _ in turns:
            async with http.post(f"{url}/graphql", data=query.encode(), headers=headers) as response:
                assert await response.text() == expected  # noqa: S101 - otherwise the figure means nothing

    async with aiohttp.ClientSession() as http:
        await asyncio.gather(*(send_in_turn() for _ in range(CONCURRENT)))


async def _thread_time() -> float:
    return time.thread_time()


@contextmanager
def _served(app: Starlette) -> Iterator[Server]:
    config = uvicorn.Config(app, port=0, lifespan="on", log_level="warning", access_log=False)
    server = uvicorn.Server(config)
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    serving: Future[None] = asyncio.run_coroutine_threadsafe(server.serve(), loop)
    while not server.started:
        if serving.done():
            raise RuntimeError("The server did not start; see the lines above.")
        time.sleep(0.01)
    try:
        yield Server(server, loop)
    finally:
        server.should_exit = True
        serving.result()
        loop.call_soon_threadsafe(loop.stop)
