"""The page under access rules: it starts where the user may be, and says what they may not open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.stand_in import BY_PASSWORD, PAGE, StandIn, allowed, item, stand_in
from tests.browser.steps import fill_in
from tests.browser.strict_cognito import USER, StrictCognito
from tests.chromium import axe_findings, screenshot

MINE, OTHERS = "home/5b1c0c6e/", "home/99999999/"
FILES = [f"{MINE}letter.txt", f"{MINE}photos/sun.txt", f"{OTHERS}secret.txt", "shared/plan.txt", "teams/red/notes.txt"]


def bucket(*readable: str) -> Any:
    """Return a function that lists FILES by folder for a caller who may read these prefixes, as the API does."""

    def listing(sent: dict[str, Any]) -> dict[str, Any]:
        prefix: str = sent["prefix"]
        may_list = any(prefix.startswith(root) for root in readable)
        names = [name for name in FILES if may_list] or [root for root in readable if root.startswith(prefix)]
        rests = [name.removeprefix(prefix) for name in names if name.startswith(prefix)]
        if "delimiter" not in sent["query"]:
            return {"items": [item(prefix + rest) for rest in rests], "nextToken": None}
        folders = sorted({f"{prefix}{rest.partition('/')[0]}/" for rest in rests if "/" in rest})
        items = [item(prefix + rest) for rest in rests if "/" not in rest]
        return {"items": items, "folders": folders, "nextToken": None}

    return listing


def give(servers: StandIn, *readable: str) -> None:
    """Let the user of these servers read these prefixes."""
    servers.access = [allowed(prefix) for prefix in readable]
    servers.listing = bucket(*readable)
    servers.link = lambda sent: item(sent["file"]) if sent["file"].startswith(readable) else None
    servers.file = lambda _request: {"content_type": "text/plain", "body": "Some text"}


@pytest.fixture
def servers(browser: Browser) -> Iterator[StandIn]:
    with stand_in(browser) as servers:
        yield servers


def names(page: Page, kind: str) -> Locator:
    return page.get_by_role("list", name=kind).get_by_role("link")


def loaded(page: Page, heading: str) -> None:
    expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
    expect(page.get_by_role("main")).to_have_attribute("aria-busy", "false")


def test_without_rules_one_request_shows_the_first_page_and_later_ones_do_not_repeat_the_access(
    servers: StandIn,
) -> None:
    give(servers, "")
    servers.open()
    expect(names(servers.page, "Folders")).to_have_text(["home", "shared", "teams"])
    assert (len(servers.asked), servers.access_requests) == (1, 1)
    names(servers.page, "Folders").filter(has_text="shared").click()
    expect(names(servers.page, "Files")).to_have_count(1)
    assert (len(servers.asked), servers.access_requests) == (2, 1)


def test_user_with_one_folder_starts_in_it(servers: StandIn) -> None:
    page = servers.page
    give(servers, MINE)
    servers.open()
    expect(names(page, "Files")).to_contain_text(["letter.txt"])
    loaded(page, "All files")
    expect(page.get_by_role("navigation", name="Parent folders")).to_have_count(0)
    expect(page).to_have_title("All files – Private files")
    assert page.evaluate("document.activeElement === document.body")  # the page has loaded, nobody went anywhere
    assert [sent["prefix"] for sent in servers.asked] == ["", MINE]
    assert axe_findings(page) == []
    screenshot(page, "one-folder")

    names(page, "Folders").click()
    loaded(page, "photos")
    expect(page.get_by_role("heading", name="photos")).to_be_focused()
    expect(page.get_by_role("navigation", name="Parent folders")).to_have_text("All filesphotos")
    page.get_by_role("link", name="All files").click()
    loaded(page, "All files")
    page.get_by_role("searchbox").fill("LETT")
    expect(names(page, "Files")).to_contain_text(["letter.txt"])
    assert servers.asked[-1]["prefix"] == MINE


def test_file_opened_from_the_start_keeps_the_folder_and_the_focus(servers: StandIn) -> None:
    page = servers.page
    give(servers, MINE)
    servers.open()
    names(page, "Files").click()
    expect(page.get_by_role("dialog").locator("pre")).to_have_text("Some text")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(names(page, "Files")).to_be_focused()
    assert [sent["prefix"] for sent in servers.asked if "prefix" in sent] == ["", MINE]


def test_several_folders_are_the_top_folders(servers: StandIn) -> None:
    page = servers.page
    give(servers, MINE, "shared/", "teams/red/")
    servers.open()
    loaded(page, "All files")
    expect(names(page, "Folders")).to_have_text([MINE.rstrip("/"), "shared", "teams/red"])
    expect(page.get_by_role("status")).to_have_text("3 folders, 0 files")
    assert len(servers.asked) == 1
    assert axe_findings(page) == []
    screenshot(page, "several-folders")
    names(page, "Folders").filter(has_text="teams/red").click()
    loaded(page, "red")
    expect(page.get_by_role("navigation", name="Parent folders")).to_have_text("All filesteams/red")
    page.get_by_role("link", name="All files").click()
    page.get_by_role("searchbox").fill("t")
    expect(names(page, "Files")).to_contain_text(["letter.txt", "sun.txt", "plan.txt", "notes.txt"])
    assert [sent["prefix"] for sent in servers.asked] == ["", "teams/red/", MINE, "shared/", "teams/red/"]


def test_folder_above_those_of_the_user_leads_to_them(servers: StandIn) -> None:
    give(servers, MINE, "teams/red/")
    servers.open("teams/")
    loaded(servers.page, "teams")
    expect(names(servers.page, "Folders")).to_have_text(["red"])
    names(servers.page, "Folders").click()
    expect(names(servers.page, "Files")).to_contain_text(["notes.txt"])


def test_prefixes_that_can_only_be_written_or_lie_in_others_are_not_folders_of_their_own(servers: StandIn) -> None:
    give(servers, "shared/", "teams/red/")
    servers.access += [allowed("incoming/", read=False, write=True), allowed("shared/plans/", write=True), None, {}]
    servers.open()
    expect(names(servers.page, "Folders")).to_have_text(["shared", "teams/red"])


@pytest.mark.parametrize("access", [[], [allowed("incoming/", read=False, write=True)]])
def test_user_without_a_folder_is_told_what_to_do(servers: StandIn, access: Any) -> None:
    give(servers)
    servers.access = access
    servers.open()
    expect(servers.page.get_by_role("heading", name="You have no access to any folder yet")).to_be_visible()
    expect(servers.page.get_by_text("Ask your administrator to give you access.")).to_be_visible()
    expect(servers.page.get_by_text("No files yet")).to_have_count(0)
    assert axe_findings(servers.page) == []
    screenshot(servers.page, "no-access")


@pytest.mark.parametrize(
    ("route", "what"),
    [
        (OTHERS, "folder"),
        ("nowhere/", "folder"),
        (f"{OTHERS}secret.txt", "file"),
        (f"{OTHERS}none", "file"),
        ("home/x", "file"),
    ],
)
def test_address_outside_says_the_same_whether_it_exists_or_not(servers: StandIn, route: str, what: str) -> None:
    page = servers.page
    give(servers, MINE)
    servers.open(route)
    expect(page.get_by_role("heading", name=f"You have no access to this {what}")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("alert")).to_have_count(0)
    screenshot(page, "outside")
    page.get_by_role("link", name="Show all files").click()
    expect(names(page, "Files")).to_contain_text(["letter.txt"])


def test_refused_file_costs_only_itself_and_is_explained_when_opened(servers: StandIn) -> None:
    page = servers.page
    error = {"message": "…", "errorType": "NotAllowed", "path": ["listFiles", "items", 1, "url"]}
    items = [item("a.txt"), item("b.txt", url=None), item("c.txt")]
    servers.listing = {
        "data": {"listFiles": {"items": items, "folders": [], "nextToken": None}},
        "errors": [error],
    }
    servers.link = {"data": {"getFile": item("b.txt", url=None)}, "errors": [error]}
    servers.open()
    expect(names(page, "Files")).to_have_count(3)
    names(page, "Files").filter(has_text="b.txt").click()
    expect(page.get_by_role("alert")).to_contain_text("You have no access to this file.")
    expect(page.get_by_role("alert")).to_contain_text("Ask your administrator if you need it.")
    expect(page.get_by_role("alert")).not_to_contain_text("NotAllowed")


def test_api_that_does_not_say_what_is_allowed_is_used_as_without_rules(servers: StandIn) -> None:
    give(servers, "")
    servers.access = None
    servers.open()
    expect(names(servers.page, "Folders")).to_have_text(["home", "shared", "teams"])


def test_two_users_see_two_worlds(browser: Browser) -> None:
    with ExitStack() as stack:
        mine, theirs = (stack.enter_context(stand_in(browser)) for _ in range(2))
        give(mine, MINE)
        give(theirs, OTHERS, "shared/")
        for servers in (mine, theirs):
            servers.open()
            loaded(servers.page, "All files")
        expect(names(mine.page, "Files")).to_contain_text(["letter.txt"])
        expect(names(theirs.page, "Folders")).to_have_text([OTHERS.rstrip("/"), "shared"])
        theirs.page.goto(f"{PAGE}/#/{MINE}letter.txt")
        expect(theirs.page.get_by_role("heading", name="You have no access to this file")).to_be_visible()
        assert "letter" not in str(theirs.page.locator(".files").all_text_contents())


def test_next_user_of_a_tab_sees_nothing_of_the_one_before(browser: Browser) -> None:
    with stand_in(browser, BY_PASSWORD) as servers:
        page = servers.page
        servers.cognito = StrictCognito().operations()
        give(servers, MINE, "shared/")
        servers.open("shared/")
        fill_in(page, USER, "Some-password-1")
        loaded(page, "shared")
        page.get_by_role("button", name="Sign out").click()
        give(servers, OTHERS)
        fill_in(page, USER, "Some-password-1")
        expect(page.get_by_role("heading", name="You have no access to this folder")).to_be_visible()
        page.get_by_role("link", name="Show all files").click()
        expect(names(page, "Files")).to_contain_text(["secret.txt"])
        expect(names(page, "Folders")).to_have_count(0)
