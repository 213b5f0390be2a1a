"""What can be asked: the API, as a Python program calls it."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from typing import Any

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

_SECONDS = 35  # AppSync itself gives up after 30
_PAUSES = (1.0, 3.0, 10.0)  # seconds before each further attempt, where the API has answered before
_BUSY = {"ThrottlingException", "TooManyRequestsException"}
_WHO_ASKS = {
    "AccessDeniedException",
    "ExpiredTokenException",
    "IncompleteSignatureException",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "UnauthorizedException",
    "UnrecognizedClientException",
}


class PrivateFiles:
    """The files of one API, as one caller may see them; threads may ask at once.

    Its methods raise QueryRefused, SignInRefused or Unreachable.
    """

    def __init__(self, url: str, caller: AppSyncAuthentication, trust: ssl.SSLContext | bool = True) -> None:
        self._url, self._caller, self._trust = url, caller, trust
        self._answered = False

    def names(self) -> list[str]:
        """The name of every file."""
        names: list[str] = self._ask("getFiles", "query { getFiles }")
        return names

    def url(self, name: str) -> str:
        """A URL that opens the file until it expires; whoever holds it can open the file."""
        return str(self._ask("getUrl", "query ($file: String!) { getUrl(file: $file) }", file=name))

    def urls(self, names: list[str]) -> list[dict[str, str | None]]:
        """For each of up to 1,000 names `file` and `url`, or instead of the latter `errorType` and `errorMessage`."""
        query = "query ($files: [String!]!) { getUrls(files: $files) { file url errorType errorMessage } }"
        answers: list[dict[str, str | None]] = self._ask("getUrls", query, files=names)
        return answers

    def pages(self, prefix: str) -> Iterator[list[dict[str, Any]]]:
        """Every file that begins so, a thousand at a time: `name`, `size`, `lastModified`, and `url` or None."""
        query = """query ($prefix: String, $token: String) {
          listFiles(prefix: $prefix, limit: 1000, nextToken: $token) { items { name size lastModified url } nextToken }
        }"""
        token: str | None = ""
        while token is not None:
            page = self._ask("listFiles", query, prefix=prefix, token=token or None)
            yield page["items"]
            token = page["nextToken"]

    def _ask(self, field: str, text: str, **variables: Any) -> Any:
        # Half of a large download must not be lost to one page; an address that is wrong stays so.
        for pause in _PAUSES if self._answered else ():
            try:
                return self._ask_once(field, text, variables)
            except Unreachable:
                time.sleep(pause)
        answer = self._ask_once(field, text, variables)
        self._answered = True
        return answer

    def _ask_once(self, field: str, text: str, variables: dict[str, Any]) -> Any:
        query = gql(text)
        query.variable_values = variables
        transport = AIOHTTPTransport(url=self._url, auth=self._caller, ssl=self._trust)  # serves one question at a time
        try:
            answer = Client(transport=transport, execute_timeout=_SECONDS).execute(query)[field]
        except TransportQueryError as error:
            if error.data and error.data.get(field):
                return error.data[field]  # a page is one, although a name in it cannot be served
            errors = error.errors or []
            text = "; ".join(": ".join(filter(None, (each.get("errorType"), each.get("message")))) for each in errors)
            raise _kind({each.get("errorType") for each in errors})(text) from None
        except TransportServerError as error:
            refused_or_lost = SignInRefused if error.code in (401, 403) else Unreachable
            raise refused_or_lost(f"{self._url} answers with HTTP status {error.code}.") from None
        except TransportProtocolError:
            raise Unreachable(f"{self._url} answers, but not in GraphQL.") from None
        except TransportConnectionFailed as error:
            raise Unreachable(f"{self._url} does not answer: {_root(error)}") from None
        except TimeoutError:
            raise Unreachable(f"{self._url} did not answer within {_SECONDS} seconds.") from None
        if answer is None:
            raise QueryRefused(f"The API answered {field} with nothing.")
        return answer


def _kind(errors: set[str | None]) -> type[Failure]:
    if errors & _WHO_ASKS:
        return SignInRefused
    return Unreachable if errors & _BUSY else QueryRefused


def _root(error: BaseException) -> BaseException:
    # What aiohttp wraps around the reason holds the addresses of Python objects.
    while error.__cause__:
        error = error.__cause__
    return error
