"""Validation errors: AppSync's type in front of graphql-core's message."""

import pytest
from graphql import parse, specified_rules

from local.data_planes.appsync.schema import build_schema
from local.data_planes.appsync.validation import ERROR_TYPES, validation_errors

SCHEMA = build_schema("""
type Owner { name: String }
type File { id: ID! size: Int owner: Owner owners: [Owner!]! }
input Filter { prefix: String! size: Int inner: Filter }
enum Order { ASC DESC }
type Query {
  file(id: ID!, at: AWSDateTime): File
  files(filter: Filter, sort: [Filter], order: Order, limit: Int): [File]
}
""")


def messages(query: str, *, introspection: bool = True) -> list[str]:
    return [error["message"] for error in validation_errors(SCHEMA, parse(query), introspection=introspection)]


def test_entry_has_no_path_and_one_place() -> None:
    assert validation_errors(SCHEMA, parse("{ x }"), introspection=True) == [
        {
            "path": None,
            "locations": [{"line": 1, "column": 3, "sourceName": None}],
            "message": "Validation error of type FieldUndefined: Cannot query field 'x' on type 'Query'.",
        }
    ]


@pytest.mark.parametrize(
    ("query", "error_type", "named"),
    [
        ('{ file(id: "1") { x } }', "FieldUndefined", "'x' on type 'File'"),
        ("{ file { id } }", "MissingFieldArgument", "'file' argument 'id'"),
        ('{ file(id: "1", no: 1) { id } }', "UnknownArgument", "'no' on field 'Query.file'"),
        ('{ file(id: "1") }', "SubSelectionRequired", "'file' of type 'File'"),
        ('{ file(id: "1") { owners } }', "SubSelectionRequired", "'owners' of type '[Owner!]!'"),
        ('{ file(id: "1") { size { x } } }', "SubSelectionNotAllowed", "'size'"),
        ("query Q($id: ID) { file(id: $id) { id } }", "VariableTypeMismatch", "'$id' of type 'ID'"),
        ("{ file(id: $id) { id } }", "UndefinedVariable", "'$id'"),
        ('query Q($n: Int) { file(id: "1") { id } }', "UnusedVariable", "'$n'"),
        ('query Q { file(id: "1") { ...F } }', "UndefinedFragment", "'F'"),
        ('{ file(id: "1") { id } } fragment F on File { id }', "UnusedFragment", "'F'"),
        ('{ file(id: "1") { ... on No { id } } }', "UnknownType", "'No'"),
        ('{ file(id: "1") { ... on Owner { name } } }', "InvalidFragmentType", "'Owner'"),
        ('{ file(id: "1") @no { id } }', "UnknownDirective", "'@no'"),
        ('{ file(id: "1") { id @include } }', "MissingDirectiveArgument", "'@include' argument 'if'"),
        ('{ file(id: "1") { id: size id } }', "FieldsConflict", "'id'"),
        ('{ files(limit: "ten") { id } }', "WrongType", "Int"),
        ("{ file(id: null) { id } }", "WrongType", "'ID!'"),
        ("{ files(order: UP) { id } }", "WrongType", "'Order'"),
        ("{ files(sort: [{size: 10}]) { id } }", "WrongType", "'Filter.prefix'"),
        ('{ files(filter: {prefix: "a", no: true}) { id } }', "WrongType", "'no'"),
        ('{ files(filter: {prefix: "a", inner: {prefix: 1.5}}) { id } }', "WrongType", "String"),
        ('{ file(id: "1", at: "yesterday") { id } }', "WrongType", "'AWSDateTime'"),
        ('query Q($n: Int = "ten") { files(limit: $n) { id } }', "WrongType", "Int"),
    ],
)
def test_error_has_the_type_of_its_rule_and_names_the_field(query: str, error_type: str, named: str) -> None:
    [message] = messages(query)
    assert message.startswith(f"Validation error of type {error_type}: ")
    assert named in message


def test_every_rule_of_graphql_core_has_an_error_type() -> None:
    # AppSync's names for these are not known; SingleFieldSubscriptions cannot report, as subscriptions are refused.
    unnamed = {"MaxIntrospectionDepthRule", "SingleFieldSubscriptionsRule", "UniqueInputFieldNamesRule"}
    assert {rule.__name__ for rule in specified_rules if rule not in ERROR_TYPES} == unnamed


def test_location_is_the_one_of_graphql_core() -> None:
    for query, columns in (
        ('{ file(id: "1") { size { x } } }', [24]),
        ("query Q($id: ID) { file(id: $id) { id } }", [9, 29]),
        ("{ file(id: 1, no: 1) { id } }", [15]),
    ):
        [error] = validation_errors(SCHEMA, parse(query), introspection=True)
        assert error["locations"] == [{"line": 1, "column": column, "sourceName": None} for column in columns]


def test_every_fault_is_reported() -> None:
    assert len(messages("{ x y file { z } }")) == 4


def test_valid_document_has_no_errors() -> None:
    assert messages('{ file(id: 1, at: "2024-02-29T12:00:00.5+01:00") { id } }') == []


def test_introspection_works_where_it_is_on() -> None:
    assert messages("{ __schema { types { name } } }") == []


@pytest.mark.parametrize(
    ("name", "rest"), [("__schema", "{ types { name kind } }"), ("__type", '(name: "File") { name kind }')]
)
def test_introspection_that_is_off_is_an_undefined_field(name: str, rest: str) -> None:
    [message] = messages(f"{{ {name} {rest} }}", introspection=False)
    assert message.startswith("Validation error of type FieldUndefined: ")
    assert f"'{name}'" in message or f"'Query.{name}'" in message


def test_typename_works_where_introspection_is_off() -> None:
    assert messages('{ __typename file(id: "1") { __typename } }', introspection=False) == []
