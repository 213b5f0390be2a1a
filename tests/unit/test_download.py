"""`get`, against an API and an edge on this machine that a test can change and inspect."""

import contextlib
import json
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from gql.transport.appsync_auth import AppSyncApiKeyAuthentication
from hypothesis import given
from hypothesis import strategies as st

from private_files import command_line
from private_files import file_names as client_names
from private_files.api import PrivateFiles
from private_files.failures import Unreachable
from private_files.partial_file import PartialFile, PartialFiles
from resolvers import file_names
from tests.command_line import Terminal, heed_ctrl_c, wait_until
from tests.download_edge import Edge, download_edge

pytestmark = pytest.mark.slow  # every test starts the command line, a process of its own

LARGE = bytes(range(256)) * 16384  # 4 MiB


@pytest.fixture
def edge() -> Iterator[Edge]:
    with download_edge() as edge:
        yield edge


@dataclass
class GetTerminal(Terminal):
    edge: Edge

    def get(self, *arguments: str, prepare: Callable[[], None] = heed_ctrl_c) -> subprocess.Popen[str]:
        return self.start("get", *arguments, variables=self.variables, prepare=prepare)

    @property
    def variables(self) -> dict[str, str]:
        return {"PRIVATE_FILES_GRAPHQL_URL": f"{self.edge.url}/graphql", "PRIVATE_FILES_API_KEY": "da2-key"}

    def run_json(self, *arguments: str, prepare: Callable[[], None] = heed_ctrl_c) -> tuple[int, list[Any], str]:
        """Exit code, the JSON objects printed, standard error."""
        with self.get("--json", *arguments, prepare=prepare) as process:
            out, err = process.communicate(timeout=60)
        assert "Traceback" not in err, err
        assert "Signature" not in out + err
        return process.returncode, [json.loads(line) for line in out.splitlines()], err

    def files(self) -> list[str]:
        return sorted(
            path.relative_to(self.directory).as_posix() for path in self.directory.rglob("*") if path.is_file()
        )

    def parts(self) -> list[Path]:
        return list(self.directory.rglob(".*.part"))


@pytest.fixture
def terminal(tmp_path: Path, edge: Edge) -> GetTerminal:
    edge.files = {"large.bin": (LARGE, '"one"'), "a.txt": (b"a", '"a"')}
    return GetTerminal(tmp_path, edge)


def kill_midway(terminal: GetTerminal, number: int = signal.SIGKILL) -> tuple[int, str]:
    """Stops a download of the large file when a megabyte has reached the disk."""
    terminal.edge.stop_after = 1024 * 1024
    with terminal.get("large.bin") as process:
        wait_until(lambda: [part for part in terminal.parts() if part.stat().st_size >= 1024 * 1024], process)
        assert terminal.files() == [path.name for path in terminal.parts()]  # nothing under its own name
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
    terminal.edge.stop_after = None
    terminal.edge.requests.clear()
    return process.returncode, err


def test_file_is_downloaded_with_its_time_and_nothing_beside_it(terminal: GetTerminal) -> None:
    code, [done], err = terminal.run_json("large.bin")
    assert (code, err) == (0, "")
    assert done | {"seconds": 0} == {
        "file": "large.bin", "path": "large.bin", "bytes": len(LARGE), "resumed": 0, "unchanged": False, "seconds": 0,
    }  # fmt: skip
    assert (terminal.directory / "large.bin").read_bytes() == LARGE
    assert (terminal.directory / "large.bin").stat().st_mtime == 1735689600
    assert terminal.files() == ["large.bin"]


def test_killed_download_is_resumed(terminal: GetTerminal) -> None:
    kill_midway(terminal)
    code, [done], _ = terminal.run_json("large.bin")
    [(_, headers)] = terminal.edge.requests
    assert (headers["range"], headers["if-range"]) == (f"bytes={1024 * 1024 - 1}-", '"one"')
    assert (code, done["resumed"]) == (0, 1024 * 1024 - 1)
    assert (terminal.directory / "large.bin").read_bytes() == LARGE
    assert terminal.files() == ["large.bin"]


def test_file_that_has_changed_starts_over(terminal: GetTerminal) -> None:
    kill_midway(terminal)
    other = LARGE[::-1]
    terminal.edge.files["large.bin"] = (other, '"two"')
    code, [done], _ = terminal.run_json("large.bin")
    assert (code, done["resumed"]) == (0, 0)
    assert (terminal.directory / "large.bin").read_bytes() == other
    assert terminal.files() == ["large.bin"]


