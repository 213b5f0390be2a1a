"""The explanation of a URL, against URLs signed by botocore and by cryptography, never by this project's own signer."""

import base64
import io
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
import pytest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from botocore.signers import CloudFrontSigner
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from moto import mock_aws
from yarl import URL

from private_files import __main__ as command
from private_files import aws, browser_rewrites, s3_errors, shown_text, trusted_keys
from private_files.canned_policy import public_key
from private_files.diagnosis import diagnose
from private_files.explanation import Explanation
from private_files.failures import Unconfigured
from private_files.outputs import Outputs
from private_files.trusted_keys import Keys
from tests.signing_keys import public_pem

ORIGIN, OTHER = "https://files.example.com", "https://other.example.com"
NOW = 1_800_000_000  # 2027-01-15 08:00 UTC
EXPIRES = NOW + 14 * 60
RSA_ID, EC_ID = "KRSA", "KEC"
SHA_1, SHA_256 = SHA1(), SHA256()  # noqa: S303  CloudFront's default
UNSIGNED = "(MissingKey): the URL is not signed: it has no Key-Pair-Id"
UNREADABLE = "(MalformedSignature): Signature is missing or not in CloudFront's base64, where + = / are - _ ~."
RSA_KEY, EC_KEY = rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())


KEYS = Keys({RSA_ID: public_key(public_pem(RSA_KEY).decode()), EC_ID: public_key(public_pem(EC_KEY).decode())}, "G1")
UNREAD = Keys(unread="no outputs")


def sign_rsa(policy: bytes, hash_algorithm: SHA1 | SHA256) -> bytes:
    return RSA_KEY.sign(policy, padding.PKCS1v15(), hash_algorithm)


def sign_ec(policy: bytes, hash_algorithm: SHA1 | SHA256) -> bytes:
    return EC_KEY.sign(policy, ec.ECDSA(hash_algorithm))


def signed(
    resource: str = f"{ORIGIN}/photos/a%20b.jpg",
    *,
    expires: int = EXPIRES,
    key_id: str = RSA_ID,
    sign: Callable[[bytes, SHA1 | SHA256], bytes] = sign_rsa,
    hash_algorithm: SHA1 | SHA256 = SHA_256,
    says: str | None = None,
) -> str:
    policy = (
        f'{{"Statement":[{{"Resource":"{resource}","Condition":{{"DateLessThan":{{"AWS:EpochTime":{expires}}}}}}}]}}'
    )
    signature = base64.b64encode(sign(policy.encode(), hash_algorithm)).decode().translate(str.maketrans("+=/", "-_~"))
    flag = ("&Hash-Algorithm=SHA256" if isinstance(hash_algorithm, SHA256) else "") if says is None else says
    mark = "&" if "?" in resource else "?"
    return f"{resource}{mark}Expires={expires}&Signature={signature}&Key-Pair-Id={key_id}{flag}"


def by_botocore(resource: str) -> str:
    signer = CloudFrontSigner(RSA_ID, lambda policy: sign_rsa(policy, SHA_1))
    return str(signer.generate_presigned_url(resource, date_less_than=datetime.fromtimestamp(EXPIRES, UTC)))


def by_custom_policy(resource: str = f"{ORIGIN}/*", **condition: Any) -> str:
    """A URL that botocore signed with a custom policy."""
    signer = CloudFrontSigner(RSA_ID, lambda policy: sign_rsa(policy, SHA_1))
    condition = {"DateLessThan": {"AWS:EpochTime": EXPIRES}} | condition
    policy = json.dumps({"Statement": [{"Resource": resource, "Condition": condition}]})
    return str(signer.generate_presigned_url(f"{ORIGIN}/photos/a.jpg", policy=policy))


def explain(url: str, keys: Keys = KEYS, *, now: float = NOW, cdn_url: str | None = ORIGIN) -> Explanation:
    explanation = Explanation(diagnose(url, keys, now=now, cdn_url=cdn_url), keys, now=now)
    shown = "\n".join(explanation.lines()) + json.dumps(explanation.json())
    _, _, signature = url.partition("Signature=")
    assert len(signature) < 8 or signature[:8] not in shown
    return explanation


def row(explanation: Explanation, name: str) -> str:
    [text] = [line[11:] for line in explanation.lines() if line.startswith(name.ljust(11))]
    return text


