"""The `nextToken` of a listing. Pure.

It contains S3's own continuation token, which names the last key of the page before, so a listing neither repeats nor
skips a file that did not change; and a checksum over it, the prefix and the delimiter. The checksum needs no secret: a
forged token lists nothing that its forger may not list anyway. It detects a token that is damaged, or used with another
prefix or delimiter.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256

from resolvers.errors import RequestRefused

_CHECKSUM_BYTES = 12


class InvalidNextToken(RequestRefused):
    """This nextToken is not from the page before, with the same prefix and delimiter."""


def wrap(continuation: str, *listing: str) -> str:
    """Return the token of the next page; `listing` is what must not change between pages: prefix and delimiter."""
    payload = continuation.encode()
    return urlsafe_b64encode(_checksum(payload, listing) + payload).decode().rstrip("=")


def unwrap(token: str, *listing: str) -> str:
    """Return S3's continuation token from this token.

    Raises InvalidNextToken if the token was changed, cut, or belongs to another listing.
    """
    try:
        continuation = urlsafe_b64decode(token + "=" * (-len(token) % 4))[_CHECKSUM_BYTES:].decode()
    except ValueError:
        continuation = ""
    # Wrapped again and compared whole, because the decoder skips characters outside base64's alphabet.
    if not continuation or wrap(continuation, *listing) != token:
        raise InvalidNextToken(
            "nextToken is not from this listing; send it back unchanged, with the same prefix and delimiter."
        )
    return continuation


def _checksum(payload: bytes, listing: tuple[str, ...]) -> bytes:
    parts = (payload, *(part.encode("utf-8", "surrogatepass") for part in listing))
    return sha256(b"".join(len(part).to_bytes(4) + part for part in parts)).digest()[:_CHECKSUM_BYTES]
