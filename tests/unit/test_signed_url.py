"""Signed URLs, compared with the documented text, OpenSSL, botocore, RFC 6979 and our own verification."""

import base64
import hashlib
import hmac
import re
import subprocess
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from itertools import permutations, product
from pathlib import Path
from urllib.parse import unquote

import pytest
from botocore.signers import CloudFrontSigner
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from private_files.canned_policy import Refused
from resolvers.file_names import InvalidFileName, to_key, to_url_path
from resolvers.signed_url import MAX_EXPIRES, UnusableSigningKey, UrlSigner, expires_at
from tests.signing_keys import BASE_URL, KEY_ID, KEYS, NOW, P256, RSA, needs_openssl, opened, openssl, pem, public_pem

EXPIRES = 1_800_000_900

each_algorithm = pytest.mark.parametrize("algorithm", KEYS)


SIGNERS = {algorithm: UrlSigner(KEY_ID, pem(key), algorithm) for algorithm, key in KEYS.items()}


def signed(algorithm: str, target: str, expires: int = EXPIRES) -> str:
    return SIGNERS[algorithm].sign(BASE_URL + target, expires)


def signature_in(url: str) -> bytes:
    found = re.search(r"Signature=([A-Za-z0-9\-_~]+)&Key-Pair-Id=", url)
    assert found
    return base64.b64decode(found[1].translate(str.maketrans("-_~", "+=/")))


# A URL that names no hash is checked with SHA-1.
HASH = {"ecdsa-p256": "&Hash-Algorithm=SHA256", "rsa-2048": "&Hash-Algorithm=SHA256", "rsa-2048-sha1": ""}


@pytest.mark.parametrize(
    ("target", "joint"), [("/a%20b.jpg", "?"), ("/a.jpg?size=large", "&"), ("/a.jpg?size=large&w=1", "&")]
)
@each_algorithm
def test_parameters_follow_the_url_and_its_own_query_in_order(algorithm: str, target: str, joint: str) -> None:
    shape = rf"Expires={EXPIRES}&Signature=[A-Za-z0-9\-_~]+&Key-Pair-Id={KEY_ID}{HASH[algorithm]}"
    url = signed(algorithm, target)
    assert url.startswith(f"{BASE_URL}{target}{joint}Expires=")
    assert re.fullmatch(shape, url.removeprefix(f"{BASE_URL}{target}{joint}"))


# AWS's example, with white space removed as it says:
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-creating-signed-url-canned-policy.html
DOCUMENTED_POLICY = (
    b'{"Statement":[{"Resource":"https://d111111abcdef8.cloudfront.net/horizon.jpg?size=large&license=yes",'
    b'"Condition":{"DateLessThan":{"AWS:EpochTime":1767290400}}}]}'
)


@needs_openssl
@each_algorithm
def test_openssl_accepts_the_signature_over_the_documented_policy(algorithm: str, tmp_path: Path) -> None:
    url = "https://d111111abcdef8.cloudfront.net/horizon.jpg?size=large&license=yes"
    (tmp_path / "public.pem").write_bytes(public_pem(KEYS[algorithm]))
    (tmp_path / "signature").write_bytes(signature_in(SIGNERS[algorithm].sign(url, 1767290400)))
    verify: list[str | Path] = [
        "dgst",
        "-sha256" if HASH[algorithm] else "-sha1",
        "-verify",
        tmp_path / "public.pem",
        "-signature",
        tmp_path / "signature",
    ]
    assert openssl(*verify, stdin=DOCUMENTED_POLICY) == b"Verified OK\n"
    with pytest.raises(subprocess.CalledProcessError):
        openssl(*verify, stdin=DOCUMENTED_POLICY.replace(b"1767290400", b"1767290401"))


@needs_openssl
@pytest.mark.parametrize("target", ["/a%20b.jpg", "/%C3%A9t%C3%A9/100%25.txt?size=large"])
@pytest.mark.parametrize(("algorithm", "hash_"), [("rsa-2048", "-sha256"), ("rsa-2048-sha1", "-sha1")])
def test_rsa_url_is_the_one_of_botocore_and_openssl(algorithm: str, hash_: str, target: str, tmp_path: Path) -> None:
    (tmp_path / "private.pem").write_bytes(pem(RSA))
    signer = CloudFrontSigner(KEY_ID, lambda m: openssl("dgst", hash_, "-sign", tmp_path / "private.pem", stdin=m))
    url = signer.generate_presigned_url(BASE_URL + target, date_less_than=datetime.fromtimestamp(EXPIRES, UTC))
    assert signed(algorithm, target) == url + HASH[algorithm]


