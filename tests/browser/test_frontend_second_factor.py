"""Signing in with a second factor, and setting a new password by code, in front of a strict Cognito."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.qr_code import scanned
from tests.browser.stand_in import BY_PASSWORD, StandIn, stand_in
from tests.browser.steps import fill_in
from tests.browser.strict_cognito import MASKED, SECRET, USER, StrictCognito, refused, totp
from tests.chromium import axe_findings, screenshot

PASSWORD, NEW_PASSWORD = "Some-password-1", " New password-2! "


@pytest.fixture
def servers(browser: Browser) -> Iterator[StandIn]:
    with stand_in(browser, BY_PASSWORD) as servers:
        servers.watch.provoked += ["400 (Bad Request)"]
        servers.open()
        yield servers


def cognito(servers: StandIn, *challenges: str, **settings: object) -> StrictCognito:
    strict = StrictCognito(list(challenges), **settings)  # type: ignore[arg-type]
    servers.cognito = strict.operations()
    return strict


def code_field(page: Page) -> Locator:
    return page.get_by_label("Code", exact=True)


def enter(page: Page, code: str, button: str = "Sign in") -> None:
    code_field(page).fill(code)
    page.get_by_role("button", name=button, exact=True).click()


def signed_in(page: Page) -> None:
    expect(page.get_by_role("heading", name="All files")).to_be_visible()
    expect(page.get_by_text(USER)).to_be_visible()


def says(page: Page, text: str) -> None:
    expect(page.get_by_role("alert")).to_contain_text(text)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_authenticator_app_is_set_up_by_qr_code_and_used(servers: StandIn, scheme: str) -> None:
    page = servers.page
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    strict = cognito(servers, "MFA_SETUP")
    fill_in(page, USER, PASSWORD)
    expect(code_field(page)).to_be_focused()
    expect(code_field(page)).to_have_attribute("autocomplete", "one-time-code")
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
    assert axe_findings(page) == []
    screenshot(page, f"set-up-app-{scheme}")
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    screenshot(page, f"set-up-app-{scheme}-phone")
    address = urlsplit(scanned(page.get_by_role("img", name="QR code")))
    assert (address.scheme, address.netloc) == ("otpauth", "totp")
    assert unquote(address.path) == f"/Private files (127.0.0.1):{USER}"
    assert parse_qs(address.query) == {"secret": [SECRET], "issuer": ["Private files (127.0.0.1)"]}
    expect(page.get_by_role("link", name="open the app on this device")).to_have_attribute("href", address.geturl())
    assert page.locator(".key code").text_content() == SECRET
    stored = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    assert SECRET not in stored
    assert PASSWORD not in stored

    enter(page, "000 000")
    says(page, "Wrong code.")
    expect(code_field(page)).to_be_focused()
    expect(code_field(page)).to_have_value("")
    code = totp(SECRET)
    enter(page, f"{code[:3]} {code[3:]}")
    signed_in(page)
    assert strict.sent("VerifySoftwareToken")[-1]["UserCode"] == code
    assert SECRET not in page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")

    strict.challenges = ["SOFTWARE_TOKEN_MFA"]
    page.get_by_role("button", name="Sign out").click()
    fill_in(page, USER, PASSWORD)
    enter(page, code)
    says(page, "This code was used before.")
    strict._used.clear()
    enter(page, totp(SECRET))
    signed_in(page)


def test_key_is_copied_without_its_gaps(servers: StandIn) -> None:
    page = servers.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    cognito(servers, "MFA_SETUP")
    fill_in(page, USER, PASSWORD)
    page.get_by_role("button", name="Copy key").click()
    expect(page.get_by_text("Key copied.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == SECRET
    page.locator(".key code").evaluate("element => getSelection().selectAllChildren(element)")
    assert page.evaluate("String(getSelection())") == SECRET


def test_first_password_is_followed_by_the_set_up_and_a_choice_by_its_code(servers: StandIn) -> None:
    page = servers.page
    strict = cognito(servers, "NEW_PASSWORD_REQUIRED", "SELECT_MFA_TYPE", factors=("SOFTWARE_TOKEN_MFA", "SMS_MFA"))
    fill_in(page, f" {USER} ", PASSWORD)
    page.get_by_label("New password").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Set password").click()
    assert axe_findings(page) == []
    expect(page.get_by_role("button", name="Authenticator app")).to_be_focused()
    screenshot(page, "choose-factor")
    page.get_by_role("button", name="Text message").click()
    expect(page.get_by_text("+*******0199")).to_be_visible()
    enter(page, "999999")
    says(page, "Wrong code.")
    enter(page, strict.code)
    signed_in(page)
    assert strict.sent("RespondToAuthChallenge")[1]["ChallengeResponses"]["NEW_PASSWORD"] == NEW_PASSWORD
    assert strict.sent("InitiateAuth")[0]["AuthParameters"]["USERNAME"] == USER


def test_attributes_that_the_pool_requires_are_set_with_the_first_password(servers: StandIn) -> None:
    page = servers.page
    strict = cognito(servers, "NEW_PASSWORD_REQUIRED", missing=("userAttributes.given_name",))
    fill_in(page, USER, PASSWORD)
    page.get_by_label("New password").fill(NEW_PASSWORD)
    page.get_by_label("given_name").fill("Ann")
    assert axe_findings(page) == []
    page.get_by_role("button", name="Set password").click()
    signed_in(page)
    assert strict.sent("RespondToAuthChallenge")[1]["ChallengeResponses"]["userAttributes.given_name"] == "Ann"


def test_reload_in_the_middle_starts_again(servers: StandIn) -> None:
    page = servers.page
    cognito(servers, "SOFTWARE_TOKEN_MFA")
    fill_in(page, USER, PASSWORD)
    expect(code_field(page)).to_be_focused()
    page.reload()
    fill_in(page, USER, PASSWORD)
    enter(page, totp(SECRET))
    signed_in(page)


def test_code_of_an_e_mail_signs_in(servers: StandIn) -> None:
    strict = cognito(servers, "EMAIL_OTP")
    fill_in(servers.page, USER, PASSWORD)
    expect(servers.page.get_by_text(MASKED)).to_be_visible()
    enter(servers.page, strict.code)
    signed_in(servers.page)


def test_second_factor_by_e_mail_is_set_up(servers: StandIn) -> None:
    page = servers.page
    strict = cognito(servers, "MFA_SETUP", "EMAIL_OTP", factors=("SOFTWARE_TOKEN_MFA", "EMAIL_OTP"))
    strict._used.add("nothing to verify")
    fill_in(page, USER, PASSWORD)
    page.get_by_role("button", name="E-mail").click()
    page.get_by_label("E-mail address").fill("not an address")
    page.get_by_role("button", name="Send a code").click()
    says(page, "This is not an e-mail address.")
    page.get_by_label("E-mail address").fill("other@example.com")
    page.get_by_role("button", name="Send a code").click()
    enter(page, strict.code)
    signed_in(page)
    assert strict.sent("RespondToAuthChallenge")[1]["ChallengeResponses"]["EMAIL"] == "other@example.com"


def test_session_that_has_ended_starts_again_with_the_address_kept(servers: StandIn) -> None:
    page = servers.page
    strict = cognito(servers, "SOFTWARE_TOKEN_MFA")
    fill_in(page, USER, PASSWORD)
    expect(code_field(page)).to_be_focused()
    strict._sessions += 1
    enter(page, totp(SECRET))
    says(page, "Start again with your e-mail address and the password you used.")
    expect(page.get_by_label("E-mail address")).to_have_value(USER)
    expect(page.get_by_label("Password")).to_be_focused()
    fill_in(page, USER, PASSWORD)
    enter(page, totp(SECRET))
    signed_in(page)


@pytest.mark.parametrize(
    ("typed", "text"),
    [("", "Fill in every field."), ("a@b.example", "A code has only digits."), ("TOTP", "A code has only digits.")],
)
def test_text_that_is_no_code_is_not_sent(servers: StandIn, typed: str, text: str) -> None:
    strict = cognito(servers, "MFA_SETUP")
    fill_in(servers.page, USER, PASSWORD)
    enter(servers.page, typed)
    says(servers.page, text)
    assert not strict.sent("VerifySoftwareToken")
    assert len(strict.sent("RespondToAuthChallenge")) == 1


def test_forgotten_password_is_replaced_by_code_and_signs_in(servers: StandIn) -> None:
    page = servers.page
    strict = cognito(servers, "SOFTWARE_TOKEN_MFA")
    page.get_by_label("E-mail address").fill(USER)
    page.get_by_role("button", name="Forgot password?").click()
    expect(page.get_by_label("E-mail address")).to_have_value(USER)
    assert axe_findings(page) == []
    screenshot(page, "forgot-password")
    page.get_by_role("button", name="Send a code").click()
    expect(page.get_by_text(f"If {USER} has an account, a code was sent to {MASKED}.")).to_be_visible()
    expect(code_field(page)).to_be_focused()
    assert axe_findings(page) == []
    screenshot(page, "reset-password")
    new_password = page.get_by_label("New password")
    new_password.fill("short")
    enter(page, "999999", "Set password")
    says(page, "Wrong code.")
    expect(code_field(page)).to_be_focused()
    expect(code_field(page)).to_have_value("")
    expect(new_password).to_have_value("short")
    enter(page, strict.code, "Set password")
    says(page, "Password not long enough")
    expect(new_password).to_be_focused()
    expect(new_password).to_have_value("")
    expect(code_field(page)).to_have_value(strict.code)
    old = strict.code
    page.get_by_role("button", name="Send a new code").click()
    expect(page.get_by_text(f"A new code was sent to {MASKED}.")).to_be_visible()
    assert strict.code != old
    new_password.fill(NEW_PASSWORD)
    enter(page, strict.code, "Set password")
    expect(page.get_by_text("the code that your authenticator app shows")).to_be_visible()
    enter(page, totp(SECRET))
    signed_in(page)
    assert strict.sent("ConfirmForgotPassword")[-1]["Password"] == NEW_PASSWORD
    assert "password" not in page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])").lower()


def test_password_that_was_reset_is_replaced_with_the_code_that_was_sent(servers: StandIn) -> None:
    page = servers.page
    strict = cognito(servers, reset_required=True)
    fill_in(page, USER, PASSWORD)
    expect(page.get_by_text("Your password was reset.")).to_be_visible()
    assert not strict.sent("ForgotPassword")
    page.get_by_label("New password").fill(NEW_PASSWORD)
    enter(page, strict.code, "Set password")
    signed_in(page)


def test_new_password_that_is_set_but_cannot_sign_in_yet_is_not_set_again(servers: StandIn) -> None:
    page = servers.page
    strict = cognito(servers, reset_required=True)
    fill_in(page, USER, PASSWORD)
    servers.watch.provoked.append("net::ERR")
    page.get_by_label("New password").fill(NEW_PASSWORD)
    servers.cognito["InitiateAuth"] = None
    enter(page, strict.code, "Set password")
    says(page, "Your new password is set. Sign in with it.")
    servers.cognito = strict.operations()
    fill_in(page, USER, NEW_PASSWORD)
    signed_in(page)


def test_every_step_works_with_the_keyboard_and_starts_again(servers: StandIn) -> None:
    page = servers.page
    cognito(servers, "SOFTWARE_TOKEN_MFA")
    expect(page.get_by_label("E-mail address")).to_be_focused()
    page.keyboard.type(USER)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(code_field(page)).to_be_focused()
    expect(code_field(page)).to_have_accessible_description(
        "Enter the code that your authenticator app shows. If you have lost it, ask your administrator to reset your "
        "second factor."
    )
    page.get_by_role("button", name="Start again").press("Enter")
    expect(page.get_by_label("Password")).to_be_focused()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(code_field(page)).to_be_focused()
    page.keyboard.type(totp(SECRET))
    page.keyboard.press("Enter")
    signed_in(page)


NO_ADDRESS = "Cannot reset password for the user as there is no registered/verified email or phone_number"
PATTERN = "1 validation error detected: Value at '{}' failed to satisfy constraint: Member must satisfy …"
NOT_SENT = [
    (refused("LimitExceededException", "Attempt limit exceeded, please try after some time."), "Wait an hour"),
    (refused("CodeDeliveryFailureException", "SES is down"), "The code could not be sent."),
    (refused("InvalidParameterException", NO_ADDRESS), "your account has no verified e-mail address. Ask your"),
    (refused("InvalidParameterException", PATTERN.format("username")), "Wrong e-mail address"),
    (
        refused("NotAuthorizedException", "User password cannot be reset in the current state."),
        "before your first sign-in. Sign in with your temporary password.",
    ),
    (refused("NotAuthorizedException", "User is disabled."), "Your account is disabled. Ask your administrator"),
    (None, "The sign-in service cannot be reached."),
]
NOT_SET = [
    (refused("ExpiredCodeException", "Invalid code provided, please request a code again."), "This code has expired"),
    (refused("CodeMismatchException", "Invalid verification code provided"), "Wrong code."),
    (refused("InvalidParameterException", PATTERN.format("confirmationCode")), "Wrong code."),
    (refused("InvalidParameterException", PATTERN.format("password")), "must not start or end with a space"),
    (refused("PasswordHistoryPolicyViolationException"), "You have used this password before."),
    (refused("LimitExceededException"), "Too many attempts."),
    (refused("TooManyFailedAttemptsException"), "Too many attempts."),
    (refused("UserNotConfirmedException"), "Your account is not confirmed yet. Ask your administrator"),
]


def test_every_refusal_of_a_new_password_by_code_says_what_the_user_can_do(servers: StandIn) -> None:
    page = servers.page
    servers.watch.provoked.append("net::ERR")
    strict = cognito(servers)
    page.get_by_label("E-mail address").fill(USER)
    page.get_by_role("button", name="Forgot password?").click()
    for response, text in NOT_SENT:
        servers.cognito["ForgotPassword"] = response
        page.get_by_role("button", name="Send a code").click()
        says(page, text)
    servers.cognito = strict.operations()
    page.get_by_role("button", name="Send a code").click()
    for response, text in NOT_SET:
        servers.cognito["ConfirmForgotPassword"] = response
        page.get_by_label("New password").fill(NEW_PASSWORD)
        enter(page, "123456", "Set password")
        says(page, text)
        expect(page.get_by_role("button", name="Send a new code")).to_be_enabled()


@pytest.mark.parametrize(
    ("operation", "response", "text"),
    [
        ("RespondToAuthChallenge", refused("TooManyFailedAttemptsException"), "Too many attempts. Wait an hour"),
        ("RespondToAuthChallenge", refused("ExpiredCodeException", "Invalid code"), "This code has expired"),
        ("RespondToAuthChallenge", refused("NotAuthorizedException", "User is disabled."), "Your account is disabled."),
        ("VerifySoftwareToken", refused("InvalidParameterException", PATTERN.format("userCode")), "Wrong code."),
        ("VerifySoftwareToken", refused("CodeMismatchException"), "Wrong code."),
        ("VerifySoftwareToken", refused("SoftwareTokenMFANotFoundException"), "Ask your administrator to reset it."),
    ],
)
def test_refused_code_says_what_the_user_can_do_and_keeps_the_step(
    servers: StandIn, operation: str, response: dict[str, object], text: str
) -> None:
    page = servers.page
    cognito(servers, "MFA_SETUP" if operation == "VerifySoftwareToken" else "SOFTWARE_TOKEN_MFA")
    fill_in(page, USER, PASSWORD)
    expect(code_field(page)).to_be_focused()
    servers.cognito[operation] = response
    enter(page, "123456")
    says(page, text)
    expect(code_field(page)).to_be_focused()
    expect(page.get_by_role("button", name="Start again")).to_be_enabled()