def test_url_that_opens_says_what_and_until_when() -> None:
    explanation = explain(signed())
    assert explanation.verdict == "This URL opens photos/a b.jpg until 2027-01-15 08:14 UTC, in 14 minutes."
    assert explanation.exit_code == 0


def test_table_follows_the_verdict() -> None:
    assert explain(signed()).lines()[1:] == [
        "",
        "opens      photos/a b.jpg",
        "until      2027-01-15 08:14 UTC, in 14 minutes",
        "signed by  KRSA, in the key group of the distribution, RSA-2048, SHA-256",
        "signature  holds",
        "browser    sends it as it is",
        "",
        "The edge allows it; if the request still fails, S3 refuses it. The <Code> in the body of the response says "
        "why:",
        *(f"  {line}" for line in s3_errors.table()),
    ]


def test_signature_in_another_parameter_is_shown_nowhere() -> None:
    url = signed()
    signature = url.partition("Signature=")[2].partition("&")[0]
    damaged = url.replace("&Signature=", "&S=").replace("Key-Pair-Id=", f"Key-Pair-Id=K2Signature={signature}&x=")
    explanation = explain(damaged)
    assert "Signature=…" in explanation.json()["keyPairId"]
    assert signature not in "\n".join(explanation.lines()) + json.dumps(explanation.json())


def test_json_has_the_same_values() -> None:
    assert explain(signed()).json() == {
        "opens": True,
        "verdict": "This URL opens photos/a b.jpg until 2027-01-15 08:14 UTC, in 14 minutes.",
        "code": None,
        "origin": ORIGIN,
        "file": "photos/a b.jpg",
        "savedAs": None,
        "expires": EXPIRES,
        "keyPairId": RSA_ID,
        "inKeyGroup": True,
        "algorithm": "RSA-2048",
        "hash": "SHA-256",
        "signature": "holds",
        "browser": [],
    }


def test_custom_policy_opens_what_it_says_until_it_says() -> None:
    explanation = explain(by_custom_policy())
    assert (explanation.exit_code, row(explanation, "signature")) == (0, "holds")
    assert explanation.verdict == "This URL opens photos/a.jpg until 2027-01-15 08:14 UTC, in 14 minutes."
    assert row(explanation, "policy") == "custom, opens https://files.example.com/*"
    assert explanation.json()["customPolicy"] == row(explanation, "policy")


def test_canned_signature_sent_again_as_a_custom_policy_opens() -> None:
    url = signed(f"{ORIGIN}/a.jpg")
    condition = f'{{"DateLessThan":{{"AWS:EpochTime":{EXPIRES}}}}}'
    policy = f'{{"Statement":[{{"Resource":"{ORIGIN}/a.jpg","Condition":{condition}}}]}}'
    encoded = base64.b64encode(policy.encode()).decode().translate(str.maketrans("+=/", "-_~"))
    assert explain(url.replace(f"Expires={EXPIRES}", f"Policy={encoded}")).exit_code == 0


@pytest.mark.parametrize(
    ("url", "verdict", "signature"),
    [
        (by_custom_policy(f"{ORIGIN}/b/*"), "(AccessDenied): the custom policy is for another URL.", "does not hold"),
        (
            by_custom_policy(DateLessThan={"AWS:EpochTime": NOW - 180}),
            "(AccessDenied): the URL expired 3 minutes ago, at 2027-01-15 07:57 UTC.",
            "holds",
        ),
        (
            by_custom_policy(DateGreaterThan={"AWS:EpochTime": NOW + 60}),
            "(AccessDenied): the URL is valid from 2027-01-15 08:01:00 UTC.",
            "holds",
        ),
        (
            by_custom_policy(Other={}),
            "(MalformedPolicy): Policy is not a policy of one statement with Resource and Condition, as JSON in UTF-8.",
            "not checked: Policy is not a policy of one statement with Resource and Condition, as JSON in UTF-8",
        ),
    ],
)
def test_refused_custom_policy_says_why(url: str, verdict: str, signature: str) -> None:
    explanation = explain(url)
    assert (explanation.verdict, explanation.exit_code) == (f"Refused by the edge {verdict}", 1)
    assert row(explanation, "signature") == signature