P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def rfc6979(private_value: int, message: bytes) -> tuple[int, int]:
    """ECDSA's r and s on P-256 with SHA-256, by RFC 6979, section 3.2; its steps by letter."""
    digest = hashlib.sha256(message).digest()  # a
    z = int.from_bytes(digest, "big") % P256_ORDER
    seed = private_value.to_bytes(32, "big") + z.to_bytes(32, "big")
    k, v = bytes(32), b"\1" * 32  # b, c
    for step in (b"\0", b"\1"):  # d to g
        k = hmac.digest(k, v + step + seed, "sha256")
        v = hmac.digest(k, v, "sha256")
    nonce = int.from_bytes(hmac.digest(k, v, "sha256"), "big")  # h; a second try is needed once in 2**32 keys
    r = ec.derive_private_key(nonce, ec.SECP256R1()).public_key().public_numbers().x % P256_ORDER
    return r, pow(nonce, -1, P256_ORDER) * (z + r * private_value) % P256_ORDER


@pytest.mark.parametrize(
    ("message", "r", "s"),
    [
        (
            b"sample",
            0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716,
            0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8,
        ),
        (
            b"test",
            0xF1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367,
            0x019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083,
        ),
    ],
)
def test_our_rfc_6979_gives_the_example_of_the_rfc(message: bytes, r: int, s: int) -> None:
    # Appendix A.2.5
    assert rfc6979(0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721, message) == (r, s)


def test_ecdsa_signature_is_the_one_of_rfc_6979() -> None:
    policy = (
        b'{"Statement":[{"Resource":"https://files.example.com/a.jpg",'
        b'"Condition":{"DateLessThan":{"AWS:EpochTime":1800000900}}}]}'
    )
    private_value = P256.private_numbers().private_value
    assert decode_dss_signature(signature_in(signed("ecdsa-p256", "/a.jpg"))) == rfc6979(private_value, policy)


@each_algorithm
def test_same_file_and_time_have_the_same_url(algorithm: str) -> None:
    assert signed(algorithm, "/a.jpg") == UrlSigner(KEY_ID, pem(KEYS[algorithm]), algorithm).sign(
        f"{BASE_URL}/a.jpg", EXPIRES
    )


UNUSABLE: dict[str, Callable[[], bytes]] = {
    "p384": lambda: pem(ec.generate_private_key(ec.SECP384R1())),
    "secp256k1": lambda: pem(ec.generate_private_key(ec.SECP256K1())),
    "rsa-1024": lambda: pem(rsa.generate_private_key(65537, 1024)),  # noqa: S505 - must be refused
    "rsa-4096": cache(lambda: pem(rsa.generate_private_key(65537, 4096))),
    "ed25519": lambda: pem(ed25519.Ed25519PrivateKey.generate()),
    # By `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp112r1`: a curve that is not even known here.
    "secp112r1": lambda: (
        b"-----BEGIN PRIVATE KEY-----\n"
        b"ME4CAQAwEAYHKoZIzj0CAQYFK4EEAAYENzA1AgEBBA4aAFFqBSSH++dBzrIJX6Eg\n"
        b"Ax4ABISRWRT9SJxzjVrxH/mUpP2X8EafaZD1v5qdiZg=\n"
        b"-----END PRIVATE KEY-----\n"
    ),
    "encrypted": lambda: pem(P256, BestAvailableEncryption(b"a passphrase")),
    "public-half": lambda: public_pem(P256),
    "der": lambda: P256.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
    "cut-off": lambda: pem(P256)[:-60],
    "base64-broken": lambda: pem(P256).replace(b"M", b"!"),
    "line-breaks-lost": lambda: pem(P256).replace(b"\n", b"\\n"),
    "words": lambda: b"correct horse battery staple",
    "empty": lambda: b"",
}


@pytest.mark.parametrize("make", UNUSABLE.values(), ids=UNUSABLE.keys())
@each_algorithm
def test_unusable_key_is_refused_and_never_quoted(make: Callable[[], bytes], algorithm: str) -> None:
    key = make()
    with pytest.raises(UnusableSigningKey) as refused:
        UrlSigner(KEY_ID, key, algorithm)
    told = "".join(traceback.format_exception(refused.value))
    assert "The signing key is " in told
    for line in key.decode("latin-1").splitlines():
        assert len(line) < 8 or line not in told


@pytest.mark.parametrize(
    "url",
    [f"/a{character}.jpg" for character in ' "#<>\\^`{|}\n\t\0\x7f\x80ü\ud83d😀'],
    ids=ascii,
)
@each_algorithm
def test_url_that_would_change_on_its_way_is_refused(algorithm: str, url: str) -> None:
    with pytest.raises(ValueError, match="must be percent-encoded"):
        signed(algorithm, url)


@pytest.mark.parametrize("expires", [-1, 0, 2**31, 10**12])
def test_time_that_cloudfront_cannot_read_is_refused(expires: int) -> None:
    with pytest.raises(ValueError, match=rf"between 1 and 2147483647, not {expires}"):
        signed("ecdsa-p256", "/a.jpg", expires)


