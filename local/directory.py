"""The directory of one run: locked, so that a second run cannot replace the first one's files."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from local.failures import Failure


class DirectoryUnusable(Failure):
    """Another run uses the directory, or it cannot be written or locked."""


@contextlib.contextmanager
def lock(directory: Path) -> Iterator[None]:
    """Create the directory and lock it while the context is open; the lock ends with the process, however it ends.

    Raises DirectoryUnusable.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        file = (directory / "lock").open("a+")
    except OSError as error:
        raise DirectoryUnusable(
            f"{directory} cannot be used ({error.strerror}). "
            "Choose a directory that can be written: make up OPTIONS='--directory PATH'"
        ) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise DirectoryUnusable(
                f"Another stack (process {file.read().strip()}) runs in {directory}. Stop it, or choose another "
                "directory and other ports: make up OPTIONS='--directory PATH "
                "--aws-port 0 --graphql-port 0 --cdn-port 0 --frontend-port 0 --rest-port 0 --uploads-port 0'"
            ) from error
        except OSError as error:
            raise DirectoryUnusable(
                f"{directory} cannot be locked ({error.strerror}): its file system has no locks. "
                "Choose a directory on a local disk: make up OPTIONS='--directory PATH'"
            ) from error
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
