"""The files in the bucket. The only module that calls S3, and it only lists.

Even the details of one file come from a listing of one key, because HeadObject needs the permission to read the object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from resolvers import file_names, page_token
from resolvers.aws_http import RequestFailed
from resolvers.deadline import within

if TYPE_CHECKING:
    from types_boto3_s3.type_defs import ListObjectsV2OutputTypeDef, ObjectTypeDef


class FilesUnavailable(RuntimeError):
    """S3 did not list the bucket; the message says why."""


@dataclass(frozen=True)
class File:
    """One file: its name, size in bytes, time of the last change, and S3's ETag of its content, without quotes."""

    name: str
    size: int
    last_modified: datetime
    etag: str

    def to_graphql(self) -> dict[str, str | int]:
        """Return the file as `type File` of the schema."""
        modified = self.last_modified.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"name": self.name, "size": self.size, "lastModified": modified, "etag": self.etag}


@dataclass(frozen=True)
class Page:
    """A page of files in S3's order (UTF-8 bytes); the folders beside them; the token of the next page or None."""

    files: list[File]
    folders: list[str]
    next_token: str | None


class Bucket(Protocol):
    """What lists a bucket as `S3Bucket` does."""

    def list_objects_v2(self, **parameters: Any) -> ListObjectsV2OutputTypeDef: ...


class FileListing:
    """The files in one folder of one bucket.

    `seconds_left` returns how long a call to S3 may take. Every method raises FilesUnavailable if S3 does not list the
    bucket in that time, and InvalidPrefix for a prefix that S3 does not accept.
    """

    def __init__(self, s3: Bucket, *, bucket: str, folder: str, seconds_left: Callable[[], float] = lambda: 28) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._folder = folder
        self._seconds_left = seconds_left

    def names(self, prefix: str = "") -> Iterator[str]:
        """Yield the name of every file that starts with this prefix, in S3's order."""
        continuation = ""
        while True:
            response = self._list(prefix, "", 1000, continuation)
            yield from (file.name for file in self._files(response))
            continuation = response.get("NextContinuationToken", "")
            if not continuation:
                return

    def page(self, *, prefix: str, delimiter: str, limit: int, token: str | None) -> Page:
        """Return a page of at most `limit` files and folders.

        Raises InvalidNextToken if the token belongs to another prefix or delimiter.
        """
        continuation = "" if token is None else page_token.unwrap(token, prefix, delimiter)
        response = self._list(prefix, delimiter, limit, continuation)
        next_continuation = response.get("NextContinuationToken")
        return Page(
            files=list(self._files(response)),
            folders=[self._name(group["Prefix"]) for group in response.get("CommonPrefixes", [])],
            next_token=page_token.wrap(next_continuation, prefix, delimiter) if next_continuation else None,
        )

    def after(self, prefix: str, limit: int, name: str) -> tuple[list[File], str | None]:
        """Return up to `limit` files that start with this prefix and come after this name.

        Beside them, the last name that S3 listed, or None if there are no more.
        """
        after = file_names.to_key(name, self._folder) if name else ""
        response = self._list(prefix, "", limit, after=after)
        if not response["IsTruncated"]:
            return list(self._files(response)), None
        if not response.get("Contents"):  # nothing to continue after
            raise self._unavailable("the response is not from S3, or damaged")
        return list(self._files(response)), self._name(response["Contents"][-1]["Key"])

    def check_name(self, name: str) -> None:
        """Raise InvalidFileName if the name cannot be served."""
        file_names.check_name(name, self._folder)

    def check_prefix(self, prefix: str) -> None:
        """Raise InvalidPrefix if S3 does not accept the prefix."""
        file_names.to_key(prefix, self._folder)

    def find(self, name: str) -> File | None:
        """Return the file with this name, which `check_name` must accept, or None. One call to S3 of constant cost."""
        # Of all keys that start with a name, the name itself comes first.
        found = next(self._files(self._list(name, "", 1)), None)
        return found if found and found.name == name else None

    def _list(
        self, prefix: str, delimiter: str, limit: int, continuation: str = "", *, after: str = ""
    ) -> ListObjectsV2OutputTypeDef:
        request: dict[str, Any] = {"MaxKeys": limit}
        request["Prefix"] = file_names.to_key(prefix, self._folder)
        if delimiter:
            request["Delimiter"] = delimiter
        if continuation:
            request["ContinuationToken"] = continuation
        if after:
            request["StartAfter"] = after
        try:
            response = within(self._seconds_left(), lambda: self._s3.list_objects_v2(**request))
        except RequestFailed as error:
            raise self._unavailable(str(error)) from error
        except TimeoutError as error:
            raise self._unavailable("S3 did not respond in time") from error
        return response

    def _unavailable(self, why: str) -> FilesUnavailable:
        return FilesUnavailable(f"The files in {self._bucket} cannot be listed: {why}.")

    def _files(self, response: ListObjectsV2OutputTypeDef) -> Iterator[File]:
        for item in response.get("Contents", []):
            # S3's console creates a folder as an empty object whose key ends with a slash; it is not a file.
            if not (item["Key"].endswith("/") and item["Size"] == 0):
                yield self._file(item)

    def _file(self, item: ObjectTypeDef) -> File:
        return File(self._name(item["Key"]), item["Size"], item["LastModified"], item["ETag"].strip('"'))

    def _name(self, key: str) -> str:
        return file_names.from_key(key, self._folder)
