"""Which names a file can have: those that the API serves, which are also those that lie below a directory."""

from __future__ import annotations

import re

MAX_KEY_BYTES = 1024  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html

_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def reason_to_refuse(name: str, folder: str = "") -> str | None:
    """Why no file can have this name, or None; `folder` is the one of the bucket that is served.

    The API has the same rules and says so in its own words. They are here too because an upload does not pass the API,
    and because no answer of a server may name a place outside the directory that files are written to.
    """
    try:
        key_bytes = len(f"{folder}/{name}".encode())
    except UnicodeEncodeError:
        return "it holds half of a character"
    if not name:
        return "it is empty"
    segments = name.split("/")
    if "" in segments:
        return "it begins or ends with a slash, or has two in a row"
    if "." in segments or ".." in segments:
        return "it has a segment of dots"
    if _CONTROL_CHARACTER.search(name):
        return "it holds a control character"
    if key_bytes > MAX_KEY_BYTES:
        return f"with its folder it is {key_bytes} bytes long, and S3 takes at most {MAX_KEY_BYTES}"
    return None
