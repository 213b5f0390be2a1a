"""The three forms of a file's name: in the API, as an S3 key, and as the path of a URL.

name `été/a b.jpg`  ↔  key `files/été/a b.jpg`  ↔  path `/%C3%A9t%C3%A9/a%20b.jpg`
"""

import re
from urllib.parse import quote

from resolvers.errors import RequestRefused
from resolvers.quoting import quoted

MAX_KEY_BYTES = 1024  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html

_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class InvalidFileName(RequestRefused):
    """A file with this name cannot be served; the message gives the reason."""


class InvalidPrefix(RequestRefused):
    """S3 cannot list this prefix; the message gives the reason."""


def check_name(name: str, folder: str) -> None:
    """Raises InvalidFileName if no URL or no S3 key can carry this name unchanged."""
    if problem := _key_problem(name, folder) or _path_problem(name):
        raise InvalidFileName(f"The file name {quoted(name)} cannot be served: {problem}.")


def to_key(name_or_prefix: str, folder: str) -> str:
    """Return the S3 key of a file, or the S3 key prefix for a prefix of file names.

    Raises InvalidPrefix if S3 does not accept it. A prefix that no file has is fine.
    """
    if problem := _key_problem(name_or_prefix, folder):
        raise InvalidPrefix(f"The prefix {quoted(name_or_prefix)} cannot be listed: {problem}.")
    return f"{folder}/{name_or_prefix}"


def from_key(key: str, folder: str) -> str:
    """Return the name of the file with this S3 key, which must be in the folder."""
    return key[len(folder) + 1 :]


def to_url_path(name: str, folder: str) -> str:
    """Return the URL path of this file and no other, with its leading slash.

    CloudFront compares the bytes on the wire, and browsers rewrite some of them, so everything except RFC 3986's
    unreserved characters is percent-encoded as UTF-8. The folder is the distribution's origin path, not in the URL.

    Raises InvalidFileName like `check_name`.
    """
    check_name(name, folder)
    return "/" + quote(name)


def _key_problem(name: str, folder: str) -> str | None:
    try:
        key_bytes = len(folder.encode()) + 1 + len(name.encode())
    except UnicodeEncodeError:
        return "it contains half of a surrogate pair, which is not a character"
    if key_bytes > MAX_KEY_BYTES:
        return f"with its folder it is {key_bytes} bytes long, and S3 allows at most {MAX_KEY_BYTES}"
    return None


def _path_problem(name: str) -> str | None:
    if not name:
        return "it is empty"
    if name.startswith("/"):
        return "it begins with a slash"
    segments = name.split("/")
    if "" in segments:
        return "it has an empty segment (two slashes in a row, or one at the end)"
    # Browsers resolve these before they send a request, however they are encoded:
    # https://url.spec.whatwg.org/#dot-path-segment
    if "." in segments or ".." in segments:
        return "it has a segment of dots, which browsers resolve away"
    if _CONTROL_CHARACTER.search(name):
        return "it contains a control character"
    return None