def test_conditions_of_a_custom_policy_are_shown() -> None:
    address = {"AWS:SourceIp": "192.0.2.0/24"}
    explanation = explain(by_custom_policy(DateGreaterThan={"AWS:EpochTime": NOW - 60}, IpAddress=address))
    assert explanation.exit_code == 0
    expected = "custom, opens https://files.example.com/*, from 2027-01-15 07:59 UTC, for 192.0.2.0/24 only"
    assert row(explanation, "policy") == expected


@pytest.mark.parametrize(
    ("key_id", "sign", "algorithm"), [(RSA_ID, sign_rsa, "RSA-2048"), (EC_ID, sign_ec, "ECDSA P-256")]
)
@pytest.mark.parametrize(("hash_algorithm", "name"), [(SHA_1, "SHA-1"), (SHA_256, "SHA-256")])
def test_every_algorithm_and_hash_is_checked_and_named(
    key_id: str, sign: Any, algorithm: str, hash_algorithm: Any, name: str
) -> None:
    explanation = explain(signed(key_id=key_id, sign=sign, hash_algorithm=hash_algorithm))
    assert explanation.exit_code == 0
    assert row(explanation, "signed by").endswith(f", {algorithm}, {name}")


def test_url_signed_by_botocore_opens() -> None:
    assert explain(by_botocore(f"{ORIGIN}/a.jpg")).exit_code == 0


@pytest.mark.parametrize(
    ("url", "verdict"),
    [
        (f"{ORIGIN}/a.jpg", f"{UNSIGNED}."),
        (signed(key_id=""), f"{UNSIGNED}."),
        (signed(key_id="KGONE"), "(InvalidKey): no trusted key group of the distribution holds the key 'KGONE'."),
        (
            signed().replace("Signature=", "Signature=*"),
            UNREADABLE,
        ),
        (
            f"{ORIGIN}/a?Expires={EXPIRES}&Key-Pair-Id={RSA_ID}",
            UNREADABLE,
        ),
        (
            signed().replace(f"Expires={EXPIRES}", "Expires=soon"),
            "(MalformedPolicy): Expires is missing or not a whole number of seconds up to 2147483647.",
        ),
        (signed() + f"&Expires={EXPIRES}", "(MalformedPolicy): Expires is in the URL twice."),
        (
            signed() + "&Policy=e30_",
            "(MalformedPolicy): the request has both Policy and Expires; a custom policy has its own expiry.",
        ),
        (signed(says="&Hash-Algorithm=MD5"), "(MalformedPolicy): Hash-Algorithm is not SHA256."),
        (signed(expires=NOW - 180), "(AccessDenied): the URL expired 3 minutes ago, at 2027-01-15 07:57 UTC."),
        (signed(expires=NOW), "(AccessDenied): the URL expired 0 seconds ago, at 2027-01-15 08:00 UTC."),
        (signed().replace("&", "\\u0026"), f"{UNSIGNED}; & is written \\u0026, as in JSON."),
        (signed().replace("?", "%3F"), f"{UNSIGNED}; ? is written %3F."),
        (
            signed().replace("&", "&amp;"),
            f"{UNSIGNED}; & is written &amp;, as in HTML.",
        ),
        (
            signed(f"{ORIGIN}/a#1.jpg"),
            f"{UNSIGNED}; everything from # on is not sent.",
        ),
    ],
)
def test_refusal_names_the_code_and_the_reason(url: str, verdict: str) -> None:
    explanation = explain(url)
    assert explanation.verdict == f"Refused by the edge {verdict}"
    assert (explanation.exit_code, explanation.json()["opens"]) == (1, False)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (signed().replace("a%20b", "c"), "the URL was changed after signing"),
        (signed().replace(ORIGIN, OTHER), f"it is signed for {ORIGIN}"),
        (signed().replace("https:", "http:"), f"it is signed for {ORIGIN}"),
        (signed(key_id=EC_ID), "it is signed with the key KRSA"),
        (signed(says=""), "it is signed with SHA-256, and lacks Hash-Algorithm=SHA256"),
        (signed(hash_algorithm=SHA_1, says="&Hash-Algorithm=SHA256"), "it is signed with SHA-1, and says Hash-Alg"),
        (signed() + "&utm_source=mail", "parameters were added to the query after signing"),
        (signed(f"{ORIGIN}/a b.jpg").replace(" ", "%20"), "the path was encoded after signing"),
        (by_botocore(f"{ORIGIN}/é.jpg").replace("é", "%C3%A9"), "the path was signed with JSON's escapes in it"),
    ],
)
def test_signature_that_does_not_match_says_what_was_signed(url: str, reason: str) -> None:
    explanation = explain(url)
    assert explanation.verdict.startswith("Refused by the edge (AccessDenied): the signature does not match: ")
    assert reason in explanation.verdict
    assert row(explanation, "signature") == "does not hold"


