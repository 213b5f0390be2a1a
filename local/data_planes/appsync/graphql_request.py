"""Reads the GraphQL operation of an HTTP request."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import DocumentNode, FieldNode, GraphQLSyntaxError, OperationDefinitionNode, OperationType, parse
from starlette.requests import Request

from local.data_planes.appsync.document_limits import MOST_TOKENS, check_limits
from local.data_planes.appsync.errors import RequestError

MOST_LOGGED = 10


@dataclass(frozen=True)
class Operation:
    """One operation of a parsed document, with its variables as they were sent."""

    document: DocumentNode
    definition: OperationDefinitionNode
    variables: dict[str, Any]

    @property
    def name(self) -> str | None:
        return self.definition.name.value if self.definition.name else None

    @property
    def fields(self) -> str:
        """The part that may be logged: the kind of operation and its top-level fields, without arguments."""
        selections = self.definition.selection_set.selections
        names = list(dict.fromkeys(node.name.value for node in selections if isinstance(node, FieldNode)))
        return f"{self.definition.operation.value} {','.join(names[:MOST_LOGGED])}"


def read_operation(request: Request, body: bytes) -> Operation:
    """Return the operation of a GET or POST request. Raises RequestError (400) for none, and for one too large."""
    payload = _payload(request, body)
    query, variables, name = (payload.get(key) for key in ("query", "variables", "operationName"))
    if not isinstance(query, str) or not isinstance(variables, dict | None) or not isinstance(name, str | None):
        raise _malformed("Unable to parse GraphQL query.")
    try:
        document = parse(query, max_tokens=MOST_TOKENS)
    except (GraphQLSyntaxError, RecursionError):
        raise _malformed("Unable to parse GraphQL query.") from None
    check_limits(document)
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    if not operations:
        raise _malformed("Unable to parse GraphQL query.")
    if name:
        operations = [node for node in operations if node.name is not None and node.name.value == name]
    match operations:
        case []:
            raise RequestError(400, "BadRequestException", f"Unknown operation named '{name}'.")
        case [definition] if definition.operation == OperationType.SUBSCRIPTION:
            raise RequestError(400, "BadRequestException", "Subscriptions are not supported over HTTP.")
        case [definition]:
            return Operation(document, definition, variables or {})
        case _:
            raise RequestError(400, "BadRequestException", "Missing operation name.")


def _payload(request: Request, body: bytes) -> Mapping[str, Any]:
    if request.method == "GET":
        given: dict[str, Any] = dict(request.query_params)
        if given.get("variables"):
            given["variables"] = _parsed(given["variables"])
        return {key: value for key, value in given.items() if value != ""}
    if not body.strip():
        raise _malformed("Request body is empty.")
    if request.headers.get("content-type", "").startswith("application/graphql"):
        return {"query": body.decode(errors="replace")}
    payload = _parsed(body)
    if not isinstance(payload, dict):
        raise _malformed("Unable to parse GraphQL query.")
    return payload


def _parsed(text: str | bytes) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise _malformed("Invalid JSON payload in POST request.") from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _malformed(message: str) -> RequestError:
    return RequestError(400, "MalformedHttpRequestException", message)
