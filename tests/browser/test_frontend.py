"""The page in a real browser on the running stack: what users do with it, with the mouse and the keyboard."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from tests import PROJECT
from tests.browser.steps import file, fill_in, visit
from tests.chromium import axe_findings, screenshot, watched
from tests.graphql_caller import execute, sign_in
from tests.running_stack import Stack

PHONE = {"width": 360, "height": 740}
SEVERAL = 120
HELLO = (PROJECT / "samples" / "hello.txt").read_text()


@pytest.fixture
def page(browser: Browser, session: Any, stack: Stack) -> Iterator[Page]:
    """The page of a signed-in user."""
    with watched(browser, stack.outputs.frontend_url, storage_state=session) as watch:
        yield watch.page


@pytest.fixture(scope="module")
def several(stack: Stack) -> Iterator[str]:
    """A folder with more files than one page of a listing."""
    s3, folder = stack.client("s3"), f"several-{uuid.uuid4().hex}/"
    keys = [f"files/{folder}{number:03}.bin" for number in range(SEVERAL)]
    for key in keys:
        s3.put_object(Bucket=stack.outputs.bucket_name, Key=key, Body=b"\0")
    yield folder
    s3.delete_objects(Bucket=stack.outputs.bucket_name, Delete={"Objects": [{"Key": key} for key in keys]})


def test_wrong_password_is_reported_and_the_right_one_signs_in_and_out(browser: Browser, stack: Stack) -> None:
    with watched(browser) as watch:
        page = watch.page
        watch.provoked.append("400 (Bad Request)")
        page.goto(f"{stack.outputs.frontend_url}/#/notes/")
        expect(page.get_by_label("E-mail address")).to_be_visible()
        screenshot(page, "sign-in")
        assert axe_findings(page) == []
        fill_in(page, stack.outputs.demo_user, "not the password")
        expect(page.get_by_role("alert")).to_contain_text("Wrong e-mail address or password.")
        expect(page.get_by_label("Password")).to_be_focused()
        fill_in(page, stack.outputs.demo_user, stack.outputs.demo_password)
        expect(page.get_by_role("heading", name="notes")).to_be_visible()
        expect(page.get_by_text(stack.outputs.demo_user)).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("status")).to_have_text("You have signed out.")
        page.reload()
        expect(page.get_by_label("Password")).to_be_visible()


def test_first_password_must_be_changed(browser: Browser, stack: Stack) -> None:
    user, users = f"{uuid.uuid4().hex}@example.com", stack.client("cognito-idp")
    first, own = "First-password-1", "Own-password-2!"
    users.admin_create_user(
        UserPoolId=stack.outputs.user_pool_id, Username=user, TemporaryPassword=first, MessageAction="SUPPRESS"
    )
    with watched(browser) as watch:
        page = watch.page
        page.goto(stack.outputs.frontend_url)
        fill_in(page, user, first)
        expect(page.get_by_label("New password")).to_be_focused()
        screenshot(page, "new-password")
        page.get_by_label("New password").fill(own)
        page.get_by_role("button", name="Set password").click()
        expect(page.get_by_role("heading", name="All files")).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        fill_in(page, user, own)
        expect(page.get_by_role("heading", name="All files")).to_be_visible()


def test_folder_is_one_query_and_shows_its_pictures(page: Page, stack: Stack, samples: Path) -> None:
    urls: list[str] = []
    page.on("request", lambda request: urls.append(request.url) if request.post_data else None)
    visit(page, stack, "pictures/")
    names = sorted(path.name for path in (samples / "pictures").iterdir())
    tiles = page.get_by_role("list", name="Files").get_by_role("link")
    expect(tiles).to_have_count(len(names))
    for number, name in enumerate(names):
        expect(tiles.nth(number)).to_contain_text(name)
        page.wait_for_function(
            "image => image?.naturalWidth > 0", arg=tiles.nth(number).locator("img").element_handle()
        )
    assert urls.count(stack.outputs.graphql_url) == 1
    screenshot(page, "folder")


@pytest.mark.parametrize(
    ("name", "element", "has"),
    [
        ("pictures/dunes.png", "img", {"naturalWidth": 480}),
        ("été à la mer.svg", "img", {"complete": True, "alt": "été à la mer.svg"}),
        ("media/bouncing sun.webm", "video", {"videoWidth": 320}),
        ("media/two notes.wav", "audio", {"duration": 2}),
        ("hello.txt", "pre", {"textContent": HELLO}),
    ],
)
def test_file_of_each_kind_is_shown(page: Page, stack: Stack, name: str, element: str, has: dict[str, Any]) -> None:
    folder, _, base = name.rpartition("/")
    visit(page, stack, folder and f"{folder}/")
    file(page, base).click()
    dialog = page.get_by_role("dialog", name=base)
    for key, value in has.items():
        expect(dialog.locator(element)).to_have_js_property(key, value)
    expect(dialog.get_by_role("button", name="Download")).to_be_enabled()
    screenshot(page, f"preview-{Path(base).suffix[1:]}")


def test_pdf_is_shown(pdf_viewer: Browser, session: Any, stack: Stack) -> None:
    with watched(pdf_viewer, stack.outputs.frontend_url, storage_state=session) as watch:
        visit(watch.page, stack)
        file(watch.page, "letter.pdf").click()
        expect(watch.page.get_by_role("dialog").locator("iframe")).to_have_attribute("title", "letter.pdf")
        screenshot(watch.page, "preview-pdf")


def test_file_is_downloaded_under_its_name(page: Page, stack: Stack, samples: Path) -> None:
    name = "a+b = 100% #1.md"
    visit(page, stack, "notes/")
    file(page, name).click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename.replace("_", " ") in (name, name.replace("_", " "))
    assert download.value.path().read_bytes() == (samples / "notes" / name).read_bytes()
    expect(page.get_by_role("dialog").get_by_role("status")).to_have_text("Download started.")


def test_copied_link_opens_the_file(page: Page, stack: Stack, samples: Path) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit(page, stack)
    file(page, "hello.txt").click()
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("dialog").get_by_role("status")).to_contain_text("Link copied.")
    link = page.evaluate("navigator.clipboard.readText()")
    assert requests.get(link, timeout=30).content == (samples / "hello.txt").read_bytes()


def test_link_counts_down_and_is_renewed_before_it_expires(page: Page, stack: Stack) -> None:
    page.clock.install()
    visit(page, stack, "hello.txt")
    timer = page.get_by_role("timer")
    expect(timer).to_have_text(re.compile(r"^Link expires in (1\d|20) min$"))
    left = timer.text_content()
    page.clock.run_for(61_000)
    expect(timer).not_to_have_text(str(left))
    with page.expect_request(lambda request: "getFile" in (request.post_data or "")):
        page.clock.fast_forward("20:00")


def test_expired_pictures_are_renewed_when_the_page_is_visible_again(page: Page, stack: Stack) -> None:
    page.clock.install()
    visit(page, stack, "pictures/")
    page.clock.fast_forward("25:00")
    with page.expect_request(lambda request: "listFiles" in (request.post_data or "")):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.get_by_role("list", name="Files").get_by_role("link").first).to_be_visible()


def test_video_continues_at_its_position_with_a_new_link(page: Page, stack: Stack) -> None:
    name = "media/bouncing sun.webm"
    token = {"Authorization": sign_in(stack)["AccessToken"]}
    fresh = execute(stack, "query ($f: String!) { getUrl(file: $f, expiresIn: 3600) }", token, f=name)["getUrl"]
    page.clock.install()
    visit(page, stack, name)
    video = page.locator("video")
    expect(video).to_have_js_property("readyState", 4)
    video.evaluate("video => { video.currentTime = 1 }")
    expect(video).to_have_js_property("seeking", False)

    def respond_with_fresh_url(route: Any) -> None:
        response = route.fetch()
        body = response.json()
        body["data"]["getFile"]["url"] = fresh
        route.fulfill(response=response, json=body)

    page.route(stack.outputs.graphql_url, respond_with_fresh_url)
    page.clock.fast_forward("21:00")
    video.dispatch_event("error")  # as a refused range does
    expect(video).to_have_attribute("src", fresh)
    expect(video).to_have_js_property("currentTime", 1)


def test_more_files_than_a_page_appear_as_the_user_scrolls_and_a_reload_returns_there(
    page: Page, stack: Stack, several: str
) -> None:
    visit(page, stack, several)
    tiles = page.get_by_role("list", name="Files").get_by_role("link")
    expect(page.get_by_role("status")).to_have_text("100 files so far")
    with page.expect_event("request", lambda request: "listFiles" in (request.post_data or "")):
        page.get_by_role("button", name="Show more").scroll_into_view_if_needed()
    expect(tiles).to_have_count(SEVERAL)
    expect(page.get_by_role("button", name="Show more")).to_have_count(0)
    page.evaluate("scrollTo(0, 1500)")
    page.wait_for_function("() => history.state?.top === scrollY && scrollY > 1000")
    top = page.evaluate("scrollY")
    page.reload()
    expect(tiles).to_have_count(SEVERAL)
    page.wait_for_function("top => Math.abs(scrollY - top) < 5", arg=top)
    tiles.last.click()
    expect(page.get_by_role("dialog")).to_be_visible()


def test_search_finds_any_part_of_a_name_and_stays_after_a_reload(page: Page, stack: Stack, several: str) -> None:
    visit(page, stack, several)
    page.get_by_role("searchbox").fill("11.B")
    tiles = page.get_by_role("list", name="Files").get_by_role("link")
    expect(tiles).to_have_count(2)
    expect(page.get_by_role("status")).to_have_text(f"2 names with “11.B” in {SEVERAL} files")
    assert page.url.endswith("?q=11.B")
    page.reload()
    expect(tiles).to_have_count(2)
    page.get_by_role("searchbox").fill("x")
    expect(page.get_by_role("heading", name="No names contain")).to_be_visible()
    screenshot(page, "nothing-found")
    page.get_by_role("link", name="Show the whole folder").click()
    expect(tiles).to_have_count(100)


def test_back_forward_and_reload_keep_the_route(page: Page, stack: Stack) -> None:
    visit(page, stack)
    page.get_by_role("link", name="pictures").click()
    file(page, "night train.svg").click()
    dialog = page.get_by_role("dialog", name="night train.svg")
    expect(dialog).to_be_visible()
    page.reload()
    expect(dialog).to_be_visible()
    page.go_back()
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("heading", name="pictures")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="All files")).to_be_visible()
    page.go_forward()
    page.go_forward()
    expect(dialog).to_be_visible()
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_role("heading", name="pictures")).to_be_visible()
    assert page.url.endswith("#/pictures/")


def test_everything_can_be_done_with_the_keyboard(browser: Browser, stack: Stack) -> None:
    with watched(browser) as watch:
        page = watch.page
        page.goto(f"{stack.outputs.frontend_url}/#/pictures/")
        expect(page.get_by_label("E-mail address")).to_be_focused()
        page.keyboard.type(stack.outputs.demo_user)
        page.keyboard.press("Tab")
        page.keyboard.type(stack.outputs.demo_password)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="pictures")).to_be_visible()
        expect(file(page, "dunes.png")).to_be_visible()
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name="Skip to the files")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="pictures")).to_be_focused()
        page.keyboard.press("Tab")
        expect(page.get_by_role("searchbox")).to_be_focused()
        for control in ("Sort by", "Grid", "List"):
            page.keyboard.press("Tab")
            expect(page.get_by_label(control).or_(page.get_by_role("button", name=control))).to_be_focused()
        page.keyboard.press("Tab")
        expect(file(page, "dunes.png")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog", name="dunes.png")).to_be_visible()
        assert page.evaluate("document.activeElement.closest('dialog') !== null")
        page.keyboard.press("ArrowRight")
        expect(page.get_by_role("dialog", name="hills.svg")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(file(page, "dunes.png")).to_be_focused()


def test_names_are_shown_as_they_are_and_nothing_in_them_runs(page: Page, stack: Stack) -> None:
    folder = f"<b>{uuid.uuid4().hex}"
    names = ["<img src=x onerror=alert(1)>.txt", "invoice\u202efdp.exe", "תמונה.jpg", "long" * 55, "50% off?#1+1.txt"]
    s3 = stack.client("s3")
    for name in names:
        s3.put_object(
            Bucket=stack.outputs.bucket_name, Key=f"files/{folder}/{name}", Body=b"safe", ContentType="text/plain"
        )
    page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    visit(page, stack)
    page.get_by_role("link", name=folder).click()
    for name in names:
        expect(file(page, name.replace("\u202e", "[U+202E]"))).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    screenshot(page, "names-phone")
    file(page, names[0]).click()
    expect(page.get_by_role("dialog").locator("pre")).to_have_text("safe")
    page.reload()
    expect(page.get_by_role("dialog").locator("pre")).to_have_text("safe")


@pytest.mark.parametrize(
    "route", ["", "pictures/", "pictures/lemons.svg", "hello.txt", "no-such-folder/", "no-such-file"]
)
def test_every_state_is_accessible_and_fits_a_phone(page: Page, stack: Stack, route: str) -> None:
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    visit(page, stack, route)
    if route and not route.endswith("/"):
        expect(page.get_by_role("dialog").locator("img, pre, .error-message")).to_be_visible()
    name = route.strip("/").replace("/", "-") or "all-files"
    assert axe_findings(page) == []
    screenshot(page, f"{name}-light")
    page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    screenshot(page, f"{name}-light-phone")
    page.emulate_media(color_scheme="dark")
    assert axe_findings(page) == []
    screenshot(page, f"{name}-dark-phone")
