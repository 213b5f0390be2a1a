"""What an edge location keeps, for how long, and how it serves it: no I/O and no clock.

Rules: CloudFront Developer Guide, "Manage how long content stays in the cache (expiration)", "How CloudFront processes
HTTP 4xx and 5xx status codes from your origin" and "Serve compressed files".
"""

import gzip
import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime

from starlette.datastructures import Headers, MutableHeaders

MAX_OBJECT_BYTES = 10_000_000  # Larger objects are not kept; it is also the largest size that CloudFront compresses.
MAX_CACHE_BYTES = 128_000_000
MIN_COMPRESSED_BYTES = 1_000
# Error responses are kept for the error caching minimum TTL, 10 seconds unless the distribution sets another.
# The guide says that a 403 without Cache-Control is not kept; edge locations are known to keep it.
CACHED_ERRORS = frozenset({403, 404, 405, 414, 500, 501, 502, 503, 504})
ERROR_TTL = 10.0
COMPRESSED_TYPES = frozenset({
    "application/dash+xml", "application/eot", "application/font", "application/font-sfnt", "application/javascript",
    "application/json", "application/opentype", "application/otf", "application/pkcs7-mime",
    "application/protobuf", "application/rss+xml", "application/truetype", "application/ttf",
    "application/vnd.apple.mpegurl", "application/vnd.ms-fontobject",
    "application/xhtml+xml", "application/xml", "application/x-font-opentype",
    "application/x-font-truetype", "application/x-font-ttf", "application/x-httpd-cgi", "application/x-javascript",
    "application/x-mpegurl", "application/x-opentype", "application/x-otf", "application/x-perl", "application/x-ttf",
    "font/eot", "font/opentype", "font/otf", "font/ttf", "image/svg+xml", "text/css", "text/csv", "text/html",
    "text/javascript", "text/js", "text/plain", "text/richtext", "text/tab-separated-values", "text/xml",
    "text/x-component", "text/x-java-source", "text/x-script", "vnd.apple.mpegurl",
})  # fmt: skip

_DIRECTIVE = re.compile(r'([a-z-]+)(?:\s*=\s*"?([^",]*)"?)?')
_RANGE = re.compile(r"bytes=(?:(\d{1,18})-(\d{1,18})?|-(\d{1,18}))")


@dataclass(frozen=True)
class CachePolicy:
    """The cache policy of a behavior; times in seconds. `query_strings` are the names in the key (None: all)."""

    min_ttl: float
    default_ttl: float
    max_ttl: float
    query_strings: frozenset[str] | None = frozenset()
    gzip: bool = False
    error_ttls: Mapping[int, float] = field(default_factory=dict)

    def target(self, path_and_query: bytes) -> bytes:
        """Return the path with the parameters that are part of the cache key, which are those that the origin gets."""
        path, _, query = path_and_query.partition(b"?")
        parameters = query.split(b"&") if query else []
        kept = [part for part in parameters if self._is_in_key(part.partition(b"=")[0])]
        return path + b"?" + b"&".join(kept) if kept else path

    def _is_in_key(self, name: bytes) -> bool:
        return self.query_strings is None or name.decode("latin-1") in self.query_strings

    def ttl(self, status: int, headers: Headers, now: float) -> float:
        """Return for how many seconds a response of the origin is fresh; 0 if it is not kept."""
        directives = _cache_control(headers)
        stated = _stated_lifetime(directives, headers, now)
        if status >= 400:
            known = status in CACHED_ERRORS or status in self.error_ttls
            return max(self.error_ttls.get(status, ERROR_TTL), min(stated or 0, self.max_ttl)) if known else 0
        if status != 200:
            return 0
        if directives.keys() & {"no-store", "no-cache", "private"}:
            return self.min_ttl
        if stated is None:
            return max(self.min_ttl, self.default_ttl)
        return max(self.min_ttl, min(stated, self.max_ttl))


@dataclass(frozen=True)
class Stored:
    """A response of the origin. `validator` is the entity tag as the origin sent it, before any compression."""

    status: int
    headers: Headers
    body: bytes
    validator: str | None
    stored_at: float
    fresh_until: float

    @property
    def size(self) -> int:
        return len(self.body) + sum(len(name) + len(value) for name, value in self.headers.raw)

    def refreshed(self, now: float, ttl: float) -> "Stored":
        """Return the same response, found unchanged at the origin."""
        return replace(self, stored_at=now, fresh_until=now + ttl)


Key = tuple[bytes, bool]


