"""Custom policies, which a holder of a URL can make of its signature: every condition of one is checked."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from fuzz.choices import Choices
from fuzz.targets.signed import NOW, ORIGIN, TRUSTED, encoded, signature
from private_files import custom_policy
from private_files.canned_policy import Refused

PIECES = ["a", "b", "/", "*", "?", "[a]", "]", "!", "é", "%2A", ".", "&", "=", "\\", "ab"]
STARTS = [
    ORIGIN,
    "http://",
    "https://",
    "*",
    "http://127.0.0.1:456?",
    "http*://",
    "HTTP://127.0.0.1:4568",
    "ftp://",
    "",
]
TIMES: list[Any] = [
    NOW + 1,
    NOW + 60,
    NOW,
    NOW - 1,
    0,
    2**31 - 1,
    2**31,
    -1,
    "1800000060",
    1800000060.0,
    True,
    None,
    10**30,
]
NETWORKS: list[Any] = [
    "192.0.2.0/24",
    "192.0.2.7/32",
    "192.0.2.7",
    "0.0.0.0/0",
    "192.0.2.1/24",
    "192.0.2.0/33",
    "::/0",
    "x",
    7,
]
VIEWERS = ["192.0.2.7", "192.0.2.8", "192.0.3.7", "2001:db8::1", ""]
# How the text differs from a policy: https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-creating-signed-url-custom-policy.html
FAULTS = [
    "",
    "",
    "",
    "",
    "two statements",
    "no condition",
    "twice",
    "member",
    "cut",
    "latin-1",
    "other signature",
    "unknown key",
]


def check(choices: Choices) -> None:
    path = "/" + choices.text(PIECES, 6).replace("?", "")
    own = choices.some(["a=b", "*", "size=?", "a"], 2)
    target = "?".join([path, "&".join(own)]) if own else path
    resource = _resource(choices, ORIGIN + target)
    condition: dict[str, Any] = {"DateLessThan": {"AWS:EpochTime": choices.pick(TIMES)}}
    if choices.flag():
        condition["DateGreaterThan"] = {"AWS:EpochTime": choices.pick(TIMES)}
    if choices.flag():
        condition["IpAddress"] = {"AWS:SourceIp": choices.pick(NETWORKS)}
    fault = choices.pick(FAULTS)
    policy = _policy(resource, condition, fault, indent=choices.pick([None, 1]), ascii_only=choices.flag())
    key_id = "K3" if fault == "unknown key" else choices.pick(["K1", "K2"])
    sha256 = choices.flag()
    signed = policy + b" " if fault == "other signature" else policy
    pieces = [
        f"Policy={encoded(policy)}",
        f"Signature={signature(signed, key_id, sha256=sha256)}",
        f"Key-Pair-Id={key_id}",
    ]
    pieces += ["Hash-Algorithm=SHA256"] if sha256 else []
    cookies: list[bytes] = []
    if choices.flag():
        cookies = [b"; ".join(f"CloudFront-{piece}".encode() for piece in pieces), b"other=1"]
        pieces = []
    query = "&".join([*own, *pieces]).encode()
    viewer = choices.pick(VIEWERS)
    try:
        opened = custom_policy.check(
            ORIGIN, path.encode(), query, cookies=cookies, source_ip=viewer, keys=TRUSTED, now=NOW
        )
    except Refused as refused:
        opened = None
        assert refused.reason.isprintable()
    allowed = not fault and _allows(resource, condition, ORIGIN + target, viewer)
    assert opened == (target.encode() if allowed else None), (policy, target, viewer)


def _resource(choices: Choices, url: str) -> str | None:
    """Return no resource, any, or one that is the URL with wildcards in it."""
    match choices.number(0, 3):
        case 0:
            return None
        case 1:
            return choices.pick(STARTS) + choices.text(PIECES, 8)
    for _ in range(choices.number(0, 3)):
        place = choices.number(0, len(url))
        url = url[:place] + choices.pick(["*", "?", "[", "a", ""]) + url[place + choices.number(0, 9) :]
    return url


def _policy(
    resource: str | None, condition: dict[str, Any], fault: str, *, indent: int | None, ascii_only: bool
) -> bytes:
    statement: dict[str, Any] = {} if resource is None else {"Resource": resource}
    if fault != "no condition":
        statement["Condition"] = condition
    if fault == "member":
        statement["Effect"] = "Allow"
    statements = [statement, statement] if fault == "two statements" else [statement]
    text = json.dumps({"Statement": statements}, indent=indent, ensure_ascii=ascii_only)
    if fault == "twice":
        text = text.replace('"DateLessThan"', '"DateLessThan": {"AWS:EpochTime": 2147483647}, "DateLessThan"')
    if fault == "latin-1":
        return text.encode("latin-1") + b"\xe9"
    return text[:-1].encode() if fault == "cut" else text.encode()


def _allows(resource: str | None, condition: dict[str, Any], url: str, viewer: str) -> bool:
    if resource is not None and not (
        resource.startswith(("http://", "https://", "*")) and _fits(resource.encode(), url.encode())
    ):
        return False
    expires, starts = condition["DateLessThan"]["AWS:EpochTime"], condition.get("DateGreaterThan")
    if not _is_time(expires) or expires <= NOW:
        return False
    if starts and not (_is_time(starts["AWS:EpochTime"]) and starts["AWS:EpochTime"] < NOW):
        return False
    return "IpAddress" not in condition or _is_in(viewer, condition["IpAddress"]["AWS:SourceIp"])


def _is_time(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31


def _is_in(viewer: str, network: Any) -> bool:
    """Compare IPv4 addresses bit by bit. A network with bits beyond its length is malformed."""
    if not isinstance(network, str) or ":" in viewer or not viewer or not set(network) <= set("0123456789./"):
        return False
    address, _, length = network.partition("/")
    bits = int(length or 32)
    wanted, given = _bits(address), _bits(viewer)
    return bits <= 32 and "1" not in wanted[bits:] and given[:bits] == wanted[:bits]


def _bits(address: str) -> str:
    return "".join(f"{int(part):08b}" for part in address.split("."))


def _fits(pattern: bytes, url: bytes) -> bool:
    """Tell whether the pattern matches: `*` is any number of bytes, `?` is one."""

    @cache
    def fits(p: int, u: int) -> bool:
        if p == len(pattern):
            return u == len(url)
        if pattern[p : p + 1] == b"*":
            return fits(p + 1, u) or (u < len(url) and fits(p, u + 1))
        return u < len(url) and pattern[p : p + 1] in (b"?", url[u : u + 1]) and fits(p + 1, u + 1)

    return fits(0, 0)