@pytest.mark.parametrize("expires", [1, 2**31 - 1])
def test_first_and_last_second_can_be_signed(expires: int) -> None:
    assert f"?Expires={expires}&" in signed("ecdsa-p256", "/a.jpg", expires)
    assert expires <= MAX_EXPIRES


@pytest.mark.parametrize("part", ["d", "dmp1", "dmq1", "iqmp"])
@pytest.mark.parametrize("algorithm", ["rsa-2048", "rsa-2048-sha1"])
def test_damaged_rsa_key_is_refused_or_signs_what_the_public_key_verifies(algorithm: str, part: str) -> None:
    numbers = RSA.private_numbers()
    names = ("p", "q", "d", "dmp1", "dmq1", "iqmp")
    damaged = {name: getattr(numbers, name) ^ (1 << 77 if name == part else 0) for name in names}
    whole = rsa.RSAPrivateNumbers(**damaged, public_numbers=numbers.public_numbers)
    key = pem(whole.private_key(unsafe_skip_rsa_key_validation=True))
    try:
        signer = UrlSigner(KEY_ID, key, algorithm)
    except UnusableSigningKey as refused:
        assert str(refused) == "The signing key is damaged: its signatures are not valid."
        return
    opened(signer.sign(f"{BASE_URL}/a.jpg", int(NOW) + 60), RSA)  # OpenSSL repairs what one wrong number spoils


def test_rsa_key_with_two_wrong_numbers_is_refused() -> None:
    numbers = RSA.private_numbers()
    whole = rsa.RSAPrivateNumbers(
        p=numbers.p,
        q=numbers.q,
        d=numbers.d ^ (1 << 77),
        dmp1=numbers.dmp1 ^ (1 << 77),
        dmq1=numbers.dmq1,
        iqmp=numbers.iqmp,
        public_numbers=numbers.public_numbers,
    )
    with pytest.raises(UnusableSigningKey, match="is damaged"):
        UrlSigner(KEY_ID, pem(whole.private_key(unsafe_skip_rsa_key_validation=True)), "rsa-2048")


WRONG_KEYS = [(algorithm, other) for algorithm in KEYS for other in KEYS if KEYS[algorithm] is not KEYS[other]]


@pytest.mark.parametrize(("algorithm", "other"), [*WRONG_KEYS, ("ecdsa-p384", "ecdsa-p256"), ("", "rsa-2048")])
def test_key_of_another_algorithm_is_refused(algorithm: str, other: str) -> None:
    with pytest.raises(UnusableSigningKey, match=f"is not an {algorithm} key"):
        UrlSigner(KEY_ID, pem(KEYS[other]), algorithm)


# When a URL expires

# Parts of 1,024 are exact in binary, so that the tests' own sums are.
TIMES = st.integers(0, MAX_EXPIRES * 1024).map(lambda parts: parts / 1024) | st.integers(0, MAX_EXPIRES)
LIFETIMES = st.integers(1, 604_800)
WINDOWS = st.integers(1, 86_400)


@given(now=TIMES, lifetime=LIFETIMES, window=WINDOWS)
def test_url_expires_at_the_end_of_the_window_after_its_lifetime(now: float, lifetime: int, window: int) -> None:
    expires = expires_at(now, lifetime, window)
    assert isinstance(expires, int)
    assert now + lifetime <= expires < now + lifetime + window + 1
    assert expires % window == 0


@given(end=st.integers(1, 20_000), window=WINDOWS, lifetime=LIFETIMES, part=st.floats(0, 1, exclude_max=True))
def test_every_moment_of_a_window_has_the_same_expiry(end: int, window: int, lifetime: int, part: float) -> None:
    expires = end * window
    earlier = int(part * window * 1024) / 1024
    assert expires_at(expires - lifetime - earlier, lifetime, window) == expires
    assert expires_at(expires - lifetime + 1 / 1024, lifetime, window) == expires + window


@given(now=TIMES, lifetime=LIFETIMES)
def test_without_a_window_the_lifetime_is_exact_to_the_second(now: float, lifetime: int) -> None:
    assert 0 <= expires_at(now, lifetime, 0) - (now + lifetime) < 1


# From a name to its URL, its verification and its key

PLANES = [(plane << 16, (plane << 16) + 0xFFFF) for plane in range(17)]
RESERVED_CHARACTERS = "!*'();:@&=+$,/?#[]%-._~ \"\\<>^`{|}0123456789ABCDEFabcdef"
PIECES = st.one_of(
    st.text(max_size=20),
    st.text(st.characters(min_codepoint=0x10000), max_size=20),
    st.text(RESERVED_CHARACTERS, max_size=20),
    st.sampled_from(["%41", "%25", "%2F", "%2e%2e", "100%25", "%", "..", ".", "a+b", "&Expires=1", "?x=1", "#"]),
    st.builds(lambda text, times: text * times, st.text(min_size=1, max_size=3), st.integers(1, 400)),
)
NAMES = PIECES | st.lists(PIECES, min_size=2, max_size=3).map("/".join)


