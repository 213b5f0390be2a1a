"""The files of this machine that `put` uploads, and the names that they get."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from private_files.failures import Unconfigured

STDIN = "-"


@dataclass(frozen=True)
class Upload:
    """A file of this machine, and its name on the server."""

    path: Path
    name: str
    source: str = ""  # what to call it instead of its path

    def __str__(self) -> str:
        return self.source or str(self.path)


def uploads(
    paths: Sequence[str],
    prefix: str = "",
    name: str | None = None,
    notice: Callable[[str], None] = lambda _: None,
    excluded: Callable[[str], bool] = lambda _name: False,
) -> list[Upload]:
    """Return each file with the name it gets: the prefix and its own name, or `name` for a single file.

    Files in folders are left out if their names, without the prefix, are `excluded`.

    The files of a folder have names with the folder, as after `cp -r`; those of `.` and of `..` have not. `notice` is
    called with a sentence for each symbolic link and empty folder in a folder: they are not uploaded. Raises
    Unconfigured if two files would get the same name.
    """
    if name is not None and (len(paths) != 1 or Path(paths[0]).is_dir()):
        raise Unconfigured("--as takes one file; use --prefix to put several files into a folder.")
    if name is not None:
        return [Upload(Path(paths[0]), prefix + name)]
    by_name: dict[str, Upload] = {}
    for path in map(Path, paths):
        top = "" if path.name in ("", "..") else path.name
        for each in _within(path, notice) if path.is_dir() else [path]:
            inside = "" if each == path else each.relative_to(path).as_posix()
            below = "/".join(filter(None, (top, inside)))
            if inside and excluded(below):
                continue
            upload = Upload(each, prefix + below)
            other = by_name.setdefault(upload.name, upload)
            if other is not upload and other.path != each:
                raise Unconfigured(
                    f"{other.path} and {each} would both be named {upload.name}: upload them separately."
                )
    return list(by_name.values())


def _within(folder: Path, notice: Callable[[str], None]) -> Iterator[Path]:
    """Yield every file below the folder, hidden ones too, in order of the names."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise Unconfigured(f"{folder} cannot be read: {error.strerror}.") from None
    if not entries:
        notice(f"{folder} is an empty folder and is not uploaded.")
    for entry in entries:
        path = Path(entry.path)
        if entry.is_symlink():
            notice(f"{path} is a symbolic link and is not uploaded; name it to upload what it points to.")
        elif entry.is_dir():
            yield from _within(path, notice)
        else:
            yield path


def from_stdin(paths: Sequence[str], name: str | None) -> str | None:
    """Return the name for standard input, or None if no path is `-`. Raises Unconfigured if there is not one name."""
    if STDIN not in paths:
        return None
    names = [*paths[1:], *([name] if name is not None else [])]
    if paths[0] != STDIN or len(names) != 1:
        raise Unconfigured("Standard input needs one name: private-files put - NAME. A file named - is ./-.")
    if not sys.stdin or sys.stdin.isatty():
        raise Unconfigured("Standard input is a terminal: redirect a file or a pipe to it.")
    return names[0]
