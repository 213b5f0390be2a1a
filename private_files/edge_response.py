"""What a response of the edge says about a file."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime

import aiohttp

from private_files import s3_errors
from private_files.api import RemoteFile
from private_files.failures import TransferFailed

_ERROR_BYTES = 16 * 1024  # of an error's body; S3's are shorter than 1 KB


class UrlRefused(Exception):
    """The edge refuses the URL; it may have expired. The text is the error code of the edge."""


class NoSuchFile(TransferFailed):
    """S3 refuses, and its code is one that it uses for files that do not exist."""


async def refusal(response: aiohttp.ClientResponse) -> UrlRefused | TransferFailed:
    """Return what a status from 400 to 499 means, from the error code in its body."""
    body = b""
    while len(body) < _ERROR_BYTES and (chunk := await response.content.read(_ERROR_BYTES)):
        body += chunk
    code = s3_errors.code(body)
    # CloudFront passes S3's Server header through if S3 refused; the edge of `make up` sends X-Refused-By.
    of_s3 = response.headers.get("Server") == "AmazonS3" or response.headers.get("X-Refused-By") == "origin"
    if response.status == 403 and not of_s3 and not code.startswith("KMS."):
        return UrlRefused(code)
    if not code and response.status not in (403, 404):
        return TransferFailed(f"the edge returned HTTP status {response.status}")
    return (NoSuchFile if code in ("", *s3_errors.NO_SUCH_FILE) else TransferFailed)(s3_errors.meaning(code))


def total_size(response: aiohttp.ClientResponse, offset: int) -> int:
    """Return the size of the whole file in bytes.

    Raises aiohttp.ClientPayloadError if the request can be retried, and TransferFailed for any other response that is
    not the file from this offset.
    """
    if response.status >= 500 or response.status in (408, 429):
        raise aiohttp.ClientPayloadError(f"the edge returned HTTP status {response.status}")
    if response.status == 206:
        served, _, total = response.headers.get("Content-Range", "").partition("/")
        if served.startswith(f"bytes {offset}-") and re.fullmatch("[0-9]{1,18}", total):
            return int(total)
        raise TransferFailed("the edge returned another range of the file than was requested")
    if response.status != 200:
        raise TransferFailed(f"the edge returned HTTP status {response.status}")
    if response.content_length is None:
        raise TransferFailed("the edge does not return the length of the file")
    if "Content-Encoding" in response.headers:
        raise TransferFailed("the edge returned the file compressed, which was not requested")
    return response.content_length


def refuse_old_copy(file: RemoteFile, size: int, modified: float | None) -> None:
    """Raise TransferFailed if the response is not of the version that was listed, or of a newer one."""
    if file.size < 0 or file.modified is None:
        return
    age = 0 if modified is None else int(modified) - int(file.modified)
    if age < 0 or (age == 0 and size != file.size):
        raise TransferFailed(
            f"the edge has another version ({size:,} bytes) than the listing ({file.size:,} bytes): it may keep an old "
            "copy for some minutes; try again later, or invalidate the file in CloudFront"
        )


def modified_time(response: aiohttp.ClientResponse) -> float | None:
    """Return when the file was last modified, in epoch seconds, if the response says so."""
    try:
        return parsedate_to_datetime(response.headers["Last-Modified"]).timestamp()
    except (KeyError, ValueError, OverflowError):
        return None


def etag_is_md5(response: aiohttp.ClientResponse) -> bool:
    """Whether the ETag is the MD5 of the content."""
    etag = response.headers.get("ETag", "")
    return response.headers.get("x-amz-server-side-encryption") == "AES256" and len(etag) == 34 and "-" not in etag


def reason(error: BaseException) -> str:
    """Return what went wrong with a connection, without a URL."""
    # The text of other errors may contain a signed URL, which must not be shown.
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"{error.host} cannot be reached: {error.os_error.strerror or type(error.os_error).__name__}"
    if isinstance(error, aiohttp.ClientPayloadError):
        return f"the connection broke off ({error.args[0] if error.args else 'no reason'})"
    return f"the connection broke off ({type(error).__name__})"
