"""Which changes of the signing keys break no URL, and the responses to CloudFormation."""

import io
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from resolvers import custom_resource, rotation_handler
from resolvers.rotation import KeySchedule, UnsafeRotation, check_rotation
from tests.lambda_events import Context
from tests.response_url import ResponseUrl, response_url

STACK = "arn:aws:cloudformation:eu-west-1:123456789012:stack/PrivateFiles/0f4c1d2e-0000-4000-8000-000000000000"
SETTLING = 600
LONGEST = 3900
FIRST = 1_800_000_000  # 2027-01-15 08:00:00 UTC
SECOND = FIRST + 100_000
THIRD = FIRST + 200_000
SIGNS_FROM = {"1": FIRST, "2": SECOND, "3": THIRD}
LAST_URL = SETTLING + LONGEST  # seconds from when the next key signs until the last URL of the one before has expired


def keys(names: str, longest: int = LONGEST, revoked: str = "") -> KeySchedule:
    signs_from = {name: SIGNS_FROM.get(name, THIRD + 999_999) for name in names}
    return KeySchedule(signs_from, longest, SETTLING, frozenset(revoked))


@pytest.mark.parametrize(
    ("old", "new", "now"),
    [
        pytest.param(keys("1"), keys("1"), FIRST, id="nothing-changes"),
        pytest.param(keys("1"), keys("12"), FIRST, id="a-key-is-added"),
        pytest.param(keys("1"), keys("123"), FIRST, id="two-keys-are-added"),
        pytest.param(keys("12"), keys("2"), SECOND + LAST_URL, id="the-last-url-expired"),
        pytest.param(keys("12"), keys("23"), SECOND + LAST_URL, id="the-last-url-expired-and-a-key-is-added"),
        pytest.param(keys("12"), keys("1"), SECOND - 61, id="it-never-signed"),
        pytest.param(keys("12"), keys("13"), SECOND - 61, id="one-that-never-signed-for-another"),
        pytest.param(keys("123"), keys("1"), SECOND - 61, id="neither-ever-signed"),
        pytest.param(keys("123"), keys("23"), SECOND + LAST_URL, id="oldest-of-three"),
        pytest.param(keys("123"), keys("3"), THIRD + LAST_URL, id="both-older-of-three"),
        pytest.param(keys("123"), keys("13"), THIRD + LAST_URL, id="middle-of-three"),
        pytest.param(keys("123"), keys("2"), THIRD - 61, id="an-expired-one-and-one-that-never-signed"),
        pytest.param(keys("12"), keys("2", revoked="1"), SECOND, id="its-urls-are-revoked"),
        pytest.param(keys("12"), keys("1", revoked="2"), SECOND, id="the-one-that-signs-is-revoked"),
        pytest.param(keys("1"), keys("2", revoked="1"), FIRST, id="the-only-one-is-revoked"),
        pytest.param(keys("12"), keys("2", revoked="x1"), SECOND, id="an-unknown-key-is-revoked"),
    ],
)
def test_change_that_breaks_no_url_is_allowed(old: KeySchedule, new: KeySchedule, now: int) -> None:
    check_rotation(old, new, now)


@pytest.mark.parametrize("now", [SECOND - 60, SECOND - 1, SECOND])
def test_key_that_is_about_to_sign_stays(now: int) -> None:
    with pytest.raises(UnsafeRotation, match="key 2 cannot be removed: it still signs, or is about to"):
        check_rotation(keys("12"), keys("1"), now)


LAST_SECOND = ["key 1 cannot be removed yet", "2027-01-16 13:01:40 UTC", "-c revoke=1"]


@pytest.mark.parametrize(
    ("old", "new", "now", "words"),
    [
        pytest.param(keys("12"), keys("2"), SECOND + LAST_URL - 1, LAST_SECOND, id="a-second-too-early"),
        pytest.param(
            keys("12"),
            keys("2"),
            SECOND - 1,
            ["key 1", "still signs until 2027-01-16 11:46:40 UTC", "2027-01-16 13:01:40 UTC", "-c revoke=1"],
            id="the-next-does-not-sign-yet",
        ),
        pytest.param(
            keys("12"),
            keys("2"),
            SECOND,
            ["signed until 2027-01-16 11:46:40 UTC"],
            id="the-next-has-just-started-to-sign",
        ),
        pytest.param(
            keys("1"), keys("2"), THIRD, ["key 1 ", "it still signs", "signing_keys=1,NEW", "revoke=1"], id="one-step"
        ),
        pytest.param(
            keys("12"), keys("1"), SECOND, ["key 2 ", "it still signs", "signing_keys=1,2,NEW", "revoke=2"], id="signs"
        ),
        pytest.param(keys("12"), keys("13"), SECOND, ["key 2 ", "it still signs"], id="signs-and-another-comes"),
        pytest.param(keys("12"), keys("21"), THIRD, ["was 1,2 and cannot become 2,1", "order"], id="reordered"),
        pytest.param(keys("12"), keys("132"), THIRD, ["was 1,2 and cannot become 1,3,2", "to the end"], id="inserted"),
        pytest.param(keys("2"), keys("12"), THIRD, ["was 2 and cannot become 1,2"], id="inserted-first"),
        pytest.param(
            keys("12"), keys("31", revoked="2"), THIRD, ["cannot become 3,1"], id="inserted-while-one-is-revoked"
        ),
        pytest.param(
            keys("123"), keys("3"), THIRD + LAST_URL - 1, ["key 2 ", "2027-01-17 16:48:20 UTC"], id="middle-of-three"
        ),
        pytest.param(keys("123"), keys("23"), SECOND + LAST_URL - 1, LAST_SECOND, id="oldest-of-three"),
        pytest.param(keys("123"), keys("12"), THIRD, ["key 3 ", "it still signs"], id="newest-of-three"),
        pytest.param(keys("12"), keys("2", revoked="2"), SECOND, ["key 1 "], id="another-is-revoked"),
        pytest.param(
            keys("12"), keys("2", longest=1), SECOND + LAST_URL - 1, LAST_SECOND, id="urls-shortened-at-the-same-time"
        ),
        pytest.param(
            keys("12", longest=1), keys("2"), SECOND + LAST_URL - 1, LAST_SECOND, id="urls-lengthened-at-the-same-time"
        ),
        pytest.param(keys("12", revoked="1"), keys("2"), SECOND, ["key 1 "], id="was-revoked-before-but-not-now"),
    ],
)
def test_change_that_breaks_urls_is_refused_with_what_to_do(
    old: KeySchedule, new: KeySchedule, now: int, words: list[str]
) -> None:
    with pytest.raises(UnsafeRotation) as refused:
        check_rotation(old, new, now)
    for word in words:
        assert word in str(refused.value)


