"""The `Content-Disposition` header that makes browsers save a file under a chosen name. Pure. RFC 6266, RFC 8187."""

import re
from urllib.parse import quote

from resolvers.errors import RequestRefused

MAX_NAME_BYTES = 255  # the limit of common file systems

_NOT_IN_A_NAME = re.compile(r"[\x00-\x1f\x7f-\x9f/\\]")
# Everything that needs an escape in a quoted string, and % because old browsers decode it: RFC 6266, appendix D.
_NOT_IN_A_FALLBACK = re.compile(r"[^ !#$&-\[\]^-~]")


class InvalidDownloadName(RequestRefused):
    """No browser would save a file under this name; the message gives the reason."""


def attachment(name: str) -> str:
    """Return the value of `Content-Disposition`, ASCII only, that saves a download as `name`.

    Raises InvalidDownloadName if the name is empty, too long, only dots and spaces, or contains a slash, a backslash or
    a control character.
    """
    try:
        encoded = name.encode()
    except UnicodeEncodeError:
        raise InvalidDownloadName("saveAs contains half of a surrogate pair, which is not a character.") from None
    if not name.strip(". "):
        raise InvalidDownloadName("saveAs is empty, or nothing but dots and spaces.")
    if _NOT_IN_A_NAME.search(name):
        raise InvalidDownloadName("saveAs contains a slash, a backslash or a control character; it is not a path.")
    if len(encoded) > MAX_NAME_BYTES:
        raise InvalidDownloadName(f"saveAs is {len(encoded)} bytes long; file systems allow at most {MAX_NAME_BYTES}.")
    fallback = _NOT_IN_A_FALLBACK.sub("_", name)
    if fallback == name:
        return f'attachment; filename="{name}"'
    return f"attachment; filename=\"{fallback}\"; filename*=UTF-8''{quote(encoded, safe='')}"
