"""Uploads and downloads of 10,000 files of 4 kB, against `aws s3` and `s5cmd` if they are installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench.paired import Pair
from bench.rows import Row, of_pair
from bench.transfer_stand_in import CONTENT, FILES, NAMES

OURS = (sys.executable, "-m", "private_files")
_VARIABLES = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": "us-east-1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "PRIVATE_FILES_API_KEY": "da2-key",
}


@dataclass(frozen=True)
class Run:
    """A finished program: seconds by the clock, CPU seconds, and its largest memory in bytes."""

    seconds: float
    cpu_seconds: float
    memory: int


@dataclass(frozen=True)
class Transfer:
    """A transfer by our command line, and by the peers. `{to}` is an empty folder."""

    name: str
    ours: list[str]
    peers: Mapping[str, list[str]]


def rows(rounds: int) -> Iterator[Row]:
    """Compare time by the clock and peak memory; a goal is set against `aws s3` only."""
    with _served() as url, TemporaryDirectory() as folder:
        source = Path(folder) / "source"
        for name in NAMES:
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes(CONTENT)
        for transfer in _transfers(url, source):
            for peer, command in transfer.peers.items():
                if not shutil.which(command[0]):
                    continue
                pairs = [
                    (_run(transfer.ours, folder), _run(command, folder)) for _ in range(max(1, rounds // 20))
                ]  # one peer after the other, so that a busy machine slows both alike
                yield from _compared(transfer.name, peer, pairs)


def _compared(subject: str, peer: str, pairs: list[tuple[Run, Run]]) -> Iterator[Row]:
    pair = Pair(
        median(their.seconds / our.seconds for our, their in pairs),
        median(our.seconds for our, _ in pairs) / FILES,
        median(their.seconds for _, their in pairs) / FILES,
    )
    goal = {"at_least": 1.0} if peer.startswith("aws") else {}
    yield of_pair(f"{subject}, time", peer, pair, pair.ratio, "×", **goal)
    cpu = median(their.cpu_seconds / our.cpu_seconds for our, their in pairs)
    yield Row(f"{subject}, CPU time", peer, cpu, "×")
    yield Row(f"{subject}, memory", peer, median(our.memory / their.memory for our, their in pairs), "× the memory")


def _transfers(url: str, source: Path) -> Iterator[Transfer]:
    files = [str(source / name) for name in NAMES]
    to_bucket = ["--aws-endpoint-url", url, "--bucket", "bucket", "--files-folder", "files"]
    api = ["--graphql-url", f"{url}/graphql", "--auth", "api-key"]
    aws, s5cmd = (
        ["aws", "--endpoint-url", url, "s3", "cp", "--quiet"],
        ["s5cmd", "--endpoint-url", url, "--log", "error"],
    )
    sent = {
        "aws s3 cp --recursive": [*aws, "--recursive", str(source), "s3://bucket/files/"],
        "s5cmd cp": [*s5cmd, "cp", f"{source}/", "s3://bucket/files/"],
    }
    received = {
        "aws s3 cp --recursive": [*aws, "--recursive", "s3://bucket/files/", "{to}"],
        "s5cmd cp": [*s5cmd, "cp", "s3://bucket/files/*", "{to}/"],
    }
    what = f"{FILES:,} files of 4 kB"
    yield Transfer(f"put, {what}, through the API", [*OURS, "put", *files, *api], sent)
    yield Transfer(f"put, {what}, to the bucket", [*OURS, "put", *files, *to_bucket], sent)
    yield Transfer(f"get, {what}", [*OURS, "get", "--all", "-o", "{to}", *api], received)


def _run(command: list[str], folder: str) -> Run:
    """Run a program to its end. Raises CalledProcessError, and AssertionError if it did not write every file."""
    with TemporaryDirectory(dir=folder) as to:
        arguments = [argument.replace("{to}", to) for argument in command]
        clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        started = time.monotonic()
        process = subprocess.Popen(  # noqa: S603 - commands of this module
            arguments, env=clean | _VARIABLES, stdout=subprocess.DEVNULL
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - started
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command[0])
        if arguments != command:
            written = sum(path.stat().st_size for path in Path(to).rglob("*.bin"))
            assert written == FILES * len(CONTENT)  # noqa: S101 - otherwise the figure means nothing
        unit = 1 if sys.platform == "darwin" else 1024
        return Run(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * unit)


@contextmanager
def _served() -> Iterator[str]:
    with subprocess.Popen(
        [sys.executable, "-m", "bench.transfer_stand_in"], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None  # noqa: S101 - it was requested
        try:
            yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
        finally:
            server.terminate()
