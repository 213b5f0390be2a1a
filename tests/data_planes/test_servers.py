"""The servers of `make up` on a real socket: how long a request may take to arrive."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from starlette.responses import StreamingResponse

from local import servers

HEAD = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def connected(scenario: Callable[[asyncio.StreamReader, asyncio.StreamWriter, asyncio.Event], Awaitable[None]]) -> None:
    """Run a scenario with a connection to a server, whose response ends when the event is set."""

    async def run() -> None:
        finish = asyncio.Event()

        async def body() -> AsyncIterator[bytes]:
            yield b"first "
            await finish.wait()
            yield b"last"

        async def app(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http":
                await StreamingResponse(body())(scope, receive, send)

        with servers.listen(0, "--a-port") as listening:
            port = listening.getsockname()[1]
            async with servers.serve(app, listening), asyncio.timeout(20):
                reader, writer = await asyncio.open_connection(servers.HOST, port)
                await scenario(reader, writer, finish)
                writer.close()

    asyncio.run(run())


@pytest.fixture(autouse=True)
def short_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "SECONDS_FOR_A_HEAD", 0.05)


@pytest.mark.parametrize("sent", [b"", b"G", b"GET / HTTP/1.1\r\n", HEAD[:-2]])
def test_connection_is_closed_if_the_headers_do_not_arrive(sent: bytes) -> None:
    async def scenario(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _finish: asyncio.Event) -> None:
        writer.write(sent)
        assert await reader.read() == b""

    connected(scenario)


def test_second_request_of_a_connection_has_the_same_limit() -> None:
    async def scenario(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, finish: asyncio.Event) -> None:
        finish.set()
        writer.write(HEAD)
        await reader.readuntil(b"last\r\n0\r\n\r\n")
        writer.write(HEAD[:-2])
        assert await reader.read() == b""

    connected(scenario)


@pytest.mark.parametrize("after", [b"", HEAD[:-2]])
def test_response_may_take_longer_than_the_limit(after: bytes) -> None:
    async def scenario(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, finish: asyncio.Event) -> None:
        writer.write(HEAD + after)
        await reader.readuntil(b"first ")
        asyncio.get_running_loop().call_later(4 * servers.SECONDS_FOR_A_HEAD, finish.set)
        assert b"last" in await reader.readuntil(b"0\r\n\r\n")

    connected(scenario)


@pytest.mark.parametrize(("seconds", "is_open"), [(20, True), (0, False)])
def test_idle_connection_can_be_used_again_for_a_while(
    monkeypatch: pytest.MonkeyPatch, seconds: int, *, is_open: bool
) -> None:
    monkeypatch.setattr(servers, "SECONDS_IDLE", seconds)

    async def scenario(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, finish: asyncio.Event) -> None:
        finish.set()
        writer.write(HEAD)
        await reader.readuntil(b"last\r\n0\r\n\r\n")
        await asyncio.sleep(0.02)
        writer.write(HEAD)
        assert bool(await reader.read(1)) is is_open

    connected(scenario)
