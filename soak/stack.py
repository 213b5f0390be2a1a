"""Starts the stack of `make up` for a program that puts it under load, and deploys into it again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from local.deploy import cdk_program
from private_files.outputs import Outputs

PROJECT = Path(__file__).parent.parent
SECONDS_TO_BE_READY = 300
SECONDS_TO_STOP = 60


class StackFailed(Exception):
    """The stack did not start, or a deployment into it failed; the message ends with what was printed."""


@dataclass(frozen=True)
class Stack:
    """A running stack: its outputs, its launcher, and the settings that it was deployed with."""

    outputs: Outputs
    process: subprocess.Popen[str]
    directory: Path
    context: Sequence[str]

    def client(self, service: str) -> Any:
        """Return the root user's boto3 client of this service."""
        session: Any = boto3.Session("test", "test", region_name=self.outputs.region)
        return session.client(service, endpoint_url=self.outputs.aws_endpoint_url, verify=self.outputs.aws_ca_bundle)

    def deploy(self, *settings: str) -> None:
        """Deploy as docs/rotate-keys.md says, with these settings beside those of the stack. Raises StackFailed."""
        architecture = self.client("lambda").list_functions()["Functions"][0]["Architectures"][0]
        everything = [f"cdn_url={self.outputs.cdn_url}", f"architecture={architecture}", *self.context, *settings]
        context = [argument for setting in everything for argument in ("-c", setting)]
        assembly = self.directory / "cdk.out.rotation"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | {
            "AWS_ENDPOINT_URL": self.outputs.aws_endpoint_url,
            "AWS_REGION": self.outputs.region,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_CA_BUNDLE": self.outputs.aws_ca_bundle,
            "NODE_EXTRA_CA_CERTS": self.outputs.aws_ca_bundle,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        }
        command = [cdk_program(), "deploy", "--require-approval", "never", "--no-notices", "--no-color"]
        done = subprocess.run(  # noqa: S603 - the pinned program
            [*command, "--output", str(assembly), *context],
            cwd=PROJECT, env=environment, capture_output=True, text=True, check=False, start_new_session=True,
        )  # fmt: skip
        if done.returncode:
            raise StackFailed("\n".join((done.stdout + done.stderr).strip().splitlines()[-15:]))


@contextmanager
def running(directory: Path, context: Sequence[str]) -> Iterator[Stack]:
    """Run the whole stack on free ports of loopback, and stop it at the end. Raises StackFailed."""
    command = [sys.executable, "-m", "local", "--no-watch", "--directory", str(directory)]
    for name in ("aws", "graphql", "cdn", "rest", "frontend", "uploads"):
        command += [f"--{name}-port", "0"]
    command += [argument for setting in context for argument in ("-c", setting)]
    directory.mkdir(parents=True, exist_ok=True)
    printed = directory / "printed.txt"
    with printed.open("w") as out:
        process = subprocess.Popen(  # noqa: S603 - this project
            command, cwd=PROJECT, stdout=out, stderr=subprocess.STDOUT, text=True, start_new_session=True
        )
    try:
        outputs = directory / "outputs.json"
        deadline = time.monotonic() + SECONDS_TO_BE_READY
        while not outputs.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise StackFailed(f"The stack did not start:\n{printed.read_text()}")
            time.sleep(0.2)
        yield Stack(Outputs.from_json(json.loads(outputs.read_text())), process, directory, context)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=SECONDS_TO_STOP)
