"""`get`: from the requested names to URLs, downloads and the report."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp

from private_files import file_names, globs, selection, unicode_forms
from private_files.api import BATCH, PrivateFiles, RemoteFile
from private_files.download import CHUNK, SESSION_TIMEOUT, Downloads, is_same
from private_files.edge_response import NoSuchFile
from private_files.failures import Failure, NoMatch, QueryRefused, TransferFailed
from private_files.in_thread import in_thread
from private_files.progress import Progress
from private_files.report import Report


@dataclass(frozen=True)
class Request:
    """The files to download, either those of `names` or those that start with `prefix`, and where to."""

    names: tuple[str, ...] = ()
    prefix: str = ""
    output: str | None = None
    parallel: int = 16
    force: bool = False
    dry_run: bool = False
    excluded: Callable[[str], bool] = lambda _name: False

    def files(self, api: PrivateFiles) -> Iterator[list[RemoteFile]]:
        """Yield the files in batches, each file once. Raises NoMatch or QueryRefused if there are none."""
        if self.names:
            for selected in selection.select(api, self.names, excluded=self.excluded):
                if selected.listed:
                    yield selected.files if self.dry_run else _with_urls(api, selected.files)
                elif self.dry_run:
                    yield from api.checked_urls(selected.names)
                else:
                    yield api.urls(selected.names)
            return
        found = False
        for page in api.listing(self.prefix, url=not self.dry_run):
            found = found or bool(page.files)
            files = [file for file in page.files if not self.excluded(file.name)]
            yield files if self.dry_run else _with_urls(api, files)
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
        is_file = self.output and not self.output.endswith("/") and not output.is_dir()
        if self.names == (name,) and is_file:
            return output
        if name not in self.names and self._is_hidden(name) and (not self.output or _is_home(output)):
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
        """Whether a segment starts with a dot, and what was requested does not say so."""
        requested = [self.prefix, *map(globs.literal_prefix, self.names)]
        prefix = max((each for each in requested if name.startswith(each)), key=len, default="")
        return "/." in (prefix[-1:] or "/") + name[len(prefix) :]


def _with_urls(api: PrivateFiles, page: list[RemoteFile]) -> list[RemoteFile]:
    """Return the files with URLs. One request gets those that are missing: the URLs of a page can fail together."""
    names = list(dict.fromkeys(file.name for file in page if file.url is None and not file.refused))
    if not names:
        return page
    try:
        found = {file.name: file for file in reversed(api.urls(names))}  # of a repeated name, the first
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
    if request.dry_run:
        for batch in request.files(api):
            for file in batch:
                _say(file, request, report)
        return
    with Progress("downloading", shown=report.bars) as progress:
        asyncio.run(_download_all(api, request, report, progress))


def _say(file: RemoteFile, request: Request, report: Report) -> None:
    """Report what would happen to the file."""
    if file.refused:
        report.failed(file.name, file.refused)
        return
    try:
        path = request.path(file.name)
    except TransferFailed as failure:
        report.failed(file.name, str(failure))
        return
    same = is_same(path, file.size, file.modified)
    if file.size >= 0 and not same and os.path.lexists(path) and not request.force:
        report.failed(file.name, f"{path} already exists and differs; --force replaces it")
    else:
        line = f"{path} is unchanged" if same else f"would download {file.name} to {path}"
        report.done(file.name, line, path=str(path), unchanged=same, dryRun=True)


async def _download_all(api: PrivateFiles, request: Request, report: Report, progress: Progress) -> None:
    # The next batch is requested while the files of this one are downloaded.
    queue: asyncio.Queue[RemoteFile | None] = asyncio.Queue(BATCH)
    unmatched: list[NoMatch] = []  # known when the other files are still being downloaded
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=request.parallel, ssl=api.trust),
        timeout=SESSION_TIMEOUT,
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        read_bufsize=CHUNK,
    ) as http:
        downloads = Downloads(http, api, progress, force=request.force)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_fill(queue, api, request, progress, unmatched))
                for _ in range(request.parallel):
                    group.create_task(_empty(queue, downloads, request, report))
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
    if unmatched:
        raise unmatched[0]


async def _fill(
    queue: asyncio.Queue[RemoteFile | None],
    api: PrivateFiles,
    request: Request,
    progress: Progress,
    unmatched: list[NoMatch],
) -> None:
    batches = request.files(api)
    try:
        while (batch := await in_thread(lambda: next(batches, None))) is not None:
            progress.expect(len(batch))
            for file in batch:
                await queue.put(file)
    except NoMatch as failure:
        unmatched.append(failure)
    for _ in range(request.parallel):
        await queue.put(None)


async def _empty(
    queue: asyncio.Queue[RemoteFile | None], downloads: Downloads, request: Request, report: Report
) -> None:
    while (file := await queue.get()) is not None:
        began = time.monotonic()
        try:
            if file.refused:
                raise TransferFailed(file.refused)
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
