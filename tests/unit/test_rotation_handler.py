"""Which changes of the signing keys break no URL, and the responses to CloudFormation."""

import io
import threading
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.stub import Stubber

from resolvers import custom_resource, rotation_handler
from resolvers.rotation import KeySchedule, UnsafeRotation, can_be_a_rollback, check_rotation
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
        # Without an older key, it signs at once.
        pytest.param(keys("12"), keys("2"), FIRST - 61, ["key 1 ", "still signs"], id="oldest-before-its-time"),
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
@pytest.mark.parametrize("new", ["1", "2"])
def test_rollback_is_never_refused(
    send: Any, cloudformation: Stubber, caplog: pytest.LogCaptureFixture, status: str, new: str
) -> None:
    stack_is(cloudformation, status)
    assert send("Update", new, "12")["Status"] == "SUCCESS"
    assert "allowed, because the stack rolls back" in caplog.text


UNKNOWN = ["AccessDenied", "Throttling", "ReadTimeoutError", "no stack"]


def says_nothing(cloudformation: Stubber, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """Make CloudFormation not say whether the stack rolls back."""
    if how == "ReadTimeoutError":

        def time_out(**_: Any) -> None:
            raise ReadTimeoutError(endpoint_url="https://cloudformation")

        monkeypatch.setattr(cloudformation.client, "describe_stacks", time_out)
    elif how == "no stack":
        cloudformation.add_response("describe_stacks", {"Stacks": []}, {"StackName": STACK})
    else:
        cloudformation.add_client_error("describe_stacks", how, "not now")


@pytest.mark.parametrize("how", UNKNOWN)
def test_change_that_deletes_a_key_in_use_is_refused_even_if_the_stack_cannot_be_seen(
    *,
    send: Any,
    cloudformation: Stubber,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    how: str,
) -> None:
    says_nothing(cloudformation, monkeypatch, how)
    response = send("Update", "2", "12")
    assert "CloudFormation does not say whether the stack rolls back" in caplog.text
    assert response["Status"] == "FAILED"
    assert response["Reason"].startswith("The signing key 1 cannot be removed yet")


@pytest.mark.parametrize("how", UNKNOWN)
@pytest.mark.parametrize(
    ("old", "new"), [("2", "12"), ("23", "12")], ids=["restores-a-key", "restores-one-and-removes-one"]
)
def test_rollback_is_not_refused_even_if_the_stack_cannot_be_seen(
    *, send: Any, cloudformation: Stubber, monkeypatch: pytest.MonkeyPatch, how: str, old: str, new: str
) -> None:
    # The time is when key 2 starts to sign; the update has just created key 3, and FIRST is a day ago.
    monkeypatch.setitem(SIGNS_FROM, "2", SECOND - 50_000)
    monkeypatch.setitem(SIGNS_FROM, "3", SECOND)
    says_nothing(cloudformation, monkeypatch, how)
    assert send("Update", new, old)["Status"] == "SUCCESS"


def test_slow_cloudformation_does_not_keep_the_check_from_responding(
    send: Any, cloudformation: Stubber, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation_handler, "SECONDS_TO_LOOK", 0.05)
    forever = threading.Event()
    monkeypatch.setattr(cloudformation.client, "describe_stacks", lambda **_: forever.wait(6))
    response = send("Update", "2", "12")
    forever.set()
    assert response["Status"] == "FAILED"
    assert response["Reason"].startswith("The signing key 1 cannot be removed yet")


def test_looking_at_the_stack_leaves_time_to_respond() -> None:
    # The function has a minute, and the response gets twelve seconds of it.
    assert 0 < rotation_handler.SECONDS_TO_LOOK < 60 - 12


MINUTE = 60


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param({"1": -9999, "2": 0}, {"1": -9999}, True, id="removes-a-key-that-was-just-created"),
        pytest.param({"1": -9999, "2": SETTLING}, {"1": -9999}, True, id="removes-a-key-that-has-not-settled"),
        pytest.param({"2": -1000}, {"1": -9999, "2": -1000}, True, id="restores-a-key"),
        pytest.param({"2": 0}, {"1": -9999}, True, id="restores-one-and-removes-one"),
        pytest.param({"1": -9 * MINUTE, "2": 0}, {"2": 0}, False, id="removes-the-older-of-two-young-keys"),
        pytest.param({"1": -2 * MINUTE, "2": 0}, {"2": 0}, False, id="removes-one-of-two-that-were-just-created"),
        pytest.param({"1": -9999, "2": -20 * MINUTE}, {"2": -20 * MINUTE}, False, id="removes-an-old-key"),
        pytest.param({"1": -9999, "2": -6 * MINUTE}, {"1": -9999}, False, id="removes-a-key-of-a-previous-update"),
        pytest.param({"1": -9999}, {"2": 0}, False, id="replaces-an-old-key-by-a-new-one"),
        pytest.param({"1": -9999}, {"2": 0, "1": -9999}, False, id="inserts-a-new-key"),
    ],
)
def test_only_a_rollback_restores_old_keys_or_removes_new_ones(
    old: dict[str, int], new: dict[str, int], *, expected: bool
) -> None:
    now = THIRD

    def schedule(signs_from: dict[str, int]) -> KeySchedule:
        return KeySchedule(
            {name: now + seconds for name, seconds in signs_from.items()}, LONGEST, SETTLING, frozenset()
        )

    assert can_be_a_rollback(schedule(old), schedule(new), now) is expected
