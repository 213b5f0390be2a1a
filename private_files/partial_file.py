"""Partial downloads: hidden files next to their destinations, which later runs resume."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import stat
from pathlib import Path
from typing import BinaryIO

from private_files.failures import TransferFailed

# A strong entity tag, as S3 makes them; If-Range does not work with any other (RFC 9110, 13.1.5).
_ETAG = re.compile(r'"([A-Za-z0-9-]{1,64})"')


_MODE = 0o600  # of partial files; with any other, they were made by something else
_UMASK = os.umask(0o077)
os.umask(_UMASK)
_FINISHED_MODE = 0o666 & ~_UMASK


class PartialFile:
    """The downloaded part of one version of a file.

    Its name contains the ETag of the version, `.report.pdf.6ac9….d41d8cd98f00b204e9800998ecf8427e.part`, so that bytes
    of two versions never mix, whenever the program is killed. A version without a strong ETag cannot be resumed.
    """

    def __init__(self, destination: Path, etag: str) -> None:
        found = _ETAG.fullmatch(etag)
        self.etag = etag if found else ""
        self._destination = destination
        self.path = destination.with_name(f"{_prefix(destination)}{found[1] if found else ''}.part")

    def open(self) -> BinaryIO:
        """Open the file for reading and writing, and lock it until it is closed.

        Raises OSError, and TransferFailed if another process has locked it, or if it belongs to another user, who may
        have put it there to have it completed. A file with another mode than ours starts over.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        file = os.fdopen(os.open(self.path, flags, _MODE), "r+b")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode) or found.st_uid != os.getuid() or found.st_nlink != 1:
                raise TransferFailed(f"{self.path} is not a partial file of this program: remove it, and try again")
            if stat.S_IMODE(found.st_mode) != _MODE:
                file.truncate()
            # Between the two calls another process may have moved this file to its destination.
            if not os.path.samestat(os.fstat(file.fileno()), self.path.stat()):
                raise FileNotFoundError
        except (BlockingIOError, FileNotFoundError):
            file.close()
            raise TransferFailed(f"another process is downloading it to {self._destination}") from None
        except BaseException:
            file.close()
            raise
        return file

    def finish(self, modified: float | None) -> tuple[int, int]:
        """Move the file, which is complete, to its destination, with the modification time in epoch seconds.

        Return its device and inode.
        """
        self.path.chmod(_FINISHED_MODE)
        if modified is not None:
            os.utime(self.path, (modified, modified))
        found = self.path.stat()
        self.path.replace(self._destination)
        return found.st_dev, found.st_ino


class PartialFiles:
    """The partial files of earlier runs. Each directory is read once."""

    def __init__(self) -> None:
        self._by_directory: dict[Path, dict[str, list[str]]] = {}

    def of(self, destination: Path) -> list[PartialFile]:
        """Return the partial files for this destination, the largest first."""
        if destination.parent not in self._by_directory:
            found = self._by_directory[destination.parent] = {}
            for entry in os.scandir(destination.parent):
                prefix, _, etag = entry.name.removesuffix(".part").rpartition(".")
                is_part = entry.name.startswith(".") and entry.name.endswith(".part") and _ETAG.fullmatch(f'"{etag}"')
                if is_part:
                    found.setdefault(f"{prefix}.", []).append(f'"{etag}"')
        etags = self._by_directory[destination.parent].get(_prefix(destination), [])
        return sorted((PartialFile(destination, etag) for etag in etags), key=_size, reverse=True)


def _size(part: PartialFile) -> int:
    try:
        return part.path.stat().st_size
    except FileNotFoundError:  # another process has completed it
        return 0


def _prefix(destination: Path) -> str:
    # The digest distinguishes long names, and partial files from other files with similar names.
    digest = hashlib.blake2b(os.fsencode(destination.name), digest_size=8).hexdigest()
    return f".{destination.name[:40]}.{digest}."
