"""How far the files are: bars on standard error."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from types import TracebackType

_WORTH_A_BAR = 4 * 1024 * 1024  # bytes; a smaller file is gone before anyone has read its name


class Progress:
    """One bar for all files, and one for every large file that is on its way. Threads may report at once."""

    def __init__(self, what: str, *, shown: bool) -> None:
        self.shown = shown
        self._stack = contextlib.ExitStack()
        self._what = what
        self._files = self._known = 0

    def __enter__(self) -> Progress:
        if self.shown:
            from rich import progress  # noqa: PLC0415 - only who sees the bars waits for them to load
            from rich.console import Console  # noqa: PLC0415

            self._bars = progress.Progress(
                progress.TextColumn("{task.description}", markup=False),
                progress.BarColumn(),
                progress.DownloadColumn(binary_units=False),
                progress.TransferSpeedColumn(),
                progress.TimeRemainingColumn(),
                console=Console(stderr=True),
                redirect_stdout=False,
            )
            self._stack.enter_context(self._bars)
            self._all = self._bars.add_task(self._what, total=None)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    def expect(self, files: int) -> None:
        """So many more files are known of."""
        self._known += files

    def file(self, name: str) -> Callable[[int, int], None]:
        """What hears how many bytes of this file are there, and of how many."""
        if not self.shown:
            return lambda _done, _total: None
        bar = None
        before, counted = 0, False

        def arrived(done: int, total: int) -> None:
            nonlocal bar, before, counted
            if not counted:
                counted = True
                self._bars.update(self._all, total=(self._bars.tasks[self._all].total or 0) + total)
            if bar is None and total - done >= _WORTH_A_BAR:
                bar = self._bars.add_task(_shown(name), total=total)
            self._bars.advance(self._all, done - before)
            before = done
            if bar is not None:
                self._bars.update(bar, completed=done, visible=done < total)

        return arrived

    def finished(self) -> None:
        """One more file is done, or has failed."""
        self._files += 1
        if self.shown:
            self._bars.update(self._all, description=f"{self._what} {self._files:,} of {self._known:,} files")


def _shown(name: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in name[-40:])
