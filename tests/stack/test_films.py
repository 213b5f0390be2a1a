"""Films of the samples in a player on this machine: `private-files play`, with FFmpeg as the player."""

import contextlib
import subprocess
from pathlib import Path

import pytest
import requests

from tests.command_line import Terminal
from tests.running_stack import Stack

FILMS = ["films/test pattern/master.m3u8", "films/été + mer/film.m3u8"]


@pytest.fixture
def terminal(stack: Stack, tmp_path: Path) -> Terminal:
    terminal = Terminal(tmp_path)
    terminal.write(stack.outputs.to_json())
    return terminal


def ffmpeg(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["ffmpeg", "-v", "error", *arguments, "-map", "0", "-c", "copy", "-f", "framecrc", "-"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_ffmpeg_plays_every_sample_and_a_wrong_path_is_refused(terminal: Terminal, samples: Path) -> None:
    playlists = {path.parent.relative_to(samples).as_posix() for path in samples.rglob("*.m3u8")}
    assert playlists == {Path(name).parent.as_posix() for name in FILMS}
    with contextlib.ExitStack() as running:
        started = [running.enter_context(terminal.start("play", name, "--url")) for name in FILMS]
        try:
            for name, process in zip(FILMS, started, strict=True):
                assert process.stdout
                url = process.stdout.readline().strip()
                played = ffmpeg("-i", url)
                assert played.returncode == 0, played.stderr
                assert "Signature" not in played.stderr
                from_disk = ffmpeg("-allowed_extensions", "ALL", "-i", str(samples / name))
                assert played.stdout == from_disk.stdout
                assert played.stdout.count("\n") > 500
                wrong = "http://" + url.removeprefix("http://").swapcase()
                assert requests.get(wrong, timeout=30, allow_redirects=False).status_code == 404
        finally:
            for process in started:
                process.terminate()
