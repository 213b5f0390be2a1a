"""`put` without sending anything; tests/stack sends files to S3."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from private_files import put
from private_files.failures import Unconfigured
from private_files.outputs import Outputs
from private_files.report import Report
from tests.command_line import Terminal, terminal

__all__ = ["terminal"]

NOWHERE = ["--aws-endpoint-url", "http://127.0.0.1:1", "--bucket", "b", "--files-folder", "files"]


def test_two_files_of_one_name_are_refused_before_anything_is_sent() -> None:
    with pytest.raises(Unconfigured, match=r"x/a and y/a would both be named p/a"):
        put.uploads(["x/a", "x/b", "y/a"], "p/", None)


def test_folder_pipe_and_missing_file_are_refused_by_name(terminal: Terminal) -> None:
    (terminal.directory / "folder").mkdir()
    os.mkfifo(terminal.directory / "pipe")
    code, _, err = terminal.run("put", "folder/", "pipe", "nothing", *NOWHERE)
    assert code == 5
    assert sorted(err.splitlines()) == [
        "folder: folder is a folder; name the files in it",
        "nothing: nothing cannot be read: No such file or directory",
        "pipe: pipe is a device or a pipe; save it to a file first",
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
        file.write_bytes(b"x" * 1000)
    report = Report(as_json=True)
    outputs = Outputs(bucket_name="b", files_folder="files")
    with pytest.raises(KeyboardInterrupt):
        put.put(outputs, put.uploads([str(file) for file in files], "", None), parallel=2, report=report)
    assert stopped.is_set()
    assert report.end() == 0
