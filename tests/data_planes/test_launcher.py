"""`make up` before anything starts: what it refuses, and what a refusal leaves alone."""

import argparse
import asyncio
import errno
import socket
import sys
from pathlib import Path

import pytest

from local import __main__ as launcher
from local import servers


def options(directory: Path, **ports: int) -> argparse.Namespace:
    free = dict.fromkeys(("aws_port", "graphql_port", "cdn_port", "frontend_port", "rest_port"), 0)
    return argparse.Namespace(directory=directory, context=[], **free | ports)


@pytest.mark.parametrize("name", ["aws", "graphql", "cdn", "frontend", "rest"])
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
