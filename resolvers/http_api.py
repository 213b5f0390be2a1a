"""HTTP for the resolvers, with the setting `rest`: query strings become arguments, exceptions become problem details.

Events and responses are those of an HTTP API, payload format 2.0:
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from resolvers.errors import RequestRefused
from resolvers.quoting import quoted

Event = dict[str, Any] | list[dict[str, Any]]
Parser = Callable[[str], Any]  # returns a parameter's value; raises ValueError with what the parameter takes

_INTEGER = re.compile(r"-?[0-9]{1,10}")


class InvalidQuery(RequestRefused):
    """A parameter of the query is missing, unknown, repeated or of the wrong type; the message names it."""


def is_http(event: Event) -> bool:
    """Return whether an HTTP API sent this event, not AppSync."""
    return "routeKey" in event


def integer(text: str) -> int:
    """Return the whole number in this text. Raises ValueError."""
    if not _INTEGER.fullmatch(text):
        raise ValueError("a whole number")
    return int(text)


def arguments(event: Event, parameters: Mapping[str, Parser], *, required: str = "") -> dict[str, Any]:
    """Return the parameters of the query, each parsed by its own parser.

    Raises InvalidQuery, also for an unknown parameter: if it were ignored, a misspelt `expiresIn` would make a URL that
    lives longer than intended.
    """
    assert isinstance(event, dict)  # noqa: S101 - only AppSync sends lists
    given: dict[str, Any] = {}
    # The raw query, because the parsed one joins repeated parameters with commas, which file names may contain.
    for name, text in _pairs(event["rawQueryString"]):
        if name not in parameters:
            raise InvalidQuery(f"The parameter {quoted(name)} is unknown; the parameters are {', '.join(parameters)}.")
        if name in given:
            raise InvalidQuery(f"The parameter {name} is given more than once.")
        try:
            given[name] = parameters[name](text)
        except ValueError as error:
            raise InvalidQuery(f"The parameter {name} takes {error}, not {quoted(text)}.") from None
    if required and required not in given:
        raise InvalidQuery(f"The parameter {required} is missing.")
    return given


def _pairs(query: str) -> list[tuple[str, str]]:
    # Decoded like a form: `+` is a space. https://url.spec.whatwg.org/#application/x-www-form-urlencoded
    try:
        return parse_qsl(query, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise InvalidQuery("The query is not percent-encoded UTF-8.") from None


def success(content: dict[str, Any]) -> dict[str, Any]:
    """Return a 200 response that no cache may store: it can contain a signed URL, which is a bearer token."""
    return _response(200, "application/json", content)


def problem(error: Exception) -> dict[str, Any]:
    """Return the problem details (RFC 9457) of an exception.

    A RequestRefused becomes its own status with its message. Any other exception returns a bare 500.
    """
    if isinstance(error, RequestRefused):
        status, name, detail = error.http_status, type(error).__name__, str(error)
    else:
        status, name, detail = 500, "InternalFailure", "The request failed; the function's log says why."
    words = re.sub(r"(?<!^)(?=[A-Z])", " ", name).capitalize()
    content = {"type": f"urn:problem-type:private-files:{name}", "title": words, "status": status, "detail": detail}
    return _response(status, "application/problem+json", content)


def _response(status: int, media_type: str, content: dict[str, Any]) -> dict[str, Any]:
    return {
        "statusCode": status,
        "headers": {"content-type": media_type, "cache-control": "no-store"},
        "body": json.dumps(content, ensure_ascii=False),
    }
