"""A page of files with their URLs in one query, on the running stack; and the older queries."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from gql.transport.exceptions import TransportQueryError
from graphql import get_introspection_query

from tests.graphql_caller import AWKWARD_NAMES, execute, sign_in
from tests.running_stack import Stack

GALLERY = """
query ($prefix: String, $limit: Int, $nextToken: String) {
  listFiles(prefix: $prefix, limit: $limit, nextToken: $nextToken) {
    items { name size etag lastModified url }
    nextToken
  }
}
"""


@pytest.fixture(scope="module")
def user(stack: Stack) -> dict[str, str]:
    return {"Authorization": sign_in(stack)["AccessToken"]}


@pytest.fixture
def gallery(stack: Stack) -> Iterator[dict[str, bytes]]:
    """100 files in a new folder: name → content."""
    s3, folder = stack.client("s3"), f"gallery-{uuid.uuid4().hex}"
    names = [*AWKWARD_NAMES, *(f"{number:03}.jpg" for number in range(100 - len(AWKWARD_NAMES)))]
    content = {f"{folder}/{name}": uuid.uuid4().bytes for name in names}
    for name, body in content.items():
        s3.put_object(Bucket=stack.outputs.bucket_name, Key=f"files/{name}", Body=body)
    yield content
    for name in content:
        s3.delete_object(Bucket=stack.outputs.bucket_name, Key=f"files/{name}")


def folder_of(gallery: dict[str, bytes]) -> str:
    return next(iter(gallery)).partition("/")[0] + "/"


def test_every_url_of_a_page_opens_its_own_file(stack: Stack, user: dict[str, str], gallery: dict[str, bytes]) -> None:
    page = execute(stack, GALLERY, user, prefix=folder_of(gallery))["listFiles"]
    assert page["nextToken"] is None
    assert [item["name"] for item in page["items"]] == sorted(gallery, key=str.encode)
    for item in page["items"]:
        answer = requests.get(item["url"], timeout=30)
        assert (answer.status_code, answer.content) == (200, gallery[item["name"]])
        assert answer.headers["ETag"] == f'"{item["etag"]}"'
        assert item["size"] == len(answer.content)


def test_pages_have_every_file_once_with_its_url(stack: Stack, user: dict[str, str], gallery: dict[str, bytes]) -> None:
    seen, token = [], None
    while True:
        page = execute(stack, GALLERY, user, prefix=folder_of(gallery), limit=30, nextToken=token)["listFiles"]
        seen += page["items"]
        assert all(item["url"] for item in page["items"])
        if not (token := page["nextToken"]):
            break
    assert [item["name"] for item in seen] == sorted(gallery, key=str.encode)


def counted(stack: Stack) -> list[dict[str, Any]]:
    """Return the log lines of the invocations of the functions that list and sign."""
    logs = stack.client("logs")
    found = []
    for group in logs.describe_log_groups()["logGroups"]:
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"]):
            for written in page["events"]:
                if written["message"].lstrip().startswith("{"):
                    line = json.loads(written["message"])
                    if line.get("message") in ("listed", "signed"):
                        found.append(line)
    return found


def test_hundred_files_with_urls_are_two_invocations(
    stack: Stack, user: dict[str, str], gallery: dict[str, bytes]
) -> None:
    before = len(counted(stack))
    page = execute(stack, GALLERY, user, prefix=folder_of(gallery), limit=100)["listFiles"]
    assert len({item["url"] for item in page["items"]}) == 100
    deadline = time.monotonic() + 10
    while len(counted(stack)) < before + 2 and time.monotonic() < deadline:
        time.sleep(0.2)
    time.sleep(1)  # in case there is one too many
    lines = sorted(counted(stack), key=lambda line: line["timestamp"])[before:]
    listed, signed = sorted(lines, key=lambda line: line["message"])
    assert (listed["message"], listed["files"]) == ("listed", 100)
    assert (signed["message"], len(signed["files"])) == ("signed", 100)
    assert len({line["function_request_id"] for line in lines}) == 2


def test_each_url_of_a_page_takes_arguments_of_its_own(
    stack: Stack, user: dict[str, str], gallery: dict[str, bytes]
) -> None:
    query = """
    query ($prefix: String) {
      listFiles(prefix: $prefix, limit: 3) { items { name url saved: url(saveAs: "été.jpg") bad: url(expiresIn: 0) } }
    }
    """
    with pytest.raises(TransportQueryError) as refused:
        execute(stack, query, user, prefix=folder_of(gallery))
    errors = refused.value.errors or []
    assert [error["path"] for error in errors] == [["listFiles", "items", index, "bad"] for index in range(3)]
    assert {error["errorType"] for error in errors} == {"InvalidLifetime"}
    for item in (refused.value.data or {})["listFiles"]["items"]:
        assert item["bad"] is None
        for url in (item["url"], item["saved"]):
            assert requests.get(url, timeout=30).content == gallery[item["name"]]
        assert "attachment" in requests.get(item["saved"], timeout=30).headers["Content-Disposition"]


def test_file_is_found_with_its_url_and_a_missing_one_is_null(
    stack: Stack, user: dict[str, str], gallery: dict[str, bytes]
) -> None:
    query = "query ($file: String!) { getFile(file: $file) { name size url } }"
    for name in list(gallery)[:5]:
        found = execute(stack, query, user, file=name)["getFile"]
        assert (found["name"], found["size"]) == (name, 16)
        assert requests.get(found["url"], timeout=30).content == gallery[name]
        assert execute(stack, query, user, file=name + "x")["getFile"] is None


def test_folders_lead_into_the_gallery(stack: Stack, user: dict[str, str], gallery: dict[str, bytes]) -> None:
    query = (
        'query ($prefix: String) { listFiles(prefix: $prefix, delimiter: "/", limit: 1000) { items { name } folders } }'
    )
    assert folder_of(gallery) in execute(stack, query, user)["listFiles"]["folders"]
    inside = execute(stack, query, user, prefix=folder_of(gallery))["listFiles"]
    folders = {f"{folder_of(gallery)}{name.partition('/')[0]}/" for name in AWKWARD_NAMES if "/" in name}
    assert set(inside["folders"]) == folders
    assert len(inside["items"]) == 100 - sum("/" in name for name in AWKWARD_NAMES)


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ("limit: 0", "InvalidLimit"),
        ("limit: 1001", "InvalidLimit"),
        ('delimiter: "x"', "InvalidDelimiter"),
        ('nextToken: "garbage"', "InvalidNextToken"),
    ],
)
def test_page_that_cannot_be_is_refused_by_name(stack: Stack, user: dict[str, str], arguments: str, kind: str) -> None:
    with pytest.raises(TransportQueryError) as refused:
        execute(stack, f"{{ listFiles({arguments}) {{ nextToken }} }}", user)
    assert [error["errorType"] for error in refused.value.errors or []] == [kind]


def test_every_type_and_field_is_described(stack: Stack, user: dict[str, str]) -> None:
    schema = execute(stack, get_introspection_query(descriptions=True), user)["__schema"]
    ours = [kind for kind in schema["types"] if kind["kind"] == "OBJECT" and not kind["name"].startswith("__")]
    assert {kind["name"] for kind in ours} == {"Query", "FilePage", "File", "SignedUrl", "AllowedPrefix"}
    described = {
        ".".join(path): described
        for kind in ours
        for path, described in [
            ((kind["name"],), kind["description"]),
            *(((kind["name"], field["name"]), field["description"]) for field in kind["fields"]),
        ]
    }
    assert "Query.listFiles" in described and "File.url" in described
    assert [path for path, text in described.items() if not (text or "").strip()] == []


def test_queries_of_the_first_version_still_work(stack: Stack, user: dict[str, str]) -> None:
    names = execute(stack, "{ getFiles }", user)["getFiles"]
    assert "hello.txt" in names
    url = execute(stack, "query($f: String!){ getUrl(file: $f) }", user, f="hello.txt")["getUrl"]
    assert requests.get(url, timeout=30).status_code == 200
