"""`put`: files of this machine into the folder that is served, with the AWS credentials of whoever runs it."""

from __future__ import annotations

import mimetypes
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from private_files import aws, names
from private_files.failures import SignInRefused, TransferFailed, Unconfigured
from private_files.progress import Progress
from private_files.report import Report
from private_files.settings import Settings

_KINDS = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}
_WHO_ASKS = {"ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "SignatureDoesNotMatch"}


@dataclass(frozen=True)
class Upload:
    """A file of this machine, and the name it gets."""

    path: Path
    name: str


def uploads(files: list[str], prefix: str, name: str | None) -> list[Upload]:
    """Each file with its own name behind the prefix, or the one file with the name given; raises Unconfigured."""
    if name is not None and len(files) != 1:
        raise Unconfigured("--as names one file; to put several below a folder there is --prefix.")
    wanted = [Upload(Path(file), prefix + (Path(file).name if name is None else name)) for file in files]
    by_name: dict[str, Upload] = {}
    for each in wanted:
        other = by_name.setdefault(each.name, each)
        if other is not each:
            raise Unconfigured(f"{other.path} and {each.path} would both be called {each.name}: upload one at a time.")
    return wanted


def put(settings: Settings, wanted: list[Upload], *, parallel: int, report: Report) -> None:
    """Uploads every file, `parallel` at once, large ones in parts, and tells `report` of each.

    Raises Unconfigured and SignInRefused.
    """
    bucket, folder = settings["BucketName"], settings["FilesFolder"]
    s3 = aws.client(settings, "s3", max_pool_connections=parallel * 10)
    stopped = threading.Event()
    with Progress("uploading", shown=report.bars) as progress:
        progress.expect(len(wanted))

        def upload(each: Upload) -> None:
            began, bar = time.monotonic(), progress.file(each.name)

            def arrived(done: int, size: int) -> None:
                if stopped.is_set():
                    raise InterruptedError  # else Ctrl-C would wait for the last byte
                bar(done, size)

            try:
                size, replaced = _upload(s3, bucket, folder, each, arrived)
            except TransferFailed as failure:
                if not stopped.is_set():
                    report.failed(each.name, str(failure))
            else:
                what = "replaced" if replaced else "uploaded"
                seconds = round(time.monotonic() - began, 3)
                report.done(
                    each.name,
                    f"{what} {each.name}",
                    path=str(each.path),
                    bytes=size,
                    replaced=replaced,
                    seconds=seconds,
                )
            progress.finished()

        with ThreadPoolExecutor(parallel) as pool:
            running = [pool.submit(upload, each) for each in wanted]
            try:
                for each in running:
                    each.result()
            except BaseException:
                stopped.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise


def _upload(
    s3: Any, bucket: str, folder: str, wanted: Upload, arrived: Callable[[int, int], None]
) -> tuple[int, bool | None]:
    if reason := names.reason_to_refuse(wanted.name, folder):
        raise TransferFailed(f"no file can be served under this name: {reason}")
    try:
        size = wanted.path.stat().st_size
        if wanted.path.is_dir():
            raise TransferFailed(f"{wanted.path} is a folder; name the files in it")
        if not wanted.path.is_file():  # of a pipe, nothing would be sent
            raise TransferFailed(f"{wanted.path} is a device or a pipe; save it to a file first")
        key = f"{folder}/{wanted.name}"
        done = 0
        arrived(done, size)

        def more(count: int) -> None:
            nonlocal done
            done += count
            arrived(done, size)

        replaced = _exists(s3, bucket, key)
        s3.upload_file(str(wanted.path), bucket, key, ExtraArgs={"ContentType": _kind(wanted.name)}, Callback=more)
    except OSError as error:
        raise TransferFailed(f"{wanted.path} cannot be read: {error.strerror or error}") from None
    except NoCredentialsError:
        raise Unconfigured(
            "There are no AWS credentials to upload with: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and its secret."
        ) from None
    except ClientError as error:
        raise _refusal(error) from None
    except (BotoCoreError, Boto3Error) as error:
        # boto3 puts what S3 answered to an upload into a sentence of its own.
        if isinstance(error.__cause__ or error.__context__, ClientError):
            raise _refusal(error.__cause__ or error.__context__) from None
        raise TransferFailed(str(error)) from None
    return size, replaced


def _refusal(error: Any) -> SignInRefused | TransferFailed:
    code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    return (SignInRefused if code in _WHO_ASKS else TransferFailed)(f"S3 answered {code}: {message}")


def _exists(s3: Any, bucket: str, key: str) -> bool | None:
    """Whether there is an object of this key; None to a caller who may write and not look."""
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        return False if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404 else None
    return True


def _kind(name: str) -> str:
    kind, packed = mimetypes.guess_type(name)
    # A packed file is sent as it is: served with a Content-Encoding, browsers would unpack it.
    return _KINDS.get(packed, "application/octet-stream") if packed else kind or "application/octet-stream"