PUNCTUATION = "".join(chr(code) for code in range(0x20, 0x7F) if not chr(code).isalnum() and chr(code) not in "/")


@pytest.mark.parametrize(
    "query", ["", "?response-content-disposition=attachment%3B%20filename%3D%22a%20%281%29%2B.pdf%22"]
)
@pytest.mark.parametrize("letter", [*PUNCTUATION, "é", "%41", "e\u0301"])
def test_url_that_a_client_rewrote_names_the_cure(letter: str, query: str) -> None:
    url = signed(f"{ORIGIN}/a{quote(letter, safe='-._~')}b.pdf{query}")
    rewritten = str(URL(url))  # as aiohttp sends it
    explanation = explain(rewritten)
    if rewritten == url:
        assert explanation.exit_code == 0
    else:
        assert "yarl.URL(url, encoded=True)" in explanation.verdict


def test_url_with_lower_case_escapes_is_one_that_a_client_rewrote() -> None:
    assert (
        "a client decoded characters such as %28, or encoded them"
        in explain(signed(f"{ORIGIN}/%C3%A9").replace("%C3%A9", "%c3%a9")).verdict
    )


@pytest.mark.parametrize(("name", "form"), [("%C3%A9.jpg", "(NFC)"), ("e%CC%81.jpg", "(NFD)")])
def test_name_that_looks_like_another_says_how_it_is_written(name: str, form: str) -> None:
    assert form in row(explain(signed(f"{ORIGIN}/{name}")), "looks like")
    assert not [line for line in explain(signed()).lines() if line.startswith("looks like")]


@pytest.mark.parametrize("times", [0, 1, 2])
def test_signature_is_masked_however_often_it_is_encoded(times: int) -> None:
    url = signed()
    for _ in range(times):
        url = quote(url, safe="")
    assert shown_text.is_signed_url(url)
    shown = shown_text.one_line(f"cannot open {url}: x")
    assert signed()[-60:-40] not in shown
    assert signed().partition("Signature=")[2][:20] not in shown
    assert "KRSA" in shown


def test_signature_of_an_expired_url_is_checked_too() -> None:
    assert row(explain(signed(expires=NOW - 1)), "signature") == "holds"


@pytest.mark.parametrize("keys", [UNREAD, Keys(KEYS.by_id), Keys({EC_ID: KEYS.by_id[EC_ID]}, "G1")])
def test_url_of_another_distribution_is_refused_by_this_one(keys: Keys) -> None:
    explanation = explain(signed(f"{OTHER}/a"), keys)
    assert f"signed for another distribution, {OTHER}; the outputs are those of {ORIGIN}." in explanation.verdict
    assert explanation.exit_code == 1
    assert row(explanation, "origin") == f"{OTHER}, not that of the outputs, {ORIGIN}"


def test_any_origin_is_accepted_without_outputs() -> None:
    assert explain(signed(f"{OTHER}/a"), cdn_url=None).exit_code == 0


def test_without_keys_everything_else_is_explained() -> None:
    explanation = explain(signed(), UNREAD)
    assert explanation.verdict.startswith("Unless the signature is wrong, this URL opens photos/a b.jpg until 2027")
    assert row(explanation, "signature") == "not checked: no outputs"
    assert (explanation.exit_code, explanation.json()["opens"], explanation.json()["inKeyGroup"]) == (4, None, None)
    assert "expired 3 minutes ago" in explain(signed(expires=NOW - 180), UNREAD).verdict


