"""GraphQL requests: each is accepted or refused with AppSync's 400; another parser agrees about which are JSON."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pydantic_core
from starlette.requests import Request

from fuzz.choices import Choices
from local.data_planes.appsync.errors import RequestError
from local.data_planes.appsync.graphql_request import read_operation

TOKENS = [
    "{", "}", "(", ")", "[", "]", ":", "!", "=", "...", "@", "&", "|", "$a", "$b", "query", "mutation",
    "subscription", "fragment", "on", "Query", "File", "getUrl", "getFiles", "listFiles", "items", "url", "name",
    "__typename", "__schema", "__type", "types", '"x"', '"""x"""', '"\\u{1F600}"', '"\\ud83d"', '"', "0", "1e400",
    "-1", "null", "true", "A", "B", "#\n", "\n", ",", "@skip(if: true)", "@include(if: $a)", "file:", "prefix:",
    "limit:", "\ufeff", "é", "\x00", "{a", "[[[[[[[[", "{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{",
]  # fmt: skip
KINDS = ["application/json", "application/graphql", "", "text/plain", "application/graphql; charset=x"]
VARIABLES: list[Any] = [None, {}, {"a": 1}, {"a": True, "b": "x"}, [], "{}", 1, {"": None}, {"a": {"b": [None, 1e30]}}]
JSON_PIECES = [
    "{", "}", "[", "]", ":", ",", '"query"', '"variables"', '"operationName"', '"{a}"', '"{ __typename }"', "null",
    "1", "-", "0.", "1e999", "NaN", "Infinity", "true", '"', "\\", "\\u0041", "\\ud83d", " ", "\n", "\x00", "é",
    "[" * 40, "9" * 50,
]  # fmt: skip
VALUES = ["{}", "null", "NaN", "-Infinity", '{"a": NaN}', '{"a": 1e999}', "[]", '{"a": "\\ud83d"}', '{"a": 1, "a": 2}']
ERROR_TYPES = {"MalformedHttpRequestException", "BadRequestException"}


def check(choices: Choices) -> None:
    if choices.flag():
        _check_raw(choices)
    else:
        _check_tokens(choices)


def _check_raw(choices: Choices) -> None:
    """Any bytes as a body or as a query string."""
    text = choices.text(JSON_PIECES, 16)
    if choices.flag():
        text = f'{{"query": "{{a}}", "variables": {choices.pick(VALUES)}}}'
        for _ in range(choices.number(0, 2)):
            place = choices.number(0, len(text))
            text = text[:place] + choices.pick(JSON_PIECES) + text[place + choices.number(0, 2) :]
    body = text.encode() + choices.rest()
    if choices.flag():
        _read(_request("GET", "", body), b"")
        return
    try:
        read_operation(_request("POST", "application/json"), body)
    except RequestError as error:
        assert error.status == 400
        is_json = error.message not in ("Invalid JSON payload in POST request.", "Request body is empty.")
    else:
        is_json = True
    # Another JSON parser agrees. It reads UTF-8 only, has no halves of surrogate pairs, and another limit of depth.
    if b"\x00" not in body and b"\\u" not in body and body.isascii() and body.count(b"[") + body.count(b"{") < 100:
        assert is_json == _is_json(body), body


def _check_tokens(choices: Choices) -> None:
    """A document of tokens in any order, in any kind of request."""
    text = " ".join(choices.some(TOKENS, 20))
    if choices.flag():
        # Closed again, more of them are documents.
        text += " __typename" + " }" * max(0, text.count("{") - text.count("}"))
    payload = {
        "query": text,
        "variables": choices.pick(VARIABLES),
        "operationName": choices.pick([None, "", "A", "B", 1]),
    }
    kind = choices.pick(KINDS)
    if choices.number(0, 3) == 0:
        query = "&".join(
            f"{key}={quote(json.dumps(value) if key == 'variables' else str(value), safe='')}"
            for key, value in payload.items()
        )
        _read(_request("GET", kind, query.encode()), b"")
    else:
        body = text if kind.startswith("application/graphql") else json.dumps(payload)
        _read(_request("POST", kind), body.encode(errors="surrogatepass"))


def _read(request: Request, body: bytes) -> None:
    """Read the operation of a request, which may be refused as AppSync refuses requests."""
    try:
        operation = read_operation(request, body)
    except RequestError as error:
        assert (error.status, error.error_type in ERROR_TYPES) == (400, True)
        # The body of the refusal is JSON, in UTF-8.
        json.dumps(error.message).encode()
        return
    assert operation.definition in operation.document.definitions
    # What is logged names fields of the document, which the grammar limits to ASCII.
    assert operation.fields.isascii()


def _request(method: str, kind: str, query: bytes = b"") -> Request:
    headers = [(b"content-type", kind.encode())] if kind else []
    return Request({"type": "http", "method": method, "path": "/graphql", "query_string": query, "headers": headers})


def _is_json(body: bytes) -> bool:
    try:
        pydantic_core.from_json(body, allow_inf_nan=False)
    except ValueError:
        return False
    return True
