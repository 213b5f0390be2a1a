"""ListObjectsV2 without botocore: the same request as boto3's client, and the same of the same response."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch
from urllib.parse import quote_plus
from urllib.request import Request
from xml.sax.saxutils import escape

import boto3
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from hypothesis import given
from hypothesis import strategies as st

from resolvers import aws_http
from resolvers.s3_list_objects import S3Bucket

KEYS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
TOKENS = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=20)
PARAMETERS = st.fixed_dictionaries(
    {"Prefix": KEYS, "MaxKeys": st.integers(1, 1000)},
    optional={"Delimiter": st.just("/"), "ContinuationToken": TOKENS, "StartAfter": KEYS},
)
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "a-secret",
    "AWS_SESSION_TOKEN": "a-token",
}
CREDENTIALS = ("AKIDEXAMPLE", "a-secret", "a-token")
EMPTY = (
    b'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>false</IsTruncated>'
    b"</ListBucketResult>"
)

BUCKET = S3Bucket(ENVIRONMENT, "the-bucket")
CLIENT = boto3.Session(*CREDENTIALS, region_name="eu-west-1").client("s3")
_response: list[bytes] = []
_requests: list[Any] = []


class Body:
    def __init__(self, content: bytes) -> None:
        self.content = content

    def stream(self) -> list[bytes]:
        return [self.content]


def respond(request: Any, **_: Any) -> AWSResponse:
    _requests.append(request)
    return AWSResponse(request.url, 200, HTTPHeaders(), Body(_response[-1]))


CLIENT.meta.events.register("before-send.s3.ListObjectsV2", respond)  # type: ignore[arg-type]  # may return a response


def both(content: bytes, **parameters: Any) -> tuple[Any, Any, Request, Any]:
    """What we and boto3 make of this response, and the two requests."""
    ours: list[Request] = []

    def send(_opener: object, request: Request, _seconds: float) -> aws_http.Response:
        ours.append(request)
        return aws_http.Response(200, content)

    with patch.object(aws_http, "_sent", send):
        listed = BUCKET.list_objects_v2(**parameters)
    _response[:], _requests[:] = [content], []
    theirs = CLIENT.list_objects_v2(Bucket="the-bucket", **parameters)
    return listed, theirs, ours[0], _requests[0]


@given(PARAMETERS)
def test_request_is_the_one_that_boto3_sends(parameters: dict[str, Any]) -> None:
    _, _, ours, theirs = both(EMPTY, **parameters)
    address, _, query = ours.full_url.partition("?")
    their_address, _, their_query = theirs.url.partition("?")
    assert (ours.get_method(), address) == (theirs.method, their_address)
    # botocore sorts only what it signs, and encodes as forms do, which S3 also decodes.
    assert sorted(query.split("&")) == sorted(their_query.replace("+", "%20").split("&"))


ENTRIES = st.lists(st.tuples(KEYS, st.integers(0, 5 * 2**40), st.integers(0, 59)), max_size=5)


@given(entries=ENTRIES, folders=st.lists(KEYS, max_size=3), token=st.none() | TOKENS, encoded=st.booleans())
def test_response_is_read_as_boto3_reads_it(
    entries: list[tuple[str, int, int]], folders: list[str], token: str | None, encoded: bool
) -> None:
    def text(key: str) -> str:
        return quote_plus(key, safe="/") if encoded else quote_plus(key)  # without EncodingType, it is not decoded

    content = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    )
    content += "<EncodingType>url</EncodingType>" if encoded else ""
    content += f"<IsTruncated>{'true' if token else 'false'}</IsTruncated>"
    content += f"<NextContinuationToken>{escape(token)}</NextContinuationToken>" if token else ""
    for key, size, second in entries:
        content += (
            f"<Contents><Key>{text(key)}</Key><LastModified>2026-01-15T08:05:{second:02}.000Z</LastModified>"
            f"<ETag>&quot;{second}-x&quot;</ETag><Size>{size}</Size><StorageClass>STANDARD</StorageClass></Contents>"
        )
    for folder in folders:
        content += f"<CommonPrefixes><Prefix>{text(folder)}</Prefix></CommonPrefixes>"
    ours, theirs, _, _ = both(f"{content}</ListBucketResult>".encode(), Prefix="p", MaxKeys=9)
    needed = ("Key", "Size", "LastModified", "ETag")
    assert ours["Contents"] == [{name: each[name] for name in needed} for each in theirs.get("Contents", [])]
    assert ours["CommonPrefixes"] == theirs.get("CommonPrefixes", [])
    assert ours["IsTruncated"] == theirs["IsTruncated"]
    assert ours.get("NextContinuationToken") == theirs.get("NextContinuationToken")
