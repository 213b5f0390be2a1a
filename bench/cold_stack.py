"""Many callers at once whom no function has served before, on the local stack: errors, seconds and memory."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp

from bench.rows import Row
from private_files.outputs import Outputs
from soak import processes, stack

CALLERS = 1_000
FUNCTION = "function Url"


def rows() -> Iterator[Row]:
    """Start the stack, send `getUrl` a thousand times at once, and count what was not answered with a URL."""
    subject = f"{CALLERS:,} cold getUrl at once, local stack"
    with TemporaryDirectory() as folder, stack.running(Path(folder), ["auth=off"]) as running:
        root = running.process.pid
        for worker in processes.workers(root, FUNCTION):  # the launcher has tried the function
            os.kill(worker, signal.SIGKILL)
        seconds, results = asyncio.run(_call(running.outputs))
        memory = {name: sum(sizes) for name, sizes in processes.memory(root).items()}
    errors = CALLERS - results["a URL"]
    yield Row(subject, ", ".join(sorted(results.keys() - {"a URL"})) or "errors", errors, "errors", at_most=0)
    yield Row(subject, "by the clock, here", seconds, "s", at_most=30)
    yield Row(subject, "memory of the url function", memory[FUNCTION] / 2**20, "MB", at_most=400)
    yield Row(
        subject, "memory of the launcher with the data planes", memory["launcher and edge"] / 2**20, "MB", at_most=400
    )


async def _call(outputs: Outputs) -> tuple[float, Counter[str]]:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, headers={"x-api-key": outputs.api_key}) as http:

        async def call(number: int) -> str:
            query = {"query": f'{{ getUrl(file: "{number}.txt") }}'}
            try:
                async with http.post(outputs.graphql_url, json=query) as response:
                    content = await response.json()
            except aiohttp.ClientError as error:
                return type(error).__name__
            signed = "Signature=" in ((content.get("data") or {}).get("getUrl") or "")
            return "a URL" if signed else str(content["errors"][0].get("errorType", "an error"))

        started = time.perf_counter()
        results = await asyncio.gather(*map(call, range(CALLERS)))
        return time.perf_counter() - started, Counter(results)
