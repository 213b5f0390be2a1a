"""Starts `make up` for tests that walk the whole way, and stops it as a person does."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3

from tests import PROJECT

SECONDS_TO_BE_READY = 180


class Stack:
    """What a person has when the stack is up: its outputs, and the account it runs in."""

    def __init__(self, outputs: dict[str, str], directory: Path | None, process: subprocess.Popen[str] | None) -> None:
        self.outputs = outputs
        self.directory = directory
        self.process = process

    def __getitem__(self, name: str) -> str:
        return self.outputs[name]

    def client(self, service: str) -> Any:
        """The root user's boto3 client of this service."""
        session: Any = boto3.Session("test", "test", region_name=self["Region"])
        return session.client(service, endpoint_url=self["AwsEndpointUrl"], verify=self["AwsCaBundle"])


@contextlib.contextmanager
def running_stack(directory: Path, *context: str) -> Iterator[Stack]:
    """The whole stack on free ports, ready; stopped by SIGINT afterwards, which must end it with exit code 0."""
    command = [sys.executable, "-m", "local", "--directory", str(directory)]
    command += ["--aws-port", "0", "--graphql-port", "0", "--cdn-port", "0", "--rest-port", "0", "--frontend-port", "0"]
    command += [argument for setting in context for argument in ("-c", setting)]
    printed = directory / "printed.txt"
    directory.mkdir(parents=True, exist_ok=True)
    with printed.open("w") as out:
        process = subprocess.Popen(command, cwd=PROJECT, stdout=out, stderr=subprocess.STDOUT, text=True)
    try:
        yield Stack(_wait_for_outputs(directory / "outputs.json", process, printed), directory, process)
    finally:
        process.send_signal(signal.SIGINT)
        code = process.wait(timeout=30)
    assert code == 0, printed.read_text()
    assert not (directory / "outputs.json").exists()


def deployed_stack() -> Stack | None:
    """A stack that already runs, where STACK_OUTPUTS names the outputs file of one."""
    path = os.environ.get("STACK_OUTPUTS")
    return Stack(json.loads(Path(path).read_text()), None, None) if path else None


def _wait_for_outputs(outputs: Path, process: subprocess.Popen[str], printed: Path) -> dict[str, str]:
    deadline = time.monotonic() + SECONDS_TO_BE_READY
    while not outputs.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"the stack did not come up:\n{printed.read_text()}")
        time.sleep(0.1)
    found: dict[str, str] = json.loads(outputs.read_text())
    return found
