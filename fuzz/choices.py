"""Structured inputs from the bytes of a fuzzer.

Written here and not taken from atheris, so that a file that reproduces a crash means the same without atheris, which
does not exist for every Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Choices:
    """Reads choices from bytes, from the first to the last; after the last, every choice is the first possible one."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def number(self, low: int, high: int) -> int:
        """Return a number from `low` to `high`, both included, from as few bytes as that takes."""
        span = high - low
        size = (span.bit_length() + 7) // 8
        found = int.from_bytes(self._data[self._at : self._at + size])
        self._at += size
        return low + found % (span + 1)

    def flag(self) -> bool:
        """Return True or False."""
        return self.number(0, 1) == 1

    def pick(self, options: Sequence[T]) -> T:
        """Return one of the options."""
        return options[self.number(0, len(options) - 1)]

    def some(self, options: Sequence[T], most: int) -> list[T]:
        """Return up to `most` options, in any order and repeated."""
        return [self.pick(options) for _ in range(self.number(0, most))]

    def text(self, pieces: Sequence[str], most: int) -> str:
        """Return up to `most` of the pieces, joined."""
        return "".join(self.some(pieces, most))

    def raw(self, most: int) -> bytes:
        """Return up to `most` bytes as they are."""
        size = self.number(0, most)
        found = self._data[self._at : self._at + size]
        self._at += size
        return found

    def rest(self) -> bytes:
        """Return the bytes that are left."""
        found, self._at = self._data[self._at :], len(self._data)
        return found
