"""What a soak measured: requests, errors and latency by kind, and the memory of each process."""

from __future__ import annotations

import math
import statistics
import threading
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

UNTIL_FELT = 60  # seconds: the emulator finds that a function was killed when it is called the next time
SHARE = 0.1  # of the time, at the start and at the end, that latencies are compared between


@dataclass
class Kind:
    """The requests of one kind: when each started and how long it took, in seconds, and how they ended."""

    latencies: list[tuple[float, float]] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    killed: int = 0
    unexpected: Counter[str] = field(default_factory=Counter)


class Figures:
    """Collects the outcomes of requests from several threads. Times are seconds since the start of the load."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.kinds: defaultdict[str, Kind] = defaultdict(Kind)
        self.kills: list[float] = []
        self.rotations = 0
        self.memory: list[tuple[float, Mapping[str, list[int]]]] = []  # bytes of each process, by what it is

    def succeeded(self, kind: str, started: float, ended: float, refused: str = "") -> None:
        """Record a request that ended as expected; `refused` names an expected refusal."""
        with self._lock:
            self.kinds[kind].latencies.append((started, ended - started))
            if refused:
                self.kinds[kind].refused[refused] += 1

    def failed(self, kind: str, started: float, ended: float, error: str, *, by_kill: bool) -> None:
        """Record an error. One that a kill can cause (`by_kill`) is expected if a process was killed shortly before."""
        with self._lock:
            if by_kill and any(kill < ended and started - kill < UNTIL_FELT for kill in self.kills):
                self.kinds[kind].killed += 1
            else:
                self.kinds[kind].unexpected[error] += 1

    def unexpected(self) -> int:
        """Return the number of unexpected errors."""
        return sum(kind.unexpected.total() for kind in self.kinds.values())

    def requests(self) -> int:
        """Return the number of requests."""
        return sum(_count(kind) for kind in self.kinds.values())

    def progress(self, seconds: float) -> str:
        """Return one line about the run so far."""
        refused = sum(kind.refused.total() for kind in self.kinds.values())
        killed = sum(kind.killed for kind in self.kinds.values())
        memory = ", ".join(
            f"{name} {_mb(sizes)}" for name, sizes in (self.memory[-1][1] if self.memory else {}).items()
        )
        return (
            f"{seconds / 60:5.1f} min: {self.requests():,} requests, {self.unexpected()} unexpected errors, "
            f"{refused:,} expected refusals, {len(self.kills)} kills (felt by {killed}), {self.rotations} rotations; "
            f"{memory}" + "".join(f"\n  UNEXPECTED: {n} x {name}: {error}" for name, error, n in self._errors())
        )

    def to_json(self, seconds: float) -> dict[str, object]:
        """Return everything as JSON has it. Latencies are in milliseconds, memory in bytes."""
        return {
            "seconds": round(seconds, 1),
            "requests": self.requests(),
            "unexpectedErrors": self.unexpected(),
            "kills": len(self.kills),
            "rotations": self.rotations,
            "kinds": {
                name: {
                    "requests": _count(kind),
                    "refused": dict(kind.refused),
                    "failedByKill": kind.killed,
                    "unexpected": dict(kind.unexpected),
                    "start": _latency(kind, 0, seconds * SHARE),
                    "end": _latency(kind, seconds * (1 - SHARE), seconds + 60),
                }
                for name, kind in sorted(self.kinds.items())
            },
            "memory": [{"seconds": round(at), **sizes} for at, sizes in self.memory],
        }

    def text(self, seconds: float) -> str:
        """Return the table that is printed at the end."""
        head = f"{'kind':20} {'requests':>9} {'refused':>8} {'killed':>7} {'errors':>7}   p50/p99 ms, start → end"
        lines = [head]
        for name, kind in sorted(self.kinds.items()):
            start, end = _latency(kind, 0, seconds * SHARE), _latency(kind, seconds * (1 - SHARE), seconds + 60)
            lines.append(
                f"{name:20} {_count(kind):>9,} {kind.refused.total():>8,} {kind.killed:>7,} "
                f"{kind.unexpected.total():>7,}   {_pair(start)} → {_pair(end)}"
            )
        lines += ["", "expected refusals: " + _counts(sum((kind.refused for kind in self.kinds.values()), Counter()))]
        if errors := self._errors():
            lines += ["", "UNEXPECTED ERRORS:", *(f"  {n:>5,} x {name}: {error}" for name, error, n in errors)]
        lines += ["", f"{'memory':24} {'start':>14} {'end':>14}"]
        first, last = (self.memory[0][1], self.memory[-1][1]) if self.memory else ({}, {})
        for name in dict.fromkeys([*first, *last]):
            lines.append(f"{name:24} {_mb(first.get(name, [])):>14} {_mb(last.get(name, [])):>14}")
        return "\n".join(lines)

    def _errors(self) -> list[tuple[str, str, int]]:
        return [(name, error, n) for name, kind in self.kinds.items() for error, n in kind.unexpected.items()]


def _count(kind: Kind) -> int:
    return len(kind.latencies) + kind.killed + kind.unexpected.total()


def _latency(kind: Kind, start: float, end: float) -> dict[str, float] | None:
    """Return the quantiles of the requests that started in this time, or None if there were none."""
    found = sorted(1000 * seconds for at, seconds in kind.latencies if start <= at < end)
    if not found:
        return None
    return {"p50": round(statistics.median(found), 1), "p99": round(found[math.ceil(0.99 * len(found)) - 1], 1)}


def _pair(latency: dict[str, float] | None) -> str:
    return f"{latency['p50']:.0f}/{latency['p99']:.0f}" if latency else "-"


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {number:,}" for name, number in counter.most_common()) or "none"


def _mb(sizes: Sequence[int]) -> str:
    """Return the memory of several processes together, and how many they are."""
    return f"{sum(sizes) / 1e6:,.0f} MB" + (f" in {len(sizes)}" if len(sizes) > 1 else "")
