"""GraphiQL in a real browser: its callers, its panes, the examples, and the links in a response."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from graphql import parse
from playwright.sync_api import Browser, Page, expect

from tests import PROJECT
from tests.chromium import Watched, axe_findings, screenshot, watched
from tests.graphql_caller import execute, sign_in
from tests.running_stack import Stack

EXAMPLES = (PROJECT / "examples.graphql").read_text()
TITLES = re.findall(r"^# (.+)$", EXAMPLES, re.M)

# What axe finds in GraphiQL's own elements, which are not this project's to change.
IN_GRAPHIQL = {
    "nested-interactive": "a tab of GraphiQL holds the buttons that select and close it",
    "scrollable-region-focusable": "CodeMirror keeps its focusable input outside of what it scrolls",
    "aria-input-field-name": "CodeMirror's list of completions has no name",
    "label-content-name-mismatch": "an entry of the history is labelled by what a click does",
}


@pytest.fixture(scope="module")
def address(stack: Stack) -> str:
    return stack.outputs.graphql_url.removesuffix("graphql")


@pytest.fixture
def watch(browser: Browser, address: str) -> Iterator[Watched]:
    """GraphiQL, signed out."""
    with watched(browser, address.removesuffix("/"), viewport={"width": 1280, "height": 800}) as watch:
        watch.page.goto(address)
        yield watch


@pytest.fixture
def page(watch: Watched) -> Page:
    """GraphiQL, with the demo user signed in."""
    watch.page.get_by_role("button", name="Sign in as the demo user").click()
    expect(watch.page.get_by_role("status")).to_have_text("Signed in as the demo user.")
    return watch.page


def response_text(page: Page) -> str:
    """Return the response once there is one."""
    editor = page.locator(".graphiql-response .CodeMirror")
    expect(editor.locator(".CodeMirror-code")).to_contain_text(re.compile(r"\w"))
    return str(editor.evaluate("box => box.CodeMirror.getValue()"))


def response(page: Page) -> Any:
    return json.loads(response_text(page))


def write(page: Page, query: str, variables: str = "") -> None:
    """Replace what the editors hold, as a paste does."""
    page.locator(".graphiql-query-editor .CodeMirror").evaluate("(box, text) => box.CodeMirror.setValue(text)", query)
    editor = page.locator(".graphiql-editor-tool .CodeMirror")
    editor.evaluate("(box, text) => box.CodeMirror.setValue(text)", variables)


def run(page: Page) -> None:
    page.locator(".graphiql-query-editor .CodeMirror").click()
    page.keyboard.press("Control+Enter")


def findings(page: Page) -> list[str]:
    return [found for found in axe_findings(page) if found.partition(":")[0] not in IN_GRAPHIQL]


def test_every_example_has_a_title_of_its_own() -> None:
    assert len(set(TITLES)) == len(parse(EXAMPLES).definitions)


@pytest.mark.parametrize("title", TITLES)
def test_example_runs_with_one_click(page: Page, title: str) -> None:
    page.get_by_role("button", name=title, exact=True).click()
    found = response(page)
    assert "errors" not in found
    assert None not in found["data"].values()


def test_next_page_leads_through_every_file(page: Page, stack: Stack) -> None:
    user = {"Authorization": sign_in(stack)["AccessToken"]}
    next_page = page.get_by_role("button", name="Next page", exact=True)
    page.get_by_role("button", name="Page by page").click()
    names = []
    while True:
        found = response(page)["data"]["listFiles"]
        names += [file["name"] for file in found["items"]]
        if found["nextToken"] is None:
            break
        next_page.click()
    expect(next_page).to_be_hidden()
    assert names == execute(stack, "{ getFiles }", user)["getFiles"]


def test_url_in_a_response_is_a_link_that_opens_its_file(page: Page, samples: Path) -> None:
    page.get_by_role("button", name="A gallery").click()
    links = page.get_by_role("navigation", name="Links in the response").get_by_role("link")
    expect(links).to_have_count(len(list((samples / "pictures").iterdir())))
    link = links.filter(has_text="pictures/night train.svg").get_attribute("href")
    content = (samples / "pictures" / "night train.svg").read_bytes()
    assert requests.get(str(link), timeout=30).content == content


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_panes_show_schema_completion_and_history_and_are_accessible(page: Page, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    page.get_by_role("button", name="A gallery").click()
    response(page)
    screenshot(page, f"graphiql-examples-{scheme}")
    assert findings(page) == []

    page.get_by_role("button", name="Show Documentation Explorer").click()
    page.get_by_role("link", name="Query", exact=True).click()
    expect(page.get_by_text("The names of all files, in order of their UTF-8 bytes").first).to_be_visible()
    screenshot(page, f"graphiql-docs-{scheme}")
    assert findings(page) == []

    page.get_by_role("button", name="Show History").click()
    expect(page.get_by_role("button", name="Gallery", exact=False).first).to_be_visible()
    write(page, "")
    page.locator(".graphiql-query-editor .CodeMirror").click()
    page.keyboard.type("{ get")
    page.keyboard.press("Control+Space")
    expect(page.get_by_role("listbox").get_by_text("getFiles", exact=True)).to_be_visible()
    screenshot(page, f"graphiql-completion-{scheme}")
    assert findings(page) == []
    page.keyboard.press("Escape")

    page.get_by_role("button", name="Open short keys dialog").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert findings(page) == []


def test_signed_out_caller_sees_the_refusal_of_the_api(watch: Watched) -> None:
    watch.provoked.append("401 (Unauthorized)")
    watch.page.get_by_role("button", name=TITLES[0], exact=True).click()
    assert response(watch.page)["errors"][0]["errorType"] == "UnauthorizedException"
    assert findings(watch.page) == []


def test_missing_demo_user_is_reported(watch: Watched) -> None:
    watch.provoked.append("404 (Not Found)")
    watch.page.route("**/demo-token", lambda route: route.fulfill(status=404, body="There is no demo user."))
    watch.page.get_by_role("button", name="Sign in as the demo user").click()
    expect(watch.page.get_by_role("status")).to_have_text("There is no demo user.")
    expect(watch.page.get_by_label("Caller")).to_have_value("signed out")


def test_pasted_token_is_sent_once_it_is_submitted(watch: Watched, stack: Stack) -> None:
    page = watch.page
    page.get_by_label("Caller").select_option(label="A user, by token")
    page.get_by_label("Token", exact=True).fill(sign_in(stack)["AccessToken"])
    page.get_by_role("button", name="Use", exact=True).click()
    expect(page.get_by_role("status")).to_have_text("Sending the token.")
    page.get_by_role("button", name=TITLES[0], exact=True).click()
    assert response(page)["data"]["getFiles"]


def test_wrong_api_key_is_refused(watch: Watched) -> None:
    page = watch.page
    watch.provoked.append("401 (Unauthorized)")
    page.get_by_label("Caller").select_option(label="API key")
    page.get_by_label("API key", exact=True).fill("da2-wrong")
    with page.expect_request(lambda request: request.headers.get("x-api-key") == "da2-wrong"):
        page.get_by_label("API key", exact=True).press("Enter")
    assert response(page)["errors"][0]["errorType"] == "UnauthorizedException"


def test_refusal_is_shown_by_name(page: Page) -> None:
    write(page, '{ getUrl(file: "../x") }')
    run(page)
    error = response(page)["errors"][0]
    assert error["errorType"] == "InvalidFileName"
    assert "The file name '../x' cannot be served" in error["message"]


def test_variables_that_are_not_json_are_not_sent(page: Page) -> None:
    write(page, "{ getFiles }", "{")
    run(page)
    assert "Variables are invalid JSON" in response_text(page)


def test_signed_url_is_neither_sent_nor_kept(page: Page) -> None:
    url = f"https://files.example.com/a.txt?Expires=1&Signature={'S1gn-' * 20}&Key-Pair-Id=K"
    for query, variables in (
        (f"{{ getUrl(file: {json.dumps(url)}) }}", ""),
        ("query ($file: String!) { getUrl(file: $file) }", json.dumps({"file": url})),
    ):
        write(page, query, variables)
        run(page)
        assert "The request contains a signed URL." in response_text(page)
    page.reload()
    expect(page.get_by_role("button", name=TITLES[0], exact=True)).to_be_visible()
    assert "S1gn" not in page.evaluate("JSON.stringify({...localStorage})")
