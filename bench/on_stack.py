"""What people wait for on the local stack: the page on a slow line, a long folder, and a cold API that many call."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
from playwright.sync_api import Browser, Page, sync_playwright

from bench.rows import Row
from private_files.cognito import Cognito
from private_files.outputs import Outputs
from soak import processes, stack

CALLERS = 1_000
FUNCTION = "function Url"
FOLDER, FILES = "bench", 1_000
SLOW_LINE = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
SCROLL_SECONDS = 3
FRAMES = "cc,benchmark"
TILES = ".files:not(.skeleton) a"
# 40 pixels for every frame that the page draws
SCROLL = """async (seconds) => {
  const end = performance.now() + seconds * 1000;
  let frames = 0;
  for (scrollTo(0, 0); performance.now() < end; frames++) {
    await new Promise(requestAnimationFrame);
    scrollBy(0, 40);
  }
  return frames / seconds;
}"""


def rows(browser_program: str | None) -> Iterator[Row]:
    """Measure on one stack, which this starts; the page only if there is a browser."""
    with TemporaryDirectory() as folder, stack.running(Path(folder), []) as running:
        outputs = running.outputs
        if browser_program:
            s3 = running.client("s3")
            keys = [f"files/{FOLDER}/{number:04}.txt" for number in range(FILES)]
            with ThreadPoolExecutor(8) as pool:
                list(pool.map(lambda key: s3.put_object(Bucket=outputs.bucket_name, Key=key, Body=b"x"), keys))
            yield from _page_rows(browser_program, outputs)
        else:
            print("The page is not measured: Chromium is not installed.", file=sys.stderr)
        yield from _cold_rows(running)


def _page_rows(program: str, outputs: Outputs) -> Iterator[Row]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(outputs.frontend_url)
        page.get_by_role("button", name=f"Sign in as {outputs.demo_user}").click()
        page.locator(TILES).first.wait_for()
        user: Any = page.context.storage_state()
        painted, tiles = zip(*(_on_a_slow_line(browser, user, outputs) for _ in range(5)), strict=True)
        subject = "a folder of the page at 50 kB/s and 400 ms"
        yield Row(subject, "until something can be read", median(painted), "s", at_most=2)
        yield Row(subject, "until a signed-in user sees its files", median(tiles), "s", at_most=4)
        yield Row(
            f"scrolling {FILES:,} files",
            "of 60 frames a second",
            _frames(browser, user, outputs),
            "frames/s",
            at_least=58,
        )
        browser.close()


def _on_a_slow_line(browser: Browser, user: Any, outputs: Outputs) -> tuple[float, float]:
    """Return the seconds until the first paint, and until the tiles are there, with nothing in the browser's cache."""
    context = browser.new_context(storage_state=user)
    page = context.new_page()
    context.new_cdp_session(page).send("Network.emulateNetworkConditions", SLOW_LINE)
    started = time.perf_counter()
    page.goto(f"{outputs.frontend_url}/#/pictures/", wait_until="commit")
    page.locator(TILES).first.wait_for()
    seconds = time.perf_counter() - started
    painted: float = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    context.close()
    return painted / 1000, seconds


def _frames(browser: Browser, user: Any, outputs: Outputs) -> float:
    """Return how many frames a second the page draws while it scrolls through a folder that is loaded whole."""
    context = browser.new_context(storage_state=user, viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto(f"{outputs.frontend_url}/#/{FOLDER}/")
    page.locator(TILES).first.wait_for()
    while (count := page.locator(TILES).count()) < FILES:
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        page.wait_for_function(f"count => document.querySelectorAll('{TILES}').length > count", arg=count)
    frames = median(_presented(browser, page) for _ in range(5))
    context.close()
    return frames


def _presented(browser: Browser, page: Page) -> float:
    """Return the frames a second that the browser's tracing says it presented while the page scrolls."""
    browser.start_tracing(page=page, categories=FRAMES.split(","))
    page.evaluate(SCROLL, SCROLL_SECONDS)
    events = json.loads(browser.stop_tracing())["traceEvents"]
    reports = [event["args"].get("frame_reporter", {}) for event in events if event["name"] == "PipelineReporter"]
    # A frame whose main part is late has two reports.
    frames = {each["frame_sequence"] for each in reports if each.get("state", "").startswith("STATE_PRESENTED")}
    return len(frames) / SCROLL_SECONDS


def _cold_rows(running: stack.Stack) -> Iterator[Row]:
    """Send `getUrl` a thousand times at once to a function that does not run, and count what is not a URL."""
    root, outputs = running.process.pid, running.outputs
    token = Cognito(outputs).sign_in(outputs.demo_user, outputs.demo_password).access
    for worker in processes.workers(root, {FUNCTION}):
        os.kill(worker, signal.SIGKILL)
    seconds, results = asyncio.run(_call(outputs.graphql_url, token))
    memory = {name: sum(sizes) / 2**20 for name, sizes in processes.memory(root).items()}
    subject = f"{CALLERS:,} cold getUrl at once, local stack"
    errors = results.keys() - {"a URL"}
    yield Row(subject, ", ".join(sorted(errors)), CALLERS - results["a URL"], "errors", at_most=0)
    yield Row(subject, "by the clock, here", seconds, "s", at_most=30)
    yield Row(subject, "memory of the url function", memory[FUNCTION], "MB", at_most=400)
    yield Row(subject, "memory of the launcher and the data planes", memory["launcher and edge"], "MB", at_most=400)


async def _call(graphql_url: str, token: str) -> tuple[float, Counter[str]]:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, headers={"Authorization": token}) as http:

        async def call(number: int) -> str:
            query = {"query": f'{{ getUrl(file: "{number}.txt") }}'}
            try:
                async with http.post(graphql_url, json=query) as response:
                    content = await response.json()
            except aiohttp.ClientError as error:
                return type(error).__name__
            signed = "Signature=" in ((content.get("data") or {}).get("getUrl") or "")
            return "a URL" if signed else str(content["errors"][0].get("errorType", "an error"))

        started = time.perf_counter()
        results = await asyncio.gather(*map(call, range(CALLERS)))
        return time.perf_counter() - started, Counter(results)
