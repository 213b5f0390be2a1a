"""Page tokens: a forged one shows nothing that the caller may not read, and honest ones skip and repeat nothing."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from typing import Any, cast

from fuzz.choices import Choices
from resolvers import page_token
from resolvers.allowed_files import AllowedFiles
from resolvers.errors import RequestRefused
from resolvers.page_token import InvalidNextToken
from resolvers.s3_files import FileListing

FOLDERS = ["", "a/", "a/b/", "ab/", "b/", "é/", "a/a/"]
NAMES = ["a", "b", "é", "\U0010ffff", "a b", "\uffff"]
ALPHABET = ["A", "B", "z", "0", "9", "-", "_", "=", "+", "/", "%", " ", "\n", "é", "\ud83d", "\x00", "AAAA"]
POSITIONS = ["name:", "prefix:", "files/", "a/", "b/", "ab/", "é/", "a", "\U0010ffff", "\x00", "/", "..", "name"]


class Bucket:
    """S3's ListObjectsV2 over a few keys, whose continuation token is the last entry of the page before."""

    def __init__(self, keys: set[str]) -> None:
        self._keys = sorted(keys, key=str.encode)

    def list_objects_v2(self, **request: Any) -> dict[str, Any]:
        prefix, delimiter = request["Prefix"], request.get("Delimiter", "")
        after = request.get("ContinuationToken") or request.get("StartAfter", "")
        entries: dict[str, bool] = {}
        for key in self._keys:
            if key.startswith(prefix):
                below = key.find(delimiter, len(prefix)) if delimiter else -1
                entries[key if below < 0 else key[: below + 1]] = below >= 0
        left = [entry for entry in entries if entry.encode() > after.encode("utf-8", "surrogatepass")]
        page, more = left[: request["MaxKeys"]], len(left) > request["MaxKeys"]
        modified = datetime(2026, 1, 1, tzinfo=UTC)
        files = [entry for entry in page if not entries[entry]]
        return {
            "IsTruncated": more,
            "Contents": [{"Key": key, "Size": 1, "LastModified": modified, "ETag": '"e"'} for key in files],
            "CommonPrefixes": [{"Prefix": entry} for entry in page if entries[entry]],
        } | ({"NextContinuationToken": page[-1]} if more else {})


def check(choices: Choices) -> None:
    names = {choices.pick(FOLDERS) + choices.pick(NAMES) for _ in range(choices.number(0, 12))}
    allowed = _outermost(choices.some(FOLDERS, 4))
    prefix = choices.pick([*FOLDERS, "a", "a/a"])
    delimiter = choices.pick(["", "/"])
    limit = choices.number(1, 4)
    bucket = cast("Any", Bucket({f"files/{name}" for name in names}))
    files = AllowedFiles(FileListing(bucket, bucket="b", folder="files"), allowed)
    readable = sorted((name for name in names if name.startswith((*allowed, "\udfff"))), key=str.encode)
    if choices.flag():
        _check_honest(files, readable, prefix, delimiter, limit)
    else:
        _check_forged(choices, files, set(readable), allowed, (prefix, delimiter), limit=limit)


def _check_honest(files: AllowedFiles, readable: list[str], prefix: str, delimiter: str, limit: int) -> None:
    expected = [name for name in readable if name.startswith(prefix)]
    if delimiter:
        expected = [name for name in expected if "/" not in name[len(prefix) :]]
    found: list[str] = []
    token: str | None = None
    for _ in range(200):
        page = files.page(prefix=prefix, delimiter=delimiter, limit=limit, token=token)
        assert len(page.files) + len(page.folders) <= limit
        found += [file.name for file in page.files]
        token = page.next_token
        if token is None:
            break
    assert token is None, "the pages do not end"
    assert found == expected


def _check_forged(
    choices: Choices,
    files: AllowedFiles,
    readable: set[str],
    allowed: tuple[str, ...],
    listing: tuple[str, str],
    *,
    limit: int,
) -> None:
    prefix, delimiter = listing
    position = choices.text(POSITIONS, 4)
    of_listing = listing if choices.flag() else (choices.pick(FOLDERS), choices.pick(["", "/"]))
    token = genuine = _token(position, of_listing)
    for _ in range(choices.number(0, 2)):
        place = choices.number(0, len(token))
        token = token[:place] + choices.text(ALPHABET, 2) + token[place + choices.number(0, 2) :]
    is_valid = token == genuine and of_listing == listing and bool(position)
    try:
        unwrapped = page_token.unwrap(token, *listing)
    except InvalidNextToken:
        assert not is_valid
    else:
        # Another token for this listing cannot be made without SHA-256.
        assert is_valid
        assert unwrapped == position
    try:
        page = files.page(prefix=prefix, delimiter=delimiter, limit=limit, token=token)
    except RequestRefused:
        return
    assert is_valid
    assert len(page.files) + len(page.folders) <= limit
    for file in page.files:
        assert file.name in readable
        assert file.name.startswith(prefix)
    for folder in page.folders:
        assert folder.startswith(prefix)
        assert any(folder.startswith(each) or each.startswith(folder) for each in allowed)


def _token(position: str, listing: tuple[str, str]) -> str:
    """Return what a forger makes, who has read how tokens are made."""
    payload = position.encode("utf-8", "replace")
    digest = hashlib.sha256()
    for part in (payload, *(each.encode() for each in listing)):
        digest.update(len(part).to_bytes(4, "big") + part)
    return urlsafe_b64encode(digest.digest()[:12] + payload).decode().rstrip("=")


def _outermost(prefixes: list[str]) -> tuple[str, ...]:
    return tuple(sorted({each for each in prefixes if not any(each != o and each.startswith(o) for o in prefixes)}))
