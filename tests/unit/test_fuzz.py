"""The fuzzers' targets pass on their seeds and on random inputs, so that they stay usable between the long runs."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from fuzz import __main__ as fuzz
from fuzz import seeds, targets
from fuzz.choices import Choices
from tests import PROJECT

RANDOM_INPUTS, SEEDS = 60, 60


@pytest.mark.parametrize("name", targets.NAMES)
def test_target_passes_on_its_seeds_and_on_random_inputs(name: str) -> None:
    check, generator = targets.load(name), random.Random(name)  # noqa: S311 - inputs, not secrets
    kept = seeds.read(name)
    inputs = generator.sample(kept, min(len(kept), SEEDS))
    inputs += [generator.randbytes(generator.randrange(80)) for _ in range(RANDOM_INPUTS)]
    for data in inputs:
        check(Choices(data))


def test_every_target_has_seeds_and_every_module_with_a_check_is_a_target() -> None:
    assert {path.stem for path in seeds.CORPUS.iterdir()} == set(targets.NAMES)
    modules = (PROJECT / "fuzz" / "targets").glob("*.py")
    assert {path.stem for path in modules if "\ndef check(" in path.read_text()} == set(targets.NAMES)
    assert all(seeds.read(name) for name in targets.NAMES)


def test_numbers_are_within_their_bounds_and_every_option_can_be_chosen() -> None:
    numbers = {Choices(bytes([first, second])).number(-3, 300) for first in range(256) for second in range(256)}
    assert numbers == set(range(-3, 301))
    assert {Choices(bytes([byte])).pick("abc") for byte in range(256)} == set("abc")


def test_choices_after_the_last_byte_are_the_first_possible_ones() -> None:
    choices = Choices(b"\x01")
    assert [choices.flag(), choices.flag()] == [True, False]
    assert (choices.number(5, 9), choices.pick("xyz"), choices.text(["a"], 9), choices.rest()) == (5, "x", "", b"")


def test_input_of_a_crash_is_run_again_with_its_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    crash = tmp_path / "globs-crash-0123"
    crash.write_bytes(b"\x01")
    monkeypatch.setattr(sys, "argv", ["fuzz", "--replay", str(crash)])
    assert (fuzz.main(), capsys.readouterr().out) == (0, "globs: no crash.\n")

    def wrong(_choices: Choices) -> None:
        raise AssertionError("the oracle disagrees")

    monkeypatch.setattr(targets, "load", lambda _name: wrong)
    assert fuzz.main() == 1
    assert "AssertionError: the oracle disagrees" in capsys.readouterr().err


def test_file_that_is_no_input_is_refused_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["fuzz", "--replay", str(tmp_path / "other-crash")])
    assert fuzz.main() == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_without_atheris_one_sentence_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, "", "error: no wheel\n")

    monkeypatch.setattr(sys, "argv", ["fuzz", "--runs", "1"])
    monkeypatch.setattr(fuzz, "FOLDER", tmp_path)
    monkeypatch.setattr(subprocess, "run", failing)
    assert fuzz.main() == 1
    shown = capsys.readouterr()
    assert (shown.out, shown.err.count("\n")) == ("", 1)
    assert "need atheris" in shown.err
    assert shown.err.endswith("error: no wheel\n")
