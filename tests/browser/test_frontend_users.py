"""Two users of a running stack with access rules: each signs in with a second factor and sees their own world."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.steps import file, fill_in, visit
from tests.browser.strict_cognito import totp
from tests.chromium import axe_findings, screenshot, watched
from tests.graphql_caller import execute, sign_in
from tests.running_stack import Stack, running_stack

RULES = [
    {"principal": "users", "actions": ["read"], "prefix": "home/{sub}/"},
    {"principal": "group:editors", "actions": ["read"], "prefix": "shared/"},
]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("users"), f"access={json.dumps(RULES)}") as running:
        yield running


def home(stack: Stack, user: str, password: str) -> str:
    """Return the home folder of a user."""
    token = sign_in(stack, user=user, password=password)["AccessToken"]
    found = execute(stack, "{ getAccess { prefix } }", {"Authorization": token})["getAccess"]
    prefixes: list[str] = [entry["prefix"] for entry in found]
    return next(prefix for prefix in prefixes if prefix.startswith("home/"))


def enrol(stack: Stack, user: str, password: str) -> str:
    """Set up an authenticator app for a user, and return its secret."""
    cognito = stack.client("cognito-idp")
    token = sign_in(stack, user=user, password=password)["AccessToken"]
    secret: str = cognito.associate_software_token(AccessToken=token)["SecretCode"]
    cognito.verify_software_token(AccessToken=token, UserCode=totp(secret))
    cognito.set_user_mfa_preference(AccessToken=token, SoftwareTokenMfaSettings={"Enabled": True, "PreferredMfa": True})
    return secret


def enter_with_app(page: Page, stack: Stack, user: str, password: str, secret: str) -> None:
    page.goto(stack.outputs.frontend_url)
    fill_in(page, user, password)
    page.get_by_label("Code", exact=True).fill("12345")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Wrong code.")
    # A code is accepted once, and that of now was used to set the app up.
    page.get_by_label("Code", exact=True).fill(totp(secret, time.time() + 30))
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="All files")).to_be_visible()
    expect(page.get_by_role("main")).to_have_attribute("aria-busy", "false")


def test_two_users_with_a_second_factor_see_two_worlds(browser: Browser, stack: Stack) -> None:
    outputs = stack.outputs
    editor, second = (outputs.demo_user, outputs.demo_password), (outputs.second_user, outputs.second_password)
    editors_home, seconds_home = home(stack, *editor), home(stack, *second)
    secrets = {user: enrol(stack, user, password) for user, password in (editor, second)}
    with watched(browser) as first_watch, watched(browser) as second_watch:
        for watch, (user, password) in ((first_watch, editor), (second_watch, second)):
            watch.provoked.append("400 (Bad Request)")
            enter_with_app(watch.page, stack, user, password, secrets[user])
        page = first_watch.page
        folders = page.get_by_role("list", name="Folders").get_by_role("link")
        expect(folders).to_have_text([editors_home.rstrip("/"), "shared"])
        assert axe_findings(page) == []
        screenshot(page, "stack-editor")
        folders.last.click()
        expect(file(page, "hello.txt")).to_be_visible()

        page = second_watch.page
        expect(file(page, "hello.txt")).to_be_visible()
        screenshot(page, "stack-second")
        received: list[str] = []
        page.on("response", lambda response: received.append(response.text()) if response.request.post_data else None)
        for name in ("shared/hello.txt", f"{editors_home}hello.txt", f"{editors_home}none"):
            visit(page, stack, name)
            expect(page.get_by_role("heading", name="You have no access to this file")).to_be_visible()
        visit(page, stack, editors_home)
        expect(page.get_by_role("heading", name="You have no access to this folder")).to_be_visible()
        assert received
        assert "Signature=" not in "".join(received)
        visit(page, stack, f"{seconds_home}hello.txt")
        expect(page.get_by_role("dialog").locator("pre")).to_be_visible()
