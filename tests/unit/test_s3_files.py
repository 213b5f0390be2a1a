"""An S3 that is slow, cut off, or not S3 at all: the listing fails, and is never an empty or a shorter one."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Callable
from threading import Event
from types import SimpleNamespace
from typing import Any
from urllib.error import URLError

import pytest

from resolvers import aws_http, s3_list_objects
from resolvers.s3_files import FileListing, FilesUnavailable
from resolvers.s3_list_objects import S3Bucket

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


Files = Callable[..., FileListing]
Respond = Callable[[], tuple[int, bytes]]
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
}


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> Files:
    """The listing of an S3 that does this with every request."""
    clock = SimpleNamespace(monotonic=time.monotonic, time=time.time, sleep=lambda _: None)
    monkeypatch.setattr(aws_http, "time", clock)
    bucket = S3Bucket(ENVIRONMENT, "the-bucket")

    def files(respond: Respond, seconds: float = 25) -> FileListing:
        monkeypatch.setattr(aws_http, "_sent", lambda *_: aws_http.Response(*respond()))
        return FileListing(bucket, bucket="the-bucket", folder="files", seconds_left=lambda: seconds)

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
    assert str(refused.value) == NOT_S3


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
    ConnectionResetError("closed"),
    http.client.RemoteDisconnected("closed"),
    http.client.IncompleteRead(b"<?xml"),
    http.client.BadStatusLine("SSH-2.0"),
    ssl.SSLCertVerificationError("certificate"),
    socket.gaierror("no such host"),
]


@EVERY_METHOD
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("wrapped", [False, True], ids=["", "wrapped"])
def test_connection_that_fails_is_named(
    files: Files, call: Callable[[FileListing], Any], error: Exception, wrapped: bool
) -> None:
    def fail() -> tuple[int, bytes]:
        raise URLError(error) if wrapped else error

    with pytest.raises(FilesUnavailable, match=rf"S3 could not be reached \({type(error).__name__}\)\.$"):
        call(files(fail))


@pytest.mark.parametrize("failures", range(4))
@pytest.mark.parametrize(
    "failure", [ConnectionResetError("closed"), (503, b"<Error><Code>SlowDown</Code></Error>"), (200, WHOLE[:-9])]
)
def test_request_that_fails_is_sent_three_times_at_most(
    files: Files, failure: Exception | tuple[int, bytes], failures: int
) -> None:
    sent: list[None] = []

    def respond() -> tuple[int, bytes]:
        sent.append(None)
        if len(sent) > failures:
            return 200, WHOLE
        if isinstance(failure, Exception):
            raise failure
        return failure

    listing = files(respond)
    if failures < 3:
        assert list(listing.names()) == ["a"]
    else:
        with pytest.raises(FilesUnavailable):
            list(listing.names())
    assert len(sent) == min(failures + 1, 3)


@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchBucket", "PermanentRedirect"])
def test_refusal_of_s3_is_final(files: Files, code: str) -> None:
    sent: list[None] = []

    def respond() -> tuple[int, bytes]:
        sent.append(None)
        return 403, f"<Error><Code>{code}</Code></Error>".encode()

    with pytest.raises(FilesUnavailable, match=f"S3 returned {code}"):
        list(files(respond).names())
    assert len(sent) == 1


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


def test_attempts_fit_into_the_functions_29_seconds() -> None:
    longest_waits = 0.2 + 0.4
    assert s3_list_objects.ATTEMPTS * s3_list_objects.ATTEMPT_SECONDS + longest_waits < 29