def check_round_trip(name: str) -> None:
    try:
        path = to_url_path(name, "files")
    except InvalidFileName:
        return
    target = opened(signed("ecdsa-p256", path), P256)
    # CloudFront puts the distribution's origin path before the viewer's, and S3 decodes both.
    assert unquote(("/files" + target.decode()).removeprefix("/"), errors="strict") == f"files/{name}"
    assert to_key(name, "files") == f"files/{name}"


@settings(suppress_health_check=list(HealthCheck), database=None)
@given(name=NAMES)
@example("100%25.jpg")
@example("%41.jpg")
@example("a" * 1018)
@example("a" * 1019)
def test_signed_url_opens_the_very_file_it_was_made_for(name: str) -> None:
    check_round_trip(name)


@pytest.mark.slow
@settings(max_examples=8_000, suppress_health_check=list(HealthCheck), database=None)
@given(name=NAMES)
def test_signed_url_opens_the_very_file_it_was_made_for_in_thousands_of_names(name: str) -> None:
    check_round_trip(name)


@pytest.mark.parametrize("plane", PLANES, ids=lambda plane: f"U+{plane[0]:04X}")
@each_algorithm
def test_signed_url_opens_names_of_every_plane(plane: tuple[int, int], algorithm: str) -> None:
    first, last = plane
    codes = [code for code in range(first or 0xA0, last, 257) if not 0xD800 <= code <= 0xDFFF]
    name = "".join(map(chr, codes[:200]))
    target = opened(signed(algorithm, to_url_path(name, "files")), KEYS[algorithm])
    assert unquote(target.decode(), errors="strict") == f"/{name}"


# What was changed after signing

TARGET = "/%C3%A9t%C3%A9/a%20b.jpg?size=large"


def changed_characters(url: str) -> Iterator[str]:
    for position, character in enumerate(url):
        before, after = url[:position], url[position + 1 :]
        yield before + after  # one lost
        for other in map(chr, range(0x21, 0x7F)):
            if other != character:
                yield before + other + after
            yield before + other + character + after  # one more; also the same twice
    yield from (url + chr(code) for code in range(0x21, 0x7F))


def changed_parameters(url: str) -> Iterator[str]:
    base, _, query = url.partition("?")
    parameters = query.split("&")
    for count in range(len(parameters)):
        yield from (f"{base}?{'&'.join(some)}" for some in permutations(parameters, count))
    for again, position in product(parameters, range(len(parameters) + 1)):
        yield f"{base}?{'&'.join([*parameters[:position], again, *parameters[position:]])}"
    for name, position in product(RESERVED, range(len(parameters) + 1)):
        yield f"{base}?{'&'.join([*parameters[:position], f'{name}=1', *parameters[position:]])}"


RESERVED = ["Expires", "Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm"]


def opening(urls: Iterable[str], algorithm: str) -> dict[str, bytes]:
    """The URLs that open anything, and what each opens."""
    found = {}
    for url in urls:
        with suppress(Refused):
            found[url] = opened(url, KEYS[algorithm])
    return found


@pytest.mark.parametrize(
    "algorithm",
    [
        "ecdsa-p256",
        *(pytest.param(rsa_algorithm, marks=pytest.mark.slow) for rsa_algorithm in ("rsa-2048", "rsa-2048-sha1")),
    ],
)
def test_no_url_with_one_character_changed_lost_or_added_opens_anything(algorithm: str) -> None:
    url = signed(algorithm, TARGET)
    assert opened(url, KEYS[algorithm]) == TARGET.encode()
    assert opening(changed_characters(url), algorithm) == {}


@each_algorithm
def test_no_url_with_a_parameter_lost_or_added_opens_anything(algorithm: str) -> None:
    assert opening(changed_parameters(signed(algorithm, TARGET)), algorithm) == {}


@each_algorithm
def test_reordered_parameters_open_the_very_same_file_or_nothing(algorithm: str) -> None:
    base, _, query = signed(algorithm, TARGET).partition("?")
    orders = [f"{base}?{'&'.join(order)}" for order in permutations(query.split("&"))]
    # CloudFront takes its own parameters in any order and passes none on.
    assert opening(orders, algorithm) == dict.fromkeys(orders, TARGET.encode())
    two = signed(algorithm, f"{TARGET}&w=1").replace("size=large&w=1", "w=1&size=large")
    assert opening([two], algorithm) == {}
