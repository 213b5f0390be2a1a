"""The edge's throughput beside nginx on the same files, by the clock: one large file, and many small ones.

nginx is also the edge's origin, so that no other server decides the figures. The edge checks a signature for each
request, which nginx does not.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bench.keys import Key
from bench.paired import compare
from bench.rows import Row, of_pair
from bench.signing import EXPIRES, KEY_ID
from local.servers import free_port
from resolvers.signed_url import UrlSigner

LARGE = 2**30  # bytes
FILES, SMALL = 10_000, 4096
CONNECTIONS = 16
ROUNDS = 5
_NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; default_type application/octet-stream;
    client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
    uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
    server {{
        listen 127.0.0.1:{port};
        location ~ ^/[0-9]+/(.+)$ {{ alias {folder}/$1; }}
    }}
}}
"""


def rows(key: Key) -> Iterator[Row]:
    """Compare seconds by the clock; without nginx, say so."""
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/local/bin:/usr/bin:/bin")
    if not nginx or not shutil.which("curl"):
        print("The edge is not compared: nginx and curl are not installed.", file=sys.stderr)
        return
    with TemporaryDirectory() as folder:
        files = Path(folder)
        files.chmod(0o755)
        with (files / "large.bin").open("wb") as large:
            large.truncate(LARGE)
        for number in range(FILES):
            (files / f"{number:05}.bin").write_bytes(bytes(SMALL))
        with _nginx(nginx, files) as direct, _edge(key, direct) as edge:
            yield from _compared(key, edge, direct, files)


def _compared(key: Key, edge: str, direct: str, folder: Path) -> Iterator[Row]:
    signer = UrlSigner(KEY_ID, key.pem, key.algorithm)
    generations = count(1)
    small = [f"{number:05}.bin" for number in range(FILES)]

    def signed(names: list[str]) -> list[str]:
        # A file under a new name is not in the edge's cache.
        generation = next(generations)
        return [signer.sign(f"{edge}/{generation}/{name}", EXPIRES) for name in names]

    kept = signed(small)

    def row(subject: str, names: list[str], ours: Callable[[], list[str]], goal: float | None) -> Row:
        theirs = [f"{direct}/0/{name}" for name in names]
        pair = compare(lambda: _seconds(ours(), folder), lambda: _seconds(theirs, folder), ROUNDS)
        against = "nginx on the same files"
        return of_pair(f"local edge, {subject}", against, pair, pair.ratio, "× the speed", at_least=goal)

    yield row("a file of 1 GB", ["large.bin"], lambda: signed(["large.bin"]), 0.5)
    yield row(f"{FILES:,} files of 4 kB, not in its cache", small, lambda: signed(small), None)
    yield row(f"{FILES:,} files of 4 kB, in its cache", small, lambda: kept, None)


def _seconds(urls: list[str], folder: Path) -> float:
    """Return how long curl takes for these URLs."""
    config = folder / "curl.txt"
    config.write_text("".join(f'url = "{url}"\noutput = "/dev/null"\n' for url in urls))
    options = ["--silent", "--show-error", "--fail", "--no-progress-meter", "--parallel"]
    command = ["curl", *options, "--parallel-max", str(CONNECTIONS), "--config", str(config)]
    started = time.perf_counter()
    subprocess.run(command, check=True)  # noqa: S603 - the program that the user has installed
    return time.perf_counter() - started


@contextmanager
def _nginx(program: str, folder: Path) -> Iterator[str]:
    port = free_port(0, "")
    (folder / "nginx.conf").write_text(_NGINX.format(folder=folder, port=port))
    command: list[str | Path] = [program, "-c", folder / "nginx.conf", "-e", folder / "error.log"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:  # noqa: S603 - as above
        deadline = time.monotonic() + 10
        while socket.socket().connect_ex(("127.0.0.1", port)) and time.monotonic() < deadline:
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
        process.terminate()


@contextmanager
def _edge(key: Key, origin: str) -> Iterator[str]:
    public_key = key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    command = [sys.executable, "-m", "bench.edge_server", origin]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own
        assert process.stdin and process.stdout  # noqa: S101 - both are pipes
        print(json.dumps(public_key.decode()), file=process.stdin, flush=True)
        yield process.stdout.readline().strip()
        process.stdin.close()
