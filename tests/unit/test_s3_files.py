"""An S3 that is slow, cut off, or not S3 at all: the listing fails, and is never an empty or a shorter one."""

from __future__ import annotations

import time
from collections.abc import Callable
from io import BytesIO
from threading import Event
from types import SimpleNamespace
from typing import Any

import boto3
import botocore.endpoint
import botocore.exceptions
import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from resolvers.s3_files import FileListing, FilesUnavailable, s3_client

NOT_S3 = "The files in the-bucket cannot be listed: the response is not from S3, or damaged."
ENTRY = (
    "<Contents><Key>files/a</Key><LastModified>2026-01-15T08:05:00.000Z</LastModified>"
    "<ETag>&quot;e&quot;</ETag><Size>1</Size></Contents>"
)


def listing_xml(content: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Name>the-bucket</Name><Prefix>files/</Prefix><MaxKeys>1000</MaxKeys>{content}</ListBucketResult>"
    ).encode()


WHOLE = listing_xml(f"<KeyCount>1</KeyCount><IsTruncated>false</IsTruncated>{ENTRY}")


class Body(BytesIO):
    def stream(self) -> list[bytes]:
        return [self.getvalue()]


Files = Callable[..., FileListing]


Respond = Callable[[], tuple[int, bytes]]


def connected() -> tuple[Any, list[Respond]]:
    """A client, and how its S3 responds: as the last of these says."""
    session: Any = boto3.Session("testing", "testing", region_name="eu-west-1")._session
    responses: list[Respond] = []

    def respond(request: Any, **_: Any) -> AWSResponse:
        status, body = responses[-1]()
        return AWSResponse(request.url, status, HTTPHeaders(), Body(body))

    session.register("before-send.s3.ListObjectsV2", respond)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(botocore.session, "get_session", lambda: session)
        return s3_client(), responses


@pytest.fixture(scope="module")
def s3() -> tuple[Any, list[Respond]]:
    return connected()


@pytest.fixture
def files(s3: tuple[Any, list[Respond]], monkeypatch: pytest.MonkeyPatch) -> Files:
    """The listing of an S3 that does this with every request."""
    monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda _: None))
    client, responses = s3

    def files(respond: Respond, seconds: float = 25) -> FileListing:
        responses.append(respond)
        return FileListing(client, bucket="the-bucket", folder="files", seconds_left=lambda: seconds)

    return files


EVERY_METHOD = pytest.mark.parametrize(
    "call",
    [
        lambda files: list(files.names()),
        lambda files: files.page(prefix="", delimiter="/", limit=10, token=None),
        lambda files: files.find("a"),
        lambda files: files.after("", 10, "0"),
    ],
    ids=["names", "page", "find", "after"],
)


def test_whole_response_is_listed(files: Files) -> None:
    assert list(files(lambda: (200, WHOLE)).names()) == ["a"]


def test_folder_that_s3_calls_empty_is_empty(files: Files) -> None:
    empty = listing_xml("<KeyCount>0</KeyCount><IsTruncated>false</IsTruncated>")
    assert list(files(lambda: (200, empty)).names()) == []


@EVERY_METHOD
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body>Sign in to the network</body></html>",
        b"<!DOCTYPE html><html><head><meta charset=utf-8><title>Sign in</title>",
        b"null",
        b"\xff\xfe\x00",
        listing_xml(""),
        listing_xml(f"<IsTruncated>true</IsTruncated>{ENTRY}"),
        listing_xml(f"<IsTruncated>false</IsTruncated>{ENTRY}").replace(b"<Size>1", b"<Size>one"),
        listing_xml(f"<IsTruncated>false</IsTruncated>{ENTRY}").replace(b"2026-01-15", b"yesterday"),
    ],
    ids=["empty", "xhtml", "html", "json", "binary", "no-content", "no-next-token", "size", "time"],
)
def test_response_that_is_not_a_listing_is_a_failure(
    files: Files, call: Callable[[FileListing], Any], body: bytes
) -> None:
    with pytest.raises(FilesUnavailable) as refused:
        call(files(lambda: (200, body)))
    # botocore makes a 500 of some.
    assert str(refused.value) in (NOT_S3, "The files in the-bucket cannot be listed: S3 returned 500.")


