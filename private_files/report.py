"""What became of each file: a line on standard output, and the failures at the end."""

from __future__ import annotations

import json
import sys
import threading
from typing import Any

from private_files.failures import TransferFailed


class Report:
    """One line or JSON object for each file as it is done; threads may report at once.

    `bars` is whether progress may be shown in place of lines.
    """

    def __init__(self, *, as_json: bool) -> None:
        self._json = as_json
        # Lines between bars would tear them apart; of the two, a person prefers the bars, and a program the lines.
        same_terminal = sys.stdout.isatty() and sys.stderr.isatty()
        self.bars = sys.stderr.isatty() and not (as_json and same_terminal)
        self._quiet = self.bars and same_terminal
        self._failed: list[tuple[str, str]] = []
        self._done = 0
        self._lock = threading.Lock()

    def done(self, name: str, line: str, **found: Any) -> None:
        """The file is where it should be; `line` says so to a person, `found` to a program."""
        with self._lock:
            self._done += 1
            if self._json:
                print(json.dumps({"file": name, "path": line, **found}), flush=True)
            elif not self._quiet:
                print(line, flush=True)

    def failed(self, name: str, why: str) -> None:
        """The file is not where it should be."""
        with self._lock:
            self._failed.append((name, why))
            if self._json:
                print(json.dumps({"file": name, "error": why}), flush=True)

    def end(self) -> int:
        """The exit code; names every failure on standard error."""
        for name, why in self._failed:
            print(one_line(f"{name}: {why}"), file=sys.stderr)
        if self._failed and self._done:
            print(f"{len(self._failed):,} of {self._done + len(self._failed):,} files failed.", file=sys.stderr)
        return TransferFailed.exit_code if self._failed else 0


def one_line(text: str) -> str:
    """The text on one line, with nothing in it that moves the cursor: a server may have written it."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
