"""What the holder of a signature can open with it as a custom policy or as cookies."""

import base64
import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st

from private_files.canned_policy import (
    AccessDenied,
    InvalidKey,
    MalformedPolicy,
    MalformedSignature,
    MissingKey,
    Refused,
)
from private_files.custom_policy import check
from resolvers.content_disposition import attachment
from resolvers.file_names import to_url_path
from resolvers.signed_url import UrlSigner
from tests.signing_keys import BASE_URL, KEY_ID, P256, pem

NOW = 1_800_000_000
EXPIRES = NOW + 3600
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
SIGNER = UrlSigner(KEY_ID, pem(P256), "ecdsa-p256")


def encoded(value: bytes) -> str:
    return base64.b64encode(value).decode().translate(str.maketrans("+=/", "-_~"))


def signing(policy: bytes) -> dict[str, str]:
    """The signing parameters of a custom policy, which only somebody with the private key can make."""
    signature = P256.sign(policy, ec.ECDSA(hashes.SHA256()))
    return {
        "Policy": encoded(policy),
        "Signature": encoded(signature),
        "Key-Pair-Id": KEY_ID,
        "Hash-Algorithm": "SHA256",
    }


def policy(resource: str | None = f"{BASE_URL}/a.jpg", **condition: Any) -> bytes:
    condition = {"DateLessThan": {"AWS:EpochTime": EXPIRES}} | condition
    statement = {"Condition": condition} | ({} if resource is None else {"Resource": resource})
    return json.dumps({"Statement": [statement]}).encode()


def opened(target: str, parameters: dict[str, str], *, now: float = NOW, source_ip: str = "192.0.2.1") -> str:
    path, _, own = target.partition("?")
    query = "&".join(filter(None, [own, *(f"{name}={value}" for name, value in parameters.items())]))
    return checked(path, query, now=now, source_ip=source_ip)


def checked(path: str, query: str, cookies: Iterable[bytes] = (), *, now: float = NOW, source_ip: str = "") -> str:
    keys = {KEY_ID: P256.public_key()}
    return check(
        BASE_URL, path.encode(), query.encode(), cookies=cookies, source_ip=source_ip, keys=keys, now=now
    ).decode()


def canned(target: str) -> dict[str, str]:
    """The signing parameters of a URL that the API returned."""
    query = SIGNER.sign(BASE_URL + target, EXPIRES).partition("?")[2]
    return dict(part.split("=", 1) for part in query.split("&") if part.split("=")[0] in SIGNING)


SIGNING = ("Expires", "Signature", "Key-Pair-Id", "Hash-Algorithm")


def replayed(target: str) -> dict[str, str]:
    """The canned signature of this target, sent again as a custom policy by whoever holds the URL."""
    parameters = canned(target)
    expires = parameters.pop("Expires")
    condition = f'{{"DateLessThan":{{"AWS:EpochTime":{expires}}}}}'
    text = f'{{"Statement":[{{"Resource":"{BASE_URL}{target}","Condition":{condition}}}]}}'
    return {"Policy": encoded(text.encode()), **parameters}


def cookies(parameters: dict[str, str]) -> list[bytes]:
    return ["; ".join(f"CloudFront-{name}={value}" for name, value in parameters.items()).encode()]


def test_canned_signature_opens_the_same_file_as_a_custom_policy_and_no_other() -> None:
    parameters = replayed("/a.jpg")
    assert opened("/a.jpg", parameters) == "/a.jpg"
    for other in ("/b.jpg", "/a.jpg/", "/a_jpg", "/", "/a.jp", "/A.jpg", "/a.jpg?x=1"):
        with pytest.raises(AccessDenied):
            opened(other, parameters)


def test_custom_policy_of_a_canned_signature_expires_with_it() -> None:
    parameters = replayed("/a.jpg")
    assert opened("/a.jpg", parameters, now=EXPIRES - 0.001)
    with pytest.raises(AccessDenied):
        opened("/a.jpg", parameters, now=EXPIRES)


