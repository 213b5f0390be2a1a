"""The endpoint for the uploads of pages, between real sockets: a client and a stand-in for the emulator."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from yarl import URL

from local import servers
from local.data_planes import uploads

KEY = "/the-bucket/files/%C3%A9t%C3%A9/a%20b%2Bc'%28%2F%29.txt"
SIGNED = f"{KEY}?X-Amz-SignedHeaders=content-length%3Bhost%3Bx-amz-checksum-sha256&X-Amz-Signature=abc%2Bdef"
CREATED = b'HTTP/1.1 200 OK\r\nETag: "e"\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 2\r\nDate: then\r\n\r\nok'


@dataclass
class Upstream:
    """Receives requests, as the emulator would, and sends `response`; it reads a body only while `reads` is set."""

    response: bytes = CREATED
    heads: list[bytes] = field(default_factory=list)
    received: int = 0
    aborted: asyncio.Event = field(default_factory=asyncio.Event)
    reads: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.heads.append(head := await reader.readuntil(b"\r\n\r\n"))
            length = int(dict(headers(head)).get("content-length", "0"))
            while length > 0:
                await self.reads.wait()
                if not (chunk := await reader.read(min(length, 1024 * 1024))):
                    return self.aborted.set()
                self.received += len(chunk)
                length -= len(chunk)
            writer.write(self.response)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            self.aborted.set()
        finally:
            writer.close()


def headers(head: bytes) -> list[tuple[str, str]]:
    lines = head.decode().split("\r\n")[1:-2]
    return [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]


Scenario = Callable[[aiohttp.ClientSession, str, Upstream], Awaitable[None]]


def connected(scenario: Scenario, **made: Any) -> None:
    """Run a scenario with a client, the URL of an endpoint, and the upstream of that endpoint."""

    async def run() -> None:
        upstream = Upstream(**made)
        upstream.reads.set()
        server = await asyncio.start_server(upstream.handle, servers.HOST, 0)
        upstream.url = f"http://{servers.HOST}:{server.sockets[0].getsockname()[1]}"
        app = uploads.create_app(bucket_name="the-bucket", aws_endpoint_url=upstream.url)
        with servers.listen(0, "--a-port") as listening:
            async with server, servers.serve(app, listening), aiohttp.ClientSession() as client, asyncio.timeout(20):
                await scenario(client, servers.base_url(listening), upstream)

    asyncio.run(run())


def test_request_reaches_s3_as_it_was_signed_and_the_response_comes_back() -> None:
    async def scenario(client: aiohttp.ClientSession, url: str, upstream: Upstream) -> None:
        sent = {"Content-Type": "text/plain", "If-None-Match": "*", "x-amz-checksum-sha256": "d", "Origin": url}
        async with client.put(URL(url + SIGNED, encoded=True), data=b"content", headers=sent) as response:
            assert (response.status, await response.read()) == (200, b"ok")
            assert (response.headers["ETag"], response.headers["Access-Control-Allow-Origin"]) == ('"e"', "*")
            assert len(response.headers.getall("Date")) == 1
        (head,) = upstream.heads
        assert head.partition(b"\r\n")[0].decode() == f"PUT {SIGNED} HTTP/1.1"
        found = headers(head)
        assert [value for name, value in found if name == "host"] == [upstream.url.removeprefix("http://")]
        assert {(name.lower(), value) for name, value in sent.items()} <= set(found)
        assert [value for name, value in found if name == "content-length"] == ["7"]
        assert upstream.received == 7

    connected(scenario)


def test_preflight_gets_the_response_of_the_bucket() -> None:
    response = b"HTTP/1.1 200 OK\r\nAccess-Control-Allow-Methods: PUT\r\nContent-Length: 0\r\n\r\n"

    async def scenario(client: aiohttp.ClientSession, url: str, upstream: Upstream) -> None:
        sent = {"Origin": "http://localhost:1", "Access-Control-Request-Method": "PUT"}
        async with client.options(URL(url + SIGNED, encoded=True), headers=sent) as got:
            assert (got.status, got.headers["Access-Control-Allow-Methods"]) == (200, "PUT")
        assert ("access-control-request-method", "PUT") in headers(upstream.heads[0])

    connected(scenario, response=response)


def test_empty_file_is_sent_with_its_length() -> None:
    async def scenario(client: aiohttp.ClientSession, url: str, upstream: Upstream) -> None:
        async with client.put(URL(url + SIGNED, encoded=True), data=b"") as response:
            assert response.status == 200
        assert ("content-length", "0") in headers(upstream.heads[0])

    connected(scenario)


async def parts() -> AsyncIterator[bytes]:
    yield b"content"


@pytest.mark.parametrize(
    ("method", "target", "changed", "status", "message"),
    [
        ("GET", SIGNED, {}, 405, uploads.OTHER_METHOD),
        ("POST", SIGNED, {}, 405, uploads.OTHER_METHOD),
        ("DELETE", SIGNED, {}, 405, uploads.OTHER_METHOD),
        ("PUT", "/_ministack/reset", {}, 403, uploads.OTHER_BUCKET),
        ("PUT", "/the-bucket-2/files/a", {}, 403, uploads.OTHER_BUCKET),
        ("OPTIONS", "/", {}, 403, uploads.OTHER_BUCKET),
        ("PUT", SIGNED, {"x-amz-acl": "public-read"}, 403, uploads.NOT_SIGNED),
        ("PUT", SIGNED, {"X-Amz-Copy-Source": "the-bucket/files/b"}, 403, uploads.NOT_SIGNED),
        ("PUT", KEY, {"x-amz-meta-a": "b"}, 403, uploads.NOT_SIGNED),
        ("PUT", SIGNED, {"Content-Length": ""}, 411, uploads.NO_LENGTH),
        ("PUT", SIGNED, {"Host": "files.example.com"}, 403, "use 127.0.0.1 or localhost as the host"),
        ("PUT", SIGNED, {"Origin": "https://example.com"}, 403, "Only pages of this machine"),
        ("OPTIONS", SIGNED, {"Origin": "null"}, 403, "Only pages of this machine"),
        ("PUT", SIGNED, {"Cookie": "a" * 16_384}, 431, "The request line and headers are too large"),
    ],
)
def test_request_that_s3_must_not_get_is_refused_with_the_reason(
    method: str, target: str, changed: dict[str, str], status: int, message: str
) -> None:
    async def scenario(client: aiohttp.ClientSession, url: str, upstream: Upstream) -> None:
        chunked = parts() if "Content-Length" in changed else None
        sent = {name: value for name, value in changed.items() if value}
        async with client.request(method, URL(url + target, encoded=True), headers=sent, data=chunked) as response:
            assert (response.status, message in await response.text()) == (status, True)
            assert response.headers["Content-Type"] == "application/xml"
            assert ("Allow" in response.headers) == (status == 405)
        assert upstream.heads == []

    connected(scenario)


def test_content_is_passed_on_only_as_fast_as_s3_reads_it() -> None:
    size, chunk = 100_000_000, bytes(1_000_000)
    sent = 0

    async def content() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(size // len(chunk)):
            yield chunk
            sent += len(chunk)

    async def scenario(client: aiohttp.ClientSession, url: str, upstream: Upstream) -> None:
        upstream.reads.clear()
        put = client.put(URL(url + SIGNED, encoded=True), data=content(), headers={"Content-Length": str(size)})
        sending = asyncio.create_task(put.__aenter__())
        before = -1
        while before < sent:  # until nothing is accepted any more
            before = sent
            await asyncio.sleep(0.05)
        assert 0 < sent < 40_000_000, "only the buffers of the sockets are full"
        upstream.reads.set()
        assert (await sending).status == 200
        assert upstream.received == size

    connected(scenario)


def test_upload_that_the_client_stops_is_stopped_at_s3() -> None:
    async def scenario(_client: aiohttp.ClientSession, url: str, upstream: Upstream) -> None:
        reader, writer = await asyncio.open_connection(servers.HOST, URL(url).port)
        writer.write(f"PUT {SIGNED} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n".encode() + bytes(10))
        while not upstream.received:
            await asyncio.sleep(0.001)
        writer.close()
        await upstream.aborted.wait()
        assert await reader.read() == b""

    connected(scenario)


def test_content_that_stops_arriving_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "SECONDS", 0.05)

    async def scenario(_client: aiohttp.ClientSession, url: str, upstream: Upstream) -> None:
        reader, writer = await asyncio.open_connection(servers.HOST, URL(url).port)
        writer.write(f"PUT {SIGNED} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n".encode() + bytes(10))
        assert (await reader.readline()).startswith(b"HTTP/1.1 408 ")
        await upstream.aborted.wait()
        writer.close()

    connected(scenario)


@pytest.mark.parametrize("response", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nless"])
def test_emulator_that_does_not_respond_is_named_and_no_url_is_logged(
    response: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    async def scenario(client: aiohttp.ClientSession, url: str, _upstream: Upstream) -> None:
        async with client.put(URL(url + SIGNED, encoded=True), data=b"content") as got:
            assert (got.status, uploads.NO_UPSTREAM in await got.text()) == (502, True)
            assert got.headers["Access-Control-Allow-Origin"] == "*", "the page can show why"

    connected(scenario, response=response)
    assert "no response from" in caplog.text
    assert "X-Amz-Signature" not in caplog.text
