"""Watches the sources while the stack runs, and puts what changes into effect."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from local import changes
from local.changes import Effect

# All changes are one if each follows the one before within the first time, and all within the second.
_MILLISECONDS_BETWEEN_CHANGES, _MILLISECONDS_OF_CHANGES = 100, 1000


class NotApplied(Exception):
    """A change did not take effect, and what was there before still runs; the message is one line that says why."""


class Watch:
    """Compares the sources with `before`, which the running stack was made from, whenever a file changes.

    `actions` put the changes into effect and return what they did; they raise NotApplied. `report` takes one line for
    each. Only content counts: a file that is saved without a change, or changed back, is no change.
    """

    def __init__(
        self,
        project: Path,
        before: Mapping[str, str],
        actions: Mapping[Effect, Callable[[], Awaitable[str]]],
        report: Callable[[str], None],
    ) -> None:
        self._project = project
        self._before = before
        self._actions = actions
        self._report = report

    async def run(self) -> None:
        """Put changes into effect, from those since `before` on, until cancelled."""
        import watchfiles  # noqa: PLC0415 - takes longer to import than a start needs to wait

        happened = asyncio.Event()
        happened.set()

        async def wait(*paths: Path, recursive: bool) -> None:
            async for _ in watchfiles.awatch(
                *paths,
                watch_filter=None,
                recursive=recursive,
                step=_MILLISECONDS_BETWEEN_CHANGES,
                debounce=_MILLISECONDS_OF_CHANGES,
            ):
                happened.set()

        folders = [folder for name in changes.FOLDERS if (folder := self._project / name).is_dir()]
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(wait(self._project, recursive=False))
                group.create_task(wait(*folders, recursive=True))
                while True:
                    await happened.wait()
                    happened.clear()
                    await self.apply()
        except* OSError as errors:  # the system has a limit on what is watched
            reason = errors.exceptions[0]
            self._report(f"Changes are not watched from now on ({reason}). Press Ctrl-C and run `make up` again.")

    async def apply(self) -> None:
        """Put what has changed since the last call into effect."""
        now = await asyncio.to_thread(changes.content, self._project)
        before, self._before = self._before, now
        for effect, names in changes.changed(before, now).items():
            try:
                done = await self._actions[effect]()
            except NotApplied as failure:
                self._report(f"{_named(names)} changed: {failure}")
            else:
                self._report(f"{_named(names)} changed: {done}")


def _named(names: list[str]) -> str:
    others = len(names) - 1
    return names[0] + (f" and {others} other file{'s' if others > 1 else ''}" if others else "")
