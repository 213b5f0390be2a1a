"""The GraphQL API as Python methods."""

from __future__ import annotations

import asyncio
import concurrent.futures
import datetime
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from gql import Client, gql
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.appsync_auth import AppSyncAuthentication
from gql.transport.exceptions import (
    TransportConnectionFailed,
    TransportProtocolError,
    TransportQueryError,
    TransportServerError,
)

from private_files.failures import Failure, QueryRefused, SignInRefused, Unreachable

_Result = TypeVar("_Result")
BATCH = 1000  # the most URLs in one response
_SECONDS = 35  # AppSync itself times out after 30
_PAUSES = (1.0, 3.0, 10.0)  # seconds before each retry, if the API has responded before
_BUSY = {"ThrottlingException", "TooManyRequestsException"}
_CALLER_REFUSED = {
    "AccessDeniedException",
    "ExpiredTokenException",
    "IncompleteSignatureException",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "UnauthorizedException",
    "UnrecognizedClientException",
}


@dataclass(frozen=True)
class RemoteFile:
    """A file that the API serves: its URL, or None and the reason if the API gives one; what a listing says of it."""

    name: str
    url: str | None
    refused: str = ""
    size: int = -1  # bytes; -1 is unknown
    modified: float | None = None  # epoch seconds


class PrivateFiles:
    """The files of one API, for one caller. Several threads may use it at the same time.

    Its methods raise QueryRefused, SignInRefused or Unreachable.
    """

    def __init__(self, url: str, caller: AppSyncAuthentication, trust: ssl.SSLContext | bool = True) -> None:
        self._url, self._caller = url, caller
        self.trust = trust  # the certificate authorities, for downloads too
        self._responded = False

    def names(self) -> list[str]:
        """Return the name of every file."""
        names: list[str] = self._request("getFiles", "query { getFiles }")
        return names

    def url(self, name: str) -> str:
        """Return a URL that opens the file until it expires. Whoever holds the URL can open the file."""
        return str(self._request("getUrl", "query ($file: String!) { getUrl(file: $file) }", file=name))

    def urls(self, names: list[str]) -> list[RemoteFile]:
        """Return the files of up to 1,000 names, each with its URL or the reason for a refusal."""
        query = "query ($files: [String!]!) { getUrls(files: $files) { file url errorType errorMessage } }"
        return [
            RemoteFile(item["file"], item["url"], "" if item["url"] else f"{item['errorType']}: {item['errorMessage']}")
            for item in self._request("getUrls", query, files=names)
        ]

    def pages(self, prefix: str = "") -> Iterator[list[RemoteFile]]:
        """Yield every file whose name starts with the prefix, up to 1,000 at a time."""
        query = """query ($prefix: String, $token: String) {
          listFiles(prefix: $prefix, limit: 1000, nextToken: $token) { items { name size lastModified url } nextToken }
        }"""
        token: str | None = ""
        while token is not None:
            page = self._request("listFiles", query, prefix=prefix, token=token or None)
            yield [
                RemoteFile(
                    item["name"],
                    item["url"],
                    size=int(item["size"]),
                    modified=datetime.datetime.fromisoformat(item["lastModified"]).timestamp(),
                )
                for item in page["items"]
            ]
            token = page["nextToken"]

    def _request(self, field: str, text: str, **variables: Any) -> Any:
        # One failed page must not end a long download. A URL that has never worked is not retried.
        for pause in _PAUSES if self._responded else ():
            try:
                return self._request_once(field, text, variables)
            except Unreachable:
                time.sleep(pause)
        result = self._request_once(field, text, variables)
        self._responded = True
        return result

    def _request_once(self, field: str, text: str, variables: dict[str, Any]) -> Any:
        query = gql(text)
        query.variable_values = variables
        transport = AIOHTTPTransport(url=self._url, auth=self._caller, ssl=self.trust)  # serves one request at a time
        try:
            result = Client(transport=transport, execute_timeout=_SECONDS).execute(query)[field]
        except TransportQueryError as error:
            if error.data and error.data.get(field):
                return error.data[field]  # a page can have data and errors, for names that cannot be served
            errors = error.errors or []
            text = "; ".join(": ".join(filter(None, (each.get("errorType"), each.get("message")))) for each in errors)
            raise _kind({each.get("errorType") for each in errors})(text) from None
        except TransportServerError as error:
            refused_or_lost = SignInRefused if error.code in (401, 403) else Unreachable
            raise refused_or_lost(f"{self._url} returned HTTP status {error.code}.") from None
        except TransportProtocolError:
            raise Unreachable(f"{self._url} did not return a GraphQL response.") from None
        except TransportConnectionFailed as error:
            raise Unreachable(f"{self._url} cannot be reached: {_root(error)}") from None
        except TimeoutError:
            raise Unreachable(f"{self._url} did not respond within {_SECONDS} seconds.") from None
        if result is None:
            raise QueryRefused(f"The API returned nothing for {field}.")
        return result


async def in_thread(call: Callable[[], _Result]) -> _Result:
    """Run a call of the API in a thread and return its result.

    Unlike asyncio.to_thread, this lets Ctrl-C end the program while the API does not respond.
    """
    result: concurrent.futures.Future[_Result] = concurrent.futures.Future()

    def run() -> None:
        result.set_running_or_notify_cancel()
        try:
            result.set_result(call())
        except Exception as error:  # noqa: BLE001 - raised by the `await` below
            result.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return await asyncio.wrap_future(result)


def _kind(errors: set[str | None]) -> type[Failure]:
    if errors & _CALLER_REFUSED:
        return SignInRefused
    return Unreachable if errors & _BUSY else QueryRefused


def _root(error: BaseException) -> BaseException:
    # The errors that aiohttp wraps around the reason contain the addresses of Python objects.
    while error.__cause__:
        error = error.__cause__
    return error
