"""What can be asked: the API, as a Python program calls it."""

from __future__ import annotations

import ssl
from typing import Any

from gql import Client, GraphQLRequest, gql
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.appsync_auth import AppSyncAuthentication
from gql.transport.exceptions import (
    TransportConnectionFailed,
    TransportProtocolError,
    TransportQueryError,
    TransportServerError,
)

from clients.failures import QueryRefused, SignInRefused, Unreachable

_SECONDS = 35  # AppSync itself gives up after 30
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
    """The files of one API, as one caller may see them.

    Its methods raise QueryRefused, SignInRefused or Unreachable.
    """

    def __init__(self, url: str, caller: AppSyncAuthentication, trust: ssl.SSLContext | bool = True) -> None:
        self._url = url
        transport = AIOHTTPTransport(url=url, auth=caller, ssl=trust)
        self._client = Client(transport=transport, execute_timeout=_SECONDS)

    def names(self) -> list[str]:
        """The name of every file."""
        names: list[str] = self._ask("getFiles", gql("query { getFiles }"))
        return names

    def url(self, name: str) -> str:
        """A URL that opens the file until it expires; whoever holds it can open the file."""
        query = gql("query ($file: String!) { getUrl(file: $file) }")
        query.variable_values = {"file": name}
        return str(self._ask("getUrl", query))

    def _ask(self, field: str, query: GraphQLRequest) -> Any:
        try:
            answer = self._client.execute(query)[field]
        except TransportQueryError as error:
            errors = error.errors or []
            text = "; ".join(": ".join(filter(None, (each.get("errorType"), each.get("message")))) for each in errors)
            refused = SignInRefused if _WHO_ASKS & {each.get("errorType") for each in errors} else QueryRefused
            raise refused(text) from None
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


def _root(error: BaseException) -> BaseException:
    # What aiohttp wraps around the reason holds the addresses of Python objects.
    while error.__cause__:
        error = error.__cause__
    return error
