"""The entries of `errors` in a response, in the shape that AppSync gives them."""

import logging
from typing import Any

from graphql import GraphQLError

from local.data_planes.appsync.errors import FieldError
from local.data_planes.lambda_functions import FunctionFailed

logger = logging.getLogger(__name__)


def error_entry(error: GraphQLError) -> dict[str, Any]:
    """Return the entry of an error that the execution raised.

    For a variable or a value that does not fit the schema, the message is graphql-core's.
    """
    original = error.original_error
    if isinstance(original, FieldError | FunctionFailed):
        return field_entry(original, error.path, locations(error))
    if not isinstance(original, TypeError | GraphQLError | None):
        logger.error("A field failed unexpectedly: %s", error.path, exc_info=original)
        return field_entry(FieldError("InternalFailure", "An internal failure occurred."), error.path, locations(error))
    return {"path": error.path, "locations": locations(error) if error.path is None else None, "message": error.message}


def field_entry(
    error: FieldError | FunctionFailed, path: list[str | int] | None = None, at: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """Return the entry of a field that failed or was refused."""
    return {
        "path": path,
        "data": None,
        "errorType": error.error_type,
        "errorInfo": None,
        "locations": at,
        "message": error.message,
    }


def locations(error: GraphQLError) -> list[dict[str, Any]]:
    """Return the places in the document that an error is about."""
    return [{"line": line, "column": column, "sourceName": None} for line, column in error.locations or ()]
