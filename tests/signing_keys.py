"""Keys to sign with in tests, their PEM, the openssl command, and the check that CloudFront makes."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from private_files.canned_policy import check

BASE_URL = "https://files.example.com"
KEY_ID = "K0123456789ABC"
NOW = 1_800_000_000.75

SigningKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
PrivateKey = SigningKey | ed25519.Ed25519PrivateKey

P256 = ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
KEYS: dict[str, SigningKey] = {"ecdsa-p256": P256, "rsa-2048": RSA, "rsa-2048-sha1": RSA}

_OPENSSL = shutil.which("openssl")
needs_openssl = pytest.mark.skipif(_OPENSSL is None, reason="the openssl command is not installed")


def pem(key: PrivateKey, encryption: KeySerializationEncryption | None = None) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())


def public_pem(key: PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def public_key_sha256(key: PrivateKey) -> str:
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def openssl(*arguments: str | Path, stdin: bytes = b"") -> bytes:
    return subprocess.run([_OPENSSL or "openssl", *arguments], input=stdin, capture_output=True, check=True).stdout


def opened(url: str, key: SigningKey, now: float = NOW) -> bytes:
    """Return the request target that CloudFront accepts this URL for; raises `canned_policy.Refused`."""
    base_url, target = url[: len(BASE_URL)], url[len(BASE_URL) :]
    path, _, query = target.partition("?")
    return check(base_url, path.encode(), query.encode(), keys={KEY_ID: key.public_key()}, now=now)
