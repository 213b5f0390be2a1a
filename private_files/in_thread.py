"""Calls of the API from asynchronous code."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable
from typing import TypeVar

_Result = TypeVar("_Result")


async def in_thread(call: Callable[[], _Result]) -> _Result:
    """Run a call of the API in a thread and return its result.

    Unlike asyncio.to_thread, this lets Ctrl-C end the program while the API does not respond.
    """
    result: concurrent.futures.Future[_Result] = concurrent.futures.Future()

    def run() -> None:
        result.set_running_or_notify_cancel()
        try:
            result.set_result(call())
        except Exception as error:  # noqa: BLE001 - raised by the `await` below
            result.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return await asyncio.wrap_future(result)
