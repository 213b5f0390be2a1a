"""A judgement in words: the sentence, the table, the JSON; nothing of it holds the signature."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, unquote_plus

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from private_files.canned_policy import EPOCH_SECONDS, LATEST
from private_files.explain import Judgement, parameters
from private_files.public_keys import Keys

_S3 = (
    "The edge lets it through; if it is still 403, S3 refuses: no such file, or the bucket policy or the KMS key "
    "does not let this distribution read."
)
_UTF8_NAME = re.compile(r"filename\*\s*=\s*utf-8'[^']*'([^;\s]+)", re.I)  # RFC 6266: it wins over the plain one
_NAME = re.compile(r'filename\s*=\s*(?:"((?:\\.|[^"\\])*)"|([^;\s]+))', re.I)
_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))


class Explanation:
    """What a person, or a script, is told about a URL at `now`."""

    def __init__(self, judgement: Judgement, keys: Keys, *, now: float) -> None:
        self._judgement = judgement
        self._query = parameters(judgement.request)
        self._keys = keys
        expires = self._query.get(b"Expires", b"")
        self._expires = int(expires) if EPOCH_SECONDS.fullmatch(expires) and int(expires) <= LATEST else None
        self._until = _until(self._expires, now)
        self._file = _shown(unquote(judgement.request.path[1:].decode("latin-1"), "utf-8", "replace")) or "/"

    @property
    def exit_code(self) -> int:
        """0: the edge opens it; 1: it refuses; 4: nobody could tell without the key."""
        if self._judgement.refused:
            return 1
        return 0 if self._judgement.signature == "holds" else 4

    @property
    def verdict(self) -> str:
        judgement, (at, distance) = self._judgement, self._until
        if not judgement.refused:
            opens = "This URL opens" if self.exit_code == 0 else "Unless the signature is wrong, this URL opens"
            return f"{opens} {self._file} until {at}, {distance}."
        return f"Refused by the edge ({judgement.refused}): " + (
            f"{_shown(judgement.reason)}." if judgement.reason else f"the URL expired {distance}, at {at}."
        )

    def lines(self) -> list[str]:
        rows = {
            "opens": self._file + (f", saved as {self._saved_as}" if self._saved_as else ""),
            "until": ", ".join(filter(None, self._until)),
            "signed by": ", ".join(filter(None, (self._key_id, self._membership, self._algorithm, self._hash))),
            "signature": self._judgement.signature,
            "browser": "; ".join(self._judgement.rewrites) or "sends it as it is",
        }
        if self._judgement.not_at:
            rows["origin"] = f"{self._judgement.request.origin}, not that of the outputs, {self._judgement.not_at}"
        table = [f"{name:<9}  {_shown(text)}" for name, text in rows.items()]
        return [self.verdict, "", *table, *(["", _S3] if self.exit_code == 0 else [])]

    def json(self) -> dict[str, Any]:
        return {
            "opens": {0: True, 1: False}.get(self.exit_code),
            "verdict": self.verdict,
            "code": self._judgement.refused,
            "origin": self._judgement.request.origin,
            "file": self._file,
            "savedAs": self._saved_as,
            "expires": self._expires,
            "keyPairId": self._judgement.key_id or None,
            "inKeyGroup": self._judgement.key_id in self._keys.by_id if self._keys.group else None,
            "algorithm": self._algorithm,
            "hash": self._hash,
            "signature": self._judgement.signature,
            "browser": self._judgement.rewrites,
        }

    @property
    def _saved_as(self) -> str | None:
        header = unquote_plus(self._query.get(b"response-content-disposition", b"").decode("latin-1"))
        if found := _UTF8_NAME.search(header):
            return _shown(unquote(found[1]))
        found = _NAME.search(header)
        return _shown(re.sub(r"\\(.)", r"\1", found[1] or found[2] or "")) if found else None

    @property
    def _key_id(self) -> str:
        return self._judgement.key_id or "no key"

    @property
    def _membership(self) -> str:
        if not self._keys.group or not self._judgement.key_id:
            return ""
        inside = self._judgement.key_id in self._keys.by_id
        return f"{'in' if inside else 'not in'} the key group of the distribution"

    @property
    def _algorithm(self) -> str | None:
        key = self._keys.by_id.get(self._judgement.key_id)
        if key is None:
            return None
        return "RSA-2048" if isinstance(key, RSAPublicKey) else "ECDSA P-256"

    @property
    def _hash(self) -> str | None:
        return {b"": "SHA-1", b"SHA256": "SHA-256"}.get(self._query.get(b"Hash-Algorithm", b""))


def _until(expires: int | None, now: float) -> tuple[str, str]:
    if expires is None:
        return "no valid Expires", ""
    at = datetime.fromtimestamp(expires, UTC)
    seconds = abs(int(expires - now))
    unit, size = next(((unit, size) for unit, size in _UNITS if seconds >= size), _UNITS[-1])
    count = seconds // size
    amount = f"{count} {unit}{'' if count == 1 else 's'}"
    when = f"{at:%Y-%m-%d %H:%M:%S}".removesuffix(":00")
    return f"{when} UTC", f"in {amount}" if expires > now else f"{amount} ago"


def _shown(text: str) -> str:
    # Whoever made the URL must not move the cursor, or turn the text around.
    text = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
    # In a URL that was encoded as a whole, the name holds the signature.
    return re.sub(r"(?<=Signature=)[^&]*", "…", text)
