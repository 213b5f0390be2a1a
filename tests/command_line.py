"""The command line in a directory of its own, and a server that responds as AppSync and Cognito do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any

import pytest

from private_files import settings
from tests import PROJECT
from tests.served import accepting

SIGNED = "https://files.example.com/a%20b.txt?Expires=1&Signature=signed-secret&Key-Pair-Id=K1"
KEY = "da2-secret-key"
PASSWORD = "Secret-Password-1"
TOKEN = "secret.access.token"
SECRETS = ("signed-secret", KEY, PASSWORD, TOKEN, "secret-of-aws")
SIGNED_IN: tuple[int, Any] = (200, {"AuthenticationResult": {"AccessToken": TOKEN}})
WRONG_PASSWORD = (400, {"__type": "NotAuthorizedException", "message": "Incorrect username or password."})
FIRST_TIME = (200, {"ChallengeName": "NEW_PASSWORD_REQUIRED", "Session": "s" * 20, "ChallengeParameters": {}})


@dataclass
class Request:
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Server:
    """What it returns, and the requests it got; a test changes the parts it is about."""

    url: str
    status: int = 200
    location: str = ""
    graphql: Any = field(default_factory=lambda: {"data": {"getFiles": ["a b.txt", "été.jpg"], "getUrl": SIGNED}})
    sign_in: list[tuple[int, Any]] = field(default_factory=lambda: [SIGNED_IN])
    requests: list[Request] = field(default_factory=list)
    sign_ins: list[Request] = field(default_factory=list)

    def respond(self, request: Request) -> tuple[int, Any]:
        target = request.headers.get("x-amz-target", "")
        if not target:
            self.requests.append(request)
            return self.status, self.graphql
        self.sign_ins.append(request)
        if target.endswith("InitiateAuth") and request.json["AuthFlow"] == "USER_SRP_AUTH":
            challenge = {"USERNAME": "u1", "USER_ID_FOR_SRP": "u1", "SALT": "ab", "SRP_B": "cd", "SECRET_BLOCK": "c2Vj"}
            return 200, {"ChallengeName": "PASSWORD_VERIFIER", "ChallengeParameters": challenge}
        return self.sign_in.pop(0)

    def outputs(self, **values: str) -> dict[str, str]:
        """The outputs of a stack with a user pool, as `make up` writes them."""
        pool = {"UserPoolId": "us-east-1_Pool", "UserPoolClientId": "client1", "AwsEndpointUrl": self.url}
        demo = {"DemoUser": "demo@example.com", "DemoPassword": PASSWORD}
        return {"GraphqlUrl": f"{self.url}/graphql", "Region": "us-east-1", **pool, **demo, **values}


@pytest.fixture
def server() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status, result = said.respond(Request({name.lower(): value for name, value in self.headers.items()}, body))
            content = result if isinstance(result, bytes) else json.dumps(result).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            if said.location:
                self.send_header("location", said.location)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    with accepting(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as http:
        said = Server(f"http://127.0.0.1:{http.server_port}")
        yield said


def heed_ctrl_c() -> None:
    """Restore the default for SIGINT: a shell makes its background jobs ignore it, and they may run the tests."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def wait_until(condition: Callable[[], object], process: subprocess.Popen[str] | None = None) -> None:
    """Wait until the condition is true. Fail after 30 seconds, or if the process ends before."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "waited for 30 seconds"
        assert process is None or process.poll() is None, process and process.stderr and process.stderr.read()
        time.sleep(0.005)


@dataclass
class Terminal:
    """A directory in which the command runs, with an outputs file in its usual place."""

    directory: Path

    def write(self, outputs: Any, name: str = settings.DEFAULT_OUTPUTS) -> None:
        file = self.directory / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(outputs))

    def start(
        self,
        *arguments: str,
        variables: Mapping[str, str] | None = None,
        stdin: int = subprocess.DEVNULL,
        stdout: int | IO[str] = subprocess.PIPE,
        prepare: Callable[[], None] = heed_ctrl_c,
        program: Sequence[str] = (sys.executable, "-m", "private_files"),
    ) -> subprocess.Popen[str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PRIVATE_FILES_"))}
        nowhere = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
        own = {"AWS_EC2_METADATA_DISABLED": "true", "PYTHONPATH": str(PROJECT)}
        return subprocess.Popen(
            [*program, *arguments],
            cwd=self.directory,
            env={**clean, **nowhere, **own, **(variables or {})},
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,  # no password prompt on the terminal that runs the tests
            preexec_fn=prepare,  # noqa: PLW1509 - it only sets a limit or a signal
        )

    def run(self, *arguments: str, **variables: str) -> tuple[int, str, str]:
        """Exit code, standard output and standard error; no run may show a secret on the latter."""
        with self.start(*arguments, variables=variables) as process:
            out, err = process.communicate(timeout=60)
        assert not [secret for secret in SECRETS if secret in err]
        assert "Traceback" not in err
        return process.returncode, out, err


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


@pytest.fixture
def with_key(terminal: Terminal, server: Server) -> Terminal:
    terminal.write({"GraphqlUrl": f"{server.url}/graphql", "Region": "us-east-1", "ApiKey": KEY})
    return terminal


@pytest.fixture
def with_users(terminal: Terminal, server: Server) -> Terminal:
    terminal.write(server.outputs())
    return terminal
