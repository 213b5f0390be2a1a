"""What a response of the edge says about a file."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

import aiohttp

from private_files.failures import TransferFailed


class UrlRefused(Exception):
    """The edge refuses the URL; it may have expired."""


def total_size(response: aiohttp.ClientResponse, offset: int) -> int:
    """Return the size of the whole file in bytes.

    Raises UrlRefused, aiohttp.ClientPayloadError if the request can be retried, and TransferFailed for any other
    response that is not the file from this offset.
    """
    if response.status == 403:
        # CloudFront passes S3's Server header through if S3 refused; the edge of `make up` sends X-Refused-By.
        if response.headers.get("Server") != "AmazonS3" and response.headers.get("X-Refused-By") != "origin":
            raise UrlRefused
        raise TransferFailed("there is no such file, or the distribution is not allowed to read it")
    if response.status >= 500 or response.status in (408, 429):
        raise aiohttp.ClientPayloadError(f"the edge returned HTTP status {response.status}")
    if response.status == 206:
        served, _, total = response.headers.get("Content-Range", "").partition("/")
        if served.startswith(f"bytes {offset}-") and total.isdecimal():
            return int(total)
        raise TransferFailed("the edge returned another range of the file than was requested")
    if response.status != 200:
        raise TransferFailed(f"the edge returned HTTP status {response.status}")
    if response.content_length is None:
        raise TransferFailed("the edge does not return the length of the file")
    return response.content_length


def modified_time(response: aiohttp.ClientResponse) -> float | None:
    """Return when the file was last modified, in epoch seconds, if the response says so."""
    try:
        return parsedate_to_datetime(response.headers["Last-Modified"]).timestamp()
    except (KeyError, ValueError):
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
