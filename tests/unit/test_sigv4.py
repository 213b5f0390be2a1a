"""Signature Version 4 gives the bytes that botocore gives."""

from __future__ import annotations

from datetime import UTC, datetime
from unittest.mock import patch
from urllib.parse import quote, urlencode

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given
from hypothesis import strategies as st

from resolvers.sigv4 import Credentials, Signer

WORDS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)
RESERVED = {"host", "x-amz-date", "x-amz-security-token", "authorization", "expect", "transfer-encoding", "user-agent"}
NAMES: st.SearchStrategy[str] = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,20}", fullmatch=True).filter(
    lambda name: str(name).lower() not in RESERVED
)
VALUES = st.lists(WORDS, min_size=1, max_size=3).map("  ".join) | WORDS.map(lambda word: f" {word} ")
URLS = ["https://ssm.eu-west-1.amazonaws.com/", "http://127.0.0.1:4566/", "https://a.example:443/", "http://a.example:80",
        "https://a.example:80/", "https://a.example/some/path/"]  # fmt: skip


QUERIES = st.dictionaries(st.from_regex(r"[a-z][a-z0-9-]{0,9}", fullmatch=True), st.text(max_size=9), max_size=4)
CALLERS = st.builds(Credentials, WORDS, WORDS, st.none() | WORDS)
TIMES = st.integers(0, 4_000_000_000)


def of_botocore(request: AWSRequest, credentials: Credentials, signer: Signer, now: int) -> dict[str, str]:
    theirs = BotocoreCredentials(credentials.access_key_id, credentials.secret_access_key, credentials.session_token)
    auth = botocore.auth.S3SigV4Auth if signer.service == "s3" else botocore.auth.SigV4Auth
    with patch.object(botocore.auth, "get_current_datetime", lambda *_: datetime.fromtimestamp(now, UTC)):
        auth(theirs, signer.service, signer.region).add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


def lower(headers: dict[str, str]) -> dict[str, str]:
    assert headers.pop("Host")  # botocore's is added when it sends the request
    return {name.lower(): value for name, value in headers.items()}


@given(
    url=st.sampled_from(URLS),
    headers=st.dictionaries(NAMES, VALUES, max_size=4).filter(lambda all_: len({n.lower() for n in all_}) == len(all_)),
    body=st.binary(max_size=50),
    credentials=CALLERS,
    region=st.sampled_from(["eu-west-1", "cn-north-1"]),
    now=TIMES,
)
def test_signature_of_a_post_is_that_of_botocore(
    *, url: str, headers: dict[str, str], body: bytes, credentials: Credentials, region: str, now: int
) -> None:
    signer = Signer("ssm", region)
    ours = signer.headers("POST", url, headers, body, credentials=credentials, now=now)
    assert lower(ours) == of_botocore(AWSRequest("POST", url, headers, body), credentials, signer, now)


@given(
    url=st.sampled_from(["https://the-bucket.s3.eu-west-1.amazonaws.com/", "http://127.0.0.1:4566/the.bucket_1"]),
    query=QUERIES,
    credentials=CALLERS,
    now=TIMES,
)
def test_signature_of_a_query_to_s3_is_that_of_botocore(
    url: str, query: dict[str, str], credentials: Credentials, now: int
) -> None:
    signer, full = Signer("s3", "eu-west-1"), f"{url}?{urlencode(sorted(query.items()), quote_via=quote)}"
    ours = signer.headers("GET", full, {}, b"", credentials=credentials, now=now)
    assert lower(ours) == of_botocore(AWSRequest("GET", url, params=query), credentials, signer, now)


def test_signature_is_the_documented_one() -> None:
    # "get-vanilla" of AWS's test suite: https://github.com/awslabs/aws-c-auth/tree/main/tests/aws-signing-test-suite/v4
    example = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    headers = Signer("service", "us-east-1").headers(
        "GET", "http://example.amazonaws.com/", {}, b"", credentials=example, now=1440938160
    )
    assert headers["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        "SignedHeaders=host;x-amz-date, Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
    )


@pytest.mark.parametrize("shown", [repr, str])
def test_secrets_are_not_shown(shown: type[str]) -> None:
    assert shown(Credentials("AKIDEXAMPLE", "a-secret", "a-token")) == "Credentials(access_key_id='AKIDEXAMPLE')"
