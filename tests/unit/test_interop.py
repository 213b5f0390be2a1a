"""Signed URLs across implementations: OpenSSL takes ours, Node's signers make the same, the edge takes theirs, and
clients send them unchanged."""

import asyncio
import base64
import contextlib
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, unquote

import aiohttp
import httpx
import pytest
import requests
from yarl import URL

from bench.keys import Key, fresh_keys
from bench.node_peers import AWS_CLOUDFRONT_SIGN, AWS_SDK, NodePeers
from private_files.canned_policy import Refused, check
from resolvers.file_names import to_url_path
from resolvers.signed_url import UrlSigner
from tests.served import accepting
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


# Names with each character that some client rewrites.
NAMES = [f"a{letter}b" for letter in map(chr, range(0x20, 0x7F)) if not letter.isalnum() and letter != "/"]
NAMES += ["é/ü.txt", "e\u0301", "😀", "%41", "%2F", "%", "a+b c", "…", "a/~/-_.", "..a", "report (final).pdf"]


@dataclass
class Edge:
    """Checks the bytes of each request line, as CloudFront does."""

    origin: str
    opened: list[str] = field(default_factory=list)

    def urls(self) -> list[str]:
        [key] = [key for key in KEYS if key.algorithm == "ecdsa-p256"]
        sign = UrlSigner(KEY_ID, key.pem, key.algorithm).sign
        urls = []
        for name in NAMES:
            header = quote(f'attachment; filename="{name}"', safe="-._~")
            urls += [self.origin + to_url_path(name, "files")]
            urls += [f"{urls[-1]}?response-content-disposition={header}"]
        return [sign(url, EXPIRES) for url in urls]


@pytest.fixture(scope="module")
def http_edge() -> Iterator[Edge]:
    [key] = [key for key in KEYS if key.algorithm == "ecdsa-p256"]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            target = self.requestline.split(" ")[1]
            path, _, query = target.partition("?")
            status = 200
            try:
                if target != "/":
                    keys = {KEY_ID: key.private.public_key()}
                    check(edge.origin, path.encode("latin-1"), query.encode("latin-1"), keys=keys, now=EXPIRES - 1)
                    edge.opened.append(edge.origin + target)
            except Refused:
                status = 403
            self.send_response_only(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with accepting(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        server.daemon_threads = True
        edge = Edge(f"http://127.0.0.1:{server.server_port}")
        yield edge


def by_aiohttp(urls: list[str], *, encoded: bool = True) -> None:
    async def fetch() -> None:
        async with aiohttp.ClientSession() as http:
            for url in urls:
                await (await http.get(URL(url, encoded=encoded))).read()

    asyncio.run(fetch())


def by_httpx(urls: list[str]) -> None:
    with httpx.Client(trust_env=False) as http:
        for url in urls:
            http.get(url)


def by_requests(urls: list[str]) -> None:
    with requests.Session() as http:
        http.trust_env = False
        for url in urls:
            http.get(url, timeout=30)


def by_urllib(urls: list[str]) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for url in urls:
        with contextlib.suppress(urllib.error.HTTPError), opener.open(url) as response:
            response.read()


def by_command(*command: str) -> Callable[[list[str]], None]:
    def fetch(urls: list[str]) -> None:
        program = shutil.which(command[0]) or shutil.which(Path(sys.executable).with_name(command[0]))
        if program is None:
            pytest.skip(f"{command[0]} is not installed")
        given = "\n".join(urls) if command[0] != "curl" else "\n".join(f'url = "{url}"' for url in urls)
        plain = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        subprocess.run([program, *command[1:]], input=given.encode(), capture_output=True, check=False, env=plain)

    return fetch


BY_NODE = (
    "(async () => { for (const url of require('fs').readFileSync(0, 'utf8').split('\\n'))"
    " await (await fetch(url)).text(); })()"
)


@pytest.mark.parametrize(
    "fetch",
    [
        pytest.param(by_aiohttp, id="aiohttp"),
        pytest.param(by_httpx, id="httpx"),
        pytest.param(by_requests, id="requests"),
        pytest.param(by_urllib, id="urllib"),
        pytest.param(by_command("curl", "--silent", "--config", "-"), id="curl"),
        pytest.param(by_command("wget", "--quiet", "--output-document", "/dev/null", "--input-file", "-"), id="wget"),
        pytest.param(by_command("node", "-e", BY_NODE), id="node"),
    ],
)
def test_client_sends_every_character_as_it_was_signed(http_edge: Edge, fetch: Callable[[list[str]], None]) -> None:
    urls = http_edge.urls()
    http_edge.opened.clear()
    fetch(urls)
    assert set(urls) - set(http_edge.opened) == set()


def test_aiohttp_needs_encoded_urls(http_edge: Edge) -> None:
    urls = http_edge.urls()
    http_edge.opened.clear()
    by_aiohttp(urls, encoded=False)
    assert [url for url in urls if url not in http_edge.opened and "report%20%28final%29.pdf" in url]


@pytest.mark.slow
def test_chromium_sends_every_character_as_it_was_signed(http_edge: Edge) -> None:
    from tests.chromium import chromium  # noqa: PLC0415 - Playwright is slow to import

    urls = http_edge.urls()
    http_edge.opened.clear()
    with chromium() as browser:
        page = browser.new_page()
        page.goto(f"{http_edge.origin}/")
        page.evaluate("async urls => { for (const url of urls) await (await fetch(url)).text(); }", urls)
    assert set(urls) - set(http_edge.opened) == set()
