"""What the edge serves from its cache: policies, clocks and responses without a socket of the viewer."""

import asyncio
import gzip
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import aiohttp
import pytest
from starlette.datastructures import Headers
from starlette.types import Message, Scope

from local.data_planes.cloudfront import cache
from local.data_planes.cloudfront.cache import Cache, Stored, accepts_gzip, serve
from local.data_planes.cloudfront.distribution import Distribution
from local.data_planes.cloudfront.edge import Edge
from local.data_planes.deployed_state import DeployedState
from tests.edge_distribution import DISTRIBUTION, NOW, POLICY
from tests.served import accepting

MODIFIED = "Wed, 01 Jan 2025 00:00:00 GMT"
TEXT = b"line of text\n" * 200


@dataclass
class Bucket:
    """An origin over HTTP: its files, and the requests that it got."""

    url: str = ""
    files: dict[str, tuple[bytes, dict[str, str]]] = field(default_factory=dict)
    failing: int = 0
    cors: bool = False
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    def put(self, name: str, body: bytes, etag: str = '"1"', **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.files[name] = body, {"ETag": etag, "Last-Modified": MODIFIED, "Content-Type": "image/png", **named}

    def response(self, method: str, target: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        self.requests.append((method, target, headers))
        if self.failing:
            return self.failing, {"Content-Type": "application/xml"}, b"<Error/>"
        if method == "OPTIONS":
            allowed = self.cors and "origin" in headers
            return (200, {"Access-Control-Allow-Origin": "x"}, b"") if allowed else (403, {}, b"<Error/>")
        if target.partition("?")[0] not in self.files:
            return 403, {"Server": "AmazonS3", "Content-Type": "application/xml"}, b"<Error/>"
        body, found = self.files[target.partition("?")[0]]
        if headers.get("if-none-match") == found["ETag"]:
            return 304, found, b""
        if "range" in headers:
            return 206, {**found, "Content-Range": "bytes 0-0/9"}, body[:1]
        return 200, found, body


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadingHTTPServer]:
    class Handler(BaseHTTPRequestHandler):
        def respond(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, found, body = self.server.bucket.response(self.command, self.path, headers)  # type: ignore[attr-defined]
            self.send_response_only(status)
            for name, value in {**found, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"" if self.command == "HEAD" else body)

        do_GET = do_HEAD = do_OPTIONS = respond  # noqa: N815

    with accepting(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        yield server


@pytest.fixture
def bucket(server: ThreadingHTTPServer) -> Bucket:
    bucket = Bucket(f"http://127.0.0.1:{server.server_port}")
    server.bucket = bucket  # type: ignore[attr-defined]
    return bucket


@dataclass
class Response:
    status: int
    headers: Headers
    body: bytes

    @property
    def x_cache(self) -> str:
        return self.headers["x-cache"].removesuffix(" from cloudfront")


class Viewer:
    """Sends requests to an edge, whose clock moves only when told."""

    def __init__(self, bucket: Bucket, distribution: Distribution = DISTRIBUTION) -> None:
        self.now = NOW
        self.distribution = distribution
        state = DeployedState(lambda: self.distribution, fresh=-1)
        self.edge = Edge(state, "https://files.example.com", bucket.url, lambda: self.now, {"x-secret": "s"})

    def send(self, target: str, method: str = "GET", **headers: str) -> Response:
        path, _, query = target.partition("?")
        scope = {
            "type": "http",
            "method": method,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(b"host", b"files.example.com")]
            + [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
        }
        return asyncio.run(self._received(scope))

    async def _received(self, scope: Scope) -> Response:
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        async def receive() -> Message:
            await asyncio.Event().wait()
            return {"type": "http.disconnect"}

        async with aiohttp.ClientSession(auto_decompress=False) as self.edge.origin.session:
            await self.edge(scope, receive, send)
        body = b"".join(message.get("body", b"") for message in sent[1:])
        return Response(sent[0]["status"], Headers(raw=sent[0]["headers"]), body)


@pytest.fixture
def viewer(bucket: Bucket) -> Viewer:
    return Viewer(bucket)


def test_replaced_file_opens_as_it_was_until_its_ttl_ends(viewer: Viewer, bucket: Bucket) -> None:
    bucket.put("/a.png", b"old")
    assert (viewer.send("/a.png").x_cache, viewer.send("/a.png").x_cache) == ("Miss", "Hit")
    bucket.put("/a.png", b"new", etag='"2"')
    viewer.now += 59
    response = viewer.send("/a.png")
    assert (response.body, response.x_cache, response.headers["age"]) == (b"old", "Hit", "59")
    viewer.now += 1
    assert (viewer.send("/a.png").body, viewer.send("/a.png").x_cache) == (b"new", "Hit")


def test_deleted_file_opens_until_its_ttl_ends_and_then_no_more(viewer: Viewer, bucket: Bucket) -> None:
    bucket.put("/a.png", b"old")
    viewer.send("/a.png")
    del bucket.files["/a.png"]
    viewer.now += 59
    assert viewer.send("/a.png").body == b"old"
    viewer.now += 1
    response = viewer.send("/a.png")
    assert (response.status, response.x_cache, response.headers["x-refused-by"]) == (403, "Error", "origin")


def test_expired_file_that_is_unchanged_is_fresh_again_without_its_bytes(viewer: Viewer, bucket: Bucket) -> None:
    bucket.put("/a.png", b"same")
    viewer.send("/a.png")
    viewer.now += 60
    response = viewer.send("/a.png")
    assert (response.status, response.body, response.x_cache) == (200, b"same", "RefreshHit")
    assert bucket.requests[-1][2]["if-none-match"] == '"1"'
    assert {sent["x-secret"] for _, _, sent in bucket.requests} == {"s"}
    viewer.now += 59
    assert viewer.send("/a.png").x_cache == "Hit"
    assert len(bucket.requests) == 2


@pytest.mark.parametrize(
    ("headers", "ttl"),
    [
        ({}, 60),
        ({"Cache-Control": "public"}, 60),
        ({"Cache-Control": "max-age=5"}, 5),
        ({"Cache-Control": "public, Max-Age = 5"}, 5),
        ({"Cache-Control": 'max-age="5"'}, 5),
        ({"Cache-Control": "max-age=0"}, 1),
        ({"Cache-Control": "max-age=601"}, 600),
        ({"Cache-Control": f"max-age={'9' * 5000}"}, 600),
        ({"Cache-Control": "max-age=-1"}, 60),
        ({"Cache-Control": "max-age=5, s-maxage=7"}, 7),
        ({"Cache-Control": "no-store"}, 1),
        ({"Cache-Control": "private, max-age=60"}, 1),
        ({"Cache-Control": "no-cache"}, 1),
        ({"Expires": formatdate(NOW + 30, usegmt=True)}, 30),
        ({"Expires": formatdate(NOW - 30, usegmt=True)}, 1),
        ({"Expires": "0"}, 1),
        ({"Expires": formatdate(NOW + 9000, usegmt=True)}, 600),
        ({"Expires": formatdate(NOW + 30, usegmt=True), "Cache-Control": "max-age=5"}, 5),
    ],
)
def test_file_is_fresh_for_what_its_headers_say_within_the_limits_of_the_policy(
    headers: dict[str, str], ttl: float
) -> None:
    assert POLICY.ttl(200, Headers(headers), NOW) == ttl


@pytest.mark.parametrize("directive", ["no-store", "no-cache", "private", "max-age=0"])
def test_file_that_forbids_it_is_not_kept_if_the_minimum_is_zero(directive: str) -> None:
    assert replace(POLICY, min_ttl=0).ttl(200, Headers({"Cache-Control": directive}), NOW) == 0


@pytest.mark.parametrize("status", [204, 206, 301, 304, 400, 412, 416])
def test_other_statuses_are_not_kept(status: int) -> None:
    assert POLICY.ttl(status, Headers(), NOW) == 0


def test_missing_file_stays_missing_for_the_error_caching_minimum_ttl(viewer: Viewer, bucket: Bucket) -> None:
    assert viewer.send("/late.png").status == 403
    bucket.put("/late.png", b"here")
    viewer.now += 9.9
    assert viewer.send("/late.png").status == 403
    viewer.now += 0.1
    assert viewer.send("/late.png").status == 200

    policy = replace(POLICY, error_ttls={403: 1})
    viewer.distribution = replace(DISTRIBUTION, cache_policy=policy)
    assert viewer.send("/later.png").status == 403
    bucket.put("/later.png", b"here")
    viewer.now += 1
    assert viewer.send("/later.png").status == 200


def test_stored_file_is_served_while_the_origin_fails(viewer: Viewer, bucket: Bucket) -> None:
    bucket.put("/a.png", b"old")
    viewer.send("/a.png")
    viewer.now += 60
    bucket.failing = 503
    assert (viewer.send("/a.png").body, viewer.send("/b.png").status) == (b"old", 503)
    bucket.put("/a.png", b"new", etag='"2"')
    bucket.failing = 0
    viewer.now += 10
    assert viewer.send("/a.png").body == b"new"


@pytest.mark.parametrize(
    ("path", "left"),
    [
        ("/a.png", {"/a.png?saveAs=b", "/b/c.png"}),
        ("b/*", {"/a.png", "/a.png?saveAs=b"}),
        ("/a.png*", {"/b/c.png"}),
        ("/*", set()),
    ],
)
def test_invalidation_removes_the_files_it_names_once(
    viewer: Viewer, bucket: Bucket, path: str, left: set[str]
) -> None:
    targets = {"/a.png", "/a.png?saveAs=b", "/b/c.png"}
    for target in targets:
        bucket.put(target.partition("?")[0], b"a")
        viewer.send(target)
    viewer.distribution = replace(DISTRIBUTION, invalidations={"I1": (path,)})
    assert {target for target in targets if viewer.send(target).x_cache == "Hit"} == left
    assert {target for target in targets if viewer.send(target).x_cache == "Hit"} == targets


def test_key_holds_the_allowed_parameters_and_no_others(viewer: Viewer, bucket: Bucket) -> None:
    bucket.put("/a.png", b"a")
    assert viewer.send("/a.png?x=1&saveAs=b&versionId=7").x_cache == "Miss"
    assert bucket.requests[-1][1] == "/a.png?saveAs=b"
    assert viewer.send("/a.png?saveAs=b").x_cache == "Hit"
    assert viewer.send("/a.png?saveAs=c").x_cache == "Miss"
    assert viewer.send("/a.png").x_cache == "Miss"
    assert viewer.send("/%61.png").status == 403


def test_signature_is_checked_before_the_cache(viewer: Viewer, bucket: Bucket) -> None:
    bucket.put("/a.png", b"a")
    viewer.send("/a.png")
    viewer.distribution = replace(DISTRIBUTION, keys={})
    assert (viewer.send("/a.png").status, viewer.send("/a.png").headers["x-refused-by"]) == (403, "edge")


def test_range_and_conditions_are_served_from_a_stored_file(viewer: Viewer, bucket: Bucket) -> None:
    bucket.put("/a.png", b"0123456789")
    viewer.send("/a.png")
    part = viewer.send("/a.png", range="bytes=2-4")
    assert (part.status, part.body, part.headers["content-range"]) == (206, b"234", "bytes 2-4/10")
    assert viewer.send("/a.png", if_none_match='"1"').status == 304
    assert viewer.send("/a.png", if_modified_since=MODIFIED).status == 304
    assert viewer.send("/a.png", "HEAD").x_cache == "Hit"
    assert len(bucket.requests) == 1


def test_range_of_a_file_that_is_not_stored_passes_through_and_is_not_kept(viewer: Viewer, bucket: Bucket) -> None:
    bucket.put("/a.png", b"012345678")
    assert viewer.send("/a.png", range="bytes=0-0").status == 206
    assert viewer.send("/a.png").body == b"012345678"


STORED = Stored(
    200, Headers({"ETag": '"1"', "Content-Length": "10", "Last-Modified": MODIFIED}), b"0123456789", None, 0, 0
)


@pytest.mark.parametrize(
    ("headers", "status", "body"),
    [
        ({"Range": "bytes=0-"}, 206, b"0123456789"),
        ({"Range": "bytes=-3"}, 206, b"789"),
        ({"Range": "bytes=-30"}, 206, b"0123456789"),
        ({"Range": "bytes=9-99"}, 206, b"9"),
        ({"Range": "bytes=10-"}, 416, b""),
        ({"Range": "bytes=-0"}, 416, b""),
        ({"Range": "bytes=5-2"}, 200, b"0123456789"),
        ({"Range": "bytes=0-1,3-4"}, 200, b"0123456789"),
        ({"Range": "bytes=-"}, 200, b"0123456789"),
        ({"Range": "lines=1-2"}, 200, b"0123456789"),
        ({"Range": "bytes=0-1", "If-Range": '"1"'}, 206, b"01"),
        ({"Range": "bytes=0-1", "If-Range": '"2"'}, 200, b"0123456789"),
        ({"Range": "bytes=0-1", "If-Range": 'W/"1"'}, 200, b"0123456789"),
        ({"Range": "bytes=0-1", "If-Range": MODIFIED}, 206, b"01"),
        ({"If-None-Match": 'W/"1", "x"'}, 304, b""),
        ({"If-None-Match": "*"}, 304, b""),
        ({"If-None-Match": '"2"', "If-Modified-Since": MODIFIED}, 200, b"0123456789"),
        ({"If-Modified-Since": "Tue, 31 Dec 2024 00:00:00 GMT"}, 200, b"0123456789"),
        ({"If-Modified-Since": "soon"}, 200, b"0123456789"),
    ],
)
def test_stored_file_is_served_as_the_request_says(headers: dict[str, str], status: int, body: bytes) -> None:
    found, headers_sent, sent = serve(STORED, Headers(headers))
    assert (found, sent) == (status, body)
    assert headers_sent.get("content-length", "0") == str(len(body))


def test_text_is_compressed_for_viewers_that_accept_gzip(viewer: Viewer, bucket: Bucket) -> None:
    bucket.put("/a.txt", TEXT, Content_Type="text/plain; charset=utf-8")
    small = viewer.send("/a.txt", accept_encoding="br, gzip")
    assert gzip.decompress(small.body) == TEXT
    expected = {"content-encoding": "gzip", "etag": 'W/"1"', "content-length": str(len(small.body))}
    assert {name: small.headers[name] for name in expected} == expected
    assert "Accept-Encoding" in small.headers["vary"]
    whole = viewer.send("/a.txt")
    assert (whole.body, whole.headers["etag"], whole.x_cache) == (TEXT, '"1"', "Miss")
    assert viewer.send("/a.txt", accept_encoding="gzip").x_cache == "Hit"
    assert viewer.send("/a.txt", accept_encoding="gzip", if_none_match='W/"1"').status == 304
    assert viewer.send("/a.txt", accept_encoding="gzip", range="bytes=0-3").body == b"line"
    viewer.now += 60
    assert viewer.send("/a.txt", accept_encoding="gzip").x_cache == "RefreshHit"


def test_compressed_text_is_not_kept_if_the_minimum_ttl_is_zero(viewer: Viewer, bucket: Bucket) -> None:
    viewer.distribution = replace(DISTRIBUTION, cache_policy=replace(POLICY, min_ttl=0))
    bucket.put("/a.txt", TEXT, Content_Type="text/plain")
    assert [viewer.send("/a.txt", accept_encoding="gzip").x_cache for _ in range(2)] == ["Miss", "Miss"]
    assert [viewer.send("/a.txt").x_cache for _ in range(2)] == ["Miss", "Hit"]


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (TEXT, {"Content_Type": "image/png"}),
        (TEXT, {"Content_Type": "text/plain", "Content_Encoding": "br"}),
        (TEXT[:999], {"Content_Type": "text/plain"}),
    ],
    ids=["image", "encoded-already", "small"],
)
def test_what_cloudfront_does_not_compress_passes_as_it_is(
    viewer: Viewer, bucket: Bucket, body: bytes, headers: dict[str, str]
) -> None:
    bucket.put("/a", body, **headers)
    response = viewer.send("/a", accept_encoding="gzip")
    assert (response.body, response.headers["etag"]) == (body, '"1"')


@pytest.mark.parametrize("change", [{"compress": False}, {"cache_policy": replace(POLICY, gzip=False)}])
def test_nothing_is_compressed_if_the_distribution_does_not(viewer: Viewer, bucket: Bucket, change: Any) -> None:
    viewer.distribution = replace(DISTRIBUTION, **change)
    bucket.put("/a.txt", TEXT, Content_Type="text/plain")
    assert viewer.send("/a.txt", accept_encoding="gzip").body == TEXT


@pytest.mark.parametrize(
    ("accept", "accepted"),
    [
        ("gzip", True),
        ("br;q=1, GZIP;q=0.5", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("br", False),
        ("", False),
    ],
)
def test_accept_encoding_is_read_as_gzip_or_not(accept: str, accepted: bool) -> None:
    assert accepts_gzip(accept) is accepted


def test_large_file_is_not_kept(viewer: Viewer, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MAX_OBJECT_BYTES", 1_000)
    bucket.put("/kept", b"x" * 1_000)
    bucket.put("/large", b"x" * 1_001)
    assert [viewer.send("/kept").x_cache for _ in range(2)] == ["Miss", "Hit"]
    assert [viewer.send("/large").x_cache for _ in range(2)] == ["Miss", "Miss"]
    assert viewer.send("/large").body == b"x" * 1_001


def test_file_that_became_large_leaves_the_cache(
    viewer: Viewer, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "MAX_OBJECT_BYTES", 1_000)
    bucket.put("/a", b"small")
    viewer.send("/a")
    bucket.put("/a", b"x" * 1_001, etag='"2"')
    viewer.now += 60
    assert viewer.send("/a", range="bytes=0-0").body == b"x"
    assert viewer.send("/a", "HEAD").headers["content-length"] == "1001"
    assert viewer.send("/a").body == b"x" * 1_001


def test_least_recently_used_files_leave_a_full_cache() -> None:
    files = Cache(max_bytes=2_500)
    for name in (b"/a", b"/b", b"/c"):
        files.get((b"/a", False))
        files.put((name, False), replace(STORED, headers=Headers(), body=b"x" * 1_000))
    assert [files.get((name, False)) is not None for name in (b"/a", b"/b", b"/c")] == [True, False, True]
    files.put((b"/huge", False), replace(STORED, body=b"x" * 3_000))
    assert files.get((b"/huge", False)) is None
    files.put((b"/d", False), STORED)
    files.put((b"/d", False), STORED)
    files.remove((b"/d", False))
    assert files._bytes == 0


def test_image_first_and_fetch_second_both_work(viewer: Viewer, bucket: Bucket) -> None:
    bucket.put("/a.png", b"a")
    image = viewer.send("/a.png", accept="image/*")
    fetched = viewer.send("/a.png", origin="https://page.example")
    image_again = viewer.send("/a.png", accept="image/*")
    # A browser reuses the first response for the second request only if both have the headers that Vary names.
    assert {response.headers["vary"] for response in (image, fetched, image_again)} == {"Origin, Accept-Encoding"}
    assert fetched.headers["access-control-allow-origin"] == "*"
    assert fetched.headers["access-control-expose-headers"] == "Accept-Ranges, ETag"
    assert fetched.x_cache == "Hit"
    assert "access-control-allow-origin" not in image.headers
    assert "access-control-allow-origin" not in image_again.headers


def test_headers_of_the_policy_do_not_decide_how_long_a_file_is_kept(viewer: Viewer, bucket: Bucket) -> None:
    bucket.put("/a.png", b"a", X_Amz_Meta_Secret="s")
    assert [viewer.send("/a.png").x_cache for _ in range(2)] == ["Miss", "Hit"]
    response = viewer.send("/a.png")
    assert response.headers["cache-control"] == "private, max-age=60"
    assert "x-amz-meta-secret" not in response.headers
    bucket.put("/b.png", b"b", Cache_Control="max-age=5")
    assert viewer.send("/b.png").headers["cache-control"] == "max-age=5"


def test_preflight_is_what_the_bucket_and_the_policy_say(viewer: Viewer, bucket: Bucket) -> None:
    preflight = {
        "origin": "https://page.example",
        "access_control_request_method": "GET",
        "access_control_request_headers": "range",
    }
    bucket.put("/a.png", b"a")
    assert viewer.send("/a.png", "OPTIONS", **preflight).status == 403
    bucket.cors = True
    response = viewer.send("/a.png?saveAs=b", "OPTIONS", cookie="a=b", **preflight)
    method, target, sent = bucket.requests[-1]
    assert (method, target) == ("OPTIONS", "/bucket/files/a.png")
    assert {name.replace("-", "_"): value for name, value in sent.items() if name in ("origin", "cookie")} == {
        "origin": "https://page.example"
    }
    expected = {
        "access-control-allow-origin": "*",
        "access-control-allow-methods": "GET, HEAD",
        "access-control-allow-headers": "*",
        "access-control-max-age": "3600",
    }
    assert response.status == 200
    assert {name: response.headers[name] for name in expected} == expected
    assert response.body == b""

    viewer.distribution = replace(DISTRIBUTION, origin_request_headers=frozenset())
    assert viewer.send("/a.png", "OPTIONS", **preflight).status == 403
