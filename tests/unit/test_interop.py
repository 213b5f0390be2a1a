"""Signed URLs across implementations: OpenSSL takes ours, Node's signers make the same, and the edge takes theirs."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

import pytest

from bench.keys import Key, fresh_keys
from bench.node_peers import AWS_CLOUDFRONT_SIGN, AWS_SDK, NodePeers
from resolvers.file_names import to_url_path
from resolvers.signed_url import UrlSigner
from tests.signing_keys import BASE_URL, KEY_ID, needs_openssl, opened, openssl, public_pem

EXPIRES = 2_147_483_646  # the last that aws-cloudfront-sign takes; it refuses the past

KEYS = fresh_keys()

each_key = pytest.mark.parametrize("key", KEYS, ids=lambda key: key.algorithm)
each_rsa_key = pytest.mark.parametrize("key", KEYS[1:], ids=lambda key: key.algorithm)
each_target = pytest.mark.parametrize(
    "target",
    [
        to_url_path("a.jpg", "files"),
        to_url_path("été/a b.jpg", "files"),
        to_url_path("100%25 + #1?&=~_-.txt", "files"),
        to_url_path("a.jpg", "files") + "?response-content-disposition=attachment%3B%20filename%3D%22b.jpg%22",
    ],
)


@pytest.fixture(scope="module")
def node() -> Iterator[NodePeers]:
    with NodePeers() as node:
        yield node


def ours(key: Key, target: str) -> str:
    return UrlSigner(KEY_ID, key.pem, key.algorithm).sign(BASE_URL + target, EXPIRES)


def nodes(
    node: NodePeers, signer: str, key: Key, target: str, hash_name: Literal["SHA1", "SHA256"] | None = None
) -> str:
    [url], _ = node.sign(
        signer,
        [BASE_URL + target],
        key_id=KEY_ID,
        private_key=key.pem,
        expires=EXPIRES,
        hash_name=hash_name or key.hash_name,
    )
    return url


def parameters(url: str) -> dict[str, str]:
    """The query by name; values as they are spelled."""
    return dict(parameter.split("=", 1) for parameter in url.partition("?")[2].split("&"))


@needs_openssl
@each_target
@each_key
def test_openssl_verifies_our_signature(key: Key, target: str, tmp_path: Path) -> None:
    policy = (
        f'{{"Statement":[{{"Resource":"{BASE_URL}{target}",'
        f'"Condition":{{"DateLessThan":{{"AWS:EpochTime":{EXPIRES}}}}}}}]}}'
    )
    signature = parameters(ours(key, target))["Signature"].translate(str.maketrans("-_~", "+=/"))
    (tmp_path / "signature").write_bytes(base64.b64decode(signature, validate=True))
    (tmp_path / "public.pem").write_bytes(public_pem(key.private))
    verify: list[str | Path] = [
        "dgst",
        f"-{key.hash_name.lower()}",
        "-verify",
        tmp_path / "public.pem",
        "-signature",
        tmp_path / "signature",
    ]
    assert openssl(*verify, stdin=policy.encode()) == b"Verified OK\n"


@each_target
@each_rsa_key
def test_rsa_url_is_the_one_of_the_node_sdk(node: NodePeers, key: Key, target: str) -> None:
    our, their = ours(key, target), nodes(node, AWS_SDK, key, target)
    assert our.partition("?")[0] == their.partition("?")[0]
    assert parameters(our) == parameters(their)  # the order is each signer's own


@each_target
def test_sha1_signature_is_the_one_of_aws_cloudfront_sign(node: NodePeers, target: str) -> None:
    [key] = [key for key in KEYS if key.algorithm == "rsa-2048-sha1"]
    their = parameters(nodes(node, AWS_CLOUDFRONT_SIGN, key, target))
    assert parameters(ours(key, target))["Signature"] == unquote(their["Signature"])


@pytest.mark.parametrize("name", ["a.jpg", "été/a b.jpg", "100%25 + #1?&=~_-.txt", "it's a (1)!*.jpg"])
@pytest.mark.parametrize("hash_name", ["SHA1", "SHA256"])
@pytest.mark.parametrize("key", KEYS[:2], ids=lambda key: key.algorithm)
def test_edge_opens_urls_of_the_node_sdk(
    node: NodePeers, key: Key, hash_name: Literal["SHA1", "SHA256"], name: str
) -> None:
    url = nodes(node, AWS_SDK, key, to_url_path(name, "files"), hash_name)
    assert unquote(opened(url, key.private, EXPIRES - 1)) == f"/{name}"


@pytest.mark.parametrize("name", ["a.jpg", "été/a b.jpg", "100%25 + #1?&=~_-.txt", "it's a (1)!*.jpg"])
@pytest.mark.parametrize("key", KEYS[:2], ids=lambda key: key.algorithm)
def test_edge_opens_what_aws_cloudfront_sign_signed(node: NodePeers, key: Key, name: str) -> None:
    target = to_url_path(name, "files")
    their = parameters(nodes(node, AWS_CLOUDFRONT_SIGN, key, target))
    # It sends the policy along though Expires says it all, and writes %7E for ~; this edge is strict about both.
    canned = "&".join(f"{name}={unquote(their[name])}" for name in ("Expires", "Signature", "Key-Pair-Id"))
    assert opened(f"{BASE_URL}{target}?{canned}", key.private, EXPIRES - 1) == target.encode()
