"""`play`, with programs that take the place of players, against an API and an edge on this machine."""

import json
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import in_process
from tests.command_line import Terminal, wait_until
from tests.download_edge import Edge, download_edge

FILM = "film é/-master+.m3u8"
CURL = shutil.which("curl")


@dataclass
class Machine:
    """A machine with these players and nothing else on its PATH."""

    patch: pytest.MonkeyPatch
    programs: Path
    edge: Edge

    def install(self, name: str, script: str = 'echo "$0 $*" >> called') -> None:
        program = self.programs / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    def play(self, *arguments: str) -> tuple[int, bytes, str]:
        return in_process.run(self.patch, "play", *arguments)

    @property
    def called(self) -> list[str]:
        """The command lines of the players that were started."""
        called = Path("called")
        return called.read_text().splitlines() if called.exists() else []


@pytest.fixture
def edge() -> Iterator[Edge]:
    with download_edge() as edge:
        edge.lifetime = 900
        edge.files[FILM] = (b"#EXTM3U\n#EXTINF:4,\n0.ts\n", '"e"')
        edge.files["a.mp4"] = (b"a", '"a"')
        yield edge


@pytest.fixture
def machine(edge: Edge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    in_process.use_folder(monkeypatch, tmp_path)
    (programs := tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("PRIVATE_FILES_GRAPHQL_URL", f"{edge.url}/graphql")
    monkeypatch.setenv("PRIVATE_FILES_API_KEY", "da2-key")
    return Machine(monkeypatch, programs, edge)


@pytest.mark.parametrize(
    ("player", "options"),
    [
        ("ffplay", f"-hide_banner -autoexit -window_title {FILM} -http_persistent 0"),
        ("mpv", f"--force-media-title={FILM} --demuxer-lavf-o-append=http_persistent=0"),
        ("vlc", f"--play-and-exit --meta-title={FILM}"),
    ],
)
def test_player_that_is_installed_gets_the_address(machine: Machine, player: str, options: str) -> None:
    machine.install(player)
    assert machine.play("--", FILM) == (0, b"", "")
    (called,) = machine.called
    assert called.startswith(f"{machine.programs / player} {options} http://127.0.0.1:")
    assert called.endswith("/film%20%C3%A9/-master%2B.m3u8")


def test_first_player_that_is_installed_is_used(machine: Machine) -> None:
    for number, player in enumerate(("vlc", "mpv", "ffplay")):
        machine.install(player)
        machine.play("a.mp4")
        assert Path(machine.called[number].split()[0]).name == player


def test_player_can_be_chosen(machine: Machine) -> None:
    machine.install("ffplay")
    machine.install("mine")
    machine.play("a.mp4", "--player", "mine")
    machine.play("a.mp4", "--player", str(machine.programs / "mine"))
    assert [called.split()[0] for called in machine.called] == [str(machine.programs / "mine")] * 2
    assert all(len(called.split()) == 2 for called in machine.called)


@pytest.mark.parametrize("player", ["ffplay", "mpv"])
def test_options_of_playlists_are_not_those_of_other_files(machine: Machine, player: str) -> None:
    machine.install(player)
    machine.play("a.mp4")
    assert "http_persistent" not in machine.called[0]


@pytest.mark.parametrize(("script", "expected"), [("exit 7", 7), ("kill -9 $$", 137)])
def test_exit_code_is_that_of_the_player(machine: Machine, script: str, expected: int) -> None:
    machine.install("mpv", script)
    assert machine.play("a.mp4")[0] == expected


def test_without_a_player_the_message_names_three(machine: Machine) -> None:
    code, out, err = machine.play("a.mp4")
    assert (code, out) == (2, b"")
    assert err == (
        "No player was found: install ffplay (of FFmpeg), mpv or VLC, name another one with --player, or use --url.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.mp4", "--player", "no-such"], "no-such is not installed, or is not a program"),
        (["a.mp4", "--player", "/"], "/ is not installed, or is not a program"),
        (["a.mp4", "--player", "mpv", "--url"], "Use --url or --player, not both."),
        (["film é/"], "play takes the name of a file, such as films/holiday/master.m3u8, not of a folder."),
    ],
)
def test_wrong_usage_is_one_sentence(machine: Machine, arguments: list[str], message: str) -> None:
    machine.install("mpv")
    code, out, err = machine.play(*arguments)
    assert (code, out, err.count("\n"), message in err) == (2, b"", 1, True), err
    assert machine.edge.api_requests == 0


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (None, 6, "film.m3u8: there is no such file\n"),
        (b"<html>", 5, "film.m3u8: this is not a playlist of HLS, which starts with #EXTM3U.\n"),
        (
            b"#EXTM3U\nhttps://evil.example/\x1b[2J0.ts?Signature=stolen",
            5,
            "film.m3u8: the playlist names another origin, https://evil.example: only files of this stack are "
            "played.\n",
        ),
    ],
)
def test_film_that_cannot_be_played_starts_no_player(
    machine: Machine, content: bytes | None, code: int, message: str
) -> None:
    machine.install("mpv")
    if content is not None:
        machine.edge.files["film.m3u8"] = (content, '"e"')
    assert machine.play("film.m3u8") == (code, b"", message)
    assert machine.called == []


