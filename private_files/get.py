"""`get`: many files at once, from the API's URLs to a directory."""

from __future__ import annotations

import asyncio
import concurrent.futures
import datetime
import itertools
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

from private_files import names
from private_files.api import PrivateFiles
from private_files.download import CHUNK, Download, Downloaded, is_same
from private_files.failures import QueryRefused, TransferFailed
from private_files.part import Parts
from private_files.progress import Progress
from private_files.report import Report

_Answer = TypeVar("_Answer")
BATCH = 1000  # URLs in one answer
# A packet must come within so many seconds; a download may take as long as it takes.
_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=30)


@dataclass(frozen=True)
class Wanted:
    """A file to download: its URL, or None where it has to be asked for; what a listing said of it."""

    name: str
    url: str | None
    refused: str = ""
    size: int = -1
    modified: float | None = None


@dataclass(frozen=True)
class Place:
    """Where files go: below a directory, or to one path."""

    output: Path
    is_file: bool

    def of(self, name: str) -> Path:
        """The path of the file of this name, below the directory; raises TransferFailed for every other."""
        if reason := names.reason_to_refuse(name):
            raise TransferFailed(f"no file is written under this name: {reason}")
        return self.output if self.is_file else self.output / name


def place(output: str | None, wanted: list[str]) -> Place:
    """The place that `--output` means: as with `cp`, a file where one is wanted and no directory is there."""
    path = Path(output or ".")
    one = len(wanted) == 1 and output is not None and not output.endswith("/") and not path.is_dir()
    return Place(path, one)


def named(api: PrivateFiles, wanted: list[str]) -> Iterator[list[Wanted]]:
    """The files of these names, each once."""
    every = iter(dict.fromkeys(wanted))
    while batch := list(itertools.islice(every, BATCH)):
        yield [_named(item) for item in api.urls(batch)]


def listed(api: PrivateFiles, prefix: str) -> Iterator[list[Wanted]]:
    """The files whose names begin so; raises QueryRefused where there is none."""
    found = False
    for page in api.pages(prefix):
        found = found or bool(page)
        yield [_listed(item) for item in page]
    if not found:
        raise QueryRefused(f"There is no file whose name begins with “{prefix}”." if prefix else "There are no files.")


def get(
    api: PrivateFiles,
    batches: Iterator[list[Wanted]],
    where: Place,
    *,
    parallel: int,
    force: bool,
    trust: ssl.SSLContext | bool,
    report: Report,
) -> None:
    """Downloads every file, `parallel` at once, and tells `report` of each; raises what stops them all."""
    with Progress("downloading", shown=report.bars) as progress:
        asyncio.run(_Run(api, where, force, report, progress).all(batches, parallel, trust))


class _Run:
    def __init__(self, api: PrivateFiles, where: Place, force: bool, report: Report, progress: Progress) -> None:
        self._api, self._where, self._force, self._report, self._progress = api, where, force, report, progress
        self._parts = Parts()
        self._http: aiohttp.ClientSession

    async def all(self, batches: Iterator[list[Wanted]], parallel: int, trust: ssl.SSLContext | bool) -> None:
        # The next batch is asked for while the files of this one arrive.
        queue: asyncio.Queue[Wanted | None] = asyncio.Queue(BATCH)
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=parallel, ssl=trust),
            timeout=_TIMEOUT,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            read_bufsize=CHUNK,
            trust_env=True,
            middlewares=[_without_password],
        ) as self._http:
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._fill(queue, batches, parallel))
                    for _ in range(parallel):
                        group.create_task(self._work(queue))
            except BaseExceptionGroup as failures:
                raise failures.exceptions[0] from None

    async def _fill(self, queue: asyncio.Queue[Wanted | None], batches: Iterator[list[Wanted]], parallel: int) -> None:
        while (batch := await _in_thread(lambda: next(batches, None))) is not None:
            self._progress.expect(len(batch))
            for wanted in batch:
                await queue.put(wanted)
        for _ in range(parallel):
            await queue.put(None)

    async def _work(self, queue: asyncio.Queue[Wanted | None]) -> None:
        while (wanted := await queue.get()) is not None:
            began = time.monotonic()
            try:
                path = self._where.of(wanted.name)
                done = await self._one(wanted, path)
            except TransferFailed as failure:
                self._report.failed(wanted.name, str(failure))
            else:
                seconds = round(time.monotonic() - began, 3)
                self._report.done(
                    wanted.name,
                    str(path),
                    bytes=done.bytes,
                    resumed=done.resumed,
                    unchanged=done.unchanged,
                    seconds=seconds,
                )
            self._progress.finished()

    async def _one(self, wanted: Wanted, path: Path) -> Downloaded:
        if wanted.refused:
            raise TransferFailed(wanted.refused)
        if is_same(path, wanted.size, wanted.modified):
            return Downloaded(wanted.size, unchanged=True)

        async def renew() -> str:
            (again,) = [_named(item) for item in await _in_thread(lambda: self._api.urls([wanted.name]))]
            if again.url is None:
                raise TransferFailed(again.refused)
            return again.url

        arrived = self._progress.file(wanted.name)
        download = Download(self._http, path, parts=self._parts, force=self._force, renew=renew, arrived=arrived)
        return await download.run(wanted.url)


async def _in_thread(ask: Callable[[], _Answer]) -> _Answer:
    # Unlike those of asyncio.to_thread, Ctrl-C does not wait for this thread, and so for an API that does not answer.
    answer: concurrent.futures.Future[_Answer] = concurrent.futures.Future()

    def run() -> None:
        answer.set_running_or_notify_cancel()
        try:
            answer.set_result(ask())
        except Exception as error:  # noqa: BLE001 - it is raised where the answer is awaited
            answer.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return await asyncio.wrap_future(answer)


async def _without_password(request: aiohttp.ClientRequest, go_on: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    # aiohttp takes proxies from the environment only along with passwords from ~/.netrc; the URL is all that is needed.
    request.headers.pop("Authorization", None)
    return await go_on(request)


def _named(item: dict[str, Any]) -> Wanted:
    refused = "" if item["url"] else f"{item['errorType']}: {item['errorMessage']}"
    return Wanted(item["file"], item["url"], refused)


def _listed(item: dict[str, Any]) -> Wanted:
    modified = datetime.datetime.fromisoformat(item["lastModified"]).timestamp()
    return Wanted(item["name"], item["url"], size=int(item["size"]), modified=modified)
