"""The edge on a real socket, between a raw client and an origin that shows what reached it."""

import asyncio
import contextlib
import http.client
import logging
import socket
import subprocess
import threading
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import EndpointConnectionError
from botocore.signers import CloudFrontSigner
from moto import mock_aws
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from local.data_planes.cloudfront.cache import CachePolicy
from local.data_planes.cloudfront.distribution import read
from local.data_planes.cloudfront.edge import create_app
from local.data_planes.deployed_state import DeployedState, Unreadable
from private_files.canned_policy import refusal_body
from tests.served import served

if TYPE_CHECKING:
    from types_boto3_cloudfront import CloudFrontClient
    from types_boto3_cloudfront.type_defs import DistributionConfigTypeDef

NOW = 1_800_000_000
CDN_URL = "https://files.example.com:8443"
LARGE = 256 * 1024 * 1024
CHUNK = b"x" * (1024 * 1024)
PATIENCE = 10.0
# One session for all tests: a new one takes a tenth of a second to load the description of CloudFront's API.
SESSION = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1")


@contextlib.contextmanager
def serving(app: ASGIApp, http: Literal["auto", "h11"] = "auto") -> Iterator[int]:
    """Serve an app, access log and all; yields its port."""
    with served(app, http=http, server_header=False) as url:
        yield int(url.rpartition(":")[2])


class Origin:
    """Stands in for the emulator; keeps the last request and how far a download got."""

    def __init__(self) -> None:
        self.target = ""
        self.headers: dict[str, str] = {}
        self.bytes_sent = 0
        self.download_ended = threading.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope)
        self.headers = dict(request.headers)
        self.target = "?".join(filter(None, [scope["raw_path"].decode(), scope["query_string"].decode()]))
        await self.answer(request)(scope, receive, send)

    def answer(self, request: Request) -> Response:
        headers = {"ETag": '"1"', "Last-Modified": "Wed, 01 Jan 2025 00:00:00 GMT", "Cache-Control": "max-age=60"}
        if request.url.path == "/large":
            return StreamingResponse(self.large(), headers={"Content-Length": str(LARGE)})
        if request.url.path == "/missing":
            cors = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "ETag"}
            return Response("<Error/>", 403, {"Server": "AmazonS3", "Content-Type": "application/xml", **cors})
        if request.url.path == "/broken":
            return Response(b"four", headers={"Content-Length": "8"})
        if request.headers.get("if-none-match") == '"1"':
            return Response(None, 304, {**headers, "Content-Length": "10"})
        if request.headers.get("range") == "bytes=2-4":
            return Response(b"234", 206, {**headers, "Content-Range": "bytes 2-4/10"})
        return Response(b"0123456789", 200, {**headers, "Content-Type": "image/jpeg", "Content-Encoding": "gzip"})

    async def large(self) -> AsyncIterator[bytes]:
        try:
            while self.bytes_sent < LARGE:
                yield CHUNK
                self.bytes_sent += len(CHUNK)
                await asyncio.sleep(0)  # uvicorn takes what is sent after a disconnect without a pause to hear of it
        finally:
            self.download_ended.set()


@dataclass
class KeyPair:
    private: Path
    public: str
    id: str = ""

    def sign(self, target: str, expires: int = NOW + 60) -> str:
        """The request target with its signature, made by botocore and OpenSSL."""
        signer = CloudFrontSigner(self.id, self._sign_bytes)
        url = signer.generate_presigned_url(CDN_URL + target, date_less_than=datetime.fromtimestamp(expires, UTC))
        return str(url).removeprefix(CDN_URL)

    def _sign_bytes(self, policy: bytes) -> bytes:
        command = ["openssl", "dgst", "-sha1", "-sign", str(self.private)]
        return subprocess.run(command, input=policy, capture_output=True, check=True).stdout


