"""CloudFront's check against URLs signed by botocore and by OpenSSL, never by this project's own signer."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from botocore.signers import CloudFrontSigner
from hypothesis import given
from hypothesis import strategies as st

from private_files.canned_policy import (
    AccessDenied,
    InvalidKey,
    MalformedPolicy,
    MalformedSignature,
    MissingKey,
    PublicKey,
    Refused,
    check,
    public_key,
    refusal_body,
)
from tests.signing_keys import openssl

ORIGIN = "https://files.example.com"
NOW = 1_800_000_000
EXPIRES = NOW + 3600
RSA_ID, EC_ID = "KRSA0000000000", "KEC00000000000"
GENPKEY = {
    "rsa2048": ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "rsa1024": ["RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
    "p256": ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "p384": ["EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
}


@pytest.fixture(scope="module")
def key_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("keys")
    files = {name: folder / f"{name}.pem" for name in GENPKEY}
    for name, file in files.items():
        openssl("genpkey", "-algorithm", *GENPKEY[name], "-out", file)
    return files


@pytest.fixture(scope="module")
def keys(key_files: dict[str, Path]) -> dict[str, PublicKey]:
    return {
        RSA_ID: public_key(openssl("pkey", "-pubout", "-in", key_files["rsa2048"]).decode()),
        EC_ID: public_key(openssl("pkey", "-pubout", "-in", key_files["p256"]).decode()),
    }


@pytest.fixture(scope="module")
def sign(key_files: dict[str, Path]) -> Callable[..., str]:
    """Signs `ORIGIN + target` with OpenSSL; the URL comes from botocore, except for the hash it does not know of."""

    def sign(target: str, key_id: str = RSA_ID, *, expires: int = EXPIRES, sha256: bool = False, flag: str = "") -> str:
        file = key_files["rsa2048" if key_id == RSA_ID else "p256"]
        digest = "-sha256" if sha256 else "-sha1"
        signer = CloudFrontSigner(key_id, lambda policy: openssl("dgst", digest, "-sign", file, stdin=policy))
        url = str(signer.generate_presigned_url(ORIGIN + target, date_less_than=datetime.fromtimestamp(expires, UTC)))
        return url + (flag or ("&Hash-Algorithm=SHA256" if sha256 else ""))

    return sign


@pytest.fixture(scope="module")
def url(sign: Callable[..., str]) -> str:
    return sign("/a%20b.jpg?size=large", EC_ID, sha256=True)


def opened(url: str, keys: dict[str, PublicKey], now: float = NOW) -> str:
    path, _, query = url.removeprefix(ORIGIN).partition("?")
    return check(ORIGIN, path.encode(), query.encode(), keys=keys, now=now).decode()


@pytest.mark.parametrize("sha256", [False, True], ids=["sha1", "sha256"])
@pytest.mark.parametrize("key_id", [RSA_ID, EC_ID], ids=["rsa", "ecdsa"])
@pytest.mark.parametrize(
    "target",
    ["/a.jpg", "/", "/a%20b/%C3%BC.jpg", "/50%25%2B%23%3F.txt", "/a.jpg?size=large&w=1", "/a?x=%41&y=+&z&&=", "/~-._"],
)
def test_signed_url_opens_its_own_bytes(
    sign: Callable[..., str], keys: dict[str, PublicKey], target: str, key_id: str, sha256: bool
) -> None:
    assert opened(sign(target, key_id, sha256=sha256), keys) == target


def test_parameters_may_come_in_any_order(url: str, keys: dict[str, PublicKey]) -> None:
    path, _, query = url.partition("?")
    own, *signing = query.split("&")
    assert opened(f"{path}?{'&'.join(reversed(signing))}&{own}", keys) == "/a%20b.jpg?size=large"


def test_url_opens_until_the_second_it_expires(url: str, keys: dict[str, PublicKey]) -> None:
    assert opened(url, keys, now=EXPIRES - 0.001)
    with pytest.raises(AccessDenied) as refused:
        opened(url, keys, now=EXPIRES)
    assert refused.value.reason == "the URL expired at 2027-01-15 09:00:00 UTC"


def without(name: str) -> Callable[[str], str]:
    return lambda url: "&".join(part for part in url.split("&") if not part.startswith(f"{name}="))


def with_value(name: str, value: str) -> Callable[[str], str]:
    return lambda url: "&".join(f"{name}={value}" if p.startswith(f"{name}=") else p for p in url.split("&"))


def twice(name: str) -> Callable[[str], str]:
    return lambda url: url + "".join(f"&{part}" for part in url.split("&") if part.startswith(f"{name}="))


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        pytest.param(lambda _: "/a.jpg", MissingKey, id="unsigned"),
        pytest.param(without("Key-Pair-Id"), MissingKey, id="no-key-id"),
        pytest.param(with_value("Key-Pair-Id", ""), MissingKey, id="empty-key-id"),
        pytest.param(lambda url: url.replace("Key-Pair-Id", "key-pair-id"), MissingKey, id="key-id-in-lower-case"),
        pytest.param(lambda url: url.replace("Key-Pair-Id", "Key%2DPair-Id"), MissingKey, id="key-id-encoded"),
        pytest.param(with_value("Key-Pair-Id", "K0"), InvalidKey, id="unknown-key"),
        pytest.param(with_value("Key-Pair-Id", RSA_ID), AccessDenied, id="another-trusted-key"),
        pytest.param(without("Signature"), MalformedSignature, id="no-signature"),
        pytest.param(with_value("Signature", ""), MalformedSignature, id="empty-signature"),
        pytest.param(with_value("Signature", "a"), MalformedSignature, id="signature-too-short-for-base64"),
        pytest.param(with_value("Signature", "QUJD%2B"), MalformedSignature, id="signature-encoded"),
        pytest.param(with_value("Signature", "QUI="), MalformedSignature, id="signature-padded-with-equals"),
        pytest.param(with_value("Signature", "QU+D"), MalformedSignature, id="signature-with-plus"),
        pytest.param(with_value("Signature", "QU/D"), MalformedSignature, id="signature-with-slash"),
        pytest.param(with_value("Signature", "QU!JD"), MalformedSignature, id="signature-with-skipped-character"),
        pytest.param(with_value("Signature", "QUJ_"), MalformedSignature, id="signature-with-spare-bits"),
        pytest.param(with_value("Signature", "QUJD"), AccessDenied, id="signature-not-der"),
        pytest.param(without("Expires"), MalformedPolicy, id="no-expires"),
        pytest.param(with_value("Expires", ""), MalformedPolicy, id="empty-expires"),
        pytest.param(with_value("Expires", "soon"), MalformedPolicy, id="expires-in-words"),
        pytest.param(with_value("Expires", f"+{EXPIRES}"), MalformedPolicy, id="expires-with-sign"),
        pytest.param(with_value("Expires", f"0{EXPIRES}"), MalformedPolicy, id="expires-with-leading-zero"),
        pytest.param(with_value("Expires", "0123456789"), MalformedPolicy, id="expires-leading-zero-in-ten-digits"),
        pytest.param(with_value("Expires", f"{EXPIRES}.0"), MalformedPolicy, id="expires-with-fraction"),
        pytest.param(with_value("Expires", f"{EXPIRES}%30"), MalformedPolicy, id="expires-encoded"),
        pytest.param(with_value("Expires", "٢" * 10), MalformedPolicy, id="expires-in-other-digits"),
        pytest.param(with_value("Expires", "2147483648"), MalformedPolicy, id="expires-after-2038"),
        pytest.param(with_value("Expires", "9" * 5000), MalformedPolicy, id="expires-endless"),
        pytest.param(with_value("Expires", "2147483647"), AccessDenied, id="expires-later-than-signed"),
        pytest.param(lambda url: url + "&Policy=e30_", MalformedPolicy, id="custom-policy"),
        pytest.param(twice("Key-Pair-Id"), MalformedPolicy, id="two-key-ids"),
        pytest.param(twice("Expires"), MalformedPolicy, id="two-expires"),
        pytest.param(twice("Signature"), MalformedPolicy, id="two-signatures"),
        pytest.param(twice("Hash-Algorithm"), MalformedPolicy, id="two-hashes"),
        pytest.param(without("Hash-Algorithm"), AccessDenied, id="hash-removed"),
        pytest.param(with_value("Hash-Algorithm", "sha256"), MalformedPolicy, id="hash-in-lower-case"),
        pytest.param(with_value("Hash-Algorithm", "SHA1"), MalformedPolicy, id="hash-named-sha1"),
        pytest.param(with_value("Hash-Algorithm", ""), MalformedPolicy, id="hash-empty"),
        pytest.param(lambda url: url + "&download=1", AccessDenied, id="parameter-added"),
        pytest.param(lambda url: url + "&", AccessDenied, id="ampersand-added"),
        pytest.param(lambda url: url.replace("size=large&", ""), AccessDenied, id="parameter-removed"),
        pytest.param(lambda url: url.replace("large", "small"), AccessDenied, id="parameter-changed"),
        pytest.param(lambda url: url.replace("/a%20b", "/a+b"), AccessDenied, id="space-written-as-plus"),
        pytest.param(lambda url: url.replace("/a%20b", "/%61%20b"), AccessDenied, id="letter-written-encoded"),
        pytest.param(lambda url: url.replace("/a%20b", "/x/../a%20b"), AccessDenied, id="dot-segments"),
        pytest.param(lambda url: url.replace("/a%20b", "//a%20b"), AccessDenied, id="slash-doubled"),
    ],
)
def test_changed_url_is_refused(
    url: str, keys: dict[str, PublicKey], change: Callable[[str], str], refusal: type[Refused]
) -> None:
    with pytest.raises(Refused) as refused:
        opened(change(url), keys)
    assert type(refused.value) is refusal
    assert refused.value.reason


@pytest.mark.parametrize("key_id", [RSA_ID, EC_ID], ids=["rsa", "ecdsa"])
def test_hash_that_the_url_names_must_be_the_hash_that_signed(
    sign: Callable[..., str], keys: dict[str, PublicKey], key_id: str
) -> None:
    with pytest.raises(AccessDenied):
        opened(sign("/a.jpg", key_id, flag="&Hash-Algorithm=SHA256"), keys)


def test_key_removed_from_the_group_is_refused(url: str, keys: dict[str, PublicKey]) -> None:
    with pytest.raises(InvalidKey):
        opened(url, {RSA_ID: keys[RSA_ID]})


@pytest.mark.parametrize("origin", ["http://files.example.com", "https://files.example.com:443", "https://example.com"])
def test_url_signed_for_another_origin_is_refused(url: str, keys: dict[str, PublicKey], origin: str) -> None:
    path, _, query = url.removeprefix(ORIGIN).partition("?")
    with pytest.raises(AccessDenied):
        check(origin, path.encode(), query.encode(), keys=keys, now=NOW)


def opens_nothing_else(url: str, changed: str, keys: dict[str, PublicKey]) -> bool:
    try:
        return opened(changed, keys) == opened(url, keys)
    except Refused:
        return True


@pytest.mark.parametrize("key_id", [RSA_ID, EC_ID], ids=["rsa", "ecdsa"])
def test_no_character_can_be_changed_dropped_added_or_doubled(
    sign: Callable[..., str], keys: dict[str, PublicKey], key_id: str
) -> None:
    url = sign("/a%20b.jpg?size=large", key_id, sha256=True)
    for at in range(len(ORIGIN), len(url)):
        before, character, after = url[:at], url[at], url[at + 1 :]
        assert opens_nothing_else(url, before + after, keys)
        for other in {chr(ord(character) ^ 1), character.swapcase(), *"0A&=?%~-_+/"}:
            assert opens_nothing_else(url, before + other + character + after, keys)
            if other != character:
                with pytest.raises(Refused):
                    opened(before + other + after, keys)
        assert opens_nothing_else(url, before + character + character + after, keys)


@given(path=st.binary(), query=st.binary())
def test_any_bytes_without_a_signature_are_refused(path: bytes, query: bytes) -> None:
    with pytest.raises(Refused):
        check(ORIGIN, b"/" + path, query, keys={}, now=NOW)


@given(signature=st.binary(min_size=1, max_size=300))
def test_signature_made_up_is_refused(url: str, keys: dict[str, PublicKey], signature: bytes) -> None:
    spelled = base64.b64encode(signature).decode().translate(str.maketrans("+=/", "-_~"))
    with pytest.raises(AccessDenied):
        opened(with_value("Signature", spelled)(url), keys)


@pytest.mark.parametrize("name", ["rsa1024", "p384"])
def test_key_that_cloudfront_does_not_accept_is_refused(key_files: dict[str, Path], name: str) -> None:
    with pytest.raises(ValueError, match="RSA-2048 and ECDSA P-256"):
        public_key(openssl("pkey", "-pubout", "-in", key_files[name]).decode())


def test_key_under_another_pem_header_is_refused(key_files: dict[str, Path]) -> None:
    with pytest.raises(ValueError, match="BEGIN PUBLIC KEY"):
        public_key(openssl("rsa", "-in", key_files["rsa2048"], "-RSAPublicKey_out").decode())


def test_refusal_body_is_cloudfronts() -> None:
    assert refusal_body(MissingKey.code, MissingKey.message) == (
        b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>MissingKey</Code>'
        b"<Message>Missing Key-Pair-Id query parameter or cookie value</Message></Error>"
    )


def test_refusals_have_the_messages_of_cloudfront() -> None:
    refusals: list[type[Refused]] = [MissingKey, InvalidKey, MalformedSignature, MalformedPolicy, AccessDenied]
    assert {refusal.code: refusal.message for refusal in refusals} == {
        "MissingKey": "Missing Key-Pair-Id query parameter or cookie value",
        "InvalidKey": "Unknown Key",
        "MalformedSignature": "Could not unencode Signature",
        "MalformedPolicy": "Malformed Policy",
        "AccessDenied": "Access denied",
    }


def test_expiry_with_a_leading_zero_is_refused_though_the_number_is_signed(
    sign: Callable[..., str], keys: dict[str, PublicKey]
) -> None:
    url = sign("/a.jpg", expires=800_000_000)
    assert opened(url, keys, now=0) == "/a.jpg"
    with pytest.raises(MalformedPolicy):
        opened(url.replace("Expires=", "Expires=0"), keys, now=0)
