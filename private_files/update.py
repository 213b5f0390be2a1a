"""`put --update`: leave out the files that have not changed since they were uploaded."""

from __future__ import annotations

import os.path
from collections.abc import Callable, Iterator

from botocore.exceptions import BotoCoreError, ClientError

from private_files import aws
from private_files.api import PrivateFiles
from private_files.failures import SignInRefused
from private_files.local_files import Upload
from private_files.outputs import Outputs
from private_files.report import Report
from private_files.settings import required

# Name, size in bytes, and time of the last change in epoch seconds.
Listed = Iterator[tuple[str, int, float]]


def changed(wanted: list[Upload], listed: Callable[[str], Listed], report: Report) -> list[Upload]:
    """Return the files that are new, have another size, or changed after their upload; report the others as unchanged.

    `listed` returns the files whose names start with a prefix. A file that cannot be read is returned, so that it is
    reported as the others are.
    """
    names = {each.name for each in wanted}
    common = os.path.commonprefix(sorted(names))  # noqa: RUF071 - of characters
    there = {name: (size, time) for name, size, time in listed(common) if name in names}
    found = []
    for each in wanted:
        try:
            status = None if each.source else each.path.stat()
        except OSError:
            status = None
        size, time = there.get(each.name, (-1, 0.0))
        if status and status.st_size == size and status.st_mtime <= time:
            report.done(each.name, f"unchanged {each.name}", bytes=size, unchanged=True)
        else:
            found.append(each)
    return found


def in_api(api: PrivateFiles) -> Callable[[str], Listed]:
    """Return how to list files through the API."""

    def listed(prefix: str) -> Listed:
        for page in api.listing(prefix):
            yield from ((file.name, file.size, file.modified or 0.0) for file in page.files)

    return listed


def in_bucket(outputs: Outputs, *, own_credentials: bool) -> Callable[[str], Listed]:
    """Return how to list files with AWS credentials. Listing raises SignInRefused if S3 refuses it."""
    bucket, folder = required(outputs, "bucket_name"), required(outputs, "files_folder")
    s3 = aws.client(outputs, "s3", own_credentials=own_credentials)

    def listed(prefix: str) -> Listed:
        try:
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{folder}/{prefix}"):
                for entry in page.get("Contents", []):
                    yield entry["Key"].removeprefix(f"{folder}/"), entry["Size"], entry["LastModified"].timestamp()
        except (ClientError, BotoCoreError) as error:
            raise SignInRefused(f"--update needs a list of the bucket, and S3 did not return it: {error}") from None

    return listed