def test_ctrl_c_keeps_what_came_and_says_so(terminal: GetTerminal) -> None:
    code, err = kill_midway(terminal, signal.SIGINT)
    assert (code, err) == (130, "Stopped. Run the same command again to resume.\n")
    assert terminal.run_json("large.bin")[1][0]["resumed"] == 1024 * 1024 - 1


def test_ctrl_c_does_not_wait_for_an_api_that_does_not_respond(terminal: GetTerminal) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        terminal.edge.url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with terminal.get("a.txt") as process:
            connection, _ = silent.accept()
            with connection:
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=10)  # the API would have 35 seconds
    assert process.returncode == 130


def test_two_downloads_of_one_file_do_not_mix(terminal: GetTerminal) -> None:
    terminal.edge.stop_after = 1024 * 1024
    with terminal.get("large.bin") as process:
        wait_until(terminal.parts, process)
        code, [second], _ = terminal.run_json("large.bin")
        process.kill()
    assert (code, second["error"]) == (5, "another process is downloading it to large.bin")


def test_dropped_connection_is_resumed(terminal: GetTerminal) -> None:
    terminal.edge.drop_after = [1000, 2000]
    code, _, _ = terminal.run_json("large.bin")
    assert code == 0
    assert [headers.get("range") for _, headers in terminal.edge.requests] == [None, "bytes=999-", "bytes=2998-"]
    assert (terminal.directory / "large.bin").read_bytes() == LARGE


def test_failing_edge_is_retried(terminal: GetTerminal) -> None:
    terminal.edge.statuses = [503, 500]
    assert terminal.run_json("a.txt")[0] == 0


def test_expired_url_is_renewed_and_the_download_resumed(terminal: GetTerminal) -> None:
    terminal.edge.drop_after, terminal.edge.valid_from = [1000], 0

    def expire() -> None:
        wait_until(lambda: terminal.edge.requests)
        terminal.edge.valid_from = 2

    thread = threading.Thread(target=expire)
    thread.start()
    code, _, _ = terminal.run_json("large.bin")
    thread.join()
    assert (code, terminal.edge.signed) == (0, 2)
    assert [headers.get("range") for _, headers in terminal.edge.requests] == [None, "bytes=999-", "bytes=999-"]
    assert (terminal.directory / "large.bin").read_bytes() == LARGE


def test_revoked_key_is_named(terminal: GetTerminal) -> None:
    terminal.edge.valid_from = 1000
    code, [failed], err = terminal.run_json("a.txt")
    assert (code, terminal.edge.signed) == (5, 2)
    assert "its key may have been revoked" in failed["error"]
    assert err.startswith("a.txt: the edge refuses a newly signed URL")


def test_failures_are_named_at_the_end_and_the_others_finish(terminal: GetTerminal) -> None:
    code, printed, err = terminal.run_json("nope.txt", "a.txt", "../up.txt", "/etc/x")
    assert code == 5
    assert {each["file"] for each in printed if "error" in each} == {"nope.txt", "../up.txt", "/etc/x"}
    assert err.endswith("3 of 4 files failed.\n")
    assert terminal.files() == ["a.txt"]


@pytest.mark.parametrize("name", ["../up", "a/../../up", "/up", "a//b", "./a", "a\x00b", "..", "a/"])
def test_name_that_a_listing_has_outside_the_directory_is_refused(terminal: GetTerminal, name: str) -> None:
    terminal.edge.files = {name: (b"x", '"x"')}
    inside = terminal.directory / "in" / "side"
    code, [failed], _ = terminal.run_json("--all", "-o", str(inside))
    assert (code, failed["file"]) == (5, name)
    assert "no file is written under this name" in failed["error"]
    assert terminal.files() == []


def test_file_too_large_for_the_disk_is_named_and_can_be_resumed(terminal: GetTerminal) -> None:
    limit = 1024 * 1024
    code, [failed], _ = terminal.run_json(
        "large.bin", prepare=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    )
    assert (code, failed["error"].endswith("File too large")) == (5, True)
    assert terminal.files() == [path.name for path in terminal.parts()]
    assert terminal.run_json("large.bin")[1][0]["resumed"] == limit - 1


def test_existing_file_is_skipped_and_a_different_one_is_not_overwritten(terminal: GetTerminal) -> None:
    terminal.run_json("a.txt")
    assert terminal.run_json("a.txt")[1][0]["unchanged"] is True
    (terminal.directory / "a.txt").write_text("mine")
    code, [failed], _ = terminal.run_json("a.txt")
    assert (code, failed["error"]) == (5, "a.txt already exists and differs; --force replaces it")
    assert (terminal.directory / "a.txt").read_text() == "mine"
    assert terminal.run_json("a.txt", "--force")[0] == 0
    assert (terminal.directory / "a.txt").read_bytes() == b"a"


