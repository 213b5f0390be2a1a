"""A bucket of any size whose pages are generated on request, behind the serializer and the parser of the function."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request

from resolvers import aws_http
from resolvers.aws_http import Response

_ENTRY = (
    "<Contents><Key>files/photos/{:09}.jpg</Key><LastModified>2026-01-15T08:05:00.000Z</LastModified>"
    "<ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag><Size>1048576</Size>"
    "<StorageClass>STANDARD</StorageClass></Contents>"
)


class GeneratedBucket:
    """A bucket with this number of files: `photos/000000000.jpg`, `photos/000000001.jpg`, …, 20 characters each.

    It counts the requests that it gets.
    """

    def __init__(self, files: int) -> None:
        self.files = files
        self.requests = 0
        # The XML of a page: its first file, how many, and where the listing ends.
        self.page = lru_cache(maxsize=2)(self._xml)

    @contextmanager
    def listed(self) -> Iterator[None]:
        """Let this bucket respond to what the function that lists sends to S3."""
        with patch.object(aws_http, "_sent", lambda _opener, request, _seconds: self._respond(request)):
            yield

    def _respond(self, request: Request) -> Response:
        parameters = {name: value for name, [value] in parse_qs(urlsplit(request.full_url).query).items()}
        assert "delimiter" not in parameters  # noqa: S101 - it is not implemented
        self.requests += 1
        first, end = self._range(parameters["prefix"])
        begin = int(parameters.get("continuation-token", first))
        if after := parameters.get("start-after"):
            begin = max(begin, int(after.removeprefix("files/photos/").removesuffix(".jpg")) + 1)
        return Response(200, self.page(min(begin, end), int(parameters["max-keys"]), end))

    def _range(self, prefix: str) -> tuple[int, int]:
        """Return the numbers of the files that start with this prefix: the first, and the one after the last."""
        if prefix == "files/":
            return 0, self.files
        digits = prefix.removeprefix("files/photos/")
        if digits == prefix:
            return self.files, self.files  # nothing is there
        return min(int(digits.ljust(9, "0")), self.files), min(int(digits.ljust(9, "9")) + 1, self.files)

    def _xml(self, begin: int, count: int, last: int) -> bytes:
        end = min(begin + count, last)
        entries = "".join(map(_ENTRY.format, range(begin, end)))
        following = f"<NextContinuationToken>{end}</NextContinuationToken>" if end < last else ""
        truncated = "true" if following else "false"
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>a-bucket</Name><Prefix>files/</Prefix><MaxKeys>{count}</MaxKeys><KeyCount>{end - begin}</KeyCount>"
            f"<EncodingType>url</EncodingType><IsTruncated>{truncated}</IsTruncated>{following}{entries}"
            "</ListBucketResult>"
        ).encode()
