"""Completion of words in the shell: Click's, with names that are quoted, and with the names of files from the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from click.parser import _split_opt  # noqa: F401

if TYPE_CHECKING:
    pass