class CloudFront:
    """A distribution in moto's CloudFront, and the keys it trusts."""

    def __init__(self) -> None:
        self.client: CloudFrontClient = SESSION.client("cloudfront")
        bucket = "b.s3.us-east-1.amazonaws.com"
        config: DistributionConfigTypeDef = {
            "CallerReference": "it",
            "Comment": "",
            "Enabled": True,
            "Origins": {
                "Quantity": 1,
                "Items": [{"Id": "s3", "DomainName": bucket, "S3OriginConfig": {"OriginAccessIdentity": ""}}],
            },
            "DefaultCacheBehavior": {"TargetOriginId": "s3", "ViewerProtocolPolicy": "https-only"},
        }
        distribution = self.client.create_distribution(DistributionConfig=config)["Distribution"]
        self.id, self.domain_name = distribution["Id"], distribution["DomainName"]

    def trust(self, *pairs: KeyPair) -> None:
        for pair in pairs:
            pair.id = pair.id or self._add(pair)
        group = self.client.create_key_group(KeyGroupConfig={"Name": "g", "Items": [pair.id for pair in pairs]})
        self.change(TrustedKeyGroups={"Enabled": True, "Quantity": 1, "Items": [group["KeyGroup"]["Id"]]})

    def change(self, **default_behavior: Any) -> None:
        found = self.client.get_distribution_config(Id=self.id)
        found["DistributionConfig"]["DefaultCacheBehavior"].update(default_behavior)  # type: ignore[typeddict-item]
        self.client.update_distribution(
            Id=self.id, IfMatch=found["ETag"], DistributionConfig=found["DistributionConfig"]
        )

    def _add(self, pair: KeyPair) -> str:
        name = pair.private.name
        made = self.client.create_public_key(
            PublicKeyConfig={"CallerReference": name, "Name": name, "EncodedKey": pair.public}
        )
        return made["PublicKey"]["Id"]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Path, str]]:
    made = []
    for name in ("old.pem", "new.pem"):
        private = tmp_path_factory.getbasetemp() / name
        subprocess.run(["openssl", "genrsa", "-out", private, "2048"], check=True, capture_output=True)
        public = subprocess.run(["openssl", "pkey", "-pubout", "-in", private], check=True, capture_output=True).stdout
        made.append((private, public.decode()))
    return made


@pytest.fixture
def old(pairs: list[tuple[Path, str]]) -> KeyPair:
    return KeyPair(*pairs[0])


@pytest.fixture
def new(pairs: list[tuple[Path, str]]) -> KeyPair:
    return KeyPair(*pairs[1])


@pytest.fixture
def cloudfront(old: KeyPair) -> Iterator[CloudFront]:
    with mock_aws():
        cloudfront = CloudFront()
        cloudfront.trust(old)
        yield cloudfront


@pytest.fixture
def origin() -> Origin:
    return Origin()


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes


def ask(port: int, target: str, method: str = "GET", **headers: str) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    with contextlib.closing(connection):
        connection.request(method, target, headers={name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())


def app_for(cloudfront: CloudFront, aws_endpoint_url: str, cdn_url: str = CDN_URL) -> ASGIApp:
    return create_app(
        cloudfront=cloudfront.client,
        distribution_id=cloudfront.id,
        cdn_url=cdn_url,
        aws_endpoint_url=aws_endpoint_url,
        clock=lambda: NOW,
    )


@pytest.fixture
def edge(cloudfront: CloudFront, origin: Origin) -> Iterator[int]:
    with serving(origin) as upstream, serving(app_for(cloudfront, f"http://127.0.0.1:{upstream}")) as port:
        yield port


def test_signed_url_opens(edge: int, old: KeyPair) -> None:
    answer = ask(edge, old.sign("/a.jpg"))
    assert (answer.status, answer.body) == (200, b"0123456789")
    assert answer.headers["X-Refused-By"] is None


def test_disabled_distribution_serves_nothing(edge: int, cloudfront: CloudFront, old: KeyPair) -> None:
    found = cloudfront.client.get_distribution_config(Id=cloudfront.id)
    config = found["DistributionConfig"] | {"Enabled": False}
    cloudfront.client.update_distribution(Id=cloudfront.id, IfMatch=found["ETag"], DistributionConfig=config)
    response = ask(edge, old.sign("/a.jpg"))
    assert (response.status, b"is disabled" in response.body) == (403, True)


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/%2F%41%25%2f%c3%bc",
        "/a+b~c'(d)*",
        "//a//",
        "/a/../b/./c",
        "/new%0Aline",
        "/a?x=%41&y=+%20&z&&w=~",
        "/%00",
    ],
)
def test_path_and_own_query_reach_the_origin_byte_for_byte(
    edge: int, origin: Origin, old: KeyPair, target: str
) -> None:
    assert ask(edge, old.sign(target)).status == 200
    assert origin.target == target


