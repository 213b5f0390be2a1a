"""Uploads and deletion in the bucket. It can overwrite and hide files, and neither read nor destroy them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from resolvers import upload_plan
from resolvers.errors import RequestRefused
from resolvers.upload_plan import InvalidParts, NewFile

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

SECONDS_TO_SEND = 900  # how long the URL of an upload is valid
_ATTEMPTS = 3  # to finish an upload
_REFUSED_PARTS = {"InvalidPart", "InvalidPartOrder", "EntityTooSmall", "InvalidRequest", "BadDigest", "InvalidArgument"}


class FileExists(RequestRefused):
    """There is a file with this name, and it is not to be overwritten."""


class UploadNotFound(RequestRefused):
    """There is no such upload: it was finished or cancelled, has expired, or is for another name."""


class UploadsUnavailable(RuntimeError):
    """S3 did not do what was requested; the message says why."""


def s3_client() -> S3Client:
    """Return an S3 client that signs URLs for the Region's own host, with SigV4; neither is botocore's default."""
    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"},
        connect_timeout=2,
        read_timeout=6,
        retries={"mode": "standard", "total_max_attempts": 3},
    )
    return cast("S3Client", botocore.session.get_session().create_client("s3", config=config))


class Uploads:
    """Uploads into one folder of one bucket. Every method raises UploadsUnavailable if S3 fails."""

    def __init__(self, s3: S3Client, *, bucket: str, folder: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._folder = folder

    def url(self, file: NewFile, *, overwrite: bool) -> tuple[str, dict[str, str]]:
        """Return a URL to send the whole content to, and the headers to send, which are signed."""
        headers = {
            "Content-Length": str(file.size),
            "Content-Type": file.content_type,
            "Cache-Control": upload_plan.CACHE_CONTROL,
            **({} if overwrite else {"If-None-Match": "*"}),
            **({"x-amz-checksum-sha256": file.sha256} if file.sha256 else {}),
        }
        parameters: dict[str, Any] = {
            "ContentLength": file.size, "ContentType": file.content_type, "CacheControl": upload_plan.CACHE_CONTROL,
            **({} if overwrite else {"IfNoneMatch": "*"}),
            **({"ChecksumSHA256": file.sha256} if file.sha256 else {}),
        }  # fmt: skip
        del headers["Content-Length"]  # every client sets it itself, and pages must not
        return self._presigned("put_object", file.name, parameters), headers

    def start(self, file: NewFile) -> str:
        """Start an upload in parts and return its id."""
        with self._failures():
            response = self._s3.create_multipart_upload(
                **self._object(file.name), ContentType=file.content_type, CacheControl=upload_plan.CACHE_CONTROL
            )
        return response["UploadId"]

    def part_url(self, name: str, upload_id: str, size: int, part: int) -> str:
        """Return a URL to send one part to; its length is signed. Raises InvalidParts."""
        length = upload_plan.part_length(size, part)
        parameters = {"UploadId": upload_id, "PartNumber": part, "ContentLength": length}
        return self._presigned("upload_part", name, parameters)

    def arrived(self, name: str, upload_id: str) -> list[dict[str, Any]]:
        """Return number, size and ETag of the parts that have arrived. Raises UploadNotFound."""
        with self._failures():
            pages = self._s3.get_paginator("list_parts").paginate(**self._object(name), UploadId=upload_id)
            return [
                {"part": part["PartNumber"], "size": part["Size"], "etag": part["ETag"]}
                for page in pages
                for part in page.get("Parts", [])
            ]

    def finish(
        self, name: str, upload_id: str, size: int, parts: Sequence[tuple[int, str]], *, overwrite: bool
    ) -> None:
        """Make a file of the parts. Raises InvalidParts, FileExists and UploadNotFound."""
        upload_plan.check_parts(size, [number for number, _ in parts])
        request: dict[str, Any] = {
            **self._object(name), "UploadId": upload_id, "MpuObjectSize": size,
            "MultipartUpload": {"Parts": [{"PartNumber": number, "ETag": etag} for number, etag in parts]},
            **({} if overwrite else {"IfNoneMatch": "*"}),
        }  # fmt: skip
        with self._failures():
            for attempt in range(_ATTEMPTS):
                try:
                    self._s3.complete_multipart_upload(**request)
                except ClientError as error:
                    # Another request for the same name is in progress.
                    if _code(error) != "ConditionalRequestConflict" or attempt == _ATTEMPTS - 1:
                        raise
                else:
                    return

    def cancel(self, name: str, upload_id: str) -> bool:
        """Delete the parts of an upload, and return whether there was one."""
        try:
            with self._failures():
                self._s3.abort_multipart_upload(**self._object(name), UploadId=upload_id)
        except UploadNotFound:
            return False
        return True

    def delete(self, names: Sequence[str]) -> dict[str, str]:
        """Delete the files, and return S3's error codes of those that it did not delete, by name."""
        keys = {f"{self._folder}/{name}": name for name in names}
        if not keys:
            return {}
        with self._failures():
            response = self._s3.delete_objects(
                Bucket=self._bucket, Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True}
            )
        return {keys[error["Key"]]: error["Code"] for error in response.get("Errors", [])}

    def _object(self, name: str) -> Any:
        return {"Bucket": self._bucket, "Key": f"{self._folder}/{name}"}

    def _presigned(self, method: str, name: str, parameters: dict[str, Any]) -> str:
        with self._failures():
            return self._s3.generate_presigned_url(
                method, Params={**self._object(name), **parameters}, ExpiresIn=SECONDS_TO_SEND
            )

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            code = _code(error)
            if code == "PreconditionFailed":
                raise FileExists("There is a file with this name; set overwrite to replace it.") from error
            if code == "NoSuchUpload":
                raise UploadNotFound("There is no such upload of this file; start it again.") from error
            if code in _REFUSED_PARTS:
                raise InvalidParts(
                    f"S3 refused the parts ({code}); resumeUpload returns those that arrived."
                ) from error
            raise UploadsUnavailable(f"S3 returned {code}.") from error
        except BotoCoreError as error:
            raise UploadsUnavailable(f"S3 could not be reached ({type(error).__name__}).") from error


def _code(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Code") or "an error without a code"
