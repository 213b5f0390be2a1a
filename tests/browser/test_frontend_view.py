"""What the page shows before a file is opened: names, dates, folders; and before its script has loaded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.browser.looks import check_looks
from tests.browser.stand_in import PAGE, StandIn, item, stand_in
from tests.chromium import screenshot

LONG = "Quarterly report of the northern branch, second and corrected version, for the board 2026.pdf"


@pytest.fixture
def servers(browser: Browser) -> Iterator[StandIn]:
    with stand_in(browser, locale="en-GB", timezone_id="Europe/Berlin") as servers:
        yield servers


def listing(*items: Any, folders: Any = ()) -> dict[str, Any]:
    return {"items": list(items), "folders": list(folders), "nextToken": None}


def test_long_name_keeps_its_end_and_is_read_whole(servers: StandIn) -> None:
    servers.listing = listing(item(LONG), item("été " * 20 + "👩\u200d🚀" * 20 + ".png"), item("short.txt"))
    servers.link = lambda sent: item(sent["file"]) | {"saved": None}
    servers.file = lambda _request: {"content_type": "application/pdf", "body": "no PDF"}
    servers.open()
    tiles = servers.page.get_by_role("list", name="Files").get_by_role("link")
    names = servers.page.locator(".tile .name > [aria-hidden]")
    expect(names).to_have_text(["Quarterly report of the n…board 2026.pdf", re.compile(r"….*👩\u200d🚀\.png$")])
    expect(tiles.filter(has_text="short.txt").locator(".name")).to_have_text("short.txt")
    expect(servers.page.get_by_title(LONG)).to_be_visible()
    servers.page.get_by_role("list", name="Files").get_by_role("link", name=LONG).click()
    dialog = servers.page.get_by_role("dialog", name=LONG, exact=True)
    expect(dialog.get_by_role("heading", level=2).locator("[aria-hidden]")).to_contain_text("…board 2026.pdf")
    expect(dialog.get_by_text("5 bytes · 24 Nov 2026, 11:00")).to_be_visible()


def test_deep_breadcrumbs_fold_and_the_folded_ones_can_be_reached_by_keyboard(servers: StandIn) -> None:
    page = servers.page
    servers.listing = listing(item("a/b/c/d/e/f.bin"))
    servers.open("a/b/c/d/e/")
    crumbs = page.get_by_role("navigation", name="Parent folders")
    expect(crumbs.get_by_role("link")).to_have_text(["All files", "d"])
    expect(crumbs.locator("[aria-current]")).to_have_text("e")
    menu = crumbs.locator("summary")
    menu.focus()
    page.keyboard.press("Enter")
    expect(crumbs.get_by_role("link")).to_have_text(["All files", "a", "b", "c", "d"])
    check_looks(servers, "deep-folder")
    page.keyboard.press("Escape")
    expect(menu).to_be_focused()
    expect(crumbs.get_by_role("link")).to_have_count(2)
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="b", exact=True)).to_be_focused()
    expect(crumbs.get_by_role("link")).to_have_text(["All files", "a"])  # the last crumb is the folder itself


def test_icon_of_a_folder_is_visible_in_forced_colours(servers: StandIn) -> None:
    servers.listing = listing(folders=["a/"])
    servers.page.emulate_media(forced_colors="active", color_scheme="light")
    servers.open()
    folder = servers.page.get_by_role("link", name="a", exact=True)
    colours = folder.evaluate(
        "e => [getComputedStyle(e, '::before').backgroundColor, getComputedStyle(document.body).backgroundColor]"
    )
    assert colours[0] != colours[1]
    screenshot(servers.page, "folder-forced-colours")


def test_page_is_drawn_before_its_script_has_loaded_and_does_not_move_then(servers: StandIn) -> None:
    page = servers.page
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(re.compile(r"/config\.json$"), lambda _route: None)  # the page stays as it is while it loads
    page.route(re.compile(r"\.js$"), hold)
    page.goto(f"{PAGE}/", wait_until="commit")
    expect(page.get_by_text("Private files")).to_be_visible()
    expect(page.get_by_role("status")).to_have_text("Loading …")
    page.wait_for_function("() => document.styleSheets.length > 0")  # nothing is painted before
    expect(page.locator(".skeleton .tile").last).to_have_css("opacity", "1")
    places = (
        "['.brand', '.skeleton'].map((name) => JSON.stringify(document.querySelector(name).getBoundingClientRect()))"
    )
    before = page.evaluate(places)
    screenshot(page, "first-paint")
    page.unroute(re.compile(r"\.js$"))
    for route in held:
        servers.respond(route)
    page.wait_for_load_state("domcontentloaded")  # comes after the script has run
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    expect(page.locator(".skeleton .tile").last).to_have_css("opacity", "1")
    assert page.evaluate(places) == before
