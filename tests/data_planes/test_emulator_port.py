"""The emulator's port: what only the launcher and the edge can reach."""

import asyncio

import pytest
from starlette.responses import PlainTextResponse

from local.embedded_aws.port import SECRET_HEADER, AwsApisOnly
from tests import raw_asgi

SECRET = (SECRET_HEADER.encode(), b"of this run")
APP = AwsApisOnly(PlainTextResponse("ministack"), "of this run")
TOKEN = "0123456789abcdef0123456789abcdef"  # a UUID without hyphens


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/_ministack/reset"),
        ("GET", "/_ministack/health"),
        ("GET", "/_ministack/lambda-code/files"),
        ("POST", "/_ministack/config"),
        ("PUT", "/_ministack/cfn-signal/" + TOKEN),
        ("GET", "/_ministack/cfn-response/" + TOKEN),
        ("PUT", "/_ministack/cfn-response/short"),
        ("PUT", f"/_ministack/cfn-response/{TOKEN}/../../reset"),
        ("GET", "/_localstack/health"),
        ("GET", "/health"),
        ("POST", "/v1/apis/an-api/graphql"),
        ("GET", "/restapis/an-api/$default/_user_request_/files"),
        ("GET", "/_aws/execute-api/an-api/$default/files"),
        ("POST", "/_aws/lambda-url/a-function/\n"),
        ("GET", "/_alb/balancer"),
        ("GET", "/oauth2/authorize"),
        ("POST", "/oauth2/token"),
        ("POST", "/login"),
        ("GET", "/logout"),
    ],
)
def test_what_is_not_an_aws_api_needs_the_secret_of_this_run(method: str, path: str) -> None:
    for headers in ([], [(SECRET[0], b"of another run")], [(b"authorization", b"AWS4-HMAC-SHA256 Credential=test")]):
        refused = asyncio.run(raw_asgi.send(APP, method, path, headers=headers))
        assert (refused.status, b"Only the program that started this emulator" in refused.body) == (403, True)
    assert asyncio.run(raw_asgi.send(APP, method, path, headers=[SECRET])).body == b"ministack"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_list_of_buckets_needs_a_signature(method: str) -> None:
    for headers in ([], [(b"authorization", b"Bearer x")]):
        assert asyncio.run(raw_asgi.send(APP, method, "/", headers=headers)).status == 403
    signed = [(b"authorization", b"AWS4-HMAC-SHA256 Credential=test/20261125/us-east-1/s3/aws4_request")]
    assert asyncio.run(raw_asgi.send(APP, method, "/", headers=signed)).status == 200


@pytest.mark.parametrize("host", [b"d111111abcdef8.cloudfront.net", b"an-api.execute-api.us-east-1.amazonaws.com"])
def test_distribution_and_other_data_planes_of_ministack_need_the_secret(host: bytes) -> None:
    refused = asyncio.run(raw_asgi.send(APP, "GET", "/letter.pdf", host=[(b"host", host)]))
    assert refused.status == 403
    allowed = asyncio.run(raw_asgi.send(APP, "GET", "/letter.pdf", host=[(b"host", host)], headers=[SECRET]))
    assert allowed.body == b"ministack"


def test_distribution_that_requires_no_signed_urls_needs_no_secret_but_for_control() -> None:
    page = "dpage.cloudfront.net"
    app = AwsApisOnly(PlainTextResponse("ministack"), "of this run", lambda host: host == page)
    host = [(b"host", page.encode())]
    assert asyncio.run(raw_asgi.send(app, "GET", "/index.html", host=host)).body == b"ministack"
    assert asyncio.run(raw_asgi.send(app, "POST", "/_ministack/reset", host=host)).status == 403
    other = [(b"host", b"dfiles.cloudfront.net")]
    assert asyncio.run(raw_asgi.send(app, "GET", "/index.html", host=other)).status == 403


@pytest.mark.parametrize(
    ("method", "path", "query"),
    [
        ("POST", "/", b""),
        ("GET", "/", b"Action=GetCallerIdentity&Version=2011-06-15"),
        ("PUT", "/_ministack/cfn-response/" + TOKEN, b""),
        ("GET", "/a-bucket", b"list-type=2"),
        ("GET", "/a-bucket/_ministack/reset", b""),
        ("GET", "/us-east-1_AbCdEfGhI/.well-known/jwks.json", b""),
        ("POST", "/2015-03-31/functions/files/invocations", b""),
        ("GET", "/v1/apis/an-api", b""),
        ("OPTIONS", "/a-bucket/a-key", b""),
    ],
)
def test_aws_api_needs_no_secret(method: str, path: str, query: bytes) -> None:
    assert asyncio.run(raw_asgi.send(APP, method, path, query=query)).body == b"ministack"
