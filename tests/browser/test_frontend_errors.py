"""The page when something fails: it says what and what to do, and keeps the folder."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.steps import file, fill_in, visit
from tests.chromium import Watched, axe_findings, screenshot, watched
from tests.running_stack import Stack


@pytest.fixture
def watch(browser: Browser, session: Any, stack: Stack) -> Iterator[Watched]:
    with watched(browser, stack.outputs.frontend_url, storage_state=session) as watch:
        yield watch


def alert_says(page: Page, *texts: str) -> None:
    """Check that the page shows an error with these texts."""
    for text in texts:
        expect(page.get_by_role("alert")).to_contain_text(text)


def test_session_is_refreshed_silently(watch: Watched, stack: Stack) -> None:
    page = watch.page
    page.clock.install()
    visit(page, stack)
    page.clock.fast_forward("02:00:00")
    with page.expect_response(lambda response: response.url.endswith("/cognito")) as refreshed:
        page.get_by_role("link", name="pictures").click()
    assert refreshed.value.ok
    expect(file(page, "hills.svg")).to_be_visible()


def test_ended_session_returns_to_the_folder_after_signing_in(browser: Browser, stack: Stack) -> None:
    user, password, users = f"{uuid.uuid4().hex}@example.com", "Own-password-2!", stack.client("cognito-idp")
    names = {"UserPoolId": stack.outputs.user_pool_id, "Username": user}
    users.admin_create_user(**names, MessageAction="SUPPRESS")
    users.admin_set_user_password(**names, Password=password, Permanent=True)
    with watched(browser) as watch:
        page = watch.page
        page.clock.install()
        page.goto(stack.outputs.frontend_url)
        fill_in(page, user, password)
        expect(page.get_by_role("link", name="pictures")).to_be_visible()  # the list has arrived: two hours pass now
        users.admin_delete_user(**names)
        watch.provoked.append("400 (Bad Request)")
        page.clock.fast_forward("02:00:00")
        page.get_by_role("link", name="pictures").click()
        expect(page.get_by_role("status")).to_contain_text("Your session has ended.")
        screenshot(page, "session-ended")
        fill_in(page, stack.outputs.demo_user, stack.outputs.demo_password)
        expect(page.get_by_role("heading", name="pictures")).to_be_visible()
        expect(file(page, "hills.svg")).to_be_visible()


def test_unreachable_api_is_reported_and_can_be_retried(watch: Watched, stack: Stack) -> None:
    page = watch.page
    watch.provoked.append("net::ERR_FAILED")
    page.route(stack.outputs.graphql_url, lambda route: route.abort())
    page.goto(f"{stack.outputs.frontend_url}/#/pictures/")
    alert_says(page, "cannot be reached", "Check your connection")
    assert axe_findings(page) == []
    screenshot(page, "api-down")
    page.unroute(stack.outputs.graphql_url)
    page.get_by_role("button", name="Try again").click()
    expect(file(page, "hills.svg")).to_be_visible()


def test_refusal_of_the_api_shows_its_type_and_message(watch: Watched, stack: Stack) -> None:
    def send_invalid_limit(route: Route) -> None:
        request = json.loads(str(route.request.post_data))
        request["variables"]["limit"] = 0
        route.continue_(post_data=json.dumps(request))

    watch.page.route(stack.outputs.graphql_url, send_invalid_limit)
    watch.page.goto(stack.outputs.frontend_url)
    alert_says(watch.page, "The API refused the request.", "InvalidLimit: limit must be between 1 and 1000, not 0.")


def test_file_deleted_after_the_listing_is_reported(watch: Watched, stack: Stack) -> None:
    name, s3 = f"{uuid.uuid4().hex}/soon gone.txt", stack.client("s3")
    watch.provoked.append("403 (Forbidden)")
    s3.put_object(Bucket=stack.outputs.bucket_name, Key=f"files/{name}", Body=b"here")
    visit(watch.page, stack, name.partition("/")[0] + "/")
    s3.delete_object(Bucket=stack.outputs.bucket_name, Key=f"files/{name}")
    file(watch.page, "soon gone.txt").click()
    alert_says(watch.page, "This file no longer exists.")
    screenshot(watch.page, "vanished")


def test_refusal_of_the_edge_names_the_edge(watch: Watched, stack: Stack) -> None:
    def spoil(route: Route) -> None:
        response = route.fetch()
        route.fulfill(response=response, body=response.text().replace("Signature=M", "Signature=N"))

    watch.provoked.append("403 (Forbidden)")
    watch.page.route(stack.outputs.graphql_url, spoil)
    visit(watch.page, stack, "pictures/")
    file(watch.page, "dunes.png").click()
    alert_says(watch.page, "The link was refused.", "HTTP 403 · refused by the edge", "AccessDenied")
    screenshot(watch.page, "refused-by-the-edge")
    watch.page.get_by_role("button", name="Download").click()
    expect(watch.page.get_by_role("dialog").get_by_role("status")).to_contain_text("The link was refused.")


def test_file_that_does_not_match_its_extension_is_explained(watch: Watched, stack: Stack) -> None:
    name = f"{uuid.uuid4().hex}.png"
    stack.client("s3").put_object(Bucket=stack.outputs.bucket_name, Key=f"files/{name}", Body=b"no picture")
    visit(watch.page, stack, name)
    expect(watch.page.get_by_role("heading", name="This browser cannot show this file.")).to_be_visible()


def test_file_that_cannot_be_saved_under_its_name_is_shown_and_can_be_opened(watch: Watched, stack: Stack) -> None:
    folder, name = uuid.uuid4().hex, "reports\\2026.txt"
    stack.client("s3").put_object(Bucket=stack.outputs.bucket_name, Key=f"files/{folder}/{name}", Body=b"A report")
    visit(watch.page, stack, f"{folder}/")
    file(watch.page, name).click()
    dialog = watch.page.get_by_role("dialog", name=name)
    expect(dialog.locator("pre")).to_have_text("A report")
    expect(dialog.get_by_role("link", name="Open in a new tab")).to_be_visible()
    dialog.get_by_role("button", name="Download").click()
    expect(dialog.get_by_role("status")).to_contain_text("cannot be saved under its own name")


def test_empty_and_unknown_files_are_explained(watch: Watched, stack: Stack) -> None:
    s3, folder = stack.client("s3"), uuid.uuid4().hex
    for name, heading in (("a.txt", "This file is empty."), ("b.bin", "There is no preview for this type of file.")):
        s3.put_object(
            Bucket=stack.outputs.bucket_name, Key=f"files/{folder}/{name}", Body=b"" if name == "a.txt" else b"\0"
        )
        visit(watch.page, stack, f"{folder}/{name}")
        expect(watch.page.get_by_role("heading", name=heading)).to_be_visible()


def test_long_text_is_truncated_with_a_notice(watch: Watched, stack: Stack) -> None:
    name, line = f"{uuid.uuid4().hex}.log", b"one line of many\n"
    stack.client("s3").put_object(Bucket=stack.outputs.bucket_name, Key=f"files/{name}", Body=line * 20_000)
    visit(watch.page, stack, name)
    expect(watch.page.get_by_text("The first 200 kB of 340 kB")).to_be_visible()
    assert len(str(watch.page.locator("pre").text_content())) == 200_000


@pytest.mark.parametrize(
    ("config", "message"),
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
def test_unusable_configuration_is_explained(
    browser: Browser, stack: Stack, config: dict[str, Any], message: str
) -> None:
    with watched(browser) as watch:
        watch.provoked.append("404 (Not Found)")
        watch.page.route("**/config.json", lambda route: route.fulfill(**config))
        watch.page.goto(stack.outputs.frontend_url)
        alert_says(watch.page, message)
        watch.page.unroute("**/config.json")
        watch.page.get_by_role("button", name="Try again").click()
        expect(watch.page.get_by_label("Password")).to_be_visible()
