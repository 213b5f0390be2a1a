"""One file, from its URL to its place on the disk: resumed where it stopped, and never half of it under its name."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import BinaryIO

import aiohttp
from yarl import URL

from private_files.failures import DiskFull, TransferFailed
from private_files.part import Part, Parts

CHUNK = 1024 * 1024
PAUSES = (0.2, 1.0, 3.0, 10.0)  # seconds before each further attempt
_RESUMABLE = "what came so far is kept, and the same command goes on from there"


@dataclass(frozen=True)
class Downloaded:
    """A file that is now where it was wanted: its bytes, how many were there from an earlier run, or that all were."""

    bytes: int
    resumed: int = 0
    unchanged: bool = False


class _Refused(Exception):
    """The edge does not take the URL (any more)."""


class Download:
    """One file on its way to `path`.

    `renew` answers another URL of it; `arrived` hears how many bytes are there, and of how many.
    """

    def __init__(
        self,
        http: aiohttp.ClientSession,
        path: Path,
        *,
        parts: Parts,
        force: bool,
        renew: Callable[[], Awaitable[str]],
        arrived: Callable[[int, int], None],
    ) -> None:
        self._http, self._path, self._force = http, path, force
        self._renew, self._arrived = renew, arrived
        self._known = parts
        self._parts: list[Part] = []  # the first can be resumed
        self._resumed: int | None = None
        self._progress = False

    async def run(self, url: str | None) -> Downloaded:
        """Downloads the file, however often the connection breaks or the URL expires.

        Size and ETag are checked; the content is, where the ETag is its MD5: S3 says so only of objects under SSE-S3,
        uploaded in one part, and never of the SSE-KMS this stack's bucket uses. The additional checksums of S3 do not
        pass CloudFront, which cannot ask for them.
        https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html#AmazonS3-Type-Object-ETag

        Raises TransferFailed, DiskFull, and what `renew` raises.
        """
        renewed, failures = url is None, 0
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._parts = self._known.of(self._path)
            url = url or await self._renew()
            while True:
                self._progress = False
                try:
                    return await self._attempt(url)
                except _Refused:
                    if renewed:
                        raise TransferFailed(
                            "the edge refuses a URL that was signed just now: its key may have been revoked, or a "
                            "clock be wrong; `private-files url NAME | private-files explain -` says more"
                        ) from None
                    url, renewed = await self._renew(), True
                except (aiohttp.ClientError, TimeoutError) as error:
                    failures = 0 if self._progress else failures
                    if failures == len(PAUSES):
                        raise TransferFailed(f"{_in_words(error)}; {_RESUMABLE}") from None
                    await asyncio.sleep(PAUSES[failures])
                    failures += 1
                if self._progress:
                    renewed = False
        except (FileExistsError, NotADirectoryError) as error:
            raise TransferFailed(f"{error.filename} cannot be a folder: a file is there") from None
        except OSError as error:
            where = error.filename or self._path
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise DiskFull(f"{where}: {error.strerror}; {_RESUMABLE}.") from None
            raise TransferFailed(f"{where}: {error.strerror}") from None

    async def _attempt(self, url: str) -> Downloaded:
        headers = {"Accept-Encoding": "identity"}
        with contextlib.ExitStack() as opened:
            part = self._parts[0] if self._parts else None
            file = opened.enter_context(part.open()) if part else None
            size, offset = file.seek(0, 2) if file else 0, 0
            if part and size:
                # From the last byte on: were the part whole, nothing would be left to ask for.
                offset = size - 1
                headers |= {"Range": f"bytes={offset}-", "If-Range": part.etag}
            async with self._http.get(URL(url, encoded=True), headers=headers, allow_redirects=False) as answer:
                if answer.status == 416:
                    self._discard(None)  # more than the file has: not its beginning
                    raise aiohttp.ClientPayloadError("the part of an earlier run is longer than the file")
                total = _total(answer, offset)
                modified = _modified(answer)
                if is_same(self._path, total, modified):
                    self._discard(None)
                    return Downloaded(total, unchanged=True)
                self._refuse_to_replace()
                if answer.status == 200:
                    offset = 0
                if not (part and file and part.etag == answer.headers.get("ETag")):
                    if offset:
                        self._discard(None)
                        raise aiohttp.ClientPayloadError("a part of another version came")
                    part = Part(self._path, answer.headers.get("ETag", ""))
                    file = opened.enter_context(part.open())
                self._discard(part)
                self._resumed = offset if self._resumed is None else min(self._resumed, offset)
                await self._receive(answer, file, offset, total)
            self._refuse_to_replace()  # once more: names that differ only by case can be one file
            part.finish(modified)
        return Downloaded(total, self._resumed)

    def _refuse_to_replace(self) -> None:
        if self._path.is_dir():
            raise TransferFailed(f"{self._path} is a folder")
        if os.path.lexists(self._path) and not self._force:
            raise TransferFailed(f"{self._path} is there and differs; --force replaces it")

    async def _receive(self, answer: aiohttp.ClientResponse, file: BinaryIO, offset: int, total: int) -> None:
        content = hashlib.md5(usedforsecurity=False) if _etag_is_md5(answer) else None
        file.seek(0)
        if content:
            for left in range(offset, 0, -CHUNK):
                content.update(file.read(min(CHUNK, left)))
        file.seek(offset)
        file.truncate()
        self._arrived(offset, total)
        async for chunk in answer.content.iter_chunked(CHUNK):
            file.write(chunk)
            self._progress = True
            offset += len(chunk)
            if content:
                content.update(chunk)
            self._arrived(offset, total)
        file.flush()
        if offset != total:
            raise aiohttp.ClientPayloadError(f"{offset} of {total} bytes arrived")
        if content and f'"{content.hexdigest()}"' != answer.headers["ETag"]:
            file.truncate(0)
            raise TransferFailed("its content is not what its ETag says, and was thrown away")

    def _discard(self, kept: Part | None) -> None:
        """Removes the parts of other versions; only `kept` can be resumed from now on."""
        for part in self._parts:
            if kept is None or part.path != kept.path:
                part.path.unlink(missing_ok=True)
        self._parts = [kept] if kept and kept.etag else []


def is_same(path: Path, size: int, modified: float | None) -> bool:
    """Whether this version of the file is at the path, by what a download leaves there: its size and time."""
    try:
        found = path.stat()
    except OSError:
        return False
    return found.st_size == size and modified is not None and int(found.st_mtime) == int(modified)


def _total(answer: aiohttp.ClientResponse, offset: int) -> int:
    """The size of the whole file; raises what says why the answer is not the file, or not the part asked for."""
    if answer.status == 403:
        # CloudFront leaves S3's name where S3 refused; the edge of `make up` says who did.
        if answer.headers.get("Server") != "AmazonS3" and answer.headers.get("X-Refused-By") != "origin":
            raise _Refused
        raise TransferFailed("there is no such file, or the distribution may not read it")
    if answer.status >= 500 or answer.status in (408, 429):
        raise aiohttp.ClientPayloadError(f"the edge answers with HTTP status {answer.status}")
    if answer.status == 206:
        served, _, total = answer.headers.get("Content-Range", "").partition("/")
        if served.startswith(f"bytes {offset}-") and total.isdecimal():
            return int(total)
        raise TransferFailed("the edge answers with another part of the file than was asked for")
    if answer.status != 200:
        raise TransferFailed(f"the edge answers with HTTP status {answer.status}")
    if answer.content_length is None:
        raise TransferFailed("the edge does not say how long the file is")
    return answer.content_length


def _modified(answer: aiohttp.ClientResponse) -> float | None:
    try:
        return parsedate_to_datetime(answer.headers["Last-Modified"]).timestamp()
    except (KeyError, ValueError):
        return None


def _etag_is_md5(answer: aiohttp.ClientResponse) -> bool:
    etag = answer.headers.get("ETag", "")
    return answer.headers.get("x-amz-server-side-encryption") == "AES256" and len(etag) == 34 and "-" not in etag


def _in_words(error: BaseException) -> str:
    # The text of an error that has a host is the host's; that of others may be a URL, which is a bearer token.
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"{error.host} does not answer: {error.os_error.strerror or type(error.os_error).__name__}"
    if isinstance(error, aiohttp.ClientPayloadError):
        return f"the connection broke off ({error.args[0] if error.args else 'no reason'})"
    return f"the connection broke off ({type(error).__name__})"
