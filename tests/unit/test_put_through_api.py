"""`put` through the API, against an API and a bucket on this machine that lose responses and refuse."""

from __future__ import annotations

import base64
import hashlib
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from gql.transport.appsync_auth import AppSyncApiKeyAuthentication

from private_files import api as api_module
from private_files import api_uploads, local_files, presigned_put, put, update
from private_files.api import Page, PrivateFiles, RemoteFile
from private_files.failures import Unreachable
from private_files.report import Report
from tests import PROJECT
from tests.command_line import wait_until
from tests.upload_stand import Bucket, Stored, upload_stand

PART = 1000


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Bucket]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(presigned_put, "_PAUSES", (0.0, 0.0, 0.0))
    monkeypatch.setattr(api_module, "_PAUSES", (0.0, 0.0, 0.0))
    monkeypatch.setattr(api_uploads, "_IN_ONE_REQUEST", PART)
    with upload_stand() as bucket:
        bucket.part_size = bucket.largest = PART
        yield bucket


@pytest.fixture
def send(bucket: Bucket, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., list[str]]:
    """Write the files, upload them, and return the lines that were printed, sorted."""
    files = tmp_path / "files"

    def upload(*, overwrite: bool = False, parallel: int = 8, **contents: bytes | None) -> list[str]:
        files.mkdir(exist_ok=True)
        for name, content in contents.items():
            if content is not None and not ((files / name).exists() and (files / name).read_bytes() == content):
                (files / name).write_bytes(content)
        caller = AppSyncApiKeyAuthentication(host="127.0.0.1", api_key="da2-key")
        api = PrivateFiles(f"{bucket.url}/graphql", caller)
        wanted = [local_files.Upload(files / name, name) for name in contents]
        report = Report(as_json=False)
        put.put_through_api(api, wanted, overwrite=overwrite, parallel=parallel, report=report)
        report.end()
        printed = capsys.readouterr()
        return sorted(line for line in (printed.out + printed.err).splitlines() if not line.endswith("failed."))

    return upload


def first(count: int) -> Callable[..., bool]:
    """Return a condition that is true the first times that it is asked about what a test names."""
    left = [count]

    def is_lost(what: str, _name: str, lost: str = "PUT") -> bool:
        if what != lost or not left[0]:
            return False
        left[0] -= 1
        return True

    return is_lost


def test_small_files_are_started_100_at_a_time_and_sent_through_few_connections(
    bucket: Bucket, send: Callable[..., list[str]]
) -> None:
    contents = {f"{number}.txt": b"%d" % number for number in range(250)}
    assert send(parallel=4, **contents) == sorted(f"uploaded {name}" for name in contents)
    assert {name: stored.content for name, stored in bucket.files.items()} == contents
    assert {stored.kind for stored in bucket.files.values()} == {"text/plain; charset=utf-8"}
    assert [(name, len(given["files"])) for name, given in bucket.calls] == [
        ("startUploads", 100), ("startUploads", 100), ("startUploads", 50),
    ]  # fmt: skip
    assert bucket.connections <= 3 + 4, "one for each request to the API, and one for each file at the same time"


def test_url_that_was_made_long_before_is_not_used(
    bucket: Bucket, send: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_uploads, "_SECONDS_AHEAD", -1)
    assert send(**{"a.txt": b"a", "b.txt": b"b"}) == ["uploaded a.txt", "uploaded b.txt"]
    assert [len(given["files"]) for _, given in bucket.calls] == [2, 1, 1]


def test_refused_or_unreadable_file_does_not_fail_the_others(
    bucket: Bucket, send: Callable[..., list[str]], tmp_path: Path
) -> None:
    files = {"a.txt": b"a", "refused.txt": b"b", "empty.bin": b"", "large.bin": b"c" * 2500, "gone.txt": None}
    files["n" * 300] = None
    assert send(**files) == [
        f"gone.txt: {tmp_path}/files/gone.txt cannot be read: No such file or directory",
        f"{'n' * 300}: {tmp_path}/files/{'n' * 300} cannot be read: File name too long",
        "refused.txt: NotAllowed: You may not write 'refused.txt'. (`private-files access` prints it.)",
        "uploaded a.txt",
        "uploaded empty.bin",
        "uploaded large.bin",
    ]
    assert bucket.files["large.bin"].content == b"c" * 2500
    assert bucket.files["large.bin"].kind == "application/octet-stream"


