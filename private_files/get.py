"""`get`: from the requested names to URLs, downloads and the report."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp

from private_files import file_names, unicode_forms
from private_files.api import BATCH, PrivateFiles, RemoteFile, in_thread
from private_files.download import CHUNK, Downloads
from private_files.edge_response import NoSuchFile
from private_files.failures import Failure, QueryRefused, TransferFailed
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
    parallel: int = 16
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
            yield _with_urls(api, page)
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
        if is_file:
            return output
        if not self.names and self._is_hidden(name) and (not self.output or _is_home(output)):
            raise TransferFailed(
                "hidden files, which programs may run, are written only into a folder given with -o, and not into the "
                "home folder; name the file to get it"
            )
        path = output / name
        # Path.resolve() would raise RuntimeError for links to themselves before Python 3.13. They are refused later.
        if not Path(os.path.realpath(path.parent)).is_relative_to(os.path.realpath(output)):
            raise TransferFailed(f"a symbolic link in {path.parent} leads outside the output folder")
        return path

    def _is_hidden(self, name: str) -> bool:
        """Whether a segment after the prefix starts with a dot."""
        return "/." in (self.prefix[-1:] or "/") + name[len(self.prefix) :]


def _with_urls(api: PrivateFiles, page: list[RemoteFile]) -> list[RemoteFile]:
    """Return the files with URLs. One request gets those that are missing: the URLs of a page can fail together."""
    names = list(dict.fromkeys(file.name for file in page if file.url is None and not file.refused))
    if not names:
        return page
    try:
        found = {file.name: file for file in api.urls(names)}
    except QueryRefused as refused:
        found = {name: RemoteFile(name, None, str(refused)) for name in names}
    return [
        replace(file, url=found[file.name].url, refused=found[file.name].refused)
        if file.url is None and not file.refused
        else file
        for file in page
    ]


def _is_home(folder: Path) -> bool:
    try:
        return os.path.realpath(folder) == os.path.realpath(Path.home())
    except RuntimeError:  # there is no home folder
        return False


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
        except NoSuchFile as failure:
            report.failed(file.name, f"{failure}{await _same_look(downloads.api, file.name)}")
        except TransferFailed as failure:
            report.failed(file.name, str(failure))
        except UnicodeEncodeError:
            report.failed(file.name, "this locale cannot write its name: set LC_ALL=C.UTF-8")
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


async def _same_look(api: PrivateFiles, name: str) -> str:
    """Return a clause about a file with the same characters in another Unicode form, or the empty string."""
    prefix = unicode_forms.common_prefix(name)
    if prefix is None:
        return ""
    try:
        listed = await in_thread(lambda: next(api.pages(prefix), []))
    except Failure:
        return ""  # that there is no such file is worth more than this failure
    if other := next((file.name for file in listed if unicode_forms.is_same_look(file.name, name)), None):
        return (
            f"; a file whose name looks the same exists: it is written {unicode_forms.form(other)}, this name "
            f"{unicode_forms.form(name)}: copy its name from `private-files files`"
        )
    return ""
