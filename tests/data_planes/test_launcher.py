"""`make up` before anything starts: what it refuses, and what a refusal leaves alone."""

import argparse
import asyncio
import errno
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from local import __main__ as launcher
from local import deploy, servers
from local import directory as run_directory
from local.directory import DirectoryUnusable
from local.embedded_aws.emulator import Emulator
from local.failures import Failure
from tests import PROJECT
from tests.children import cancel_once_written, wait_until_ended

PORTS = ("aws", "graphql", "cdn", "frontend", "rest", "uploads")


def options(directory: Path, **ports: int) -> argparse.Namespace:
    free = dict.fromkeys((f"{name}_port" for name in PORTS), 0)
    return argparse.Namespace(directory=directory, context=[], watch=False, keep=False, **free | ports)


@pytest.mark.parametrize("name", PORTS)
def test_taken_port_is_refused_and_the_running_stack_keeps_its_outputs(name: str, tmp_path: Path) -> None:
    (outputs := tmp_path / "outputs.json").write_text("{}")
    with servers.listen(0, "--a-port") as running:
        port = running.getsockname()[1]
        with pytest.raises(
            servers.PortTaken, match=f"^Port {port} on 127.0.0.1 is taken .* make up OPTIONS='--{name}-port "
        ):
            asyncio.run(launcher._up(options(tmp_path, **{f"{name}_port": port})))
    assert outputs.read_text() == "{}"


@pytest.mark.parametrize("port", ["70000", "-1", "a", "", "4567.0", "²"])
def test_what_is_not_a_port_is_refused_in_one_sentence(
    port: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["make up", f"--cdn-port={port}"])
    with pytest.raises(SystemExit, match="2"):
        launcher._options()
    message = f"argument --cdn-port: {port!r} is not a port: choose a number from 0 to 65535"
    assert capsys.readouterr().err.splitlines()[-1] == f"make up: error: {message}"


@pytest.mark.parametrize("port", ["0", "80", "65535"])
def test_port_of_any_size_is_accepted(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["make up", f"--cdn-port={port}"])
    assert launcher._options().cdn_port == int(port)


def test_port_without_permission_is_not_called_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def bind(_socket: socket.socket, _address: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket, "socket", type("Socket", (socket.socket,), {"bind": bind}))
    expected = r"^Port 80 on 127\.0\.0\.1 cannot be opened \(Permission denied\)\. Choose another port: "
    with pytest.raises(servers.PortTaken, match=expected), servers.listen(80, "--cdn-port"):
        pass


def test_equal_ports_are_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["make up", "--aws-port=8000", "--cdn-port=8000", "--rest-port=0"])
    with pytest.raises(SystemExit, match="2"):
        launcher._options()
    expected = "make up: error: --aws-port and --cdn-port are both 8000: choose different ports"
    assert capsys.readouterr().err.splitlines()[-1] == expected


