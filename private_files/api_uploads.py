"""Uploads through the API: content goes to the URLs that it returns, and large files in parts that can be resumed."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import ssl
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import IO, Any

import aiohttp
from yarl import URL

from private_files import network
from private_files.api import PrivateFiles, Upload, in_thread
from private_files.failures import QueryRefused, TransferFailed
from private_files.session import cache_folder

_PARTS_AT_A_TIME = 20
_PAUSES = (1.0, 3.0, 10.0)  # seconds before each retry of a request that broke off
_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=60)
_CHUNK = 256 * 1024
_MEANINGS = {
    412: "there is a file with this name; --force replaces it",
    403: "S3 refuses the signed request; the clock of this machine may be wrong",
}

Sent = Callable[[int], None]


class ApiUploads:
    """Uploads files through one API. Several threads may use it at the same time."""

    def __init__(self, api: PrivateFiles, *, overwrite: bool) -> None:
        self._api = api
        self._overwrite = overwrite

    async def upload(self, path: Path, name: str, content_type: str, sent: Sent) -> int:
        """Upload a file and return its size; `sent` is called with the number of bytes of each chunk.

        An upload in parts that was stopped is resumed. Raises TransferFailed, and OSError if the file cannot be read.
        """
        size = path.stat().st_size
        try:
            note = _Note(self._api.endpoint, path, name)
            start = partial(self._api.start_upload, name, size, content_type, overwrite=self._overwrite)
            upload, arrived = await in_thread(lambda: self._resumed(note, name) or (start(), {}))
            async with aiohttp.ClientSession(timeout=_TIMEOUT, cookie_jar=aiohttp.DummyCookieJar()) as http:
                transfer = _Transfer(http, self._api.trust, path, sent)
                if not upload.upload_id:
                    urls = [upload.url]
                    again = partial(self._first_or, urls, lambda: start().url)
                    await transfer.send(again, 0, size, dict(upload.headers))
                    return size
                note.write(upload)
                etags = await self._send_parts(transfer, name, size, upload, arrived)
            finish = partial(self._api.finish_upload, name, upload.upload_id, size, etags, overwrite=self._overwrite)
            await in_thread(finish)
            note.remove()
        except QueryRefused as refused:
            raise TransferFailed(str(refused)) from None
        return size

    def _resumed(self, note: _Note, name: str) -> tuple[Upload, dict[int, tuple[int, str]]] | None:
        """Return the upload of an earlier run and the parts that have arrived, or None if there is none."""
        if (upload := note.read()) is None:
            return None
        try:
            return upload, self._api.arrived_parts(name, upload.upload_id)
        except QueryRefused:  # finished, cancelled or removed after a day
            note.remove()
            return None

    async def _send_parts(
        self, transfer: _Transfer, name: str, size: int, upload: Upload, arrived: dict[int, tuple[int, str]]
    ) -> dict[int, str]:
        lengths = {
            number: min(upload.part_size, size - begin)
            for number, begin in enumerate(range(0, size, upload.part_size), 1)
        }
        etags = {part: etag for part, (length, etag) in arrived.items() if lengths.get(part) == length}
        for part in etags:
            transfer.sent(lengths[part])
        missing = [part for part in lengths if part not in etags]
        for start in range(0, len(missing), _PARTS_AT_A_TIME):
            batch = missing[start : start + _PARTS_AT_A_TIME]
            sign = partial(self._api.part_urls, name, upload.upload_id, size)
            urls = await in_thread(partial(sign, batch))
            for part in batch:
                again = partial(self._first_or, [urls[part]], partial(_only_value, sign, part))
                etags[part] = await transfer.send(again, (part - 1) * upload.part_size, lengths[part], {})
        return etags

    async def _first_or(self, signed: list[str], sign_again: Callable[[], str]) -> str:
        """Return the URL that was signed, the first time, and then one that is signed again."""
        return signed.pop() if signed else await in_thread(sign_again)


def _only_value(sign: Callable[[list[int]], dict[int, str]], part: int) -> str:
    return sign([part])[part]


class _Transfer:
    """Sends slices of one file to S3."""

    def __init__(self, http: aiohttp.ClientSession, trust: ssl.SSLContext | bool, path: Path, sent: Sent) -> None:
        self._http, self._trust, self._path = http, trust, path
        self.sent = sent

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
            except (aiohttp.ClientError, TimeoutError, _Busy) as error:
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
                data=_slice(file, length, count) if length else b"",
                headers={**headers, "Content-Length": str(length)},  # or aiohttp would send it chunked
                skip_auto_headers=["Content-Type"],
                ssl=self._trust,
                proxy=network.proxy(url),
                allow_redirects=False,
            ) as response:
                body = await response.text(errors="replace")
                if response.status == 200:
                    return response.headers.get("ETag", "")
                code = _code(body)
                if response.status >= 500 or response.status == 429 or code in ("RequestTimeout", "SlowDown"):
                    raise _Busy(f"S3 is busy or has failed ({response.status} {code})")
                if response.status == 403 and "has expired" in body:
                    raise _Busy("the signed URL has expired")
                meaning = _MEANINGS.get(response.status, "S3 refused the content")
                raise TransferFailed(f"{meaning} ({code or response.status})")


class _Busy(Exception):
    """S3 did not take the content now."""


class _Note:
    """The id of an upload in parts, for the next run: by the API, the name, and the path, size and time of the file."""

    def __init__(self, api: str, path: Path, name: str) -> None:
        found = path.stat()
        identity = [api, name, str(path.resolve()), str(found.st_size), str(found.st_mtime_ns)]
        digest = hashlib.sha256("\n".join(identity).encode("utf-8", "surrogateescape")).hexdigest()[:32]
        self._file = cache_folder(os.environ) / "uploads" / f"{digest}.json"

    def read(self) -> Upload | None:
        try:
            found = json.loads(self._file.read_text(encoding="utf-8"))
            return Upload(upload_id=str(found["uploadId"]), part_size=int(found["partSize"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, upload: Upload) -> None:
        with contextlib.suppress(OSError):  # without it, the next run starts over
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file.write_text(json.dumps({"uploadId": upload.upload_id, "partSize": upload.part_size}))

    def remove(self) -> None:
        with contextlib.suppress(OSError):
            self._file.unlink(missing_ok=True)


async def _slice(file: IO[bytes], length: int, count: Callable[[int], None]) -> Any:
    while length > 0:
        chunk = file.read(min(_CHUNK, length))
        if not chunk:
            raise TransferFailed("the file became shorter while it was sent; run the command again")
        length -= len(chunk)
        yield chunk
        count(len(chunk))


def _code(body: str) -> str:
    return body.partition("<Code>")[2].partition("</Code>")[0][:40]
