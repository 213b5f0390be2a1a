"""Compares two ways to do the same, timed alternately in CPU time, so that a busy machine slows both alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

Thing = TypeVar("Thing")
Timed = Callable[[], float]


@dataclass(frozen=True)
class Pair:
    """Medians of paired rounds: `ratio` is our speed divided by theirs; seconds are of one operation."""

    ratio: float
    our_seconds: float
    their_seconds: float


def on_cpu(work: Callable[[Thing], object], things: Sequence[Thing]) -> Timed:
    """Return a measurement of the CPU seconds that the work takes per thing."""

    def timed() -> float:
        started = time.process_time()
        for thing in things:
            work(thing)
        return (time.process_time() - started) / len(things)

    return timed


def compare(ours: Timed, theirs: Timed, rounds: int) -> Pair:
    """Compare ours with theirs, after one warm-up round; each goes first in every other round."""
    pairs = [_in_turns(ours, theirs, swap=bool(turn % 2)) for turn in range(rounds + 1)][1:]
    return Pair(
        median(their / our for our, their in pairs),
        median(our for our, _ in pairs),
        median(their for _, their in pairs),
    )


def _in_turns(ours: Timed, theirs: Timed, *, swap: bool) -> tuple[float, float]:
    if swap:
        their = theirs()
        return ours(), their
    return ours(), theirs()
