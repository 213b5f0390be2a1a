"""The result of each file on standard output, and the failures at the end on standard error."""

from __future__ import annotations

import json
import sys
import threading
from typing import Any

from private_files.failures import TransferFailed
from private_files.shown_text import escaped, masked, one_line


class Report:
    """One line or JSON object per file, printed when the file is done. Several threads may use it at the same time.

    `bars` is whether to show progress bars.
    """

    def __init__(self, *, as_json: bool) -> None:
        self._json = as_json
        # Lines would break up the bars on the same terminal: show bars to people, and print lines for programs.
        same_terminal = sys.stdout.isatty() and sys.stderr.isatty()
        self.bars = sys.stderr.isatty() and not (as_json and same_terminal)
        self._quiet = self.bars and same_terminal
        self._failed: list[tuple[str, str]] = []
        self._done = 0
        self._lock = threading.Lock()

    def done(self, name: str, line: str, **values: Any) -> None:
        """Report that the file was transferred: `line` as text, `values` as JSON."""
        with self._lock:
            self._done += 1
            if self._json:
                print(json.dumps({"file": name, "path": line, **values}), flush=True)
            elif not self._quiet:
                print(escaped(line, terminal=sys.stdout.isatty()), flush=True)

    def failed(self, name: str, reason: str) -> None:
        """Report that the file was not transferred."""
        with self._lock:
            self._failed.append((name, reason))
            if self._json:
                print(json.dumps({"file": name, "error": masked(reason)}), flush=True)

    def end(self) -> int:
        """Print every failure on standard error, and return the exit code."""
        for name, reason in self._failed:
            print(one_line(f"{name}: {reason}"), file=sys.stderr)
        if self._failed and self._done:
            print(f"{len(self._failed):,} of {self._done + len(self._failed):,} files failed.", file=sys.stderr)
        return TransferFailed.exit_code if self._failed else 0
