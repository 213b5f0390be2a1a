"""Standard input as a file that can be uploaded: its size must be known before the first byte is sent."""

from __future__ import annotations

import errno
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from private_files.failures import DiskFull, TransferFailed

_CHUNK = 1024 * 1024


@contextmanager
def spooled() -> Iterator[Path]:
    """Yield a temporary file, readable only by this user, with everything that standard input had.

    Raises TransferFailed and DiskFull, before anything is sent.
    """
    with tempfile.NamedTemporaryFile(prefix="private-files-") as file:
        while chunk := _read():
            try:
                file.write(chunk)
                file.flush()
            except OSError as error:
                with suppress(OSError):  # closing writes the rest again, and its error would replace the one below
                    file.close()
                if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                    raise DiskFull(
                        f"Standard input does not fit on the disk of {tempfile.gettempdir()}: set TMPDIR to a folder "
                        "with more space."
                    ) from None
                raise TransferFailed(f"{file.name}: {error.strerror}") from None
        yield Path(file.name)


def _read() -> bytes:
    try:
        return sys.stdin.buffer.read(_CHUNK)
    except OSError as error:
        raise TransferFailed(f"Standard input cannot be read: {error.strerror}; nothing was uploaded.") from None
