"""GraphQL requests: everything is accepted or refused with AppSync's 400, and graphql-core agrees about valid documents."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pydantic_core
from graphql import (
    GraphQLError,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
    parse,
    validate,
)
from starlette.requests import Request

from fuzz.choices import Choices
from local.data_planes.appsync.errors import RequestError
from local.data_planes.appsync.graphql_request import Operation, read_operation
from local.data_planes.appsync.schema import build_schema
from local.data_planes.appsync.validation import MOST_ERRORS, validation_errors

SDL = Path(__file__).parents[2] / "schema.graphql"
TOKENS = [
    "{", "}", "(", ")", "[", "]", ":", "!", "=", "...", "@", "&", "|", "$a", "$b", "query", "mutation", "subscription", "fragment",
    "on", "Query", "File", "getUrl", "getFiles", "listFiles", "items", "url", "name", "__typename", "__schema", "__type", "types",
    '"x"', '"""x"""', '"\\u{1F600}"', '"\\ud83d"', '"', "0", "1e400", "-1", "null", "true", "A", "B", "#\n", "\n", ",", "@skip(if: true)",
    "@include(if: $a)", "file:", "prefix:", "limit:", "\ufeff", "é", "\x00", "{a", "[[[[[[[[", "{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{",
]  # fmt: skip
KINDS = ["application/json", "application/graphql", "", "text/plain", "application/graphql; charset=x"]
VARIABLES: list[Any] = [None, {}, {"a": 1}, {"a": True, "b": "x"}, [], "{}", 1, {"": None}, {"a": {"b": [None, 1e30]}}]
JSON_PIECES = [
    "{", "}", "[", "]", ":", ",", '"query"', '"variables"', '"operationName"', '"{a}"', '"{ __typename }"', "null", "1", "-", "0.",
    "1e999", "NaN", "Infinity", "true", '"', "\\", "\\u0041", "\\ud83d", " ", "\n", "\x00", "é", "[" * 40, "9" * 50,
]  # fmt: skip
ERROR_TYPES = {"MalformedHttpRequestException", "BadRequestException"}


def check(choices: Choices) -> None:
    match choices.number(0, 3):
        case 0:
            _check_raw(choices)
        case 1:
            _check_valid(choices)
        case _:
            _check_tokens(choices)


def _check_raw(choices: Choices) -> None:
    """Any bytes as a body or as a query string."""
    body = choices.text(JSON_PIECES, 16).encode() + choices.rest()
    if choices.flag():
        _operation(_request("GET", "", body), b"")
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
    payload = {"query": text, "variables": choices.pick(VARIABLES), "operationName": choices.pick([None, "", "A", "B", 1])}
    kind = choices.pick(KINDS)
    if choices.number(0, 3) == 0:
        query = "&".join(f"{key}={quote(json.dumps(value) if key == 'variables' else str(value), safe='')}" for key, value in payload.items())
        operation = _operation(_request("GET", kind, query.encode()), b"")
    else:
        body = text if kind.startswith("application/graphql") else json.dumps(payload)
        operation = _operation(_request("POST", kind), body.encode(errors="surrogatepass"))
    if operation is not None and choices.number(0, 3) == 0:
        _check_validation(operation, introspection=choices.flag())


def _check_valid(choices: Choices) -> None:
    """A document that is valid by construction is accepted, with one fault it is not valid."""
    schema = _schema()
    assert schema.query_type is not None
    selected = _selection(choices, schema.query_type, 0)
    text = choices.pick([selected, f"query A {selected}", f"{_with_fragment(selected)} query B {{ __typename }}"])
    name = "A" if "query B" in text else None
    broken = choices.pick(["", "", "name", "argument", "bracket"])
    if broken == "name":
        text = text.replace("{", "{ nothing ", 1)
    elif broken == "argument":
        text = text.replace("__typename", "__typename(x: 1)", 1)
    elif broken == "bracket":
        text += choices.pick([" }", " {", ' "'])
    body = json.dumps({"query": text, "operationName": name}).encode()
    operation = _operation(_request("POST", "application/json"), body)
    if broken == "bracket":
        assert operation is None, text
        return
    assert operation is not None, text
    assert operation.name == ("A" if "query A" in text else None)
    if choices.number(0, 7) == 0:  # validation takes most of the time
        assert bool(_check_validation(operation, introspection=True)) == (broken != ""), text


def _operation(request: Request, body: bytes) -> Operation | None:
    """Return the operation of a request, or None if it is refused as AppSync refuses requests."""
    try:
        operation = read_operation(request, body)
    except RequestError as error:
        assert (error.status, error.error_type in ERROR_TYPES) == (400, True)
        # The body of the refusal is JSON, in UTF-8.
        json.dumps(error.message).encode()
        return None
    operation.fields.encode()
    assert operation.definition in operation.document.definitions
    return operation


def _check_validation(operation: Operation, *, introspection: bool) -> list[dict[str, Any]]:
    found = validation_errors(_schema(), operation.document, introspection=introspection)
    expected = validate(_schema(), operation.document, max_errors=MOST_ERRORS)
    if introspection:
        assert bool(found) == bool(expected), (found, expected)
    assert len(found) >= min(len(expected), MOST_ERRORS)
    for error in found:
        assert error["message"].startswith("Validation error of type ")
    json.dumps(found).encode()
    return found


def _request(method: str, kind: str, query: bytes = b"") -> Request:
    headers = [(b"content-type", kind.encode())] if kind else []
    return Request({"type": "http", "method": method, "path": "/graphql", "query_string": query, "headers": headers})


@cache
def _schema() -> GraphQLSchema:
    return build_schema(SDL.read_text())


def _is_json(body: bytes) -> bool:
    try:
        pydantic_core.from_json(body, allow_inf_nan=False)
    except ValueError:
        return False
    return True


def _selection(choices: Choices, parent: GraphQLObjectType, depth: int) -> str:
    """Return a valid selection set, each field under a name of its own."""
    selected = ["__typename"]
    for name in choices.some(list(parent.fields), 2):
        field = parent.fields[name]
        given = [
            f"{argument}: {_value(choices, each.type)}"
            for argument, each in field.args.items()
            if isinstance(each.type, GraphQLNonNull) or choices.flag()
        ]
        kind = get_named_type(field.type)
        below = "" if is_leaf_type(kind) else _selection(choices, kind, depth + 1)
        text = f"f{depth}_{len(selected)}: {name}{f'({chr(44).join(given)})' if given else ''} {below}"
        selected.append(text if choices.flag() else f"... on {parent.name} @include(if: true) {{ {text} }}")
    return f"{{ {' '.join(selected)} }}"


def _value(choices: Choices, kind: GraphQLInputType) -> str:
    if isinstance(kind, GraphQLNonNull):
        return _value(choices, kind.of_type)
    if isinstance(kind, GraphQLList):
        return f"[{','.join(_value(choices, kind.of_type) for _ in range(choices.number(0, 3)))}]"
    values = {"String": ['"x"', '"""\nx"""', '"é\\n"'], "Int": ["1", "-2147483648"], "Float": ["1.5", "3"], "Boolean": ["true"]}
    return choices.pick(values[str(kind)])


def _with_fragment(selected: str) -> str:
    return f"query A {{ ...F }} fragment F on Query {selected}"
