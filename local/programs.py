"""Runs the programs of this folder: found on one path, and stopped together with what they started."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parent.parent


class ProgramFailed(Exception):
    """A program ended with an exit code other than 0; the message is what it printed."""


def search_path() -> str:
    """Return a PATH on which the pinned programs come first, such as Python and Node."""
    pinned = [Path(sys.executable).parent, PROJECT / "node_modules" / ".bin"]
    return os.pathsep.join([*map(str, pinned), os.environ.get("PATH", os.defpath)])


async def run(*command: str) -> str:
    """Run a program in the project's folder and return its output. Raises ProgramFailed."""
    pipe = asyncio.subprocess.PIPE
    environment = {**os.environ, "PATH": search_path()}
    async with started(*command, cwd=PROJECT, env=environment, stdout=pipe, stderr=pipe) as process:
        output, errors = await process.communicate()
    if process.returncode != 0:
        raise ProgramFailed((output + errors).decode(errors="replace"))
    return output.decode()


@contextlib.asynccontextmanager
async def started(*command: str, **options: Any) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start a program without input, with these options of `subprocess`; stop it and its children at the end."""
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.DEVNULL, start_new_session=True, **options)
    )
    try:
        # If the start itself were cancelled, asyncio would wait until the program's children end.
        yield await asyncio.shield(starting)
    finally:
        process = await starting
        if process.returncode is None:
            await _stop(process)


async def _stop(process: asyncio.subprocess.Process) -> None:
    """Stop a process that leads a group, and the processes that it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, TimeoutError):
            os.killpg(process.pid, number)
            await asyncio.wait_for(process.wait(), timeout=5)