def test_many_files_come_in_pages_into_folders(terminal: GetTerminal) -> None:
    content = {f"many/{number % 7}/{number}.txt": str(number).encode() for number in range(1500)}
    terminal.edge.files |= {name: (body, f'"{body.decode()}"') for name, body in content.items()}
    code, printed, _ = terminal.run_json("--prefix", "many/", "-o", "out")
    assert (code, len(printed), terminal.edge.api_requests) == (0, 1500, 2)
    assert {name: (terminal.directory / "out" / name).read_bytes() for name in content} == content
    terminal.edge.requests.clear()
    assert terminal.run_json("--prefix", "many/", "-o", "out")[0] == 0
    assert terminal.edge.requests == []


def test_urls_of_names_are_requested_a_thousand_at_a_time(terminal: GetTerminal) -> None:
    content = {f"{number}.txt": (str(number).encode(), f'"{number}"') for number in range(1001)}
    terminal.edge.files = content
    code, printed, _ = terminal.run_json(*content, *content)
    assert (code, len(printed), terminal.edge.api_requests) == (0, 1001, 2)


def test_content_is_checked_if_the_etag_is_its_md5(terminal: GetTerminal) -> None:
    terminal.edge.headers = {"x-amz-server-side-encryption": "AES256"}
    terminal.edge.files = {
        "good": (b"hello", '"5d41402abc4b2a76b9719d911017c592"'),
        "bad": (b"hellO", '"5d41402abc4b2a76b9719d911017c592"'),
    }
    code, printed, _ = terminal.run_json("good", "bad")
    assert (code, [each["file"] for each in printed if "error" in each]) == (5, ["bad"])
    assert (terminal.directory / "good").exists()
    assert not (terminal.directory / "bad").exists()
    terminal.edge.headers = {"x-amz-server-side-encryption": "aws:kms"}
    assert terminal.run_json("bad")[0] == 0


@pytest.mark.parametrize("etag", ['W/"one"', "", '"../../x"'])
def test_version_without_a_strong_etag_starts_over(terminal: GetTerminal, etag: str) -> None:
    terminal.edge.files["large.bin"] = (LARGE, etag)
    kill_midway(terminal)
    code, [done], _ = terminal.run_json("large.bin")
    [(_, headers)] = terminal.edge.requests
    assert (code, done["resumed"], headers.get("range")) == (0, 0, None)
    assert terminal.files() == ["large.bin"]


def test_whole_file_in_response_to_a_range_is_read_from_its_start(terminal: GetTerminal) -> None:
    kill_midway(terminal)
    terminal.edge.takes_ranges = False
    assert terminal.run_json("large.bin")[1][0]["resumed"] == 0
    assert (terminal.directory / "large.bin").read_bytes() == LARGE


def test_part_that_is_longer_than_the_file_is_discarded(terminal: GetTerminal) -> None:
    kill_midway(terminal)
    [part] = terminal.parts()
    with part.open("r+b") as file:
        file.truncate(len(LARGE) + 100)
    code, [done], _ = terminal.run_json("large.bin")
    assert (code, done["resumed"], terminal.files()) == (0, 0, ["large.bin"])
    assert (terminal.directory / "large.bin").read_bytes() == LARGE


def test_part_that_is_a_link_is_not_followed(terminal: GetTerminal) -> None:
    kill_midway(terminal)
    [part] = terminal.parts()
    victim = terminal.directory / "mine"
    part.replace(victim)
    part.symlink_to(victim)
    before = victim.read_bytes()
    assert terminal.run_json("large.bin")[0] == 5
    assert victim.read_bytes() == before


def test_part_that_another_process_has_finished_is_empty(tmp_path: Path) -> None:
    part, parts = PartialFile(tmp_path / "a", '"one"'), PartialFiles()
    part.open().close()
    assert [each.path for each in parts.of(tmp_path / "a")] == [part.path]
    part.finish(None)
    with contextlib.ExitStack() as opened:
        assert all(opened.enter_context(each.open()).read() == b"" for each in parts.of(tmp_path / "a"))


def test_empty_file_and_the_longest_name_of_a_file_arrive(terminal: GetTerminal) -> None:
    longest = "é" * 127 + "x"
    terminal.edge.files = {"empty": (b"", '"0"'), longest: (LARGE, '"one"')}
    assert terminal.run_json("empty", longest)[0] == 0
    assert terminal.files() == ["empty", longest]
    terminal.edge.files[longest + "x"] = (b"x", '"x"')
    code, [failed], _ = terminal.run_json(longest + "x")
    assert (code, failed["error"].endswith("File name too long")) == (5, True)


