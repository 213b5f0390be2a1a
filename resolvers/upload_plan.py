"""How a file is uploaded: in one request or in parts, with which headers. Pure.

S3's limits: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
"""

from __future__ import annotations

import math
import re
from base64 import b64decode
from dataclasses import dataclass

from resolvers import content_types
from resolvers.errors import RequestRefused
from resolvers.quoting import quoted

MIB = 1024**2
SINGLE_REQUEST = 16 * MIB  # up to this size a file is sent in one request
MAX_PARTS = 10_000
# The edge and browsers keep a copy for a minute, so a replaced file opens with its new content after that.
CACHE_CONTROL = "max-age=60"

# RFC 9110, section 8.3: type "/" subtype and parameters, all of tokens or quoted strings.
_WORD = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
_CONTENT_TYPE = re.compile(rf'{_WORD}/{_WORD}([ \t]*;[ \t]*{_WORD}=({_WORD}|"[ !#-\[\]-~]*"))*')
_MAX_CONTENT_TYPE = 255


class InvalidSize(RequestRefused):
    """A file cannot have this size here; the message gives the reason."""


class InvalidContentType(RequestRefused):
    """This is not a content type, or not the digest of a content."""


class InvalidParts(RequestRefused):
    """These parts are not those of the file; the message says what is wrong."""


@dataclass(frozen=True)
class NewFile:
    """A file to upload: its name, size in bytes, content type, and SHA-256 in base64 if the caller gave one."""

    name: str
    size: int
    content_type: str
    sha256: str | None

    @property
    def in_parts(self) -> bool:
        return self.size > SINGLE_REQUEST


def new_file(name: str, size: float, content_type: str | None, sha256: str | None, largest: int) -> NewFile:
    """Return the file that a caller describes. Raises InvalidSize and InvalidContentType."""
    found = NewFile(name, whole_size(size, largest), content_type or content_types.content_type(name), sha256)
    if len(found.content_type) > _MAX_CONTENT_TYPE or not _CONTENT_TYPE.fullmatch(found.content_type):
        raise InvalidContentType(f"contentType must be one such as text/plain, not {quoted(found.content_type)}.")
    if sha256 is not None and not _is_sha256(sha256):
        raise InvalidContentType("sha256 must be the 32 bytes of a SHA-256 in base64.")
    if sha256 is not None and found.in_parts:
        raise InvalidContentType(f"sha256 is for files of up to {SINGLE_REQUEST:,} bytes, which are not sent in parts.")
    return found


def whole_size(size: float, largest: int) -> int:
    """Return the size as a number of bytes. Raises InvalidSize."""
    # Compared before it is converted: JSON has numbers that no int or no float can be.
    if not 0 <= size <= largest or size != int(size):
        raise InvalidSize(f"size must be a whole number of bytes from 0 to {largest:,}, not {size:,}.")
    return int(size)


def part_size(size: int) -> int:
    """Return the size of every part but the last: 16 MiB, or more whole MiB if 10,000 parts would not be enough."""
    return max(SINGLE_REQUEST, math.ceil(math.ceil(size / MAX_PARTS) / MIB) * MIB)


def part_length(size: int, part: int) -> int:
    """Return the size of one part of a file. Raises InvalidParts if the file has no such part."""
    each = part_size(size)
    parts = max(1, math.ceil(size / each))
    if not 1 <= part <= parts:
        raise InvalidParts(f"Part {part} is not one of the {parts:,} parts of a file of {size:,} bytes.")
    return each if part < parts else size - (parts - 1) * each


def check_parts(size: int, parts: list[int]) -> None:
    """Raise InvalidParts unless these are the numbers of all parts of a file of this size, in order."""
    expected = max(1, math.ceil(size / part_size(size)))
    if parts != list(range(1, expected + 1)):
        raise InvalidParts(f"parts must be all {expected:,} parts of a file of {size:,} bytes, each once and in order.")


def _is_sha256(text: str) -> bool:
    try:
        return len(text) == 44 and len(b64decode(text, validate=True)) == 32
    except ValueError:
        return False
