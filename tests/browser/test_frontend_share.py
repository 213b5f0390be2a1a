"""Sharing: a link with a lifetime that the deployment allows, shown or saved, copied, or scanned."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.browser.looks import check_looks
from tests.browser.qr_code import scanned
from tests.browser.stand_in import FAR, StandIn, item, signed, stand_in

NAME = "report 2026.pdf"


def refused(error: str, message: str) -> dict[str, Any]:
    return {"data": {"getUrl": None}, "errors": [{"errorType": error, "message": message}]}


def bounded(least: int, most: int) -> Any:
    """Return a function that signs several files as the API does, with these bounds of the lifetime."""

    def urls(sent: dict[str, Any]) -> Any:
        if sent["expiresIn"] is not None and not least <= sent["expiresIn"] <= most:
            message = f"expiresIn must be between {least} and {most} seconds, not {sent['expiresIn']}."
            return {"data": None, "errors": [{"errorType": "InvalidLifetime", "message": message}]}
        refusal = {"url": None, "errorType": "InvalidFileName", "errorMessage": "It ends with a dot segment."}
        return [{"file": name} | (refusal if name == ".." else {"url": signed(name)}) for name in sent["files"]]

    return urls


@pytest.fixture
def servers(browser: Browser) -> Iterator[StandIn]:
    with stand_in(browser, permissions=["clipboard-read", "clipboard-write"], locale="en-GB") as servers:
        servers.listing = {"items": [item(NAME), item("b.bin")], "folders": [], "nextToken": None}
        servers.link = lambda sent: item(sent["file"]) | {"saved": None}
        servers.file = lambda _request: {"content_type": "application/octet-stream", "body": "bytes"}
        servers.fields["getUrls"] = bounded(1, 604_800)
        servers.fields["getUrl"] = lambda sent: signed(sent["file"])
        yield servers


def dialog_of(servers: StandIn) -> Locator:
    """Open the file, then the dialog that shares it."""
    servers.open("report%202026.pdf")
    servers.page.get_by_role("button", name="Share …").click()
    return servers.page.get_by_role("dialog", name=f"Share “{NAME}”")


def shared(servers: StandIn) -> dict[str, Any]:
    """Return the variables of the request that made the link."""
    return next(sent for sent in reversed(servers.asked) if "expiresIn" in sent and "file" in sent)


def test_link_of_a_file_is_made_copied_and_scanned_with_the_keyboard(servers: StandIn) -> None:
    page, dialog = servers.page, dialog_of(servers)
    expect(dialog.get_by_role("radio", name="15 minutes")).to_be_checked()
    expect(dialog).to_contain_text("Anyone who has the link can open the file until it expires")
    expect(dialog.get_by_role("radio", name="15 minutes")).to_be_focused()
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    expect(dialog.get_by_role("radio", name="7 days")).to_be_checked()
    page.keyboard.press("Enter")
    link = dialog.get_by_role("textbox", name="Link")
    expect(link).to_have_value(signed(NAME))
    expect(link).to_be_focused()
    assert shared(servers) == {"file": NAME, "expiresIn": 604_800, "saveAs": None}
    until = page.evaluate("t => new Date(t * 1000).toLocaleString('en-GB', {timeZoneName: 'short'})", FAR)
    expect(dialog.get_by_text("Opens the file until")).to_contain_text(until.split(" ")[-1])
    expect(dialog.get_by_text("Opens the file until")).to_contain_text("2096")

    dialog.get_by_role("button", name="Copy link").click()
    expect(dialog.get_by_role("status")).to_have_text("Link copied.")
    assert page.evaluate("navigator.clipboard.readText()") == signed(NAME)
    dialog.get_by_text("QR code").click()
    assert scanned(dialog.get_by_role("img", name="QR code of the link")) == signed(NAME)
    check_looks(servers, "share")

    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("dialog", name=NAME)).to_be_visible()
    expect(page.get_by_role("button", name="Share …")).to_be_focused()


def test_other_options_hide_the_link_and_make_another(servers: StandIn) -> None:
    dialog = dialog_of(servers)
    dialog.get_by_role("button", name="Create link").click()
    expect(dialog.get_by_role("textbox", name="Link")).to_be_visible()
    dialog.get_by_role("radio", name="Save as a file").check()
    expect(dialog.get_by_role("textbox", name="Link")).to_have_count(0)
    expect(dialog.get_by_role("textbox", name="File name")).to_have_value(NAME)
    dialog.get_by_role("textbox", name="File name").fill("for you.pdf")
    dialog.get_by_role("button", name="Create link").click()
    expect(dialog.get_by_role("textbox", name="Link")).to_be_visible()
    assert shared(servers) == {"file": NAME, "expiresIn": 900, "saveAs": "for you.pdf"}

    servers.fields["getUrl"] = lambda _sent: refused("InvalidDownloadName", "saveAs contains a slash.")
    dialog.get_by_role("textbox", name="File name").fill("a/b")
    dialog.get_by_role("button", name="Create link").click()
    expect(dialog.get_by_role("alert")).to_contain_text("The file cannot be saved under this name.")


@pytest.mark.parametrize(
    ("least", "most", "choices"),
    [
        (1, 3600, ["15 minutes", "1 hour"]),
        (1000, 90_000, ["1 hour", "1 day", "25 hours"]),
        (1, 60, ["1 minute"]),
        (1, 90, ["90 seconds"]),
        (0, 0, []),
    ],
)
def test_lifetimes_are_those_that_the_deployment_allows(
    servers: StandIn, least: int, most: int, choices: list[str]
) -> None:
    """Without bounds in the response, the link has the default lifetime."""
    servers.fields["getUrls"] = bounded(least, most) if most else lambda _sent: []
    dialog = dialog_of(servers)
    dialog.get_by_role("button", name="Create link").click()
    expect(dialog.get_by_role("textbox", name="Link")).to_be_visible()
    group = dialog.get_by_role("group", name="Expires after")
    assert group.locator("label").all_text_contents() == choices
    assert bool(shared(servers)["expiresIn"]) == bool(choices)


def test_several_selected_files_are_a_list_of_links(servers: StandIn) -> None:
    page = servers.page
    servers.listing["items"].append(item(".."))
    servers.open()
    for name in (NAME, "b.bin", ".."):
        page.get_by_role("checkbox", name=f"Select {name}").check()
    page.get_by_role("button", name="Share …").click()
    dialog = page.get_by_role("dialog", name="Share 3 files")
    dialog.get_by_role("button", name="Create links").click()
    expect(dialog.get_by_role("textbox", name="2 links")).to_have_value(f"{signed(NAME)}\n{signed('b.bin')}")
    expect(dialog.get_by_role("alert")).to_contain_text("1 file cannot be shared.")
    dialog.get_by_role("button", name="Copy all links").click()
    expect(dialog.get_by_role("status")).to_have_text("2 links copied.")
    check_looks(servers, "share-several")
