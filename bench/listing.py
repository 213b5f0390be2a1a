"""The cost of listing: a page of a bucket of any size, all names up to the limit, and a gallery with its URLs."""

from __future__ import annotations

import gc
import importlib
import os
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch

from bench.generated_bucket import GeneratedBucket
from bench.handler import CONTEXT, RULES, appsync_event, environment
from bench.keys import Key
from bench.paired import Timed, compare, on_cpu
from bench.rows import Row, of_pair
from resolvers import page_token
from resolvers.access import AccessRules, Rule
from resolvers.s3_list_objects import S3Bucket
from resolvers.settings import FilesSettings, to_environment

NO_RULES = AccessRules()
_ENVIRONMENT = to_environment(FilesSettings(bucket_name="a-bucket", files_folder="files", access=NO_RULES)) | {
    "POWERTOOLS_SERVICE_NAME": "listing",
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "example",
}
_PAGE = 1000
_GALLERY = 100

Invoke = Callable[..., Any]


def rows(key: Key, rounds: int) -> Iterator[Row]:
    """Compare our own ways of listing, each through the whole handler and the parser, and count requests."""
    with (
        open(os.devnull, "w") as nowhere,  # noqa: PTH123 - not a file
        patch.dict(os.environ, environment(key) | _ENVIRONMENT),
        redirect_stdout(nowhere),
    ):
        measured = [
            *_page_rows(rounds),
            *_all_names_rows(),
            *_gallery_rows(key, rounds),
            *_access_rows(rounds),
            *_growth_rows(rounds),
        ]
    yield from measured


def _page_rows(rounds: int) -> Iterator[Row]:
    """Compare a page from the middle of a large bucket with one of the smallest bucket."""
    sizes = (1_000, 10_000, 100_000, 1_000_000)
    function = _started("files_handler")
    pages = [_page_in_the_middle(_invoking(function, GeneratedBucket(size)), size) for size in sizes]
    peaks = [_peak(page) for page in pages]
    smallest = _timed(pages[0])
    for size, page, peak in zip(sizes[1:], pages[1:], peaks[1:], strict=True):
        pair = compare(_timed(page), smallest, rounds)
        subject, against = f"page of 1,000 among {size:,} files", "page of 1,000 among 1,000 files"
        yield of_pair(subject, against, pair, 1 / pair.ratio, "× the time", at_most=1.3)
        yield Row(subject, against, peak / peaks[0], "× the memory", at_most=1.3)
    yield Row("page of 1,000 among 1,000,000 files", "peak memory here", peaks[-1] / 2**20, "MB", at_most=16)


def _all_names_rows() -> Iterator[Row]:
    """Measure `getFiles` in the largest bucket that it lists."""
    function = _started("files_handler")
    try:
        _invoking(function, GeneratedBucket(1_000_000))("getFiles")
    except ValueError as refused:
        most = int("".join(filter(str.isdigit, str(refused))))
    else:
        raise AssertionError("a million names fitted into one response")
    invoke = _invoking(function, GeneratedBucket(most))
    started = time.process_time()
    names = invoke("getFiles")
    seconds = time.process_time() - started
    assert len(names) == most  # noqa: S101 - otherwise the figure means nothing
    yield Row("getFiles, as many as fit", "names of 20 characters", most / 1000, "thousand", at_least=200)
    yield Row("getFiles, as many as fit", "CPU time here", seconds, "s")


def _gallery_rows(key: Key, rounds: int) -> Iterator[Row]:
    """Compare 100 files with their URLs in one query with `getFiles` and a `getUrl` for each."""
    ssm = SimpleNamespace(read=lambda _name, _seconds: key.pem.decode())
    files_handler, url_handler = _started("files_handler"), _started("url_handler")
    list_files = _invoking(files_handler, GeneratedBucket(_GALLERY))
    with patch.object(url_handler, "Parameters", return_value=ssm):
        url_handler.handler(appsync_event("getUrl", file="first.jpg"), CONTEXT)  # reads the key

    def in_one_query() -> list[str]:
        page = list_files("listFiles", limit=_GALLERY)
        events = [appsync_event("url", parent="File", source=item) for item in page["items"]]
        return [result["data"] for result in url_handler.handler(events, CONTEXT)]

    def one_by_one() -> list[str]:
        url_handler._signed.cache_clear()  # as if no URL had been requested in this window
        return [url_handler.handler(appsync_event("getUrl", file=name), CONTEXT) for name in list_files("getFiles")]

    assert len(set(in_one_query())) == _GALLERY == len(set(one_by_one()))  # noqa: S101
    pair = compare(_timed(in_one_query), _timed(one_by_one), rounds)
    subject = "gallery of 100 files with URLs, listFiles"
    yield of_pair(subject, "getFiles and 100 getUrl", pair, pair.ratio, "×", at_least=1.5)
    yield Row(subject, "CPU time here", pair.our_seconds * 1000, "ms", at_most=40)


