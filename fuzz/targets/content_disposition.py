"""Content-Disposition: werkzeug reads back the very name, also from the URL's parameter."""

from __future__ import annotations

from urllib.parse import parse_qs, quote

from werkzeug.http import parse_options_header

from fuzz.choices import Choices
from resolvers.content_disposition import InvalidDownloadName, attachment

PIECES = [
    "a", "Z", "0", " ", ".", "..", '"', "'", "%", "%22", "%0A", ";", "=", "*", "filename", "filename*=UTF-8''x", ",",
    "\\", "/", "\r\n", "\x00", "\x7f", "\x9f", "é", "e\u0301", "日", "😀", "\u202e", "\ud83d", "<", ">", "(", "@",
    "x" * 100, "\xa0",
]  # fmt: skip


def check(choices: Choices) -> None:
    name = choices.text(PIECES, 10) + choices.rest().decode("utf-8", "surrogateescape")
    try:
        header = attachment(name)
    except InvalidDownloadName as refused:
        assert str(refused).isprintable()
        assert not _is_name(name), name
        return
    assert _is_name(name), name
    assert header.isascii()
    assert header.isprintable()
    kind, options = parse_options_header(header)
    assert (kind, options.get("filename")) == ("attachment", name), header
    # The fallback for clients that know no filename*: plain, and nothing in it ends the quoted string.
    fallback = header.split("; ", 1)[1].partition("; filename*=")[0] if "filename*" not in name else ""
    assert not fallback or (fallback.startswith('filename="') and fallback.count('"') == 2 and "%" not in fallback)
    # It travels as one parameter of the signed URL.
    query = f"response-content-disposition={quote(header, safe='')}"
    assert parse_qs(query, strict_parsing=True) == {"response-content-disposition": [header]}


def _is_name(name: str) -> bool:
    """Tell whether file systems can have the name: no part of a path, nothing invisible that ends a line."""
    if all(letter in ". " for letter in name) or any(0xD800 <= ord(letter) < 0xE000 for letter in name):
        return False
    if any(ord(letter) < 0x20 or 0x7F <= ord(letter) < 0xA0 or letter in "/\\" for letter in name):
        return False
    return len(name.encode()) <= 255
