"""Arguments of uploads: what is accepted is within S3's limits and safe in a header, and the parts make up the file."""

from __future__ import annotations

import hashlib
import json
from base64 import standard_b64encode
from decimal import Decimal
from typing import Any

from werkzeug.http import parse_options_header

from fuzz.choices import Choices
from resolvers import upload_plan
from resolvers.errors import RequestRefused

MIB = 1024**2
TIB = 1024**4
LARGEST = [0, 1, 16 * MIB, 5 * 1024 * MIB, 5 * TIB]
SIZES = [
    "0", "-0.0", "1", "-1", "0.5", "1e400", "-1e400", "1e3", "16777216", "16777217", "5497558138880", "5497558138881",
    "9007199254740993", "1e22", "167772160000", "167772160001", "1" * 400, "1.0",
]  # fmt: skip
PIECES = [
    "text", "/", "plain", "*", ";", " ", "=", "charset", "utf-8", '"', "\\", "\r\n", "\n", "\t", "\x00", "\x7f", "é",
    ",", "a", "application", "x-a.b+c", "'", "x-amz-acl: public", "q" * 200,
]  # fmt: skip
TYPES = ["text/plain; charset=utf-8", 'a/b;c="d e";f=g', "image/svg+xml", "text/plain ; a=b"]
DIGESTS = [standard_b64encode(hashlib.sha256(bytes([number])).digest()).decode() for number in range(3)]
NAMES = ["a", "a.txt", "a.HTML", ".txt", "a/b.svg/c", "été.pdf", "a.\n", "a.txt\r\nx: y", ""]


def check(choices: Choices) -> None:
    largest = choices.pick(LARGEST)
    text = choices.pick(SIZES) if choices.flag() else str(choices.number(0, 6 * TIB))
    # As Lambda's runtime reads the event.
    size = json.loads(text)
    content_type = choices.pick([None, choices.text(PIECES, 8), _changed(choices)])
    digest = _digest(choices) if choices.flag() else None
    expected = _is_size(text, largest) and (not content_type or _is_content_type(content_type))
    expected = expected and (digest is None or (_is_digest(digest) and Decimal(text) <= 16 * MIB))
    try:
        file = upload_plan.new_file(choices.pick(NAMES), size, content_type, digest, largest)
    except RequestRefused as refused:
        assert str(refused).isprintable()
        assert not expected, (text, content_type, digest)
        return
    assert expected, (text, content_type, digest)
    assert file.size == int(Decimal(text))
    assert file.content_type == (content_type or file.content_type)
    kind, options = parse_options_header(file.content_type)
    assert kind.count("/") == 1
    assert all(value.isprintable() for value in options.values())
    _check_parts(choices, file.size)


def _check_parts(choices: Choices, size: int) -> None:
    each = upload_plan.part_size(size)
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
    assert 5 * MIB <= each <= 5 * 1024 * MIB
    count = max(1, (size + each - 1) // each)
    assert count <= 10_000
    part = choices.pick([0, 1, count - 1, count, count + 1, -1, choices.number(0, 10_001)])
    try:
        length = upload_plan.part_length(size, part)
    except upload_plan.InvalidParts:
        assert not 1 <= part <= count
    else:
        # The bytes from the start of this part to that of the next, or to the end.
        assert length == min(size, part * each) - (part - 1) * each
    if count < 50:
        given = choices.some(range(count + 2), 4) if choices.flag() else list(range(1, count + 1))
        try:
            upload_plan.check_parts(size, given)
        except upload_plan.InvalidParts:
            assert given != [number + 1 for number in range(count)]
        else:
            assert sum(upload_plan.part_length(size, number) for number in given) == size


def _is_size(text: str, largest: int) -> bool:
    number = Decimal(text)
    return number == number.to_integral_value() and 0 <= number <= largest


def _changed(choices: Choices) -> str:
    """Return a content type with something put into it."""
    found = choices.pick(TYPES)
    for _ in range(choices.number(0, 2)):
        place = choices.number(0, len(found))
        found = found[:place] + choices.pick(PIECES) + found[place + choices.number(0, 1) :]
    return found


def _digest(choices: Choices) -> str:
    digest = choices.pick(DIGESTS)
    for _ in range(choices.number(0, 2)):
        place = choices.number(0, len(digest) - 1)
        digest = digest[:place] + choices.pick(["A", "=", "\n", "-", "", "é", "AA", "+"]) + digest[place + 1 :]
    return digest


def _is_digest(text: str) -> bool:
    """Tell whether the text is the base64 of 32 bytes: 43 characters of its alphabet, and one padding."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return len(text) == 44 and text[43] == "=" and all(letter in alphabet for letter in text[:43])


def _is_content_type(text: str) -> bool:
    """Read a media type character by character: RFC 9110, section 8.3.1."""
    rest = _after_token(text)
    rest = _after_token(rest[1:]) if rest is not None and rest.startswith("/") else None
    while rest:
        trimmed = rest.lstrip(" \t")
        name: Any = _after_token(trimmed[1:].lstrip(" \t")) if trimmed.startswith(";") else None
        if name is None or not name.startswith("="):
            return False
        if name[1:2] == '"':
            end = name.find('"', 2)
            inside = name[2:end]
            if end < 0 or any(not " " <= letter <= "~" or letter == "\\" for letter in inside):
                return False
            rest = name[end + 1 :]
        else:
            rest = _after_token(name[1:])
    return rest == "" and len(text) <= 255


def _after_token(text: str) -> str | None:
    end = 0
    while end < len(text) and text[end].isascii() and (text[end].isalnum() or text[end] in "!#$%&'*+.^_`|~-"):
        end += 1
    return text[end:] if end else None
