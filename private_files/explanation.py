"""`explain`: the diagnosis of a URL as a sentence, a table or JSON, never with the signature."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, unquote_plus

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from private_files import s3_errors, trusted_keys, unicode_forms
from private_files.browser_rewrites import as_sent
from private_files.canned_policy import EPOCH_SECONDS, LATEST
from private_files.custom_policy import Statement
from private_files.diagnosis import Diagnosis, diagnose, key_pair_id, parameters
from private_files.failures import Unconfigured
from private_files.outputs import Outputs
from private_files.shown_text import masked
from private_files.trusted_keys import Keys

_S3 = "The edge allows it; if the request still fails, S3 refuses it. The <Code> in the body of the response says why:"
_UTF8_NAME = re.compile(r"filename\*\s*=\s*utf-8'[^']*'([^;\s]+)", re.I)  # RFC 6266: it takes precedence over filename
_NAME = re.compile(r'filename\s*=\s*(?:"((?:\\.|[^"\\])*)"|([^;\s]+))', re.I)
_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))


def explain(
    url: str, outputs: Outputs, public_key: str | None, *, check_origin: bool, own_credentials: bool = True
) -> Explanation:
    """Explain the URL with the key in the file `public_key`, or without it with the keys of the stack.

    With `check_origin`, a URL for another distribution is refused. Raises Unconfigured.
    """
    now = time.time()
    try:
        request, _ = as_sent(url)
        if public_key:
            keys = trusted_keys.from_file(public_key, key_pair_id(request))
        else:
            keys = trusted_keys.fetch(outputs, own_credentials=own_credentials)
        diagnosis = diagnose(url, keys, now=now, cdn_url=outputs.cdn_url if check_origin else None)
        return Explanation(diagnosis, keys, now=now)
    except ValueError as error:
        raise Unconfigured(f"This is not a URL to explain. {error}") from None


class Explanation:
    """The explanation of a URL at `now`, in epoch seconds."""

    def __init__(self, diagnosis: Diagnosis, keys: Keys, *, now: float) -> None:
        self._diagnosis = diagnosis
        self._query = parameters(diagnosis.request)
        self._keys = keys
        expires, self._policy = self._query.get(b"Expires", b""), diagnosis.custom_policy
        self._expires = int(expires) if EPOCH_SECONDS.fullmatch(expires) and int(expires) <= LATEST else None
        if self._policy:
            self._expires = self._policy.expires
        self._until = _until(self._expires, now)
        self._file = _shown(unquote(diagnosis.request.path[1:].decode("latin-1"), "utf-8", "replace")) or "/"

    @property
    def exit_code(self) -> int:
        """0 if the edge allows the URL, 1 if it refuses it, 4 if there was no key to check the signature."""
        if self._diagnosis.refused:
            return 1
        return 0 if self._diagnosis.signature == "holds" else 4

    @property
    def verdict(self) -> str:
        diagnosis, (at, distance) = self._diagnosis, self._until
        if not diagnosis.refused:
            opens = "This URL opens" if self.exit_code == 0 else "Unless the signature is wrong, this URL opens"
            return f"{opens} {self._file} until {at}, {distance}."
        return f"Refused by the edge ({diagnosis.refused}): " + (
            f"{_shown(diagnosis.reason)}." if diagnosis.reason else f"the URL expired {distance}, at {at}."
        )

    def lines(self) -> list[str]:
        rows = {
            "opens": self._file + (f", saved as {self._saved_as}" if self._saved_as else ""),
            "until": ", ".join(filter(None, self._until)),
            "signed by": ", ".join(filter(None, (self._key_id, self._membership, self._algorithm, self._hash))),
            "signature": self._diagnosis.signature,
            "browser": "; ".join(self._diagnosis.rewrites) or "sends it as it is",
        }
        if self._policy:
            rows["policy"] = _reach(self._policy)
        if self._other_form:
            rows["looks like"] = self._other_form
        if self._diagnosis.other_cdn_url:
            rows["origin"] = (
                f"{self._diagnosis.request.origin}, not that of the outputs, {self._diagnosis.other_cdn_url}"
            )
        table = [f"{name:<10} {_shown(text)}" for name, text in rows.items()]
        s3 = ["", _S3, *(f"  {line}" for line in s3_errors.table())] if self.exit_code == 0 else []
        return [self.verdict, "", *table, *s3]

    def json(self) -> dict[str, Any]:
        found = {
            "opens": {0: True, 1: False}.get(self.exit_code),
            "verdict": self.verdict,
            "code": self._diagnosis.refused,
            "origin": self._diagnosis.request.origin,
            "file": self._file,
            "savedAs": self._saved_as,
            "expires": self._expires,
            "keyPairId": self._diagnosis.key_id or None,
            "inKeyGroup": self._diagnosis.key_id in self._keys.by_id if self._keys.group else None,
            "algorithm": self._algorithm,
            "hash": self._hash,
            "signature": self._diagnosis.signature,
            "browser": self._diagnosis.rewrites,
            **({"customPolicy": _reach(self._policy)} if self._policy else {}),
        }
        return {name: _without_signatures(value) for name, value in found.items()}

    @property
    def _saved_as(self) -> str | None:
        header = unquote_plus(self._query.get(b"response-content-disposition", b"").decode("latin-1"))
        if found := _UTF8_NAME.search(header):
            return _shown(unquote(found[1]))
        found = _NAME.search(header)
        return _shown(re.sub(r"\\(.)", r"\1", found[1] or found[2] or "")) if found else None

    @property
    def _other_form(self) -> str:
        if not unicode_forms.other_forms(self._file):
            return ""
        return (
            f"the name is written {unicode_forms.form(self._file)}; a name in another form looks the same and is "
            "another file"
        )

    @property
    def _key_id(self) -> str:
        return self._diagnosis.key_id or "no key"

    @property
    def _membership(self) -> str:
        if not self._keys.group or not self._diagnosis.key_id:
            return ""
        inside = self._diagnosis.key_id in self._keys.by_id
        return f"{'in' if inside else 'not in'} the key group of the distribution"

    @property
    def _algorithm(self) -> str | None:
        key = self._keys.by_id.get(self._diagnosis.key_id)
        if key is None:
            return None
        return "RSA-2048" if isinstance(key, RSAPublicKey) else "ECDSA P-256"

    @property
    def _hash(self) -> str | None:
        return {b"": "SHA-1", b"SHA256": "SHA-256"}.get(self._query.get(b"Hash-Algorithm", b""))


def _reach(policy: Statement) -> str:
    """Return what a custom policy opens, in words; the client cannot know the address that the edge sees."""
    resource = "every file" if policy.resource is None else policy.resource.decode("utf-8")
    start = f", from {_until(policy.starts, 0)[0]}" if policy.starts is not None else ""
    return _shown(f"custom, opens {resource}{start}" + (f", for {policy.addresses} only" if policy.addresses else ""))


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
    # The author of the URL must not be able to move the cursor or reverse the text.
    text = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
    return masked(text)  # the name contains the signature if the whole URL was percent-encoded


def _without_signatures(value: Any) -> Any:
    # A damaged URL can have its signature in any of its parts.
    if isinstance(value, list):
        return [_without_signatures(each) for each in value]
    if isinstance(value, dict):
        return {name: _without_signatures(each) for name, each in value.items()}
    return masked(value) if isinstance(value, str) else value
