"""`private-files use`, and which stack a command uses."""

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from private_files import settings
from tests import in_process
from tests.command_line import KEY, Server, server

__all__ = ["server"]
Run = Callable[..., tuple[int, bytes, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    in_process.use_folder(monkeypatch, tmp_path)
    return lambda *arguments: in_process.run(monkeypatch, *arguments)


@pytest.fixture
def outputs(tmp_path: Path, server: Server) -> Path:
    """An outputs file with two stacks: the first is that of the server."""
    here = {"GraphqlUrl": f"{server.url}/graphql", "Region": "us-east-1", "ApiKey": KEY}
    file = tmp_path / "outputs.json"
    file.write_text(json.dumps({"Here": here, "There": here | {"GraphqlUrl": "http://127.0.0.1:1/graphql"}}))
    return file


def test_stack_is_remembered_in_every_folder(
    run: Run, outputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("use", "outputs.json", "--stack", "Here") == (0, f"{outputs}, stack Here\n".encode(), "")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert run("files")[1].decode().splitlines() == ["a b.txt", "été.jpg"]
    assert run("use", "--json")[1] == json.dumps({"outputs": str(outputs), "stack": "Here"}).encode() + b"\n"


def test_what_is_remembered_has_no_secret_and_no_other_reader(run: Run, outputs: Path, tmp_path: Path) -> None:
    run("use", str(outputs), "--stack", "Here")
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file() and path != outputs)
    assert KEY not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_several_stacks_are_named_and_one_is_chosen(run: Run, outputs: Path) -> None:
    named = f"The outputs file {outputs.name} has several stacks: choose Here, There with --stack.\n"
    assert run("files", "--outputs", outputs.name) == (2, b"", named)
    assert run("files", "--outputs", outputs.name, "--stack", "Here")[0] == 0
    code, _, err = run("files", "--outputs", outputs.name, "--stack", "Elsewhere")
    assert (code, err) == (2, f"The outputs file {outputs.name} has no stack Elsewhere. It has Here, There.\n")
    assert run("use", outputs.name)[0] == 2
    assert run("use") == (0, b"No stack was chosen.\n", "")


def test_name_of_a_stack_in_a_file_without_names_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(json.dumps({"GraphqlUrl": "https://a/"}))
    code, _, err = run("files", "--outputs", "one.json", "--stack", "A")
    assert (code, err) == (2, "The outputs file one.json is of one stack, without its name: omit --stack.\n")


def test_remembered_stack_is_named_if_it_fails(run: Run, outputs: Path) -> None:
    run("use", outputs.name, "--stack", "There")
    code, _, err = run("files")
    assert (code, err.splitlines()[-1]) == (4, f"The stack is that of `private-files use`: {outputs}, stack There.")
    outputs.unlink()
    assert run("files")[2] == (
        f"The outputs file {outputs} cannot be read: No such file or directory.\n"
        f"The stack is that of `private-files use`: {outputs}, stack There.\n"
    )


def test_option_variable_and_current_folder_take_precedence(
    run: Run, outputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("use", outputs.name, "--stack", "There")
    assert run("files", "--stack", "Here")[0] == 0
    assert run("files", "--outputs", outputs.name, "--stack", "Here")[0] == 0
    local = tmp_path / settings.DEFAULT_OUTPUTS
    local.parent.mkdir()
    local.write_text(json.dumps(json.loads(outputs.read_text())["Here"]))
    assert run("files")[0] == 0
    monkeypatch.setenv("PRIVATE_FILES_OUTPUTS", str(outputs))
    code, _, err = run("files")
    assert (code, "several stacks" in err, "private-files use" in err) == (2, True, False)


def test_another_api_does_not_get_the_key_of_the_remembered_stack(run: Run, outputs: Path, server: Server) -> None:
    run("use", outputs.name, "--stack", "Here")
    assert run("files", "--graphql-url", f"{server.url}/graphql", "--auth", "api-key")[0] == 2
    assert server.requests == []


def test_file_that_is_no_outputs_file_is_not_remembered(run: Run, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[1]")
    assert run("use", "x.json")[0] == 2
    assert run("use", "missing.json")[0] == 2
    assert run("use")[1] == b"No stack was chosen.\n"


@pytest.mark.parametrize("content", ["", "[]", "{}", "5", "\x00"])
def test_damaged_choice_is_a_sentence(run: Run, outputs: Path, tmp_path: Path, content: str) -> None:
    run("use", outputs.name, "--stack", "Here")
    (file,) = (path for path in tmp_path.rglob("stack.json"))
    file.write_text(content)
    code, _, err = run("files")
    assert (code, err) == (2, f"{file} is damaged: run private-files use FILE.\n")
    assert run("use", outputs.name, "--stack", "Here")[0] == 0


def test_choice_that_cannot_be_saved_is_a_sentence(run: Run, outputs: Path, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("a file is in the way")
    code, _, err = run("use", outputs.name, "--stack", "Here")
    assert (code, err) == (
        2, f"The stack cannot be saved in {tmp_path}/config/private-files: Not a directory.\n",
    )  # fmt: skip
