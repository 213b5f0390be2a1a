"""A new key for each algorithm, and its bare signature, the limit for every signer on the same library."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


@dataclass(frozen=True)
class Key:
    """A private key, its PEM, and its bare signature."""

    algorithm: str
    hash_name: Literal["SHA1", "SHA256"]
    private: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    pem: bytes
    bare: Callable[[bytes], bytes]


def fresh_keys() -> list[Key]:
    """Return a key for each algorithm, the default first; both RSA algorithms share one."""
    p256 = ec.generate_private_key(ec.SECP256R1())
    rsa2048 = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    ecdsa, pkcs1 = ec.ECDSA(SHA256(), deterministic_signing=True), padding.PKCS1v15()
    sha1, sha256 = SHA1(), SHA256()  # noqa: S303 - one of the supported algorithms
    return [
        Key("ecdsa-p256", "SHA256", p256, _pem(p256), lambda message: p256.sign(message, ecdsa)),
        Key("rsa-2048", "SHA256", rsa2048, _pem(rsa2048), lambda message: rsa2048.sign(message, pkcs1, sha256)),
        Key("rsa-2048-sha1", "SHA1", rsa2048, _pem(rsa2048), lambda message: rsa2048.sign(message, pkcs1, sha1)),
    ]


def _pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
