"""The fuzzers' targets pass on their seeds and on random inputs, so that they stay usable between the long runs."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from functools import partial
from pathlib import Path
from urllib.parse import parse_qsl, quote

import pytest

from fuzz import __main__ as fuzz
from fuzz import engine, seeds, targets
from fuzz.choices import Choices
from fuzz.targets import graphql_documents
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


# For each target, a fault in the code that it must find.
FAULTS: list[tuple[str, str, object]] = [
    ("edge", "private_files.canned_policy.verify", lambda *_: None),
    ("edge", "local.data_planes.cloudfront.edge._NOT_IN_A_TARGET", re.compile(rb"(?!)")),
    ("edge", "local.data_planes.cloudfront.edge.masked", str),
    ("custom_policies", "private_files.custom_policy._in_network", lambda *_: True),
    ("file_names", "resolvers.file_names.quote", partial(quote, safe="/+")),
    ("page_tokens", "resolvers.page_token._checksum", lambda payload, _listing: payload[:12].ljust(12)),
    ("page_tokens", "resolvers.allowed_files._start", lambda *_: ""),
    ("content_disposition", "resolvers.content_disposition._NOT_IN_A_FALLBACK", re.compile(r"[^ -~]")),
    ("access_rules", "resolvers.access._filled", lambda prefix, values: prefix.replace("{sub}", values["{sub}"] or "")),
    ("uploads", "resolvers.upload_plan.part_size", lambda _: 16 * 1024**2),
    ("masking", "resolvers.quoting._SECRET", re.compile("(signature)(=)[^&]+", re.I)),
    ("globs", "private_files.globs._members", re.escape),
    ("http_queries", "resolvers.http_api.parse_qsl", lambda query, **_: parse_qsl(query, keep_blank_values=True)),
    ("explanations", "private_files.explanation._shown", str),
    ("graphql_requests", "local.data_planes.appsync.graphql_request._no_constant", lambda _: 0),
    ("graphql_documents", "local.data_planes.appsync.validation._is_meta_field", lambda _: False),
]


@pytest.mark.parametrize(("name", "place", "fault"), FAULTS, ids=[place.rpartition(".")[2] for _, place, _ in FAULTS])
def test_target_finds_a_fault(name: str, place: str, fault: object, monkeypatch: pytest.MonkeyPatch) -> None:
    check, generator = targets.load(name), random.Random(1)  # noqa: S311 - inputs, not secrets
    monkeypatch.setattr(place, fault)
    monkeypatch.setattr(graphql_documents, "_is_valid", graphql_documents._is_valid.__wrapped__)  # without its cache
    inputs = [*seeds.read(name), *(generator.randbytes(generator.randrange(60)) for _ in range(2_000))]
    with pytest.raises((AssertionError, TypeError)):
        for data in inputs:
            check(Choices(data))


def test_there_is_a_fault_for_every_target() -> None:
    assert {name for name, _, _ in FAULTS} == set(targets.NAMES)


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


# Takes the place of atheris: runs every file of the corpus, and writes what libFuzzer writes.
ENGINE = """
import contextlib, pathlib, sys

def instrument_imports(**_):
    return contextlib.nullcontext()

def Setup(arguments, check):
    global run
    folder, prefix = arguments[1], next(each.partition("=")[2] for each in arguments if "artifact_prefix" in each)
    def run():
        inputs = sorted(pathlib.Path(folder).iterdir())
        print("#2\tNEW    cov: 7 ft: 9", flush=True)
        for number, path in enumerate(inputs):
            try:
                check(path.read_bytes())
            except Exception:
                pathlib.Path(prefix + "crash-1").write_bytes(path.read_bytes())
                print(f"Test unit written to {prefix}crash-1", flush=True)
                sys.exit(77)
        print(f"stat::number_of_executed_units: {len(inputs)}", flush=True)

def Fuzz():
    run()
"""


@pytest.mark.slow  # a process
@pytest.mark.parametrize("broken", [False, True], ids=["no crash", "crash"])
def test_table_shows_executions_edges_and_how_to_run_a_crash_again(
    broken: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    package = tmp_path / "engine" / "atheris"
    package.mkdir(parents=True)
    patch = "import private_files.globs; private_files.globs.is_glob = 1\n" if broken else ""
    (package / "__init__.py").write_text(patch + ENGINE)
    monkeypatch.setattr(sys, "argv", ["fuzz", "--target", "globs"])
    monkeypatch.setattr(fuzz, "FOLDER", tmp_path)
    monkeypatch.setattr(engine, "install", lambda _folder: package.parent)
    assert fuzz.main() == int(broken)
    name, executions, _, edges, result = capsys.readouterr().out.splitlines()[1].split(maxsplit=4)
    assert (name, edges) == ("globs", "7")
    if broken:
        crash = tmp_path / "crashes" / "globs-crash-1"
        assert result == f"CRASH, run it again with: make fuzz OPTIONS='--replay {crash}'"
        assert crash.exists()
    else:
        assert (int(executions), result) == (len(seeds.read("globs")), "no crash")
