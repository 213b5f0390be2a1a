"""Starts `make up` for end-to-end tests, and stops it with SIGINT, as Ctrl-C does."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import boto3

from private_files.outputs import Outputs
from tests import PROJECT

SECONDS_TO_BE_READY = 180


class Stack:
    """A running stack: its outputs, and an administrator of the account that it runs in.

    On this machine that is the root user of the AWS emulator; elsewhere it has the credentials that boto3 finds.
    """

    def __init__(
        self,
        outputs: Outputs,
        directory: Path | None,
        process: subprocess.Popen[str] | None,
        name: str = "PrivateFiles",
    ) -> None:
        self.outputs = outputs
        self.name = name
        self.directory = directory
        self.process = process

    @property
    def is_local(self) -> bool:
        """Whether the stack runs on this machine."""
        return bool(self.outputs.aws_endpoint_url)

    def client(self, service: str) -> Any:
        """Return the administrator's boto3 client of this service."""
        region = self.outputs.region
        if not self.is_local:
            elsewhere: Any = boto3.Session(region_name=region)
            return elsewhere.client(service)
        session: Any = boto3.Session("test", "test", region_name=region)
        return session.client(service, endpoint_url=self.outputs.aws_endpoint_url, verify=self.outputs.aws_ca_bundle)


@contextlib.contextmanager
def running_stack(
    directory: Path, *context: str, options: Sequence[str] = ("--no-watch",), project: Path = PROJECT
) -> Iterator[Stack]:
    """Run the whole stack on free ports; afterwards SIGINT must end it with exit code 0."""
    command = [sys.executable, "-m", "local", "--directory", str(directory)]
    for name in ("aws", "graphql", "cdn", "rest", "frontend", "uploads"):
        command += [f"--{name}-port", "0"]
    command += [argument for setting in context for argument in ("-c", setting)]
    command += options
    printed = directory / "printed.txt"
    directory.mkdir(parents=True, exist_ok=True)
    with printed.open("w") as out:
        process = subprocess.Popen(command, cwd=project, stdout=out, stderr=subprocess.STDOUT, text=True)
    try:
        yield Stack(_wait_for_outputs(directory / "outputs.json", process, printed), directory, process)
    finally:
        process.send_signal(signal.SIGINT)
        code = process.wait(timeout=30)
    assert code == 0, printed.read_text()
    assert not (directory / "outputs.json").exists()


def deployed_stack() -> Stack | None:
    """Return the running stack whose outputs file STACK_OUTPUTS names, or None if it is not set.

    The file is one of `make up`, or one of `cdk deploy --outputs-file` with one stack.
    """
    if not (path := os.environ.get("STACK_OUTPUTS")):
        return None
    found = json.loads(Path(path).read_text())
    name, outputs = ("PrivateFiles", found) if "GraphqlUrl" in found else next(iter(found.items()))
    return Stack(Outputs.from_json(outputs), None, None, name)


def _wait_for_outputs(outputs: Path, process: subprocess.Popen[str], printed: Path) -> Outputs:
    deadline = time.monotonic() + SECONDS_TO_BE_READY
    while not outputs.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"The stack did not start:\n{printed.read_text()}")
        time.sleep(0.1)
    return Outputs.from_json(json.loads(outputs.read_text()))