def _access_rows(rounds: int) -> Iterator[Row]:
    """Count the requests to S3 above 50 prefixes, and compare a page inside one of them with one without rules."""
    function = _started("files_handler")
    rules = AccessRules(
        (Rule("users", ("read",), "photos/"), *(Rule("users", ("read",), f"teams/{n:02}/") for n in range(49)))
    )
    bucket = GeneratedBucket(2 * _PAGE)
    invoke = _invoking(function, bucket, rules)
    by_folder, flat = (_requests_of_pages(bucket, invoke, delimiter) for delimiter in ("/", ""))
    subject = "most requests for a page above 50 prefixes"
    yield Row(subject, "by folder", max(by_folder), "requests", at_most=0)
    yield Row(subject, "flat", max(flat), "requests", at_most=8)
    before = bucket.requests
    assert len(invoke("getFiles")) == bucket.files  # noqa: S101 - otherwise the figure means nothing
    yield Row("getFiles above 50 prefixes", "2,000 files in one of them", bucket.requests - before, "requests")
    before = bucket.requests
    invoke("listFiles", prefix="photos/", limit=_PAGE)
    subject = "page of 1,000 inside one of 50 prefixes"
    yield Row(subject, "", bucket.requests - before, "requests", at_most=1)
    without = _invoking(function, GeneratedBucket(2 * _PAGE))
    inside, as_before = (
        _timed(lambda call=call: call("listFiles", prefix="photos/", limit=_PAGE))  # type: ignore[misc]
        for call in (invoke, without)
    )
    pair = compare(inside, as_before, rounds)
    yield of_pair(subject, "without rules", pair, 1 / pair.ratio, "× the time", at_most=1.05)


def _growth_rows(rounds: int) -> Iterator[Row]:
    """Compare what a caller under 50 rules waits for in the largest bucket with the same in a small one."""
    function = _started("files_handler")
    small, large = (_invoking(function, GeneratedBucket(size), RULES) for size in (2 * _PAGE, 1_000_000))
    begin = 500_000
    pages = {small: page_token.wrap(str(_PAGE), "photos/", ""), large: page_token.wrap(str(begin), "photos/", "")}
    searches = {small: "photos/0000000", large: f"photos/{begin:09}"[: len("photos/0000000")]}
    everything = {small: "photos/000000", large: f"photos/{begin:09}"[: len("photos/000000")]}
    subjects: dict[str, Callable[[Invoke], Any]] = {
        "a page of 1,000": lambda call: call("listFiles", prefix="photos/", limit=_PAGE, nextToken=pages[call])[
            "items"
        ],
        "a search that finds 100": lambda call: call("listFiles", prefix=searches[call], limit=_PAGE)["items"],
        "getFiles with a prefix of 1,000": lambda call: call("getFiles", prefix=everything[call]),
    }
    for subject, work in subjects.items():
        found = [len(work(call)) for call in (small, large)]
        assert found[0] == found[1] > 0, found  # noqa: S101 - otherwise the figure means nothing
        pair = compare(_timed(lambda w=work: w(large)), _timed(lambda w=work: w(small)), rounds)  # type: ignore[misc]
        against = "the same among 2,000 files"
        yield of_pair(f"{subject}, 1,000,000 files, 50 rules", against, pair, 1 / pair.ratio, "× the time", at_most=1.3)


def _requests_of_pages(bucket: GeneratedBucket, invoke: Invoke, delimiter: str) -> list[int]:
    """Return the number of requests for each page, from the first to the last."""
    requests: list[int] = []
    token: str | None = None
    while token is not None or not requests:
        before = bucket.requests
        token = invoke("listFiles", delimiter=delimiter, limit=_PAGE, nextToken=token)["nextToken"]
        requests.append(bucket.requests - before)
    return requests


def _timed(work: Callable[[], object]) -> Timed:
    return on_cpu(lambda _: work(), [None])


def _page_in_the_middle(invoke: Invoke, size: int) -> Callable[[], Any]:
    begin = size // 2 // _PAGE * _PAGE
    token = page_token.wrap(str(begin), "", "") if begin else None

    def page() -> Any:
        listed = invoke("listFiles", limit=_PAGE, nextToken=token)
        assert len(listed["items"]) == _PAGE  # noqa: S101 - otherwise the figure means nothing
        return listed

    page()  # so that the bucket has generated it
    return page


def _peak(work: Callable[[], object]) -> int:
    gc.collect()
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def _invoking(files_handler: ModuleType, bucket: GeneratedBucket, access: AccessRules = NO_RULES) -> Invoke:
    """Return a call of the function that lists this bucket under these rules."""
    settings = FilesSettings(bucket_name="a-bucket", files_folder="files", access=access)
    s3 = S3Bucket(os.environ, "a-bucket")

    def invoke(field: str, **arguments: Any) -> Any:
        with patch.multiple(files_handler, _bucket=lambda: s3, _settings=lambda: settings), bucket.listed():
            return files_handler.handler(appsync_event(field, **arguments), CONTEXT)

    return invoke


def _started(name: str) -> ModuleType:
    """Import a function anew, because its logger keeps the stdout that it was created with."""
    return importlib.reload(importlib.import_module(f"resolvers.{name}"))
