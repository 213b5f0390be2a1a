"""Uploads from the page: what is sent and when, and what the user decides if something is in the way."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Request, expect

from tests.browser.looks import check_looks
from tests.browser.stand_in import UPLOADS, WITH_UPLOADS, StandIn, allowed, item, stand_in
from tests.chromium import axe_findings, screenshot

PHONE = {"width": 360, "height": 740}
PART = 1_000
BUSY = {"status": 503, "body": "<Error><Code>SlowDown</Code></Error>"}
EXISTS = {"status": 412, "body": "<Error><Code>PreconditionFailed</Code></Error>"}


class Bucket:
    """What the API grants and S3 takes: files up to PART bytes in one request, larger ones in parts."""

    def __init__(self, servers: StandIn) -> None:
        self.servers = servers
        self.files: dict[str, bytes] = {}
        self.parts: dict[str, dict[int, bytes]] = {}
        self.puts: Counter[str] = Counter()  # the requests for each name, or part
        self.existing: set[str] = set()
        self.finished: list[dict[str, Any]] = []
        self.cancelled: list[str] = []
        # The response to a request for this name, instead of taking the content; or None to take it.
        self.refuse: Callable[[str], dict[str, Any] | None] = lambda _name: None
        self.refuse_name: Callable[[str], str | None] = lambda _name: None
        servers.access = [allowed("", write=True, delete=True)]
        servers.listing = self._list
        servers.link = lambda sent: (
            item(sent["file"], len(self.files[sent["file"]])) if sent["file"] in self.files else None
        )
        servers.upload = self._put
        servers.fields = {
            "startUploads": lambda sent: [self._start(file, sent["overwrite"]) for file in sent["files"]],
            "signParts": lambda sent: [{"part": n, "url": self._url(sent["file"], part=n)} for n in sent["parts"]],
            "resumeUpload": self._resume,
            "finishUpload": self._finish,
            "cancelUpload": self._cancel,
        }

    def _list(self, sent: dict[str, Any]) -> dict[str, Any]:
        names = sorted(name for name in {*self.files, *self.existing} if name.startswith(sent["prefix"]))
        return {
            "items": [item(name) for name in names if "delimiter" not in sent["query"] or "/" not in name],
            "folders": [],
        }

    def _url(self, name: str, **query: Any) -> str:
        key = base64.urlsafe_b64encode(name.encode()).decode()
        return f"https://bucket.example/{key}?" + "&".join(f"{key}={value}" for key, value in query.items())

    def _start(self, file: dict[str, Any], overwrite: bool) -> dict[str, Any]:
        name = file["name"]
        if problem := self.refuse_name(name):
            return {"file": name, "errorType": "InvalidFileName", "errorMessage": problem}
        if file["size"] > PART:
            return {"file": name, "uploadId": f"id of {name}", "partSize": PART}
        headers = [] if overwrite else [{"name": "If-None-Match", "value": "*"}]
        return {"file": name, "url": self._url(name, size=file["size"]), "headers": headers}

    def _put(self, request: Request) -> dict[str, Any] | None:
        address = urlsplit(request.url)
        name = base64.urlsafe_b64decode(unquote(address.path)[1:]).decode()
        query = {key: int(value[0]) for key, value in parse_qs(address.query).items()}
        target = f"{name} {query['part']}" if "part" in query else name
        self.puts[target] += 1
        if (refused := self.refuse(target)) is not None:
            return refused or None
        content = request.post_data_buffer or b""
        if "part" in query:
            self.parts.setdefault(name, {})[query["part"]] = content
        elif name in self.existing | set(self.files) and request.headers.get("if-none-match") == "*":
            return EXISTS
        else:
            assert len(content) == query["size"]
            self.files[name] = content
        return {"headers": {"ETag": f'"{target}"'}}

    def _resume(self, sent: dict[str, Any]) -> list[dict[str, Any]]:
        name = sent["file"]
        arrived = self.parts.get(name, {})
        return [{"part": n, "size": len(arrived[n]), "etag": f'"{name} {n}"'} for n in sorted(arrived)]

    def _cancel(self, sent: dict[str, Any]) -> bool:
        self.cancelled.append(sent["file"])
        return self.parts.pop(sent["file"], None) is not None

    def _finish(self, sent: dict[str, Any]) -> bool:
        name = sent["file"]
        assert [part["etag"] for part in sent["parts"]] == [f'"{name} {part["part"]}"' for part in sent["parts"]]
        self.files[name] = b"".join(self.parts[name][part["part"]] for part in sent["parts"])
        assert len(self.files[name]) == sent["size"]
        self.finished.append(sent)
        return True


@pytest.fixture
def servers(browser: Browser) -> Iterator[StandIn]:
    with stand_in(browser, WITH_UPLOADS) as servers:
        yield servers


@pytest.fixture
def bucket(servers: StandIn) -> Bucket:
    return Bucket(servers)


def opened(servers: StandIn) -> None:
    servers.open()
    expect(servers.page.get_by_role("button", name="Upload files")).to_be_visible()


def choose(servers: StandIn, *files: tuple[str, bytes]) -> None:
    payloads: Any = [{"name": name, "mimeType": "", "buffer": content} for name, content in files]
    servers.page.get_by_label("Files to upload").set_input_files(payloads)


def panel(servers: StandIn) -> Locator:
    return servers.page.get_by_role("region", name="Uploads", exact=True)


def uploaded(servers: StandIn, count: int) -> None:
    title = f"{count} file{'' if count == 1 else 's'} uploaded"
    expect(panel(servers).get_by_role("heading", name=title)).to_be_visible()


def test_small_files_are_started_together_and_the_list_fits_a_phone(servers: StandIn, bucket: Bucket) -> None:
    opened(servers)
    choose(servers, *((f"{number:03}.txt", b"x" * number) for number in range(130)))
    uploaded(servers, 130)
    assert bucket.files == {f"{number:03}.txt": b"x" * number for number in range(130)}
    assert sum("overwrite" in sent for sent in servers.asked) <= 6
    assert axe_findings(servers.page) == []
    servers.page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    assert servers.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    screenshot(servers.page, "uploaded-phone")


@pytest.mark.parametrize(
    ("decision", "after"),
    [
        ("Skip", {"a.txt": b"old", "b": b"new"}),
        ("Replace", {"a.txt": b"new", "b": b"new"}),
        ("Keep both", {"a.txt": b"old", "a (2).txt": b"old", "a (3).txt": b"new", "b": b"new"}),
        ("Cancel", {"a.txt": b"old"}),
    ],
)
def test_user_decides_about_names_that_exist(
    servers: StandIn, bucket: Bucket, decision: str, after: dict[str, bytes]
) -> None:
    bucket.files = {"a.txt": b"old"} | ({"a (2).txt": b"old"} if decision == "Keep both" else {})
    opened(servers)
    choose(servers, ("a.txt", b"new"), ("b", b"new"))
    dialog = servers.page.get_by_role("dialog", name="1 of 2 files exists already")
    expect(dialog.get_by_role("listitem")).to_have_text("a.txt")
    if decision == "Skip":
        check_looks(servers, "collision")
    dialog.get_by_role("button", name=decision, exact=True).click()
    if decision != "Cancel":
        uploaded(servers, 1 if decision == "Skip" else 2)
    expect(dialog).to_have_count(0)
    assert bucket.files == after


def test_name_in_the_other_spelling_of_its_accents_is_the_same_name(servers: StandIn, bucket: Bucket) -> None:
    bucket.files = {"\u00e9t\u00e9.txt": b"old"}
    opened(servers)
    choose(servers, ("e\u0301te\u0301.txt", b"new"))
    servers.page.get_by_role("button", name="Replace").click()
    uploaded(servers, 1)
    assert bucket.files == {"\u00e9t\u00e9.txt": b"new"}


def test_name_that_appears_meanwhile_is_not_overwritten_unless_the_user_says_so(
    servers: StandIn, bucket: Bucket
) -> None:
    opened(servers)
    servers.watch.provoked.append("412")
    bucket.refuse = lambda name: EXISTS if bucket.puts[name] == 1 else None
    choose(servers, ("a.txt", b"new"))
    row = panel(servers).get_by_role("listitem")
    expect(row).to_contain_text("There is a file with this name")
    screenshot(servers.page, "upload-exists")
    row.get_by_role("button", name="Replace").click()
    uploaded(servers, 1)
    assert [sent["overwrite"] for sent in servers.asked if "files" in sent] == [False, True]


def test_busy_storage_is_tried_again_with_a_new_url(servers: StandIn, bucket: Bucket) -> None:
    opened(servers)
    servers.watch.provoked.append("503")
    bucket.refuse = lambda name: BUSY if bucket.puts[name] == 1 else None
    choose(servers, ("a.txt", b"new"))
    uploaded(servers, 1)
    assert bucket.files == {"a.txt": b"new"}
    assert sum("files" in sent for sent in servers.asked) == 2


def test_content_whose_response_was_lost_is_not_taken_for_another_file(servers: StandIn, bucket: Bucket) -> None:
    opened(servers)
    servers.watch.provoked += ["net::ERR_CONNECTION_FAILED", "412"]

    def lose_the_first_response(name: str) -> dict[str, Any] | None:
        if bucket.puts[name] > 1:
            return None
        bucket.files[name] = b"new"
        return {}

    bucket.refuse = lose_the_first_response
    servers.link = lambda sent: item(sent["file"], 3, lastModified="2126-01-01T00:00:00Z")
    choose(servers, ("a.txt", b"new"))
    uploaded(servers, 1)
    assert bucket.puts["a.txt"] == 2


def test_refused_name_fails_alone_and_is_named(servers: StandIn, bucket: Bucket) -> None:
    opened(servers)
    bucket.refuse_name = lambda name: "a name must not contain //" if name == "bad" else None
    choose(servers, ("a", b"1"), ("bad", b"2"), ("c", b"3"))
    expect(panel(servers).get_by_role("heading", name="1 file not uploaded")).to_be_visible()
    expect(panel(servers).get_by_role("listitem").filter(has_text="bad")).to_contain_text("must not contain //")
    assert bucket.files == {"a": b"1", "c": b"3"}
    check_looks(servers, "upload-refused")
    panel(servers).get_by_role("button", name="Skip bad").click()
    uploaded(servers, 2)


def test_large_file_is_sent_in_parts_and_one_refused_part_is_signed_again(servers: StandIn, bucket: Bucket) -> None:
    opened(servers)
    servers.watch.provoked.append("403")
    bucket.refuse = lambda name: {"status": 403, "body": ""} if name == "big 3" and bucket.puts[name] == 1 else None
    content = bytes(range(256)) * 100
    choose(servers, ("big", content))
    uploaded(servers, 1)
    assert bucket.files == {"big": content}
    assert bucket.puts["big 3"] == 2
    assert len(bucket.puts) == 26
    signed = [sent["parts"] for sent in servers.asked if "parts" in sent and isinstance(sent["parts"][0], int)]
    assert all(len(parts) <= 20 for parts in signed)
    assert sum(parts.count(3) for parts in signed) == 2
    assert servers.page.evaluate("localStorage.getItem('unfinished-uploads')") is None


def test_upload_of_a_closed_tab_is_resumed_when_the_file_is_chosen_again(
    servers: StandIn, bucket: Bucket, tmp_path: Path
) -> None:
    opened(servers)
    path = tmp_path / "film.mov"
    path.write_bytes(bytes(range(250)) * 20)
    servers.page.context.set_default_timeout(20_000)
    bucket.refuse = lambda name: BUSY if name in ("film.mov 4", "film.mov 5") else None
    servers.watch.provoked.append("503")
    servers.page.get_by_label("Files to upload").set_input_files(path)
    expect(panel(servers).get_by_role("progressbar", name="All uploads")).to_have_js_property("value", 0.6)
    servers.page.goto("about:blank")
    bucket.refuse = lambda _name: None
    opened(servers)
    unfinished = servers.page.get_by_role("region", name="Unfinished uploads")
    expect(unfinished.get_by_role("heading", name="1 upload did not finish")).to_be_visible()
    check_looks(servers, "unfinished")
    other = tmp_path / "other.mov"
    other.write_bytes(b"other")
    servers.page.get_by_label("The file to continue").set_input_files(other)
    expect(unfinished.get_by_role("status")).to_have_text("Choose the same file again to continue where it stopped.")
    with servers.page.expect_file_chooser() as chooser:
        unfinished.get_by_role("button", name="Choose the file film.mov again").click()
    chooser.value.set_files(other)
    expect(unfinished.get_by_role("status")).to_contain_text("other.mov is not the same file")
    with servers.page.expect_file_chooser() as chooser:
        unfinished.get_by_role("button", name="Choose the file film.mov again").click()
    chooser.value.set_files(path)
    uploaded(servers, 1)
    assert bucket.files == {"film.mov": path.read_bytes()}
    assert [bucket.puts[f"film.mov {part}"] for part in (1, 2, 3)] == [1, 1, 1]
    assert sum("files" in sent for sent in servers.asked) == 1


def test_cancelled_upload_leaves_no_parts_and_the_others_go_on(servers: StandIn, bucket: Bucket) -> None:
    opened(servers)
    servers.watch.provoked.append("503")
    bucket.refuse = lambda name: BUSY if name.startswith("big") else None
    choose(servers, ("big", b"x" * 5 * PART), ("a", b"1"))
    panel(servers).get_by_role("button", name="Cancel big").click()
    uploaded(servers, 1)
    expect(panel(servers).get_by_role("listitem").filter(has_text="big")).to_contain_text("Cancelled")
    assert bucket.files == {"a": b"1"}
    assert bucket.cancelled == ["big"]


def test_folder_that_the_user_may_not_write_has_no_upload(servers: StandIn, bucket: Bucket) -> None:
    servers.access = [allowed(""), allowed("mine/", write=True)]
    bucket.files = {"mine/a": b""}
    servers.open()
    expect(servers.page.get_by_role("main")).to_have_attribute("aria-busy", "false")
    expect(servers.page.get_by_role("button", name="Upload files")).to_have_count(0)
    servers.open("mine/")
    expect(servers.page.get_by_role("button", name="Upload files")).to_be_visible()


def test_page_without_uploads_offers_neither_uploading_nor_deleting(browser: Browser) -> None:
    with stand_in(browser) as servers:
        servers.access = [allowed("", write=True, delete=True)]
        servers.listing = {"items": [item("a")], "folders": []}
        servers.open()
        servers.page.get_by_label("Select a").check()
        expect(servers.page.get_by_role("button", name="Download as zip")).to_be_visible()
        expect(servers.page.get_by_role("button", name="Delete")).to_have_count(0)
        expect(servers.page.get_by_role("button", name="Upload files")).to_have_count(0)


@pytest.mark.usefixtures("bucket")
def test_content_goes_to_the_uploads_url_only(servers: StandIn) -> None:
    opened(servers)
    sent: list[str] = []
    servers.page.on("request", lambda request: sent.append(request.url) if request.method == "PUT" else None)
    choose(servers, ("a", b"1"))
    uploaded(servers, 1)
    assert [url.partition("?")[0] for url in sent] == [f"{UPLOADS}/YQ=="]


def test_new_folder_is_opened_and_kept_by_its_first_file(servers: StandIn, bucket: Bucket) -> None:
    opened(servers)
    page = servers.page
    page.get_by_role("button", name="New folder").click()
    dialog = page.get_by_role("dialog", name="New folder")
    expect(dialog.get_by_label("Name")).to_be_focused()
    for name in ("a/b", "..", "tab\there"):
        dialog.get_by_label("Name").fill(name)
        page.keyboard.press("Enter")
        expect(dialog.get_by_role("alert")).to_be_visible()
    check_looks(servers, "new-folder")
    dialog.get_by_label("Name").fill("100% é #1?")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="100% é #1?")).to_be_visible()
    choose(servers, ("a.txt", b"1"))
    uploaded(servers, 1)
    assert bucket.files == {"100% é #1?/a.txt": b"1"}
