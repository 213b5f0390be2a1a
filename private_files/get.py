"""`get`: from the requested names to URLs, downloads and the report."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from private_files import file_names
from private_files.api import BATCH, PrivateFiles, RemoteFile, in_thread
from private_files.download import CHUNK, Downloads
from private_files.failures import QueryRefused, TransferFailed
from private_files.progress import Progress
from private_files.report import Report

# Seconds to connect and between packets; a whole download may take any time.
_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=30)


@dataclass(frozen=True)
class Request:
    """The files to download, either `names` or those that start with `prefix`, and where to."""

    names: tuple[str, ...] = ()
    prefix: str = ""
    output: str | None = None
    parallel: int = 8
    force: bool = False

    def files(self, api: PrivateFiles) -> Iterator[list[RemoteFile]]:
        """Yield the files in batches, each file once. Raises QueryRefused if there are none with the prefix."""
        if self.names:
            names = iter(dict.fromkeys(self.names))
            while batch := list(itertools.islice(names, BATCH)):
                yield api.urls(batch)
            return
        found = False
        for page in api.pages(self.prefix):
            found = found or bool(page)
            yield page
        if not found:
            raise QueryRefused(
                f"There is no file whose name starts with “{self.prefix}”." if self.prefix else "There are no files."
            )

    def path(self, name: str) -> Path:
        """Return where to write this file. Raises TransferFailed if that would be outside the output directory.

        As with `cp`, the output is a file if one name is requested and no directory of that name exists.
        """
        if reason := file_names.reason_to_refuse(name):
            raise TransferFailed(f"no file is written under this name: {reason}")
        output = Path(self.output or ".")
        is_file = len(self.names) == 1 and self.output and not self.output.endswith("/") and not output.is_dir()
        return output if is_file else output / name


def get(api: PrivateFiles, request: Request, report: Report) -> None:
    """Download every requested file and report on each. Raises the failure that stops all of them."""
    with Progress("downloading", shown=report.bars) as progress:
        asyncio.run(_download_all(api, request, report, progress))


async def _download_all(api: PrivateFiles, request: Request, report: Report, progress: Progress) -> None:
    # The next batch is requested while the files of this one are downloaded.
    queue: asyncio.Queue[RemoteFile | None] = asyncio.Queue(BATCH)
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=request.parallel, ssl=api.trust),
        timeout=_TIMEOUT,
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        read_bufsize=CHUNK,
        trust_env=True,
        middlewares=[_without_password],
    ) as http:
        downloads = Downloads(http, api, progress, force=request.force)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_fill(queue, api, request, progress))
                for _ in range(request.parallel):
                    group.create_task(_empty(queue, downloads, request, report))
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None


async def _fill(
    queue: asyncio.Queue[RemoteFile | None], api: PrivateFiles, request: Request, progress: Progress
) -> None:
    batches = request.files(api)
    while (batch := await in_thread(lambda: next(batches, None))) is not None:
        progress.expect(len(batch))
        for file in batch:
            await queue.put(file)
    for _ in range(request.parallel):
        await queue.put(None)


async def _empty(
    queue: asyncio.Queue[RemoteFile | None], downloads: Downloads, request: Request, report: Report
) -> None:
    while (file := await queue.get()) is not None:
        began = time.monotonic()
        try:
            path = request.path(file.name)
            done = await downloads.fetch(file, path)
        except TransferFailed as failure:
            report.failed(file.name, str(failure))
        else:
            report.done(
                file.name,
                str(path),
                bytes=done.bytes,
                resumed=done.resumed,
                unchanged=done.unchanged,
                seconds=round(time.monotonic() - began, 3),
            )
        downloads.progress.finished()


async def _without_password(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    # aiohttp reads proxies from the environment only together with passwords from ~/.netrc, which no URL needs.
    request.headers.pop("Authorization", None)
    return await send(request)
