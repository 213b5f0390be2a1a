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
from bench.handler import CONTEXT, appsync_event, environment
from bench.keys import Key
from bench.paired import Timed, compare, on_cpu
from bench.rows import Row, of_pair
from resolvers import page_token
from resolvers.access import AccessRules
from resolvers.s3_files import FileListing, s3_client
from resolvers.settings import FilesSettings, to_environment

_ENVIRONMENT = to_environment(FilesSettings(bucket_name="a-bucket", files_folder="files", access=AccessRules())) | {
    "POWERTOOLS_SERVICE_NAME": "listing"
}
_PAGE = 1000
_GALLERY = 100

Invoke = Callable[..., Any]


def rows(key: Key, rounds: int) -> Iterator[Row]:
    """Compare our own ways of listing, each through the whole handler and botocore's parser."""
    with (
        open(os.devnull, "w") as nowhere,  # noqa: PTH123 - not a file
        patch.dict(os.environ, environment(key) | _ENVIRONMENT),
        redirect_stdout(nowhere),
    ):
        measured = [*_page_rows(rounds), *_all_names_rows(), *_gallery_rows(key, rounds)]
    yield from measured


def _page_rows(rounds: int) -> Iterator[Row]:
    """Compare a page from the middle of a large bucket with one of the smallest bucket."""
    sizes = (1_000, 10_000, 100_000, 1_000_000)
    function = _started("files_handler")
    pages = [_page_in_the_middle(_invoking(function, size), size) for size in sizes]
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
        _invoking(function, 1_000_000)("getFiles")
    except ValueError as refused:
        most = int("".join(filter(str.isdigit, str(refused))))
    else:
        raise AssertionError("a million names fitted into one response")
    invoke = _invoking(function, most)
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
    list_files = _invoking(files_handler, _GALLERY)
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


def _invoking(files_handler: ModuleType, files: int) -> Invoke:
    """Return a call of the function that lists a bucket with this number of files."""
    session = GeneratedBucket(files).session()._session
    with patch("botocore.session.get_session", lambda: session):
        listing = FileListing(s3_client(), bucket="a-bucket", folder="files")

    def invoke(field: str, **arguments: Any) -> Any:
        with patch.object(files_handler, "_listing", lambda: listing):
            return files_handler.handler(appsync_event(field, **arguments), CONTEXT)

    return invoke


def _started(name: str) -> ModuleType:
    """Import a function anew, because its logger keeps the stdout that it was created with."""
    return importlib.reload(importlib.import_module(f"resolvers.{name}"))
