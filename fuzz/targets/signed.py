"""URLs signed for the fuzzers: with keys that are the same in every run, and never by the code that signs."""

from __future__ import annotations

from base64 import b64encode
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

NOW = 1_800_000_000
ORIGIN = "http://127.0.0.1:4568"
# Not secret: they sign nothing that a distribution trusts.
PRIVATE_KEYS = {f"K{number}": ec.derive_private_key(7919 * number, ec.SECP256R1()) for number in (1, 2, 3)}
TRUSTED = {name: PRIVATE_KEYS[name].public_key() for name in ("K1", "K2")}
TO_CLOUDFRONT = str.maketrans("+=/", "-_~")


@lru_cache(maxsize=4096)
def signature(policy: bytes, key_id: str, *, sha256: bool) -> str:
    """Return the signature of a policy, in CloudFront's base64."""
    algorithm = SHA256() if sha256 else SHA1()  # noqa: S303 - CloudFront's default
    return encoded(PRIVATE_KEYS[key_id].sign(policy, ec.ECDSA(algorithm, deterministic_signing=sha256)))


def encoded(data: bytes) -> str:
    """Return bytes in CloudFront's base64."""
    return b64encode(data).decode().translate(TO_CLOUDFRONT)