def test_film_that_the_access_rules_refuse_starts_no_player(machine: Machine) -> None:
    machine.install("mpv")
    machine.edge.forbidden = ("secret.mp4",)
    code, _, err = machine.play("secret.mp4")
    assert (code, machine.called) == (1, [])
    assert err == "secret.mp4: NotAllowed: No. (`private-files access` prints it.)\n"


def test_program_that_cannot_be_started_is_one_sentence(machine: Machine) -> None:
    machine.install("mpv")
    (machine.programs / "mpv").write_bytes(b"\x7fELF")
    code, _, err = machine.play("a.mp4")
    assert (code, err) == (2, f"{machine.programs / 'mpv'} cannot be started: Exec format error.\n")


def test_player_requests_this_machine_without_a_proxy(machine: Machine) -> None:
    machine.patch.setenv("http_proxy", "http://127.0.0.1:9")
    machine.patch.setenv("no_proxy", "example.com")
    machine.install("mpv", f'{CURL} -sS --max-time 20 -o played "$3" && echo "$no_proxy $NO_PROXY" > called')
    assert machine.play("--", FILM) == (0, b"", "")
    assert machine.called == ["example.com,127.0.0.1 127.0.0.1"]
    assert b"/film%20%C3%A9/0.ts" in Path("played").read_bytes()


def test_player_follows_the_redirect_to_the_file(machine: Machine) -> None:
    machine.install("mpv", f'{CURL} -sS --max-time 20 -L -o played "$2"')
    assert machine.play("a.mp4") == (0, b"", "")
    assert Path("played").read_bytes() == b"a"


@pytest.fixture
def terminal(machine: Machine, tmp_path: Path) -> Terminal:
    wait = "echo $$ > started.new; /bin/mv started.new started; while :; do /bin/sleep 0.02; done"
    machine.install("mpv", f"trap 'echo > ended; exit 1' TERM; {wait}")
    return Terminal(tmp_path)


def variables(edge: Edge) -> dict[str, str]:
    return {"PRIVATE_FILES_GRAPHQL_URL": f"{edge.url}/graphql", "PRIVATE_FILES_API_KEY": "da2-key"}


def is_running(process_id: str) -> bool:
    return Path("/proc", process_id).exists()


@pytest.mark.slow  # as signals go to a process
def test_ctrl_c_ends_the_player(terminal: Terminal, edge: Edge) -> None:
    started = terminal.directory / "started"
    players = {"PATH": str(terminal.directory / "bin")}
    with terminal.start("play", "a.mp4", variables={**variables(edge), **players}) as process:
        wait_until(started.exists, process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, "", "")
    assert (terminal.directory / "ended").exists()
    assert not is_running(started.read_text().strip())


@pytest.mark.slow
@pytest.mark.parametrize(("option", "address"), [((), str.strip), (("--json",), lambda line: json.loads(line)["url"])])
def test_address_is_served_until_ctrl_c(
    terminal: Terminal, edge: Edge, option: tuple[str, ...], address: Callable[[str], str]
) -> None:
    with terminal.start("play", FILM, "--url", *option, variables=variables(edge)) as process:
        assert process.stdout
        url = address(process.stdout.readline())
        command = [CURL or "", "--silent", "--show-error", "--fail", "--noproxy", "*", url]
        playlist = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, "")
    assert err == "Open this address in a player on this machine. Ctrl-C ends it.\n"
    assert url.rpartition("/film")[0] + "/film%20%C3%A9/0.ts" in playlist
    assert subprocess.run(command, capture_output=True, check=False, timeout=30).returncode == 7  # nobody listens
