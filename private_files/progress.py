"""Progress bars on standard error."""

from __future__ import annotations

import contextlib
from types import TracebackType
from typing import TYPE_CHECKING

from private_files.shown_text import one_line

if TYPE_CHECKING:
    from rich.progress import TaskID

_MIN_BAR = 4 * 1024 * 1024  # bytes; the bar of a smaller file would disappear before it can be read


class Progress:
    """A bar for all files, and one for each large file in transfer. Several threads may use it at the same time."""

    def __init__(self, what: str, *, shown: bool) -> None:
        self._shown = shown
        self._stack = contextlib.ExitStack()
        self._what = what
        self._files = self._expected = 0

    def __enter__(self) -> Progress:
        if self._shown:
            from rich import progress  # noqa: PLC0415 - slow to import
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
        """Add this number of files to the files to transfer."""
        self._expected += files

    def file(self, name: str) -> FileProgress:
        """Return the progress of one file."""
        return FileProgress(self, name)

    def finished(self) -> None:
        """Count one more file as done or failed."""
        self._files += 1
        if self._shown:
            self._bars.update(self._all, description=f"{self._what} {self._files:,} of {self._expected:,} files")

    def advance(self, file: FileProgress, done: int, total: int) -> None:
        """Show that `done` of the file's `total` bytes are transferred."""
        if not self._shown:
            return
        if file.done is None:
            self._bars.update(self._all, total=(self._bars.tasks[self._all].total or 0) + total)
        if file.bar is None and total - done >= _MIN_BAR:
            file.bar = self._bars.add_task(one_line(file.name[-40:]), total=total)
        self._bars.advance(self._all, done - (file.done or 0))
        file.done = done
        if file.bar is not None:
            self._bars.update(file.bar, completed=done, visible=done < total)


class FileProgress:
    """The progress of one file; `done` is in bytes."""

    def __init__(self, progress: Progress, name: str) -> None:
        self._progress, self.name = progress, name
        self.done: int | None = None
        self.bar: TaskID | None = None

    def update(self, done: int, total: int) -> None:
        """Show that `done` of `total` bytes are transferred."""
        self._progress.advance(self, done, total)
