"""Downloads: resumed after an interruption, and under the name of the file only when complete."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import aiohttp
from yarl import URL

from private_files import network
from private_files.api import PrivateFiles, RemoteFile
from private_files.edge_response import (
    UrlRefused,
    etag_is_md5,
    modified_time,
    reason,
    refusal,
    refuse_old_copy,
    total_size,
)
from private_files.failures import DiskFull, TransferFailed
from private_files.in_thread import in_thread
from private_files.partial_file import PartialFile, PartialFiles
from private_files.progress import FileProgress, Progress

CHUNK = 1024 * 1024
# Seconds to connect and between packets; a whole download may take any time.
SESSION_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=30)
PAUSES = (0.2, 1.0, 3.0, 10.0)  # seconds before each further attempt
_PROGRESS = 64 * 1024  # bytes by which the file must grow before failures are forgotten
_REFUSALS = 3  # of newly signed URLs, after which none is requested any more
_RESUMABLE = "partial data is kept; run the command again to resume"


@dataclass(frozen=True)
class Downloaded:
    """A file at its destination: its bytes, those that an earlier run had downloaded, or that it was there already."""

    bytes: int
    resumed: int = 0
    unchanged: bool = False


class Downloads:
    """What the downloads of one run share."""

    def __init__(self, http: aiohttp.ClientSession, api: PrivateFiles, progress: Progress, *, force: bool) -> None:
        self.http, self.progress, self.force = http, progress, force
        self.partial_files = PartialFiles()
        self.refused_in_a_row = 0  # newly signed URLs
        self.written: dict[tuple[int, int], str] = {}  # names of the files of this run, by device and inode
        self.api = api

    async def fetch(self, file: RemoteFile, path: Path) -> Downloaded:
        """Download the file to the path, unless it is there already.

        Raises TransferFailed, DiskFull, and what the API raises when an expired URL is renewed.
        """
        if file.refused:
            raise TransferFailed(file.refused)
        if is_same(path, file.size, file.modified):
            return Downloaded(file.size, unchanged=True)
        return await _Download(self, file, path, self.progress.file(file.name)).run()

    async def new_url(self, name: str) -> str:
        """Return a new URL of the file. Raises TransferFailed if the API refuses it."""
        (file,) = await in_thread(lambda: self.api.urls([name]))
        if file.url is None:
            raise TransferFailed(file.refused)
        return file.url


class _Download:
    """The download of one file."""

    def __init__(self, downloads: Downloads, file: RemoteFile, path: Path, progress: FileProgress) -> None:
        self._downloads, self._file, self._path, self._progress = downloads, file, path, progress
        self._parts: list[PartialFile] = []  # the first can be resumed
        self._resumed: int | None = None
        self._most = 0  # bytes of the file that any attempt had

    async def run(self) -> Downloaded:
        """Download the file, and continue if the connection breaks or the URL expires.

        Size and ETag are checked. The content is checked if the ETag is its MD5: S3 says so only for objects with
        SSE-S3 that were uploaded in one part, never for the SSE-KMS of this stack's bucket. The additional checksums
        of S3 do not pass through CloudFront, which cannot request them.
        https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html#AmazonS3-Type-Object-ETag
        """
        file, downloads = self._file, self._downloads
        renewed, failures, progress_at = file.url is None, 0, _PROGRESS
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._parts = downloads.partial_files.of(self._path)
            url = file.url or await downloads.new_url(file.name)
            while True:
                try:
                    done = await self._attempt(url)
                    downloads.refused_in_a_row = 0
                    return done
                except UrlRefused as refused:
                    downloads.refused_in_a_row += renewed
                    if renewed or downloads.refused_in_a_row >= _REFUSALS:
                        raise TransferFailed(
                            f"the edge refuses a newly signed URL{f' ({refused})' if str(refused) else ''}: its key "
                            "may have been revoked, or a clock may be wrong; to find out, run `private-files url NAME "
                            "| private-files explain -`"
                        ) from None
                    url, renewed = await downloads.new_url(file.name), True
                except (aiohttp.ClientError, TimeoutError) as error:
                    # Progress is a file that grew, not bytes that arrived: they may be the same ones each time.
                    if self._most >= progress_at:
                        failures, renewed, progress_at = 0, False, self._most + _PROGRESS
                    if failures == len(PAUSES):
                        raise TransferFailed(f"{reason(error)}; {_RESUMABLE}") from None
                    await asyncio.sleep(PAUSES[failures])
                    failures += 1
        except (FileExistsError, NotADirectoryError) as error:
            raise TransferFailed(f"{error.filename} is in the way: it is not a folder") from None
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
                # Request the last byte again: a range that starts at the end of a complete file is an error.
                offset = size - 1
                headers |= {"Range": f"bytes={offset}-", "If-Range": part.etag}
            async with self._downloads.http.get(
                URL(url, encoded=True), headers=headers, allow_redirects=False, proxy=network.proxy(url)
            ) as response:
                if 400 <= response.status < 500 and response.status not in (408, 416, 429):
                    raise await refusal(response)
                if response.status == 416:
                    self._discard(None)
                    raise aiohttp.ClientPayloadError("the partial file of an earlier run is longer than the file")
                total = total_size(response, offset)
                modified = modified_time(response)
                refuse_old_copy(self._file, total, modified)
                if is_same(self._path, total, modified):
                    self._discard(None)
                    return Downloaded(total, unchanged=True)
                self._refuse_to_replace()
                if response.status == 200:
                    offset = 0
                if not (part and file and part.etag == response.headers.get("ETag")):
                    if offset:
                        self._discard(None)
                        raise aiohttp.ClientPayloadError("a range of another version arrived")
                    part = PartialFile(self._path, response.headers.get("ETag", ""))
                    file = opened.enter_context(part.open())
                self._discard(part)
                self._resumed = offset if self._resumed is None else min(self._resumed, offset)
                await self._receive(response, file, offset, total)
            self._refuse_to_replace()  # again: names that differ only in case can be the same file
            self._downloads.written[part.finish(modified)] = self._file.name
        return Downloaded(total, self._resumed)

    def _refuse_to_replace(self) -> None:
        if self._path.is_dir():
            raise TransferFailed(f"{self._path} is a folder")
        if not os.path.lexists(self._path):
            return
        found = self._path.lstat()
        if other := self._downloads.written.get((found.st_dev, found.st_ino)):
            raise TransferFailed(f"on this disk, {self._path} is the same file as {other}, which was just downloaded")
        if not self._downloads.force:
            raise TransferFailed(f"{self._path} already exists and differs; --force replaces it")

    async def _receive(self, response: aiohttp.ClientResponse, file: BinaryIO, offset: int, total: int) -> None:
        content = hashlib.md5(usedforsecurity=False) if etag_is_md5(response) else None
        file.seek(0)
        if content:
            for left in range(offset, 0, -CHUNK):
                content.update(file.read(min(CHUNK, left)))
        file.seek(offset)
        file.truncate()
        self._progress.update(offset, total)
        async for chunk in response.content.iter_chunked(CHUNK):
            file.write(chunk)
            offset += len(chunk)
            self._most = max(self._most, offset)
            if content:
                content.update(chunk)
            self._progress.update(offset, total)
        file.flush()
        if offset != total:
            raise aiohttp.ClientPayloadError(f"{offset} of {total} bytes arrived")
        if content and f'"{content.hexdigest()}"' != response.headers["ETag"]:
            file.truncate(0)
            raise TransferFailed("its content does not match its ETag and was discarded")

    def _discard(self, kept: PartialFile | None) -> None:
        """Remove the partial files of other versions. Only `kept` can be resumed from now on."""
        for part in self._parts:
            if kept is None or part.path != kept.path:
                part.path.unlink(missing_ok=True)
        self._parts = [kept] if kept and kept.etag else []


def is_same(path: Path, size: int, modified: float | None) -> bool:
    """Whether this version of the file is at the path, judged by its size and modification time (epoch seconds)."""
    try:
        found = path.stat()
    except OSError:
        return False
    return found.st_size == size and modified is not None and int(found.st_mtime) == int(modified)
