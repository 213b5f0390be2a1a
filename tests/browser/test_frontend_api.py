"""The page in front of an API that a test chooses: odd responses end in a sentence, and odd entries cost themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.stand_in import (
    BY_KEY,
    PAGE,
    SHORT_PAUSES,
    SIGNATURE,
    WITH_UPLOADS,
    StandIn,
    allowed,
    item,
    signed,
    stand_in,
)
from tests.browser.steps import advance
from tests.chromium import axe_findings, screenshot

PHONE = {"width": 360, "height": 740}
NOT_UNDERSTOOD = "The API sent a response that this page does not understand."
UNAUTHORIZED = {"errors": [{"errorType": "UnauthorizedException", "message": "You are not authorized"}]}
RESPONSES: list[tuple[dict[str, Any] | None, str]] = [
    ({"content_type": "text/html", "body": "<html>Sign in to this network"}, NOT_UNDERSTOOD),
    ({"status": 403, "body": "<html>"}, NOT_UNDERSTOOD),
    ({"status": 404, "body": "not here"}, NOT_UNDERSTOOD),
    ({"body": ""}, NOT_UNDERSTOOD),
    ({"body": "null"}, NOT_UNDERSTOOD),
    ({"json": []}, NOT_UNDERSTOOD),
    ({"json": {"data": "x"}}, NOT_UNDERSTOOD),
    ({"json": {"data": {}}}, NOT_UNDERSTOOD),
    ({"json": {"data": {"listFiles": None}}}, NOT_UNDERSTOOD),
    ({"json": {"data": {"listFiles": {"items": "x", "folders": 1}}}}, NOT_UNDERSTOOD),
    ({"json": {"errors": "x"}}, NOT_UNDERSTOOD),
    ({"json": {"errors": [None]}}, NOT_UNDERSTOOD),
    ({"json": {"errors": [{"errorType": "FilesUnavailable", "message": "later"}]}}, "FilesUnavailable: later"),
    ({"json": {"data": None, "errors": [{"errorType": 5}]}}, "The API refused the request."),
    ({"status": 401, "json": UNAUTHORIZED}, "The API does not accept this page's API key."),
    ({"status": 429, "body": "slow down"}, "The API received too many requests."),
    ({"status": 503, "body": "<html>"}, "The API is not available."),
    (None, "The API cannot be reached."),
]


@pytest.fixture
def servers(browser: Browser) -> Iterator[StandIn]:
    with stand_in(browser) as servers:
        yield servers


def listing(*items: Any, folders: Any = (), token: str | None = None) -> dict[str, Any]:
    return {"items": list(items), "folders": list(folders), "nextToken": token}


def files(page: Page) -> Any:
    return page.get_by_role("list", name="Files").get_by_role("link")


def test_response_that_is_no_listing_ends_in_a_sentence_and_can_be_retried(servers: StandIn) -> None:
    servers.watch.provoked += ["Failed to load resource", "net::ERR"]
    servers.page.add_init_script(SHORT_PAUSES)
    for number, (response, says) in enumerate(RESPONSES):
        servers.api = lambda response=response: response
        servers.open(f"{number}/")
        expect(servers.page.get_by_role("heading", name=str(number), exact=True)).to_be_visible()
        expect(servers.page.get_by_role("alert"), str(response)).to_contain_text(says)
        expect(servers.page.get_by_role("button", name="Try again")).to_be_visible()
    servers.api, servers.listing = None, listing(item("17/here.bin"))
    servers.page.get_by_role("button", name="Try again").click()
    expect(files(servers.page)).to_have_count(1)


def test_busy_api_is_named_and_requested_up_to_four_times(servers: StandIn) -> None:
    servers.watch.provoked.append("Failed to load resource")
    servers.page.clock.install()
    servers.api = lambda: {"status": 503 if len(servers.asked) == 2 else 429, "body": ""}
    servers.open("a/")
    expect(servers.page.get_by_role("status")).to_have_text("The service is busy. Trying again …")
    advance(servers.page, servers.asked, 4)
    expect(servers.page.get_by_role("alert")).to_contain_text("The API received too many requests.")
    assert len(servers.asked) == 4
    servers.api, servers.listing = None, listing(item("a/here.bin"))
    servers.page.get_by_role("button", name="Try again").click()
    expect(files(servers.page)).to_have_count(1)
    expect(servers.page.get_by_role("status")).to_have_text("1 file")


def test_deletion_that_a_busy_api_refuses_is_not_sent_again(browser: Browser) -> None:
    """It may have been done all the same."""
    with stand_in(browser, WITH_UPLOADS) as servers:
        servers.watch.provoked.append("Failed to load resource")
        servers.access = [allowed("", delete=True)]
        servers.listing = listing(item("a.bin"))
        servers.page.add_init_script(SHORT_PAUSES)
        servers.open()
        servers.page.get_by_role("checkbox", name="Select a.bin").check()
        servers.page.get_by_role("button", name="Delete …").click()
        before = len(servers.asked)
        servers.api = lambda: {"status": 429, "body": ""}
        servers.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        expect(servers.page.get_by_role("dialog").get_by_role("alert")).to_contain_text("too many requests")
        assert [sent for sent in servers.asked[before:] if "files" in sent] == [{"files": ["a.bin"]}]


def test_bug_of_the_page_shows_an_error_instead_of_a_blank_page(servers: StandIn) -> None:
    servers.watch.provoked.append("TypeError")
    servers.page.add_init_script("Intl.NumberFormat = undefined")
    servers.listing = listing(item("a.txt"))
    servers.open()
    expect(servers.page.get_by_role("alert")).to_contain_text("Something went wrong in this page.")
    expect(servers.page.get_by_role("alert")).to_contain_text("TypeError")


def test_next_page_that_is_the_same_page_is_not_requested_without_end(servers: StandIn) -> None:
    servers.listing = listing(token="again")
    servers.open()
    expect(servers.page.get_by_role("alert")).to_contain_text(NOT_UNDERSTOOD)
    assert len(servers.asked) <= 4


def test_odd_entry_costs_only_itself(servers: StandIn) -> None:
    odd: list[Any] = [None, 5, "x", [], {}, {"name": None, "size": 1}, {"name": ""}, {"name": "half \ud800"}]
    partly = [
        item("no url.png", url=None),
        item("bad url.png", url="javascript:alert(1)"),
        item("not a url.png", url="::"),
        item("no date.txt", lastModified="yesterday"),
        item("no size.txt") | {"size": None},
        {"name": "name only.txt"},
        item("repeated.bin"),
        item("repeated.bin"),
        item("no expiry.png", url="http://127.0.0.1:18083/x.png?Signature=x"),
    ]
    errors = [{"message": "no", "errorType": "InvalidFileName", "path": ["listFiles", "items", 1, "url"]}]
    page = listing(item("first.bin"), *odd, *partly, item("last.bin"), folders=["a/", None, 7])
    servers.listing = {"data": {"listFiles": page}, "errors": errors}
    servers.watch.provoked.append("403 (Forbidden)")
    servers.open()
    expect(files(servers.page)).to_have_count(10)
    expect(files(servers.page).last).to_contain_text("last.bin")
    expect(servers.page.get_by_text("10 entries of this folder cannot be shown")).to_be_visible()
    expect(servers.page.get_by_role("link", name="a", exact=True)).to_be_visible()
    screenshot(servers.page, "odd-entries")


@pytest.mark.parametrize(
    "response",
    [
        {
            "data": {"getFile": item("reports\\2026.txt") | {"saved": None}},
            "errors": [{"message": "saveAs contains a slash, a backslash …", "errorType": "InvalidDownloadName"}],
        },
        "refused whole",
    ],
)
def test_file_whose_download_name_is_refused_is_shown_and_has_its_link(servers: StandIn, response: Any) -> None:
    def link(sent: dict[str, Any]) -> Any:
        if response != "refused whole" or "saveAs" not in sent:
            return item("reports\\2026.txt") if response == "refused whole" else response
        return {"data": {"getFile": None}, "errors": [{"message": "saveAs …", "errorType": "InvalidDownloadName"}]}

    servers.link = link
    servers.file = lambda _request: {"content_type": "text/plain", "body": "A report"}
    servers.open("reports%5C2026.txt")
    page = servers.page
    expect(page.get_by_role("dialog").locator("pre")).to_have_text("A report")
    expect(page.get_by_role("link", name="Open in a new tab")).to_have_attribute("href", signed("reports\\2026.txt"))
    expect(page.get_by_role("button", name="Copy link")).to_be_enabled()
    page.get_by_role("button", name="Download").click()
    expect(page.get_by_role("dialog").get_by_role("status")).to_contain_text("cannot be saved under its own name")
    screenshot(page, "download-name-refused")


def test_file_is_shown_with_the_link_of_its_folder_while_the_api_fails(servers: StandIn) -> None:
    servers.listing = listing(item("a.txt"))
    servers.file = lambda _request: {"content_type": "text/plain", "body": "A text"}
    servers.open()
    expect(files(servers.page)).to_have_count(1)
    servers.link = {"data": {"getFile": None}, "errors": [{"message": "down", "errorType": "SigningKeyUnavailable"}]}
    files(servers.page).click()
    dialog = servers.page.get_by_role("dialog")
    expect(dialog.locator("pre")).to_have_text("A text")
    expect(dialog.get_by_role("link", name="Open in a new tab")).to_have_attribute("href", signed("a.txt"))
    expect(dialog.get_by_role("status")).to_contain_text("The API refused the request.")


@pytest.mark.parametrize(
    ("link", "says"),
    [
        (None, "This file no longer exists."),
        ({}, NOT_UNDERSTOOD),
        ("x", NOT_UNDERSTOOD),
        (item("another.txt"), NOT_UNDERSTOOD),
        (item("a.txt", url=None), NOT_UNDERSTOOD),
        (item("a.txt", url="javascript:alert(1)"), NOT_UNDERSTOOD),
        ({"data": {"getFile": item("a.txt", url=None)}, "errors": [{"message": "m", "errorType": "T"}]}, "T: m"),
    ],
)
def test_response_without_a_link_ends_in_a_sentence(servers: StandIn, link: Any, says: str) -> None:
    servers.link = link
    servers.open("a.txt")
    expect(servers.page.get_by_role("alert")).to_contain_text(says)


def test_characters_that_cannot_be_seen_are_written_out(servers: StandIn) -> None:
    names = {
        "a\u202efdp.exe": "a[U+202E]fdp.exe",
        "pay\u200bment.txt": "pay[U+200B]ment.txt",
        "pay\u200cment.pdf": "pay[U+200C]ment.pdf",
        "soft\u00adhyphen": "soft[U+00AD]hyphen",
        "line\nbreak": "line[U+000A]break",
        "\u3164": "[U+3164]",
        "tag\U000e0041": "tag[U+E0041]",
        "esc\x1b[2J": "esc[U+001B][2J",
        "می\u200cخواهم.txt": "می\u200cخواهم.txt",
        "👩\u200d🚀 ❤\ufe0f.png": "👩\u200d🚀 ❤\ufe0f.png",
    }
    servers.watch.provoked.append("403 (Forbidden)")
    servers.listing = listing(*(item(name) for name in names))
    servers.open()
    expect(files(servers.page)).to_have_count(len(names))
    assert servers.page.locator(".tile .name").all_text_contents() == list(names.values())
    screenshot(servers.page, "invisible-characters")


def test_names_that_look_the_same_are_told_apart(servers: StandIn) -> None:
    servers.listing = listing(
        item("e\u0301te\u0301.txt"),
        item("été.txt"),
        item("a  b"),
        item("a b"),
        item("c"),
        folders=["über/", "u\u0308ber/"],
    )
    servers.open()
    notes = servers.page.locator(".spelling")
    expect(notes).to_have_count(6)
    texts = [text.rpartition("spelled ")[2] for text in notes.all_text_contents()]
    assert texts == [
        "[U+00FC]ber/", "u[U+0308]ber/", "e[U+0301]te[U+0301].txt", "[U+00E9]t[U+00E9].txt", "a[space] b", "a b",
    ]  # fmt: skip
    assert axe_findings(servers.page) == []
    screenshot(servers.page, "look-alikes")


def test_missing_file_mentions_the_other_spelling(servers: StandIn) -> None:
    servers.link = None
    servers.open("%C3%A9t%C3%A9.txt")
    expect(servers.page.get_by_role("alert")).to_contain_text("an accent can be spelled in two ways")
    servers.open("plain.txt")
    expect(servers.page.get_by_role("dialog", name="plain.txt").get_by_role("alert")).not_to_contain_text("accent")


def test_very_long_names_fit_a_phone(servers: StandIn) -> None:
    servers.page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    name, folder = "n" * 1000, "f" * 1000 + "/"
    servers.listing, servers.link = listing(item(name + "." + "x" * 12), folders=[folder]), item(name)
    servers.file = lambda _request: {"content_type": "text/plain", "body": "text"}
    servers.open()
    for route in ("", folder, name):
        servers.open(route)
        expect(servers.page.get_by_role("main")).to_have_attribute("aria-busy", "false")
        assert servers.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    expect(servers.page.get_by_role("button", name="Download")).to_be_in_viewport()
    expect(servers.page.get_by_role("button", name="Close")).to_be_in_viewport()
    screenshot(servers.page, "long-name-phone")


LINK = f"https://files.example.com/a.txt?{SIGNATURE.format(expires=1)}"


def test_signed_url_in_the_search_box_is_not_sent_and_not_kept(servers: StandIn) -> None:
    servers.open()
    servers.page.get_by_role("searchbox").fill(f"  {LINK}")
    expect(servers.page.get_by_text("This is a link, not a name.")).to_be_visible()
    expect(servers.page.get_by_role("searchbox")).to_have_value("")
    screenshot(servers.page, "link-in-search")
    servers.page.get_by_role("searchbox").fill("a")
    expect(servers.page).to_have_url(f"{PAGE}/#/?q=a")
    expect(servers.page.get_by_text("This is a link, not a name.")).to_have_count(0)
    assert "S1gn" not in str(servers.asked)


@pytest.mark.parametrize("place", ["{}", "?q={}", "photos/?q={}", "photos/{}"])
def test_signed_url_in_the_address_is_removed_and_not_sent(servers: StandIn, place: str) -> None:
    page = servers.page
    for text in (
        LINK,
        page.evaluate("encodeURIComponent", LINK),
        page.evaluate("t => encodeURIComponent(encodeURIComponent(t))", LINK),
    ):
        servers.open("other/")
        expect(page.get_by_role("heading", name="other")).to_be_visible()
        servers.open(place.format(text))
        expect(page.get_by_text("The address contained a signed link")).to_be_visible()
        expect(page).to_have_url(f"{PAGE}/#/")
        page.reload()
        page.goto("about:blank")
        servers.open(place.format(text))
        expect(page.get_by_text("The address contained a signed link")).to_be_visible()
        expect(page).to_have_url(f"{PAGE}/#/")
    screenshot(page, "link-in-address")
    assert "S1gn" not in str(servers.asked)


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (None, "config.json is not a JSON object."),
        ([], "config.json is not a JSON object."),
        ("x", "config.json is not a JSON object."),
        ({}, "Missing: GraphqlUrl, CdnUrl, Region, UserPoolId, UserPoolClientId"),
        (BY_KEY | {"GraphqlUrl": 5}, "Missing: GraphqlUrl"),
        (BY_KEY | {"CdnUrl": "javascript:alert(1)"}, "contains an invalid URL."),
        (BY_KEY | {"CognitoUrl": 5, "DemoUser": None}, "Not a string: CognitoUrl, DemoUser"),
        (BY_KEY | {"UserPoolId": "nowhere", "UserPoolClientId": "c"}, "UserPoolId must look like"),
    ],
)
def test_configuration_of_a_wrong_shape_is_explained(servers: StandIn, config: Any, says: str) -> None:
    servers.config = config
    servers.open()
    expect(servers.page.get_by_role("alert")).to_contain_text(says)
    servers.config = BY_KEY
    servers.page.get_by_role("button", name="Try again").click()
    expect(servers.page.get_by_role("heading", name="All files")).to_be_visible()
