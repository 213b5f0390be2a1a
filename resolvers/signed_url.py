"""CloudFront signed URLs with a canned policy. Pure: no clock, no I/O.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-creating-signed-url-canned-policy.html
"""

import math
import re
from binascii import b2a_base64
from collections.abc import Callable
from hashlib import sha256

from cryptography.exceptions import InternalError, InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

MAX_EXPIRES = 2_147_483_647  # CloudFront reads Expires as a signed 32-bit number.

# Browsers encode these, replace the backslash, or cut the URL at #.
_REWRITTEN = re.compile(r'[^!-~]|["#<>\\^`{|}]')
# The signature of a canned policy is also that of a custom policy with the same bytes, in which these are wildcards:
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-creating-signed-url-custom-policy.html
_WILDCARD = re.compile(r"\*|\?.*\?")
_CLOUDFRONT_BASE64 = bytes.maketrans(b"+=/", b"-_~")


class UnusableSigningKey(ValueError):
    """This is not a private key whose signatures CloudFront can verify."""


class UrlSigner:
    """Signs URLs with one private key.

    `key_id` is CloudFront's id of the public half; `private_key` is PKCS#8 PEM; `algorithm` is one of
    ecdsa-p256, rsa-2048 (both with SHA-256) and rsa-2048-sha1, for verifiers that support no other hash.
    `public_key_sha256` is the digest of the public half's SubjectPublicKeyInfo, in hexadecimal.

    Raises UnusableSigningKey if the key does not match the algorithm; the message never quotes the key.
    """

    def __init__(self, key_id: str, private_key: bytes, algorithm: str) -> None:
        key = _load(private_key, algorithm)
        public_key = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.public_key_sha256 = sha256(public_key).hexdigest()
        self._signature = _signature_function(key, algorithm)
        # CloudFront verifies a URL that names no hash with SHA-1.
        self._after_signature = f"&Key-Pair-Id={key_id}" + (
            "" if algorithm.endswith("-sha1") else "&Hash-Algorithm=SHA256"
        )

    def sign(self, url: str, expires_at: int) -> str:
        """Return the URL with its signature, valid until `expires_at`, in seconds since 1970.

        `url` is signed byte for byte, so it must be what goes on the wire: ASCII, percent-encoded, no fragment.

        Raises ValueError if a browser would change the URL, if the URL contains a wildcard of custom policies, or if
        CloudFront cannot read the time.
        """
        if _REWRITTEN.search(url) or _WILDCARD.search(url):
            raise ValueError("A URL must be percent-encoded before it is signed.")
        if not 0 < expires_at <= MAX_EXPIRES:
            raise ValueError(f"Expires must be between 1 and {MAX_EXPIRES}, not {expires_at}.")
        policy = (
            f'{{"Statement":[{{"Resource":"{url}","Condition":{{"DateLessThan":{{"AWS:EpochTime":{expires_at}}}}}}}]}}'
        )
        signature = b2a_base64(self._signature(policy.encode("ascii")), newline=False).translate(_CLOUDFRONT_BASE64)
        joint = "&" if "?" in url else "?"
        return f"{url}{joint}Expires={expires_at}&Signature={signature.decode('ascii')}{self._after_signature}"


def _load(pem: bytes, algorithm: str) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
    try:
        # OpenSSL's validation of an RSA key takes 35 ms, a third of a cold start; `_signs` checks what matters.
        key = load_pem_private_key(pem, password=None, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # `from None`, because the parser's message may quote the key.
        raise UnusableSigningKey("The signing key is not an unencrypted private key in PEM form.") from None
    if (
        algorithm == "ecdsa-p256"
        and isinstance(key, ec.EllipticCurvePrivateKey)
        and isinstance(key.curve, ec.SECP256R1)
    ):
        return key
    if algorithm in ("rsa-2048", "rsa-2048-sha1") and isinstance(key, rsa.RSAPrivateKey) and key.key_size == 2048:
        if not _signs(key):
            raise UnusableSigningKey("The signing key is damaged: its signatures are not valid.")
        return key
    raise UnusableSigningKey(f"The signing key is not an {algorithm} key.")


def _signs(key: rsa.RSAPrivateKey) -> bool:
    """Return whether the public half, which is in the key too, verifies what the private half signs."""
    pkcs1, sha, message = padding.PKCS1v15(), SHA256(), b"a message"
    try:
        key.public_key().verify(key.sign(message, pkcs1, sha), message, pkcs1, sha)
    except (InvalidSignature, InternalError, ValueError):
        return False
    return True


def _signature_function(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, algorithm: str
) -> Callable[[bytes], bytes]:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        # RFC 6979: functions restored from one snapshot share their random state, and a repeated nonce
        # reveals the private key. It also makes the signature of a URL the same in every running function.
        ecdsa = ec.ECDSA(SHA256(), deterministic_signing=True)
        sign_ecdsa = key.sign
        return lambda message: sign_ecdsa(message, ecdsa)
    sha = SHA1() if algorithm.endswith("-sha1") else SHA256()  # noqa: S303 - CloudFront's first hash, by choice
    pkcs1 = padding.PKCS1v15()
    sign_rsa = key.sign
    return lambda message: sign_rsa(message, pkcs1, sha)


def expires_at(now: float, lifetime: int, window: int) -> int:
    """Return when a URL signed now expires if it must be valid for at least `lifetime`; times in seconds, rounded up.

    The end of a window, so that all requests for a file within the window get the same URL, and caches can keep the
    file. With `window` 0, every second has its own URL.
    """
    earliest = math.ceil(now) + lifetime
    return earliest + -earliest % window if window else earliest
