"""`put` without sending anything; tests/stack sends files to S3."""

import json
import os
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from private_files import local_files, put
from private_files.failures import Unconfigured
from private_files.outputs import Outputs
from private_files.report import Report
from tests.command_line import Terminal, terminal

__all__ = ["terminal"]

NOWHERE = ["--aws-endpoint-url", "http://127.0.0.1:1", "--bucket", "b", "--files-folder", "files"]


def test_two_files_of_one_name_are_refused_before_anything_is_sent() -> None:
    with pytest.raises(Unconfigured, match=r"x/a and y/a would both be named p/a"):
        local_files.uploads(["x/a", "x/b", "y/a"], "p/", None)


def test_pipe_and_missing_file_are_refused_by_name(terminal: Terminal) -> None:
    os.mkfifo(terminal.directory / "pipe")
    code, _, err = terminal.run("put", "pipe", "nothing", *NOWHERE)
    assert code == 5
    assert sorted(err.splitlines()) == [
        "nothing: nothing cannot be read: No such file or directory",
        "pipe: pipe is a device or a pipe; save it to a file, or use private-files put - NAME",
    ]


def test_ctrl_c_stops_uploads_in_progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sending, stopped = threading.Event(), threading.Event()

    class SlowS3:
        def head_object(self, **_: Any) -> None:
            """Every key exists."""

        def upload_file(self, path: str, *_: Any, Callback: Callable[[int], None], **__: Any) -> None:  # noqa: N803
            if path.endswith("interrupted"):
                assert sending.wait(10)
                raise KeyboardInterrupt
            try:
                for _each in range(1000):
                    Callback(1)
                    sending.set()
                    time.sleep(0.01)
            except OSError:
                stopped.set()
                raise

    monkeypatch.setattr("private_files.aws.client", lambda *_, **__: SlowS3())
    files = [tmp_path / "interrupted", tmp_path / "large"]
    for file in files:
        file.touch()
        os.truncate(file, 9 * 1024**2)  # sent in parts
    report = Report(as_json=True)
    outputs = Outputs(bucket_name="b", files_folder="files")
    with pytest.raises(KeyboardInterrupt):
        put.put(outputs, local_files.uploads([str(file) for file in files], "", None), parallel=2, report=report)
    assert stopped.is_set()
    assert report.end() == 0


class S3:
    """Keeps the requests of uploads and the headers of the last, and fails with `error`."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.headers = error, dict[str, dict[str, str]]()
        self.exists = ""  # the code for files that exist
        self.sent: list[tuple[str | None, bytes]] = []  # If-None-Match and content

    def head_object(self, **_: Any) -> None:
        """Every key exists."""

    def upload_file(self, path: str, *_: Any, ExtraArgs: dict[str, str], **__: Any) -> None:  # noqa: N803
        self.headers[Path(path).name] = ExtraArgs

    def put_object(self, *, Key: str, Body: IO[bytes], Bucket: str, **headers: str) -> None:  # noqa: ARG002, N803
        if self.error:
            raise self.error
        only_new = headers.pop("IfNoneMatch", None)
        self.sent.append((only_new, Body.read()))
        if only_new and self.exists:
            raise ClientError({"Error": {"Code": self.exists, "Message": "x"}}, "PutObject")
        self.headers[Key.removeprefix("files/")] = headers


def upload(monkeypatch: pytest.MonkeyPatch, s3: S3, *files: Path) -> int:
    monkeypatch.setattr("private_files.aws.client", lambda *_, **__: s3)
    report = Report(as_json=True)
    outputs = Outputs(bucket_name="b", files_folder="files")
    put.put(outputs, local_files.uploads([str(file) for file in files], "", None), parallel=1, report=report)
    return report.end()


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.txt", "é".encode(), "text/plain; charset=utf-8"),
        ("a.txt", "é".encode("latin-1"), "text/plain"),
        ("a.txt", "é".encode()[:1], "text/plain"),
        ("a.HTML", b"<p>", "text/html; charset=utf-8"),
        ("a.js", b"1", "text/javascript; charset=utf-8"),
        ("a.json", b"{}", "application/json; charset=utf-8"),
        ("a.svg", b"<svg/>", "image/svg+xml; charset=utf-8"),
        ("a.xml", b"<a/>", "application/xml; charset=utf-8"),
        ("a.webp", b"x", "image/webp"),
        ("a.tar.gz", b"x", "application/gzip"),
        ("a.svgz", b"x", "application/octet-stream"),
        ("pdf", b"x", "application/octet-stream"),
        ("a.unheard-of", b"x", "application/octet-stream"),
    ],
)
def test_content_type_depends_on_name_and_content_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes, kind: str
) -> None:
    monkeypatch.setattr("mimetypes.guess_type", lambda *_, **__: pytest.fail("it reads files of the machine"))
    (tmp_path / name).write_bytes(content)
    s3 = S3()
    assert upload(monkeypatch, s3, tmp_path / name) == 0
    assert s3.headers[name] == {"ContentType": kind, "CacheControl": "max-age=60"}


@pytest.mark.parametrize("exists", ["", "PreconditionFailed", "ConditionalRequestConflict"])
def test_small_file_is_sent_once_and_again_only_to_replace_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], exists: str
) -> None:
    (tmp_path / "a").write_bytes(b"content")
    s3 = S3()
    s3.exists = exists
    assert upload(monkeypatch, s3, tmp_path / "a") == 0
    conditions = ["*", None] if exists else ["*"]
    assert s3.sent == [(condition, b"content") for condition in conditions]
    assert json.loads(capsys.readouterr().out)["replaced"] is bool(exists)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            ConnectionResetError(104, "Connection reset by peer"),
            "the connection to S3 broke off: Connection reset by peer",
        ),
        (TimeoutError(), "the connection to S3 broke off: TimeoutError"),
        (ssl.SSLError(1, "bad"), "the connection to S3 broke off: bad"),
        (EndpointConnectionError(endpoint_url="https://s3"), "S3 cannot be reached, or broke off: Could not connect"),
        (PermissionError(13, "Permission denied"), "cannot be read: Permission denied"),
        (
            ClientError({"Error": {"Code": "KMS.DisabledException", "Message": "x"}}, "PutObject"),
            "the KMS key of the file is disabled",
        ),
    ],
)
def test_reason_of_a_failed_upload_is_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    reason: str,
) -> None:
    (tmp_path / "a").touch()
    assert upload(monkeypatch, S3(error), tmp_path / "a") == 5
    assert reason in capsys.readouterr().err
