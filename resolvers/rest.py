"""HTTP for the resolvers, where `rest` is on: a query string becomes arguments, an exception problem details.

Events and answers are those of an HTTP API, payload format 2.0:
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from aws_lambda_powertools import Logger

logger = Logger()

Event = dict[str, Any] | list[dict[str, Any]]
Reader = Callable[[str], Any]  # what a parameter's text means; raises ValueError with what it takes

_INTEGER = re.compile(r"-?[0-9]{1,10}")


class InvalidQuery(ValueError):
    """A parameter of the query is missing, unknown, given twice or not of its type; the message names it."""


def asks(event: Event) -> bool:
    """Whether an HTTP API sent this event, and not AppSync."""
    return "routeKey" in event


def integer(text: str) -> int:
    """The whole number that this text is. Raises ValueError."""
    if not _INTEGER.fullmatch(text):
        raise ValueError("a whole number")
    return int(text)


def arguments(event: Event, parameters: Mapping[str, Reader], *, required: str = "") -> dict[str, Any]:
    """The parameters of the query, each read by its own reader.

    Raises InvalidQuery. An unknown parameter is refused: ignored, a misspelt `expiresIn` would make a longer URL.
    """
    assert isinstance(event, dict)  # noqa: S101 - only AppSync sends lists
    given: dict[str, Any] = {}
    # The raw query, because the decoded one joins a parameter that comes twice with a comma, as a name may hold one.
    for name, text in _pairs(event["rawQueryString"]):
        if name not in parameters:
            raise InvalidQuery(f"The parameter {name!a} is unknown; the parameters are {', '.join(parameters)}.")
        if name in given:
            raise InvalidQuery(f"The parameter {name} is given more than once.")
        try:
            given[name] = parameters[name](text)
        except ValueError as error:
            raise InvalidQuery(f"The parameter {name} takes {error}, not {text!a}.") from None
    if required and required not in given:
        raise InvalidQuery(f"The parameter {required} is missing.")
    return given


def _pairs(query: str) -> list[tuple[str, str]]:
    # As a form writes it (https://url.spec.whatwg.org/#application/x-www-form-urlencoded): `+` is a space.
    try:
        return parse_qsl(query, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise InvalidQuery("The query is not UTF-8, percent-encoded.") from None


def answer(content: dict[str, Any]) -> dict[str, Any]:
    """What the HTTP API passes on as 200. No cache may keep it: it can hold a signed URL, which is a bearer token."""
    return _response(200, "application/json", content)


def problem(error: Exception, *refusals: type[Exception]) -> dict[str, Any]:
    """The problem details (RFC 9457) of an exception.

    InvalidQuery and the refusals are the caller's to mend: 400, with the message. Of any other nothing is said but 500.
    """
    if isinstance(error, (InvalidQuery, *refusals)):
        status, name, detail = 400, type(error).__name__, str(error)
    else:
        logger.error("failed", exc_info=error)
        status, name, detail = 500, "InternalFailure", "The request could not be answered; the function's log says why."
    words = re.sub(r"(?<!^)(?=[A-Z])", " ", name).capitalize()
    content = {"type": f"urn:problem-type:private-files:{name}", "title": words, "status": status, "detail": detail}
    return _response(status, "application/problem+json", content)


def _response(status: int, media_type: str, content: dict[str, Any]) -> dict[str, Any]:
    return {
        "statusCode": status,
        "headers": {"content-type": media_type, "cache-control": "no-store"},
        "body": json.dumps(content, ensure_ascii=False),
    }
