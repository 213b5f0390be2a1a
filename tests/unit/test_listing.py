"""Listing through AppSync: pages, folders, one file, all files up to a limit; and the URLs of a whole page."""

from __future__ import annotations

import io
import itertools
import json
import random
import re
import time
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from threading import Event
from types import ModuleType, SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.s3.models import s3_backends

from bench.generated_bucket import GeneratedBucket
from resolvers import files_handler, url_handler
from resolvers.aws_http import RequestFailed
from resolvers.file_names import InvalidFileName
from resolvers.key_store import SigningKeyUnavailable
from resolvers.page_token import InvalidNextToken
from resolvers.s3_files import FilesUnavailable
from tests import emf
from tests.lambda_events import Context, appsync_event
from tests.sandbox import BUCKET, PARAMETER, s3_of_moto, set_environment, start
from tests.signing_keys import BASE_URL, NOW, P256, opened, pem

Call = Callable[..., Any]
TRAPS = [
    "+", "a+b", "a b", " ", "  two", "%41", "A", "100%25", "%", "%2B", "&", "&amp;", "a&b=c", "<b>", '"quoted"', "it's",
    "back\\slash", "?", "#", "é", "e\u0301", "日本/語.txt", "😀", "👩‍🚀.png", "\uffff", "\U00010000",
    "~", "...", "semi;colon",
]  # fmt: skip


