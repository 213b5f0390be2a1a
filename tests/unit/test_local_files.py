"""`put` with folders, standard input and --dry-run."""

from __future__ import annotations

import datetime
import errno
import io
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from private_files import local_files
from private_files.failures import Unconfigured
from tests import in_process

Run = Callable[..., tuple[int, bytes, str]]
BUCKET = ["--bucket", "b", "--files-folder", "files"]


class S3:
    """Keeps the contents of uploads."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}

    def put_object(self, *, Key: str, Body: Any, **_: Any) -> None:  # noqa: N803
        self.contents[Key] = Body.read()

    def get_paginator(self, _operation: str) -> S3:
        return self

    def paginate(self, *, Prefix: str, **_: Any) -> list[dict[str, Any]]:  # noqa: N803
        entries = [
            {"Key": key, "Size": len(content), "LastModified": datetime.datetime.fromtimestamp(1000, datetime.UTC)}
            for key, content in self.contents.items()
            if key.startswith(Prefix)
        ]
        return [{"Contents": entries}, {}]


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> S3:
    found = S3()
    monkeypatch.setattr("private_files.aws.client", lambda *_, **__: found)
    return found


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    in_process.use_folder(monkeypatch, tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return lambda *arguments, stdin=b"": in_process.run(monkeypatch, *arguments, stdin=stdin)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with awkward names, a hidden file, an empty folder, and links to a file, a folder and itself."""
    folder = tmp_path / "photos"
    for name in ("a.jpg", "-rf", ".hidden", "sub/x y'\".jpg", "sub/[1]/é.jpg", "sub/\udcff.jpg"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name, errors="surrogateescape")
    (folder / "empty").mkdir()
    (folder / "link").symlink_to("a.jpg")
    (folder / "loop").symlink_to(".")
    return folder


@pytest.mark.parametrize(("argument", "top"), [("photos", "photos/"), ("photos/", "photos/"), ("photos/.", "photos/")])
def test_files_of_a_folder_keep_its_name(photos: Path, run: Run, argument: str, top: str) -> None:
    assert photos.is_dir()
    code, out, err = run("put", argument, "--prefix", "p/", "--dry-run", "--json", *BUCKET)
    found = {each["file"]: each.get("error") for each in map(json.loads, out.splitlines())}
    assert sorted(name for name, error in found.items() if not error) == [
        f"p/{top}{name}" for name in ("-rf", ".hidden", "a.jpg", "sub/[1]/é.jpg", "sub/x y'\".jpg")
    ]
    assert (code, [name for name, error in found.items() if error]) == (5, [f"p/{top}sub/\udcff.jpg"])
    assert err.splitlines()[:3] == [
        "photos/empty is an empty folder and is not uploaded.",
        "photos/link is a symbolic link and is not uploaded; name it to upload what it points to.",
        "photos/loop is a symbolic link and is not uploaded; name it to upload what it points to.",
    ]


