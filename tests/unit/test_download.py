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
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

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

pytestmark = pytest.mark.slow  # every test starts the command line, a process of its own

MODIFIED = "Wed, 01 Jan 2025 00:00:00 GMT"
LARGE = bytes(range(256)) * 16384  # 4 MiB


@dataclass
class Edge:
    """Files by name, and the requests it got; a response stops after `stop_after` bytes until that is None."""

    url: str = ""
    files: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    signed: int = 0
    api_requests: int = 0
    valid_from: int = 0  # of a URL's number; one with a lower number has expired
    stop_after: int | None = None
    drop_after: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    api_statuses: list[int] = field(default_factory=list)
    takes_ranges: bool = True
    headers: dict[str, str] = field(default_factory=dict)
    always_drops_after: int | None = None
    signs_listed: bool = True
    hostile: dict[str, Any] | None = None  # the data of the API's responses
    refusal: tuple[str, bytes] = ("AmazonS3", b"<Error/>")  # of files that do not exist: Server, body

    def sign(self, name: str) -> str:
        self.signed += 1
        return f"{self.url}/{quote(name, safe='')}?n={self.signed}&Signature=secret"

    def graphql(self, variables: dict[str, Any]) -> Any:
        self.api_requests += 1
        if self.hostile is not None:
            return self.hostile
        if "files" in variables:
            items = [{"file": name, "url": self.sign(name)} for name in variables["files"]]
            return {"getUrls": [item | {"errorType": None, "errorMessage": None} for item in items]}
        found = sorted(name for name in self.files if name.startswith(variables["prefix"]))
        start = int(variables["token"] or 0)
        items = [
            {
                "name": name,
                "size": len(self.files[name][0]),
                "lastModified": "2025-01-01T00:00:00Z",
                "url": self.sign(name) if self.signs_listed else None,
            }
            for name in found[start : start + 1000]
        ]
        token = str(start + 1000) if start + 1000 < len(found) else None
        return {"listFiles": {"items": items, "nextToken": token}}


@pytest.fixture
def edge() -> Iterator[Edge]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            content = json.dumps({"data": said.graphql(body.get("variables") or {})}).encode()
            status = said.api_statuses.pop(0) if said.api_statuses else 200
            self.respond(status, content if status == 200 else b"", {})

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            name = unquote(parts.path[1:])
            said.requests.append((name, {key.lower(): value for key, value in self.headers.items()}))
            if int(parts.query.partition("n=")[2].partition("&")[0]) < said.valid_from:
                return self.respond(403, b"<Error/>", {"Server": "CloudFront"})
            if said.statuses:
                return self.respond(said.statuses.pop(0), b"", {})
            if name not in said.files:
                return self.respond(403, said.refusal[1], {"Server": said.refusal[0]})
            content, etag = said.files[name]
            headers = {"ETag": etag, "Last-Modified": MODIFIED, **said.headers}
            wanted = self.headers.get("Range")
            if wanted and self.headers.get("If-Range") == etag and said.takes_ranges:
                start = int(wanted.removeprefix("bytes=").partition("-")[0])
                if start >= len(content):
                    return self.respond(416, b"", {"Content-Range": f"bytes */{len(content)}"})
                headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
                return self.respond(206, content[start:], headers)
            return self.respond(200, content, headers)

        def respond(self, status: int, content: bytes, headers: dict[str, str]) -> None:
            self.send_response_only(status)
            for key, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(key, value)
            self.end_headers()
            if said.stop_after is not None and status in (200, 206) and len(content) > said.stop_after:
                self.wfile.write(content[: said.stop_after])
                sent = said.stop_after
                while said.stop_after is not None and not stopped.wait(0.01):
                    pass
                self.wfile.write(content[sent:])
            elif said.always_drops_after is not None and self.command == "GET":
                at = int(headers.get("Content-Range", "bytes 0-").removeprefix("bytes ").partition("-")[0])
                self.wfile.write(content[: max(0, said.always_drops_after - at)])
                self.close_connection = True
            elif said.drop_after and self.command == "GET":
                self.wfile.write(content[: said.drop_after.pop(0)])
                self.close_connection = True
            else:
                self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    stopped = threading.Event()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.daemon_threads = True
        http.handle_error = lambda *_: None  # type: ignore[method-assign]
        said = Edge(f"http://127.0.0.1:{http.server_port}")
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield said
        finally:
            stopped.set()
            http.shutdown()
            thread.join()


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
    assert terminal.run_json("a/b", "-o", ".")[1][0]["error"] == "a is a file and cannot be a folder"
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
    assert (exit_.value.code, "it is not UTF-8" in capsys.readouterr().err) == (2, True)


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