def test_key_outside_the_group_is_named() -> None:
    explanation = explain(signed(key_id="KGONE"))
    assert row(explanation, "signed by") == "KGONE, not in the key group of the distribution, SHA-256"
    assert explanation.json()["inKeyGroup"] is False


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("attachment%3B%20filename%3D%22a%20b.pdf%22", "a b.pdf"),
        ("attachment%3B%20filename%3Da.pdf", "a.pdf"),
        ("attachment%3B%20filename%3D%22a.pdf%22%3B%20filename%2A%3DUTF-8%27%27%25C3%25A9.pdf", "é.pdf"),
    ],
)
def test_name_that_the_file_is_saved_under_is_shown(header: str, name: str) -> None:
    explanation = explain(signed(f"{ORIGIN}/x?response-content-disposition={header}"))
    assert row(explanation, "opens") == f"x, saved as {name}"
    assert explanation.json()["savedAs"] == name


@pytest.mark.parametrize(
    ("seconds", "distance"),
    [(1, "in 1 second"), (60, "in 1 minute"), (7200, "in 2 hours"), (86400 * 3, "in 3 days"), (-3600, "1 hour ago")],
)
def test_distance_is_in_the_largest_unit(seconds: int, distance: str) -> None:
    assert row(explain(signed(expires=NOW + seconds)), "until").endswith(f" UTC, {distance}")


def test_signature_in_the_name_is_not_shown() -> None:
    name = row(explain(signed().replace("?", "%3F").replace("&", "%26")), "opens")
    assert name == f"photos/a b.jpg?Expires={EXPIRES}&Signature=…&Key-Pair-Id={RSA_ID}&Hash-Algorithm=SHA256"


def test_name_cannot_move_the_cursor() -> None:
    explanation = explain(signed(f"{ORIGIN}/a%1B%5B2J%E2%80%AE%0A.jpg"))
    assert "".join(explanation.lines()).isprintable()


@pytest.mark.parametrize("path", ["a b.jpg", "é.jpg", "x/../a.jpg", "a\\b.jpg"])
def test_url_that_is_valid_only_as_written_is_refused_for_a_browser(path: str) -> None:
    explanation = explain(signed(f"{ORIGIN}/{path}"))
    assert "(AccessDenied): a browser rewrites the URL (" in explanation.verdict
    assert "signed as written" in explanation.verdict
    assert explanation.exit_code == 1


def test_url_that_a_browser_corrects_opens() -> None:
    explanation = explain(signed().replace("%20", " ") + "\n")
    assert explanation.exit_code == 0
    assert "it encodes space to %20" in row(explanation, "browser")


@pytest.mark.parametrize(
    ("url", "path", "query", "change"),
    [
        ("https://h/a%20b-._~!$&'()*+,;=:@|[]^".replace("^", ""), b"/a%20b-._~!$&'()*+,;=:@|[]", b"", None),
        ("https://h/%", b"/%", b"", None),
        ("https://h/a b", b"/a%20b", b"", "in the path, it encodes space to %20"),
        ("https://h/é", b"/%C3%A9", b"", "in the path, it encodes é to %C3%A9"),
        ('https://h/"<>^`{}', b"/%22%3C%3E%5E%60%7B%7D", b"", "in the path, it encodes"),
        ("https://h/a\x7f", b"/a%7F", b"", "in the path, it encodes U+007F to %7F"),
        ("https://h/?a='b c", b"/", b"a=%27b%20c", "in the query, it encodes"),
        ("https://h/?`{}^|\\/../", b"/", b"`{}^|\\/../", None),
        ("https://h/a\\b", b"/a/b", b"", "\\ becomes /"),
        ("https://h/a\n\tb", b"/ab", b"", "tabs and line breaks are removed"),
        (" https://h/a ", b"/a", b"", "surrounding white space is removed"),
        ("https://h/a#b?c", b"/a", b"", "everything from # on is not sent"),
        ("https://h/a/../b/./c", b"/b/c", b"", "dot segments are resolved"),
        ("https://h/a/%2E%2e/b/%2e", b"/b/", b"", "dot segments are resolved"),
        ("https://h/../a/..", b"/", b"", "dot segments are resolved"),
        ("https://h/a//b/...", b"/a//b/...", b"", None),
        ("https://h?a", b"/", b"a", "an empty path becomes /"),
        ("https://H:443/a", b"/a", b"", "host: lower case, no default port"),
        ("https://h:/a", b"/a", b"", "host: lower case, no default port"),
        ("HTTPS://h/a", b"/a", b"", "scheme: lower case"),
        ("https://user:pass@h/a", b"/a", b"", "user name and password are removed"),
    ],
)
def test_browser_rewrites_by_the_url_standard(url: str, path: bytes, query: bytes, change: str | None) -> None:
    request, changes = browser_rewrites.as_sent(url)
    assert request == ("https://h", path, query)
    assert len(changes) == (change is not None)
    assert not change or changes[0].startswith(change)


