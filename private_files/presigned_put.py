"""Sends parts of one file to presigned URLs of S3, and repeats what broke off."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import IO, Any

import aiohttp
from yarl import URL

from private_files import network
from private_files.failures import TransferFailed

_PAUSES = (1.0, 3.0, 10.0)  # seconds before each retry of a request that broke off
_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=60)
_CHUNK = 256 * 1024
_SHORTER = "the file became shorter while it was sent; run the command again"
_MEANINGS = {403: "S3 refuses the signed request; the clock of this machine may be wrong"}

Sent = Callable[[int], None]


class FileExists(TransferFailed):
    """There is a file with this name. `now` is S3's time in epoch seconds, or 0 if that is not known.

    `repeated` is whether the content was sent before, so that the file may be this one.
    """

    def __init__(self, now: float = 0) -> None:
        super().__init__("there is a file with this name; --force replaces it")
        self.now, self.repeated = now, False


def session(trust: ssl.SSLContext | bool) -> aiohttp.ClientSession:
    """Return a session for any number of transfers at the same time. Call it in an event loop."""
    trace = aiohttp.TraceConfig()
    trace.on_request_headers_sent.append(_count_request)
    connector = aiohttp.TCPConnector(limit=0, ssl=trust)
    return aiohttp.ClientSession(
        connector=connector, timeout=_TIMEOUT, cookie_jar=aiohttp.DummyCookieJar(), trace_configs=[trace]
    )


class Transfer:
    """Sends slices of one file."""

    def __init__(self, http: aiohttp.ClientSession, path: Path, sent: Sent) -> None:
        self._http, self._path = http, path
        self.sent = sent
        self.requests = 0  # more than the calls of `_send_once`, because aiohttp repeats some by itself

    async def send(self, url: Callable[[], Awaitable[str]], begin: int, length: int, headers: dict[str, str]) -> str:
        """Send one slice and return its ETag; a request that broke off is repeated. Raises TransferFailed."""
        for pause in (*_PAUSES, None):
            counted = 0

            def count(size: int) -> None:
                nonlocal counted
                counted += size
                self.sent(size)

            try:
                return await self._send_once(await url(), begin, length, headers, count)
            except FileExists as exists:
                exists.repeated = self.requests > 1
                raise
            except (aiohttp.ClientError, TimeoutError, _Busy) as error:
                if isinstance(error.__cause__, TransferFailed | InterruptedError):  # from reading the file
                    raise error.__cause__ from None
                self.sent(-counted)
                if pause is None:
                    reason = str(error) if isinstance(error, _Busy) else f"the connection to S3 broke off ({error})"
                    raise TransferFailed(f"{reason}; run the command again to resume") from None
                await asyncio.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    async def _send_once(
        self, url: str, begin: int, length: int, headers: dict[str, str], count: Callable[[int], None]
    ) -> str:
        with self._path.open("rb") as file:
            file.seek(begin)
            async with self._http.put(
                URL(url, encoded=True),
                data=_whole(file, length) if length <= _CHUNK else _slice(file, length, count),
                headers={**headers, "Content-Length": str(length)},  # or aiohttp would send it chunked
                skip_auto_headers=["Content-Type"],
                proxy=network.proxy(url),
                allow_redirects=False,
                trace_request_ctx=self,
            ) as response:
                body = await response.text(errors="replace")
                if response.status == 200:
                    if length <= _CHUNK:
                        count(length)
                    return response.headers.get("ETag", "")
                code = _code(body)
                if response.status >= 500 or response.status == 429 or code in ("RequestTimeout", "SlowDown"):
                    raise _Busy(f"S3 is busy or has failed ({response.status} {code})")
                if response.status == 403 and "has expired" in body:
                    raise _Busy("the signed URL has expired")
                if response.status == 412:
                    raise FileExists(_seconds(response.headers.get("Date", "")))
                meaning = _MEANINGS.get(response.status, "S3 refused the content")
                if code == "BadDigest":
                    meaning = "the file changed while it was sent; run the command again"
                raise TransferFailed(f"{meaning} ({code or response.status})")


async def _count_request(_http: object, context: Any, _parameters: object) -> None:
    context.trace_request_ctx.requests += 1


class _Busy(Exception):
    """S3 did not take the content now."""


def _whole(file: IO[bytes], length: int) -> bytes:
    if len(content := file.read(length)) != length:
        raise TransferFailed(_SHORTER)
    return content


async def _slice(file: IO[bytes], length: int, count: Callable[[int], None]) -> Any:
    while length > 0:
        chunk = file.read(min(_CHUNK, length))
        if not chunk:
            raise TransferFailed(_SHORTER)
        length -= len(chunk)
        yield chunk
        count(len(chunk))


def _code(body: str) -> str:
    return body.partition("<Code>")[2].partition("</Code>")[0][:40]


def _seconds(date: str) -> float:
    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return 0
