"""Programs that start others: stopped in the middle, and whether each has ended."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import wait_until


def cancel_once_written(work: Coroutine[Any, Any, object], marker: Path, *, starting: bool = False) -> None:
    """Run this until something has been written to `marker`, then cancel it.

    With `starting`, it could not yet notice that its program has started, as on a busy machine.
    """

    async def cancelled() -> None:
        running = asyncio.create_task(work)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        while not (marker.exists() and marker.read_text()):
            if starting:
                time.sleep(0.01)
            else:
                await asyncio.sleep(0.01)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(cancelled())


def wait_until_ended(file: Path) -> None:
    """Wait until the process whose id is in this file has ended, which is a moment after SIGKILL."""
    process_id = file.read_text().strip()
    wait_until(lambda: _ended(process_id))


def _ended(process_id: str) -> bool:
    try:
        os.kill(int(process_id), 0)
        # A process whose exit code has not been read is a zombie.
        return Path(f"/proc/{process_id}/stat").read_text().split()[2] == "Z"
    except (ProcessLookupError, FileNotFoundError):
        return True
