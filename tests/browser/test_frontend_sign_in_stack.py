"""Both users of a running stack set up an authenticator app in the page, forget their password, and come back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.steps import fill_in
from tests.browser.strict_cognito import totp
from tests.chromium import watched
from tests.running_stack import Stack, running_stack

RULES = '[{"principal": "users", "actions": ["read"], "prefix": "home/{sub}/"}]'
NEW_PASSWORD = "Another password-2!"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    context = ("mfa=required", f"access={RULES}")
    with running_stack(tmp_path_factory.mktemp("required"), *context) as running:
        yield running


def enter(page: Page, code: str, button: str) -> None:
    page.get_by_label("Code", exact=True).fill(code)
    page.get_by_role("button", name=button, exact=True).click()


@pytest.mark.parametrize("who", ["demo", "second"])
def test_user_sets_up_an_app_forgets_the_password_and_comes_back(browser: Browser, stack: Stack, who: str) -> None:
    assert stack.directory is not None
    mail = stack.directory / "mail.txt"
    user, password = (getattr(stack.outputs, f"{who}_{what}") for what in ("user", "password"))
    with watched(browser) as watch:
        watch.provoked.append("400 (Bad Request)")
        page = watch.page
        page.goto(stack.outputs.frontend_url)
        fill_in(page, user, password)
        link = page.get_by_role("link", name="open the app on this device").get_attribute("href")
        (secret,) = parse_qs(urlsplit(str(link)).query)["secret"]
        enter(page, "000000", "Sign in")
        expect(page.get_by_role("alert")).to_contain_text("Wrong code.")
        enter(page, totp(secret), "Sign in")
        expect(page.get_by_role("heading", name="All files")).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        page.get_by_label("E-mail address").fill(user)
        page.get_by_role("button", name="Forgot password?").click()
        page.get_by_role("button", name="Send a code").click()
        expect(page.get_by_label("New password")).to_be_visible()
        code = mail.read_text().split()[-1]
        page.get_by_label("New password").fill(NEW_PASSWORD)
        enter(page, "1" + code[1:] if code[0] != "1" else "2" + code[1:], "Set password")
        expect(page.get_by_role("alert")).to_contain_text("Wrong code.")
        enter(page, code, "Set password")
        expect(page.get_by_text("the code that your authenticator app shows")).to_be_visible()
        enter(page, totp(secret, time.time() + 30), "Sign in")
        expect(page.get_by_role("heading", name="All files")).to_be_visible()
        expect(page.get_by_text(user)).to_be_visible()