@pytest.mark.parametrize("name", ["*", "a*", "?", "a?.jpg", "*/*", "[a-z]", "a[!b].jpg", '"', "\\"])
def test_signature_of_a_name_of_wildcards_opens_that_name_only(name: str) -> None:
    # `*` and `?` in the Resource of a policy are wildcards: signed raw, the URL of a file named `*` would open all.
    target = to_url_path(name, "files")
    assert not set('*?"\\') & set(target)
    assert opened(target, replayed(target)) == target
    for other in ("/secret.pdf", "/ab.jpg", "/b", "/folder/secret", "/a"):
        with pytest.raises(AccessDenied):
            opened(other, replayed(target))


def test_the_one_wildcard_that_is_signed_is_the_question_mark_before_the_query() -> None:
    # It matches one character, so the signature also opens a file that has this download query in its name.
    query = f"response-content-disposition={quote(attachment('*?.pdf'), safe='')}"
    assert not set("*?") & set(query)
    target = f"/a.jpg?{query}"
    assert opened(target, replayed(target)) == target
    assert opened(f"/a.jpg/{query}", replayed(target)) == f"/a.jpg/{query}"
    for other in ("/a.jpg", "/b.jpg?" + query, "/a.jpg??" + query):
        with pytest.raises(AccessDenied):
            opened(other, replayed(target))


@given(st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=20))
@settings(max_examples=200)
def test_replayed_signature_of_any_name_opens_no_other_name(name: str, other: str) -> None:
    try:
        target, elsewhere = to_url_path(name, "files"), to_url_path(other, "files")
    except ValueError:
        return
    if target == elsewhere:
        assert opened(elsewhere, replayed(target)) == target
    else:
        with pytest.raises(AccessDenied):
            opened(elsewhere, replayed(target))


@pytest.mark.parametrize("parameters", [canned("/a.jpg"), replayed("/a.jpg")], ids=["canned", "custom"])
def test_signing_parameters_open_the_file_as_cookies(parameters: dict[str, str]) -> None:
    (cookie,) = cookies(parameters)
    assert checked("/a.jpg", "", [b"theme=dark; " + cookie]) == "/a.jpg"
    assert checked("/a.jpg", "", cookie.split(b"; ")) == "/a.jpg"
    with pytest.raises(AccessDenied):
        checked("/b.jpg", "", [cookie])
    with pytest.raises(AccessDenied):
        checked("/a.jpg", "x=1", [cookie])


def test_cookies_of_a_file_with_a_query_open_it_with_that_query() -> None:
    assert checked("/a.jpg", "size=large", cookies(canned("/a.jpg?size=large"))) == "/a.jpg?size=large"


@pytest.mark.parametrize("parameter", ["Expires=1", "Policy=e30_", "Signature=AAAA", "Key-Pair-Id=K0"])
def test_signed_url_takes_precedence_over_cookies(parameter: str) -> None:
    with pytest.raises(Refused):
        checked("/a.jpg", parameter, cookies(canned("/a.jpg")))


@pytest.mark.parametrize("in_url", ["Policy", "Signature", "Key-Pair-Id"])
def test_parameters_of_one_signature_are_all_in_the_url_or_all_in_cookies(in_url: str) -> None:
    parameters = signing(policy())
    assert checked("/a.jpg", "", cookies(parameters)) == "/a.jpg"
    with pytest.raises(Refused):
        checked("/a.jpg", f"{in_url}={parameters.pop(in_url)}", cookies(parameters))


@pytest.mark.parametrize(
    ("cookie", "refusal"),
    [
        (b"", MissingKey),
        (b"CloudFront-Key-Pair-Id", MissingKey),
        (b"CloudFront-Key-Pair-Id=a&b", MissingKey),
        (b"cloudfront-key-pair-id=" + KEY_ID.encode(), MissingKey),
        (b"CloudFront-Key-Pair-Id=other", InvalidKey),
        (b"CloudFront-Key-Pair-Id=1; CloudFront-Key-Pair-Id=2", MalformedPolicy),
        (b"CloudFront-x=1; \xff=\x00;;;=", MissingKey),
    ],
)
def test_cookies_that_sign_nothing_are_refused(cookie: bytes, refusal: type[Refused]) -> None:
    with pytest.raises(refusal):
        checked("/a.jpg", "", [cookie])


