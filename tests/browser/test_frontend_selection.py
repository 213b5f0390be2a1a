"""Order, view and selection of files on the page, and what can be done with a selection."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.browser.looks import check_looks
from tests.browser.stand_in import WITH_UPLOADS, StandIn, allowed, item, refusal, signed, stand_in
from tests.chromium import screenshot

PHONE = {"width": 360, "height": 740}


@pytest.fixture
def servers(browser: Browser) -> Iterator[StandIn]:
    with stand_in(browser, WITH_UPLOADS) as servers:
        servers.access = [allowed("", write=True, delete=True)]
        yield servers


def give(servers: StandIn, *names: str, **details: Any) -> None:
    """Let the API list these files, in pages of at most `limit` entries, and sign URLs for them."""

    def listing(sent: dict[str, Any]) -> dict[str, Any]:
        prefix = sent["prefix"]
        inside = [name for name in sorted(names) if name.startswith(prefix)]
        rests = [name.removeprefix(prefix) for name in inside]
        folded = "delimiter" in sent["query"]
        folders = sorted({prefix + rest.partition("/")[0] + "/" for rest in rests if folded and "/" in rest})
        files = [prefix + rest for rest in rests if not folded or "/" not in rest]
        start = int(sent["nextToken"] or 0)
        end = start + sent["limit"]
        return {
            "items": [item(name, **details.get(name, {})) for name in files[start:end]],
            "folders": [] if start else folders,
            "nextToken": str(end) if end < len(files) else None,
        }

    servers.listing = listing
    servers.fields["getUrls"] = lambda sent: [{"file": name, "url": signed(name)} for name in sent["files"]]


def files(servers: StandIn) -> Locator:
    return servers.page.get_by_role("list", name="Files").get_by_role("link")


def names(servers: StandIn) -> list[str]:
    return servers.page.locator(".files .name").all_text_contents()


@pytest.mark.parametrize(
    ("label", "key", "backwards"),
    [
        ("Name, Z to A", lambda entry: entry["name"], True),
        ("Newest first", lambda entry: entry["lastModified"], True),
        ("Oldest first", lambda entry: entry["lastModified"], False),
        ("Largest first", lambda entry: entry["size"], True),
        ("Smallest first", lambda entry: entry["size"], False),
    ],
)
def test_order_covers_the_whole_folder_and_is_kept(servers: StandIn, label: str, key: Any, backwards: bool) -> None:
    chance = random.Random(label)  # noqa: S311 - test data
    details: dict[str, dict[str, Any]] = {
        f"{number:03}": {
            "size": chance.randrange(10**9),
            "lastModified": f"2026-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02}T10:00:{number % 60:02}Z",
        }
        for number in range(150)
    }
    give(servers, *details, **details)
    servers.open()
    servers.page.get_by_label("Sort by").select_option(label)
    expect(files(servers)).to_have_count(150)
    entries = [item(name, **detail) for name, detail in details.items()]
    expected = sorted(entries, key=key, reverse=backwards)
    assert [details[name]["size"] for name in names(servers)] == [entry["size"] for entry in expected]
    servers.page.reload()
    expect(files(servers)).to_have_count(150)
    assert names(servers)[0] == expected[0]["name"]


def test_list_is_kept_and_accessible(servers: StandIn) -> None:
    give(servers, "a.txt", "b.zip", "photos/c.jpg", "a very long name that does not fit " * 5 + ".pdf")
    servers.open()
    servers.page.get_by_role("button", name="List").click()
    servers.page.reload()
    expect(servers.page.get_by_role("button", name="List")).to_have_attribute("aria-pressed", "true")
    check_looks(servers, "list")


def test_range_is_selected_with_shift_and_the_keyboard_selects(servers: StandIn) -> None:
    give(servers, *"abcdefg")
    servers.open()
    page = servers.page
    page.get_by_label("Select b").check()
    page.get_by_label("Select e").click(modifiers=["Shift"])
    expect(page.get_by_role("region", name="Selection").get_by_role("status")).to_have_text("4 selected")
    page.get_by_label("Select g").focus()
    page.keyboard.press("Space")
    checked = page.get_by_role("checkbox", checked=True)
    assert [box.get_attribute("aria-label") for box in checked.all()] == [f"Select {name}" for name in "bcdeg"]
    check_looks(servers, "selection")
    page.get_by_role("button", name="Select all 7").click()
    expect(checked).to_have_count(7)
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_role("region", name="Selection")).to_have_count(0)


def test_selection_ends_with_the_folder(servers: StandIn) -> None:
    give(servers, "a", "photos/b")
    servers.open()
    servers.page.get_by_label("Select a").check()
    servers.page.get_by_role("link", name="photos").click()
    expect(files(servers)).to_have_count(1)
    expect(servers.page.get_by_role("region", name="Selection")).to_have_count(0)


def test_deleting_names_every_file_also_those_in_folders_and_reports_what_was_refused(servers: StandIn) -> None:
    inside = [f"photos/{number:04}" for number in range(1_500)]
    give(servers, "a", "b", "c", *inside)
    deleted: list[str] = []

    def delete(sent: dict[str, Any]) -> list[dict[str, Any]]:
        deleted.extend(sent["files"])
        refused = {"deleted": False, "errorType": "NotAllowed", "errorMessage": "not you"}
        return [{"file": name, "deleted": True} | (refused if name == "b" else {}) for name in sent["files"]]

    servers.fields["deleteFiles"] = delete
    servers.open()
    page = servers.page
    for name in ("a", "b", "photos"):
        page.get_by_label(f"Select {name}", exact=True).check()
    page.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name="Delete 1,502 files?")).to_be_visible()
    expect(dialog.get_by_text("and 1,494 others")).to_be_visible()
    expect(dialog.get_by_text("An administrator can bring deleted files back for 90 days.")).to_be_visible()
    assert deleted == []
    dialog.get_by_role("button", name="Delete").click()
    expect(dialog.get_by_role("alert")).to_contain_text("1 file could not be deleted.")
    expect(dialog.get_by_role("alert")).to_contain_text("b: You have no access to this file.")
    assert sorted(deleted) == sorted(["a", "b", *inside])
    check_looks(servers, "delete-refused")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_nothing_is_deleted_without_the_confirmation(servers: StandIn) -> None:
    give(servers, "a")
    servers.fields["deleteFiles"] = lambda _sent: pytest.fail("deleted")
    servers.open()
    servers.page.get_by_label("Select a").check()
    servers.page.get_by_role("button", name="Delete").click()
    expect(servers.page.get_by_role("dialog", name="Delete 1 file?")).to_be_visible()
    servers.page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(servers.page.get_by_role("dialog")).to_have_count(0)
    expect(servers.page.get_by_role("button", name="Delete")).to_be_focused()


def content_of(name: str) -> str:
    return f"the content of {name}" * 100


def test_zip_has_every_file_under_a_name_that_stays_inside(servers: StandIn) -> None:
    inside = [
        "x/a.txt",
        "x//double",
        "x/back\\..\\slash",
        "x/é/ü.txt",
        *(f"x/{n}" for n in range(120)),
    ]
    give(servers, *inside, "other")
    servers.file = lambda request: {"body": content_of(unquote(urlsplit(request.url).path)[1:])}
    servers.open()
    servers.page.get_by_label("Select x", exact=True).check()
    with servers.page.expect_download() as download:
        servers.page.get_by_role("button", name="Download as zip").click()
    assert download.value.suggested_filename == "files.zip"
    expect(servers.page.get_by_role("dialog", name="The zip is downloaded")).to_be_visible()
    with zipfile.ZipFile(io.BytesIO(Path(download.value.path()).read_bytes())) as archive:
        assert archive.testzip() is None
        found = {name: archive.read(name).decode() for name in archive.namelist()}
    renamed = {"x//double": "x/_/double", "x/back\\..\\slash": "x/back_.._slash"}
    assert found == {renamed.get(name, name): content_of(name) for name in inside}
    signatures = [sent["files"] for sent in servers.asked if "files" in sent]
    assert [len(batch) for batch in signatures] == [50, 50, 24], "URLs are signed shortly before they are used"


def test_zip_with_a_file_that_cannot_be_read_fails_and_names_it(servers: StandIn) -> None:
    give(servers, "a", "b")
    servers.watch.provoked.append("404")
    servers.file = lambda request: (
        refusal("NoSuchKey", "gone", status=404, by_s3=True) if "/b?" in request.url else {"body": "a"}
    )
    servers.open()
    servers.page.get_by_label("Select a").check()
    servers.page.get_by_label("Select b").check()
    servers.page.get_by_role("button", name="Download as zip").click()
    expect(servers.page.get_by_role("alert")).to_contain_text("b: This file no longer exists.")


def test_search_is_stopped_and_continued_and_says_what_it_covered(servers: StandIn) -> None:
    give(servers, *(f"many/{number:05}.txt" for number in range(30_500)), "many/É needle.TXT")
    servers.open("many/")
    expect(servers.page.get_by_role("main")).to_have_attribute("aria-busy", "false")
    servers.page.get_by_role("searchbox").fill("e\u0301 NEEDLE")
    status = servers.page.get_by_role("status")
    expect(status).to_have_text("0 names with “e\u0301 NEEDLE” in the first 20,000 files")
    screenshot(servers.page, "search-stopped")
    servers.page.get_by_role("button", name="Continue searching").click()
    expect(status).to_have_text("1 name with “e\u0301 NEEDLE” in 30,501 files")
    expect(files(servers)).to_have_count(1)
    servers.page.get_by_role("searchbox").fill("0001")
    expect(status).to_have_text("14 names with “0001” in 30,501 files")
    assert sum("delimiter" not in str(sent) and sent["limit"] == 1_000 for sent in servers.asked) == 31


def test_folder_of_2000_files_is_scrolled_without_long_tasks(servers: StandIn) -> None:
    give(servers, *(f"{number:04}.txt" for number in range(2_000)))
    servers.open()
    servers.page.get_by_label("Sort by").select_option("Name, Z to A")  # loads all of it
    expect(servers.page.locator(".files > li")).to_have_count(2_000)  # by role it would take seconds
    laid_out = servers.page.evaluate(
        "[...document.querySelectorAll('.files li')].filter(li => li.firstElementChild.checkVisibility("
        "{contentVisibilityAuto: true})).length"
    )
    assert laid_out < 200, "what is out of sight is not laid out"
