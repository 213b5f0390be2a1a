"""The GraphQL API under load: many requests, too many requests, and clients that disconnect."""

import asyncio
import gc
import json
import sys
import threading
import time
from typing import Any

import aiohttp
import httpx
import pytest
from starlette.types import ASGIApp, Message

from tests.appsync_stand import API_KEY, Aws, Raised, data_plane, data_plane_app
from tests.raw_asgi import HOST
from tests.served import served

KEY = {"x-api-key": API_KEY}
SECONDS = 20
GET_URL = "query ($name: String!) { getUrl(name: $name) }"


async def _send(http: aiohttp.ClientSession, url: str, name: str) -> tuple[int, Any]:
    body = {"query": GET_URL, "variables": {"name": name}}
    async with http.post(f"{url}/graphql", json=body, headers=KEY) as response:
        return response.status, await response.json()


@pytest.mark.slow
def test_300_concurrent_queries_succeed_with_four_functions_at_a_time() -> None:
    at_work: list[int] = [0, 0]

    async def function(event: Any) -> str:
        at_work[0] += 1
        at_work[1] = max(at_work)
        await asyncio.sleep(0)
        at_work[0] -= 1
        return f"url of {event['arguments']['name']}"

    async def send_all(url: str) -> list[tuple[int, Any]]:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
            return await asyncio.gather(*(_send(http, url, str(number)) for number in range(300)))

    with data_plane(Aws(function=function), concurrency=4) as url:
        responses = asyncio.run(send_all(url))
    assert responses == [(200, {"data": {"getUrl": f"url of {number}"}}) for number in range(300)]
    assert at_work[1] <= 4


def test_query_beyond_the_limit_is_throttled_until_a_client_disconnects() -> None:
    begun, finish = threading.Event(), threading.Event()

    async def function(_event: Any) -> str:
        begun.set()
        await asyncio.to_thread(finish.wait, SECONDS)
        return "a url"

    async def send_and_disconnect(url: str) -> httpx.Response:
        async with aiohttp.ClientSession() as http, httpx.AsyncClient(base_url=url, headers=KEY) as others:
            sending = asyncio.create_task(_send(http, url, "first"))
            assert await asyncio.to_thread(begun.wait, SECONDS)
            refused = await others.post("/graphql", json={"query": "{ __typename }"})
            sending.cancel()
            deadline = time.monotonic() + SECONDS
            while (await others.post("/graphql", json={"query": "{ __typename }"})).status_code == 429:
                assert time.monotonic() < deadline, "the request of the disconnected client still counts"
            return refused

    with data_plane(Aws(function=function), most_requests=1) as url:
        try:
            refused = asyncio.run(send_and_disconnect(url))
        finally:
            finish.set()
    assert refused.status_code == 429
    assert refused.headers["x-amzn-errortype"] == "TooManyRequestsException"
    assert refused.json() == {"errors": [{"errorType": "TooManyRequestsException", "message": "Rate exceeded"}]}


async def _status(app: ASGIApp, body: bytes, key: str = API_KEY, *, disconnects: bool = False) -> int:
    """Return the status of one response, without a socket; with `disconnects`, the client leaves after its request."""
    arriving: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
    if disconnects:
        arriving.append({"type": "http.disconnect"})
    sent: list[Message] = []

    async def receive() -> Message:
        if not arriving:
            await asyncio.Future[None]()
        return arriving.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [HOST, (b"content-type", b"application/json"), (b"x-api-key", key.encode())]
    scope = {"type": "http", "method": "POST", "path": "/graphql", "query_string": b"", "headers": headers}
    await app(scope, receive, send)
    return int(sent[0]["status"])


@pytest.mark.slow
def test_2_760_requests_leave_no_objects_behind_however_they_end() -> None:
    def function(event: Any) -> str:
        if event["arguments"]["name"] == "absent":
            raise Raised({"errorType": "FileNotFound", "errorMessage": "There is no such file."})
        return "a url"

    aws = Aws(function=function)

    async def send_each_kind(app: ASGIApp, numbers: range) -> None:
        for number in numbers:
            bodies = [
                json.dumps({"query": GET_URL, "variables": {"name": name}}).encode()
                for name in (f"{number}.jpg", "absent")
            ]
            assert await asyncio.gather(
                *(_status(app, body) for body in bodies),
                _status(app, json.dumps({"query": f"{{ field{number} }}"}).encode()),
                _status(app, b"{"),
                _status(app, bodies[0], key=f"da2-{number}"),
                _status(app, bodies[0], disconnects=True),
            ) == [200, 200, 200, 400, 401, 499]
        aws.events.clear()

    async def growth(endpoint: str) -> int:
        app = data_plane_app(endpoint, fresh=3600.0)
        async with app.router.lifespan_context(app):
            await send_each_kind(app, range(60))
            before = await _objects_at_rest()
            await send_each_kind(app, range(60, 460))
            return await _objects_at_rest() - before

    with served(aws.app()) as endpoint:
        grown = asyncio.run(growth(endpoint))
    # Connections account for a few hundred objects; a leak would be a dozen for each of 400 requests.
    assert grown < 1200


async def _objects_at_rest() -> int:
    """Return how many blocks of memory Python holds once all tasks have ended."""
    if begun := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(begun, timeout=SECONDS)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    gc.collect()
    return sys.getallocatedblocks()