def start_without_aws(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    set_environment(monkeypatch)
    return start(module, boto3.Session("testing", "testing"), monkeypatch)


def calling(field: str, milliseconds: Callable[[], int] = lambda: 29_000) -> Call:
    return lambda **arguments: files_handler.handler(appsync_event(field, arguments), Context(milliseconds))


list_files, get_file, get_files = calling("listFiles"), calling("getFile"), calling("getFiles")


def walk(**arguments: Any) -> Iterator[dict[str, Any]]:
    """The pages, until the last."""
    token = None
    while True:
        page = list_files(**arguments, nextToken=token)
        yield page
        token = page["nextToken"]
        if not token:
            return


def names(page: dict[str, Any]) -> list[str]:
    return [item["name"] for item in page["items"]]


def refusal(call: Call, **arguments: Any) -> tuple[str, str]:
    """The errorType and message that AppSync sends for the refusal."""
    with pytest.raises(Exception) as refused:
        call(**arguments)
    return type(refused.value).__name__, str(refused.value)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[boto3.Session]:
    """AWS with the empty bucket, and the function that lists it."""
    set_environment(monkeypatch)
    with mock_aws(), s3_of_moto():
        session = boto3.Session()
        session.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        start(files_handler, session, monkeypatch)
        yield session


def put(*names: str, body: bytes = b"content") -> None:
    for name in names:  # not through the API, which would take long
        s3_backends["123456789012"]["aws"].put_object(BUCKET, f"files/{name}", body)


def remove(*names: str) -> None:
    for name in names:
        s3_backends["123456789012"]["aws"].delete_object(BUCKET, f"files/{name}")


# Pages


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 999, 1000, 1001, 2001])
@pytest.mark.parametrize("limit", [100, 1000])
@pytest.mark.usefixtures("aws")
def test_pages_have_every_file_once_and_in_order(count: int, limit: int) -> None:
    expected = [f"{number:04}.txt" for number in range(count)]
    put(*reversed(expected))
    pages = [names(page) for page in walk(limit=limit)]
    assert list(itertools.chain(*pages)) == expected
    assert [len(page) for page in pages[:-1]] == [limit] * (len(pages) - 1)
    assert len(pages) == max(1, -(-count // limit))  # a full last page is known to be the last


@pytest.mark.parametrize("count", [0, 1, 2, 3, 99, 100, 101])
@pytest.mark.parametrize("limit", [1, 2])
@pytest.mark.usefixtures("aws")
def test_smallest_pages_have_every_file_once_and_in_order(count: int, limit: int) -> None:
    expected = [f"{number:04}.txt" for number in range(count)]
    put(*expected)
    assert [name for page in walk(limit=limit) for name in names(page)] == expected


@pytest.mark.slow
@pytest.mark.parametrize("count", [999, 1000, 1001, 2001])
@pytest.mark.parametrize("limit", [1, 2])
def test_many_small_pages_have_every_file_once_and_in_order(
    count: int, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_without_aws(files_handler, monkeypatch)
    with GeneratedBucket(count).listed():
        pages = [names(page) for page in walk(limit=limit)]
    assert list(itertools.chain(*pages)) == [f"photos/{number:09}.jpg" for number in range(count)]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.usefixtures("aws")
def test_files_that_come_and_go_between_pages_neither_repeat_nor_skip_the_others(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    staying, going, coming = ([f"{number:03}-{kind}" for number in range(60)] for kind in ("staying", "going", "new"))
    put(*staying, *going)
    seen: list[str] = []
    for page in walk(limit=7):
        seen += names(page)
        # The file after which the next page starts is among those removed.
        last = seen[-1] if seen else ""
        remove(*[name for name in going if name == last or chance.random() < 0.2])
        put(*[name for name in coming if chance.random() < 0.2])
    assert [name for name in seen if name in staying] == staying
    assert seen == sorted(set(seen))


@pytest.mark.usefixtures("aws")
def test_page_after_everything_is_gone_is_empty_and_the_last() -> None:
    put("a", "b", "c")
    token = list_files(limit=2)["nextToken"]
    remove("a", "b", "c")
    assert list_files(limit=2, nextToken=token) == {"items": [], "folders": [], "nextToken": None}


@pytest.mark.usefixtures("aws")
def test_limit_may_change_between_pages() -> None:
    put(*"abcdef")
    first = list_files(limit=1)
    second = list_files(limit=3, nextToken=first["nextToken"])
    assert names(first) + names(second) == list("abcd")


@pytest.mark.usefixtures("aws")
def test_page_without_a_limit_has_a_hundred_files() -> None:
    put(*(f"{number:03}" for number in range(101)))
    assert len(list_files()["items"]) == 100


@pytest.mark.usefixtures("aws")
def test_nulls_are_the_defaults() -> None:
    put(*(f"{number:03}" for number in range(101)), "z/a")
    assert list_files(prefix=None, delimiter=None, limit=None, nextToken=None) == list_files()
    assert get_files(prefix=None) == get_files()
    assert list_files(prefix="", delimiter="") == list_files()


@pytest.mark.usefixtures("aws")
def test_names_that_are_prefixes_of_others_are_all_listed() -> None:
    expected = ["a", "a.txt", "a/b", "a/b/c", "ab"]
    put(*expected)
    for limit in range(1, 6):
        assert [name for page in walk(limit=limit) for name in names(page)] == expected
        assert [name for page in walk(limit=limit, prefix="a") for name in names(page)] == expected
    assert names(list_files(prefix="a/")) == ["a/b", "a/b/c"]
    assert get_files(prefix="a/b") == ["a/b", "a/b/c"]


@pytest.mark.parametrize("limit", [1, 7, 1000])
@pytest.mark.usefixtures("aws")
def test_names_with_traps_for_encoders_come_as_they_are_spelled(limit: int) -> None:
    put(*TRAPS)
    expected = sorted(TRAPS, key=str.encode)
    assert [name for page in walk(limit=limit) for name in names(page)] == expected == get_files()


@pytest.mark.parametrize("name", TRAPS)
@pytest.mark.usefixtures("aws")
def test_name_with_a_trap_for_encoders_is_found_and_is_a_prefix_and_a_folder(name: str) -> None:
    put(*TRAPS, f"{name}/inside", f"{name}-beside")
    assert get_file(file=name)["name"] == name
    matching = sorted(n for n in {*TRAPS, f"{name}/inside", f"{name}-beside"} if n.startswith(name))
    assert names(list_files(prefix=name)) == get_files(prefix=name) == matching
    page = list_files(prefix=f"{name}/", delimiter="/")
    assert (names(page), page["folders"]) == ([f"{name}/inside"], [])


@pytest.mark.usefixtures("aws")
def test_folders_of_the_console_are_not_files_and_may_leave_a_page_empty_before_the_last() -> None:
    put("", "a/", "a/b/", "c/", body=b"")
    put("a/b/file")
    pages = list(walk(limit=1))
    assert [name for page in pages for name in names(page)] == ["a/b/file"]
    assert pages[0]["items"] == [] and pages[0]["nextToken"]
    assert get_file(file="a/b/file")


@pytest.mark.usefixtures("aws")
def test_files_outside_the_folder_are_on_no_page(aws: boto3.Session) -> None:
    for key in ("file", "files", "files2/x", "filesx", "Files/x", "elsewhere/x"):
        aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"x")
    put("in")
    assert names(list_files()) == ["in"]
    for prefix in ("../", "/", "../elsewhere/", "2/"):
        assert list_files(prefix=prefix) == {"items": [], "folders": [], "nextToken": None}


def test_only_what_a_versioned_bucket_shows_now_is_listed(aws: boto3.Session) -> None:
    s3 = aws.client("s3")
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"one", b"and two"):
        for key in ("files/deleted", "files/overwritten", "files/restored"):
            written = s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    s3.delete_object(Bucket=BUCKET, Key="files/deleted")
    marker = s3.delete_object(Bucket=BUCKET, Key="files/restored")["VersionId"]
    s3.delete_object(Bucket=BUCKET, Key="files/restored", VersionId=marker)
    assert get_files() == names(list_files()) == ["overwritten", "restored"]
    assert [item["size"] for item in list_files()["items"]] == [7, 7]
    assert {item["etag"] for item in list_files()["items"]} == {written["ETag"].strip('"')}
    assert get_file(file="deleted") is None
    assert get_file(file="overwritten") == list_files()["items"][0]


# Folders


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
@pytest.mark.usefixtures("aws")
def test_folders_lead_to_every_file_one_level_at_a_time(limit: int) -> None:
    expected = sorted(["a", "b/1", "b/c/2", "b/c/d/3", "é & +/%41/x", "b-c/4", "z"], key=str.encode)
    put(*expected)

    def under(prefix: str) -> Iterator[str]:
        for page in walk(prefix=prefix, delimiter="/", limit=limit):
            assert len(page["items"]) + len(page["folders"]) <= limit
            assert all("/" not in name.removeprefix(prefix) for name in names(page))
            yield from names(page)
            for folder in page["folders"]:
                yield from under(folder)

    assert sorted(under(""), key=str.encode) == expected


@pytest.mark.usefixtures("aws")
def test_folders_are_named_from_the_served_folder_and_only_with_a_delimiter() -> None:
    put("a", "b/1", "b/2", "c/d/3")
    page = list_files(delimiter="/")
    assert (names(page), page["folders"]) == (["a"], ["b/", "c/"])
    assert list_files(delimiter="/", prefix="c/")["folders"] == ["c/d/"]
    assert list_files()["folders"] == []


# What is refused


@pytest.mark.parametrize("limit", [0, -1, 1001, -(2**31), 2**31 - 1])
def test_limit_outside_its_bounds_is_refused_with_the_bounds(limit: int, aws: boto3.Session) -> None:
    del aws
    expected = ("InvalidLimit", f"limit must be between 1 and 1000, not {limit}.")
    assert refusal(list_files, limit=limit) == expected


@pytest.mark.parametrize("delimiter", ["\\", "//", " ", "a", "/a", "😀"])
@pytest.mark.usefixtures("aws")
def test_delimiter_that_is_not_a_slash_is_refused(delimiter: str) -> None:
    kind, message = refusal(list_files, delimiter=delimiter)
    assert (kind, message) == ("InvalidDelimiter", f"delimiter must be / or omitted, not {delimiter!r}.")


@pytest.mark.usefixtures("aws")
def test_token_of_another_listing_or_altered_is_refused() -> None:
    put("a/1", "a/2", "b/1", "b/2")
    token = list_files(prefix="a/", limit=1)["nextToken"]
    assert names(list_files(prefix="a/", nextToken=token)) == ["a/2"]
    for other in ({}, {"prefix": "b/"}, {"prefix": "a"}, {"prefix": "a/", "delimiter": "/"}):
        assert refusal(list_files, nextToken=token, **other)[0] == "InvalidNextToken"
    last = "A" if token[-1] != "A" else "B"
    for wrong in (token[:-1], token[1:], token + "A", token + "=", f" {token}", token[:-1] + last, token.swapcase()):
        assert refusal(list_files, prefix="a/", nextToken=wrong)[0] == "InvalidNextToken"
    for garbage in (
        "x",
        " ",
        "garbage",
        "1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM=",
        "😀",
        "\ud83d",
        "\x00" * 5000,
    ):
        with pytest.raises(InvalidNextToken, match="send it back unchanged, with the same prefix and delimiter"):
            list_files(prefix="a/", nextToken=garbage)


# One file


def test_file_is_found_with_its_details(aws: boto3.Session) -> None:
    written = aws.client("s3").put_object(Bucket=BUCKET, Key="files/a b.txt", Body=b"content")
    found = get_file(file="a b.txt")
    assert {**found, "lastModified": ""} == {
        "name": "a b.txt",
        "size": 7,
        "lastModified": "",
        "etag": written["ETag"].strip('"'),
    }
    assert re.fullmatch(r"[0-9a-f]{32}", found["etag"])
    # AWSDateTime: an ISO 8601 time with its offset.
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", found["lastModified"])
    assert abs((datetime.now(UTC) - datetime.fromisoformat(found["lastModified"])).total_seconds()) < 60
    assert list_files()["items"] == [found]


@pytest.mark.parametrize("others", [[], ["a.txt.bak"], ["a.txt/b"], ["a.tx", "a.tx0"]])
@pytest.mark.usefixtures("aws")
def test_missing_file_is_null_beside_names_that_start_the_same(others: list[str]) -> None:
    put(*others)
    assert get_file(file="a.txt") is None
    put("a.txt")
    assert get_file(file="a.txt")["name"] == "a.txt"


@pytest.mark.parametrize("name", ["", "/a", "../a", "a//b", "a/", "a\nb", "\ud83d", "a" * 1019], ids=ascii)
@pytest.mark.usefixtures("aws")
def test_name_that_cannot_be_served_is_refused_and_not_looked_for(name: str) -> None:
    with pytest.raises(InvalidFileName, match="cannot be served"):
        get_file(file=name)


# All files, up to the bound


class Unending:
    """A listing without an end, or of this many files, whose names are generated when they are read."""

    def __init__(self, template: str, files: int | None = None) -> None:
        self.template = template
        self.files = files

    def check_prefix(self, prefix: str) -> None:
        """Accept every prefix."""

    def names(self, prefix: str = "") -> Iterator[str]:
        assert prefix == ""
        numbers = itertools.count() if self.files is None else range(self.files)
        return (self.template.format(number) for number in numbers)


@pytest.fixture
def listing(monkeypatch: pytest.MonkeyPatch) -> Callable[[Unending], None]:
    start_without_aws(files_handler, monkeypatch)
    return lambda listing: monkeypatch.setattr(files_handler, "_listing", lambda _: listing)


TEMPLATES = [
    "photos/{:09}.jpg",
    "{:07}",
    "été/日本語/写真-{:07}.txt",
    "😀😀😀{:07}",
    '"{:06}\\"',
    "{:06}" + "x" * 1000,
    "{:06}\x01\x02\x7f",
    "{:06}\t\n",
]


@pytest.mark.slow  # up to 300,000 names
@pytest.mark.parametrize("template", TEMPLATES, ids=ascii)
def test_most_files_of_one_response_just_fit_into_it(template: str, listing: Callable[[Unending], None]) -> None:
    listing(Unending(template))
    kind, message = refusal(get_files)
    assert kind == "TooManyFiles"
    told = re.fullmatch(
        r"There are more than (\d+) files, too many for one response; "
        r"use listFiles to get them in pages, or prefix to get fewer\.",
        message,
    )
    assert told
    listing(Unending(template, int(told[1])))
    listed = get_files()
    assert len(listed) == int(told[1])
    graphql = json.dumps({"data": {"getFiles": listed}}, ensure_ascii=False, separators=(",", ":")).encode()
    assert 4_800_000 < len(graphql) < 5_000_000
    # The limit of Lambda, in the form that its runtime writes.
    assert len(json.dumps(listed, ensure_ascii=False).encode()) < 6 * 1024**2
    listing(Unending(template, int(told[1]) + 1))
    assert refusal(get_files) == (kind, message)


def test_all_files_are_refused_when_time_runs_out(listing: Callable[[Unending], None]) -> None:
    listing(Unending("{:09}"))
    clock = itertools.count(29_000, -1000)
    kind, message = refusal(calling("getFiles", lambda: next(clock)))
    # Checked after every thousand: 4,000 ms are still enough, a second less is not.
    assert (kind, message.partition(",")[0]) == ("TooManyFiles", "There are more than 27000 files")
    assert "listFiles" in message


def test_little_time_is_enough_for_a_page_and_for_one_file(aws: boto3.Session) -> None:
    del aws
    put("a")
    assert names(calling("listFiles", lambda: 1000)()) == ["a"]
    assert calling("getFile", lambda: 1000)(file="a")


def test_s3_that_hangs_is_reported_before_the_time_of_the_function_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    start_without_aws(files_handler, monkeypatch)
    forever = Event()
    hanging = SimpleNamespace(list_objects_v2=lambda **_: forever.wait(6))
    monkeypatch.setattr(files_handler, "_bucket", lambda: hanging)
    begun = time.monotonic()
    with pytest.raises(FilesUnavailable, match=r"S3 did not respond in time\.$"):
        calling("listFiles", lambda: 600)()
    forever.set()
    assert time.monotonic() - begun < 3


class Million:
    """An S3 client for a bucket with a million files; it generates only the requested page."""

    files = 1_000_000
    modified = datetime(2026, 1, 15, 8, 5, tzinfo=UTC)

    def list_objects_v2(self, **request: Any) -> dict[str, Any]:
        begin = int(request.get("ContinuationToken", "0"))
        end = min(begin + request["MaxKeys"], self.files)
        contents = [
            {"Key": f"files/{number:07}", "Size": number, "LastModified": self.modified, "ETag": '"e"'}
            for number in range(begin, end)
        ]
        more = {"NextContinuationToken": str(end)} if end < self.files else {}
        return {"Contents": contents, "IsTruncated": bool(more)} | more


@pytest.mark.slow
def test_million_files_are_walked_in_pages_that_take_no_more_memory_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    start_without_aws(files_handler, monkeypatch)
    monkeypatch.setattr(files_handler, "_bucket", Million)
    pages, files, peaks = 0, 0, []
    token = None
    while True:
        measured = pages in (0, 1, 100, 500, 998)
        if measured:
            tracemalloc.start()
        page = list_files(limit=1000, nextToken=token)
        if measured:
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        assert page["items"][0]["name"] == f"{files:07}"
        pages, files, token = pages + 1, files + len(page["items"]), page["nextToken"]
        if not token:
            break
    assert (pages, files) == (1000, 1_000_000)
    assert max(peaks) < 2 * 1024**2
    assert max(peaks[1:]) < 1.3 * min(peaks[1:])


@pytest.mark.slow
def test_million_files_in_one_response_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    start_without_aws(files_handler, monkeypatch)
    monkeypatch.setattr(files_handler, "_bucket", Million)
    assert refusal(get_files)[0] == "TooManyFiles"


# The URLs of a whole page


class Signing:
    """The function that signs, just started, with its key in SSM."""

    def __init__(self, log: io.StringIO) -> None:
        self.log = log

    def __call__(self, *files: tuple[str, dict[str, Any] | None]) -> list[dict[str, Any]]:
        events = [
            appsync_event("url", arguments, parent="File", source={"name": name, "size": 1, "etag": "e"})
            for name, arguments in files
        ]
        results: list[dict[str, Any]] = url_handler.handler(events, Context())
        return results


class Parameters:
    """SSM with the one key."""

    def __init__(self, _environment: Any) -> None:
        pass

    def read(self, name: str, _seconds: float) -> str:
        if name != PARAMETER:
            raise RequestFailed("ParameterNotFound", "no", transient=False)
        return pem(P256).decode()


@pytest.fixture
def urls(monkeypatch: pytest.MonkeyPatch) -> Signing:
    log = start_without_aws(url_handler, monkeypatch)
    monkeypatch.setattr(url_handler, "Parameters", Parameters)
    monkeypatch.setattr(url_handler, "time", SimpleNamespace(time=lambda: NOW))
    return Signing(log)


def test_urls_come_in_the_order_of_the_files_and_each_opens_its_own(urls: Signing) -> None:
    files = ["b", "a b/é", "b", "100%25.jpg", "a"]
    results = urls(*((name, {}) for name in files))
    assert [list(result) for result in results] == [["data"]] * 5
    paths = [b"/b", b"/a%20b/%C3%A9", b"/b", b"/100%2525.jpg", b"/a"]
    assert [opened(result["data"], P256) for result in results] == paths


def test_url_of_a_file_is_the_one_that_get_url_gives(urls: Signing) -> None:
    arguments = {"expiresIn": 60, "saveAs": "été.txt"}
    [result] = urls(("a b", arguments))
    assert result["data"] == url_handler.handler(appsync_event("getUrl", {"file": "a b", **arguments}), Context())


def test_file_that_is_refused_fails_alone(urls: Signing) -> None:
    first, name, download, lifetime, last = urls(
        ("a", {}), ("../b", {}), ("c", {"saveAs": "x/y"}), ("d", {"expiresIn": 3601}), ("e", {})
    )
    assert name == {
        "data": None,
        "errorType": "InvalidFileName",
        "errorMessage": "The file name '../b' cannot be served: it has a segment of dots, which browsers resolve away.",
    }
    assert (download["data"], download["errorType"]) == (None, "InvalidDownloadName")
    assert download["errorMessage"].startswith("saveAs ")
    assert lifetime == {
        "data": None,
        "errorType": "InvalidLifetime",
        "errorMessage": "expiresIn must be between 10 and 3600 seconds, not 3601.",
    }
    assert [opened(result["data"], P256) for result in (first, last)] == [b"/a", b"/e"]


@pytest.mark.parametrize("arguments", [{}, None, {"expiresIn": None, "saveAs": None}])
def test_nulls_beside_a_file_are_the_defaults(urls: Signing, arguments: dict[str, Any] | None) -> None:
    [result] = urls(("a", arguments))
    assert result["data"].startswith(f"{BASE_URL}/a?Expires=1800001200&")


def test_each_file_has_its_own_lifetime_and_download_name(urls: Signing) -> None:
    short, long, saved = urls(("a", {"expiresIn": 10}), ("a", {"expiresIn": 3600}), ("a", {"saveAs": "b.txt"}))
    assert "?Expires=1800000300&" in short["data"]
    assert "?Expires=1800003900&" in long["data"]
    assert opened(saved["data"], P256).startswith(b"/a?response-content-disposition=attachment")


def test_thousand_files_have_their_urls_from_one_invocation_and_are_logged_with_the_caller(urls: Signing) -> None:
    results = urls(*((f"{number:04}.jpg", {}) for number in range(1000)))
    assert [opened(result["data"], P256) for result in results] == [f"/{n:04}.jpg".encode() for n in range(1000)]
    lines = [json.loads(line) for line in urls.log.getvalue().splitlines()]
    assert [name for line in lines for name in line["files"]] == [f"{number:04}.jpg" for number in range(1000)]
    signed = ("signed", "a-user", "2027-01-15T08:20:00Z")
    assert {(line["message"], line["caller"], line["expires"]) for line in lines} == {signed}
    assert {line["function_request_id"] for line in lines} == {Context().aws_request_id}
    # CloudWatch Logs: the largest event. Each name may have ten times as many bytes.
    assert max(map(len, urls.log.getvalue().splitlines())) * 10 < 256 * 1024


def counted(written: str) -> dict[str, float]:
    """The metrics in what a function has written, without reasons and the age of the key."""
    return {
        metric.name: sum(values)
        for metric, values in emf.metrics(written).items()
        if metric.name != "SigningKeyAgeDays" and "reason" not in dict(metric.dimensions)
    }


def test_only_signed_files_are_counted_as_signed(urls: Signing, capfd: pytest.CaptureFixture[str]) -> None:
    urls(("a", {}), ("../b", {}), ("c", {}), ("d", {"expiresIn": 1}), ("e", {}))
    assert counted(capfd.readouterr().out) == {"UrlsSigned": 3, "Refused": 2}
    url_handler.handler(appsync_event("getUrls", {"files": ["a", "/b", "c"]}), Context())
    assert counted(capfd.readouterr().out) == {"UrlsSigned": 2, "Refused": 1}
    url_handler.handler(appsync_event("getUrl", {"file": "a"}), Context())
    assert counted(capfd.readouterr().out) == {"UrlsSigned": 1}
    lines = [json.loads(line) for line in urls.log.getvalue().splitlines()]
    logged = [(line["message"], line.get("files", line.get("count"))) for line in lines]
    assert logged == [
        ("refused", 2), ("signed", ["a", "c", "e"]), ("refused", 1), ("signed", ["a", "c"]), ("signed", ["a"]),
    ]  # fmt: skip


@pytest.mark.usefixtures("aws")
def test_listed_files_are_counted(capfd: pytest.CaptureFixture[str]) -> None:
    put("a", "b", "c")
    for call, arguments, files in (
        (get_files, {}, 3),
        (list_files, {"limit": 2}, 2),
        (get_file, {"file": "a"}, 1),
        (get_file, {"file": "z"}, 0),
    ):
        call(**arguments)
        assert counted(capfd.readouterr().out) == {"FilesListed": files}


def request_ids(log: io.StringIO) -> list[str]:
    return [json.loads(line)["function_request_id"] for line in log.getvalue().splitlines()]


def test_log_of_signing_names_the_request(urls: Signing) -> None:
    urls(("a", {}))
    assert request_ids(urls.log) == [Context().aws_request_id]


@pytest.mark.usefixtures("aws")
def test_log_of_listing_names_the_request_and_the_number_of_files() -> None:
    log = io.StringIO()
    files_handler.logger.registered_handler.setStream(log)  # type: ignore[attr-defined]  # a StreamHandler
    put("a", "b", "c")
    list_files(limit=2)
    assert request_ids(log) == [Context().aws_request_id]
    assert [(line["message"], line["files"]) for line in map(json.loads, log.getvalue().splitlines())] == [
        ("listed", 2)
    ]


@pytest.mark.usefixtures("urls")
def test_signed_urls_in_memory_are_limited() -> None:
    # A URL has at most some 4 KB, and the function 512 MB.
    most = url_handler._signed.cache_info().maxsize
    assert most is not None
    assert 1000 <= most <= 10_000


def test_nothing_written_while_signing_a_page_opens_a_file(urls: Signing, capfd: pytest.CaptureFixture[str]) -> None:
    results = urls(("a", {}), ("../b", {}), ("c", {"saveAs": "d"}))
    written = "".join([*capfd.readouterr(), urls.log.getvalue()])
    assert "UrlsSigned" in written
    for secret in ("Signature=", "PRIVATE KEY", results[0]["data"].partition("Signature=")[2].partition("&")[0]):
        assert secret not in written


def test_key_that_cannot_be_read_fails_every_file_of_the_page(urls: Signing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNING_KEYS", f"K1 0 ecdsa-p256 {PARAMETER}-missing 00")
    with pytest.raises(SigningKeyUnavailable):
        urls(("a", {}), ("b", {}))


# What S3 does not accept


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("call", [list_files, get_files])
@pytest.mark.parametrize(
    ("prefix", "reason"),
    [
        ("half \ud83d", ": it contains half of a surrogate pair, which is not a character."),
        ("é" * 510, ": with its folder it is 1026 bytes long, and S3 allows at most 1024."),
    ],
)
def test_prefix_that_s3_does_not_accept_is_refused_with_the_reason(call: Call, prefix: str, reason: str) -> None:
    kind, message = refusal(call, prefix=prefix)
    assert kind == "InvalidPrefix"
    assert message.endswith(reason)


@pytest.mark.usefixtures("aws")
def test_longest_prefix_is_listed() -> None:
    put("é" * 509)
    assert get_files(prefix="é" * 509) == ["é" * 509]


@pytest.mark.usefixtures("aws")
def test_empty_token_is_refused_and_does_not_begin_again() -> None:
    assert refusal(list_files, nextToken="")[0] == "InvalidNextToken"
