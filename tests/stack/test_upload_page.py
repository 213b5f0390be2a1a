"""The page on a running stack with uploads: what is dropped arrives, and what is deleted is gone."""

from __future__ import annotations

import random
import zipfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

from playwright.sync_api import Page, expect

from tests.chromium import axe_findings, chromium, screenshot, watched
from tests.running_stack import Stack

AWKWARD = [
    "a #1?.txt", "100% + &=.txt", "ü/é e\u0301.txt", "ü/“quoted” 'x'.txt", "ü/ space", ".hidden", "日本語/🎈.bin",
    "back\\slash.txt", "empty.txt",
]  # fmt: skip
REFUSED = "new\nline.txt"
BIG = 40 * 1024**2  # three parts
SECONDS = 60_000


def content_of(name: str) -> bytes:
    if name == "big.bin":
        return random.Random(1).randbytes(BIG)  # noqa: S311 - test data
    return b"" if name == "empty.txt" else name.encode()


def drop(page: Page, path: Path) -> None:
    """Drop a folder as a file manager does, with the mouse."""
    debugger = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
    for step in ("dragEnter", "dragOver"):
        debugger.send("Input.dispatchDragEvent", {"type": step, "x": 200, "y": 300, "data": data})
    expect(page.get_by_text("Drop files and folders to upload them")).to_be_visible()
    for step in ("dragOver", "drop"):
        debugger.send("Input.dispatchDragEvent", {"type": step, "x": 200, "y": 300, "data": data})


def test_dropped_folder_of_200_files_arrives_and_can_be_downloaded_and_deleted(
    ruled_stack: Stack, tmp_path: Path
) -> None:
    stack, tree = ruled_stack, tmp_path / "tree"
    names = [*AWKWARD, "big.bin", *(f"many/{number:03}.txt" for number in range(200 - len(AWKWARD) - 2))]
    for name in [*names, REFUSED]:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(content_of(name))
    (tree / "nothing").mkdir()
    with chromium() as browser, watched(browser) as watch:
        page = watch.page
        page.goto(stack.outputs.frontend_url)
        page.get_by_role("button", name=f"Sign in as {stack.outputs.demo_user}").click()
        page.get_by_role("link", name="home/").first.click()
        expect(page.get_by_role("list", name="Files")).to_be_visible()
        home = unquote(urlsplit(page.url).fragment).removeprefix("/")

        drop(page, tree)
        panel = page.get_by_role("region", name="Uploads", exact=True)
        expect(panel.get_by_role("heading", name="1 file not uploaded")).to_be_visible(timeout=SECONDS)
        expect(panel.get_by_role("status")).to_contain_text("1 folder without files cannot be uploaded")
        expect(panel.get_by_role("listitem").first).to_contain_text("control character")
        panel.get_by_role("button", name="Close").click()

        s3, bucket, prefix = stack.client("s3"), stack.outputs.bucket_name, f"files/{home}tree/"
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        keys = [entry["Key"] for found in pages for entry in found.get("Contents", [])]
        assert sorted(key.removeprefix(prefix) for key in keys) == sorted(names)
        for name in [*AWKWARD, "big.bin"]:
            arrived = s3.get_object(Bucket=bucket, Key=prefix + name)
            assert arrived["Body"].read() == content_of(name), name
        assert s3.head_object(Bucket=bucket, Key=f"{prefix}empty.txt")["ContentType"] == "text/plain; charset=utf-8"

        page.get_by_role("link", name="tree").click()
        for name in ("日本語", "big.bin", "empty.txt"):
            page.get_by_label(f"Select {name}", exact=True).check()
        with page.expect_download(timeout=SECONDS) as download:
            page.get_by_role("button", name="Download as zip").click()
        with zipfile.ZipFile(download.value.path()) as archive:
            assert archive.testzip() is None
            assert {name: archive.read(name) for name in archive.namelist()} == {
                name: content_of(name) for name in ("日本語/🎈.bin", "big.bin", "empty.txt")
            }
        page.get_by_role("button", name="Close").click()
        page.get_by_role("button", name="Delete").click()
        dialog = page.get_by_role("dialog", name="Delete 3 files?")
        assert axe_findings(page) == []
        screenshot(page, "delete")
        dialog.get_by_role("button", name="Delete").click()
        expect(page.get_by_role("list", name="Files").get_by_role("link", name="big.bin")).to_have_count(0)
        expect(page.get_by_role("link", name="日本語")).to_have_count(0)
        page.get_by_role("searchbox").fill("19")
        expect(page.get_by_role("main").get_by_role("status")).to_have_text("2 names with “19” in 196 files")
