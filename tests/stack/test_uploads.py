"""Uploads and deletion on a running stack: what was granted arrives and opens, and everything else is refused by S3."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.graphql_caller import sign_in
from tests.probes import denied, probing
from tests.running_stack import Stack

MIB = 1024**2
CONTENT = b"the content"
START = """mutation ($files: [NewFile!]!, $overwrite: Boolean) { startUploads(files: $files, overwrite: $overwrite) {
  file url headers { name value } uploadId partSize expiresAt errorType errorMessage } }"""


@pytest.fixture(scope="module")
def stack(ruled_stack: Stack) -> Stack:
    return ruled_stack


@pytest.fixture(scope="module")
def home(stack: Stack) -> str:
    tokens = sign_in(stack)
    sub = stack.client("cognito-idp").get_user(AccessToken=tokens["AccessToken"])["Username"]
    return f"home/{sub}/"


@pytest.fixture(scope="module")
def token(stack: Stack) -> str:
    return str(sign_in(stack)["AccessToken"])


@pytest.fixture
def execute(stack: Stack, token: str) -> Any:
    def send(query: str, **variables: Any) -> Any:
        body: Any = {"query": query, "variables": variables}
        response = requests.post(stack.outputs.graphql_url, json=body, headers={"Authorization": token}, timeout=60)
        return response.json()

    return send


@pytest.fixture
def start(execute: Any) -> Any:
    def send(name: str, content: bytes = CONTENT, *, overwrite: bool = False, **more: Any) -> dict[str, Any]:
        file = {"name": name, "size": len(content), "contentType": "text/plain; charset=utf-8", **more}
        (found,) = execute(START, files=[file], overwrite=overwrite)["data"]["startUploads"]
        assert isinstance(found, dict)
        return found

    return send


def put(
    stack: Stack, upload: dict[str, Any], content: bytes = CONTENT, changed: Mapping[str, str] | None = None
) -> requests.Response:
    headers = {header["name"]: header["value"] for header in upload["headers"]} | dict(changed or {})
    kept = {name: value for name, value in headers.items() if value}
    return requests.put(upload["url"], data=content, headers=kept, verify=stack.outputs.aws_ca_bundle, timeout=30)


def opened(execute: Any, name: str) -> requests.Response:
    url = execute("query ($n: String!) { getUrl(file: $n) }", n=name)["data"]["getUrl"]
    return requests.get(url, timeout=30)


def test_file_arrives_and_opens_with_its_type(stack: Stack, start: Any, execute: Any, home: str) -> None:
    name = f"{home}été/a b+c.txt"
    assert put(stack, start(name)).status_code == 200
    response = opened(execute, name)
    assert (response.status_code, response.content) == (200, CONTENT)
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "max-age=60" in response.headers["Cache-Control"]


def test_page_of_this_machine_sends_files_through_the_endpoint_for_uploads(stack: Stack, start: Any, home: str) -> None:
    page = stack.outputs.frontend_url
    assert requests.get(f"{page}/config.json", timeout=30).json()["UploadsUrl"] == stack.outputs.uploads_url
    assert f" {stack.outputs.uploads_url} " in requests.get(page, timeout=30).headers["Content-Security-Policy"]
    upload = start(f"{home}page/a b.txt")
    origin = "/".join(upload["url"].split("/")[:3])
    here = upload | {"url": upload["url"].replace(origin, stack.outputs.uploads_url)}
    wanted = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "content-type,if-none-match"}
    preflight = requests.options(here["url"], headers={"Origin": page, **wanted}, timeout=30)
    assert preflight.headers["Access-Control-Allow-Headers"] == "content-type, if-none-match"
    for status in (200, 412):
        response = put(stack, here, changed={"Origin": page})
        assert (response.status_code, response.headers["Access-Control-Allow-Origin"]) == (status, "*")
        assert response.headers["Access-Control-Expose-Headers"] == "ETag"
    assert requests.get(here["url"], timeout=30).status_code == 405


@pytest.mark.parametrize(
    "changed",
    [
        {"Content-Type": "text/html"},
        {"Cache-Control": "max-age=31536000"},
        {"If-None-Match": ""},
        {"x-amz-checksum-sha256": base64.b64encode(bytes(32)).decode()},
    ],
)
def test_changed_header_is_refused(stack: Stack, start: Any, home: str, changed: dict[str, str]) -> None:
    digest = base64.b64encode(hashlib.sha256(CONTENT).digest()).decode()
    assert put(stack, start(f"{home}changed.txt", sha256=digest), changed=changed).status_code in (400, 403)


@pytest.mark.parametrize("content", [CONTENT + b"!", CONTENT[:-1], b""])
def test_content_of_another_length_is_refused(stack: Stack, start: Any, home: str, content: bytes) -> None:
    assert put(stack, start(f"{home}length.txt"), content).status_code in (400, 403)


def test_content_with_another_digest_is_refused(stack: Stack, start: Any, home: str) -> None:
    digest = base64.b64encode(hashlib.sha256(b"x" * len(CONTENT)).digest()).decode()
    assert put(stack, start(f"{home}digest.txt", sha256=digest)).status_code == 400


def test_another_key_or_method_is_refused(stack: Stack, start: Any, home: str) -> None:
    upload = start(f"{home}key.txt")
    other = upload | {"url": upload["url"].replace("key.txt", "other.txt")}
    assert put(stack, other).status_code == 403
    for method in ("GET", "DELETE"):
        response = requests.request(method, upload["url"], verify=stack.outputs.aws_ca_bundle, timeout=30)
        assert response.status_code == 403


def test_existing_file_is_replaced_only_if_that_was_requested(
    stack: Stack, start: Any, execute: Any, home: str
) -> None:
    name = f"{home}once.txt"
    assert put(stack, start(name)).status_code == 200
    assert put(stack, start(name, b"newer")).status_code in (403, 412)
    again = put(stack, start(name), CONTENT)
    assert again.status_code == 412
    assert put(stack, start(name, b"newer", overwrite=True), b"newer").status_code == 200
    assert execute("query ($n: String!) { getFile(file: $n) { size } }", n=name)["data"]["getFile"]["size"] == 5


def test_large_file_is_sent_in_parts_and_resumed(stack: Stack, start: Any, execute: Any, home: str) -> None:
    name, content = f"{home}large.bin", bytes(16 * MIB) + b"the rest"
    upload = start(name, content)
    assert (upload["url"], upload["partSize"]) == (None, 16 * MIB)
    given = {"n": name, "u": upload["uploadId"], "s": len(content)}

    def send(parts: list[int]) -> list[requests.Response]:
        query = """mutation ($n: String!, $u: String!, $s: Float!, $p: [Int!]!) {
          signParts(file: $n, uploadId: $u, size: $s, parts: $p) { part url } }"""
        signed = execute(query, **given, p=parts)["data"]["signParts"]
        return [
            requests.put(
                each["url"],
                data=content[(each["part"] - 1) * 16 * MIB : each["part"] * 16 * MIB],
                verify=stack.outputs.aws_ca_bundle,
                timeout=60,
            )
            for each in signed
        ]

    resume = """mutation ($n: String!, $u: String!) { resumeUpload(file: $n, uploadId: $u) { part size etag } }"""
    assert [each.status_code for each in send([1])] == [200]
    ids = {"n": name, "u": upload["uploadId"]}
    assert [(p["part"], p["size"]) for p in execute(resume, **ids)["data"]["resumeUpload"]] == [(1, 16 * MIB)]
    assert [each.status_code for each in send([2])] == [200]
    arrived = execute(resume, **ids)["data"]["resumeUpload"]
    finish = """mutation ($n: String!, $u: String!, $s: Float!, $p: [DonePartInput!]!) {
      finishUpload(file: $n, uploadId: $u, size: $s, parts: $p) }"""
    parts = [{"part": each["part"], "etag": each["etag"]} for each in arrived]
    short = execute(finish, **{**given, "s": len(content) - 1}, p=parts)
    assert short["errors"][0]["errorType"] in ("InvalidParts", "InvalidSize")
    assert execute(finish, **given, p=parts)["data"]["finishUpload"] is True
    assert opened(execute, name).content == content
    (error,) = execute(resume, **ids)["errors"]
    assert error["errorType"] == "UploadNotFound"


def test_id_of_an_upload_is_of_no_use_for_another_name(start: Any, execute: Any, home: str) -> None:
    upload = start(f"{home}mine.bin", bytes(17 * MIB))
    query = "mutation ($n: String!, $u: String!) { resumeUpload(file: $n, uploadId: $u) { part } }"
    (error,) = execute(query, n=f"{home}other.bin", u=upload["uploadId"])["errors"]
    assert error["errorType"] == "UploadNotFound"
    cancel = "mutation ($n: String!, $u: String!) { cancelUpload(file: $n, uploadId: $u) }"
    assert execute(cancel, n=f"{home}mine.bin", u=upload["uploadId"])["data"]["cancelUpload"] is True


def test_only_allowed_folders_can_be_written_and_deleted(execute: Any, start: Any) -> None:
    for name in ("public/a.txt", "home/somebody/a.txt", "a.txt"):
        assert start(name)["errorType"] == "NotAllowed"
    query = "mutation ($f: [String!]!) { deleteFiles(files: $f) { file deleted errorType } }"
    found = execute(query, f=["public/hello.txt", "home/somebody/a.txt"])["data"]["deleteFiles"]
    assert [(each["deleted"], each["errorType"]) for each in found] == [(False, "NotAllowed")] * 2


def test_deleted_file_is_gone_from_lists_and_its_version_stays(
    stack: Stack, start: Any, execute: Any, home: str
) -> None:
    name = f"{home}gone.txt"
    assert put(stack, start(name)).status_code == 200
    query = "mutation ($f: [String!]!) { deleteFiles(files: $f) { deleted } }"
    assert execute(query, f=[name, f"{home}never-there"])["data"]["deleteFiles"] == [{"deleted": True}] * 2
    assert execute("query ($n: String!) { getFile(file: $n) { name } }", n=name)["data"]["getFile"] is None
    assert opened(execute, name).status_code == 403
    versions = stack.client("s3").list_object_versions(Bucket=stack.outputs.bucket_name, Prefix=f"files/{name}")
    assert [len(versions["Versions"]), len(versions["DeleteMarkers"])] == [1, 1]


def test_function_can_neither_read_nor_list_nor_destroy_files(stack: Stack, home: str) -> None:
    with probing(stack) as probe:
        bucket, key = stack.outputs.bucket_name, "files/public/hello.txt"
        assert denied(probe("Upload", "s3", "get_object", Bucket=bucket, Key=key))
        assert denied(probe("Upload", "s3", "list_objects_v2", Bucket=bucket, Prefix="files/"))
        assert denied(probe("Upload", "s3", "put_object", Bucket=bucket, Key=key, Body="x"))
        assert denied(probe("Upload", "s3", "delete_object", Bucket=bucket, Key=key))
        mine = f"files/{home}probe.txt"
        assert probe("Upload", "s3", "put_object", Bucket=bucket, Key=mine, Body="x") == "allowed"
        (version,) = stack.client("s3").list_object_versions(Bucket=bucket, Prefix=mine)["Versions"]
        assert denied(probe("Upload", "s3", "delete_object", Bucket=bucket, Key=mine, VersionId=version["VersionId"]))
        assert probe("Upload", "s3", "delete_object", Bucket=bucket, Key=mine) == "allowed"


def command(stack: Stack, directory: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start the command line as the demo user, with sessions and uploads in this directory."""
    outputs = directory / "outputs.json"
    outputs.write_text(json.dumps(stack.outputs.to_json()))
    return subprocess.Popen(
        [sys.executable, "-m", "private_files", *arguments, "--outputs", str(outputs), "--auth", "cognito"],
        env={**os.environ, "XDG_CACHE_HOME": str(directory)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_put_that_is_killed_again_and_again_is_resumed_and_the_file_is_whole(
    stack: Stack, home: str, tmp_path: Path
) -> None:
    content = random.Random(1).randbytes(16 * MIB * 3 + 12_345)  # noqa: S311 - only to differ everywhere
    (tmp_path / "large.bin").write_bytes(content)
    arguments = ("put", str(tmp_path / "large.bin"), "--prefix", f"{home}killed/")
    moments = random.Random(2)  # noqa: S311 - as above
    for _ in range(3):
        with command(stack, tmp_path, *arguments) as process:
            try:
                process.communicate(timeout=moments.uniform(0.6, 2.5))
                break
            except subprocess.TimeoutExpired:
                process.kill()
    with command(stack, tmp_path, *arguments) as process:
        _, errors = process.communicate(timeout=120)
    s3 = stack.client("s3")
    found = s3.get_object(Bucket=stack.outputs.bucket_name, Key=f"files/{home}killed/large.bin")
    assert found["Body"].read() == content, errors
    left = s3.list_multipart_uploads(Bucket=stack.outputs.bucket_name, Prefix=f"files/{home}killed/").get("Uploads", [])
    assert len(left) <= 1, "only a kill between the start and the note of its id leaves an upload, for a day"
    assert list((tmp_path / "private-files" / "uploads").glob("*")) == []


def test_command_line_uploads_replaces_only_if_told_and_deletes(stack: Stack, home: str, tmp_path: Path) -> None:
    (tmp_path / "été.txt").write_text("content")
    (tmp_path / "empty").touch()

    def run(*arguments: str) -> tuple[int, str, str]:
        with command(stack, tmp_path, *arguments) as process:
            out, errors = process.communicate(timeout=60)
        return process.returncode, out, errors

    put = ("put", str(tmp_path / "été.txt"), str(tmp_path / "empty"), "--prefix", f"{home}cli/")
    code, out, errors = run(*put)
    assert (code, sorted(out.splitlines()), errors) == (
        0, [f"uploaded {home}cli/empty", f"uploaded {home}cli/été.txt"], "",
    )  # fmt: skip
    code, out, errors = run(*put)
    assert (code, out) == (5, "")
    assert errors.count("there is a file with this name; --force replaces it") == 2
    assert run(*put, "--force")[0] == 0
    assert run("rm", f"{home}cli/empty") == (0, f"deleted {home}cli/empty\n", "")
    code, _, errors = run("put", str(tmp_path / "empty"), "--prefix", "public/")
    assert (code, "NotAllowed: You may not write 'public/empty'" in errors) == (5, True)


def test_no_log_has_a_url_of_an_upload(stack: Stack) -> None:
    logs = stack.client("logs")
    written = [
        event["message"]
        for group in logs.describe_log_groups()["logGroups"]
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
        for event in page["events"]
    ]
    assert any("upload started" in message for message in written)
    assert not [message for message in written if "X-Amz-Signature" in message]
