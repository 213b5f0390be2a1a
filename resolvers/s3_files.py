"""What lies in the bucket; the one place that talks to S3."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from resolvers import file_names

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


class FilesUnavailable(RuntimeError):
    """S3 did not list the bucket; the message says what it answered."""


def list_names(s3: S3Client, *, bucket: str, folder: str) -> Iterator[str]:
    """The name of every file in the folder, however many there are, in S3's order (UTF-8 bytes).

    Raises FilesUnavailable where S3 refuses.
    """
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{folder}/")
    try:
        for page in pages:
            for item in page.get("Contents", []):
                # An empty object whose key ends in a slash is how consoles draw a folder; it is no file.
                if item["Key"].endswith("/") and item["Size"] == 0:
                    continue
                yield file_names.from_key(item["Key"], folder)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        raise FilesUnavailable(f"The files in {bucket} cannot be listed: S3 answered {code}.") from error
