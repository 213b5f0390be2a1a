"""What users do on the page, for the tests."""

from __future__ import annotations

import time
from typing import Any

from playwright.sync_api import Page, expect

from tests.running_stack import Stack


def visit(page: Page, stack: Stack, route: str = "") -> None:
    """Open a route of the page and wait until it is loaded."""
    page.goto(f"{stack.outputs.frontend_url}/#/{route}")
    expect(page.get_by_role("main")).to_have_attribute("aria-busy", "false")


def file(page: Page, name: str) -> Any:
    """Return the link to a file in the list."""
    return page.get_by_role("list", name="Files").get_by_role("link", name=name)


def fill_in(page: Page, user: str, password: str) -> None:
    """Fill in the sign-in form and submit it."""
    page.get_by_label("E-mail address").fill(user)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def advance(page: Page, requested: list[Any], count: int) -> None:
    """Let time pass on the page until it has sent so many requests; it sets its next timer after each response."""
    limit = time.monotonic() + 20
    while len(requested) < count:
        assert time.monotonic() < limit, f"{len(requested)} requests instead of {count}"
        page.clock.run_for(200)
