"""Why the edge allows or refuses a signed URL: no I/O and no clock.

`custom_policy.check` has CloudFront's rules. Here it is called with variations of the URL, to find the one that was
signed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import quote, unquote, unquote_to_bytes

from private_files.browser_rewrites import Request, as_sent, as_written
from private_files.canned_policy import RESERVED, AccessDenied, Expired, InvalidKey, MissingKey, PublicKey, Refused
from private_files.custom_policy import Statement, check, statement_of
from private_files.trusted_keys import Keys

# Changes in transit after which a URL has no Key-Pair-Id.
_LOST = {
    "&amp;": "& is written &amp;, as in HTML",
    "\\u0026": "& is written \\u0026, as in JSON",
    "%3FExpires": "? is written %3F",
    "#": "everything from # on is not sent",
}


@dataclass(frozen=True)
class Diagnosis:
    """What the edge does with a URL that a browser sends.

    `refused` is the error code, with its `reason`; `signature` is the result of its check, in words; `rewrites` are the
    changes that the browser makes; `other_cdn_url` is the base URL of signed URLs, if the URL has another origin;
    `custom_policy` is the statement of a custom policy, if the URL has one that is not malformed.
    """

    request: Request
    key_id: str
    refused: str | None
    reason: str
    signature: str
    rewrites: list[str]
    other_cdn_url: str | None
    custom_policy: Statement | None


class _NoKey:
    def verify(self, *_: Any) -> None:
        """Accept any signature, so that everything else is checked."""


def diagnose(url: str, keys: Keys, *, now: float, cdn_url: str | None = None) -> Diagnosis:
    """Return what the edge does with the URL at `now`, in epoch seconds; `cdn_url` is the base URL of signed URLs.

    Raises ValueError if it is not a URL.
    """
    request, rewrites = as_sent(url)
    cdn_url = cdn_url.rstrip("/") if cdn_url else None
    key_id = key_pair_id(request)
    trusted = {key_id: cast(PublicKey, _NoKey())} if keys.unread else keys.by_id
    refused, at_any_time = _refusal(request, trusted, now), _refusal(request, trusted)

    if at_any_time and not isinstance(at_any_time, AccessDenied):
        signature = f"not checked: {at_any_time.reason}"
    elif keys.unread:
        signature = f"not checked: {keys.unread}"
    else:
        signature = "does not hold" if at_any_time else "holds"

    code, reason = (refused.code, refused.reason) if refused else (None, "")
    other_cdn_url = cdn_url if cdn_url and cdn_url != request.origin else None
    lost = next((what for sign, what in _LOST.items() if sign in url), None)
    if refused and not isinstance(refused, InvalidKey) and rewrites and _opens_as_written(url, trusted, now):
        reason = f"a browser rewrites the URL ({'; '.join(rewrites)}), and it is signed as written"
    elif isinstance(refused, MissingKey) and lost:
        reason += f"; {lost}"
    elif other_cdn_url and (refused is None or isinstance(refused, InvalidKey)):
        code = (refused or AccessDenied).code
        reason = f"it is signed for another distribution, {request.origin}; the outputs are those of {other_cdn_url}"
    elif isinstance(at_any_time, AccessDenied):
        others = _others(request, keys.by_id, cdn_url)
        signed = (what for what, other, other_keys in others if not _refusal(other, other_keys))
        reason = next((f"the signature does not match: {what}" for what in signed), reason)
    elif isinstance(refused, Expired):
        reason = ""
    policy = statement_of(request.query)
    return Diagnosis(request, key_id, code, reason, signature, rewrites, other_cdn_url, policy)


def key_pair_id(request: Request) -> str:
    """Return the Key-Pair-Id in the query, or the empty string."""
    return parameters(request).get(b"Key-Pair-Id", b"").decode("latin-1")


def parameters(request: Request) -> dict[bytes, bytes]:
    """Return the parameters of the query by name, not decoded, without those that occur twice."""
    pairs = [parameter.partition(b"=")[::2] for parameter in request.query.split(b"&")]
    names = [name for name, _ in pairs]
    return {name: value for name, value in pairs if names.count(name) == 1}


def _refusal(request: Request, keys: Mapping[str, PublicKey], now: float | None = None) -> Refused | None:
    """Return how the edge refuses the request, at `now` or at the best time; the viewer has an allowed address."""
    policy = statement_of(request.query)
    if now is None:
        now = policy.starts + 1 if policy and policy.starts is not None else -math.inf
    address = str(policy.addresses[0]) if policy and policy.addresses else ""
    try:
        check(*request, source_ip=address, keys=keys, now=now)
    except Refused as refused:
        return refused
    return None


def _opens_as_written(url: str, keys: Mapping[str, PublicKey], now: float) -> bool:
    try:
        return not _refusal(as_written(url), keys, now)
    except ValueError:
        return False


def _encoded(text: bytes, safe: str = "") -> bytes:
    """Return the text in the only encoding that is signed: everything is encoded but unreserved characters."""
    return quote(unquote_to_bytes(text), safe=safe).encode()


def _encoded_parameter(parameter: bytes) -> bytes:
    name, mark, value = parameter.partition(b"=")
    # Some clients write + for %20; the + of a name is signed as %2B.
    return parameter if name in RESERVED else name + mark + _encoded(value.replace(b"+", b"%20"))


def _others(
    request: Request, keys: Mapping[str, PublicKey], cdn_url: str | None
) -> Iterator[tuple[str, Request, Mapping[str, PublicKey]]]:
    """Yield what may have been signed instead: the reason, the request and the keys."""
    query = request.query.split(b"&")
    unhashed = [parameter for parameter in query if not parameter.startswith(b"Hash-Algorithm=")]
    signing = [parameter for parameter in query if parameter.partition(b"=")[0] in RESERVED]
    scheme, _, host = request.origin.partition("://")
    for origin in filter(None, (cdn_url, f"{'http' if scheme == 'https' else 'https'}://{host}")):
        yield f"it is signed for {origin}", request._replace(origin=origin), keys
    for other_id, key in keys.items():
        yield f"it is signed with the key {other_id}", request, {key_pair_id(request): key}
    if unhashed == query:
        what, query = "it is signed with SHA-256, and lacks Hash-Algorithm=SHA256", [*query, b"Hash-Algorithm=SHA256"]
    else:
        what, query = "it is signed with SHA-1, and says Hash-Algorithm=SHA256", unhashed
    yield what, request._replace(query=b"&".join(query)), keys
    what = "parameters were added to the query after signing"
    yield what, request._replace(query=b"&".join(signing)), keys
    path, own = _encoded(request.path, "/"), b"&".join(map(_encoded_parameter, request.query.split(b"&")))
    what = (
        "a client decoded characters such as %28, or encoded them in another way, before it sent the URL; it must send "
        "the URL unchanged: with aiohttp, pass yarl.URL(url, encoded=True)"
    )
    for rewritten in (
        request._replace(path=path),
        request._replace(query=own),
        request._replace(path=path, query=own),
    ):
        if rewritten != request:
            yield what, rewritten, keys
    yield "the path was encoded after signing", request._replace(path=unquote_to_bytes(request.path)), keys
    # botocore builds policies with json.dumps, which escapes everything that is not ASCII.
    escaped = json.dumps(unquote(request.path.decode("latin-1")))[1:-1].encode()
    yield "the path was signed with JSON's escapes in it", request._replace(path=escaped), keys
