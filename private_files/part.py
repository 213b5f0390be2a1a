"""The part of a file that has been downloaded so far, in a hidden file beside the place of the whole."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from pathlib import Path
from typing import BinaryIO

from private_files.failures import TransferFailed

# A strong entity tag, as S3 makes them; with any other, If-Range does not hold (RFC 9110, 13.1.5).
_ETAG = re.compile(r'"([A-Za-z0-9-]{1,64})"')


class Part:
    """What was downloaded of one version of a file.

    The name holds the version's ETag, `.report.pdf.6ac9….d41d8cd98f00b204e9800998ecf8427e.part`: bytes of two versions
    cannot end up in one part, whenever the program is killed. A version without a strong ETag cannot be resumed.
    """

    def __init__(self, path: Path, etag: str) -> None:
        found = _ETAG.fullmatch(etag)
        self.etag = etag if found else ""
        self._whole = path
        self.path = path.with_name(f"{_beginning(path)}{found[1] if found else ''}.part")

    def open(self) -> BinaryIO:
        """The part, open for reading and writing, and nobody else's until it is closed.

        Raises TransferFailed where another process has it, and OSError.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        file = os.fdopen(os.open(self.path, flags, 0o666), "r+b")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Between the two calls the other process may have finished, and this be the whole file by now.
            if not os.path.samestat(os.fstat(file.fileno()), self.path.stat()):
                raise FileNotFoundError
        except (BlockingIOError, FileNotFoundError):
            file.close()
            raise TransferFailed(f"another process is downloading it to {self._whole}") from None
        except BaseException:
            file.close()
            raise
        return file

    def finish(self, modified: float | None) -> None:
        """Gives the part, which is whole now, its name, and the time when the file last changed."""
        if modified is not None:
            os.utime(self.path, (modified, modified))
        self.path.replace(self._whole)


class Parts:
    """The parts that earlier runs left; each directory is read once."""

    def __init__(self) -> None:
        self._by_directory: dict[Path, dict[str, list[str]]] = {}

    def of(self, path: Path) -> list[Part]:
        """The parts of the file of this path, the largest first."""
        if path.parent not in self._by_directory:
            found = self._by_directory[path.parent] = {}
            for entry in os.scandir(path.parent):
                beginning, _, etag = entry.name.removesuffix(".part").rpartition(".")
                if entry.name.startswith(".") and entry.name.endswith(".part") and _ETAG.fullmatch(f'"{etag}"'):
                    found.setdefault(f"{beginning}.", []).append(f'"{etag}"')
        parts = [Part(path, etag) for etag in self._by_directory[path.parent].get(_beginning(path), [])]
        return sorted(parts, key=_size, reverse=True)


def _size(part: Part) -> int:
    try:
        return part.path.stat().st_size
    except FileNotFoundError:  # another process has finished meanwhile
        return 0


def _beginning(path: Path) -> str:
    # The digest tells long names apart, and a part from a file that happens to be named like one.
    digest = hashlib.blake2b(os.fsencode(path.name), digest_size=8).hexdigest()
    return f".{path.name[:40]}.{digest}."