@pytest.mark.parametrize(
    ("failure", "code", "message"),
    [
        (DirectoryUnusable("It is a file."), 2, "It is a file."),
        (Failure("It failed."), 1, "It failed."),
        (OSError(errno.ENOSPC, "No space left on device"), 1, "is full. Free some space and try again."),
    ],
)
def test_failure_is_one_sentence_with_an_exit_code(
    failure: Exception, code: int, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def up(_options: argparse.Namespace) -> None:
        raise failure

    monkeypatch.setattr(sys, "argv", ["make up"])
    monkeypatch.setattr(launcher, "_up", up)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    with pytest.raises(SystemExit) as ended:
        launcher.main()
    assert ended.value.code == code
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.endswith(message)


@pytest.mark.parametrize(
    ("code", "printed", "expected"),
    [
        (-9, [], r"^`cdk deploy` was stopped by SIGKILL\.\nIt printed nothing\.$"),
        (
            None,
            ["waits"],
            r"^`cdk deploy` did not finish within 15 minutes and was stopped\.\nIts last output:\nwaits$",
        ),
        (1, ["Error: ENOSPC: no space left on device, write", "  at node:fs"], r"the disk of /a is full\. .* again\.$"),
        (1, ["first", "last"], r"^`cdk deploy` failed with exit code 1\.\nIts last output:\nfirst\nlast$"),
    ],
)
def test_failed_cdk_says_why(code: int | None, printed: list[str], expected: str) -> None:
    assert re.search(expected, deploy._why("deploy", code, printed, Path("/a")))


@pytest.fixture
def hanging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> deploy.Deployment:
    """A deployment whose CDK command starts a process and waits for ever; both write their id into `tmp_path`."""
    (program := tmp_path / "cdk").write_text(
        "#!/bin/sh\necho $$ >cdk-id\nsleep 600 &\necho $! >child\necho begun\nwait\n"
    )
    program.chmod(0o755)
    monkeypatch.setattr(deploy, "cdk_program", lambda: str(program))
    return deploy.Deployment(Emulator(tmp_path, 0), tmp_path, cdn_url="http://127.0.0.1:1", context=())


def test_cdk_that_hangs_is_stopped_with_what_it_started(
    hanging: deploy.Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deploy, "_SECONDS_TO_FINISH", 1)
    with pytest.raises(deploy.DeployFailed, match=r"^`cdk bootstrap` did not finish within 0 minutes(?s:.*)\nbegun$"):
        asyncio.run(hanging._cdk("bootstrap", directory=tmp_path))
    for name in ("cdk-id", "child"):
        wait_until_ended(tmp_path / name)


@pytest.mark.parametrize("starting", [False, True])
def test_cdk_is_stopped_with_what_it_started_if_the_launcher_is(
    starting: bool, hanging: deploy.Deployment, tmp_path: Path
) -> None:
    cancel_once_written(hanging._cdk("bootstrap", directory=tmp_path), tmp_path / "child", starting=starting)
    for name in ("cdk-id", "child"):
        wait_until_ended(tmp_path / name)


def test_long_step_reports_that_it_goes_on(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(launcher, "_SECONDS_BETWEEN_REPORTS", 0.01)

    async def work() -> str:
        while not (printed := capsys.readouterr().out):
            await asyncio.sleep(0.01)
        return str(printed)

    (line, *_) = asyncio.run(launcher._step("deploy the stack", work())).splitlines()
    assert re.fullmatch(r"  deploy the stack +0 s, not finished yet", line)
    assert re.fullmatch(r"  deploy the stack +0\.\d s", capsys.readouterr().out.splitlines()[-1])


@pytest.mark.slow
def test_second_start_in_one_folder_is_refused_before_it_touches_anything(tmp_path: Path) -> None:
    tmp_path /= "été"  # legible in the message, although the locale has no such letter
    tmp_path.mkdir()
    ascii_only = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    kept = {"outputs.json": "{}", "tls/authority.pem": "of the first"}
    for name, content in kept.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    with run_directory.lock(tmp_path):
        refused = subprocess.run(
            [sys.executable, "-m", "local", f"--directory={tmp_path}", *(f"--{name}-port=0" for name in PORTS)],
            cwd=PROJECT, capture_output=True, encoding="utf-8", check=False, timeout=60,
            env={**os.environ, **ascii_only},
        )  # fmt: skip
    assert (refused.returncode, len(refused.stderr.strip().splitlines())) == (2, 1), refused.stderr
    assert f"runs in {tmp_path}. Stop it" in refused.stderr
    assert {name: (tmp_path / name).read_text() for name in kept} == kept


def test_cdk_trusts_the_emulator_and_every_server_that_the_user_trusts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The first synthesis downloads wheels, and these two variables replace the list of trusted authorities.
    monkeypatch.setenv("SSL_CERT_FILE", "/own.pem")
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    environment = Emulator(tmp_path, 0).environment
    assert (environment["SSL_CERT_FILE"], environment.get("REQUESTS_CA_BUNDLE")) == ("/own.pem", None)
    assert environment["NODE_EXTRA_CA_CERTS"] == environment["AWS_CA_BUNDLE"] == str(tmp_path / "tls" / "authority.pem")
