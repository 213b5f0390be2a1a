"""The edge: only an unchanged signed URL reaches the origin, as it was signed, and no log shows a signature.

Raw bytes go through the whole ASGI application; in place of the origin, a session notes what it would request.
"""

from __future__ import annotations

import logging
from collections.abc import Coroutine
from typing import Any, cast

import aiohttp
from yarl import URL

from fuzz.choices import Choices
from fuzz.targets.signed import NOW, ORIGIN, TRUSTED, signature
from local.data_planes.cloudfront.distribution import Distribution
from local.data_planes.cloudfront.edge import MAX_URL_BYTES, Edge

ENDPOINT = "https://127.0.0.1:4566"
BUCKET_PATH = "/bucket/files"
HOST = b"127.0.0.1:4568"
# The last ones can be signed, by another signer, but not sent on: a URL library would cut or change them.
PATHS = [
    "/a.txt", "/", "/a%20b/%C3%A9.svg", "/%2A", "/50%25%2B.txt", "/a/b/c", "/Expires=1&Signature=x", "/a@b", "//a",
    "/a#b", "/a b", "/a\x7fb",
]  # fmt: skip
OWN = [[], [], ["response-content-disposition=attachment%3B"], ["a=b", "c"], [""], ["Signature2=x", "x=Policy"]]
INSERTED = [
    b"/", b"//", b"..", b"/../", b"%2e%2e/", b".", b"@evil.example/", b"#", b" ", b"\x00", b"\r\n", b"\\", b"%",
    b"%00", b"?", b"&", b"=", b"+", b"~", b"_", b"-", b"A", b"\xe9", b"\xff", b"&Expires=2147483647",
    b"&Policy=e30_", b"&Signature=", b"&Key-Pair-Id=K2", b"&Hash-Algorithm=SHA256", b";", b"http://evil.example",
    b":80", b"x" * 9000,
]  # fmt: skip
HOSTS = [
    HOST,
    HOST,
    HOST,
    b"localhost:1",
    b"[::1]",
    b"evil.example",
    b"127.0.0.1.evil.example",
    b"127.0.0.1:4568\r\nx:y",
    b"",
]
METHODS = ["GET", "GET", "GET", "HEAD", "OPTIONS", "PUT", "POST", "DELETE", "get", "TRACE"]
HEADERS = [
    (b"range", b"bytes=0-1"), (b"range", b"bytes=\xff"), (b"if-none-match", b'"x"'), (b"origin", b"null"),
    (b"origin", b"a\xe9"), (b"cookie", b"CloudFront-Signature=x"), (b"accept-encoding", b"gzip;q=x, *"),
    (b"host", b"evil.example"), (b"authorization", b"x"), (b"x-forwarded-proto", b"http"), (b"if-match", b"*"),
    (b"access-control-request-method", b"PUT"),
]  # fmt: skip
BODIES = [(b"content-length", b"1"), (b"transfer-encoding", b"chunked"), (b"content-length", b"-1")]
DISTRIBUTION = Distribution(
    domain_name="d111111abcdef8.cloudfront.net",
    allowed_methods=frozenset({"GET", "HEAD", "OPTIONS"}),
    https_only=True,
    keys=TRUSTED,
    bucket_path=BUCKET_PATH,
    cache_policy=None,
    compress=True,
    origin_request_headers=frozenset({"origin", "access-control-request-method"}),
    response_headers=None,
    invalidations={},
)


class Session:
    """Takes the place of aiohttp's: notes the request and fails."""

    def __init__(self) -> None:
        self.requested: list[tuple[str, URL, dict[str, str]]] = []

    async def request(self, method: str, url: URL, *, headers: dict[str, str], **_: Any) -> Any:
        self.requested.append((method, url, headers))
        raise aiohttp.ClientConnectionError


class State:
    """Takes the place of the state that is read from the AWS API."""

    async def current(self) -> Distribution:
        return DISTRIBUTION


