"""The cost of access rules: a URL, and a page of a caller who may read many folders."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import redirect_stdout
from typing import Any
from unittest.mock import patch

from bench.generated_bucket import GeneratedBucket
from bench.handler import CONTEXT, appsync_event, environment
from bench.keys import Key
from bench.paired import Timed, compare, on_cpu
from bench.rows import Row, of_pair
from resolvers.access import AccessRules, Caller
from resolvers.allowed_files import AllowedFiles
from resolvers.s3_files import FileListing, s3_client

# The caller of `appsync_event` is a user without groups, so every rule is read and the last one allows.
_RULES = AccessRules.parse("\n".join([*(f"users read teams/{n:03}/" for n in range(49)), "users read photos/"]))
_CALLER = Caller(sub="a-user")


def rows(key: Key, rounds: int) -> Iterator[Row]:
    """Compare the function that signs with and without rules, and count the requests to S3 for a page."""
    yield _url_row(key, rounds)
    yield from _page_rows(rounds)


def _url_row(key: Key, rounds: int) -> Row:
    with (
        open(os.devnull, "w") as nowhere,  # noqa: PTH123 - not a file
        patch.dict(os.environ, environment(key)),
        redirect_stdout(nowhere),
        patch("resolvers.ssm_parameter.Parameters.read", return_value=key.pem.decode()),
    ):
        # Not at the top: Logger reads stdout and the environment when it is created.
        from resolvers import url_handler  # noqa: PLC0415

        url_handler.handler(appsync_event("getUrl", file="photos/first.jpg"), CONTEXT)  # reads the key
        names = (f"photos/{number:09}.jpg" for number in range(10**9))
        settings = url_handler._settings()

        def under(access: AccessRules) -> Timed:
            given = type(settings)(**{**vars(settings), "access": access})

            def timed() -> float:
                events = [appsync_event("getUrl", file=next(names)) for _ in range(100)]
                with patch.object(url_handler, "_settings", lambda: given):
                    return on_cpu(lambda event: url_handler.handler(event, CONTEXT), events)()

            return timed

        pair = compare(under(_RULES), under(AccessRules()), rounds)
    return of_pair("getUrl under 50 rules", "getUrl without rules", pair, 1 / pair.ratio, "× the time", at_most=1.2)


class _CountingS3:
    """An empty bucket that counts the requests."""

    def __init__(self) -> None:
        self.requests = 0

    def list_objects_v2(self, **_: Any) -> dict[str, Any]:
        self.requests += 1
        return {"IsTruncated": False}


def _page_rows(rounds: int) -> Iterator[Row]:
    prefixes = _RULES.folders(_CALLER, "read")
    for subject, delimiter, most in (("page by folder above 50 prefixes", "/", 0), ("flat page of 50 prefixes", "", 8)):
        s3 = _CountingS3()
        listing = FileListing(s3, bucket="a-bucket", folder="files")  # type: ignore[arg-type]
        AllowedFiles(listing, prefixes).page(prefix="", delimiter=delimiter, limit=1000, token=None)
        yield Row(subject, f"at most {most}", s3.requests, "requests to S3", at_most=most)

    session = GeneratedBucket(1000).session()._session
    with patch("botocore.session.get_session", lambda: session):
        listing = FileListing(s3_client(), bucket="a-bucket", folder="files")

    def page_with(allowed: tuple[str, ...]) -> Timed:
        files = AllowedFiles(listing, allowed)
        return on_cpu(lambda _: files.page(prefix="photos/", delimiter="", limit=1000, token=None), [None])

    pair = compare(page_with(prefixes), page_with(("",)), rounds)
    yield of_pair("page of 1,000 inside one prefix", "without rules", pair, 1 / pair.ratio, "× the time", at_most=1.1)
