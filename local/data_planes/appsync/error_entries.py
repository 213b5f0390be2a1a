"""The entries of an answer's ``errors``, in the words of AppSync and of the graphql-java it is built on."""

import logging
import re
from typing import Any

from graphql import (
    GraphQLError,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLType,
)

from local.data_planes.appsync.errors import FieldError

NULL_VALUE = re.compile(r"Cannot return null for non-nullable field (?P<parent>\w+)\.(?P<field>\w+)\.")
NOT_A_LIST = re.compile(r"Expected Iterable, but did not find one")
NOT_AN_OBJECT = re.compile(r"Expected value of type '\w+' but got|Abstract type '\w+' must resolve to an Object type")
NO_VARIABLE = re.compile(r"Variable '\$(?P<name>\w+)' of (?:required|non-null) type '(?P<type>[^']+)' (?:was|must) not")
NULL_VARIABLE = re.compile(
    r"Variable '\$(?P<name>\w+)' got invalid value .*Expected non-nullable type '(?P<type>[^']+)'"
)
NO_INPUT_FIELD = re.compile(
    r"Variable '\$(?P<name>\w+)' got invalid value .*of required type '(?P<type>[^']+)' was not"
)
EXTRA_INPUT_FIELD = re.compile(r".*Field '(?P<field>\w+)' is not defined by type '(?P<type>\w+)'")
BAD_VARIABLE = re.compile(r"Variable '\$(?P<name>\w+)' got invalid value")

logger = logging.getLogger(__name__)


def error_entry(error: GraphQLError, schema: GraphQLSchema) -> dict[str, Any]:
    """Get the entry of an error raised by the execution."""
    if isinstance(error.original_error, FieldError):
        return field_entry(error.original_error, error.path, locations(error))
    if error.path is None:
        return {"path": None, "locations": locations(error), "message": _about_variable(error.message)}
    if not isinstance(error.original_error, TypeError | GraphQLError | None):
        logger.error("A field failed unexpectedly: %s", error.path, exc_info=error.original_error)
        return field_entry(FieldError("InternalFailure", "An internal failure occurred."), error.path, locations(error))
    return {"path": error.path, "locations": None, "message": _about_value(error.message, error.path, schema)}


def field_entry(
    error: FieldError, path: list[str | int] | None = None, at: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """Get the entry of a field that failed or was refused."""
    return {
        "path": path,
        "data": None,
        "errorType": error.error_type,
        "errorInfo": None,
        "locations": at,
        "message": error.message,
    }


def locations(error: GraphQLError) -> list[dict[str, Any]]:
    """Get where in the document an error is."""
    return [{"line": line, "column": column, "sourceName": None} for line, column in error.locations or ()]


def _about_variable(message: str) -> str:
    for pattern in (NO_VARIABLE, NULL_VARIABLE, NO_INPUT_FIELD):
        if match := pattern.match(message):
            return f"Variable '{match['name']}' has coerced Null value for NonNull type '{match['type']}'"
    if match := EXTRA_INPUT_FIELD.match(message):
        return (
            f"The variables input contains a field name '{match['field']}' "
            f"that is not defined for input object type '{match['type']}' "
        )
    if match := BAD_VARIABLE.match(message):
        return f"Variable '{match['name']}' has an invalid value."
    return message


def _about_value(message: str, path: list[str | int], schema: GraphQLSchema) -> str:
    where = "".join(f"[{key}]" if isinstance(key, int) else f"/{key}" for key in path)
    if match := NULL_VALUE.match(message):
        name = _type_name(schema, match["parent"], match["field"], path)
        return f"Cannot return null for non-nullable type: '{name}' within parent '{match['parent']}' ({where})"
    if NOT_A_LIST.match(message):
        return f"Can't resolve value ({where}) : type mismatch error, expected type LIST"
    if NOT_AN_OBJECT.match(message):
        return f"Can't resolve value ({where}) : type mismatch error, expected type OBJECT"
    return f"Can't serialize value ({where}) : {message}"


def _type_name(schema: GraphQLSchema, parent: str, field: str, path: list[str | int]) -> str:
    """Get the name of the type that must not be null; a list has none, and graphql-java says ``null`` there."""
    owner = schema.type_map[parent]
    if not isinstance(owner, GraphQLObjectType):
        return "null"
    graphql_type: GraphQLType = owner.fields[field].type
    for key in reversed(path):
        if isinstance(key, str):
            break
        graphql_type = _nullable(graphql_type)
        if isinstance(graphql_type, GraphQLList):
            graphql_type = graphql_type.of_type
    named = _nullable(graphql_type)
    return named.name if isinstance(named, GraphQLNamedType) else "null"


def _nullable(graphql_type: GraphQLType) -> GraphQLType:
    return graphql_type.of_type if isinstance(graphql_type, GraphQLNonNull) else graphql_type
