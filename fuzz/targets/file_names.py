"""Names of files: a name is accepted exactly if browsers, S3 and file systems leave it as it is."""

from __future__ import annotations

import contextlib
import os.path
import re
from urllib.parse import unquote_to_bytes

from yarl import URL

from fuzz.choices import Choices
from private_files.failures import TransferFailed
from private_files.file_names import reason_to_refuse
from private_files.get import Request
from resolvers import file_names
from resolvers.file_names import InvalidFileName, InvalidPrefix

BASE_URL = "https://files.example.com"
PIECES = [
    "a", "b", "/", ".", "..", "%", "%2e", "%2F", "%41", "\\", "?", "#", "*", "&", "=", "+", " ", "~", '"', "é",
    "e\u0301", "日", "😀", "\x00", "\n", "\t", "\x7f", "\x85", "\u2028", "\ud83d", "\udc80", "\ufeff", "x" * 200,
    "ü" * 100,
]  # fmt: skip
FOLDERS = ["files", "f", "é/files"]


def check(choices: Choices) -> None:
    folder = choices.pick(FOLDERS)
    name = choices.text(PIECES, 12) + choices.rest().decode("utf-8", "surrogateescape")
    accepted = True
    try:
        path = file_names.to_url_path(name, folder)
    except InvalidFileName as refused:
        accepted = False
        assert str(refused).isprintable()
    assert accepted == _is_servable(name, folder), name
    assert accepted == (reason_to_refuse(name, folder) is None), name
    if accepted:
        # Only unreserved characters and slashes are raw: https://www.rfc-editor.org/rfc/rfc3986#section-2.3
        assert re.fullmatch(r"(?:[A-Za-z0-9._~/-]|%[0-9A-F]{2})+", path)
        # Another library finds nothing to change, and what it would request decodes to this name and no other.
        assert str(URL(BASE_URL + path, encoded=True)) == BASE_URL + path
        assert _browser_path(path) == path
        assert unquote_to_bytes(path) == b"/" + name.encode()
    _check_key(name, folder)
    with contextlib.suppress(TransferFailed):
        written = os.path.normpath(Request(output="/output/").path(name))
        assert written.startswith("/output/") and reason_to_refuse(name) is None, name


def _check_key(name: str, folder: str) -> None:
    try:
        key = file_names.to_key(name, folder)
    except InvalidPrefix:
        key = ""
    is_key = _is_unicode(name) and len(f"{folder}/{name}".encode()) <= 1024
    assert is_key == bool(key), name
    assert not key or file_names.from_key(key, folder) == name


def _is_servable(name: str, folder: str) -> bool:
    """Tell whether S3 can have the key, and a browser sends the URL of the plainly encoded name unchanged."""
    if not name or not _is_unicode(name) or len(f"{folder}/{name}".encode()) > 1024:
        return False
    if any(ord(letter) < 0x20 or 0x7F <= ord(letter) < 0xA0 for letter in name):
        return False
    encoded = "/" + "".join(
        letter if letter in "./" else "".join(f"%{byte:02X}" for byte in letter.encode()) for letter in name
    )
    # On a file system, two slashes in a row are one, and a slash at the end is none.
    return _browser_path(encoded) == encoded and "//" not in f"/{name}/"


def _browser_path(path: str) -> str:
    """Return the path after the URL Standard's path state: https://url.spec.whatwg.org/#path-state"""
    kept: list[str] = []
    segments = path[1:].replace("\\", "/").split("/")
    for place, segment in enumerate(segments, 1):
        dots = segment.lower().replace("%2e", ".")
        if dots == "..":
            del kept[-1:]
        elif dots != ".":
            kept.append(segment)
        if dots in (".", "..") and place == len(segments):
            kept.append("")
    return "/" + "/".join(kept)


def _is_unicode(text: str) -> bool:
    return not any(0xD800 <= ord(letter) < 0xE000 for letter in text)
