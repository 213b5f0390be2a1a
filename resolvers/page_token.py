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
        content = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except ValueError:
        content = b""
    checksum, payload = content[:_CHECKSUM_BYTES], content[_CHECKSUM_BYTES:]
    # Encoded again, because a decoder skips characters that are none of base64's.
    if not payload or checksum != _checksum(payload, question) or wrap(payload.decode(), *question) != token:
        raise InvalidNextToken(
            "nextToken is not one of this listing; give it back unchanged, with the same prefix and delimiter."
        )
    return payload.decode()


def _checksum(payload: bytes, question: tuple[str, ...]) -> bytes:
    parts = (payload, *(part.encode("utf-8", "surrogatepass") for part in question))
    return sha256(b"".join(len(part).to_bytes(4) + part for part in parts)).digest()[:_CHECKSUM_BYTES]
