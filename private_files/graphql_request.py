"""One GraphQL request over HTTPS: a POST, without redirects, and a limit for the whole of it.

With urllib3, which botocore needs too, because a GraphQL library takes longer to import than a request to be sent.
"""

from __future__ import annotations

import json
import ssl
import time
from functools import cache
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3 import exceptions

from private_files import network

_CHUNK = 1 << 20


class Caller(Protocol):
    """What authenticates a request. The authentications of gql for AppSync have this method, too."""

    def get_headers(self, data: str | None = None, headers: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the headers of a request with this body and these headers."""


class ApiKey:
    """A caller with the API key of the API."""

    def __init__(self, key: str) -> None:
        self._key = key

    def get_headers(self, data: str | None = None, headers: dict[str, Any] | None = None) -> dict[str, Any]:  # noqa: ARG002
        return {"x-api-key": self._key}


class Token:
    """A caller with a token of the user pool."""

    def __init__(self, token: str) -> None:
        self.token = token

    def get_headers(self, data: str | None = None, headers: dict[str, Any] | None = None) -> dict[str, Any]:  # noqa: ARG002
        return {"Authorization": self.token}


class NoResponse(Exception):
    """The server could not be reached, or did not respond in time; the message says why."""


class NotGraphql(Exception):
    """The response is not one of a GraphQL API; `status` is that of HTTP."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP status {status}")
        self.status = status


def send(
    url: str, query: str, variables: dict[str, Any], *, caller: Caller, trust: ssl.SSLContext | bool, seconds: float
) -> dict[str, Any]:
    """Return the response, with `data`, `errors` or both.

    `trust` are the certificate authorities, or True for those of the system. Raises NoResponse, NotGraphql, or
    Unconfigured if the proxy cannot be used.
    """
    body = json.dumps({"query": query, "variables": variables})
    headers = {"content-type": "application/json"}
    # Signed headers come back with the signature.
    headers |= caller.get_headers(body, dict(headers))
    headers.pop("host", None)  # urllib3 sends the URL's, with the port
    end = time.monotonic() + seconds
    try:
        response = _pool(network.proxy(url), trust).request(
            "POST",
            url,
            body=body.encode(),
            headers=headers | {"accept-encoding": "gzip, deflate"},
            timeout=urllib3.Timeout(total=seconds),
            # A redirect would take the API key to another address.
            redirect=False,
            retries=False,
            preload_content=False,
        )
        content = _read(response, end, seconds)
    except exceptions.NewConnectionError as error:  # to urllib3 a kind of TimeoutError
        raise NoResponse(f"cannot be reached: {_cause(error)}") from None
    except exceptions.TimeoutError:
        raise NoResponse(_too_slow(seconds)) from None
    except (exceptions.HTTPError, OSError) as error:
        raise NoResponse(f"cannot be reached: {_cause(error)}") from None
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not ("data" in found or "errors" in found):
        raise NotGraphql(response.status)
    return found


def _read(response: urllib3.BaseHTTPResponse, end: float, seconds: float) -> bytes:
    chunks = []
    with response:
        for chunk in response.stream(_CHUNK):
            chunks.append(chunk)
            if time.monotonic() > end:
                raise NoResponse(_too_slow(seconds))
    return b"".join(chunks)


def _too_slow(seconds: float) -> str:
    return f"did not respond within {seconds:.0f} seconds."


@cache
def _pool(proxy: str | None, trust: ssl.SSLContext | bool) -> urllib3.PoolManager:
    context = trust if isinstance(trust, ssl.SSLContext) else ssl.create_default_context()
    # Threads share it, and a batch of a download keeps some of them waiting for the API.
    options: dict[str, Any] = {"ssl_context": context, "maxsize": 16}
    if not proxy:
        return urllib3.PoolManager(**options)
    parts = urlsplit(proxy)
    password = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}" if parts.username else None
    return urllib3.ProxyManager(proxy, proxy_headers=urllib3.make_headers(proxy_basic_auth=password), **options)


def _cause(error: BaseException) -> BaseException:
    # The errors of urllib3 contain the addresses of Python objects.
    while error.__cause__ or isinstance(error.args[-1] if error.args else None, BaseException):
        error = error.__cause__ or error.args[-1]
    return error
