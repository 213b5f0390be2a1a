"""CloudFront's check of a request signed in any way: URL or cookies, canned or custom policy. No I/O and no clock.

This project issues canned policies only, but a canned signature signs a JSON text that is a custom policy, too:
whoever holds a signed URL can send that text as `Policy`, or all of it as cookies, and CloudFront accepts it. In a
custom policy `*` and `?` of `Resource` are wildcards, so the signer must never sign them raw in a file name.
Rules: CloudFront Developer Guide, "Create a signed URL using a custom policy", "Set signed cookies using a canned
policy" and "Decide to use signed URLs or signed cookies". What it does not define is read strictly and marked (?).
"""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from private_files import canned_policy
from private_files.canned_policy import LATEST, AccessDenied, MalformedPolicy, MalformedSignature, PublicKey

# A URL with one of these is a signed URL, and its cookies are not read.
_OF_SIGNED_URLS = (b"Expires", b"Policy", b"Signature", b"Key-Pair-Id")
_COOKIE_PREFIX = b"CloudFront-"
_CIDR = re.compile(r"[0-9.]+(/[0-9]{1,2})?")
_CONDITIONS = {"DateLessThan", "DateGreaterThan", "IpAddress"}


def check(
    origin: str,
    raw_path: bytes,
    raw_query: bytes,
    *,
    cookies: Iterable[bytes] = (),
    source_ip: str = "",
    keys: Mapping[str, PublicKey],
    now: float,
) -> bytes:
    """Return the path and query to request from the origin, without the signing parameters, if the signature is valid.

    `origin` is scheme://host[:port] as URLs are signed, `cookies` the values of the Cookie headers, `source_ip` the
    address of the viewer, `keys` maps Key-Pair-Ids to trusted keys, `now` is in epoch seconds. Raises
    `canned_policy.Refused`.
    """
    target, signing = canned_policy.split(raw_path, raw_query)
    if not any(name in signing for name in _OF_SIGNED_URLS):
        raw_query = b"&".join(filter(None, [raw_query, *_parameters(cookies)]))
        target, signing = canned_policy.split(raw_path, raw_query)
    if b"Policy" not in signing:
        return canned_policy.check(origin, raw_path, raw_query, keys=keys, now=now)

    key = canned_policy.trusted_key(signing, keys)
    if b"Expires" in signing:
        raise MalformedPolicy("the request has both Policy and Expires; a custom policy has its own expiry")  # (?)
    policy = _decoded(signing)
    statement = _parse(policy)
    canned_policy.verify(key, canned_policy.unencode(signing, b"Signature"), policy, signing)
    _check_conditions(statement, origin.encode("ascii") + target, source_ip, now)
    return target


def statement_of(raw_query: bytes) -> Statement | None:
    """Return the statement of the custom policy in a query, or None if it has none or a malformed one."""
    try:
        _, signing = canned_policy.split(b"", raw_query)
        return _parse(_decoded(signing)) if b"Policy" in signing else None
    except MalformedPolicy:
        return None


@dataclass(frozen=True)
class Statement:
    """The statement of a custom policy. Times are epoch seconds; without `resource`, it opens every URL."""

    resource: bytes | None
    expires: int
    starts: int | None
    addresses: IPv4Network | None


def _parameters(cookies: Iterable[bytes]) -> list[bytes]:
    """Return the signing cookies as parameters of a signed URL."""
    pairs = [pair.strip(b" \t") for cookie in cookies for pair in cookie.split(b";")]
    parameters = [pair.removeprefix(_COOKIE_PREFIX) for pair in pairs if pair.startswith(_COOKIE_PREFIX)]
    # None of the values may hold `&`, which would start another parameter.
    return [
        parameter
        for parameter in parameters
        if parameter.partition(b"=")[0] in canned_policy.RESERVED and b"&" not in parameter
    ]


def _decoded(signing: Mapping[bytes, bytes]) -> bytes:
    try:
        return canned_policy.unencode(signing, b"Policy")
    except MalformedSignature as error:
        raise MalformedPolicy(error.reason) from None


def _parse(policy: bytes) -> Statement:
    """Parse a policy of one statement. White space between the parts is allowed, as in AWS's own example."""
    try:
        document = json.loads(policy.decode("utf-8"), object_pairs_hook=_without_duplicates)
        (statement,) = _members(document, {"Statement"})["Statement"]
        condition = _members(_members(statement, {"Resource", "Condition"})["Condition"], _CONDITIONS)
        return Statement(
            resource=_resource(statement["Resource"]) if "Resource" in statement else None,
            expires=_epoch_time(condition["DateLessThan"]),
            starts=_epoch_time(condition["DateGreaterThan"]) if "DateGreaterThan" in condition else None,
            addresses=_addresses(condition["IpAddress"]) if "IpAddress" in condition else None,
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        raise MalformedPolicy(
            "Policy is not a policy of one statement with Resource and Condition, as JSON in UTF-8"
        ) from None


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError  # (?) It is not documented which of two members CloudFront uses.
    return members


def _members(value: Any, allowed: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict) or not allowed.issuperset(value):
        raise ValueError
    return value


def _resource(value: Any) -> bytes:
    if not isinstance(value, str) or not value.startswith(("http://", "https://", "*")):
        raise ValueError
    return value.encode("utf-8")


def _epoch_time(value: Any) -> int:
    time = _members(value, {"AWS:EpochTime"})["AWS:EpochTime"]
    if type(time) is not int or not 0 <= time <= LATEST:
        raise ValueError
    return time


def _addresses(value: Any) -> IPv4Network:
    cidr = _members(value, {"AWS:SourceIp"})["AWS:SourceIp"]
    if not _CIDR.fullmatch(cidr):
        raise ValueError
    return IPv4Network(cidr)


def _check_conditions(statement: Statement, url: bytes, source_ip: str, now: float) -> None:
    if statement.resource is not None and not _matches(statement.resource, url):
        raise AccessDenied("the custom policy is for another URL")
    canned_policy.check_expiry(statement.expires, now)
    if statement.starts is not None and now <= statement.starts:
        raise AccessDenied(
            f"the URL is valid from {datetime.fromtimestamp(statement.starts, UTC):%Y-%m-%d %H:%M:%S} UTC"
        )
    if statement.addresses is not None and not _in_network(source_ip, statement.addresses):
        raise AccessDenied("the custom policy does not allow the IP address of the viewer")


def _matches(pattern: bytes, url: bytes) -> bool:
    """Match the whole URL: `*` is any number of characters, `?` exactly one, nothing else is special."""
    literal = pattern.decode("latin-1").replace("[", "[[]")
    # `translate` makes an expression that does not backtrack from one `*` into another.
    return re.match(fnmatch.translate(literal), url.decode("latin-1")) is not None


def _in_network(source_ip: str, network: IPv4Network) -> bool:
    try:
        return IPv4Address(source_ip) in network
    except ValueError:
        return False  # An IPv6 address: policies can name IPv4 addresses only.