@pytest.mark.parametrize(
    ("resource", "targets"),
    [
        (f"{BASE_URL}/a.jpg", ["/a.jpg"]),
        (f"{BASE_URL}/*", ["/", "/a.jpg", "/b/c?x=1"]),
        (f"{BASE_URL}/*.jpg*", ["/a.jpg", "/a.jpg?x=1", "/b/c.jpg"]),
        (f"{BASE_URL}/a?jpg", ["/a.jpg", "/a_jpg"]),
        (f"*://{BASE_URL.partition('://')[2]}/b/*", ["/b/c", "/b/"]),
        ("*", ["/a.jpg", "/b/c?x=1"]),
        ("*/a.jpg", ["/a.jpg", "/b/a.jpg"]),
        (None, ["/a.jpg", "/b/c?x=1"]),
        (f"{BASE_URL}/[ab].jpg", ["/[ab].jpg"]),
    ],
)
def test_wildcards_of_a_resource_open_what_they_match(resource: str | None, targets: list[str]) -> None:
    everything = {"/", "/a.jpg", "/a_jpg", "/b/c", "/b/c?x=1", "/a.jpg?x=1", "/b/c.jpg", "/b/", "/b/a.jpg", "/[ab].jpg"}
    parameters = signing(policy(resource))
    for target in targets:
        assert opened(target, parameters) == target
    if resource is not None and "*" not in resource:
        for target in everything - set(targets):
            with pytest.raises(AccessDenied):
                opened(target, parameters)


def test_policy_for_another_host_or_scheme_opens_nothing() -> None:
    for resource in ("https://files.example.org/*", "http://files.example.com/*", "*://files.example/*"):
        with pytest.raises(AccessDenied):
            opened("/a.jpg", signing(policy(resource)))


def test_pattern_of_many_wildcards_does_not_stall() -> None:
    with pytest.raises(AccessDenied):
        opened("/" + "a" * 4000, signing(policy("*" + "a*" * 500 + "b")))


def test_policy_opens_after_its_start() -> None:
    parameters = signing(policy(DateGreaterThan={"AWS:EpochTime": NOW}))
    with pytest.raises(AccessDenied, match="valid from 2027-01-15 08:00:00 UTC"):
        opened("/a.jpg", parameters, now=NOW)
    assert opened("/a.jpg", parameters, now=NOW + 0.001)


@pytest.mark.parametrize(
    ("cidr", "address", "opens"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1/32", "192.0.2.1", True),
        ("192.0.2.0/24", "192.0.2.255", True),
        ("0.0.0.0/0", "203.0.113.9", True),
        ("192.0.2.0/24", "192.0.3.0", False),
        ("192.0.2.1", "::1", False),
        ("0.0.0.0/0", "::ffff:192.0.2.1", False),
        ("0.0.0.0/0", "", False),
    ],
)
def test_policy_for_addresses_opens_from_them_only(cidr: str, address: str, opens: bool) -> None:
    parameters = signing(policy(IpAddress={"AWS:SourceIp": cidr}))
    if opens:
        assert opened("/a.jpg", parameters, source_ip=address)
    else:
        with pytest.raises(AccessDenied, match="IP address"):
            opened("/a.jpg", parameters, source_ip=address)


def test_white_space_of_a_policy_is_signed_and_allowed() -> None:
    text = json.dumps(json.loads(policy()), indent=2).replace("\n", "\r\n").encode()
    assert opened("/a.jpg", signing(text)) == "/a.jpg"


STATEMENT: dict[str, Any] = json.loads(policy())["Statement"][0]
CONDITION: dict[str, Any] = STATEMENT["Condition"]

