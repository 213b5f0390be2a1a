"""The directory of `make up` belongs to one run at a time."""

import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.directory import DirectoryUnusable, lock


def test_a_second_run_in_the_same_directory_is_refused_and_names_the_first(tmp_path: Path) -> None:
    with lock(tmp_path), pytest.raises(DirectoryUnusable, match=rf"process {os.getpid()}\)"), lock(tmp_path):
        pass


def test_a_killed_run_leaves_no_lock(tmp_path: Path) -> None:
    path = f"pathlib.Path({str(tmp_path)!r})"
    script = f"import os, pathlib, local.directory as d\nwith d.lock({path}): os.kill(os.getpid(), 9)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    with lock(tmp_path):
        pass


def test_a_file_in_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DirectoryUnusable, match="--directory PATH"), lock(tmp_path / "file"):
        pass


def test_file_system_without_locks_is_refused_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    with (
        pytest.raises(DirectoryUnusable, match=r"cannot be locked \(No locks available\).*--directory PATH"),
        lock(tmp_path),
    ):
        pass
