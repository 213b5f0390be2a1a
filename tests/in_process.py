"""The command line in this process, which is faster than one of its own."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from private_files import __main__ as program


class Output(io.TextIOWrapper):
    """A stream that keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8")

    @property
    def content(self) -> bytes:
        self.flush()
        found: Any = self.buffer
        return bytes(found.getvalue())


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str, stdin: bytes | io.BytesIO = b"") -> tuple[int, bytes, str]:
    """Return exit code, standard output and standard error of the command."""
    out, err = Output(), Output()
    source = io.BytesIO(stdin) if isinstance(stdin, bytes) else stdin
    with monkeypatch.context() as patched:
        patched.setattr(sys, "argv", ["private-files", *arguments])
        patched.setattr(sys, "stdin", io.TextIOWrapper(source, encoding="utf-8"))
        patched.setattr(sys, "stdout", out)
        patched.setattr(sys, "stderr", err)
        code = program.main()
    return code, out.content, err.content.decode()


def run_closed(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Return the exit code of the command without standard output and standard error."""
    with monkeypatch.context() as patched:
        patched.setattr(sys, "argv", ["private-files", *arguments])
        patched.setattr(sys, "stdout", None)
        patched.setattr(sys, "stderr", None)
        code = program.main()
        sys.stdout.close()
        sys.stderr.close()
    return code


def use_folder(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """Run commands in this folder, without settings of the user who runs the tests."""
    monkeypatch.chdir(path)
    for name in list(os.environ):
        if name.startswith("PRIVATE_FILES_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(path / "cache"))
