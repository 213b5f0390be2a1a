"""Measurements as the rows of a table."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.paired import Pair


@dataclass(frozen=True)
class Row:
    """One measurement: a figure that depends little on the load of the machine, its goal, and its two times.

    `limit` is the figure of a bare signature, which no signer can exceed.
    """

    subject: str
    against: str
    figure: float
    unit: str
    at_least: float | None = None
    at_most: float | None = None
    limit: float | None = None
    our_seconds: float | None = None
    their_seconds: float | None = None

    @property
    def met(self) -> bool | None:
        if self.at_least is not None:
            return self.figure >= self.at_least
        return self.figure <= self.at_most if self.at_most is not None else None


def of_pair(subject: str, against: str, pair: Pair, figure: float, unit: str, **goal: float | None) -> Row:
    """Return the row of a comparison; `goal` is `at_least`, `at_most` or `limit`."""
    return Row(subject, against, figure, unit, our_seconds=pair.our_seconds, their_seconds=pair.their_seconds, **goal)


def text(rows: Iterable[Row]) -> str:
    """Return the table as aligned text: ratios first, rates last."""
    lines = [("", "against", "", "goal", "", "limit", "ours/s", "theirs/s")]
    for row in rows:
        goal = f"≥ {row.at_least:g}" if row.at_least is not None else ""
        if row.at_most is not None:
            goal = f"≤ {row.at_most:g}"
        met = {None: "", True: "met", False: "MISSED"}[row.met]
        figure = f"{row.figure:.0f} {row.unit}" if row.unit == "characters" else f"{row.figure:.2f} {row.unit}"
        limit = f"{row.limit:.2f}" if row.limit else ""
        rates = (_per_second(row.our_seconds), _per_second(row.their_seconds))
        lines.append((row.subject, row.against, figure, goal, met, limit, *rates))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    numeric = (2, 5, 6, 7)
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column in numeric else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def write_json(rows: Iterable[Row], path: Path) -> None:
    """Write the table as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(row) | {"met": row.met} for row in rows], indent=2, ensure_ascii=False) + "\n")


def _per_second(seconds: float | None) -> str:
    return f"{1 / seconds:,.0f}" if seconds else ""
