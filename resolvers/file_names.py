"""One file, three spellings: its name in the API, its key in S3, its path in a URL.

name `été/a b.jpg`  ↔  key `files/été/a b.jpg`  ↔  path `/%C3%A9t%C3%A9/a%20b.jpg`
"""

import re
from urllib.parse import quote

MAX_KEY_BYTES = 1024  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html

_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class InvalidFileName(ValueError):
    """This name cannot be served; the message names the reason."""


class InvalidPrefix(ValueError):
    """No file's name can begin so; the message names the reason."""


def to_key(name: str, folder: str) -> str:
    """The S3 key of the file of this name.

    Raises InvalidFileName for what no URL or no S3 key can carry unchanged.
    """
    refuse = _reason_to_refuse(name, folder)
    if refuse:
        raise InvalidFileName(f"The file name {_shown(name)} cannot be served: {refuse}.")
    return f"{folder}/{name}"


def to_key_prefix(prefix: str, folder: str) -> str:
    """What the S3 keys begin with whose files' names begin so.

    Raises InvalidPrefix for what S3 cannot be asked for; a prefix that merely leads to nothing is fine.
    """
    try:
        key_bytes = len(folder.encode()) + 1 + len(prefix.encode())
    except UnicodeEncodeError:
        raise InvalidPrefix(
            f"prefix {_shown(prefix)} holds half of a surrogate pair, which is not a character."
        ) from None
    if key_bytes > MAX_KEY_BYTES:
        raise InvalidPrefix(
            f"prefix {_shown(prefix)} is {key_bytes} bytes long with its folder, and S3 takes at most {MAX_KEY_BYTES}."
        )
    return f"{folder}/{prefix}"


def from_key(key: str, folder: str) -> str:
    """The name of the file with this S3 key, which lies in the folder."""
    return key[len(folder) + 1 :]


def to_url_path(name: str, folder: str) -> str:
    """The path, leading slash included, that opens the file of this name and no other.

    CloudFront compares the bytes on the wire and a browser rewrites some of them, so everything outside RFC 3986's
    unreserved characters is percent-encoded, from UTF-8. The folder is the distribution's origin path, not the URL's.

    Raises InvalidFileName like `to_key`.
    """
    to_key(name, folder)
    return "/" + quote(name, safe="/-._~")


def _reason_to_refuse(name: str, folder: str) -> str | None:
    try:
        key_bytes = len(folder.encode()) + 1 + len(name.encode())
    except UnicodeEncodeError:
        return "it holds half of a surrogate pair, which is not a character"
    if not name:
        return "it is empty"
    if name.startswith("/"):
        return "it begins with a slash"
    segments = name.split("/")
    if "" in segments:
        return "it has an empty segment (two slashes in a row, or one at the end)"
    # A browser resolves these before it asks, however they are encoded (https://url.spec.whatwg.org/#dot-path-segment).
    if "." in segments or ".." in segments:
        return "it has a segment of dots, which browsers resolve away"
    if _CONTROL_CHARACTER.search(name):
        return "it holds a control character"
    if key_bytes > MAX_KEY_BYTES:
        return f"with its folder it is {key_bytes} bytes long, and S3 takes at most {MAX_KEY_BYTES}"
    return None


def _shown(name: str) -> str:
    # ascii() makes control characters and lone surrogates harmless in logs and answers.
    return repr(name) if name.isprintable() and len(name) <= 100 else ascii(name[:100]) + ("…" if name[100:] else "")
