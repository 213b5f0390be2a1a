"""Runs targets with atheris, which is coverage-guided, and reads its results."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from fuzz import seeds

PROJECT = Path(__file__).parent.parent
LOCK = PROJECT / "locks" / "fuzz.txt"
LONGEST_INPUT = 400
SECONDS_FOR_ONE_INPUT = 10
MEGABYTES = 2_048
_CRASHED = re.compile(r"Test unit written to (.+)")
_COVERED = re.compile(r"cov: (\d+)")
_EXECUTED = re.compile(r"^(?:#|stat::number_of_executed_units: )(\d+)", re.M)


class NoEngine(Exception):
    """atheris cannot be installed; the message says why in one sentence."""


@dataclass(frozen=True)
class Result:
    """One run of a target: executions, seconds, edges of the code that were covered, and the inputs that failed."""

    name: str
    executions: int
    seconds: float
    edges: int
    crashes: list[Path]
    log: Path
    finished: bool
    interrupted: bool


def install(folder: Path) -> Path:
    """Install atheris, unless it is there, and return where. Raises NoEngine."""
    engine = folder / f"engine-{sys.version_info.major}.{sys.version_info.minor}"
    if (engine / "atheris").is_dir():
        return engine
    command = [str(Path(sys.executable).with_name("uv")), "pip", "install", "--quiet", "--require-hashes"]
    command += ["--only-binary", ":all:", "--target", str(engine), "--python", sys.executable, "-r", str(LOCK)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    if done.returncode:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        reason = next(filter(None, map(str.strip, reversed(done.stderr.splitlines()))), "no reason given")
        raise NoEngine(
            f"The fuzzers need atheris, which has wheels for Linux and Python 3.11 to 3.13 only, and could not be "
            f"installed here for Python {version}: {reason}"
        )
    return engine


def run(name: str, folder: Path, engine: Path, *, runs: int, seconds: int) -> Result:
    """Fuzz one target, at most `runs` executions (and `seconds`, if not 0), or until the first crash."""
    corpus, crashes = folder / "corpus" / name, folder / "crashes"
    for each in (corpus, crashes):
        each.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds.read(name)):
        (corpus / f"seed-{number}").write_bytes(seed)
    log = folder / f"{name}.log"
    command = [
        sys.executable,
        "-m",
        "fuzz.one_target",
        name,
        str(corpus),
        f"-runs={runs}",
        f"-max_total_time={seconds}",
    ]
    command += [f"-max_len={LONGEST_INPUT}", f"-timeout={SECONDS_FOR_ONE_INPUT}", f"-rss_limit_mb={MEGABYTES}"]
    command += [f"-artifact_prefix={crashes}/{name}-", "-print_final_stats=1"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(engine), str(PROJECT)])}
    started = time.monotonic()
    with log.open("w") as output:
        process = subprocess.Popen(  # noqa: S603 - this program
            command, cwd=PROJECT, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        interrupted = False
        try:
            process.wait()
        except KeyboardInterrupt:
            interrupted = True
            process.send_signal(signal.SIGINT)
            process.wait()
    printed = log.read_text(errors="replace")
    return Result(
        name,
        executions=int(next(iter(_EXECUTED.findall(printed)[-1:]), 0)),
        seconds=time.monotonic() - started,
        edges=int(next(iter(_COVERED.findall(printed)[-1:]), 0)),
        crashes=[Path(path) for path in _CRASHED.findall(printed)],
        log=log,
        finished=process.returncode == 0,
        interrupted=interrupted,
    )
