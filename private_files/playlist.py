"""Playlists of films (HLS): the files of the stack that one names, and the same playlist with other addresses. Pure.

https://datatracker.ietf.org/doc/html/rfc8216
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

from private_files import file_names
from private_files.failures import TransferFailed

_EXTENSIONS = (".m3u8", ".m3u")
_MASTER = "#EXT-X-STREAM-INF:"  # each of its variants is a playlist
_OF_PLAYLISTS = ("#EXT-X-MEDIA:", "#EXT-X-I-FRAME-STREAM-INF:")
# Each attribute is matched, so that a quoted text which contains `URI=` is not taken for one.
_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^",]*)')
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True)
class Playlist:
    """A playlist for a player: its text, the names of its files in order, and which of them are playlists, too."""

    text: str
    names: list[str]
    playlists: frozenset[str]


def is_playlist(name: str) -> bool:
    """Whether the name is that of a playlist."""
    return name.lower().endswith(_EXTENSIONS)


def read(content: bytes, name: str, origin: str, address: Callable[[str], str]) -> Playlist:
    """Return the playlist with the `address` of each file instead of its URI.

    `name` is that of the playlist, and `origin` that of signed URLs. URIs are relative, or of this origin; their query
    is dropped. Raises TransferFailed if this is not a playlist, or if it names anything but files of the stack.
    """
    try:
        lines = [line.strip() for line in content.decode("utf-8-sig").split("\n")]
    except UnicodeDecodeError:
        lines = []
    if not lines or lines[0] != "#EXTM3U":
        raise TransferFailed("this is not a playlist of HLS, which starts with #EXTM3U")
    base, names, playlists = f"{origin}/{quote(name)}", dict[str, None](), set[str]()
    is_master = any(line.startswith(_MASTER) for line in lines)

    def rewritten(uri: str, *, of_playlist: bool) -> str:
        found = _name(uri, base)
        names[found] = None
        if of_playlist:
            playlists.add(found)
        return address(found)

    def rewritten_attributes(tag: str) -> str:
        of_playlist = tag.startswith(_OF_PLAYLISTS)

        def rewritten_attribute(found: re.Match[str]) -> str:
            key, value = found.groups()
            is_uri = key.endswith("URI") and value.strip('"')
            return f'{key}="{rewritten(value.strip(chr(34)), of_playlist=of_playlist)}"' if is_uri else found[0]

        return _ATTRIBUTE.sub(rewritten_attribute, tag)

    written = []
    for line in lines:
        if line.startswith("#"):
            written.append(rewritten_attributes(line) if line.startswith("#EXT") else line)
        else:
            written.append(line and rewritten(line, of_playlist=is_master))
    return Playlist("\n".join(written), list(names), frozenset(playlists))


def origin_of(url: str) -> str:
    """Return the origin of a URL: scheme, host and port. Raises ValueError."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _name(uri: str, base: str) -> str:
    """Return the name of the file that the URI means in a playlist with this URL. Raises TransferFailed."""
    try:
        parts = urlsplit(urljoin(base, uri))
        is_ours = _origin(parts) == _origin(urlsplit(base))
    except ValueError:
        raise TransferFailed("the playlist contains an address that cannot be read") from None
    if not is_ours:
        other = f"{parts.scheme}://{parts.hostname}" if parts.hostname else f"{parts.scheme}:"
        raise TransferFailed(f"the playlist names another origin, {other[:200]}: only files of this stack are played")
    try:
        name = unquote(parts.path.removeprefix("/"), errors="strict")
    except UnicodeDecodeError:
        raise TransferFailed("the playlist names a file whose name is not UTF-8") from None
    if reason := file_names.reason_to_refuse(name):
        raise TransferFailed(f"the playlist names “{name[:200]}”, and no file can have this name: {reason}")
    return name


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)
