"""Signing in, in front of a Cognito that a test chooses: every refusal says what the user can do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.stand_in import BY_PASSWORD, SIGNATURE, StandIn, stand_in
from tests.browser.steps import fill_in
from tests.browser.strict_cognito import PROVE, USER, challenge, refused, token

INCORRECT = refused("NotAuthorizedException", "Incorrect username or password.")
LOST_FACTOR = ("second factor of your account is not set up", "administrator")
RESPONSES: list[tuple[dict[str, Any] | None, tuple[str, ...]]] = [
    (INCORRECT, ("Wrong e-mail address or password.", "capital letters")),
    (refused("UserNotFoundException", "User does not exist."), ("Wrong e-mail address or password.",)),
    (refused("NotAuthorizedException", "User is disabled."), ("Your account is disabled.", "administrator")),
    (
        refused("NotAuthorizedException", "Temporary password has expired and must be reset by an administrator."),
        ("Your temporary password has expired.", "administrator"),
    ),
    (refused("NotAuthorizedException", "Password attempts exceeded"), ("Too many attempts.", "Wait")),
    (
        refused("NotAuthorizedException", "Unable to verify secret hash for client abc"),
        ("not set up correctly", "secret hash"),
    ),
    (refused("UserNotConfirmedException", "User is not confirmed."), ("not confirmed yet", "administrator")),
    (refused("LimitExceededException"), ("Too many attempts.",)),
    (refused("TooManyFailedAttemptsException"), ("Too many attempts.",)),
    (refused("ResourceNotFoundException", "User pool client x does not exist."), ("not set up correctly", "client x")),
    (refused("InvalidParameterException", "USER_SRP_AUTH is not enabled for the client."), ("USER_SRP_AUTH",)),
    (refused("UserLambdaValidationException", "PreAuthentication failed: from home"), ("not allow", "from home")),
    (refused("ForbiddenException", "Request not allowed due to WAF block."), ("refused the request", "WAF")),
    (refused("SomethingNewException", "Whatever"), ("Signing in failed.", "SomethingNewException: Whatever")),
    (refused("SoftwareTokenMFANotFoundException"), LOST_FACTOR),
    (challenge("MFA_SETUP", MFAS_CAN_SETUP='["SMS_MFA"]'), ("that this page cannot set up", "administrator")),
    (challenge("CUSTOM_CHALLENGE"), ("does not support this way of signing in",)),
    ({"content_type": "text/html", "body": "<html>Sign in to this network"}, ("sign-in service",)),
    ({"status": 403, "content_type": "text/html", "body": "<html>"}, ("sign-in service",)),
    ({"json": {}}, ("Signing in failed.",)),
    (None, ("The sign-in service cannot be reached.", "Check your connection")),
]
# Amplify repeats these requests before it gives up.
REPEATED = [
    (refused("TooManyRequestsException", status=429), ("The sign-in service is busy.",)),
    (refused("InternalErrorException", status=500), ("The sign-in service has failed.",)),
    ({"status": 503, "body": "<html>"}, ("sign-in service",)),
]


@pytest.fixture
def servers(browser: Browser) -> Iterator[StandIn]:
    with stand_in(browser, BY_PASSWORD) as servers:
        servers.watch.provoked += ["Failed to load resource", "net::ERR"]
        servers.cognito["InitiateAuth"] = {"json": PROVE}
        servers.open()
        yield servers


@pytest.mark.parametrize("responses", [RESPONSES, REPEATED], ids=["at once", "after repeated requests"])
def test_every_refusal_says_what_the_user_can_do(
    servers: StandIn, responses: list[tuple[dict[str, Any] | None, tuple[str, ...]]]
) -> None:
    alert = servers.page.get_by_role("alert")
    for response, says in responses:
        servers.cognito["RespondToAuthChallenge"] = response
        fill_in(servers.page, USER, "Some-password-1")
        for text in says:
            expect(alert, json.dumps(response)).to_contain_text(text)
        if says[0] != "Wrong e-mail address or password.":
            expect(alert).not_to_contain_text("Wrong")
        # The alert goes away with the next attempt, so each is a new one.
        servers.page.get_by_label("E-mail address").fill("")
        servers.page.get_by_role("button", name="Sign in", exact=True).click()
        expect(alert).to_contain_text("Fill in every field.")


def test_refusal_before_the_password_is_checked_is_explained_too(servers: StandIn) -> None:
    servers.cognito["InitiateAuth"] = refused("NotAuthorizedException", "User is disabled.")
    fill_in(servers.page, USER, "Some-password-1")
    expect(servers.page.get_by_role("alert")).to_contain_text("Your account is disabled.")


def test_new_password_that_is_refused_is_explained_and_one_that_is_late_starts_again(servers: StandIn) -> None:
    page = servers.page
    required = challenge("NEW_PASSWORD_REQUIRED", requiredAttributes="[]", userAttributes="{}")
    servers.cognito["RespondToAuthChallenge"] = required
    fill_in(page, USER, "Temporary-1")
    for response, says in (
        (refused("InvalidPasswordException", "Password not long enough"), "Password not long enough"),
        (refused("PasswordHistoryPolicyViolationException"), "You have used this password before."),
        (refused("NotAuthorizedException", "Invalid session for the user, session is expired."), "took too long"),
    ):
        expect(page.get_by_label("New password")).to_have_value("")
        servers.cognito["RespondToAuthChallenge"] = response
        page.get_by_label("New password").fill("Own-password-2!")
        page.get_by_role("button", name="Set password").click()
        expect(page.get_by_role("alert")).to_contain_text(says)
    expect(page.get_by_label("E-mail address")).to_be_visible()


def test_signed_url_is_not_sent_as_an_e_mail_address(servers: StandIn) -> None:
    sent: list[str] = []
    servers.page.on("request", lambda request: sent.append(request.post_data or ""))
    fill_in(servers.page, f"https://files.example.com/a?{SIGNATURE.format(expires=1)}", "Some-password-1")
    expect(servers.page.get_by_role("alert")).to_contain_text("This is a link, not an e-mail address.")
    assert not any(sent)


def test_session_that_cannot_be_refreshed_for_now_is_kept_and_explained(servers: StandIn) -> None:
    page = servers.page
    expired = token("access", expires=1_000_000_000)
    user = f"CognitoIdentityServiceProvider.{BY_PASSWORD['UserPoolClientId']}"
    stored = {f"{user}.LastAuthUser": USER} | {
        f"{user}.{USER}.{name}": expired for name in ("accessToken", "idToken", "refreshToken")
    }
    page.evaluate("stored => Object.assign(localStorage, stored)", stored)
    for response, says in (
        (refused("TooManyRequestsException"), "The sign-in service is busy."),
        (refused("ForbiddenException", "WAF"), "The sign-in service refused the request."),
        ({"body": "<html>"}, "sign-in service"),
        (None, "cannot be reached."),
    ):
        servers.cognito["InitiateAuth"] = servers.cognito["GetTokensFromRefreshToken"] = response
        page.reload()
        expect(page.get_by_role("alert")).to_contain_text(says)
        assert page.evaluate("Object.keys(localStorage).length") >= len(stored)
    servers.cognito["InitiateAuth"] = servers.cognito["GetTokensFromRefreshToken"] = refused(
        "NotAuthorizedException", "User is disabled."
    )
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_label("Password")).to_be_visible()
