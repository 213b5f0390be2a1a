"""Requests that no browser sends: each gets a response of CloudFront, and none holds up another."""

import asyncio
import base64
import json
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
import uvicorn
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.routing import Router
from starlette.types import Message, Receive, Scope, Send

from local.data_planes.cloudfront.edge import Edge
from local.data_planes.deployed_state import DeployedState
from local.servers import serve
from tests.edge_distribution import DISTRIBUTION, NOW
from tests.served import served
from tests.signing_keys import KEY_ID, P256

CDN_URL = "https://files.example.com"
SIGNED = b"Expires=1&Signature=c2VjcmV0&Key-Pair-Id=K0"
HOST = (b"host", b"files.example.com")
PATIENCE = 10.0


async def origin_app(scope: Scope, _receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
        await send({"type": "http.response.body", "body": b"file"})


@pytest.fixture(scope="module")
def origin_url() -> Iterator[str]:
    with served(origin_app, server_header=False) as url:
        yield url


def respond(url: str, **scope: Any) -> tuple[int, dict[bytes, bytes], bytes]:
    """Status, headers and body of the edge's response to this ASGI scope, without a server in between."""
    scope = {"type": "http", "method": "GET", "raw_path": b"/a", "query_string": b"", "headers": []} | scope
    keys = scope.pop("keys", {})
    if b"host" not in dict(scope["headers"]):
        scope["headers"] = [HOST, *scope["headers"]]
    edge = Edge(DeployedState(lambda: replace(DISTRIBUTION, keys=keys)), CDN_URL, url, lambda: NOW, {})
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    async def run() -> None:
        async with aiohttp.ClientSession(auto_decompress=False) as edge.origin.session:
            await edge(scope, receive, send)

    asyncio.run(run())
    return sent[0]["status"], dict(sent[0]["headers"]), b"".join(message.get("body", b"") for message in sent[1:])


header_names = st.sampled_from(
    ["host", "origin", "range", "if-range", "if-none-match", "if-modified-since", "accept", "accept-encoding", "cookie",
     "content-length", "transfer-encoding", "upgrade", "x-forwarded-for", "access-control-request-method"]
)  # fmt: skip
raw_headers = st.lists(st.tuples(header_names.map(str.encode), st.binary(max_size=40)), max_size=6)
scopes = st.fixed_dictionaries(
    {
        "method": st.sampled_from(["GET", "HEAD", "OPTIONS", "POST", "TRACE", "get", "X" * 99, ""]),
        "raw_path": st.binary(max_size=40) | st.binary(max_size=40).map(b"/".__add__) | st.just(b"/%zz%%00"),
        "query_string": st.binary(max_size=40) | st.just(SIGNED) | st.just(b"Policy=e30_&" + SIGNED[10:]),
        "headers": raw_headers,
        "http_version": st.sampled_from(["1.0", "1.1", "2"]),
        "client": st.sampled_from([None, ("127.0.0.1", 1), ("::1", 1), ("", 0)]),
        "keys": st.sampled_from([None, {}, {"K0": P256.public_key()}]),
    }
)


@given(scopes)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_request_gets_a_response_of_cloudfront_or_of_the_origin(origin_url: str, scope: dict[str, Any]) -> None:
    status, headers, _ = respond(origin_url, **scope)
    assert status in (200, 206, 304, 400, 403, 413, 416)
    assert headers[b"x-cache"].endswith(b"from cloudfront")
    assert (headers[b"x-cache"] == b"Error from cloudfront") == (status >= 400)


def test_websocket_is_refused_as_a_request() -> None:
    status, headers, body = respond("http://127.0.0.1:9", type="websocket")
    assert (status, headers[b"server"]) == (400, b"CloudFront")
    assert b"does not support WebSocket" in body


@pytest.mark.parametrize(
    "headers",
    [
        [(b"content-length", b"1")],
        [(b"content-length", b"99999999999999")],
        [(b"transfer-encoding", b"chunked")],
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_request_with_a_body_is_refused(method: str, headers: list[tuple[bytes, bytes]]) -> None:
    status, received, body = respond("http://127.0.0.1:9", method=method, headers=headers, keys=None)
    assert (status, received[b"x-refused-by"], received[b"connection"]) == (403, b"edge", b"close")
    assert b"must not have a body" in body


@pytest.mark.parametrize(
    ("hosts", "status"),
    [
        ([b"files.example.com"], 200),
        ([b"127.0.0.1:4568"], 200),
        ([b"LOCALHOST"], 200),
        ([b"[::1]:1"], 200),
        ([b"rebound.example"], 403),
        ([b"files.example.com.rebound.example"], 403),
        ([b"localhost.rebound.example"], 403),
        ([b"127.0.0.1@rebound.example"], 403),
        ([b"127.0.0.1:4568", b"rebound.example"], 403),
        ([b""], 403),
        ([b"["], 403),
    ],
)
def test_only_the_names_of_the_distribution_and_of_this_machine_are_served(
    origin_url: str, hosts: list[bytes], status: int
) -> None:
    assert respond(origin_url, headers=[(b"host", host) for host in hosts], keys=None)[0] == status


def test_empty_body_is_no_body(origin_url: str) -> None:
    assert respond(origin_url, headers=[(b"content-length", b"0")], keys=None)[0] == 200


@pytest.mark.parametrize(("length", "status"), [(8_192, 200), (8_193, 413)])
def test_url_is_limited(origin_url: str, length: int, status: int) -> None:
    path = b"/" + b"a" * (length - len(CDN_URL) - len("/?x=1"))
    assert respond(origin_url, raw_path=path, query_string=b"x=1", keys=None)[0] == status


@pytest.mark.parametrize("headers", [[(b"x", b"y" * 20_480)], [(b"x", b"y")] * 5_000])
def test_headers_are_limited(headers: list[tuple[bytes, bytes]]) -> None:
    status, _, body = respond("http://127.0.0.1:9", headers=headers, keys=None)
    assert status == 413
    assert b"Send a shorter request." in body


def test_largest_request_passes(origin_url: str) -> None:
    headers = [(b"x", b"y" * (20_480 - len(b"GET/a?x: \r\nhost: \r\n") - len(HOST[1])))]
    assert respond(origin_url, headers=headers, keys=None)[0] == 200


@pytest.mark.parametrize("target", [b"/a#b", b"/a b", b"/a\tb", b"/a\x00", b"/a\x7f", b"/a?x#y"])
def test_target_that_would_change_on_the_way_to_the_origin_goes_nowhere(target: bytes) -> None:
    path, _, query = target.partition(b"?")
    assert respond("http://127.0.0.1:9", raw_path=path, query_string=query, keys=None)[0] == 400


def test_log_lines_hold_no_query_string(origin_url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for change in (
        {},
        {"type": "websocket"},
        {"raw_path": b"a"},
        {"raw_path": b"/" + b"a" * 9_000},
        {"query_string": SIGNED + b"#"},
        {"headers": [(b"content-length", b"1")]},
        {"method": "DELETE"},
        {"keys": None},
        {"keys": {"K0": P256.public_key()}},
        {"raw_path": b"/a%3FSignature%3Dc2VjcmV0%26Key-Pair-Id", "keys": None},
        {"raw_path": b"/a%253FSignature%253Dc2VjcmV0"},
        {"query_string": b"Key-Pair-Id=K0%26Signature%3Dc2VjcmV0"},
        {"query_string": b"", "headers": [(b"cookie", b"CloudFront-Key-Pair-Id=K1; CloudFront-Signature=c2VjcmV0")]},
    ):
        respond(origin_url, **{"query_string": SIGNED} | change)
    # The origin of these tests has an access log, too.
    logged = [record.getMessage() for record in caplog.records if record.name != "uvicorn.access"]
    assert any("403, refused by the edge" in line for line in logged)
    assert not [line for line in logged if "Signature=" in line or "c2VjcmV0" in line]


@pytest.mark.parametrize(
    "path", [b"/a&Signature=c2VjcmV0", b"/a&Signature=Signature=c2VjcmV0", b"/a&signature%3D=c2VjcmV0"]
)
def test_log_lines_hold_no_signature_that_is_in_the_path(path: bytes, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    respond("http://127.0.0.1:9", raw_path=path, query_string=b"")
    assert "403, refused by the edge" in caplog.text
    assert "c2VjcmV0" not in caplog.text


def test_holder_of_a_custom_policy_opens_what_it_says_from_where_it_says(origin_url: str) -> None:
    condition = {"DateLessThan": {"AWS:EpochTime": int(NOW) + 60}, "IpAddress": {"AWS:SourceIp": "192.0.2.0/24"}}
    policy = json.dumps({"Statement": [{"Resource": f"{CDN_URL}/a*", "Condition": condition}]}).encode()
    signature = P256.sign(policy, ec.ECDSA(hashes.SHA256()))
    table = bytes.maketrans(b"+=/", b"-_~")
    policy, signature = (base64.b64encode(value).translate(table) for value in (policy, signature))
    query = b"Policy=%b&Signature=%b&Key-Pair-Id=%b&Hash-Algorithm=SHA256" % (policy, signature, KEY_ID.encode())
    cookie = "; ".join(f"CloudFront-{parameter}" for parameter in query.decode().split("&")).encode()
    keys = {KEY_ID: P256.public_key()}

    def status(path: bytes, address: str, **signed: Any) -> int:
        return respond(origin_url, raw_path=path, client=(address, 1), keys=keys, **signed)[0]

    for signed in ({"query_string": query}, {"headers": [(b"cookie", cookie)]}):
        assert status(b"/a.jpg", "192.0.2.9", **signed) == 200
        assert status(b"/b.jpg", "192.0.2.9", **signed) == 403
        assert status(b"/a.jpg", "192.0.3.9", **signed) == 403
        forwarded = [(b"x-forwarded-for", b"192.0.2.9"), *signed.get("headers", [])]
        assert status(b"/a.jpg", "192.0.3.9", **signed | {"headers": forwarded}) == 403


def test_address_of_a_viewer_is_that_of_its_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    # Otherwise a viewer could give itself the address that a custom policy allows.
    monkeypatch.setattr(uvicorn.Config, "configure_logging", lambda _: None)  # It changes the loggers of all tests.

    async def respond_with_address(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
        else:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
            await send({"type": "http.response.body", "body": scope["client"][0].encode()})

    async def address() -> str:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
            async with (
                serve(respond_with_address, listener),
                aiohttp.ClientSession() as session,
                session.get(url, headers={"X-Forwarded-For": "192.0.2.9"}) as response,
            ):
                return await response.text()

    assert asyncio.run(address()) == "127.0.0.1"


@pytest.fixture(scope="module")
def edge_port(origin_url: str) -> Iterator[int]:
    edge = Edge(DeployedState(lambda: replace(DISTRIBUTION, keys=None)), CDN_URL, origin_url, lambda: NOW, {})

    @asynccontextmanager
    async def lifespan(_: Router) -> AsyncIterator[None]:
        async with aiohttp.ClientSession(auto_decompress=False) as edge.origin.session:
            yield

    with served(Router(default=edge, lifespan=lifespan), server_header=False) as url:
        yield int(url.rpartition(":")[2])


def sent_raw(port: int, request: bytes) -> bytes:
    """What comes back, up to the end of the connection or of the first response's header."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.sendall(request)
        received = b""
        while b"\r\n\r\n" not in received and (chunk := connection.recv(65_536)):
            received += chunk
        return received


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /a HTTP/1.0\r\nHost: localhost\r\n\r\n", b"200"),
        (b"GET /a HTTP/1.0\r\n\r\n", b"403"),
        (b"GET /a HTTP/1.1\r\nHost: [\r\n\r\n", b"403"),
        (b"GET /a HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://[\r\n\r\n", b"200"),
        (b"GET /%zz%00%ff HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"200"),
        (b"GET http://elsewhere.example/a HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"200"),
        (b"GET /a HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\nhalf", b"403"),
        (b"POST /a HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\nhalf", b"403"),
        (b"GET /a HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nha", b"403"),
        (b"OPTIONS * HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"400"),
        (b"PROPFIND /a HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"403"),
        (b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"413"),
        (b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\r\n\r\n", b"400"),
        (
            b"GET /a HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c2FtcGxlIG5vbmNlIDE2IQ==\r\n\r\n",
            b"400",
        ),
    ],
)
def test_no_bytes_on_the_wire_make_the_edge_fail(
    edge_port: int, request_bytes: bytes, status: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    assert sent_raw(edge_port, request_bytes).split()[1] == status
    assert "Traceback" not in caplog.text


def test_half_sent_requests_do_not_hold_up_others(edge_port: int) -> None:
    halves = [
        b"GET /a HTTP/1.1\r\nHost: ed",
        b"GET /a HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n",
        b"POST /a HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\nhalf",
    ]
    with ExitStack() as open_connections:
        for number in range(150):
            connection = socket.create_connection(("127.0.0.1", edge_port), timeout=PATIENCE)
            open_connections.enter_context(connection)
            connection.sendall(halves[number % 3])
        assert sent_raw(edge_port, b"GET /a HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").startswith(b"HTTP/1.1 200")
