"""A browser for the tests of this layer, and the session of a signed-in user."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.chromium import chromium, pdf_viewer_beside, watched
from tests.running_stack import Stack


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="package")
def pdf_viewer(browser: Browser) -> Iterator[Browser]:
    with pdf_viewer_beside(browser) as viewer:
        yield viewer


@pytest.fixture(scope="package")
def session(browser: Browser, stack: Stack) -> Any:
    """Return what the browser stores for a signed-in user."""
    with watched(browser) as watch:
        watch.page.goto(stack.outputs.frontend_url)
        watch.page.get_by_role("button", name=f"Sign in as {stack.outputs.demo_user}").click()
        expect(watch.page.get_by_role("heading", name="All files")).to_be_visible()
        return watch.page.context.storage_state()
