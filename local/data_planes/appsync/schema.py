"""The deployed schema, with the scalars and directives of AppSync that this data plane does."""

import datetime
import re
from functools import lru_cache
from typing import Any

from graphql import (
    FieldDefinitionNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    Node,
    StringValueNode,
    TokenKind,
    TypeDefinitionNode,
    Visitor,
    build_ast_schema,
    concat_ast,
    is_abstract_type,
    parse,
    visit,
)

ADDED_BY_APPSYNC = parse(
    """
    scalar AWSDateTime
    directive @aws_api_key on FIELD_DEFINITION | OBJECT
    directive @aws_iam on FIELD_DEFINITION | OBJECT
    directive @aws_cognito_user_pools(cognito_groups: [String]) on FIELD_DEFINITION | OBJECT
    """,
    no_location=True,
)
# The offset is required: https://docs.aws.amazon.com/appsync/latest/devguide/scalars.html
DATE_TIME = re.compile(r"(?P<date>-?\d{4}-\d\d-\d\d)T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d(:\d\d)?)")


@lru_cache(maxsize=1)
def build_schema(sdl: str) -> GraphQLSchema:
    """Return the executable schema of a deployed SDL, which is built again only when the SDL changes.

    Raises ValueError if the SDL uses what is not supported here, such as another scalar or directive of AppSync.
    """
    try:
        schema = build_ast_schema(concat_ast([visit(parse(sdl), _CommentsAsDescriptions()), ADDED_BY_APPSYNC]))
    except (GraphQLError, TypeError) as error:
        raise ValueError(f"the schema of the API uses what this data plane does not support: {error}") from error
    for graphql_type in schema.type_map.values():
        if is_abstract_type(graphql_type):
            raise ValueError(f"the API uses the abstract type {graphql_type}, which this data plane does not support")
        if isinstance(graphql_type, GraphQLObjectType) and not graphql_type.name.startswith("__"):
            graphql_type.is_type_of = lambda value, _info: isinstance(value, dict)
        elif isinstance(graphql_type, GraphQLScalarType) and graphql_type.name == "AWSDateTime":
            # Both are instance attributes here, as graphql-core itself sets them.
            graphql_type.serialize = _date_time  # type: ignore[method-assign]
            graphql_type.parse_value = _date_time  # type: ignore[method-assign]
    return schema


class _CommentsAsDescriptions(Visitor):
    """AppSync drops descriptions in quotes; comments right before a type or field are its description.

    https://github.com/aws/aws-appsync-community/issues/38
    """

    def enter(self, node: Node, *_: object) -> None:
        if not isinstance(node, (TypeDefinitionNode, FieldDefinitionNode)):
            return
        comments: list[str] = []
        token = node.loc.start_token.prev if node.loc and not node.description else None
        while token and token.kind == TokenKind.COMMENT and token.prev and token.prev.line < token.line:
            comments.insert(0, token.value or "")
            token = token.prev
        text = "\n".join(comment.removeprefix(" ") for comment in comments)
        node.description = StringValueNode(value=text) if text else None


def _date_time(value: Any) -> str:
    match = DATE_TIME.fullmatch(value) if isinstance(value, str) else None
    if match is None or not (match["date"].startswith("-") or _is_date(match["date"])):
        raise TypeError(f"Unable to serialize `{value}` as a valid AWSDateTime.")
    return str(value)


def _is_date(value: str) -> bool:
    try:
        datetime.date.fromisoformat(value)
    except ValueError:
        return False
    return True
