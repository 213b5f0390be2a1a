"""The CPU time of the first URL, or the first list, in a new process: all imports, one request to AWS, one invocation.

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
from typing import Any

from bench.generated_bucket import GeneratedBucket
from bench.handler import CONTEXT, appsync_event, environment
from bench.keys import Key
from bench.node_peers import ESBUILD, NODE
from bench.paired import Timed, compare
from bench.rows import Row, of_pair
from resolvers.access import AccessRules
from resolvers.settings import FilesSettings, to_environment

# CPU time from the start of the process; the exit of the interpreter does not count.
_FIRST_INVOCATION = """
import importlib, json, sys, time
from types import SimpleNamespace
handler = importlib.import_module(sys.argv[1]).handler
context = SimpleNamespace(get_remaining_time_in_millis=lambda: 29_000, **json.loads(sys.argv[3]))
response = handler(json.loads(sys.argv[2]), context)
seconds = time.process_time()
print(json.dumps(response))
print(seconds)
"""

_FIRST_INVOCATION_OF_NODE = """
const { handler } = await import(process.argv[1]);
const response = await handler(JSON.parse(process.argv[2]));
const { user, system } = process.cpuUsage();
console.log(JSON.stringify(response));
console.log((user + system) / 1e6);
process.exit();
"""

FILES = 100

# Lambda's runtime includes these; the rest is in the bundle, usually without bytecode.
_IN_THE_RUNTIME = {"boto3", "botocore", "s3transfer", "urllib3", "dateutil", "jmespath"}


def rows(keys: Sequence[Key], runs: int) -> Iterator[Row]:
    """Our first response as a share of others': of Node's, and for a URL of the usual Python handler's."""
    for key in keys:
        subject, event = f"first URL of a new process, {key.algorithm}", appsync_event("getUrl", file="first.jpg")
        yield _beside_node(subject, key, runs, ours="url_handler", theirs="node_signer.mjs", event=event)
    subject = f"first list of a new process, {FILES} files"
    event = appsync_event("getFiles")
    yield _beside_node(subject, keys[0], runs, ours="files_handler", theirs="node_lister.mjs", event=event)
    yield from _beside_python(keys[0], runs)


def _beside_node(subject: str, key: Key, runs: int, *, ours: str, theirs: str, event: Any) -> Row:
    with _aws(key.pem.decode()) as endpoint_url, TemporaryDirectory() as folder:
        variables = _variables(key, endpoint_url)
        our_seconds = _seconds_of(_python(f"resolvers.{ours}", event), variables | {"PYTHONPYCACHEPREFIX": folder})
        their_seconds = _seconds_of(_node(theirs, Path(folder), event), variables)
        our_seconds()  # writes the bytecode
        pair = compare(our_seconds, their_seconds, runs)
    ratio = pair.our_seconds / pair.their_seconds
    return of_pair(subject, "Node.js, AWS SDK v3, bundled and minified", pair, ratio, "× the time", at_most=0.9)


def _beside_python(key: Key, runs: int) -> Iterator[Row]:
    with _aws(key.pem.decode()) as endpoint_url, TemporaryDirectory() as folder:
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


def _first_url(key: Key, module: str, endpoint_url: str, bytecode: Path, *switches: str) -> Timed:
    variables = _variables(key, endpoint_url) | {"PYTHONPYCACHEPREFIX": str(bytecode)} | dict.fromkeys(switches, "1")
    return _seconds_of(_python(module, appsync_event("getUrl", file="first.jpg")), variables)


def _python(module: str, event: Any) -> list[str | Path]:
    context = {name: value for name, value in vars(CONTEXT).items() if not callable(value)}
    return [sys.executable, "-c", _FIRST_INVOCATION, module, json.dumps(event), json.dumps(context)]


def _node(handler: str, folder: Path, event: Any) -> list[str | Path]:
    bundle = folder / handler
    # The SDK's CommonJS parts call `require`, which a bundle of modules lacks.
    require = "--banner:js=import{createRequire}from'module';const require=createRequire(import.meta.url);"
    options = ["--bundle", "--minify", "--platform=node", "--target=node24", "--format=esm", "--log-level=error"]
    source = Path(__file__).with_name(handler)
    # A binary, or a script for Node if the package's own was not run after the installation.
    path = f"{NODE.parent}{os.pathsep}{os.environ['PATH']}"
    command: list[str | Path] = [ESBUILD, source, *options, require, f"--outfile={bundle}"]
    subprocess.run(command, env=os.environ | {"PATH": path}, check=True)  # noqa: S603 - our own
    program: list[str | Path] = [NODE, "--input-type=module", "--eval", _FIRST_INVOCATION_OF_NODE]
    return [*program, bundle.as_uri(), json.dumps(event)]


def _variables(key: Key, endpoint_url: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    lister = FilesSettings(bucket_name="a-bucket", files_folder="files", access=AccessRules())
    return (
        inherited
        | environment(key)
        | to_environment(lister)
        | {
            "AWS_REGION": "eu-west-1",
            "AWS_ENDPOINT_URL": endpoint_url,
            "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "example",
            "AWS_SESSION_TOKEN": "example",
            # As in Lambda, so that Tracer loads the X-Ray SDK.
            "LAMBDA_TASK_ROOT": "/var/task",
            "AWS_LAMBDA_FUNCTION_NAME": "a-function",
            "_X_AMZN_TRACE_ID": "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0",
        }
    )


def _seconds_of(command: Sequence[str | Path], variables: dict[str, str]) -> Timed:
    def seconds() -> float:
        printed = subprocess.run(command, env=variables, capture_output=True, text=True, check=True).stdout  # noqa: S603 - our own
        response, figure = printed.splitlines()[-2:]
        assert "Signature=" in response or f"{FILES - 1:09}.jpg" in response, response  # noqa: S101 - else the figure means nothing
        return float(figure)

    return seconds


@contextmanager
def _aws(value: str) -> Iterator[str]:
    """The endpoint URL of an SSM whose parameters have this value, and of an S3 whose buckets have 100 files."""
    parameter = json.dumps({"Parameter": {"Value": value}}).encode()
    listing = GeneratedBucket(FILES).page(0, 1000, FILES)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.headers["X-Amz-Target"] == "AmazonSSM.GetParameter"  # noqa: S101 - the only operation here
            self.rfile.read(int(self.headers["Content-Length"]))
            self._respond("application/x-amz-json-1.1", parameter)

        def do_GET(self) -> None:
            assert "list-type=2" in self.path  # noqa: S101 - as above
            self._respond("application/xml", listing)

        def _respond(self, media_type: str, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
