"""`ls`: a long listing, folder by folder or at any depth, with constant memory."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from private_files import globs
from private_files.api import Page, PrivateFiles, RemoteFile
from private_files.failures import NoMatch
from private_files.shown_text import escaped

_TIME = "%Y-%m-%dT%H:%M:%SZ"
_WIDTH = 17  # of a size with its commas: 5 TB, the most that S3 allows, is one character shorter


@dataclass(frozen=True)
class Request:
    """What to list: names that start with `prefix`, or match `pattern` if there is one."""

    prefix: str = ""
    pattern: str = ""
    recursive: bool = False
    excluded: Callable[[str], bool] = lambda _name: False

    def pages(self, api: PrivateFiles) -> Iterator[Page]:
        """Yield what is listed. Raises NoMatch if that is nothing, unless everything was requested."""
        found = False
        for page in self._matching(api) if self.pattern else api.listing(self.prefix, by_folder=not self.recursive):
            found = found or bool(page.files or page.folders)
            yield Page(
                [file for file in page.files if not self.excluded(file.name)],
                [folder for folder in page.folders if not self.excluded(folder.removesuffix("/"))],
            )
        if self.pattern and not found:
            raise NoMatch(f"No file matches “{self.pattern}”.")
        if self.prefix and not found:
            raise NoMatch(f"There is no file whose name starts with “{self.prefix}”.")

    def _matching(self, api: PrivateFiles) -> Iterator[Page]:
        if exact := api.file(self.pattern):
            yield Page([exact], [])
            return
        expression = globs.compiled(self.pattern)
        by_folder = globs.is_of_one_folder(self.pattern) and not self.recursive
        for page in api.listing(globs.literal_prefix(self.pattern), by_folder=by_folder):
            folders = [folder for folder in page.folders if expression.fullmatch(folder.removesuffix("/"))]
            yield Page([file for file in page.files if expression.fullmatch(file.name)], folders)


def ls(api: PrivateFiles, request: Request, *, as_json: bool, summarize: bool) -> None:
    """Print what is listed, a file or folder per line, page by page; then the sum, if it is to `summarize`."""
    terminal = sys.stdout.isatty()
    files = size = 0
    for page in request.pages(api):
        for folder in page.folders:
            print(json.dumps({"folder": folder}) if as_json else _line("", "folder", folder, terminal=terminal))
        for file in page.files:
            print(json.dumps(_json(file)) if as_json else _of_file(file, terminal=terminal))
        files += len(page.files)
        size += sum(max(file.size, 0) for file in page.files)
        sys.stdout.flush()
    if summarize:
        total = {"files": files, "size": size}
        print(json.dumps(total) if as_json else _line("total", f"{size:,}", f"{files:,} files", terminal=terminal))


def _of_file(file: RemoteFile, *, terminal: bool) -> str:
    size = f"{file.size:,}" if file.size >= 0 else "?"
    return _line(_time(file) or "?", size, file.name, terminal=terminal)


def _line(time: str, size: str, name: str, *, terminal: bool) -> str:
    return f"{time:20} {size:>{_WIDTH}}  {escaped(name, terminal=terminal)}"


def _json(file: RemoteFile) -> dict[str, str | int | None]:
    size = file.size if file.size >= 0 else None
    return {"file": file.name, "size": size, "lastModified": _time(file)}


def _time(file: RemoteFile) -> str | None:
    return None if file.modified is None else datetime.fromtimestamp(file.modified, UTC).strftime(_TIME)
