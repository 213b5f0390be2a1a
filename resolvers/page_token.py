"""The token that leads to the next page of a listing; pure.

It holds S3's own continuation token, which says after which key to go on and so neither repeats nor skips a file that
did not change; and a checksum over it and the question it belongs to. The checksum is no secret and need not be: a
forged token leads to nothing that its forger may not list anyway. It is there so that a damaged or misplaced token is
said to be one.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256

_CHECKSUM_BYTES = 12


class InvalidNextToken(ValueError):
    """This nextToken did not come from the page before, with the same prefix and delimiter."""


def wrap(continuation: str, *question: str) -> str:
    """The token that leads on from here in the answer to this question."""
    payload = continuation.encode()
    return urlsafe_b64encode(_checksum(payload, question) + payload).decode().rstrip("=")


def unwrap(token: str, *question: str) -> str:
    """S3's continuation token in this token.

    Raises InvalidNextToken for a token that was altered, cut, or belongs to another question.
    """
    try:
        continuation = urlsafe_b64decode(token + "=" * (-len(token) % 4))[_CHECKSUM_BYTES:].decode()
    except ValueError:
        continuation = ""
    # Made again and compared as a whole, because a decoder skips characters that are none of base64's.
    if not continuation or wrap(continuation, *question) != token:
        raise InvalidNextToken(
            "nextToken is not one of this listing; give it back unchanged, with the same prefix and delimiter."
        )
    return continuation


def _checksum(payload: bytes, question: tuple[str, ...]) -> bytes:
    parts = (payload, *(part.encode("utf-8", "surrogatepass") for part in question))
    return sha256(b"".join(len(part).to_bytes(4) + part for part in parts)).digest()[:_CHECKSUM_BYTES]
