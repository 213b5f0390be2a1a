"""The names that a file can have. Every one of them is a path below a directory."""

from __future__ import annotations

import re

MAX_KEY_BYTES = 1024  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html

_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def reason_to_refuse(name: str, folder: str = "") -> str | None:
    """Return why no file can have this name, or None; `folder` is the folder of the bucket that is served.

    The API has the same rules. They are repeated here because an upload does not pass through the API, and because no
    server may make this program write outside the output directory.
    """
    try:
        key_bytes = len(f"{folder}/{name}".encode())
    except UnicodeEncodeError:
        return "it contains half of a surrogate pair"
    if not name:
        return "it is empty"
    segments = name.split("/")
    if "" in segments:
        return "it starts or ends with a slash, or has two in a row"
    if "." in segments or ".." in segments:
        return "it has a segment of dots"
    if _CONTROL_CHARACTER.search(name):
        return "it contains a control character"
    if key_bytes > MAX_KEY_BYTES:
        return f"with its folder it is {key_bytes} bytes long, and S3 allows at most {MAX_KEY_BYTES}"
    return None
