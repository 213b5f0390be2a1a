"""What listing costs: a page of a bucket of any size, all names up to the bound, and a gallery with its URLs."""

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
from bench.handler import appsync_event, environment
from bench.keys import Key
from bench.paired import Timed, compare, on_cpu
from bench.rows import Row
from resolvers import page_token
from resolvers.s3_files import FileListing, s3_client
from resolvers.settings import FilesSettings, to_environment

_ENVIRONMENT = to_environment(FilesSettings(bucket_name="a-bucket", files_folder="files")) | {
    "POWERTOOLS_SERVICE_NAME": "listing"
}
_CONTEXT = SimpleNamespace(
    function_name="a-function",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:eu-west-1:123456789012:function:a-function",
    aws_request_id="0f4c1d2e-0000-4000-8000-000000000000",
    get_remaining_time_in_millis=lambda: 29_000,
)
_PAGE = 1000
_GALLERY = 100

Ask = Callable[..., Any]


def rows(key: Key, rounds: int) -> Iterator[Row]:
    """Ratios between our own ways of listing, each through the whole handler and botocore's parser."""
    with (
        open(os.devnull, "w") as nowhere,  # noqa: PTH123 - not a file
        patch.dict(os.environ, environment(key) | _ENVIRONMENT),
        redirect_stdout(nowhere),
    ):
        measured = [*_page_rows(rounds), *_all_names_rows(), *_gallery_rows(key, rounds)]
    yield from measured


def _page_rows(rounds: int) -> Iterator[Row]:
    """A page from the middle of a bucket, beside one of the smallest bucket."""
    sizes = (1_000, 10_000, 100_000, 1_000_000)
    function = _started("files_handler")
    pages = [_page_in_the_middle(_asking(function, size), size) for size in sizes]
    peaks = [_peak(page) for page in pages]
    smallest = _timed(pages[0])
    for size, page, peak in zip(sizes[1:], pages[1:], peaks[1:], strict=True):
        pair = compare(_timed(page), smallest, rounds)
        subject, against = f"page of 1,000 among {size:,} files", "page of 1,000 among 1,000 files"
        yield Row(
            subject,
            against,
            1 / pair.ratio,
            "× the time",
            at_most=1.3,
            our_seconds=pair.our_seconds,
            their_seconds=pair.their_seconds,
        )
        yield Row(subject, against, peak / peaks[0], "× the memory", at_most=1.3)
    yield Row("page of 1,000 among 1,000,000 files", "peak memory here", peaks[-1] / 2**20, "MB", at_most=16)


def _all_names_rows() -> Iterator[Row]:
    """`getFiles` in the largest bucket that it answers for."""
    function = _started("files_handler")
    try:
        _asking(function, 1_000_000)("getFiles")
    except ValueError as refused:
        most = int("".join(filter(str.isdigit, str(refused))))
    else:
        raise AssertionError("a million names fitted into one answer")
    ask = _asking(function, most)
    begun = time.process_time()
    names = ask("getFiles")
    seconds = time.process_time() - begun
    assert len(names) == most  # noqa: S101 - or the figure is none
    yield Row("getFiles, as many as it answers", "names of 20 characters", most / 1000, "thousand", at_least=200)
    yield Row("getFiles, as many as it answers", "CPU time here", seconds, "s")


def _gallery_rows(key: Key, rounds: int) -> Iterator[Row]:
    """A hundred files and their URLs: a page with `File.url`, and what it took before there were pages."""
    ssm = SimpleNamespace(read=lambda _name, _seconds: key.pem.decode())
    files_handler, url_handler = _started("files_handler"), _started("url_handler")
    ask_files = _asking(files_handler, _GALLERY)
    with patch.object(url_handler, "Parameters", return_value=ssm):
        url_handler.handler(appsync_event("getUrl", file="first.jpg"), _CONTEXT)  # reads the key

    def in_one_query() -> list[str]:
        page = ask_files("listFiles", limit=_GALLERY)
        events = [appsync_event("url", parent="File", source=item) for item in page["items"]]
        return [answer["data"] for answer in url_handler.handler(events, _CONTEXT)]

    def one_by_one() -> list[str]:
        url_handler._signed.cache_clear()  # as for files that nobody has asked for in this window
        return [url_handler.handler(appsync_event("getUrl", file=name), _CONTEXT) for name in ask_files("getFiles")]

    assert len(set(in_one_query())) == _GALLERY == len(set(one_by_one()))  # noqa: S101
    pair = compare(_timed(in_one_query), _timed(one_by_one), rounds)
    yield Row(
        "gallery of 100 files with URLs, listFiles",
        "getFiles and 100 getUrl",
        pair.ratio,
        "×",
        at_least=1.5,
        our_seconds=pair.our_seconds,
        their_seconds=pair.their_seconds,
    )
    yield Row("gallery of 100 files with URLs, listFiles", "CPU time here", pair.our_seconds * 1000, "ms", at_most=40)


def _timed(work: Callable[[], object]) -> Timed:
    return on_cpu(lambda _: work(), [None])


def _page_in_the_middle(ask: Ask, size: int) -> Callable[[], Any]:
    begin = size // 2 // _PAGE * _PAGE
    token = page_token.wrap(str(begin), "", "") if begin else None

    def page() -> Any:
        answer = ask("listFiles", limit=_PAGE, nextToken=token)
        assert len(answer["items"]) == _PAGE  # noqa: S101 - or the figure is none
        return answer

    page()  # the bucket has made it, and botocore its client
    return page


def _peak(work: Callable[[], object]) -> int:
    gc.collect()
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def _asking(files_handler: ModuleType, files: int) -> Ask:
    """Asks the function that lists, of a bucket with so many files."""
    session = GeneratedBucket(files).session()._session
    with patch("botocore.session.get_session", lambda: session):
        listing = FileListing(s3_client(), bucket="a-bucket", folder="files")

    def ask(field: str, **arguments: Any) -> Any:
        with patch.object(files_handler, "_listing", lambda: listing):
            return files_handler.handler(appsync_event(field, **arguments), _CONTEXT)

    return ask


def _started(name: str) -> ModuleType:
    """A function just started; its logger takes the stdout of the moment that it is first made in."""
    return importlib.reload(importlib.import_module(f"resolvers.{name}"))
