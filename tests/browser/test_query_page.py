"""The local page to query from, in a real browser: its examples, its pages of a list, and what it says of a refusal."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from graphql import parse
from playwright.sync_api import Browser, Page, expect

from tests import PROJECT
from tests.chromium import axe_findings, chromium, screenshot, watched
from tests.running_stack import Stack
from tests.stack.test_journey import ask, sign_in

EXAMPLES = (PROJECT / "examples.graphql").read_text()
TITLES = re.findall(r"^# (.+)$", EXAMPLES, re.M)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, stack: Stack) -> Iterator[Page]:
    """The page, with the demo user signed in."""
    with watched(browser, viewport={"width": 1280, "height": 900}) as watch:
        watch.page.goto(stack["GraphqlUrl"].removesuffix("graphql"))
        watch.page.get_by_role("button", name="Sign in as the demo user").click()
        expect(watch.page.get_by_role("status")).to_have_text("Signed in as the demo user.")
        yield watch.page


def answer(page: Page) -> Any:
    """What the page shows once the API has answered."""
    expect(page.get_by_role("status")).to_have_text(re.compile(r"^\d+ in \d+ ms"))
    return json.loads(page.get_by_label("Answer").and_(page.locator("pre")).inner_text())


def test_every_example_has_a_title_of_its_own() -> None:
    assert len(set(TITLES)) == len(parse(EXAMPLES).definitions)


@pytest.mark.parametrize("title", TITLES)
def test_example_is_answered_after_one_click(page: Page, title: str) -> None:
    page.get_by_role("button", name=title, exact=True).click()
    found = answer(page)
    assert "errors" not in found
    assert None not in found["data"].values()


def test_page_shows_the_schema_and_is_accessible(page: Page) -> None:
    expect(page.get_by_text("The name of every file, as `getUrl` takes it")).to_be_visible()
    expect(
        page.get_by_text("listFiles(prefix: String, delimiter: String, limit: Int, nextToken: String)")
    ).to_be_visible()
    page.get_by_role("button", name="A gallery").click()
    answer(page)
    screenshot(page, "query-page")
    assert axe_findings(page) == []


def test_next_page_leads_through_every_file(page: Page, stack: Stack) -> None:
    user = {"Authorization": sign_in(stack)["AccessToken"]}
    next_page = page.get_by_role("button", name="Next page")
    page.get_by_role("button", name="Page by page").click()
    names = []
    while True:
        found = answer(page)["data"]["listFiles"]
        names += [file["name"] for file in found["items"]]
        if found["nextToken"] is None:
            break
        next_page.click()
    expect(next_page).to_be_hidden()
    assert names == ask(stack, "{ getFiles }", user)["getFiles"]


def test_refusal_is_said_by_name(page: Page) -> None:
    page.get_by_label("Query").fill('{ getUrl(file: "../x") }')
    page.get_by_label("Query").press("Control+Enter")
    expect(page.get_by_role("status")).to_contain_text("InvalidFileName, The file name '../x' cannot be served")


def test_variables_that_are_not_json_are_not_sent(page: Page) -> None:
    page.get_by_label("Variables").fill("{")
    page.get_by_label("Variables").press("Control+Enter")
    expect(page.get_by_role("status")).to_contain_text("The variables are not JSON")
