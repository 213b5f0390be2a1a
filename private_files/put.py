"""`put`: upload files of this machine into the folder that is served, with AWS credentials or through the API."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Protocol

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from private_files import aws, file_names, s3_errors
from private_files.api import PrivateFiles
from private_files.api_uploads import ApiUploads
from private_files.content_types import content_type
from private_files.failures import SignInRefused, TransferFailed, Unconfigured
from private_files.local_files import Upload
from private_files.outputs import Outputs
from private_files.progress import FileProgress, Progress
from private_files.report import Report
from private_files.settings import required

# The edge and browsers keep a copy for a minute, so a replaced file opens with its new content after that.
CACHE_CONTROL = "max-age=60"
_IN_ONE_REQUEST = 8 * 1024**2  # boto3 sends larger files in parts, and has threads for each file
_EXISTS = {"PreconditionFailed", "ConditionalRequestConflict"}
_NETWORK = (ConnectionError, TimeoutError, ssl.SSLError, socket.gaierror)  # each is an OSError
_CALLER_REFUSED = {"ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "SignatureDoesNotMatch"}


def put(outputs: Outputs, wanted: list[Upload], *, parallel: int, report: Report, own_credentials: bool = True) -> None:
    """Upload every file with AWS credentials, `parallel` at the same time and large ones in parts, and report on each.

    With `own_credentials=False` they go to the emulator of this machine only. Raises Unconfigured and SignInRefused.
    """
    bucket, folder = required(outputs, "bucket_name"), required(outputs, "files_folder")
    s3 = aws.client(outputs, "s3", own_credentials=own_credentials, max_pool_connections=parallel * 10)
    _run(nullcontext(_ToBucket(s3, bucket, folder)), wanted, parallel, report)


def put_through_api(api: PrivateFiles, wanted: list[Upload], *, overwrite: bool, parallel: int, report: Report) -> None:
    """Upload every file through the API, as `put` does. Raises SignInRefused and Unreachable."""
    planned = [(each.path, each.name) for each in wanted if not file_names.reason_to_refuse(each.name)]
    _run(_through_api(ApiUploads(api, overwrite=overwrite, planned=planned)), wanted, parallel, report)


def say(wanted: list[Upload], folder: str, report: Report) -> None:
    """Report what `put` would do. Nothing is sent, not even to find out which files exist."""
    for each in wanted:
        try:
            reason = None
            _refuse(each.name, folder)
            size = None if each.source else _size(each)
        except TransferFailed as failure:
            reason = str(failure)
        except OSError as error:
            reason = f"{each} cannot be read: {error.strerror or error}"
        if reason:
            report.failed(each.name, reason)
        else:
            report.done(each.name, f"would upload {each} as {each.name}", path=str(each), bytes=size, dryRun=True)


def _size(wanted: Upload) -> int:
    size = wanted.path.stat().st_size
    if not wanted.path.is_file():  # nothing would be sent of a pipe
        raise TransferFailed(f"{wanted} is a device or a pipe; save it to a file, or use private-files put - NAME")
    return size


class _Way(Protocol):
    def send(self, wanted: Upload, size: int, sent: _Sent) -> bool | None:
        """Upload a file, and return whether it replaced one, or None if that is not known."""


def _run(opened: AbstractContextManager[_Way], wanted: list[Upload], parallel: int, report: Report) -> None:
    # The last one is closed first, which ends the uploads that the threads wait for.
    with Progress("uploading", shown=report.bars) as progress, ThreadPoolExecutor(parallel) as pool, opened as way:
        progress.expect(len(wanted))
        uploader = _Uploader(way, report, progress)
        running = [pool.submit(uploader.upload, each) for each in wanted]
        try:
            for each in running:
                each.result()
        except BaseException:
            uploader.stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


class _Uploader:
    """What the uploads of one run share."""

    def __init__(self, way: _Way, report: Report, progress: Progress) -> None:
        self._way, self._report, self._progress = way, report, progress
        self.stopped = threading.Event()

    def upload(self, wanted: Upload) -> None:
        """Upload one file and report on it."""
        began = time.monotonic()
        try:
            size, replaced = self._upload(wanted)
        except TransferFailed as failure:
            if not self.stopped.is_set():
                self._report.failed(wanted.name, str(failure))
        else:
            self._report.done(
                wanted.name,
                f"{'replaced' if replaced else 'uploaded'} {wanted.name}",
                path=str(wanted),
                bytes=size,
                replaced=replaced,
                seconds=round(time.monotonic() - began, 3),
            )
        self._progress.finished()

    def _upload(self, wanted: Upload) -> tuple[int, bool | None]:
        try:
            size = _size(wanted)
            sent = _Sent(size, self._progress.file(wanted.name), self.stopped)
            return size, self._way.send(wanted, size, sent)
        except _NETWORK as error:
            raise TransferFailed(f"the connection to S3 broke off: {error.strerror or type(error).__name__}") from None
        except OSError as error:
            raise TransferFailed(f"{wanted} cannot be read: {error.strerror or error}") from None


class _ThroughApi:
    """Uploads through the API, which does not tell whether a file was replaced."""

    def __init__(self, uploads: ApiUploads) -> None:
        self._uploads = uploads

    def send(self, wanted: Upload, size: int, sent: _Sent) -> bool | None:  # noqa: ARG002
        _refuse(wanted.name)  # in JSON, a name that is not UTF-8 would become another one
        self._uploads.upload(wanted.path, wanted.name, sent.add)
        return None


@contextmanager
def _through_api(uploads: ApiUploads) -> Iterator[_Way]:
    with uploads:
        yield _ThroughApi(uploads)


class _ToBucket:
    """Uploads straight to the bucket."""

    def __init__(self, s3: Any, bucket: str, folder: str) -> None:
        self._s3, self._bucket, self._folder = s3, bucket, folder

    def send(self, wanted: Upload, size: int, sent: _Sent) -> bool | None:
        _refuse(wanted.name, self._folder)
        key = f"{self._folder}/{wanted.name}"
        try:
            headers = {"ContentType": content_type(wanted.name, wanted.path), "CacheControl": CACHE_CONTROL}
            if size <= _IN_ONE_REQUEST:
                replaced: bool | None = self._send_whole(wanted.path, key, headers)
                sent.add(size)
            else:
                replaced = _exists(self._s3, self._bucket, key)
                self._s3.upload_file(str(wanted.path), self._bucket, key, ExtraArgs=headers, Callback=sent.add)
        except NoCredentialsError:
            raise Unconfigured(
                "There are no AWS credentials to upload with: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and its secret."
            ) from None
        except ClientError as error:
            raise _refusal(error) from None
        except (BotoCoreError, Boto3Error) as error:
            # boto3 wraps the response of S3 to an upload in an error of its own.
            if isinstance(error.__cause__ or error.__context__, ClientError):
                raise _refusal(error.__cause__ or error.__context__) from None
            raise TransferFailed(f"S3 cannot be reached, or broke off: {error}") from None
        return replaced

    def _send_whole(self, path: Path, key: str, headers: dict[str, str]) -> bool:
        """Upload a file in one request, or in two if it replaces one, and return whether it did."""
        for only_new in ({"IfNoneMatch": "*"}, {}):
            with path.open("rb") as file:
                try:
                    self._s3.put_object(Bucket=self._bucket, Key=key, Body=file, **headers, **only_new)
                except ClientError as error:
                    if not only_new or error.response["Error"]["Code"] not in _EXISTS:
                        raise
                else:
                    break
        return not only_new


def _refuse(name: str, folder: str = "") -> None:
    if reason := file_names.reason_to_refuse(name, folder):
        raise TransferFailed(f"no file can be served under this name: {reason}")


class _Sent:
    """The bytes of one file that have been sent."""

    def __init__(self, size: int, progress: FileProgress, stopped: threading.Event) -> None:
        self._size, self._progress, self._stopped = size, progress, stopped
        self._bytes = 0
        self.add(0)

    def add(self, count: int) -> None:
        """Count bytes that were sent. Raises InterruptedError after Ctrl-C, which ends the upload."""
        if self._stopped.is_set():
            raise InterruptedError
        self._bytes += count
        self._progress.update(self._bytes, self._size)


def _refusal(error: Any) -> SignInRefused | TransferFailed:
    code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    if code.startswith("KMS."):
        return TransferFailed(s3_errors.meaning(code))
    return (SignInRefused if code in _CALLER_REFUSED else TransferFailed)(f"S3 returned {code}: {message}")


def _exists(s3: Any, bucket: str, key: str) -> bool | None:
    """Whether an object with this key exists; None if the caller may write but not read."""
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        return False if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404 else None
    return True
