"""Builds the web page and GraphiQL again after a change, with Vite.

Not with its development server, whose scripts and styles the page's Content-Security-Policy would have to allow.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from local import programs
from local.programs import PROJECT
from local.watch import NotApplied

_COLORS = re.compile(r"\x1b\[[0-9;]*m")
_PLACE = re.compile(r"(?P<file>[^\s\[]+\.\w+):(?P<line>\d+):\d+")


async def build(folder: str, target: Path) -> None:
    """Build a page as `make` does, and replace the one before when it is complete. Raises NotApplied."""
    scratches = PROJECT / ".local"
    scratches.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratches) as scratch:
        built = Path(scratch) / "built"
        try:
            await programs.run("vite", "build", folder, "--logLevel", "error", "--outDir", str(built))
        except programs.ProgramFailed as failure:
            raise NotApplied(first_error(str(failure))) from failure
        target.rename(Path(scratch) / "replaced")
        built.rename(target)


def first_error(printed: str) -> str:
    """Return the first error that Vite printed, after the file and line if it names them."""
    lines = [line.strip() for line in _COLORS.sub("", printed).splitlines() if line.strip()] or ["Vite printed nothing"]
    number = next((number for number, line in enumerate(lines) if line.startswith("[")), len(lines) - 1)
    message = lines[number].partition("] ")[2] or lines[number]
    place = next(filter(None, map(_PLACE.search, lines[number:])), None)
    if not place:
        return message
    if place[0] in message:  # the next line has the message
        message = lines[number + 1].rpartition(": ")[2]
    return f"{place['file'].removeprefix(f'{PROJECT}/')}, line {place['line']}: {message}"
