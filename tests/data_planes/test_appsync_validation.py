"""What is wrong with a document, in AppSync's words."""

import pytest
from graphql import parse

from local.data_planes.appsync.schema import build_schema
from local.data_planes.appsync.validation import validation_errors

SCHEMA = build_schema("""
scalar AWSDate
type Owner { name: String }
union Thing = Owner | File
type File { id: ID! size: Int owner: Owner owners: [Owner!]! things: [Thing] }
input Filter { prefix: String! size: Int inner: Filter }
enum Order { ASC DESC }
type Query {
  file(id: ID!, on: AWSDate, at: AWSDateTime, json: AWSJSON): File
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
            "message": "Validation error of type FieldUndefined: Field 'x' in type 'Query' is undefined @ 'x'",
        }
    ]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ('{ file(id: "1") { x } }', "FieldUndefined: Field 'x' in type 'File' is undefined @ 'file/x'"),
        ("{ file { id } }", "MissingFieldArgument: Missing field argument id @ 'file'"),
        ('{ file(id: "1", no: 1) { id } }', "UnknownArgument: Unknown field argument no @ 'file'"),
        ('{ file(id: "1") }', "SubSelectionRequired: Sub selection required for type File of field file @ 'file'"),
        (
            '{ file(id: "1") { owners } }',
            "SubSelectionRequired: Sub selection required for type null of field owners @ 'file/owners'",
        ),
        (
            '{ file(id: "1") { size { x } } }',
            "SubSelectionNotAllowed: Sub selection not allowed on leaf type Int of field size @ 'file/size'",
        ),
        (
            "query Q($id: ID) { file(id: $id) { id } }",
            "VariableTypeMismatch: Variable type 'ID' doesn't match expected type 'ID!' @ 'file'",
        ),
        ("{ file(id: $id) { id } }", "UndefinedVariable: Undefined variable id @ 'file'"),
        ('query Q($n: Int) { file(id: "1") { id } }', "UnusedVariable: Unused variable n"),
        ('query Q { file(id: "1") { ...F } }', "UndefinedFragment: Undefined fragment F @ 'file'"),
        ('{ file(id: "1") { id } } fragment F on File { id }', "UnusedFragment: Unused fragment F @ 'F'"),
        ('{ file(id: "1") { ... on No { id } } }', "UnknownType: Unknown type No @ 'file'"),
        (
            '{ file(id: "1") { ... on Owner { name } } }',
            "InvalidFragmentType: Fragment  cannot be spread here as objects of type File can never be of type Owner"
            " @ 'file'",
        ),
        ('{ file(id: "1") @no { id } }', "UnknownDirective: Unknown directive no @ 'file'"),
        (
            '{ file(id: "1") { id: size id } }',
            "FieldsConflict: id: size and id are different fields @ 'file'",
        ),
        (
            '{ files(limit: "ten") { id } }',
            "WrongType: argument 'limit' with value 'StringValue{value='ten'}' is not a valid 'Int' @ 'files'",
        ),
        ("{ file(id: null) { id } }", "WrongType: argument 'id' with value 'NullValue{}' must not be null @ 'file'"),
        (
            "{ files(order: UP) { id } }",
            "WrongType: argument 'order' with value 'EnumValue{name='UP'}' is not a valid 'Order' @ 'files'",
        ),
        (
            "{ files(sort: [{size: 10}]) { id } }",
            "WrongType: argument 'sort[0]' with value 'ArrayValue{values=[ObjectValue{objectFields=[ObjectField"
            "{name='size', value=IntValue{value=10}}]}]}' is missing required fields '[prefix]' @ 'files'",
        ),
        (
            '{ files(filter: {prefix: "a", no: true}) { id } }',
            "WrongType: argument 'filter' with value 'ObjectValue{objectFields=[ObjectField{name='prefix', "
            "value=StringValue{value='a'}}, ObjectField{name='no', value=BooleanValue{value=true}}]}' "
            "contains a field not in 'Filter': 'no' @ 'files'",
        ),
        (
            '{ files(filter: {prefix: "a", inner: {prefix: 1.5}}) { id } }',
            "WrongType: argument 'filter.inner.prefix' with value 'FloatValue{value=1.5}' is not a valid 'String'"
            " @ 'files'",
        ),
        (
            '{ file(id: "1", at: "yesterday") { id } }',
            "WrongType: argument 'at' with value 'StringValue{value='yesterday'}' is not a valid 'AWSDateTime'"
            " @ 'file'",
        ),
        (
            'query Q($n: Int = "ten") { files(limit: $n) { id } }',
            "BadValueForDefaultArg: Bad default value StringValue{value='ten'} for type Int",
        ),
    ],
)
def test_fault_is_reported_in_the_words_of_graphql_java(query: str, message: str) -> None:
    assert messages(query) == [f"Validation error of type {message}"]


def test_fault_is_where_the_field_or_the_variable_is() -> None:
    for query, column in (
        ('{ file(id: "1") { size { x } } }', 19),
        ("query Q($id: ID) { file(id: $id) { id } }", 29),
        ("{ file(id: 1, no: 1) { id } }", 15),
    ):
        [error] = validation_errors(SCHEMA, parse(query), introspection=True)
        assert error["locations"] == [{"line": 1, "column": column, "sourceName": None}]


def test_every_fault_is_reported() -> None:
    assert len(messages("{ x y file { z } }")) == 4


def test_valid_document_has_no_errors() -> None:
    assert messages('{ file(id: 1, on: "2024-02-29Z", at: "2024-02-29T12:00:00.5+01:00", json: "{}") { id } }') == []


def test_introspection_works_where_it_is_on() -> None:
    assert messages("{ __schema { types { name } } }") == []


@pytest.mark.parametrize(
    ("name", "rest"), [("__schema", "{ types { name kind } }"), ("__type", '(name: "File") { name kind }')]
)
def test_introspection_that_is_off_is_an_undefined_field(name: str, rest: str) -> None:
    [message] = messages(f"{{ {name} {rest} }}", introspection=False)
    assert message == f"Validation error of type FieldUndefined: Field '{name}' in type 'Query' is undefined @ '{name}'"


def test_typename_works_where_introspection_is_off() -> None:
    assert messages('{ __typename file(id: "1") { __typename } }', introspection=False) == []