def test_origin_is_told_the_distribution_and_how_the_viewer_came(
    edge: int, origin: Origin, cloudfront: CloudFront, old: KeyPair
) -> None:
    ask(edge, old.sign("/a.jpg"))
    assert origin.headers["host"] == cloudfront.domain_name
    assert origin.headers["x-forwarded-proto"] == "https"


def test_only_headers_that_choose_the_answer_reach_the_origin(edge: int, origin: Origin, old: KeyPair) -> None:
    passed = {"if-range": '"1"', "accept": "image/*"}
    # Not `origin`: the edge adds the CORS headers itself, after its cache.
    kept_back = {
        "origin": "https://page.example",
        "authorization": "Bearer x",
        "cookie": "a=b",
        "x-amz-acl": "public-read",
        "te": "trailers",
    }
    ask(edge, old.sign("/a.jpg"), **passed, **kept_back)
    named = {name: value for name, value in origin.headers.items() if name not in ("host", "x-forwarded-proto")}
    assert named == {**passed, "accept-encoding": "identity"}


def test_headers_of_the_object_reach_the_viewer_and_its_bytes_are_not_decoded(edge: int, old: KeyPair) -> None:
    answer = ask(edge, old.sign("/a.jpg"))
    expected = {
        "ETag": '"1"',
        "Last-Modified": "Wed, 01 Jan 2025 00:00:00 GMT",
        "Cache-Control": "max-age=60",
        "Content-Type": "image/jpeg",
        "Content-Encoding": "gzip",
        "Content-Length": "10",
    }
    assert {name: answer.headers[name] for name in expected} == expected
    assert len(answer.headers.get_all("Date", [])) == 1


def test_range_opens_a_part(edge: int, old: KeyPair) -> None:
    answer = ask(edge, old.sign("/a.jpg"), Range="bytes=2-4")
    assert (answer.status, answer.body, answer.headers["Content-Range"]) == (206, b"234", "bytes 2-4/10")


@pytest.mark.parametrize("condition", ['"1"', "Wed, 01 Jan 2025 00:00:00 GMT"])
def test_part_of_an_unchanged_object_is_served(edge: int, old: KeyPair, condition: str) -> None:
    answer = ask(edge, old.sign("/a.jpg"), Range="bytes=2-4", If_Range=condition)
    assert (answer.status, answer.body) == (206, b"234")


@pytest.mark.parametrize("condition", ['"2"', 'W/"1"', "Wed, 01 Jan 2025 00:00:01 GMT"])
def test_changed_object_is_served_whole_where_a_part_of_it_was_asked_for(
    edge: int, old: KeyPair, condition: str
) -> None:
    answer = ask(edge, old.sign("/a.jpg"), Range="bytes=2-4", If_Range=condition)
    assert (answer.status, answer.body, answer.headers["Content-Range"]) == (200, b"0123456789", None)


def test_head_has_the_length_and_no_body(edge: int, old: KeyPair) -> None:
    answer = ask(edge, old.sign("/a.jpg"), "HEAD")
    assert (answer.status, answer.body, answer.headers["Content-Length"]) == (200, b"", "10")


def test_unchanged_object_is_304_without_body(edge: int, old: KeyPair) -> None:
    answer = ask(edge, old.sign("/a.jpg"), If_None_Match='"1"')
    assert (answer.status, answer.body, answer.headers["ETag"]) == (304, b"", '"1"')
    assert answer.headers["Content-Length"] is None


def test_refusal_of_the_edge_is_cloudfronts_and_says_who_refused(edge: int, origin: Origin) -> None:
    answer = ask(edge, "/a.jpg")
    assert answer.status == 403
    assert answer.body == refusal_body("MissingKey", "Missing Key-Pair-Id query parameter or cookie value")
    del answer.headers["Date"]
    assert {name.lower(): value for name, value in answer.headers.items()} == {
        "content-type": "text/xml",
        "content-length": str(len(answer.body)),
        "server": "CloudFront",
        "x-cache": "Error from cloudfront",
        "x-refused-by": "edge",
        "access-control-allow-origin": "*",
        "access-control-expose-headers": "X-Refused-By",
    }
    assert origin.target == ""


