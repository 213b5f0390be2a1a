"""Stop waiting for a call when its time is up."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


def within(seconds: float, call: Callable[[], T]) -> T:
    """Return what the call returns, or raise what it raises.

    Raises TimeoutError if it takes longer; it then finishes in its own thread, and its result is dropped. The time-outs
    of sockets are no substitute: they start again with every byte and every address of a host.
    """
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(call())
        except BaseException as error:  # noqa: BLE001 - raised again where the call's result is expected
            outcome.set_exception(error)

    Thread(target=run, daemon=True).start()
    return outcome.result(max(seconds, 0))
