"""URLs per second on one core: ours compared with the bare signature and other signers of CloudFront URLs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import cast

from botocore.signers import CloudFrontSigner
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from bench import openssl
from bench.keys import Key
from bench.node_peers import AWS_CLOUDFRONT_SIGN, AWS_SDK, AWS_SDK_PARSED_KEY, NodePeers
from bench.paired import Timed, compare, on_cpu
from bench.rows import Row, of_pair
from resolvers.signed_url import UrlSigner

ORIGIN = "https://d111111abcdef8.cloudfront.net"
KEY_ID = "K0123456789ABC"
EXPIRES = 2_147_483_000  # in the future, and below the limit of aws-cloudfront-sign, 2**31 - 1

# About 30 ms a round: longer than the clock's resolution, shorter than changes of the machine's load.
_AT_ONCE = {"ecdsa-p256": 1000, "rsa-2048": 100, "rsa-2048-sha1": 100}


def policy(url: str) -> bytes:
    """Return the bytes that are signed for a URL."""
    return b'{"Statement":[{"Resource":"%b","Condition":{"DateLessThan":{"AWS:EpochTime":%d}}}]}' % (
        url.encode(),
        EXPIRES,
    )


def urls(count: int) -> list[str]:
    """Return this number of URLs of files with names of 20 characters."""
    return [f"{ORIGIN}/photos/2026-{number:04}.jpg" for number in range(count)]


def ours(key: Key, count: int) -> Timed:
    signer = UrlSigner(KEY_ID, key.pem, key.algorithm)
    return on_cpu(lambda url: signer.sign(url, EXPIRES), urls(count))


def rows(keys: list[Key], node: NodePeers, rounds: int) -> Iterator[Row]:
    """Compare our speed with the others', for each key."""
    for key in keys:
        mine = ours(key, _AT_ONCE[key.algorithm])
        bare = on_cpu(key.bare, [policy(url) for url in urls(_AT_ONCE[key.algorithm])])
        to_bare = compare(mine, bare, 2 * rounds)  # a small difference, and the limit of every other row
        goal = 0.80 if key.algorithm == "ecdsa-p256" else 0.97
        name = key.algorithm
        yield of_pair(name, "bare private_key.sign", to_bare, to_bare.ratio, "×", at_least=goal, limit=1)
        for against, theirs, goal_here in _peers(key, keys[-1], node):
            pair = compare(mine, theirs, rounds)
            limit = pair.ratio / to_bare.ratio
            yield of_pair(name, against, pair, pair.ratio, "×", at_least=goal_here, limit=limit)
        if by_openssl := openssl.timed(key.algorithm):
            pair = compare(mine, by_openssl, 3)
            yield of_pair(name, "openssl speed", pair, pair.ratio, "×")


def lengths(keys: list[Key]) -> Iterator[Row]:
    """Measure the length of a URL of a name of 20 characters."""
    for key in keys:
        signed = UrlSigner(KEY_ID, key.pem, key.algorithm).sign(urls(1)[0], EXPIRES)
        yield Row(key.algorithm, "URL of a 20-character name", len(signed), "characters")


def _peers(key: Key, sha1_key: Key, node: NodePeers) -> Iterator[tuple[str, Timed, float | None]]:
    count = _AT_ONCE[key.algorithm]
    yield AWS_SDK, _on_node(node, AWS_SDK, key, count), 2.5
    yield AWS_SDK_PARSED_KEY, _on_node(node, AWS_SDK_PARSED_KEY, key, count), None
    yield f"{AWS_CLOUDFRONT_SIGN} (SHA-1)", _on_node(node, AWS_CLOUDFRONT_SIGN, key, count), None
    if key.algorithm == "ecdsa-p256":
        yield "botocore, RSA, key read per URL as documented", _botocore(sha1_key, read_each_time=True), 12
        yield "botocore, RSA, key parsed once", _botocore(sha1_key), 12
    else:
        yield "botocore, key parsed once", _botocore(key), None


def _on_node(node: NodePeers, signer: str, key: Key, count: int) -> Timed:
    return lambda: node.sign(
        signer, urls(count), key_id=KEY_ID, private_key=key.pem, expires=EXPIRES, hash_name=key.hash_name
    )[1]


def _botocore(key: Key, *, read_each_time: bool = False) -> Timed:
    def read_and_sign(message: bytes) -> bytes:
        # https://github.com/boto/boto3/blob/develop/boto3/examples/cloudfront.rst, but not from disk
        private = cast("rsa.RSAPrivateKey", load_pem_private_key(key.pem, password=None))
        return private.sign(message, padding.PKCS1v15(), SHA1())  # noqa: S303 - as documented

    signer = CloudFrontSigner(KEY_ID, read_and_sign if read_each_time else key.bare)
    until = datetime.fromtimestamp(EXPIRES, UTC)
    # Loading an RSA key is slow, because its numbers are checked.
    count = 2 if read_each_time else _AT_ONCE[key.algorithm]
    return on_cpu(lambda url: signer.generate_presigned_url(url, date_less_than=until), urls(count))