class Log(logging.Handler):
    """Keeps the messages of the edge's log."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


class Issued:
    """A signed URL in its parts: the path, the query's own parameters and those of the signature."""

    def __init__(self, choices: Choices) -> None:
        self.path, self.own = choices.pick(PATHS), choices.pick(OWN)
        self.expires = NOW + choices.pick([60, 1, 0, -1, 347_483_647])
        key_id, sha256 = choices.pick(["K1", "K1", "K2", "K3"]), choices.flag()
        self.is_trusted = key_id in TRUSTED
        self.target = "?".join([self.path, "&".join(self.own)]) if self.own else self.path
        policy = '{"Statement":[{"Resource":"%s","Condition":{"DateLessThan":{"AWS:EpochTime":%d}}}]}'
        self.signature = signature((policy % (ORIGIN + self.target, self.expires)).encode(), key_id, sha256=sha256)
        self.signing = [f"Expires={self.expires}", f"Signature={self.signature}", f"Key-Pair-Id={key_id}"]
        self.signing += ["Hash-Algorithm=SHA256"] if sha256 else []

    def opens(self, target: bytes) -> bool:
        """Tell whether a request target is this URL: its own parameters in order, the others at any place."""
        path, _, query = target.partition(b"?")
        left = query.split(b"&")
        for piece in self.signing:
            if piece.encode() not in left:
                return False
            left.remove(piece.encode())
        unchanged = path == self.path.encode() and left == [own.encode() for own in self.own]
        return unchanged and self.is_trusted and self.expires > NOW


LOG, SESSION = Log(), Session()
_logger = logging.getLogger("local.data_planes.cloudfront.edge")
_logger.setLevel(logging.INFO)
_logger.propagate = False
EDGE = Edge(cast("Any", State()), ORIGIN, ENDPOINT, lambda: NOW, {"X-Secret": "of the emulator"})
EDGE.origin.session = cast("Any", SESSION)


def check(choices: Choices) -> None:
    issued = Issued(choices)
    target = _changed(choices, issued)
    method, host = choices.pick(METHODS), choices.pick(HOSTS)
    headers, body = choices.some(HEADERS, 2), choices.some(BODIES, 1) if choices.number(0, 7) == 0 else []
    status = _send(method, target, [(b"host", host), *headers, *body])
    reached = list(SESSION.requested)

    hosts = [value for name, value in [(b"host", host), *headers] if name == b"host"]
    is_own_host = hosts in ([HOST], [b"localhost:1"], [b"[::1]"])
    is_sendable = not any(byte <= 0x20 or byte in b"#\x7f" for byte in target)
    allowed = is_sendable and issued.opens(target) and method in ("GET", "HEAD", "OPTIONS") and is_own_host and not body
    assert bool(reached) == (allowed and len(ORIGIN + target.decode("latin-1")) <= MAX_URL_BYTES), (target, status)
    assert status == 502 if reached else status in (400, 403, 413), status
    for _, url, sent in reached:
        # What goes on the wire is exactly what was signed, and to the emulator; a preflight goes to the bucket itself.
        signed = BUCKET_PATH + issued.path if method == "OPTIONS" else issued.target
        assert (url.scheme, url.host, url.port) == ("https", "127.0.0.1", 4566)
        assert url.raw_path_qs == signed.removesuffix("?"), (url.raw_path_qs, signed)
        assert not {name.lower() for name in sent} & {"cookie", "authorization"}
    # If the name of the parameter is damaged as well, nothing tells that its value is a signature.
    is_named = b"Signature=" + issued.signature.encode() in target
    assert not is_named or all(issued.signature not in message for message in LOG.messages), LOG.messages


def _changed(choices: Choices, issued: Issued) -> bytes:
    """Return the issued URL with its parameters moved and its bytes changed, or any bytes at all."""
    pieces = list(issued.own)
    for piece in issued.signing:
        pieces.insert(choices.pick([len(pieces), choices.number(0, len(pieces))]), piece)
    target = f"{issued.path}?{'&'.join(pieces)}".encode()
    for _ in range(choices.number(0, 2)):
        place = choices.number(0, len(target))
        target = target[:place] + choices.pick([b"", *INSERTED]) + target[place + choices.pick([0, 1, 2, 300]) :]
    return choices.rest() if choices.number(0, 15) == 15 else target


def _send(method: str, target: bytes, headers: list[tuple[bytes, bytes]]) -> int:
    """Return the status of the response to a request."""
    LOG.messages.clear()
    SESSION.requested.clear()
    if LOG not in _logger.handlers:
        _logger.addHandler(LOG)
    path, _, query = target.partition(b"?")
    scope = {"type": "http", "method": method, "raw_path": path, "path": "", "query_string": query, "headers": headers}
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("the edge reads the body of a request that it refuses")

    _finish(EDGE(scope | {"client": ("127.0.0.1", 1)}, receive, send))
    (status,) = [message["status"] for message in sent if message["type"] == "http.response.start"]
    assert isinstance(status, int)
    return status


def _finish(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine that never has to wait."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise AssertionError("the edge waits for something")
