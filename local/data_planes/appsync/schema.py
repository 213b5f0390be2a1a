"""The deployed schema with what AppSync adds to every schema: its scalars and its directives."""

import datetime
import ipaddress
import json
import re
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import urlsplit

from graphql import (
    DirectiveDefinitionNode,
    DocumentNode,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    ScalarTypeDefinitionNode,
    build_ast_schema,
    parse,
)

ADDED_BY_APPSYNC = """
scalar AWSDate
scalar AWSTime
scalar AWSDateTime
scalar AWSTimestamp
scalar AWSEmail
scalar AWSJSON
scalar AWSURL
scalar AWSPhone
scalar AWSIPAddress
directive @aws_api_key on FIELD_DEFINITION | OBJECT
directive @aws_iam on FIELD_DEFINITION | OBJECT
directive @aws_oidc on FIELD_DEFINITION | OBJECT
directive @aws_lambda on FIELD_DEFINITION | OBJECT
directive @aws_cognito_user_pools(cognito_groups: [String]) on FIELD_DEFINITION | OBJECT
directive @aws_auth(cognito_groups: [String]) on FIELD_DEFINITION
directive @aws_subscribe(mutations: [String]) on FIELD_DEFINITION
directive @aws_publish(subscriptions: [String]) on FIELD_DEFINITION
directive @canonical on FIELD_DEFINITION | OBJECT
directive @hidden on FIELD_DEFINITION | OBJECT
directive @renamed on FIELD_DEFINITION | OBJECT
"""

OFFSET = r"(Z|[+-]\d\d:\d\d(:\d\d)?)"
DATE = re.compile(rf"(?P<date>-?\d{{4}}-\d\d-\d\d){OFFSET}?")
TIME = re.compile(rf"\d\d:\d\d(:\d\d(\.\d{{1,9}})?)?{OFFSET}?")
# An AWSDateTime always says its offset; AWSDate and AWSTime may.
DATE_TIME = re.compile(rf"(?P<date>-?\d{{4}}-\d\d-\d\d)T\d\d:\d\d(:\d\d(\.\d{{1,9}})?)?{OFFSET}")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
PHONE = re.compile(r"\+?[\d\s()-]{5,20}")


def build_schema(sdl: str) -> GraphQLSchema:
    """Get the executable schema of a deployed SDL; raise ``GraphQLError`` or ``TypeError`` where it is not one."""
    deployed = parse(sdl)
    named = (DirectiveDefinitionNode, ScalarTypeDefinitionNode)
    own = {(type(node), node.name.value) for node in deployed.definitions if isinstance(node, named)}
    added = [
        node
        for node in parse(ADDED_BY_APPSYNC, no_location=True).definitions
        if isinstance(node, named) and (type(node), node.name.value) not in own
    ]
    schema = build_ast_schema(DocumentNode(definitions=(*deployed.definitions, *added)))
    for graphql_type in schema.type_map.values():
        if isinstance(graphql_type, GraphQLObjectType) and not graphql_type.name.startswith("__"):
            graphql_type.is_type_of = lambda value, _info: isinstance(value, dict)
        elif isinstance(graphql_type, GraphQLScalarType) and graphql_type.name in CHECKS:
            _give_meaning(graphql_type, CHECKS[graphql_type.name])
    if "AWSJSON" in schema.type_map:
        awsjson = cast(GraphQLScalarType, schema.type_map["AWSJSON"])
        # ``serialize`` is an instance attribute here, as graphql-core itself sets it.
        awsjson.serialize = _json_text  # type: ignore[method-assign]
        awsjson.parse_value = _json_value  # type: ignore[method-assign]
    return schema


def _give_meaning(scalar: GraphQLScalarType, check: Callable[[Any], bool]) -> None:
    def checked(value: Any) -> Any:
        if not check(value):
            raise TypeError(f"Unable to serialize `{value}` as a valid {scalar.name}.")
        return value

    scalar.serialize = checked  # type: ignore[method-assign]
    scalar.parse_value = checked  # type: ignore[method-assign]


def _json_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _json_value(value: Any) -> Any:
    try:
        return json.loads(value)
    except (TypeError, ValueError):
        raise TypeError(f"Unable to parse `{value}` as valid JSON.") from None


def _matches(pattern: re.Pattern[str]) -> Callable[[Any], bool]:
    def check(value: Any) -> bool:
        if not isinstance(value, str) or (match := pattern.fullmatch(value)) is None:
            return False
        date = match.groupdict().get("date")
        return date is None or date.startswith("-") or _is_date(date)

    return check


def _is_date(value: str) -> bool:
    try:
        datetime.date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _is_url(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return bool(parts.scheme and parts.netloc)


def _is_ip_address(value: Any) -> bool:
    try:
        ipaddress.ip_interface(value)
    except ValueError:
        return False
    return isinstance(value, str)


CHECKS: dict[str, Callable[[Any], bool]] = {
    "AWSDate": _matches(DATE),
    "AWSTime": _matches(TIME),
    "AWSDateTime": _matches(DATE_TIME),
    "AWSTimestamp": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "AWSEmail": _matches(EMAIL),
    "AWSURL": _is_url,
    "AWSPhone": _matches(PHONE),
    "AWSIPAddress": _is_ip_address,
}
