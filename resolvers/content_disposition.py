"""The header that has a browser save a file under a name of the caller's choice; pure. RFC 6266, RFC 8187."""

import re
from urllib.parse import quote

MAX_NAME_BYTES = 255  # what file systems take

_NOT_IN_A_NAME = re.compile(r"[\x00-\x1f\x7f-\x9f/\\]")
# What a quoted string may hold unescaped, and old browsers do not decode: RFC 6266, appendix D.
_NOT_IN_A_FALLBACK = re.compile(r'[^ !#$&-\[\]^-~]|["%]')


class InvalidDownloadName(ValueError):
    """No browser would save a file under this name; the message names the reason."""


def attachment(name: str) -> str:
    """The value of `Content-Disposition`, ASCII only, that saves a download as `name`.

    Raises InvalidDownloadName for a name that is empty, too long, only dots, or holds a slash or a control character.
    """
    try:
        encoded = name.encode()
    except UnicodeEncodeError:
        raise InvalidDownloadName("saveAs holds half of a surrogate pair, which is not a character.") from None
    if not name.strip(". "):
        raise InvalidDownloadName("saveAs is empty, or nothing but dots and spaces.")
    if _NOT_IN_A_NAME.search(name):
        raise InvalidDownloadName("saveAs holds a slash, a backslash or a control character; it is a name, not a path.")
    if len(encoded) > MAX_NAME_BYTES:
        raise InvalidDownloadName(f"saveAs is {len(encoded)} bytes long; file systems take at most {MAX_NAME_BYTES}.")
    fallback = _NOT_IN_A_FALLBACK.sub("_", name)
    if fallback == name:
        return f'attachment; filename="{name}"'
    return f"attachment; filename=\"{fallback}\"; filename*=UTF-8''{quote(encoded, safe='')}"