def test_listing_without_a_file_to_continue_after_is_a_failure(files: Files) -> None:
    body = listing_xml("<IsTruncated>true</IsTruncated><NextContinuationToken>x</NextContinuationToken>")
    with pytest.raises(FilesUnavailable) as refused:
        files(lambda: (200, body)).after("", 10, "0")
    assert str(refused.value) == NOT_S3


@pytest.mark.parametrize("length", range(1, len(WHOLE), 11))
def test_listing_that_is_cut_anywhere_is_a_failure(files: Files, length: int) -> None:
    with pytest.raises(FilesUnavailable):
        list(files(lambda: (200, WHOLE[:length])).names())


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (503, b"<Error><Code>SlowDown</Code></Error>", "SlowDown"),
        (200, b"<Error><Code>InternalError</Code></Error>", "InternalError"),
        (503, b"<html>Bad gateway</html>", "503"),
        (403, b"", "403"),
    ],
)
def test_error_of_s3_is_named(files: Files, status: int, body: bytes, code: str) -> None:
    with pytest.raises(FilesUnavailable, match=rf"cannot be listed: S3 returned {code}\.$"):
        list(files(lambda: (status, body)).names())


ERRORS = [
    botocore.exceptions.ConnectionClosedError(endpoint_url="https://s3"),
    botocore.exceptions.EndpointConnectionError(endpoint_url="https://s3"),
    botocore.exceptions.ConnectTimeoutError(endpoint_url="https://s3"),
    botocore.exceptions.ReadTimeoutError(endpoint_url="https://s3"),
    botocore.exceptions.SSLError(endpoint_url="https://s3", error=ValueError("certificate")),
    botocore.exceptions.ProxyConnectionError(proxy_url="https://proxy"),
    botocore.exceptions.HTTPClientError(error="something else"),
    botocore.exceptions.NoCredentialsError(),
    botocore.exceptions.IncompleteReadError(actual_bytes=1, expected_bytes=2),
]


@EVERY_METHOD
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_connection_that_fails_is_named(
    files: Files, call: Callable[[FileListing], Any], error: botocore.exceptions.BotoCoreError
) -> None:
    def fail() -> tuple[int, bytes]:
        raise error

    with pytest.raises(FilesUnavailable, match=rf"S3 could not be reached \({type(error).__name__}\)\.$"):
        call(files(fail))


def test_connection_that_fails_once_is_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda _: None))
    errors: list[Exception] = [*ERRORS[:1]]

    def fail_once() -> tuple[int, bytes]:
        if errors:
            raise errors.pop()
        return 200, WHOLE

    client, responses = connected()  # a client of its own: the others have used up its retries
    responses.append(fail_once)
    assert list(FileListing(client, bucket="the-bucket", folder="files").names()) == ["a"]


@EVERY_METHOD
def test_s3_that_hangs_is_a_failure_before_the_functions_time_is_up(
    files: Files, call: Callable[[FileListing], Any]
) -> None:
    forever = Event()

    def hang() -> tuple[int, bytes]:
        forever.wait(6)
        return 200, WHOLE

    begun = time.monotonic()
    with pytest.raises(FilesUnavailable, match=r"cannot be listed: S3 did not respond in time\.$"):
        call(files(hang, seconds=0.05))
    forever.set()
    assert time.monotonic() - begun < 5


def test_attempts_fit_into_the_functions_29_seconds(files: Files) -> None:
    config: Any = files(lambda: (200, WHOLE))._s3.meta.config
    attempts = config.retries["total_max_attempts"]
    # In standard mode, the waits are at most 1 and 2 seconds.
    # https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
    assert attempts == 3
    assert attempts * (config.connect_timeout + config.read_timeout) + 3 < 29
