"""Signature Version 4 gives the bytes that botocore gives."""

from __future__ import annotations

from datetime import UTC, datetime
from unittest.mock import patch

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


def of_botocore(  # noqa: PLR0917 - what the signature covers
    url: str, headers: dict[str, str], body: bytes, credentials: Credentials, service: str, region: str, now: int
) -> dict[str, str]:
    theirs = BotocoreCredentials(credentials.access_key_id, credentials.secret_access_key, credentials.session_token)
    request = AWSRequest("POST", url, headers, body)
    with patch.object(botocore.auth, "get_current_datetime", lambda *_: datetime.fromtimestamp(now, UTC)):
        botocore.auth.SigV4Auth(theirs, service, region).add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


@given(
    url=st.sampled_from(URLS),
    headers=st.dictionaries(NAMES, VALUES, max_size=4).filter(lambda all_: len({n.lower() for n in all_}) == len(all_)),
    body=st.binary(max_size=50),
    credentials=st.builds(Credentials, WORDS, WORDS, st.none() | WORDS),
    service=st.sampled_from(["ssm", "kms"]),
    region=st.sampled_from(["eu-west-1", "cn-north-1"]),
    now=st.integers(0, 4_000_000_000),
)
def test_signature_is_that_of_botocore(
    *, url: str, headers: dict[str, str], body: bytes, credentials: Credentials, service: str, region: str, now: int
) -> None:
    ours = Signer(service, region).post(url, headers, body, credentials, now)
    theirs = of_botocore(url, headers, body, credentials, service, region, now)
    assert ours.pop("Host")
    assert {name.lower(): value for name, value in ours.items()} == theirs


def test_signature_is_the_documented_one() -> None:
    # "post-vanilla" of AWS's test suite: https://github.com/awslabs/aws-c-auth/tree/main/tests/aws-signing-test-suite/v4
    example = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    headers = Signer("service", "us-east-1").post("http://example.amazonaws.com/", {}, b"", example, 1440938160)
    assert headers["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        "SignedHeaders=host;x-amz-date, Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
    )


@pytest.mark.parametrize("shown", [repr, str])
def test_secrets_are_not_shown(shown: type[str]) -> None:
    assert shown(Credentials("AKIDEXAMPLE", "a-secret", "a-token")) == "Credentials(access_key_id='AKIDEXAMPLE')"
