"""The soak reports what happened: expected refusals apart from errors, latency at start and end, memory by process."""

from __future__ import annotations

import ast
import contextlib
import itertools
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any, cast

import pytest
import requests

from private_files.outputs import Outputs
from soak import __main__ as soak
from soak import load, processes, stack
from soak.caller import Caller, Unexpected
from soak.figures import Figures
from soak.run import Soak
from soak.stack import StackFailed
from tests.command_line import wait_until

RANDOM = Random(1)  # noqa: S311 - what is done, not a secret
SIGNED = "http://127.0.0.1/a?Expires=1&Signature=S3CR3T&Key-Pair-Id=K1"


def test_refusals_that_are_expected_are_no_errors() -> None:
    figures = Figures()
    figures.succeeded("fetch", 0, 0.1)
    figures.succeeded("changed URL", 0, 0.1, "AccessDenied")
    figures.failed("fetch", 1, 2, "500", by_kill=False)
    assert (figures.requests(), figures.unexpected()) == (3, 1)
    shown = figures.text(10)
    assert "expected refusals: AccessDenied 1\n" in shown
    assert "UNEXPECTED ERRORS:\n      1 x fetch: 500\n" in shown


@pytest.mark.parametrize(
    ("started", "ended", "by_kill", "unexpected"),
    [(4.5, 6.0, True, 0), (5.5, 6.0, True, 0), (1.0, 4.0, True, 1), (66.0, 66.5, True, 1), (4.5, 6.0, False, 1)],
    ids=["during the kill", "right after it", "before it", "long after it", "of another kind"],
)
def test_error_is_put_down_to_a_kill_only_if_a_process_was_killed_meanwhile(
    started: float, ended: float, by_kill: bool, unexpected: int
) -> None:
    figures = Figures()
    figures.kills.append(5.0)
    figures.failed("sign", started, ended, "Worker process died", by_kill=by_kill)
    assert (figures.unexpected(), figures.kinds["sign"].killed) == (unexpected, 1 - unexpected)


def test_latencies_of_the_first_and_the_last_tenth_are_compared() -> None:
    figures = Figures()
    for second in range(100):
        figures.succeeded("list", second, second + (0.010 if second < 50 else 0.030))
    for milliseconds in range(1, 101):
        figures.succeeded("sign", 5, 5 + milliseconds / 1000)
    found = cast("dict[str, Any]", figures.to_json(100)["kinds"])
    assert (found["list"]["start"]["p50"], found["list"]["end"]["p50"]) == (10.0, 30.0)
    assert found["sign"]["start"] == {"p50": 50.5, "p99": 99.0}
    assert found["sign"]["end"] is None
    assert json.dumps(found)


def test_memory_is_shown_at_the_start_and_at_the_end() -> None:
    figures = Figures()
    figures.memory += [
        (0, {"emulator": [100_000_000]}),
        (60, {"emulator": [120_000_000], "function": [30_000_000] * 2}),
    ]
    *_, emulator, function = figures.text(60).splitlines()
    assert emulator.split() == ["emulator", "100", "MB", "120", "MB"]
    assert function.split() == ["function", "0", "MB", "60", "MB", "in", "2"]
    assert "emulator 120 MB" in figures.progress(60)


@pytest.mark.parametrize(
    "error", [Unexpected("200 was expected"), requests.ConnectionError(SIGNED), KeyError(SIGNED), ValueError(SIGNED)]
)
def test_every_exception_is_an_error_and_none_shows_a_signature(error: Exception) -> None:
    def failing() -> str:
        raise error

    figures, clock = Figures(), itertools.count().__next__
    load.once("fetch", failing, figures, clock)
    assert figures.unexpected() == 1
    assert "S3CR3T" not in figures.text(10) + json.dumps(figures.to_json(10))