@pytest.mark.slow  # a process
def test_browser_rewrites_as_the_url_parser_of_node_does() -> None:
    pieces = ["a", "/", ".", "..", "%2e", "%2E.", "\\", "?", "#", " ", "\t", "%", "é", "😀", "\x7f", "\x01", "|"]
    pieces += list("\"'<>`{}[]^~&=+:@;$!*()")
    urls = [f"https://h/{''.join(three)}" for three in itertools.product(pieces, repeat=3)]
    script = (
        "const urls = JSON.parse(require('fs').readFileSync(0)).map(text => new URL(text));"
        "console.log(JSON.stringify(urls.map(url => [url.origin, url.pathname, url.search.slice(1)])))"
    )
    node = [str(Path(sys.executable).with_name("node")), "-e", script]
    run = subprocess.run(node, input=json.dumps(urls).encode(), capture_output=True, check=True)
    for url, (origin, path, query) in zip(urls, json.loads(run.stdout), strict=True):
        request, _ = browser_rewrites.as_sent(url)
        assert request == (origin, path.encode(), query.encode()), url
        assert not browser_rewrites.as_sent(f"{origin}{path}?{query}")[1], url


@pytest.mark.parametrize(
    "url", ["", "x", "ftp://h/a", "https://", "https:///a", "https://é/a", "https://a b/", "https://h:x/"]
)
def test_text_that_is_not_a_url_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ValueError, match="It must start with https://"):
        browser_rewrites.as_sent(url)


@pytest.fixture
def cloudfront(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in [name for name in os.environ if name.startswith(("AWS_", "PRIVATE_FILES_"))]:
        monkeypatch.delenv(name)
    with mock_aws():
        yield boto3.client("cloudfront", region_name="us-east-1")


def key_group(cloudfront: Any) -> tuple[str, str]:
    config = {"CallerReference": "r", "Name": "k", "EncodedKey": public_pem(RSA_KEY).decode()}
    key_id = cloudfront.create_public_key(PublicKeyConfig=config)["PublicKey"]["Id"]
    group = cloudfront.create_key_group(KeyGroupConfig={"Name": "g", "Items": [key_id]})["KeyGroup"]["Id"]
    return key_id, group


def test_keys_are_those_of_the_key_group(cloudfront: Any) -> None:
    key_id, group = key_group(cloudfront)
    keys = trusted_keys.fetch(Outputs(key_group_id=group))
    assert (list(keys.by_id), keys.group, keys.unread) == ([key_id], group, None)
    assert explain(signed(key_id=key_id), keys).exit_code == 0


def test_keys_that_cannot_be_read_say_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "x"}}, "GetKeyGroup")

    monkeypatch.setattr(boto3.Session, "client", refuse)
    assert trusted_keys.fetch(Outputs()).unread == "no outputs with a KeyGroupId, and no --public-key"
    refused = "CloudFront does not allow reading its keys (AccessDenied)"
    assert trusted_keys.fetch(Outputs(key_group_id="g")).unread == refused


def test_cloudfront_that_does_not_listen_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boto3.Session, "get_credentials", lambda _: None)
    outputs = Outputs(key_group_id="g", aws_endpoint_url="http://127.0.0.1:1")
    assert "cannot be read from CloudFront (" in str(trusted_keys.fetch(outputs).unread)


