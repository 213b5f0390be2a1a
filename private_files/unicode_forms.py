"""Names that look the same and are different: é is one character (NFC), or e and an accent (NFD). No I/O."""

from __future__ import annotations

import os.path
import unicodedata


def other_forms(name: str) -> list[str]:
    """Return the other names in Unicode's composed and decomposed forms that look like this one."""
    forms = (unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name))
    return [form for form in dict.fromkeys(forms) if form != name]


def common_prefix(name: str) -> str | None:
    """Return what all forms of the name start with, or None if it has one form only."""
    others = other_forms(name)
    return os.path.commonprefix([name, *others]) if others else None  # noqa: RUF071 - of characters


def is_same_look(name: str, other: str) -> bool:
    """Whether the names are different, and two forms of one name."""
    return name != other and unicodedata.normalize("NFC", name) == unicodedata.normalize("NFC", other)


def form(name: str) -> str:
    """Return how the name is written."""
    if unicodedata.is_normalized("NFC", name):
        return "with composed characters (NFC)"
    return "with separate accents (NFD)" if unicodedata.is_normalized("NFD", name) else "in a mixture of NFC and NFD"