def test_file_and_folder_of_one_name_are_told_apart(terminal: GetTerminal) -> None:
    terminal.edge.files = {"a": (b"a", '"a"'), "a/b": (b"b", '"b"')}
    terminal.run_json("a")
    assert terminal.run_json("a/b", "-o", ".")[1][0]["error"] == "a is in the way: it is not a folder"
    (terminal.directory / "a").unlink()
    (terminal.directory / "a").mkdir()
    assert terminal.run_json("a", "-o", ".", "--force")[1][0]["error"] == "a is a folder"


def test_file_that_appears_during_the_download_is_not_overwritten(terminal: GetTerminal) -> None:
    terminal.edge.stop_after = 1024 * 1024
    with terminal.get("large.bin") as process:
        wait_until(terminal.parts, process)
        (terminal.directory / "large.bin").write_text("mine")
        terminal.edge.stop_after = None
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (5, "large.bin: large.bin already exists and differs; --force replaces it\n")
    assert (terminal.directory / "large.bin").read_text() == "mine"


def test_full_disk_stops_all_downloads_and_keeps_partial_data(terminal: GetTerminal) -> None:
    (terminal.directory / "small").mkdir()
    mount = "mount -t tmpfs -o size=1m none small"
    if subprocess.run(["unshare", "-rm", "sh", "-c", mount], cwd=terminal.directory, check=False).returncode:
        pytest.skip("this machine lets nobody mount a small disk")
    inside = f'{mount} && "$0" -m private_files get large.bin -o small/; code=$?; stat -c %s small/.*.part; exit $code'
    with terminal.start(
        program=["unshare", "-rm", "sh", "-c", inside, sys.executable], variables=terminal.variables
    ) as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, int(out)) == (5, 1024 * 1024)
    assert err.count("No space left on device; partial data is kept") == 1


def test_locale_that_lacks_a_character_of_a_name_is_named(terminal: GetTerminal) -> None:
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    terminal.edge.files = {"é/é": (b"x", '"x"')}
    with terminal.start("get", "é/é", variables=terminal.variables | ascii_only) as process:
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err.endswith("this locale cannot write its name: set LC_ALL=C.UTF-8\n")) == (5, True)


def test_password_in_netrc_is_not_sent_to_the_edge(terminal: GetTerminal, monkeypatch: pytest.MonkeyPatch) -> None:
    (terminal.directory / "netrc").write_text("default login me password secret")
    monkeypatch.setenv("NETRC", str(terminal.directory / "netrc"))
    assert terminal.run_json("a.txt")[0] == 0
    [(_, headers)] = terminal.edge.requests
    assert "authorization" not in headers


def test_failing_api_is_retried_if_it_has_responded_before(edge: Edge) -> None:
    api = PrivateFiles(f"{edge.url}/graphql", AppSyncApiKeyAuthentication(host="", api_key="da2-key"))
    edge.api_statuses = [503]
    with pytest.raises(Unreachable, match="503"):
        api.urls(["a"])
    assert api.urls(["a"])
    edge.api_statuses = [503]
    assert api.urls(["a"])


@pytest.mark.parametrize("arguments", [["url", "bad\udcff"], ["get", "bad\udcff"], ["get", "--prefix", "bad\udcff"]])
def test_name_that_is_not_utf8_is_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        command_line.parse(arguments)
    assert (exit_.value.code, "it is not valid UTF-8" in capsys.readouterr().err) == (2, True)


def test_no_file_of_a_prefix_is_a_refusal(terminal: GetTerminal) -> None:
    assert terminal.run_json("--prefix", "zzz")[0] == 1


def test_output_is_a_file_for_one_name(terminal: GetTerminal) -> None:
    assert terminal.run_json("a.txt", "-o", "b.txt")[1][0]["path"] == "b.txt"
    (terminal.directory / "folder").mkdir()
    assert terminal.run_json("a.txt", "-o", "folder")[1][0]["path"] == "folder/a.txt"


@given(
    st.text(alphabet=st.sampled_from(["a", "/", ".", "\n", "\x80", "é", "\ud800", " ", "\\"]), max_size=6),
    st.booleans(),
)
def test_names_refused_here_are_those_that_the_api_refuses(name: str, is_long: bool) -> None:
    name += "é" * 510 if is_long else ""
    try:
        file_names.check_name(name, "files")
    except file_names.InvalidFileName:
        assert client_names.reason_to_refuse(name, "files")
    else:
        assert client_names.reason_to_refuse(name, "files") is None
