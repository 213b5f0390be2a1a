"""A bucket of any size whose pages are generated on request, behind botocore's own serializer and parser."""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, urlsplit

from boto3 import Session
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

_ENTRY = (
    "<Contents><Key>files/photos/{:09}.jpg</Key><LastModified>2026-01-15T08:05:00.000Z</LastModified>"
    "<ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag><Size>1048576</Size>"
    "<StorageClass>STANDARD</StorageClass></Contents>"
)


class _Body(BytesIO):
    def stream(self) -> list[bytes]:
        return [self.getvalue()]


class GeneratedBucket:
    """A bucket with this number of files: `photos/000000000.jpg`, `photos/000000001.jpg`, …, 20 characters each.

    It counts the requests that it gets.
    """

    def __init__(self, files: int) -> None:
        self.files = files
        self.requests = 0
        self._page = lru_cache(maxsize=2)(self._xml)

    def session(self) -> Session:
        """Return a session whose S3 clients list this bucket without a network."""
        session = Session("testing", "testing", region_name="eu-west-1")
        events: Any = session.events  # its types do not allow a handler that returns a response
        events.register("before-send.s3.ListObjectsV2", self._respond)
        return session

    def _respond(self, request: Any, **_: Any) -> AWSResponse:
        parameters = {name: value for name, [value] in parse_qs(urlsplit(request.url).query).items()}
        assert "delimiter" not in parameters  # noqa: S101 - it is not implemented
        self.requests += 1
        begin = int(parameters.get("continuation-token", "0"))
        if after := parameters.get("start-after"):
            begin = int(after.removeprefix("files/photos/").removesuffix(".jpg")) + 1
        if parameters["prefix"] not in ("files/", "files/photos/"):
            begin = self.files  # nothing is there
        body = self._page(begin, int(parameters["max-keys"]))
        return AWSResponse(request.url, 200, HTTPHeaders(), _Body(body))

    def _xml(self, begin: int, count: int) -> bytes:
        end = min(begin + count, self.files)
        entries = "".join(map(_ENTRY.format, range(begin, end)))
        following = f"<NextContinuationToken>{end}</NextContinuationToken>" if end < self.files else ""
        truncated = "true" if following else "false"
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>a-bucket</Name><Prefix>files/</Prefix><MaxKeys>{count}</MaxKeys><KeyCount>{end - begin}</KeyCount>"
            f"<EncodingType>url</EncodingType><IsTruncated>{truncated}</IsTruncated>{following}{entries}"
            "</ListBucketResult>"
        ).encode()