def test_files_of_the_current_folder_have_no_folder_name(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(photos / "sub")
    assert sorted(each.name for each in local_files.uploads(["."])) == ["[1]/é.jpg", "x y'\".jpg", "\udcff.jpg"]
    monkeypatch.chdir(photos / "sub" / "[1]")
    assert "a.jpg" in {each.name for each in local_files.uploads(["../.."])}


def test_link_that_is_named_is_followed(photos: Path, run: Run, s3: S3) -> None:
    assert run("put", str(photos / "link"), *BUCKET)[0] == 0
    assert s3.contents == {"files/link": b"a.jpg"}


def test_folder_takes_no_other_name(photos: Path) -> None:
    with pytest.raises(Unconfigured, match="--as takes one file"):
        local_files.uploads([str(photos)], name="x")


def test_same_file_in_two_arguments_is_uploaded_once(photos: Path, run: Run, s3: S3) -> None:
    assert run("put", "photos/sub/[1]", "photos/sub/[1]", *BUCKET)[0] == 0
    assert photos.is_dir()
    assert list(s3.contents) == ["files/[1]/é.jpg"]


def test_dry_run_sends_nothing(photos: Path, run: Run, s3: S3) -> None:
    code, out, err = run("put", "photos/a.jpg", "nope", "--dry-run", *BUCKET)
    assert photos.is_dir()
    assert (code, out) == (5, b"would upload photos/a.jpg as a.jpg\n")
    assert err.startswith("nope: nope cannot be read: No such file or directory\n")
    assert s3.contents == {}


@pytest.mark.parametrize("content", [b"", b"x", bytes(range(256)) * 10_000])
def test_standard_input_is_uploaded_under_its_name(run: Run, s3: S3, tmp_path: Path, content: bytes) -> None:
    assert run("put", "-", "n.bin", "--prefix", "p/", *BUCKET, stdin=content)[:2] == (0, b"uploaded p/n.bin\n")
    assert run("put", "-", "--as", "m.bin", *BUCKET, stdin=content)[0] == 0
    assert s3.contents == {"files/p/n.bin": content, "files/m.bin": content}
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments", [("-",), ("-", "a", "b"), ("a", "-"), ("-", "a", "--as", "b"), ("-", "-", "c")])
def test_standard_input_needs_one_name(run: Run, s3: S3, arguments: tuple[str, ...]) -> None:
    code, _, err = run("put", *arguments, *BUCKET)
    assert (code, err, s3.contents) == (
        2, "Standard input needs one name: private-files put - NAME. A file named - is ./-.\n", {},
    )  # fmt: skip


def test_file_named_dash_is_uploaded_by_its_path(run: Run, s3: S3, tmp_path: Path) -> None:
    (tmp_path / "-").write_text("x")
    assert run("put", "./-", *BUCKET)[0] == 0
    assert s3.contents == {"files/-": b"x"}


def test_dry_run_does_not_read_standard_input(run: Run) -> None:
    code, out, _ = run("put", "-", "a", "--dry-run", *BUCKET, stdin=b"x")
    assert (code, out) == (0, b"would upload standard input as a\n")


class Broken(io.BytesIO):
    """Fails after the first bytes."""

    def read(self, _size: int | None = -1, /) -> bytes:
        if self.tell():
            raise OSError(errno.EIO, "Input/output error")
        self.seek(1)
        return b"x"


def test_nothing_is_uploaded_if_standard_input_fails(run: Run, s3: S3, tmp_path: Path) -> None:
    code, _, err = run("put", "-", "a", *BUCKET, stdin=Broken())
    assert (code, err) == (5, "Standard input cannot be read: Input/output error; nothing was uploaded.\n")
    assert (s3.contents, list(tmp_path.iterdir())) == ({}, [])


def test_standard_input_that_does_not_fit_on_the_disk_is_named(
    run: Run, s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(io.BytesIO):
        def write(self, *_: Any) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "NamedTemporaryFile", lambda **_: Full())
    code, _, err = run("put", "-", "a", *BUCKET, stdin=b"x")
    assert (code, err.startswith("Standard input does not fit on the disk of "), s3.contents) == (5, True, {})


def test_user_without_credentials_uploads_through_the_api(
    run: Run, s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.txt").write_text("x")
    outputs = {"GraphqlUrl": "https://a/", "BucketName": "b", "FilesFolder": "files", "Region": "us-east-1"}
    (tmp_path / "outputs.json").write_text(json.dumps(outputs))
    granted: list[str] = []
    monkeypatch.setattr("private_files.put.put_through_api", lambda _, wanted, **__: granted.append(wanted[0].name))
    monkeypatch.setattr("private_files.file_commands.api_of", lambda _: None)
    monkeypatch.setattr("private_files.session.find", lambda *_: object())
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert run("put", "a.txt", "--outputs", "outputs.json")[0] == 0
    assert (granted, s3.contents) == (["a.txt"], {})
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "k")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    assert run("put", "a.txt", "--outputs", "outputs.json")[0] == 0
    assert (granted, s3.contents) == (["a.txt"], {"files/a.txt": b"x"})


def test_name_that_is_not_utf8_is_not_sent_to_the_api(run: Run, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Uploads:
        def __init__(self, *_: Any, planned: list[tuple[Path, str]], **__: Any) -> None:
            sent.extend(name for _, name in planned)

        def __enter__(self) -> None: ...

        def __exit__(self, *_: Any) -> None: ...

        def upload(self, _path: Path, name: str, _sent: Any) -> None:
            sent.append(name)

    sent: list[str] = []
    monkeypatch.setattr("private_files.put.ApiUploads", Uploads)
    monkeypatch.setattr("private_files.file_commands.api_of", lambda _: None)
    assert run("put", str(photos / "sub"), "--auth", "cognito")[0] == 5
    assert sorted(set(sent)) == ["sub/[1]/é.jpg", "sub/x y'\".jpg"]


def test_excluded_files_of_a_folder_are_not_uploaded_but_named_ones_are(run: Run, s3: S3, photos: Path) -> None:
    code, _, _ = run(
        "put", "photos", "photos/a.jpg", *BUCKET, "--prefix", "p/", "--exclude", "*.jpg", "--exclude", "-rf"
    )
    assert (code, sorted(s3.contents)) == (0, ["files/p/a.jpg", "files/p/photos/.hidden"])
    assert photos.is_dir()


def test_update_uploads_only_what_is_new_or_has_another_size_or_a_later_time(run: Run, s3: S3, tmp_path: Path) -> None:
    for name, content, time in (("same", "1", 900), ("later", "1", 1001), ("longer", "12", 900), ("new", "1", 900)):
        (tmp_path / name).write_text(content)
        os.utime(tmp_path / name, (time, time))
    s3.contents = {f"files/{name}": b"0" for name in ("same", "later", "longer", "other")}
    code, out, _ = run("put", "same", "later", "longer", "new", *BUCKET, "--update", "--dry-run")
    assert (code, out.decode().splitlines()[0]) == (0, "unchanged same")
    code, out, _ = run("put", "same", "later", "longer", "new", *BUCKET, "--update")
    assert code == 0
    assert "unchanged same" in out.decode().splitlines()
    assert s3.contents == {
        "files/same": b"0", "files/other": b"0", "files/later": b"1", "files/longer": b"12", "files/new": b"1",
    }  # fmt: skip
