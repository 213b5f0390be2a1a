"""The function that grants uploads and deletes files, in front of an emulated S3."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import boto3
import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from moto import mock_aws

from infra.config import EVERYTHING
from resolvers import upload_handler
from resolvers.access import AccessRules, NotAllowed
from resolvers.errors import TooManyFiles
from resolvers.file_names import InvalidFileName
from resolvers.s3_uploads import FileExists, UploadNotFound, Uploads, UploadsUnavailable, s3_client
from resolvers.upload_plan import SINGLE_REQUEST, InvalidParts, InvalidSize, new_file
from tests.lambda_events import Context, appsync_event
from tests.sandbox import BUCKET, set_environment, start

SIZE = SINGLE_REQUEST + 5
DIGEST = base64.b64encode(hashlib.sha256(b"content").digest()).decode()
RULES = "users read,write mine/\nusers delete mine/trash/"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[boto3.Session]:
    set_environment(monkeypatch)
    monkeypatch.setenv("ACCESS", str(AccessRules((EVERYTHING,))))
    monkeypatch.setenv("UPLOAD_MAX_SIZE", str(2 * SINGLE_REQUEST))
    with mock_aws():
        session = boto3.Session()
        session.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        session.client("s3").put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield session


@pytest.fixture(autouse=True)
def log(aws: boto3.Session, monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    return start(upload_handler, aws, monkeypatch)


def call(field: str, **arguments: Any) -> Any:
    return upload_handler.handler(appsync_event(field, arguments, parent="Mutation"), Context())


def started(*names: str, size: int = 7, **more: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = call("startUploads", files=[{"name": name, "size": size, **more} for name in names])
    return found


def put(aws: boto3.Session, *names: str) -> None:
    for name in names:
        aws.client("s3").put_object(Bucket=BUCKET, Key=f"files/{name}", Body=b"content")


def keys(aws: boto3.Session) -> list[str]:
    return [each["Key"] for each in aws.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def test_small_file_gets_a_url_whose_signature_covers_everything_that_is_sent() -> None:
    (upload,) = call(
        "startUploads",
        files=[{"name": "été/a b.txt", "size": 7, "contentType": "text/plain; charset=utf-8", "sha256": DIGEST}],
    )
    url = urlsplit(upload["url"])
    query = parse_qs(url.query)
    assert url.hostname == f"{BUCKET}.s3.eu-west-1.amazonaws.com"
    assert unquote(url.path) == "/files/été/a b.txt"
    assert (query["X-Amz-Algorithm"], query["X-Amz-Expires"]) == (["AWS4-HMAC-SHA256"], ["900"])
    assert query["X-Amz-SignedHeaders"] == [
        "cache-control;content-length;content-type;host;if-none-match;x-amz-checksum-sha256"
    ]
    assert {header["name"]: header["value"] for header in upload["headers"]} == {
        "Content-Type": "text/plain; charset=utf-8",
        "Cache-Control": "max-age=60",
        "If-None-Match": "*",
        "x-amz-checksum-sha256": DIGEST,
    }
    assert upload["expiresAt"].endswith("Z")


def test_content_type_is_chosen_by_the_name_if_the_caller_gives_none(aws: boto3.Session) -> None:
    sent: list[dict[str, Any]] = []
    aws.events.register("provide-client-params.s3.CreateMultipartUpload", lambda params, **_: sent.append(params))
    (small,) = started("notes/a.md")
    assert {"name": "Content-Type", "value": "text/markdown; charset=utf-8"} in small["headers"]
    started("large.mp4", size=SIZE)
    assert sent[0]["ContentType"] == "video/mp4"


@pytest.mark.parametrize(
    ("region", "suffix"),
    [("us-east-1", "amazonaws.com"), ("eu-central-1", "amazonaws.com"), ("cn-north-1", "amazonaws.com.cn")],
)
def test_url_has_the_origin_that_the_policy_of_the_page_allows(
    region: str, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    monkeypatch.setattr(botocore.session, "get_session", botocore.session.Session)
    file = new_file("a", 1, None, None, 100)
    url, _ = Uploads(s3_client(), bucket=BUCKET, folder="files").url(file, overwrite=False)
    assert urlsplit(url)[:2] == ("https", f"{BUCKET}.s3.{region}.{suffix}")  # as infra.file_store makes the output


def test_overwriting_is_not_signed_unless_it_was_requested() -> None:
    (upload,) = call("startUploads", files=[{"name": "a", "size": 0}], overwrite=True)
    assert "if-none-match" not in upload["url"]
    assert "If-None-Match" not in {header["name"] for header in upload["headers"]}
    assert "if-none-match" in started("a")[0]["url"]


def test_large_file_is_sent_in_parts_and_finished(aws: boto3.Session) -> None:
    (upload,) = started("large.bin", size=SIZE, contentType="video/mp4")
    upload_id = upload["uploadId"]
    assert (upload["partSize"], upload.get("url")) == (SINGLE_REQUEST, None)
    first, second = call("signParts", file="large.bin", uploadId=upload_id, size=SIZE, parts=[1, 2])
    for part in (first, second):
        query = parse_qs(urlsplit(part["url"]).query)
        assert query["X-Amz-SignedHeaders"] == ["content-length;host"]
        assert (query["partNumber"], query["uploadId"]) == ([str(part["part"])], [upload_id])
        left = datetime.fromisoformat(part["expiresAt"]).timestamp() - time.time()
        assert 800 < left <= 900
    s3 = aws.client("s3")
    etags = [
        s3.upload_part(Bucket=BUCKET, Key="files/large.bin", UploadId=upload_id, PartNumber=number, Body=body)["ETag"]
        for number, body in ((1, bytes(SINGLE_REQUEST)), (2, b"12345"))
    ]
    arrived = call("resumeUpload", file="large.bin", uploadId=upload_id)
    assert [(part["part"], part["size"], part["etag"]) for part in arrived] == [
        (1, SINGLE_REQUEST, etags[0]),
        (2, 5, etags[1]),
    ]
    parts = [{"part": part["part"], "etag": part["etag"]} for part in arrived]
    assert call("finishUpload", file="large.bin", uploadId=upload_id, size=SIZE, parts=parts) is True
    found = s3.head_object(Bucket=BUCKET, Key="files/large.bin")
    assert (found["ContentLength"], found["ContentType"], found["CacheControl"]) == (SIZE, "video/mp4", "max-age=60")
    with pytest.raises(UploadNotFound):
        call("resumeUpload", file="large.bin", uploadId=upload_id)


def test_finishing_sends_size_and_condition_again(aws: boto3.Session) -> None:
    sent: list[dict[str, Any]] = []
    aws.events.register("provide-client-params.s3.CompleteMultipartUpload", lambda params, **_: sent.append(params))
    (upload,) = started("large.bin", size=SIZE)
    arguments = {"file": "large.bin", "uploadId": upload["uploadId"], "size": SIZE}
    parts = [{"part": 1, "etag": "a"}, {"part": 2, "etag": "b"}]
    for overwrite in (None, True):
        with pytest.raises((InvalidParts, UploadsUnavailable)):
            call("finishUpload", **arguments, parts=parts, overwrite=overwrite)
    assert [(each["MpuObjectSize"], each.get("IfNoneMatch")) for each in sent] == [(SIZE, "*"), (SIZE, None)]


@pytest.mark.parametrize(
    ("code", "expected", "message"),
    [
        ("PreconditionFailed", FileExists, "There is a file with this name; set overwrite to replace it."),
        ("NoSuchUpload", UploadNotFound, "There is no such upload of this file; start it again."),
        *(
            (code, InvalidParts, f"S3 refused the parts ({code}); resumeUpload returns those that arrived.")
            for code in ("InvalidPart", "InvalidPartOrder", "EntityTooSmall", "InvalidRequest", "BadDigest")
        ),
        ("ConditionalRequestConflict", UploadsUnavailable, "S3 returned ConditionalRequestConflict."),
        ("AccessDenied", UploadsUnavailable, "S3 returned AccessDenied."),
        ("", UploadsUnavailable, "S3 returned an error without a code."),
    ],
)
def test_error_of_s3_becomes_one_that_says_what_to_do(
    aws: boto3.Session, code: str, expected: type[Exception], message: str
) -> None:
    asked = 0

    def refuse(**_: Any) -> Any:
        nonlocal asked
        asked += 1
        return AWSResponse("", 400, HTTPHeaders(), None), {"Error": {"Code": code, "Message": "no"}}

    aws.events.register("before-call.s3.CompleteMultipartUpload", refuse)
    (upload,) = started("large.bin", size=SIZE)
    parts = [{"part": 1, "etag": "a"}, {"part": 2, "etag": "b"}]
    with pytest.raises(expected, match=f"^{re.escape(message)}$"):
        call("finishUpload", file="large.bin", uploadId=upload["uploadId"], size=SIZE, parts=parts)
    assert asked == (3 if code == "ConditionalRequestConflict" else 1)


def test_file_is_not_made_of_some_of_its_parts(aws: boto3.Session) -> None:
    aws.events.register("before-call.s3.CompleteMultipartUpload", lambda **_: pytest.fail("S3 would accept them"))
    (upload,) = started("large.bin", size=SIZE)
    for parts in ([1], [2], [2, 1], [1, 2, 3], []):
        listed = [{"part": part, "etag": "a"} for part in parts]
        with pytest.raises(
            InvalidParts, match=r"^parts must be all 2 parts of a file of [\d,]+ bytes, each once and in order\.$"
        ):
            call("finishUpload", file="large.bin", uploadId=upload["uploadId"], size=SIZE, parts=listed)


def test_upload_can_be_cancelled_once(aws: boto3.Session) -> None:
    (upload,) = started("large.bin", size=SIZE)
    assert call("cancelUpload", file="large.bin", uploadId=upload["uploadId"]) is True
    assert call("cancelUpload", file="large.bin", uploadId=upload["uploadId"]) is False
    assert "Uploads" not in aws.client("s3").list_multipart_uploads(Bucket=BUCKET)


def test_refused_file_fails_alone() -> None:
    found = call(
        "startUploads",
        files=[
            {"name": "a", "size": 1},
            {"name": "/b", "size": 1},
            {"name": "c", "size": 2 * SINGLE_REQUEST + 1},
            {"name": "d", "size": 1, "contentType": "nonsense"},
        ],
    )
    assert [each.get("errorType") for each in found] == [None, "InvalidFileName", "InvalidSize", "InvalidContentType"]
    assert [each.get("url") is None for each in found] == [False, True, True, True]
    assert [each["file"] for each in found] == ["a", "/b", "c", "d"]


def test_requests_are_limited() -> None:
    with pytest.raises(TooManyFiles, match=r"^startUploads takes at most 100 files, not 101; send several requests.$"):
        started(*(str(number) for number in range(101)))
    with pytest.raises(TooManyFiles, match=r"^deleteFiles takes at most 1000 files, not 1001; send several requests.$"):
        call("deleteFiles", files=[str(number) for number in range(1001)])
    for parts in ([], list(range(1, 22))):
        message = rf"^signParts takes 1 to 20 parts, not {len(parts)}; send several requests.$"
        with pytest.raises(InvalidParts, match=message):
            call("signParts", file="a", uploadId="u", size=SIZE, parts=parts)
    with pytest.raises(InvalidSize):
        call("signParts", file="a", uploadId="u", size=10**15, parts=[1])
    with pytest.raises(InvalidFileName):
        call("cancelUpload", file="a//b", uploadId="u")


def test_deleted_file_is_hidden_and_its_versions_stay(aws: boto3.Session) -> None:
    put(aws, "a", "b", "c")
    found = call("deleteFiles", files=["a", "missing", "/x", "a", "c"])
    assert [each["file"] for each in found] == ["a", "missing", "/x", "a", "c"]
    assert [each.get("errorType") for each in found] == [None, None, "InvalidFileName", None, None]
    assert [each["deleted"] for each in found] == [True, True, False, True, True]
    assert keys(aws) == ["files/b"]
    versions = aws.client("s3").list_object_versions(Bucket=BUCKET)
    assert sorted(each["Key"] for each in versions["Versions"]) == ["files/a", "files/b", "files/c"]


def test_file_that_s3_does_not_delete_is_named(aws: boto3.Session) -> None:
    def some(**_: Any) -> Any:
        error = {"Key": "files/b", "Code": "InternalError", "Message": "no"}
        return AWSResponse("", 200, HTTPHeaders(), None), {"Errors": [error]}

    aws.events.register("before-call.s3.DeleteObjects", some)
    a, b = call("deleteFiles", files=["a", "b"])
    assert a == {"file": "a", "deleted": True}
    assert b["deleted"] is False
    assert (b["errorType"], b["errorMessage"]) == ("UploadsUnavailable", "S3 returned InternalError.")


def test_access_rules_apply_to_every_call(aws: boto3.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCESS", RULES)
    start(upload_handler, aws, monkeypatch)
    put(aws, "mine/a", "mine/trash/b", "theirs/c")
    assert [each.get("errorType") for each in started("mine/x", "theirs/x", "x")] == [None, "NotAllowed", "NotAllowed"]
    for field, more in (
        ("signParts", {"size": SIZE, "parts": [1]}),
        ("resumeUpload", {}),
        ("finishUpload", {"size": SIZE, "parts": []}),
        ("cancelUpload", {}),
    ):
        with pytest.raises(NotAllowed, match="You may not write 'theirs/x'"):
            call(field, file="theirs/x", uploadId="u", **more)
    found = call("deleteFiles", files=["mine/a", "mine/trash/b", "theirs/c"])
    assert [each["deleted"] for each in found] == [False, True, False]
    assert keys(aws) == ["files/mine/a", "files/theirs/c"]


def test_log_and_metrics_say_who_uploaded_and_deleted_what_and_never_how(
    aws: boto3.Session, log: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    started("a", "b")
    (upload, _) = started("large", "another", size=SIZE)
    ids: dict[str, Any] = {"file": "large", "uploadId": upload["uploadId"]}
    s3_ids: dict[str, Any] = {"Bucket": BUCKET, "Key": "files/large", "UploadId": upload["uploadId"]}
    call("signParts", **ids, size=SIZE, parts=[1, 2])
    for number, body in ((1, bytes(SINGLE_REQUEST)), (2, b"12345")):
        aws.client("s3").upload_part(**s3_ids, PartNumber=number, Body=body)
    arrived = call("resumeUpload", **ids)
    call("finishUpload", **ids, size=SIZE, parts=[{"part": part["part"], "etag": part["etag"]} for part in arrived])
    call("cancelUpload", **ids)
    call("deleteFiles", files=["c", "/d"])
    records = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [(each["message"], each["files"]) for each in records] == [
        ("upload started", ["a", "b"]),
        ("upload started", ["large", "another"]),
        ("upload resumed", ["large"]),
        ("upload finished", ["large"]),
        ("deleted", ["c"]),
    ]
    assert {each["caller"] for each in records} == {"a-user"}
    counted = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    names = ("UploadsStarted", "PartsSigned", "UploadsResumed", "UploadsFinished", "UploadsCancelled", "FilesDeleted")
    found = [(name, value) for each in counted for name in names for value in each.get(name, [])]
    assert found == [
        ("UploadsStarted", 2), ("UploadsStarted", 2), ("PartsSigned", 2), ("UploadsResumed", 1),
        ("UploadsFinished", 1), ("UploadsCancelled", 0), ("FilesDeleted", 1),
    ]  # fmt: skip
    assert {each["function_request_id"] for each in records} == {Context().aws_request_id}
    assert "X-Amz" not in log.getvalue()


def test_cancelled_upload_is_logged(log: io.StringIO) -> None:
    (upload,) = started("large", size=SIZE)
    call("cancelUpload", file="large", uploadId=upload["uploadId"])
    record = json.loads(log.getvalue().splitlines()[-1])
    assert (record["message"], record["files"]) == ("upload cancelled", ["large"])


def test_nothing_is_sent_to_s3_if_no_file_may_be_deleted(aws: boto3.Session) -> None:
    aws.events.register("before-call.s3.DeleteObjects", lambda **_: pytest.fail("S3 refuses an empty list"))
    assert [each["deleted"] for each in call("deleteFiles", files=["/x"])] == [False]


def test_log_names_every_deleted_file_once_and_at_most_100_in_a_line(log: io.StringIO) -> None:
    names = [f"{number:03}" for number in range(250)]
    call("deleteFiles", files=names)
    logged = [json.loads(line)["files"] for line in log.getvalue().splitlines()]
    assert [name for each in logged for name in each] == names
    assert max(map(len, logged)) == 100


def test_failing_s3_is_tried_again_and_given_up_before_the_function_is_stopped() -> None:
    config = s3_client().meta.config
    attempts = config.retries["total_max_attempts"]  # type: ignore[attr-defined]
    assert attempts > 1
    assert attempts * (config.connect_timeout + config.read_timeout) < 29  # type: ignore[attr-defined]


def test_s3_lists_only_what_it_did_not_delete(aws: boto3.Session) -> None:
    sent: list[dict[str, Any]] = []
    aws.events.register("provide-client-params.s3.DeleteObjects", lambda params, **_: sent.append(params))
    call("deleteFiles", files=["a"])
    assert sent[0]["Delete"]["Quiet"] is True
