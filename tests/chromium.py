"""A real browser for tests, which also reports errors in the console and requests to other machines."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from playwright.sync_api import (
    Browser,
    BrowserContext,
    BrowserType,
    ConsoleMessage,
    Page,
    Request,
    WebError,
    expect,
    sync_playwright,
)

from tests import PROJECT
from tests.install_programs import find_browser, find_headless_shell

SCREENSHOTS = os.environ.get("SCREENSHOTS")  # the folder for them; without it there are none, which is faster
AXE = PROJECT / "node_modules" / "axe-core" / "axe.min.js"
SECONDS = 20  # the first invocation of a function is slow on a busy machine
expect.set_options(timeout=SECONDS * 1000)
# Pages of one origin share a process within a context, so that only the first must start one.
SHARED_PROCESS = "--process-per-site"
OFFLINE = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run")


@contextmanager
def chromium(*switches: str) -> Iterator[Browser]:
    """Headless Chromium with these command-line switches; fails if it is not installed."""
    with (
        sync_playwright() as playwright,
        _launched(playwright.chromium, find_headless_shell() or find_browser(), switches) as browser,
    ):
        yield browser


@contextmanager
def pdf_viewer_beside(browser: Browser) -> Iterator[Browser]:
    """A second browser, for PDF files, which the headless shell does not show."""
    with _launched(browser.browser_type, find_browser()) as viewer:
        yield viewer


@contextmanager
def _launched(browser_type: BrowserType, program: str | None, switches: Sequence[str] = ()) -> Iterator[Browser]:
    assert program, "The page is tested in Chromium: run python -m tests.install_programs"
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", SHARED_PROCESS, *OFFLINE, *switches]
    browser = browser_type.launch(executable_path=program, args=arguments)
    yield browser
    browser.close()


@dataclass
class Watched:
    """A page, the errors in it, and `provoked`: parts of the messages that a test expects."""

    page: Page
    wrong: list[str] = field(default_factory=list)
    provoked: list[str] = field(default_factory=list)

    def faults(self) -> list[str]:
        return [text for text in self.wrong if not any(part in text for part in self.provoked)]


@contextmanager
def watched(browser: Browser, origin: str = "", **options: Any) -> Iterator[Watched]:
    """A new page; the test fails if errors remain at the end.

    It has nothing of the pages before it. With the `origin` of what it will open, it may have their process, which
    halves the time that it takes: an empty page of that origin stays open between tests.
    """
    idle = _idle_contexts.setdefault(browser, {})
    name = repr((origin, options))
    context = idle.pop(name, None) or browser.new_context(**options)
    if origin and not context.pages:
        _open_empty_page(context.new_page(), origin)
    with _watched_page(context) as watch:
        yield watch
        clock = origin and watch.page.evaluate("'__pwClock' in globalThis")  # it stays until the context is closed
    if origin and not clock and name not in idle:
        _clear(context, options)
        idle[name] = context
    else:
        context.close()
    assert not watch.faults(), watch.faults()


_idle_contexts: WeakKeyDictionary[Browser, dict[str, BrowserContext]] = WeakKeyDictionary()


def _open_empty_page(page: Page, origin: str) -> None:
    # It names an icon: the browser would ask the server for one, and the missing one would be an error in some test.
    empty = '<!doctype html><link rel="icon" href="data:," />'
    page.route(f"{origin}/empty", lambda route: route.fulfill(content_type="text/html", body=empty))
    page.goto(f"{origin}/empty")


def _clear(context: BrowserContext, options: dict[str, Any]) -> None:
    """Make a context what it was when it was new: what pages stored, and what a test allowed them."""
    [kept] = context.pages
    origin = kept.evaluate("location.origin")
    debugger = context.new_cdp_session(kept)
    debugger.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "all"})
    debugger.send("Network.clearBrowserCache")
    debugger.detach()
    context.clear_cookies()
    context.clear_permissions()
    if permissions := options.get("permissions"):
        context.grant_permissions(permissions)
    for state in options.get("storage_state", {"origins": []})["origins"]:
        assert state["origin"] == origin
        for item in state["localStorage"]:
            kept.evaluate("({ name, value }) => localStorage.setItem(name, value)", item)


@contextmanager
def _watched_page(context: BrowserContext) -> Iterator[Watched]:
    """A new page. It and the pages that it opened are closed at the end; the caller checks its faults."""
    others = context.pages
    context.set_default_timeout(SECONDS * 1000)
    watch = Watched(context.new_page())

    def on_console(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            watch.wrong.append(message.text)

    def on_request(request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme in ("http", "https", "ws", "wss") and address.hostname != "127.0.0.1":
            watch.wrong.append(f"a request to {address.hostname}")

    def on_error(error: WebError) -> None:
        watch.wrong.append(str(error.error))

    listeners: dict[Any, Any] = {"console": on_console, "weberror": on_error, "request": on_request}
    for event, listener in listeners.items():
        context.on(event, listener)
    yield watch
    for event, listener in listeners.items():
        context.remove_listener(event, listener)
    for page in context.pages:
        if page not in others:
            # A request that a route still handles must not fail the test, nor what it is sent after.
            page.unroute_all(behavior="ignoreErrors")
            page.close()


def axe_findings(page: Page) -> list[str]:
    """Return axe's findings that are at least serious: the rule and the elements."""
    page.evaluate(AXE.read_text())  # as a debugger does, past the page's policy
    found = page.evaluate("axe.run().then(({ violations }) => violations)")
    grave = [rule for rule in found if rule["impact"] in ("serious", "critical")]
    return [f"{rule['id']}: {node['target']} {node['failureSummary']}" for rule in grave for node in rule["nodes"]]


def screenshot(page: Page, name: str) -> None:
    """Save what the page looks like, for people, if the environment variable SCREENSHOTS names a folder."""
    if SCREENSHOTS:
        Path(SCREENSHOTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(SCREENSHOTS) / f"{name}.png")
