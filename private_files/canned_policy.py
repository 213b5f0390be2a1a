"""CloudFront's check of a URL signed with a canned policy: no I/O and no clock.

It works on the bytes of the request line. Only `Signature` and `Expires` are decoded, and the policy is built here from
these bytes, never by the code that signs.
Rules: CloudFront Developer Guide, "Create a signed URL using a canned policy". What it does not define is read strictly
and marked (?).
"""

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import ClassVar, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

PublicKey: TypeAlias = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

RESERVED = (b"Expires", b"Policy", b"Signature", b"Key-Pair-Id", b"Hash-Algorithm")
HASHES = {
    None: SHA1(),  # noqa: S303  CloudFront's default for a URL without Hash-Algorithm; the signer chooses
    b"SHA256": SHA256(),
}
EPOCH_SECONDS = re.compile(rb"0|[1-9][0-9]{0,9}")
LATEST = 2147483647
TO_CLOUDFRONT = bytes.maketrans(b"+=/", b"-_~")
FROM_CLOUDFRONT = bytes.maketrans(b"-_~", b"+=/")


class Refused(Exception):
    """Why a URL is refused: `code` and `message` go to the viewer, `reason` into the log."""

    code: ClassVar[str]
    message: ClassVar[str]

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class MissingKey(Refused):
    code = "MissingKey"
    message = "Missing Key-Pair-Id query parameter or cookie value"


class InvalidKey(Refused):
    code = "InvalidKey"
    message = "Unknown Key"


class MalformedSignature(Refused):
    code = "MalformedSignature"
    message = "Could not unencode Signature"


class MalformedPolicy(Refused):
    code = "MalformedPolicy"
    message = "Malformed Policy"


class AccessDenied(Refused):
    code = "AccessDenied"
    message = "Access denied"


class Expired(AccessDenied):
    """The signature was valid until a time that has passed."""


def check(origin: str, raw_path: bytes, raw_query: bytes, *, keys: Mapping[str, PublicKey], now: float) -> bytes:
    """Return the path and query to request from the origin, without the signing parameters, if the signature is valid.

    `origin` is scheme://host[:port] as URLs are signed, `keys` maps Key-Pair-Ids to trusted keys, `now` is in epoch
    seconds. Raises Refused.
    """
    target, signing = split(raw_path, raw_query)
    key = trusted_key(signing, keys)
    if b"Policy" in signing:
        raise MalformedPolicy("the URL carries a custom policy; only canned policies are issued here")
    signature = unencode(signing, b"Signature")
    expires = _expires(signing.get(b"Expires", b""))
    policy = b'{"Statement":[{"Resource":"%b%b","Condition":{"DateLessThan":{"AWS:EpochTime":%d}}}]}' % (
        origin.encode("ascii"),
        target,
        expires,
    )
    verify(key, signature, policy, signing)
    check_expiry(expires, now)
    return target


def public_key(pem: str) -> PublicKey:
    """Return the key in a PEM file. Raises ValueError if CloudFront does not accept it.

    CloudFront accepts RSA-2048 and ECDSA P-256 keys in files that begin with BEGIN PUBLIC KEY.
    """
    if not pem.startswith("-----BEGIN PUBLIC KEY-----"):
        raise ValueError("CloudFront takes public keys that begin with -----BEGIN PUBLIC KEY-----")
    key = load_pem_public_key(pem.encode())
    if isinstance(key, rsa.RSAPublicKey) and key.key_size == 2048:
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise ValueError("CloudFront takes RSA-2048 and ECDSA P-256 keys only")


def refusal_body(code: str, message: str) -> bytes:
    """Return the XML that CloudFront sends with a 403: one line, without a newline at its end."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'.encode()
    )


def split(raw_path: bytes, raw_query: bytes) -> tuple[bytes, dict[bytes, bytes]]:
    """Return the request target without the signing parameters, and the values of these parameters by name."""
    own: list[bytes] = []
    signing: dict[bytes, bytes] = {}
    for parameter in raw_query.split(b"&"):
        name, _, value = parameter.partition(b"=")
        if name not in RESERVED:
            own.append(parameter)
        elif name in signing:
            # (?) It is not documented which of the two CloudFront uses, so both are refused.
            raise MalformedPolicy(f"{name.decode()} is in the URL twice")
        else:
            signing[name] = value
    return (b"?".join([raw_path, b"&".join(own)]) if own else raw_path), signing


def trusted_key(signing: Mapping[bytes, bytes], keys: Mapping[str, PublicKey]) -> PublicKey:
    """Return the key that `Key-Pair-Id` names. Raises MissingKey and InvalidKey."""
    key_id = signing.get(b"Key-Pair-Id", b"").decode("latin-1")
    if not key_id:
        raise MissingKey("the URL is not signed: it has no Key-Pair-Id")
    if key_id not in keys:
        # (?) A key in the account that is not in a trusted key group is treated like a key that does not exist.
        raise InvalidKey(f"no trusted key group of the distribution holds the key {key_id!r}")
    return keys[key_id]


def unencode(signing: Mapping[bytes, bytes], name: bytes) -> bytes:
    """Decode a parameter from CloudFront's base64. Raises MalformedSignature."""
    value = signing.get(name, b"")
    try:
        decoded = base64.b64decode(value.translate(FROM_CLOUDFRONT))
    except binascii.Error:
        raise MalformedSignature(f"{name.decode()} is not base64") from None
    # Each value has one encoding: `+=/`, characters that decoders skip and unused trailing bits are refused.
    if not decoded or base64.b64encode(decoded).translate(TO_CLOUDFRONT) != value:
        raise MalformedSignature(f"{name.decode()} is missing or not in CloudFront's base64, where + = / are - _ ~")
    return decoded


def verify(key: PublicKey, signature: bytes, policy: bytes, signing: Mapping[bytes, bytes]) -> None:
    """Check the signature of a policy under the hash that `Hash-Algorithm` names. Raises MalformedPolicy, AccessDenied.

    An ECDSA signature (r, s) also holds as (r, n - s), and both open the file. FIPS 186-5 allows both, signers return
    either (OpenSSL and KMS about half of the time the larger s), and no source says that CloudFront refuses one, so a
    check that did would refuse valid URLs. It opens nothing more: the policy is the same, and nothing here or in the
    cache identifies a URL by its signature.
    """
    try:
        hash_algorithm = HASHES[signing.get(b"Hash-Algorithm")]
    except KeyError:
        raise MalformedPolicy("Hash-Algorithm is not SHA256") from None  # (?) the code for this case
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, policy, padding.PKCS1v15(), hash_algorithm)
        else:
            key.verify(signature, policy, ec.ECDSA(hash_algorithm))
    except InvalidSignature:
        raise AccessDenied(
            "the signature does not match: the URL was changed after signing, or signed for another origin, "
            "with another key or under another hash"
        ) from None


def check_expiry(expires: int, now: float) -> None:
    """Raise Expired if `expires` is not after `now`, both in epoch seconds."""
    if now >= expires:
        raise Expired(f"the URL expired at {datetime.fromtimestamp(expires, UTC):%Y-%m-%d %H:%M:%S} UTC")


def _expires(value: bytes) -> int:
    if not EPOCH_SECONDS.fullmatch(value) or int(value) > LATEST:
        raise MalformedPolicy(f"Expires is missing or not a whole number of seconds up to {LATEST}")
    return int(value)