def test_load_does_everything_that_a_caller_can_do_until_it_is_stopped() -> None:
    stop, done = threading.Event(), set()

    def action(name: str) -> Callable[[], str]:
        def do() -> str:
            done.add(name)
            if len(done) == 3:
                stop.set()
            return ""

        return do

    caller = cast("Caller", SimpleNamespace(actions=lambda: {name: (action(name), 1) for name in "abc"}))
    figures = Figures()
    load.run(caller, figures, RANDOM, itertools.count().__next__, stop)
    assert set(figures.kinds) == done == set("abc")


def test_every_action_of_a_caller_is_one_of_its_methods() -> None:
    actions = Caller(Outputs(), 0, RANDOM).actions()
    assert all(callable(action) and weight > 0 for action, weight in actions.values())
    assert len({action.__name__ for action, _ in actions.values()}) == len(actions)


# A launcher of its own, because the process of the tests may have a running stack. It starts a process for each
# argument, prints whether each is running when it reads a line, and ends them.
LAUNCHER = """
import subprocess, sys
names = sys.argv[1:]
children = [subprocess.Popen([sys.executable, "-c", "input()", name], stdin=subprocess.PIPE) for name in names]
print("started", flush=True)
for _ in sys.stdin:
    print([child.poll() for child in children], flush=True)
for child in children:
    child.kill()
"""
EMULATOR, MINT, URL = (
    "local.embedded_aws",
    "ministack-lambda-PrivateFiles-SigningKeyMintFunction-x/_worker.py",
    "ministack-lambda-PrivateFiles-FunctionsUrlFunction-x/_worker.py",
)


@contextlib.contextmanager
def launcher(*children: str) -> Iterator[tuple[int, Callable[[], list[int | None]]]]:
    """A process with these children: its id, and what tells how each child ended."""
    arguments = [sys.executable, "-c", LAUNCHER, *children]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        stdin, stdout = process.stdin, process.stdout
        assert stdout.readline() == "started\n"

        def ended() -> list[int | None]:
            stdin.write("\n")
            stdin.flush()
            return cast("list[int | None]", ast.literal_eval(stdout.readline()))

        yield process.pid, ended
        stdin.close()


def test_a_lambda_worker_that_serves_callers_is_killed() -> None:
    with launcher(EMULATOR, MINT, URL) as (root, ended):
        found = processes.memory(root)
        assert found.keys() >= {"launcher and edge", "emulator", "function Url"}
        assert all(size > 1_000_000 for sizes in found.values() for size in sizes)
        assert processes.kill_a_function(root, RANDOM)
        wait_until(lambda: ended() == [None, None, -9])


def test_nothing_else_is_killed() -> None:
    with launcher(EMULATOR, MINT) as (root, ended):
        assert not processes.kill_a_function(root, RANDOM)
        assert ended() == [None, None]


def run_main(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, happens: Callable[[Figures], None]) -> int:
    @contextlib.contextmanager
    def running(_directory: Path, _context: object) -> Iterator[object]:
        yield SimpleNamespace(outputs=Outputs())

    monkeypatch.setattr(sys, "argv", ["soak", "--directory", str(tmp_path)])
    monkeypatch.setattr(stack, "running", running)
    monkeypatch.setattr(Soak, "run", lambda self, _callers: happens(self.figures))
    return soak.main()


def test_exit_code_is_1_after_an_unexpected_error_and_0_otherwise(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert run_main(monkeypatch, tmp_path, lambda figures: figures.succeeded("list", 0, 1)) == 0
    assert json.loads((tmp_path / "result.json").read_text())["requests"] == 1
    assert run_main(monkeypatch, tmp_path, lambda figures: figures.failed("list", 0, 1, "500", by_kill=False)) == 1
    assert json.loads((tmp_path / "result.json").read_text())["unexpectedErrors"] == 1


def test_stack_that_does_not_start_is_reported_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(_figures: Figures) -> None:
        raise StackFailed("The stack did not start:\nPort 4566 is taken.")

    assert run_main(monkeypatch, tmp_path, failing) == 1
    assert capsys.readouterr().err == "The stack did not start:\nPort 4566 is taken.\n"
