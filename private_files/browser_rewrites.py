"""How browsers rewrite URLs before they send them: a rewritten URL is not the one that was signed.

Rules: the URL Standard (https://url.spec.whatwg.org); comments name its sections and states. No I/O.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_DEFAULT_PORTS = {"http": "80", "https": "443"}
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>([^/?#@]*@)?([a-z0-9_.-]+|\[[0-9a-f:.]+\])(:[0-9]*)?)"
    r"(?P<path>(/[^?#]*)?)(\?(?P<query>[^#]*))?(#.*)?",
    re.I | re.S | re.A,
)
# "Percent-encoded bytes": the query, special-query and path percent-encode sets; all hold every C0 control, DEL and
# everything that is not ASCII.
_QUERY_SET = frozenset(" \"#<>'")
_PATH_SET = frozenset(' "#<>?^`{}')
# "URL writing": single-dot and double-dot URL path segments, in any case.
_DOT = {".", "%2e"}
_DOT_DOT = {"..", ".%2e", "%2e.", "%2e%2e"}
_NOT_A_URL = "It must start with https:// or http://, and a host in ASCII."


class Request(NamedTuple):
    """The origin (scheme and host) as URLs are signed, and the path and query as they are sent."""

    origin: str
    path: bytes
    query: bytes


def as_written(url: str) -> Request:
    """Return the request for exactly this URL. Raises ValueError if it is not an http(s) URL with an ASCII host."""
    found = _URL.fullmatch(url)
    if not found:
        raise ValueError(_NOT_A_URL)
    origin = f"{found['scheme']}://{found['host']}"
    return Request(origin, _bytes(found["path"]), _bytes(found["query"] or ""))


def as_sent(url: str) -> tuple[Request, list[str]]:
    """Return the request that a browser sends for the URL, and what it rewrites. Raises ValueError as `as_written`."""
    changes: list[str] = []

    def changed(before: str, after: str, what: str) -> str:
        if before != after:
            changes.append(what)
        return after

    # "Basic URL parser", steps 1 and 3.
    url = changed(url, url.strip("".join(map(chr, range(0x21)))), "surrounding white space is removed")
    url = changed(url, re.sub(r"[\t\n\r]", "", url), "tabs and line breaks are removed")
    # "Fragment state": the browser keeps what follows #.
    url = changed(url, url.partition("#")[0], "everything from # on is not sent")
    head, mark, query = url.partition("?")
    # "Path state" and "relative slash state": in http and https, \ is /.
    head = changed(head, head.replace("\\", "/"), "\\ becomes /")
    found = _URL.fullmatch(head)
    if not found:
        raise ValueError(_NOT_A_URL)
    scheme = found["scheme"].lower()
    host = changed(found["host"], found["host"].rpartition("@")[2], "user name and password are removed")
    # "Scheme state", "host parsing", "port state".
    plain = host.lower().removesuffix(f":{_DEFAULT_PORTS[scheme]}").removesuffix(":")
    host = changed(host, plain, "host: lower case, no default port")
    changed(found["scheme"], scheme, "scheme: lower case")
    path = changed(found["path"], _without_dots(found["path"]), "dot segments are resolved")
    path = changed(path, path or "/", "an empty path becomes /")
    path, query = _encode(path, _PATH_SET, "path", changes), _encode(query, _QUERY_SET, "query", changes)
    return as_written(f"{scheme}://{host}{path}{mark}{query}"), changes


def _without_dots(path: str) -> str:
    kept: list[str] = []
    segments = path.split("/")
    for place, segment in enumerate(segments):
        dots = segment.lower()
        if dots not in _DOT | _DOT_DOT:
            kept.append(segment)
            continue
        if dots in _DOT_DOT and len(kept) > 1:
            kept.pop()
        if place == len(segments) - 1:
            kept.append("")
    return "/".join(kept)


def _encode(text: str, special: frozenset[str], part: str, changes: list[str]) -> str:
    found = {letter for letter in text if letter in special or not " " <= letter <= "~"}
    if not found:
        return text
    codes = {letter: "".join(f"%{byte:02X}" for byte in _bytes(letter)) for letter in found}
    names = {" ": "space"} | {letter: f"U+{ord(letter):04X}" for letter in found if not letter.isprintable()}
    encoded = ", ".join(f"{names.get(letter, letter)} to {codes[letter]}" for letter in sorted(found)[:5])
    changes.append(f"in the {part}, it encodes {encoded}{', …' if len(found) > 5 else ''}")
    return "".join(codes.get(letter, letter) for letter in text)


def _bytes(text: str) -> bytes:
    # Python escapes the bytes of an argument that is not UTF-8.
    return text.encode("utf-8", "surrogateescape")
