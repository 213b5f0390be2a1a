"""Completion in bash, with the names of files from the API. Every word that is inserted is the name again."""

import json
import shlex
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.shell_completion import CompletionItem
from hypothesis import given
from hypothesis import strategies as st

from private_files import completion
from private_files.command_line import program
from private_files.completion import _Bash, _last_word
from tests.command_line import Terminal, terminal
from tests.download_edge import Edge, download_edge

__all__ = ["terminal"]
AWKWARD = ["x y", "it's", '"q"', "$HOME", "a\\b", "`c`", "(1)", "*", "a:b", "c=d", "e,f", "#g", "~", "é!", "{a,b}"]
GIVEN: dict[str, Any] = {"api_key": "da2-key"}


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completion, "_SECONDS", 30)


@pytest.fixture
def edge() -> Iterator[Edge]:
    with download_edge() as edge:
        edge.files = dict.fromkeys(("a/b.txt", "a/c/d.txt", "a.txt", "-rf", "a\nb", *AWKWARD), (b"", '"e"'))
        yield edge


def names(edge: Edge, start: str) -> list[str]:
    return completion.names({**GIVEN, "graphql_url": f"{edge.url}/graphql"}, start)


def test_names_are_of_one_folder_and_can_be_typed(edge: Edge) -> None:
    assert names(edge, "a/") == ["a/b.txt", "a/c/"]
    assert names(edge, "") == sorted([*AWKWARD, "a/", "a.txt"])
    assert edge.api_requests == 2


def test_failure_is_silent(edge: Edge, capsys: pytest.CaptureFixture[str]) -> None:
    edge.api_statuses = [500]
    assert names(edge, "a") == []
    assert completion.names({**GIVEN, "graphql_url": "http://127.0.0.1:1/"}, "a") == []
    assert completion.names({"outputs": "missing.json"}, "a") == []
    assert capsys.readouterr() == ("", "")


def test_nobody_is_signed_in_for_a_completion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("private_files.completion.api_of", lambda _: pytest.fail("it signs in"))
    outputs = {"GraphqlUrl": "https://a/", "UserPoolId": "p", "UserPoolClientId": "c", "DemoUser": "d"}
    (tmp_path / "outputs.json").write_text(json.dumps(outputs | {"DemoPassword": "x"}))
    assert completion.names({"outputs": str(tmp_path / "outputs.json")}, "") == []


def test_api_that_does_not_respond_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completion, "_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/graphql"
        assert completion.names({**GIVEN, "graphql_url": url}, "") == []
        assert time.monotonic() - began < 1.5


def inserted(raw: str, name: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the word on the line after bash has inserted the completion."""
    monkeypatch.setenv("COMP_LINE", f"private-files get {raw}")
    bash: Any = _Bash(None, {}, "private-files", "X")  # type: ignore[arg-type]
    bash.get_completion_args()
    value: str = bash.format_completion(CompletionItem(name)).removeprefix("plain,")
    if raw[:1] in ("'", '"'):
        return raw[0] + value + raw[0]
    return raw[: max(raw.rfind(":"), raw.rfind("=")) + 1] + value


@pytest.mark.parametrize("quote", ["", "'", '"'])
def test_inserted_words_are_the_names_for_bash(quote: str, monkeypatch: pytest.MonkeyPatch) -> None:
    words = [inserted(quote, name, monkeypatch) for name in AWKWARD]
    words += [inserted("a:", "a:b", monkeypatch), inserted("c=", "c=d", monkeypatch)] if not quote else []
    expected = AWKWARD + (["a:b", "c=d"] if not quote else [])
    shown = subprocess.run(
        ["bash", "--norc", "-c", "printf '%s\\n' " + " ".join(words)], capture_output=True, text=True, check=True
    )
    assert shown.stdout.splitlines() == expected


@given(st.lists(st.text("ab '\"\\$", min_size=1), min_size=1, max_size=4))
def test_last_word_is_the_one_that_shlex_finds(words: list[str]) -> None:
    line = " ".join(map(shlex.quote, words))
    assert shlex.split(_last_word(line)) == words[-1:]
    assert _last_word(line + " ") == ""


def complete(terminal: Terminal, line: str, **variables: str) -> list[str]:
    code, out, _ = terminal.run(COMP_LINE=f"private-files {line}", _PRIVATE_FILES_COMPLETE="bash_complete", **variables)
    assert code == 0
    return out.splitlines()


@pytest.mark.slow
def test_shell_completes_commands_options_and_files(terminal: Terminal) -> None:
    assert complete(terminal, "fi") == ["plain,files"]
    assert complete(terminal, "get --pre") == ["plain,--prefix"]
    assert complete(terminal, "put re") == ["file,re"]
    assert complete(terminal, "--region r files --auth i") == ["plain,iam"]


def test_shell_completes_names_of_the_api(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRIVATE_FILES_GRAPHQL_URL", f"{edge.url}/graphql")
    monkeypatch.setenv("PRIVATE_FILES_API_KEY", "da2-key")
    monkeypatch.setenv("COMP_LINE", "private-files rm x")
    assert _Bash(program, {}, "private-files", "X").complete() == "plain,x\\ y"
    monkeypatch.setenv("COMP_LINE", "private-files url a.txt a/")
    assert _Bash(program, {}, "private-files", "X").complete() == "plain,a/b.txt\nplain,a/c/"


@pytest.mark.parametrize(("typed", "replies"), [("", ["x\\ y", "a,b", "a/"]), ("a", [])])
def test_script_of_bash_takes_what_the_program_prints(tmp_path: Path, typed: str, replies: list[str]) -> None:
    script = _Bash(program, {}, "private-files", "X").source()
    printed = "".join(f"plain,{reply}\\n" for reply in replies).replace("\\ ", "\\\\ ")
    stand_in = tmp_path / "private-files"
    stand_in.write_text(
        f"#!/bin/sh\n[ \"$COMP_LINE\" = 'private-files get {typed}' ] && printf '{printed}'\necho x >&2\n"
    )
    stand_in.chmod(0o755)
    line = f"private-files get {typed} --force"
    script += f"COMP_LINE='{line}'; COMP_POINT={len(line) - 8}; _private_files_completion {stand_in}\n"
    script += 'printf "%s\\n" "${COMPREPLY[@]}"\n'
    shown = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, check=True)
    assert (shown.stdout.splitlines(), shown.stderr) == (replies or [""], "")