@pytest.mark.parametrize(
    ("endpoint", "found", "used"),
    [
        ("https://127.0.0.1:4566", None, "test"),
        ("https://localhost:4566", "own", "own"),
        ("https://aws.example.com", None, None),
        (None, None, None),
    ],
)
def test_root_key_of_the_emulator_is_for_this_machine_only(
    monkeypatch: pytest.MonkeyPatch, endpoint: str | None, found: str | None, used: str | None
) -> None:
    monkeypatch.setattr(boto3.Session, "get_credentials", lambda _: Credentials(found, "s") if found else None)
    monkeypatch.setattr(aws, "session_without_configuration", lambda _, key, __: keys_used.append(key))
    monkeypatch.setattr(aws, "make_client", lambda *_, **__: None)
    keys_used: list[str | None] = []
    aws.client(Outputs(aws_endpoint_url=endpoint or ""), "cloudfront")
    assert (keys_used or [found]) == [used]


def test_address_of_a_file_that_nobody_named_gets_no_credentials_of_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boto3.Session, "get_credentials", lambda _: pytest.fail("they must not even be read"))
    monkeypatch.setattr(aws, "make_client", lambda session, *_, **__: keys_used.append(session))
    monkeypatch.setattr(aws, "session_without_configuration", lambda _, key, __: key)
    keys_used: list[str | None] = []
    aws.client(Outputs(aws_endpoint_url="https://127.0.0.1:4566"), "s3", own_credentials=False)
    assert (keys_used, aws.caller_credentials(own=False).access_key) == (["test"], "test")
    for endpoint in ("", "https://aws.example.com"):
        with pytest.raises(Unconfigured, match="--outputs"):
            aws.client(Outputs(aws_endpoint_url=endpoint), "s3", own_credentials=False)


def test_public_key_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_text("-----BEGIN RSA PUBLIC KEY-----")
    with pytest.raises(Unconfigured, match=r"x\.pem cannot be used: CloudFront takes"):
        trusted_keys.from_file(str(tmp_path / "x.pem"), RSA_ID)
    with pytest.raises(Unconfigured, match=r"y\.pem cannot be read"):
        trusted_keys.from_file(str(tmp_path / "y.pem"), RSA_ID)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """`python -m private_files explain …` at NOW, in an empty directory: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("time.time", lambda: float(NOW))
    monkeypatch.delenv("PRIVATE_FILES_OUTPUTS", raising=False)
    (tmp_path / "public.pem").write_bytes(public_pem(RSA_KEY))
    (tmp_path / "outputs.json").write_text(json.dumps({"GraphqlUrl": "https://a", "CdnUrl": ORIGIN}))

    def go(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["private_files", "explain", *arguments])
        try:
            code = command.main()
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        out, err = capsys.readouterr()
        assert signed()[-60:-30] not in out + err
        assert "https://" not in err.partition("Error:")[2].replace("begin with https://", "")
        return code, out, err

    return go


def test_public_key_of_a_file_is_enough(run: Callable[..., Any]) -> None:
    code, out, err = run("--public-key", "public.pem", signed())
    assert (code, err) == (0, "")
    assert out.startswith("This URL opens photos/a b.jpg until ")
    assert "\nsigned by  KRSA, RSA-2048, SHA-256\n" in out


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([signed(), "--public-key", "public.pem", "--outputs", "outputs.json"], 0),
        ([signed(f"{OTHER}/a"), "--public-key", "public.pem"], 0),
        ([signed(f"{OTHER}/a"), "--public-key", "public.pem", "--outputs", "outputs.json"], 1),
        ([signed(expires=NOW - 1)], 1),
        ([signed()], 4),
        ([signed(), "--public-key", "gone.pem"], 2),
        (["photos/a.jpg"], 2),
        ([], 2),
        ([signed(), signed()], 2),
        ([signed(), "--public-key", ""], 2),
    ],
)
def test_exit_code_tells_results_apart(run: Callable[..., Any], arguments: list[str], code: int) -> None:
    assert run(*arguments)[0] == code


def test_json_is_one_line(run: Callable[..., Any]) -> None:
    code, out, _ = run("--json", signed(expires=NOW - 1))
    assert (code, out.count("\n"), json.loads(out)["code"]) == (1, 1, "AccessDenied")


def test_url_can_be_read_from_standard_input(run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(signed() + "\n"))
    assert run("-", "--public-key", "public.pem")[0] == 0


def test_url_instead_of_a_command_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["private_files", signed()])
    with pytest.raises(SystemExit):
        command.main()
    assert "[a URL]" in capsys.readouterr().err
