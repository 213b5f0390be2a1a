"""The GraphQL API under load: many at once, too many at once, and clients that leave."""

import asyncio
import threading
import time
from typing import Any

import aiohttp
import httpx

from tests.appsync_stand import API_KEY, Aws, data_plane

KEY = {"x-api-key": API_KEY}
SECONDS = 20


async def _ask(http: aiohttp.ClientSession, url: str, name: str) -> tuple[int, Any]:
    body = {"query": "query ($name: String!) { getUrl(name: $name) }", "variables": {"name": name}}
    async with http.post(f"{url}/graphql", json=body, headers=KEY) as response:
        return response.status, await response.json()


def test_300_queries_at_once_are_all_answered_by_four_functions_at_a_time() -> None:
    at_work: list[int] = [0, 0]

    async def answer(event: Any) -> str:
        at_work[0] += 1
        at_work[1] = max(at_work)
        await asyncio.sleep(0)
        at_work[0] -= 1
        return f"url of {event['arguments']['name']}"

    async def ask_all(url: str) -> list[tuple[int, Any]]:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
            return await asyncio.gather(*(_ask(http, url, str(number)) for number in range(300)))

    with data_plane(Aws(answer=answer), concurrency=4) as url:
        answers = asyncio.run(ask_all(url))
    assert answers == [(200, {"data": {"getUrl": f"url of {number}"}}) for number in range(300)]
    assert at_work[1] <= 4


def test_one_query_too_many_is_throttled_and_a_client_that_leaves_makes_room() -> None:
    begun, finish = threading.Event(), threading.Event()

    async def answer(_event: Any) -> str:
        begun.set()
        await asyncio.to_thread(finish.wait, SECONDS)
        return "a url"

    async def ask_and_leave(url: str) -> httpx.Response:
        async with aiohttp.ClientSession() as http, httpx.AsyncClient(base_url=url, headers=KEY) as others:
            asking = asyncio.create_task(_ask(http, url, "first"))
            assert await asyncio.to_thread(begun.wait, SECONDS)
            refused = await others.post("/graphql", json={"query": "{ __typename }"})
            asking.cancel()
            deadline = time.monotonic() + SECONDS
            while (await others.post("/graphql", json={"query": "{ __typename }"})).status_code == 429:
                assert time.monotonic() < deadline, "the client that left still takes up its place"
            return refused

    with data_plane(Aws(answer=answer), most_requests=1) as url:
        try:
            refused = asyncio.run(ask_and_leave(url))
        finally:
            finish.set()
    assert refused.status_code == 429
    assert refused.headers["x-amzn-errortype"] == "TooManyRequestsException"
    assert refused.json() == {"errors": [{"errorType": "TooManyRequestsException", "message": "Rate exceeded"}]}
