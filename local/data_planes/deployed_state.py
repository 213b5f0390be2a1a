"""The state of something deployed, read through the AWS API and read again when it is old."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

log = logging.getLogger(__name__)
T = TypeVar("T")


class Unreadable(Exception):
    """The deployed state cannot be read, or uses something that the data plane does not support."""


class DeployedState(Generic[T]):
    """The latest result of `read`, which runs in a thread: a deployment is seen without a restart.

    - A result is used for `fresh` seconds. The next caller then starts a new reading and waits for it, as do all
      callers that come in before it ends: there is never more than one reading at a time.
    - If the AWS API fails, the last result is used until it is `stale` seconds old.
    - If `read` raises ValueError, what was deployed is not supported here. The last result is dropped, because
      serving it could open what the new state closes.

    A failed reading is repeated after `fresh` seconds.
    """

    def __init__(
        self,
        read: Callable[[], T],
        *,
        fresh: float = 2.0,
        stale: float = 30.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._fresh = fresh
        self._stale = stale
        self._monotonic = monotonic
        self._reading: asyncio.Task[None] | None = None
        self._ended_at = self._last_read_at = float("-inf")
        self._last: T | None = None
        self._failure: Exception | None = None

    async def current(self) -> T:
        """Return the state. Raises Unreadable."""
        if self._reading is None and self._monotonic() - self._ended_at >= self._fresh:
            self._reading = asyncio.create_task(self._refresh())
        if self._reading is not None:
            # Shielded: a client that disconnects must not cancel a reading that others wait for.
            await asyncio.shield(self._reading)
        if self._last is None or self._monotonic() - self._last_read_at > self._stale:
            raise Unreadable(str(self._failure)) from self._failure
        return self._last

    async def _refresh(self) -> None:
        started_at = self._monotonic()
        try:
            self._last = await asyncio.to_thread(self._read)
            self._last_read_at = started_at
        except (BotoCoreError, ClientError) as error:
            self._failure = error
            log.error("The deployed state could not be read: %s", error)
        except ValueError as error:
            self._last, self._failure = None, error
            log.error("The deployed state is not supported: %s", error)
        finally:
            self._ended_at = self._monotonic()
            self._reading = None
