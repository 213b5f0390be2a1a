"""Documents that would hold the GraphQL API for long, or make it recurse too deeply, are refused before validation."""

import pytest
from graphql import get_introspection_query, parse

from local.data_planes.appsync.document_limits import check_limits
from local.data_planes.appsync.errors import RequestError


def numbered(template: str, count: int) -> str:
    return " ".join(template.replace("#", str(number)).replace("+", str(number + 1)) for number in range(count))


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ("{" + "a{" * 120 + "b" + "}" * 121, "nests deeper than 100 levels"),
        ("query ($x: " + "[" * 900 + "Int" + "]" * 900 + ") { a }", "nests deeper than 100 levels"),
        ("{ a(b: " + "[" * 150 + "]" * 150 + ") }", "nests deeper than 100 levels"),
        ("{" + "...{" * 120 + "b" + "}" * 121, "nests deeper than 100 levels"),
        ("{ ...F0 } " + numbered("fragment F# on T { a { a { ...F+ } } }", 90), "nests deeper than 100 levels"),
        ("{ ...F0 } " + numbered("fragment F# on T { ...F+ }", 800), "has more than 100 fragments"),
        (
            "{ ...F0 } " + numbered("fragment F# on T { a { ...F+ } b { ...F+ } }", 30),
            "selects more than 30,000 fields",
        ),
        ("{" + "a" * 300 + ": b { c } }", "has a name of more than 255 characters"),
        ("{" + numbered("a", 3_000) + "}", "repeats a field too often"),
        ("{" + numbered('a: get(name: "#")', 300) + "}", "repeats a field too often"),
        ("{ __schema { types { " + "fields { type { " * 5 + "name" + " }" * 13, "selects more than 30,000 fields"),
        ("{" + numbered("a#: __schema { types { fields { name } } }", 200) + "}", "selects more than 30,000 fields"),
    ],
    ids=lambda text: text[:30],
)
def test_document_that_costs_too_much_is_refused(document: str, reason: str) -> None:
    with pytest.raises(RequestError) as refused:
        check_limits(parse(document))
    assert (refused.value.status, refused.value.error_type) == (400, "BadRequestException")
    assert refused.value.message.startswith("The document ")
    assert reason in refused.value.message
    assert refused.value.message.endswith(": make it simpler, or split it.")


@pytest.mark.parametrize(
    "document",
    [
        get_introspection_query(),
        get_introspection_query(
            specified_by_url=True,
            directive_is_repeatable=True,
            schema_description=True,
            input_value_deprecation=True,
        ),
        "{" + numbered('a#: getUrl(file: "#")', 1_800) + "}",
        "{" + numbered('a#: getFile(file: "#") { name size url }', 1_000) + "}",
        "{ ...F0 } " + numbered("fragment F# on Query { ...F+ }", 99) + " fragment F99 on Query { a }",
        "fragment F on Query { a { ...F } } { ...F }",
        "{ ...Unknown }",
        '{ getUrl(file: "' + "a" * 1_024 + '") }',
    ],
    ids=["introspection", "all of it", "many URLs", "many files", "chain", "cycle", "unknown", "long value"],
)
def test_document_of_a_client_is_within_the_limits(document: str) -> None:
    check_limits(parse(document, max_tokens=15_000))
