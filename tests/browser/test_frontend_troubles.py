"""The page when something is wrong: it says what, and what to do, and loses nobody's place."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.test_frontend import browser, file, fill_in, session, visit
from tests.chromium import Watched, axe_findings, screenshot, watched
from tests.running_stack import Stack

__all__ = ["browser", "session"]  # fixtures


@pytest.fixture
def watch(browser: Browser, session: Any) -> Iterator[Watched]:
    with watched(browser, storage_state=session) as watch:
        yield watch


def alert_says(page: Page, *texts: str) -> None:
    for text in texts:
        expect(page.get_by_role("alert")).to_contain_text(text)


def test_session_is_refreshed_without_a_word(watch: Watched, stack: Stack) -> None:
    page = watch.page
    page.clock.install()
    visit(page, stack)
    page.clock.fast_forward("02:00:00")
    with page.expect_response(lambda answer: answer.url.endswith("/cognito")) as refreshed:
        page.get_by_role("link", name="pictures").click()
    assert refreshed.value.ok
    expect(file(page, "hills.svg")).to_be_visible()


def test_ended_session_asks_to_sign_in_and_keeps_the_place(browser: Browser, stack: Stack) -> None:
    user, password, users = f"{uuid.uuid4().hex}@example.com", "Own-password-2!", stack.client("cognito-idp")
    names = {"UserPoolId": stack["UserPoolId"], "Username": user}
    users.admin_create_user(**names, MessageAction="SUPPRESS")
    users.admin_set_user_password(**names, Password=password, Permanent=True)
    with watched(browser) as watch:
        page = watch.page
        page.clock.install()
        page.goto(stack["FrontendUrl"])
        fill_in(page, user, password)
        expect(page.get_by_role("heading", name="All files")).to_be_visible()
        users.admin_delete_user(**names)
        watch.provoked.append("400 (Bad Request)")
        page.clock.fast_forward("02:00:00")
        page.get_by_role("link", name="pictures").click()
        expect(page.get_by_role("status")).to_contain_text("Your session has ended.")
        screenshot(page, "session-ended")
        fill_in(page, stack["DemoUser"], stack["DemoPassword"])
        expect(page.get_by_role("heading", name="pictures")).to_be_visible()
        expect(file(page, "hills.svg")).to_be_visible()


def test_unreachable_api_is_said_and_tried_again_on_demand(watch: Watched, stack: Stack) -> None:
    page = watch.page
    watch.provoked.append("net::ERR_FAILED")
    page.route(stack["GraphqlUrl"], lambda route: route.abort())
    page.goto(f"{stack['FrontendUrl']}/#/pictures/")
    alert_says(page, "cannot be reached", "Check your connection")
    assert axe_findings(page) == []
    screenshot(page, "api-down")
    page.unroute(stack["GraphqlUrl"])
    page.get_by_role("button", name="Try again").click()
    expect(file(page, "hills.svg")).to_be_visible()


def test_refusal_of_the_api_is_told_with_its_type_and_message(watch: Watched, stack: Stack) -> None:
    def ask_too_much(route: Route) -> None:
        asked = json.loads(str(route.request.post_data))
        asked["variables"]["limit"] = 0
        route.continue_(post_data=json.dumps(asked))

    watch.page.route(stack["GraphqlUrl"], ask_too_much)
    watch.page.goto(stack["FrontendUrl"])
    alert_says(watch.page, "The files' service refused.", "InvalidLimit: limit must be between 1 and 1000, not 0.")


def test_bug_of_the_page_leaves_no_blank_page(watch: Watched, stack: Stack) -> None:
    def forget_the_names(route: Route) -> None:
        answer = route.fetch()
        listed = answer.json()
        for item in listed["data"]["listFiles"]["items"]:
            item["name"] = None  # which the schema promises never to happen
        route.fulfill(response=answer, json=listed)

    watch.provoked.append("TypeError")
    watch.page.route(stack["GraphqlUrl"], forget_the_names)
    watch.page.goto(f"{stack['FrontendUrl']}/#/pictures/")
    alert_says(watch.page, "Something went wrong in this page.", "Reload the page.", "TypeError")


def test_file_that_vanished_since_the_list_is_said(watch: Watched, stack: Stack) -> None:
    name, s3 = f"{uuid.uuid4().hex}/soon gone.txt", stack.client("s3")
    watch.provoked.append("403 (Forbidden)")
    s3.put_object(Bucket=stack["BucketName"], Key=f"files/{name}", Body=b"here")
    visit(watch.page, stack, name.partition("/")[0] + "/")
    s3.delete_object(Bucket=stack["BucketName"], Key=f"files/{name}")
    file(watch.page, "soon gone.txt").click()
    alert_says(watch.page, "This file is not there any more.")
    screenshot(watch.page, "vanished")


def test_refusal_of_the_edge_is_told_with_who_refused(watch: Watched, stack: Stack) -> None:
    def spoil(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace("Signature=M", "Signature=N"))

    watch.provoked.append("403 (Forbidden)")
    watch.page.route(stack["GraphqlUrl"], spoil)
    visit(watch.page, stack, "pictures/")
    file(watch.page, "dunes.png").click()
    alert_says(watch.page, "The link was refused.", "HTTP 403 · refused by the edge", "AccessDenied")
    screenshot(watch.page, "refused-by-the-edge")
    watch.page.get_by_role("button", name="Download").click()
    expect(watch.page.get_by_role("dialog").get_by_role("status")).to_contain_text("The link was refused.")


def test_file_that_is_not_what_its_name_says_is_explained(watch: Watched, stack: Stack) -> None:
    name = f"{uuid.uuid4().hex}.png"
    stack.client("s3").put_object(Bucket=stack["BucketName"], Key=f"files/{name}", Body=b"no picture")
    visit(watch.page, stack, name)
    expect(watch.page.get_by_role("heading", name="This browser cannot show the file.")).to_be_visible()


def test_empty_and_unknown_files_say_so(watch: Watched, stack: Stack) -> None:
    s3, folder = stack.client("s3"), uuid.uuid4().hex
    for name, heading in (("a.txt", "This file is empty."), ("b.bin", "There is no preview for this kind of file.")):
        s3.put_object(Bucket=stack["BucketName"], Key=f"files/{folder}/{name}", Body=b"" if name == "a.txt" else b"\0")
        visit(watch.page, stack, f"{folder}/{name}")
        expect(watch.page.get_by_role("heading", name=heading)).to_be_visible()


def test_long_text_is_cut_and_says_so(watch: Watched, stack: Stack) -> None:
    name, line = f"{uuid.uuid4().hex}.log", b"one line of many\n"
    stack.client("s3").put_object(Bucket=stack["BucketName"], Key=f"files/{name}", Body=line * 20_000)
    visit(watch.page, stack, name)
    expect(watch.page.get_by_text("The first 200 kB of 340 kB")).to_be_visible()
    assert len(str(watch.page.locator("pre").text_content())) == 200_000


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"status": 404}, "This page has no config.json."),
        ({"body": "{"}, "This page's config.json is not JSON."),
        ({"json": {"Region": "us-east-1", "UserPoolId": "x"}}, "Missing: GraphqlUrl, CdnUrl, UserPoolClientId"),
        (
            {"json": {"GraphqlUrl": "x", "CdnUrl": "http://127.0.0.1", "Region": "r", "ApiKey": "k"}},
            "GraphqlUrl: x",
        ),
    ],
)
def test_unusable_configuration_is_explained(browser: Browser, stack: Stack, answer: dict[str, Any], says: str) -> None:
    with watched(browser) as watch:
        watch.provoked.append("404 (Not Found)")
        watch.page.route("**/config.json", lambda route: route.fulfill(**answer))
        watch.page.goto(stack["FrontendUrl"])
        alert_says(watch.page, says)
        watch.page.unroute("**/config.json")
        watch.page.get_by_role("button", name="Try again").click()
        expect(watch.page.get_by_label("Password")).to_be_visible()
