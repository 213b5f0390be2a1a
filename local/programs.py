"""Runs the programs of this folder: found on one path, and stopped together with what they started."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

PROJECT = Path(__file__).parent.parent


class ProgramFailed(Exception):
    """A program ended with an exit code other than 0; the message is what it printed."""


def search_path() -> str:
    """Return a PATH on which the pinned programs come first, such as Python and Node."""
    pinned = [Path(sys.executable).parent, PROJECT / "node_modules" / ".bin"]
    return os.pathsep.join([*map(str, pinned), os.environ.get("PATH", os.defpath)])


async def run(*command: str) -> str:
    """Run a program in the project's folder and return its output. Raises ProgramFailed."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=PROJECT,
        env={**os.environ, "PATH": search_path()},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            await stop(process)
    if process.returncode != 0:
        raise ProgramFailed((output + errors).decode(errors="replace"))
    return output.decode()


async def stop(process: asyncio.subprocess.Process) -> None:
    """Stop a process that leads a group, and the processes that it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, TimeoutError):
            os.killpg(process.pid, number)
            await asyncio.wait_for(process.wait(), timeout=5)
