"""`get NAME -o -`: a file as bytes on standard output, resumed from its position if the connection breaks."""

from __future__ import annotations

import asyncio
import re
import sys
from typing import BinaryIO

import aiohttp
from yarl import URL

from private_files import network
from private_files.api import PrivateFiles
from private_files.download import CHUNK, PAUSES, SESSION_TIMEOUT
from private_files.edge_response import UrlRefused, reason, refusal, total_size
from private_files.failures import TransferFailed, Unconfigured
from private_files.in_thread import in_thread
from private_files.progress import FileProgress, Progress

_STRONG_ETAG = re.compile(r'"[^"]+"')  # If-Range does not work with any other (RFC 9110, 13.1.5)
_INCOMPLETE = "what was written is not the whole file"


def write_to_stdout(api: PrivateFiles, name: str) -> None:
    """Write the file to standard output. Raises TransferFailed, and OSError if nobody reads it any more."""
    if sys.__stdout__ is None:  # the shell closed it
        raise Unconfigured("Standard output is closed.")
    with Progress("downloading", shown=sys.stderr.isatty() and not sys.stdout.isatty()) as progress:
        progress.expect(1)
        asyncio.run(_Download(api, name, sys.stdout.buffer, progress.file(name)).run())
        sys.stdout.buffer.flush()


class _Download:
    def __init__(self, api: PrivateFiles, name: str, output: BinaryIO, progress: FileProgress) -> None:
        self._api, self._name, self._output, self._progress = api, name, output, progress
        self._written = 0
        self._etag = ""

    async def run(self) -> None:
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._api.trust),
            timeout=SESSION_TIMEOUT,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            read_bufsize=CHUNK,
        ) as http:
            try:
                await self._all_attempts(http)
            except TransferFailed as failure:
                incomplete = f"; {_INCOMPLETE}" if self._written else ""
                raise TransferFailed(f"{self._name}: {failure}{incomplete}") from None

    async def _all_attempts(self, http: aiohttp.ClientSession) -> None:
        url, renewed, failures = await self._new_url(), True, 0
        while True:
            before = self._written
            try:
                return await self._attempt(http, url)
            except UrlRefused as refused:
                if renewed:
                    raise TransferFailed(f"the edge refuses a newly signed URL ({refused})") from None
                url, renewed = await self._new_url(), True
            except (aiohttp.ClientError, TimeoutError) as error:
                if self._written > before:
                    failures, renewed = 0, False
                if failures == len(PAUSES):
                    raise TransferFailed(reason(error)) from None
                if self._written and not self._etag:
                    raise TransferFailed(f"{reason(error)}, and a file without an ETag cannot be resumed") from None
                await asyncio.sleep(PAUSES[failures])
                failures += 1

    async def _new_url(self) -> str:
        (file,) = await in_thread(lambda: self._api.urls([self._name]))
        if file.url is None:
            raise TransferFailed(file.refused)
        return file.url

    async def _attempt(self, http: aiohttp.ClientSession, url: str) -> None:
        headers = {"Accept-Encoding": "identity"}
        # Request the last byte again: a range that starts at the end of a complete file is an error.
        begin = max(0, self._written - 1)
        if begin:
            headers |= {"Range": f"bytes={begin}-", "If-Range": self._etag}
        async with http.get(
            URL(url, encoded=True), headers=headers, allow_redirects=False, proxy=network.proxy(url)
        ) as response:
            if 400 <= response.status < 500 and response.status not in (408, 429):
                raise await refusal(response)
            total = total_size(response, begin)
            etag = response.headers.get("ETag", "")
            if self._written and etag != self._etag:
                raise TransferFailed("the file was replaced during the download; run the command again")
            self._etag = etag if _STRONG_ETAG.fullmatch(etag) else ""
            position = begin if response.status == 206 else 0
            async for chunk in response.content.iter_chunked(CHUNK):
                self._write(chunk[max(0, self._written - position) :])
                position += len(chunk)
                self._progress.update(self._written, total)
            if position != total:
                raise aiohttp.ClientPayloadError(f"{position} of {total} bytes arrived")

    def _write(self, content: bytes) -> None:
        self._output.write(content)
        self._written += len(content)