# The responses to CloudFormation


@pytest.fixture
def responses() -> Iterator[ResponseUrl]:
    with response_url() as responses:
        yield responses


@pytest.fixture
def cloudformation(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    client = boto3.client(
        "cloudformation", region_name="eu-west-1", aws_access_key_id="testing", aws_secret_access_key="testing"
    )
    monkeypatch.setattr(rotation_handler, "_cloudformation", lambda: client)
    with Stubber(client) as stubber:
        yield stubber


def properties(names: str) -> dict[str, Any]:
    """What CloudFormation sends: every number is text."""
    return {
        "ServiceToken": "arn:aws:lambda:eu-west-1:123456789012:function:rotation",
        "Generations": [{"Name": name, "SignsFrom": str(SIGNS_FROM[name])} for name in names],
        "LongestUrlSeconds": str(LONGEST),
        "SettlingSeconds": str(SETTLING),
        "Revoked": [],
    }


@pytest.fixture
def send(responses: ResponseUrl, cloudformation: Stubber, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Send a request when the second key starts to sign, and return the response that arrives at ResponseURL."""
    monkeypatch.setattr(rotation_handler, "time", lambda: SECOND + 0.5)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    log = io.StringIO()
    for logger in (rotation_handler.logger, custom_resource.logger):
        logger.registered_handler.setStream(log)  # type: ignore[attr-defined]  # a StreamHandler

    def send(kind: str, new: str, old: str | None = None) -> dict[str, Any]:
        event = {
            "RequestType": kind,
            "ResponseURL": responses.url,
            "StackId": STACK,
            "RequestId": "a-request",
            "LogicalResourceId": "Rotation",
            "ResourceProperties": properties(new),
        }
        event |= {} if kind == "Create" else {"PhysicalResourceId": "signing-keys"}
        event |= {} if old is None else {"OldResourceProperties": properties(old)}
        rotation_handler.handler(event, Context())
        assert len(responses.bodies) == 1
        response = responses.last
        assert (response["StackId"], response["RequestId"], response["LogicalResourceId"]) == (
            STACK,
            "a-request",
            "Rotation",
        )
        assert (
            response["PhysicalResourceId"] == "signing-keys"
        )  # another id would have CloudFormation delete the old one
        return response

    yield send
    cloudformation.assert_no_pending_responses()


def stack_is(cloudformation: Stubber, status: str) -> None:
    stack = {"StackName": "PrivateFiles", "CreationTime": "2027-01-15T08:00:00Z", "StackStatus": status}
    cloudformation.add_response("describe_stacks", {"Stacks": [stack]}, {"StackName": STACK})


@pytest.mark.parametrize(
    ("kind", "new", "old"), [("Create", "1", None), ("Delete", "12", None), ("Update", "123", "12")]
)
def test_what_breaks_no_url_succeeds_without_a_look_at_the_stack(
    send: Any, kind: str, new: str, old: str | None
) -> None:
    assert send(kind, new, old)["Status"] == "SUCCESS"


def test_unsafe_update_fails_with_the_reason(send: Any, cloudformation: Stubber) -> None:
    stack_is(cloudformation, "UPDATE_IN_PROGRESS")
    response = send("Update", "2", "12")
    assert response["Status"] == "FAILED"
    assert response["Reason"].startswith(
        "The signing key 1 cannot be removed yet: it signed until 2027-01-16 11:46:40 UTC"
    )


@pytest.mark.parametrize("status", ["UPDATE_ROLLBACK_IN_PROGRESS", "ROLLBACK_IN_PROGRESS"])
def test_rollback_is_never_refused(send: Any, cloudformation: Stubber, status: str) -> None:
    stack_is(cloudformation, status)
    assert send("Update", "1", "12")["Status"] == "SUCCESS"


def test_check_that_cannot_see_the_stack_fails_and_says_so(send: Any, cloudformation: Stubber) -> None:
    cloudformation.add_client_error("describe_stacks", "AccessDenied", "not you")
    response = send("Update", "2", "12")
    assert response["Status"] == "FAILED"
    assert "AccessDenied" in response["Reason"]
