"""The inputs that are kept for each target: those that reached new code when the fuzzers ran, one a line in base64."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
MOST_SEEDS, MOST_BYTES = 200, 120


def read(name: str) -> list[bytes]:
    """Return the seeds of a target."""
    return [b64decode(line) for line in (CORPUS / f"{name}.txt").read_text().split()]


def write(name: str, inputs: Iterable[bytes]) -> None:
    """Keep the shortest of these inputs as the seeds of a target."""
    kept = sorted({data for data in inputs if len(data) <= MOST_BYTES}, key=lambda data: (len(data), data))
    (CORPUS / f"{name}.txt").write_text("".join(f"{b64encode(data).decode()}\n" for data in kept[:MOST_SEEDS]))