def test_head_of_a_refused_url_has_no_body(edge: int) -> None:
    answer = ask(edge, "/a.jpg", "HEAD")
    assert (answer.status, answer.body, answer.headers["X-Refused-By"]) == (403, b"", "edge")


def test_expired_url_never_reaches_the_origin(edge: int, origin: Origin, old: KeyPair) -> None:
    answer = ask(edge, old.sign("/a.jpg", expires=NOW))
    assert (answer.status, answer.body) == (403, refusal_body("AccessDenied", "Access denied"))
    assert origin.target == ""


def test_refusal_of_the_origin_says_so_where_pages_can_read_it(edge: int, old: KeyPair) -> None:
    answer = ask(edge, old.sign("/missing"), Origin="https://page.example")
    assert (answer.status, answer.body) == (403, b"<Error/>")
    assert (answer.headers["Server"], answer.headers["X-Refused-By"]) == ("AmazonS3", "origin")
    assert answer.headers["Access-Control-Expose-Headers"] == "ETag, X-Refused-By"


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "OPTIONS"])
def test_method_that_the_distribution_does_not_allow_is_refused(edge: int, old: KeyPair, method: str) -> None:
    answer = ask(edge, old.sign("/a.jpg"), method)
    assert (answer.status, answer.headers["X-Refused-By"]) == (403, "edge")
    assert b"not configured to allow the HTTP request method" in answer.body


def test_distribution_that_trusts_everyone_is_open(cloudfront: CloudFront, origin: Origin, edge: int) -> None:
    cloudfront.change(TrustedKeyGroups={"Enabled": False, "Quantity": 0})
    assert ask(edge, "/a.jpg?x=1").status == 200
    assert origin.target == "/a.jpg?x=1"


def test_distribution_for_https_only_is_closed_to_an_edge_without_it(cloudfront: CloudFront) -> None:
    with serving(app_for(cloudfront, "http://127.0.0.1:9", cdn_url="http://files.example.com")) as port:
        answer = ask(port, "/a.jpg")
    assert (answer.status, answer.headers["X-Refused-By"]) == (403, "edge")
    assert b"Viewers must use HTTPS" in answer.body


def test_loopback_counts_as_https(cloudfront: CloudFront) -> None:
    cloudfront.change(TrustedKeyGroups={"Enabled": False, "Quantity": 0})
    origin = Origin()
    with (
        serving(origin) as upstream,
        serving(app_for(cloudfront, f"http://127.0.0.1:{upstream}", "http://127.0.0.1:80")) as port,
    ):
        assert ask(port, "/a.jpg").status == 200


def test_target_that_would_name_another_host_goes_nowhere(cloudfront: CloudFront) -> None:
    cloudfront.change(TrustedKeyGroups={"Enabled": False, "Quantity": 0})
    with serving(app_for(cloudfront, "http://127.0.0.1:9"), http="h11") as port:
        assert ask(port, "@elsewhere.example/").status == 400


@pytest.mark.slow
def test_large_file_passes_in_constant_memory(edge: int, old: KeyPair) -> None:
    ask(edge, old.sign("/a.jpg"))
    connection = http.client.HTTPConnection("127.0.0.1", edge, timeout=PATIENCE)
    tracemalloc.start()
    try:
        with contextlib.closing(connection):
            connection.request("GET", old.sign("/large"))
            response = connection.getresponse()
            received = 0
            while chunk := response.read(256 * 1024):
                received += len(chunk)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert received == LARGE
    assert peak < LARGE / 16