WRONG_RESOURCES: list[Any] = ["", "/a", "ftp://x", "http*/a", 1, None, ["*"], "*\ud800"]
WRONG_CONDITIONS: list[dict[str, Any]] = [
    {"DateLessThan": EXPIRES},
    {"DateLessThan": {"AWS:EpochTime": str(EXPIRES)}},
    {"DateLessThan": {"AWS:EpochTime": float(EXPIRES)}},
    {"DateLessThan": {"AWS:EpochTime": True}},
    {"DateLessThan": {"AWS:EpochTime": -1}},
    {"DateLessThan": {"AWS:EpochTime": 2**31}},
    {"DateLessThan": {}},
    {"DateGreaterThan": None},
    {"datelessthan": {"AWS:EpochTime": EXPIRES}},
    {"IpAddress": {"AWS:SourceIp": "::1"}},
    {"IpAddress": {"AWS:SourceIp": "192.0.2.1/24"}},
    {"IpAddress": {"AWS:SourceIp": "192.0.2.0/255.255.255.0"}},
    {"IpAddress": {"AWS:SourceIp": ["192.0.2.1"]}},
    {"IpAddress": {"AWS:SourceIp": "192.0.2"}},
]


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"{}",
        b"null",
        b"[]",
        b'"*"',
        b"1",
        b"\xff",
        b"[" * 5000,
        b'{"Statement":[{"Resource":"*","Condition":' + b"9" * 5000 + b"}]}",
        policy() + b"x",
        policy().replace(b'{"Statement"', b'{"Statement":[],"Statement"'),
        {"Statement": []},
        {"Statement": STATEMENT},
        {"Statement": [STATEMENT, STATEMENT]},
        {"Statement": [STATEMENT], "Version": "2012-10-17"},
        {"Statement": [STATEMENT | {"Effect": "Allow"}]},
        {"Statement": [{"Resource": "*"}]},
        {"Statement": ["*"]},
        {"Statement": [{"Resource": "*", "Condition": {}}]},
        *({"Statement": [STATEMENT | {"Resource": wrong}]} for wrong in WRONG_RESOURCES),
        *({"Statement": [STATEMENT | {"Condition": CONDITION | wrong}]} for wrong in WRONG_CONDITIONS),
    ],
)
def test_malformed_policy_is_refused_even_if_it_is_signed(document: Any) -> None:
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    with pytest.raises(MalformedPolicy):
        opened("/a.jpg", signing(text))


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"Policy": encoded(policy("*"))}, AccessDenied),
        ({"Policy": encoded(policy()).rstrip("_") + "!"}, MalformedPolicy),
        ({"Policy": ""}, MalformedPolicy),
        ({"Signature": ""}, MalformedSignature),
        ({"Signature": "AAAA"}, AccessDenied),
        ({"Hash-Algorithm": "SHA1"}, MalformedPolicy),
        ({"Key-Pair-Id": ""}, MissingKey),
        ({"Key-Pair-Id": "other"}, InvalidKey),
        ({"Expires": str(EXPIRES)}, MalformedPolicy),
    ],
)
def test_changed_custom_policy_is_refused(change: dict[str, str], refusal: type[Refused]) -> None:
    with pytest.raises(refusal):
        opened("/a.jpg", signing(policy()) | change)


def test_both_forms_of_an_ecdsa_signature_open_the_file() -> None:
    # Signers return either form, and no source says that CloudFront refuses one.
    parameters = canned("/a.jpg")
    r, s = decode_dss_signature(base64.b64decode(parameters["Signature"].translate(str.maketrans("-_~", "+=/"))))
    other = parameters | {"Signature": encoded(encode_dss_signature(r, ORDER - s))}
    assert other != parameters
    assert opened("/a.jpg", parameters) == opened("/a.jpg", other) == "/a.jpg"


@given(
    st.binary(max_size=60), st.binary(max_size=200), st.lists(st.binary(max_size=100), max_size=2), st.text(max_size=20)
)
@settings(max_examples=300)
def test_any_bytes_are_refused_by_name(path: bytes, query: bytes, cookies: list[bytes], source_ip: str) -> None:
    with pytest.raises(Refused):
        check(BASE_URL, path, query, cookies=cookies, source_ip=source_ip, keys={KEY_ID: P256.public_key()}, now=NOW)
