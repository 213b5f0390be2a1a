"""Watches the sources while the stack runs, and puts what changes into effect."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from local import changes
from local.changes import Effect

# Looking takes a millisecond. Notifications of the system would need a library, have limits, and miss what happens in a
# folder that git or a person has replaced.
_SECONDS_BETWEEN_LOOKS = 0.2


class NotApplied(Exception):
    """A change did not take effect, and what ran before still runs; the message says why in one line."""


class Watch:
    """Compares the sources with `before`, which the running stack was made from, after each change of a file.

    `actions` put the changes into effect and return what they did; they raise NotApplied. `report` takes one line for
    each change. An action is called only if the content of a file differs, not if it was just saved again.
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
        seen: object = None
        applied: object = None
        while True:
            found = await asyncio.to_thread(changes.stamps, self._project)
            # Not while files are still changing: a checkout of git is one change.
            if found == seen and found != applied:
                await self.apply()
                applied = found
            seen = found
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)

    async def apply(self) -> None:
        """Put what has changed since the last call into effect."""
        now = await asyncio.to_thread(changes.content, self._project)
        before, self._before = self._before, now
        for effect, names in changes.changed(before, now).items():
            try:
                done = await self._actions[effect]()
            except (NotApplied, OSError) as failure:  # the disk is full, or a file cannot be read
                self._report(f"Not deployed: {failure}. What ran before still runs.")
            else:
                self._report(f"{_named(names)} changed: {done}")


def _named(names: list[str]) -> str:
    others = len(names) - 1
    return names[0] + (f" and {others} other file{'s' if others > 1 else ''}" if others else "")
