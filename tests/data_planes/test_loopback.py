"""Servers of this machine refuse the pages of other machines, and what is not an HTTP request."""

import asyncio
import json
import ssl
from typing import Any

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp

from local import frontend
from local.data_planes.appsync.app import create_app as create_graphql_app
from local.data_planes.http_api.app import create_app as create_http_app
from local.embedded_aws.port import AwsApisOnly
from private_files.outputs import Outputs
from tests import raw_asgi
from tests.appsync_stand import REGION, SESSION
from tests.raw_asgi import HOST, Received


async def _token() -> str:
    return "a token"


OPTIONS: dict[str, Any] = {
    "session": SESSION,
    "api_id": "api",
    "region": REGION,
    "ca_bundle": None,
    "aws_endpoint_url": "http://127.0.0.1:1",
}
GRAPHQL = create_graphql_app(**OPTIONS, credentials={}, demo_token=_token)
HTTP_API = create_http_app(**OPTIONS)
PAGE = frontend.create_app(
    Outputs(graphql_url="http://127.0.0.1:1", cdn_url="http://127.0.0.1:2"), ssl_context=ssl.create_default_context()
)
EMULATOR = AwsApisOnly(PlainTextResponse("ministack"), "a secret")
EVERY_ENDPOINT = pytest.mark.parametrize(
    ("method", "path", "app"),
    [
        ("GET", "/", GRAPHQL),
        ("GET", "/demo-token", GRAPHQL),
        ("GET", "/assets/index.js", GRAPHQL),
        ("GET", "/elsewhere", GRAPHQL),
        ("GET", "/graphql", GRAPHQL),
        ("POST", "/graphql", GRAPHQL),
        ("OPTIONS", "/graphql", GRAPHQL),
        ("GET", "/files", HTTP_API),
        ("OPTIONS", "/files", HTTP_API),
        ("GET", "/config.json", PAGE),
        ("POST", "/cognito", PAGE),
        ("POST", "/", EMULATOR),
        ("GET", "/a-bucket/a%20key", EMULATOR),
    ],
)


def refusal(method: str, path: str, app: ASGIApp, **request: Any) -> Received:
    return asyncio.run(raw_asgi.send(app, method, path, **request))


def message(refused: Received) -> str:
    """The one sentence of a refusal."""
    if refused.headers["content-type"].startswith("text/plain"):
        return refused.body.decode()
    body = json.loads(refused.body)
    return str(body["errors"][0]["message"] if "errors" in body else body["message"])


@EVERY_ENDPOINT
@pytest.mark.parametrize(
    "host",
    [
        [],
        [b""],
        [b"["],
        [b"rebound.example"],
        [b"rebound.example:4567"],
        [b"127.0.0.1.rebound.example"],
        [b"localhost.rebound.example"],
        [b"user@127.0.0.1"],
        [b"127.0.0.1@rebound.example"],
        [b"127.0.0.1:4567", b"rebound.example"],
        [b"127.0.0.1:x"],
        [b"0.0.0.0:4567"],
        [b"192.168.1.1"],
        [b"127.0.0.1\n"],
        ["127.0.0.١".encode()],
    ],
)
def test_host_that_is_not_loopback_is_refused(method: str, path: str, app: ASGIApp, host: list[bytes]) -> None:
    refused = refusal(method, path, app, host=[(b"host", value) for value in host])
    assert refused.status == 403
    assert message(refused) == "This server is for this machine only: use 127.0.0.1 or localhost as the host."
    assert "access-control-allow-origin" not in refused.headers


@EVERY_ENDPOINT
@pytest.mark.parametrize(
    "headers",
    [
        {"origin": b"https://page.example"},
        {"origin": b"http://127.0.0.1.page.example"},
        {"origin": b"http://localhost@page.example"},
        {"origin": b"http://["},
        {"origin": b"null"},
        {"origin": b""},
        {"origin": b"file://"},
        {"origin": b"http://localhost:5173, https://page.example"},
        {"sec-fetch-site": b"cross-site", "sec-fetch-mode": b"no-cors"},
        {"sec-fetch-site": b"cross-site"},
    ],
)
def test_page_of_another_machine_is_refused(method: str, path: str, app: ASGIApp, headers: dict[str, bytes]) -> None:
    refused = refusal(method, path, app, headers=[(name.encode(), value) for name, value in headers.items()])
    assert refused.status == 403
    assert message(refused).startswith("Only pages of this machine can send requests to this server")
    assert "access-control-allow-origin" not in refused.headers


@EVERY_ENDPOINT
def test_headers_that_aws_would_refuse_are_refused(method: str, path: str, app: ASGIApp) -> None:
    refused = refusal(method, path, app, headers=[(b"x-filler", b"x" * 32_768)])
    assert refused.status == 431
    assert "headers are too large" in message(refused)


@pytest.mark.parametrize("host", [b"127.0.0.1:4567", b"localhost:80", b"LOCALHOST", b"[::1]:4567", b"127.0.0.2"])
@pytest.mark.parametrize("origin", [None, b"http://localhost:5173", b"https://127.0.0.1", b"http://[::1]:3000"])
def test_programs_and_pages_of_this_machine_are_accepted(host: bytes, origin: bytes | None) -> None:
    headers = [(b"origin", origin)] if origin else []
    assert refusal("OPTIONS", "/graphql", GRAPHQL, host=[(b"host", host)], headers=headers).status == 200


def test_link_from_another_site_may_be_followed() -> None:
    headers = [(b"sec-fetch-site", b"cross-site"), (b"sec-fetch-mode", b"navigate")]
    assert refusal("GET", "/", GRAPHQL, headers=headers).status in (200, 503)  # 503: GraphiQL is not built


@pytest.mark.parametrize(
    ("path", "app"), [("/graphql", GRAPHQL), ("/", GRAPHQL), ("/files", HTTP_API), ("/", PAGE), ("/", EMULATOR)]
)
@pytest.mark.parametrize("headers", [[HOST], [(b"host", b"rebound.example")], []])
def test_websocket_is_refused(path: str, app: ASGIApp, headers: list[tuple[bytes, bytes]]) -> None:
    sent = asyncio.run(raw_asgi.upgrade(app, path, headers))
    assert [found["type"] for found in sent] == ["websocket.close"]


@pytest.mark.parametrize(("path", "app"), [("/graphql", GRAPHQL), ("/files", HTTP_API)])
@pytest.mark.parametrize(
    ("headers", "status", "reason"),
    [
        ([HOST], 400, "This server does not support WebSocket: send an HTTP request."),
        ([HOST, (b"origin", b"https://page.example")], 403, "Only pages of this machine can send requests"),
        ([(b"host", b"rebound.example")], 403, "This server is for this machine only"),
    ],
)
def test_refused_websocket_says_why(
    path: str, app: ASGIApp, headers: list[tuple[bytes, bytes]], status: int, reason: str
) -> None:
    start, body = asyncio.run(raw_asgi.upgrade(app, path, headers, extensions={"websocket.http.response": {}}))
    assert start["status"] == status
    assert reason in body["body"].decode()
