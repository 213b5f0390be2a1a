"""The pictures in a folder: what they cost, and what is in them."""

from __future__ import annotations

import base64
import random
import struct
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Request, expect

from tests.browser.stand_in import CDN, StandIn, item, signed, stand_in
from tests.chromium import screenshot

PHONE = {"width": 375, "height": 740}
LARGE = 4_000_000
JPEG = """async ([width, height]) => {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  context.fillStyle = "teal";
  context.fillRect(0, 0, width, height / 2);
  const blob = await canvas.convertToBlob({ type: "image/jpeg" });
  return btoa(String.fromCharCode(...new Uint8Array(await blob.arrayBuffer())));
}"""


@pytest.fixture
def servers(browser: Browser) -> Iterator[StandIn]:
    with stand_in(browser, viewport=PHONE) as servers:
        yield servers


def jpeg(page: Page, width: int, height: int) -> bytes:
    """Return a JPEG of this size, made by the browser."""
    return base64.b64decode(page.evaluate(JPEG, [width, height]))


def photo(thumbnail: bytes, *, orientation: int = 1, order: str = ">", before: bytes = b"") -> bytes:
    """Return the start of a camera's JPEG: Exif data with this thumbnail, after other segments."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    first = struct.pack(f"{order}HHHIHHI", 1, 0x0112, 3, 1, orientation, 0, 26)
    second = struct.pack(f"{order}HHHIIHHIII", 2, 0x0201, 4, 1, 56, 0x0202, 4, 1, len(thumbnail), 0)
    tiff = mark + struct.pack(f"{order}I", 8) + first + second
    assert len(tiff) == 56
    exif = b"Exif\0\0" + tiff + thumbnail
    return b"\xff\xd8" + before + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + b"\xff\xda" + b"\0" * 70_000


def serve(servers: StandIn, contents: dict[str, bytes], size: int = LARGE) -> dict[str, int]:
    """Show a folder with these large pictures; return the bytes that the file server sent, by URL."""
    sent: dict[str, int] = {}

    def file(request: Request) -> dict[str, Any]:
        name = next(name for name in contents if request.url == signed(name))
        start, _, end = request.headers.get("range", f"bytes=0-{size}").removeprefix("bytes=").partition("-")
        body = contents[name].ljust(size, b"\0")[int(start) : int(end) + 1]
        sent[request.url] = sent.get(request.url, 0) + len(body)
        return {"status": 206, "content_type": "image/jpeg", "body": body}

    servers.file = file
    servers.listing = {"items": [item(name, size=size) for name in contents], "folders": [], "nextToken": None}
    return sent


def pictures(servers: StandIn) -> Locator:
    return servers.page.get_by_role("list", name="Files").locator("img")


def test_folder_of_large_pictures_costs_a_phone_at_most_3_megabytes_before_it_scrolls(servers: StandIn) -> None:
    servers.open()
    thumbnail = jpeg(servers.page, 160, 120)
    kinds = ["jpg", "JPEG", "png", "webp", "svg", "avif"]
    contents = {f"{number:02}.{kinds[number % 6]}": photo(thumbnail) for number in range(30)}
    sent = serve(servers, contents)
    servers.page.reload()
    expect(pictures(servers).first).not_to_have_js_property("naturalWidth", 0)
    servers.page.wait_for_load_state("networkidle")
    assert sum(sent.values()) <= 3_000_000
    assert max(sent.values()) <= 65_536
    assert all(url.partition("?")[0].lower().endswith(("jpg", "jpeg")) for url in sent)
    assert len(sent) < 10  # only what is in sight
    before = set(sent)
    with servers.page.expect_response(lambda found: found.url.startswith(CDN) and found.url not in before):
        servers.page.mouse.wheel(0, 1_500)
    screenshot(servers.page, "thumbnails")


@pytest.mark.parametrize("kilobytes", [200, 201])
def test_original_is_its_own_thumbnail_up_to_200_kilobytes(servers: StandIn, kilobytes: int) -> None:
    servers.open()
    servers.page.wait_for_load_state("networkidle")  # it must not get the new listing
    content = jpeg(servers.page, 160, 120)
    sent = serve(servers, {"a.jpg": content}, size=kilobytes * 1_000)
    servers.page.reload()
    servers.page.wait_for_load_state("networkidle")
    expect(pictures(servers)).to_have_count(1 if kilobytes == 200 else 0)
    assert list(sent.values()) == [200_000 if kilobytes == 200 else 65_536]


@pytest.mark.parametrize(
    ("make", "size"),
    [
        (photo, (16, 8)),
        (lambda small: photo(small, order="<"), (16, 8)),
        (lambda small: photo(small, orientation=6), (8, 16)),  # a camera that was held upright
        (lambda small: photo(small, orientation=3, order="<"), (16, 8)),
        (lambda small: photo(small, before=b"\xff\xe0\x00\x04JF\xff\xe1\x00\x06http"), (16, 8)),
    ],
)
def test_thumbnail_in_a_photo_is_shown_as_the_camera_was_held(
    servers: StandIn, make: Callable[[bytes], bytes], size: tuple[int, int]
) -> None:
    servers.open()
    serve(servers, {"a.jpg": make(jpeg(servers.page, 16, 8))})
    servers.page.reload()
    expect(pictures(servers)).to_have_js_property("naturalWidth", size[0])
    expect(pictures(servers)).to_have_js_property("naturalHeight", size[1])


def test_damaged_photos_show_their_extension_and_break_nothing(servers: StandIn) -> None:
    servers.page.set_viewport_size({"width": 1280, "height": 4_000})
    servers.open()
    small = jpeg(servers.page, 16, 8)
    rng = random.Random(12)  # noqa: S311 - the same bytes in each run
    contents = {"none.jpg": b"", "short.jpg": b"\xff\xd8\xff", "html.jpg": b"<!doctype html><script>1</script>"}
    for number in range(80):
        damaged = bytearray(photo(small, order=rng.choice("<>"))[: rng.choice([70, 120, 2_000, 70_000])])
        for _ in range(rng.randrange(1, 9)):
            damaged[rng.randrange(min(len(damaged), 80))] = rng.choice([0, 1, 255, rng.randrange(256)])
        contents[f"{number}.jpg"] = bytes(damaged)
    contents["whole.jpg"] = photo(small)
    sent = serve(servers, contents)
    servers.page.reload()
    expect(servers.page.locator(".tile")).to_have_count(len(contents))
    expect(servers.page.locator(".place")).to_have_count(0)  # all of them were read
    assert len(sent) == len(contents)
    expect(servers.page.get_by_role("link", name="whole.jpg").locator("img")).to_be_visible()


def test_server_that_ignores_ranges_does_not_send_the_whole_picture(servers: StandIn) -> None:
    serve(servers, {"a.jpg": b""})
    servers.file = lambda _request: {"status": 200, "content_type": "image/jpeg", "body": b"\xff\xd8" * 1_000}
    servers.open()
    expect(servers.page.locator(".tile")).to_have_count(1)
    expect(servers.page.locator(".place")).to_have_count(0)
    expect(pictures(servers)).to_have_count(0)