def test_parts_are_sent_four_at_the_same_time(bucket: Bucket, send: Callable[..., list[str]]) -> None:
    four = threading.Barrier(4)

    def wait(*_: str) -> None:
        four.wait(10)

    bucket.before = wait
    content = b"".join(b"%d" % number * PART for number in range(8))
    assert send(**{"large.bin": content}) == ["uploaded large.bin"]
    assert bucket.files["large.bin"].content == content


def test_file_that_exists_is_replaced_only_if_told(bucket: Bucket, send: Callable[..., list[str]]) -> None:
    old = {"small.txt": b"old", "large.bin": b"o" * 2500}
    bucket.files = {name: Stored(content, "text/plain", 0) for name, content in old.items()}
    new = {name: content.upper() for name, content in old.items()}
    assert send(**new) == [f"{name}: there is a file with this name; --force replaces it" for name in sorted(new)]
    assert {name: stored.content for name, stored in bucket.files.items()} == old
    assert bucket.puts == ["small.txt"], "nothing is sent of a large file that would be refused at its end"
    send(overwrite=True, **new)
    assert {name: stored.content for name, stored in bucket.files.items()} == new


@pytest.mark.parametrize("lost", [1, 2])
def test_file_that_arrived_although_the_response_was_lost_counts_as_uploaded(
    bucket: Bucket, send: Callable[..., list[str]], lost: int
) -> None:
    bucket.loses = first(lost)
    assert send(**{"a.txt": b"content"}) == ["uploaded a.txt"]
    assert bucket.puts == ["a.txt"] * (lost + 1)


@pytest.mark.parametrize("other", [b"another size", b"CONTENT"], ids=["size", "time"])
def test_file_of_somebody_else_is_not_taken_for_the_own_one(
    bucket: Bucket, send: Callable[..., list[str]], other: bytes
) -> None:
    bucket.files["a.txt"] = Stored(other, "text/plain", 1_000_000_000)
    bucket.loses = first(1)
    assert send(**{"a.txt": b"content"}) == ["a.txt: there is a file with this name; --force replaces it"]
    assert bucket.files["a.txt"].content == other