def test_viewer_who_leaves_ends_the_download_at_the_origin(edge: int, origin: Origin, old: KeyPair) -> None:
    with socket.create_connection(("127.0.0.1", edge), timeout=PATIENCE) as viewer:
        viewer.sendall(f"GET {old.sign('/large')} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        assert viewer.recv(1024).startswith(b"HTTP/1.1 200")
        assert not origin.download_ended.is_set()
    assert origin.download_ended.wait(PATIENCE)
    assert origin.bytes_sent < LARGE / 2


def test_answer_that_the_origin_breaks_off_is_not_whole(edge: int, old: KeyPair) -> None:
    with pytest.raises(http.client.IncompleteRead):
        ask(edge, old.sign("/broken"))


def test_origin_that_is_down_is_502(cloudfront: CloudFront, old: KeyPair, caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with serving(app_for(cloudfront, nobody)) as port:
        answer = ask(port, old.sign("/a.jpg"))
    assert (answer.status, answer.headers["X-Cache"]) == (502, "Error from cloudfront")
    assert answer.headers["X-Refused-By"] is None
    logged = [record.getMessage() for record in caplog.records if record.name == "local.data_planes.cloudfront.edge"]
    assert logged == [f"GET /a.jpg: 502, no response from {nobody}: ClientConnectorError"]


def test_log_says_why_and_holds_no_query(edge: int, old: KeyPair, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    late = old.sign("/late.jpg", expires=NOW - 1)
    targets = [old.sign("/a.jpg"), old.sign("/missing"), late, old.sign("/b.jpg") + "&more=1"]
    for target in targets:
        ask(edge, target)
    logged = [record.getMessage() for record in caplog.records if record.name == "local.data_planes.cloudfront.edge"]
    assert logged == [
        "GET /a.jpg: 200",
        "GET /missing: 403, refused by the origin",
        "GET /late.jpg: 403, refused by the edge: the URL expired at 2027-01-15 07:59:59 UTC",
        "GET /b.jpg: 403, refused by the edge: the signature does not match: the URL was changed after signing, "
        "or signed for another origin, with another key or under another hash",
    ]
    assert any(record.name == "uvicorn.access" for record in caplog.records)
    for parameter in {part for target in targets for part in target.partition("?")[2].split("&")} - {"more=1"}:
        name, _, value = parameter.partition("=")
        assert parameter not in caplog.text
        assert name == "Key-Pair-Id" or value not in caplog.text


def eventually(fact: Callable[[], bool]) -> bool:
    give_up = time.monotonic() + PATIENCE
    while not fact():
        if time.monotonic() > give_up:
            return False
        time.sleep(0.05)
    return True


def test_rotation_is_picked_up_without_a_gap(edge: int, cloudfront: CloudFront, old: KeyPair, new: KeyPair) -> None:
    cloudfront.trust(old, new)
    assert eventually(lambda: ask(edge, new.sign("/a.jpg")).status == 200)
    assert ask(edge, old.sign("/a.jpg")).status == 200
    cloudfront.trust(new)
    assert eventually(lambda: ask(edge, old.sign("/a.jpg")).status == 403)
    assert ask(edge, old.sign("/a.jpg")).body == refusal_body("InvalidKey", "Unknown Key")
    assert ask(edge, new.sign("/a.jpg")).status == 200


class Api:
    """Counts the reads of a distribution and fails them while `down`, with a clock that only moves when told."""

    def __init__(self, cloudfront: CloudFront) -> None:
        self.reads = 0
        self.down = False
        self.now = 100.0
        cloudfront.client.meta.events.register("before-call.cloudfront.GetDistribution", self.before_call)
        self.state = DeployedState(
            partial(read, cloudfront.client, cloudfront.id), fresh=1.0, monotonic=lambda: self.now
        )

    def before_call(self, **_: object) -> None:
        self.reads += 1
        if self.down:
            raise EndpointConnectionError(endpoint_url="https://cloudfront")


def test_distribution_is_read_once_a_second_however_many_ask(cloudfront: CloudFront) -> None:
    api = Api(cloudfront)

    async def many_ask() -> None:
        await asyncio.gather(*(api.state.current() for _ in range(50)))
        assert api.reads == 1
        api.now += 1
        await asyncio.gather(*(api.state.current() for _ in range(50)))
        assert api.reads == 2

    asyncio.run(many_ask())


def test_keys_outlive_an_api_that_is_down_for_a_while_only(cloudfront: CloudFront, old: KeyPair) -> None:
    api = Api(cloudfront)

    async def trusted() -> set[str]:
        return set((await api.state.current()).keys or {})

    async def api_goes_down() -> None:
        assert await trusted() == {old.id}
        api.down = True
        api.now += 30
        assert await trusted() == {old.id}
        api.now += 1
        with pytest.raises(Unreadable):
            await trusted()
        api.down = False
        with pytest.raises(Unreadable):
            await trusted()
        api.now += 1
        assert await trusted() == {old.id}
        assert api.reads == 4

    asyncio.run(api_goes_down())


def test_edge_that_cannot_read_the_keys_answers_503(edge: int, cloudfront: CloudFront, old: KeyPair) -> None:
    Api(cloudfront).down = True
    answer = ask(edge, old.sign("/a.jpg"))
    assert (answer.status, answer.headers["X-Cache"]) == (503, "Error from cloudfront")


def test_distribution_with_rules_beside_the_default_is_not_guessed_at(
    cloudfront: CloudFront, edge: int, old: KeyPair
) -> None:
    cloudfront.change(TrustedSigners={"Enabled": True, "Quantity": 1, "Items": ["self"]})
    assert ask(edge, old.sign("/a.jpg")).status == 503


def test_invalidations_of_the_distribution_are_read(cloudfront: CloudFront) -> None:
    paths: Any = {"Quantity": 2, "Items": ["/a.jpg", "/b/*"]}
    made = cloudfront.client.create_invalidation(
        DistributionId=cloudfront.id, InvalidationBatch={"Paths": paths, "CallerReference": "once"}
    )
    found = read(cloudfront.client, cloudfront.id).invalidations
    assert found == {made["Invalidation"]["Id"]: ("/a.jpg", "/b/*")}


def _made(response: Any, **_: Any) -> Any:
    return response


def test_policies_of_the_distribution_are_read(cloudfront: CloudFront) -> None:
    policies: dict[str, Any] = {
        "GetCachePolicy": {
            "CachePolicy": {
                "CachePolicyConfig": {
                    "MinTTL": 0,
                    "DefaultTTL": 60,
                    "MaxTTL": 86_400,
                    "ParametersInCacheKeyAndForwardedToOrigin": {
                        "EnableAcceptEncodingGzip": True,
                        "HeadersConfig": {"HeaderBehavior": "none"},
                        "CookiesConfig": {"CookieBehavior": "none"},
                        "QueryStringsConfig": {
                            "QueryStringBehavior": "whitelist",
                            "QueryStrings": {"Quantity": 1, "Items": ["response-content-disposition"]},
                        },
                    },
                }
            }
        },
        "GetOriginRequestPolicy": {
            "OriginRequestPolicy": {
                "OriginRequestPolicyConfig": {"HeadersConfig": {"Headers": {"Items": ["Origin", "X-Other"]}}}
            }
        },
        "GetResponseHeadersPolicy": {"ResponseHeadersPolicy": {"ResponseHeadersPolicyConfig": {"Name": "headers"}}},
    }
    for operation, response in policies.items():
        # moto has none of these operations: the client returns this without a request.
        made: Any = partial(_made, (AWSResponse("", 200, HTTPHeaders(), None), response))
        cloudfront.client.meta.events.register(f"before-call.cloudfront.{operation}", made)
    cloudfront.change(CachePolicyId="c", OriginRequestPolicyId="o", ResponseHeadersPolicyId="r", Compress=True)
    found = read(cloudfront.client, cloudfront.id)
    assert found.cache_policy == CachePolicy(
        min_ttl=0,
        default_ttl=60,
        max_ttl=86_400,
        query_strings=frozenset({"response-content-disposition"}),
        gzip=True,
    )
    assert (found.compress, found.bucket_path) == (True, "/b")
    assert found.origin_request_headers == {"origin", "x-other"}
    assert found.response_headers == {"Name": "headers"}
    assert found.invalidations == {}

    key = policies["GetCachePolicy"]["CachePolicy"]["CachePolicyConfig"]["ParametersInCacheKeyAndForwardedToOrigin"]
    key["CookiesConfig"] = {"CookieBehavior": "all"}
    with pytest.raises(ValueError, match="headers or cookies in its key"):
        read(cloudfront.client, cloudfront.id)
