"""GraphQL documents: valid by construction, they are accepted; with one fault, they are not; graphql-core agrees."""

from __future__ import annotations

import json
from functools import cache, lru_cache
from pathlib import Path

from graphql import (
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

from fuzz.choices import Choices
from local.data_planes.appsync.document_limits import check_limits
from local.data_planes.appsync.schema import build_schema
from local.data_planes.appsync.validation import validation_errors

SDL = Path(__file__).parents[2] / "schema.graphql"
# What turns a valid document into another, and whether that one is valid.
CHANGES = {
    "": True,
    "{ nothing ": False,
    "{ __typename(x: 1) ": False,
    "{ ...Nothing ": False,
    "{ __typename @skip ": False,
    "{ same: __typename ... on Query { same: __typename } ": True,
    "{ __schema { description } ": True,
    "{ __type(name: 1) { name } ": False,
    "{ getUrl ": False,
    "{ getUrl(file: null) ": False,
    '{ getFile(file: "x") ': False,
    "{ getAccess { prefix(x: 1) } ": False,
    "{ ... on File { name } ": False,
}


def check(choices: Choices) -> None:
    query = _schema().query_type
    assert query is not None
    selected = _selection(choices, query, 0)
    change = choices.pick(list(CHANGES))
    if change:
        selected = selected.replace("{ ", change, 1)
    with_fragment = f"query A {{ ...F }} fragment F on Query {selected}"
    text = choices.pick([selected, f"query A {selected}", with_fragment])
    introspection = choices.flag()
    hidden = change.startswith("{ __schema") and not introspection
    assert _is_valid(text, introspection=introspection) == (CHANGES[change] and not hidden), text


@lru_cache(maxsize=50_000)  # validation takes most of the time, and most changes of an input make a document again
def _is_valid(text: str, *, introspection: bool) -> bool:
    document = parse(text)
    check_limits(document)
    errors = validation_errors(_schema(), document, introspection=introspection)
    assert all(error["message"].startswith("Validation error of type ") for error in errors)
    json.dumps(errors).encode()
    if introspection:
        assert bool(validate(_schema(), document)) == bool(errors), text
    return not errors


@cache
def _schema() -> GraphQLSchema:
    return build_schema(SDL.read_text())


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
    values = {
        "String": ['"x"', '"""\nx"""', '"é\\n"'],
        "Int": ["1", "-2147483648"],
        "Float": ["1.5", "3"],
        "Boolean": ["true"],
    }
    return choices.pick(values[str(kind)])