def test_caller_who_may_not_read_is_told_that_the_file_exists(bucket: Bucket, send: Callable[..., list[str]]) -> None:
    bucket.may_read = False
    bucket.loses = first(1)
    assert send(**{"a.txt": b"content"}) == ["a.txt: there is a file with this name; --force replaces it"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_upload_in_parts_whose_finish_is_lost_counts_as_uploaded(
    bucket: Bucket, send: Callable[..., list[str]], overwrite: bool, tmp_path: Path
) -> None:
    if overwrite:
        bucket.files["large.bin"] = Stored(b"old", "text/plain", 0)
    is_lost = first(1)
    bucket.loses = lambda what, name: is_lost(what, name, lost="finishUpload")
    assert send(overwrite=overwrite, **{"large.bin": b"c" * 2500}) == ["uploaded large.bin"]
    assert bucket.files["large.bin"].content == b"c" * 2500
    assert len(bucket.puts) == 3
    assert list((tmp_path / "cache").rglob("*.json")) == []


def test_run_after_one_that_did_not_see_the_end_of_an_upload_sends_nothing(
    bucket: Bucket, send: Callable[..., list[str]]
) -> None:
    bucket.loses = lambda what, _name: what not in ("startUploads", "signParts", "PUT", "getFile")
    with pytest.raises(Unreachable):
        send(**{"large.bin": b"c" * 2500})
    bucket.loses = lambda *_: False
    assert send(**{"large.bin": b"c" * 2500}) == ["uploaded large.bin"]
    assert len(bucket.puts) == 3
    assert send(**{"large.bin": b"c" * 2500}) == ["large.bin: there is a file with this name; --force replaces it"]


def test_upload_that_is_removed_before_it_is_finished_fails(bucket: Bucket, send: Callable[..., list[str]]) -> None:
    def remove(what: str, _name: str) -> None:
        if what == "PUT" and len(bucket.puts) == 2:
            bucket.uploads["id-0"] = ("another name", "", bucket.uploads["id-0"][2])

    bucket.before = remove
    (line,) = send(**{"large.bin": b"c" * 2500})
    assert line == "large.bin: UploadNotFound: There is no such upload of this file; start it again."
    assert send(**{"large.bin": b"c" * 2500}) == ["uploaded large.bin"]


def test_expired_url_is_renewed_once_and_a_busy_bucket_is_tried_again(
    bucket: Bucket, send: Callable[..., list[str]]
) -> None:
    responses: list[Any] = [(403, "AccessDenied</Code><Message>Request has expired</Message><Code>"), (503, "SlowDown")]
    bucket.before = lambda *_: responses.pop(0) if responses else None
    assert send(**{"a.txt": b"content"}) == ["uploaded a.txt"]
    assert [name for name, _ in bucket.calls] == ["startUploads"] * 3


def test_refused_url_is_not_tried_again(bucket: Bucket, send: Callable[..., list[str]]) -> None:
    bucket.before = lambda *_: (403, "SignatureDoesNotMatch")
    (line,) = send(**{"a.txt": b"content"})
    assert line.startswith("a.txt: S3 refuses the signed request;")
    assert "X-Amz-Signature" not in line


@pytest.mark.parametrize("size", [10, 5000])
def test_file_that_becomes_shorter_meanwhile_is_not_uploaded(
    bucket: Bucket, send: Callable[..., list[str]], size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presigned_put, "_CHUNK", 100)
    start = api_uploads.ApiUploads._start

    async def shortened(self: Any, path: Path, *rest: Any) -> Any:
        found = await start(self, path, *rest)
        os.truncate(path, 5)
        return found

    monkeypatch.setattr(api_uploads.ApiUploads, "_start", shortened)
    (line,) = send(**{"a.bin": bytes(size)})
    assert line == "a.bin: the file became shorter while it was sent; run the command again"
    assert bucket.files == {}


def test_file_that_changes_after_it_was_planned_is_started_with_its_new_size(
    bucket: Bucket, send: Callable[..., list[str]], tmp_path: Path
) -> None:
    def grow(_what: str, name: str) -> None:
        if name == "a.txt":
            (tmp_path / "files" / "b.txt").write_bytes(b"longer")

    bucket.before = grow
    assert send(parallel=1, **{"a.txt": b"a", "b.txt": b"b"}) == ["uploaded a.txt", "uploaded b.txt"]
    assert bucket.files["b.txt"].content == b"longer"


def test_ctrl_c_ends_uploads_that_wait(
    bucket: Bucket, send: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[str] = []

    def refuse(_what: str, name: str) -> tuple[int, str]:
        refused.append(name)
        return 503, "SlowDown"

    bucket.before = refuse
    monkeypatch.setattr(presigned_put, "_PAUSES", (1000.0,))
    send_one = put._ThroughApi.send

    def send_or_interrupt(self: Any, wanted: local_files.Upload, *rest: Any) -> Any:
        if wanted.name == "interrupted":
            wait_until(lambda: set(refused) == {"a", "large"})
            raise KeyboardInterrupt
        return send_one(self, wanted, *rest)

    monkeypatch.setattr(put._ThroughApi, "send", send_or_interrupt)
    with pytest.raises(KeyboardInterrupt):
        send(**{"interrupted": b"c", "a": b"a", "large": bytes(5000)})


# Forks for each line of its input, so that the modules are imported once, and prints the id and how the child ended.
FORKING = """
import os, sys
from private_files import __main__, api_uploads, put
api_uploads._IN_ONE_REQUEST = 1000
_, *options = sys.argv
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        sys.argv = ["private-files", "put", line.strip(), *options]
        sys.stdin, sys.stdout = open(os.devnull), open(os.devnull, "w")
        try:
            os._exit(__main__.main())
        finally:
            os._exit(99)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.mark.slow
def test_put_that_is_killed_at_30_random_moments_is_resumed_and_every_file_is_whole(
    bucket: Bucket, tmp_path: Path
) -> None:
    random_of_test = random.Random(1)  # noqa: S311 - only to differ
    options = ["--graphql-url", f"{bucket.url}/graphql", "--auth", "api-key"]
    variables = {"XDG_CACHE_HOME": str(tmp_path), "PRIVATE_FILES_API_KEY": "da2-key", "PYTHONPATH": str(PROJECT)}
    whole: dict[str, bytes] = {}
    ended: list[int] = []
    requests = [0]

    with subprocess.Popen(
        [sys.executable, "-c", FORKING, *options],
        cwd=tmp_path, env=os.environ | variables, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdin
        assert process.stdout

        def run(name: str, kill_at: int) -> None:
            """Upload the file, and kill the process at this request, after it took effect."""
            assert process.stdin
            assert process.stdout
            requests[0] = 0
            ready = threading.Event()
            child = 0

            def kill(*_: str) -> bool:
                requests[0] += 1
                assert ready.wait(10)
                if requests[0] == kill_at:
                    os.kill(child, 9)
                return False

            bucket.loses = kill
            process.stdin.write(f"{name}\n")
            process.stdin.flush()
            child = int(process.stdout.readline())
            ready.set()
            ended.append(int(process.stdout.readline()))

        while ended.count(-9) < 30:
            name = f"{len(whole)}.bin"
            whole[name] = random_of_test.randbytes(60 * PART + random_of_test.randrange(PART))
            (tmp_path / name).write_bytes(whole[name])
            run(name, random_of_test.randint(1, 25))
            while ended[-1] == -9:
                run(name, random_of_test.randint(1, 25) if ended.count(-9) < 30 else 0)
        process.stdin.close()
    assert set(ended) == {0, -9}
    assert {name: stored.content for name, stored in bucket.files.items()} == whole
    parts = sum(len(content) // PART + 1 for content in whole.values())
    assert len(bucket.puts) <= parts + 30 * 4, "only parts that were being sent are sent again"
    assert list(tmp_path.glob("private-files/uploads/*")) == []


def test_content_of_small_files_is_checked_by_s3(bucket: Bucket, send: Callable[..., list[str]]) -> None:
    assert send(a=b"small", b=b"", big=b"x" * (PART + 1)) == ["uploaded a", "uploaded b", "uploaded big"]
    started = {
        file["name"]: file["sha256"]
        for field, given in bucket.calls
        if field == "startUploads"
        for file in given["files"]
    }
    digests = {
        name: base64.b64encode(hashlib.sha256(content).digest()).decode()
        for name, content in (("a", b"small"), ("b", b""))
    }
    assert started == {**digests, "big": None}
    bucket.before = lambda what, _name: (400, "BadDigest") if what == "PUT" else None
    assert send(c=b"other") == ["c: the file changed while it was sent; run the command again (BadDigest)"]


def test_update_through_the_api_replaces_what_has_changed(
    bucket: Bucket, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a").write_bytes(b"new")
    report = Report(as_json=False)
    wanted = [local_files.Upload(tmp_path / "a", "a")]
    for size, left in ((3, []), (4, wanted)):
        api = SimpleNamespace(listing=lambda _prefix, size=size: [Page([RemoteFile("a", None, "", size, 4e9)], [])])
        assert update.changed(wanted, update.in_api(api), report) == left  # type: ignore[arg-type]
    assert capsys.readouterr().out == "unchanged a\n"
    assert bucket.calls == []
