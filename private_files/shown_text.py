"""Text from servers and users as it may be shown: without characters that act on a terminal, without signatures."""

from __future__ import annotations

import re
from urllib.parse import unquote

# C0, DEL and C1, and Unicode's line and paragraph separators. No file of the API has any of the first in its name.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# Marks that reverse the text after them. Names in Arabic or Hebrew can have them.
_DIRECTION = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# The value of Signature or X-Amz-Signature, also if the whole URL was percent-encoded, once or several times.
_SIGNATURE = re.compile(r"(Signature(?:=|%(?:25)*3D))(?:[^&%\s\"'<>]|%(?!(?:25)*26))+", re.I)
_SIGNED = re.compile(r"[?&](?:X-Amz-)?Signature=", re.I)


def escaped(text: str, *, terminal: bool) -> str:
    """Return the text with control characters as escapes such as \\x1b; on a terminal also those that reverse text."""
    text = _CONTROL.sub(_escape, text)
    return _DIRECTION.sub(_escape, text) if terminal else text


def one_line(text: str) -> str:
    """Return a message on one line, without signatures and without characters that move the cursor."""
    return masked("".join(letter if letter.isprintable() else " " for letter in text))


def masked(text: str) -> str:
    """Return the text without the signatures of URLs: whoever has one can open the file."""
    return _SIGNATURE.sub(r"\1…", text)


def is_signed_url(text: str) -> bool:
    """Whether the text is a signed URL, of CloudFront or of S3, also percent-encoded or without its scheme."""
    for _ in range(3):
        if _SIGNED.search(text):
            return True
        text = unquote(text)
    return False


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()
