"""The CPU time of the first URL in a new process: all imports, reading the key over HTTP, one invocation.

What Lambda SnapStart saves is not measured: it restores a process in which the imports are done, from a snapshot.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

from bench.handler import CONTEXT, appsync_event, environment
from bench.keys import Key
from bench.node_peers import ESBUILD, NODE
from bench.paired import Timed, compare
from bench.rows import Row, of_pair

# CPU time from the start of the process; the exit of the interpreter does not count.
_FIRST_INVOCATION = """
import importlib, json, sys, time
from types import SimpleNamespace
handler = importlib.import_module(sys.argv[1]).handler
context = SimpleNamespace(get_remaining_time_in_millis=lambda: 29_000, **json.loads(sys.argv[3]))
url = handler(json.loads(sys.argv[2]), context)
seconds = time.process_time()
assert "Signature=" in url, url
print(seconds)
"""

_FIRST_INVOCATION_OF_NODE = """
const { handler } = await import(process.argv[1]);
const url = await handler(JSON.parse(process.argv[2]));
const { user, system } = process.cpuUsage();
if (!url.includes("Signature=")) throw new Error(url);
console.log((user + system) / 1e6);
process.exit();
"""

# Lambda's runtime includes these; the rest is in the bundle, usually without bytecode.
_IN_THE_RUNTIME = {"boto3", "botocore", "s3transfer", "urllib3", "dateutil", "jmespath"}


def rows(keys: Sequence[Key], runs: int) -> Iterator[Row]:
    """Our first URL as a share of others': of Node's for each key, of the usual Python handler's for the first."""
    for key in keys:
        yield _beside_node(key, runs)
    yield from _beside_python(keys[0], runs)


def _beside_node(key: Key, runs: int) -> Row:
    with _parameter_store(key.pem.decode()) as endpoint_url, TemporaryDirectory() as folder:
        ours = _first_url(key, "resolvers.url_handler", endpoint_url, Path(folder))
        theirs = _first_url_of_node(key, endpoint_url, Path(folder))
        ours()  # writes the bytecode
        pair = compare(ours, theirs, runs)
    subject, against = f"first URL of a new process, {key.algorithm}", "Node.js, AWS SDK v3, bundled and minified"
    return of_pair(subject, against, pair, pair.our_seconds / pair.their_seconds, "× the time", at_most=0.9)


def _beside_python(key: Key, runs: int) -> Iterator[Row]:
    with _parameter_store(key.pem.decode()) as endpoint_url, TemporaryDirectory() as folder:
        compiled, deployed = Path(folder, "compiled"), Path(folder, "deployed")
        ours = _first_url(key, "resolvers.url_handler", endpoint_url, compiled)
        theirs = _first_url(key, "bench.usual_handler", endpoint_url, compiled)
        ours(), theirs()  # writes the bytecode
        shutil.copytree(compiled, deployed)
        for packages in deployed.rglob("site-packages"):
            for package in packages.iterdir():
                if package.is_dir() and package.name not in _IN_THE_RUNTIME:
                    shutil.rmtree(package)
        usual = _first_url(key, "bench.usual_handler", endpoint_url, deployed, "PYTHONDONTWRITEBYTECODE")
        for theirs_as, name in (
            (theirs, "boto3, all Powertools, AppSyncResolver"),
            (usual, "the same, without bytecode"),
        ):
            pair = compare(ours, theirs_as, runs)
            yield of_pair(
                "first URL of a new process",
                name,
                pair,
                pair.our_seconds / pair.their_seconds,
                "× the time",
                at_most=0.5,
            )
    yield Row("first URL of a new process", "CPU time here", pair.our_seconds * 1000, "ms")


def _first_url_of_node(key: Key, endpoint_url: str, folder: Path) -> Timed:
    bundle = folder / "handler.mjs"
    # The SDK's CommonJS parts call `require`, which a bundle of modules lacks.
    require = "--banner:js=import{createRequire}from'module';const require=createRequire(import.meta.url);"
    options = ["--bundle", "--minify", "--platform=node", "--target=node24", "--format=esm", "--log-level=error"]
    handler = Path(__file__).with_name("node_handler.mjs")
    subprocess.run([NODE, ESBUILD, handler, *options, require, f"--outfile={bundle}"], check=True)  # noqa: S603 - our own
    event = json.dumps(appsync_event("getUrl", file="first.jpg"))
    command: list[str | Path] = [NODE, "--input-type=module", "--eval", _FIRST_INVOCATION_OF_NODE, bundle.as_uri(), event]
    return _seconds_of(command, _variables(key, endpoint_url))


def _first_url(key: Key, module: str, endpoint_url: str, bytecode: Path, *switches: str) -> Timed:
    command = [sys.executable, "-c", _FIRST_INVOCATION, module]
    context = {name: value for name, value in vars(CONTEXT).items() if not callable(value)}
    command += [json.dumps(appsync_event("getUrl", file="first.jpg")), json.dumps(context)]
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    variables = inherited | {"PYTHONPYCACHEPREFIX": str(bytecode)} | dict.fromkeys(switches, "1")
    return _seconds_of(command, variables | _variables(key, endpoint_url))


def _variables(key: Key, endpoint_url: str) -> dict[str, str]:
    return environment(key) | {
        "AWS_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL_SSM": endpoint_url,
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "example",
        "AWS_SESSION_TOKEN": "example",
        # As in Lambda, so that Tracer loads the X-Ray SDK.
        "LAMBDA_TASK_ROOT": "/var/task",
        "AWS_LAMBDA_FUNCTION_NAME": "a-function",
        "_X_AMZN_TRACE_ID": "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0",
    }


def _seconds_of(command: Sequence[str | Path], variables: dict[str, str]) -> Timed:
    def seconds() -> float:
        printed = subprocess.run(command, env=variables, capture_output=True, text=True, check=True).stdout  # noqa: S603 - our own
        return float(printed.splitlines()[-1])

    return seconds


@contextmanager
def _parameter_store(value: str) -> Iterator[str]:
    """The endpoint URL of an SSM whose parameters all have this value."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.headers["X-Amz-Target"] == "AmazonSSM.GetParameter"  # noqa: S101 - the only operation here
            self.rfile.read(int(self.headers["Content-Length"]))
            body = json.dumps({"Parameter": {"Value": value}}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