class Cache:
    """Responses by request target and whether the viewer accepts gzip; the least recently used leave it first."""

    def __init__(self, max_bytes: int = MAX_CACHE_BYTES) -> None:
        self._stored: OrderedDict[Key, Stored] = OrderedDict()
        self._max_bytes = max_bytes
        self._bytes = 0

    def get(self, key: Key) -> Stored | None:
        stored = self._stored.get(key)
        if stored:
            self._stored.move_to_end(key)
        return stored

    def put(self, key: Key, stored: Stored) -> None:
        self.remove(key)
        self._stored[key] = stored
        self._bytes += stored.size
        while self._bytes > self._max_bytes:
            self._bytes -= self._stored.popitem(last=False)[1].size

    def remove(self, key: Key) -> None:
        if stored := self._stored.pop(key, None):
            self._bytes -= stored.size

    def invalidate(self, path: str) -> None:
        """Remove the files that an invalidation names: one path with its query, or those that begin as `path*` says."""
        wanted = b"/" + path.encode().lstrip(b"/")
        for key in list(self._stored):
            if key[0].startswith(wanted[:-1]) if wanted.endswith(b"*") else key[0] == wanted:
                self.remove(key)


def accepts_gzip(accept_encoding: str) -> bool:
    """Return whether the viewer accepts gzip, which is all of Accept-Encoding that the cache key holds."""
    for coding in accept_encoding.lower().split(","):
        name, _, weight = coding.partition(";")
        if name.strip() == "gzip":
            return re.fullmatch(r"\s*q\s*=\s*0(\.0*)?\s*", weight) is None
    return False


def compressed(headers: Headers, body: bytes, *, accepted: bool) -> tuple[Headers, bytes]:
    """Return a file as CloudFront sends it, if it compresses files of this type and size.

    If the viewer accepts gzip, the file becomes smaller and its entity tag weak; without, only `Vary` is added.
    """
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in COMPRESSED_TYPES or "content-encoding" in headers:
        return headers, body
    if not MIN_COMPRESSED_BYTES <= len(body) <= MAX_OBJECT_BYTES:
        return headers, body
    changed = MutableHeaders(raw=list(headers.raw))
    changed.add_vary_header("Accept-Encoding")
    if accepted:
        body = gzip.compress(body, mtime=0)
        changed["content-encoding"] = "gzip"
        changed["content-length"] = str(len(body))
        etag = changed.get("etag", "")
        if etag.startswith('"'):
            changed["etag"] = f"W/{etag}"
        elif not etag.startswith("W/"):
            del changed["etag"]
    return Headers(raw=changed.raw), body


def serve(stored: Stored, request: Headers) -> tuple[int, MutableHeaders, bytes]:
    """Return status, headers and body for a GET or HEAD with conditions or a range. RFC 9110, 13 and 14."""
    headers = MutableHeaders(raw=list(stored.headers.raw))
    if stored.status != 200:
        return stored.status, headers, stored.body
    if _not_modified(stored.headers, request):
        for name in ("content-length", "content-type", "content-encoding", "content-range"):
            del headers[name]
        return 304, headers, b""
    if "range" in request and _if_range_holds(stored.headers, request):
        return _part(stored, request["range"], headers)
    return 200, headers, stored.body


def _not_modified(response: Headers, request: Headers) -> bool:
    if "if-none-match" in request:
        tags = [tag.strip().removeprefix("W/") for tag in request["if-none-match"].split(",")]
        return "*" in tags or response.get("etag", "").removeprefix("W/") in tags
    since, modified = _time(request.get("if-modified-since")), _time(response.get("last-modified"))
    return since is not None and modified is not None and modified <= since


def _if_range_holds(response: Headers, request: Headers) -> bool:
    condition = request.get("if-range")
    if condition is None:
        return True
    validator = "etag" if condition.endswith('"') else "last-modified"
    return condition == response.get(validator) and not condition.startswith("W/")


def _part(stored: Stored, wanted: str, headers: MutableHeaders) -> tuple[int, MutableHeaders, bytes]:
    found = _RANGE.fullmatch(wanted.strip())
    size = len(stored.body)
    if not found or (found[2] and int(found[2]) < int(found[1])):
        return 200, headers, stored.body  # Not a range, or several: RFC 9110 lets a server ignore it.
    if found[3]:
        first, last = max(0, size - int(found[3])), size - 1
    else:
        first, last = int(found[1]), min(int(found[2] or size), size - 1)
    if first > last:
        headers["content-range"] = f"bytes */{size}"
        headers["content-length"] = "0"
        return 416, headers, b""
    headers["content-range"] = f"bytes {first}-{last}/{size}"
    headers["content-length"] = str(last - first + 1)
    return 206, headers, stored.body[first : last + 1]


def _cache_control(headers: Headers) -> dict[str, str]:
    directives: dict[str, str] = {}
    for value in headers.getlist("cache-control"):
        for name, argument in _DIRECTIVE.findall(value.lower()):
            directives.setdefault(name, argument.strip())
    return directives


def _stated_lifetime(directives: Mapping[str, str], headers: Headers, now: float) -> float | None:
    for name in ("s-maxage", "max-age"):
        if directives.get(name, "").isdecimal():
            return float(directives[name][:12])
    if "expires" not in headers:
        return None
    expires = _time(headers["expires"])
    return max(0.0, expires - now) if expires is not None else 0.0  # RFC 9111, 5.3: an invalid date is in the past.


def _time(value: str | None) -> float | None:
    try:
        return parsedate_to_datetime(value or "").timestamp()
    except (ValueError, OverflowError):
        return None
