"""The events of resolvers, their results and errors, and the access to fields."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.appsync_stand import API_KEY, Aws, Raised, data_plane

KEY = {"x-api-key": API_KEY}


@pytest.fixture
def aws() -> Aws:
    return Aws()


@pytest.fixture
def client(aws: Aws) -> Iterator[httpx.Client]:
    with data_plane(aws) as url, httpx.Client(base_url=url, timeout=60) as client:
        yield client


def send(
    client: httpx.Client, query: str, variables: dict[str, Any] | None = None, headers: dict[str, str] | None = None
) -> dict[str, Any]:
    response = client.post("/graphql", json={"query": query, "variables": variables}, headers=headers or KEY)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


# The event


def test_event_has_every_key_that_appsync_sends(client: httpx.Client, aws: Aws) -> None:
    send(client, "query Q($n: String!) {\n  getUrl(name: $n)\n}", {"n": "a b.jpg"}, {**KEY, "X-Custom": "Yes"})
    [event] = aws.events
    headers = event.pop("request")["headers"]
    assert event == {
        "arguments": {"name": "a b.jpg"},
        "identity": None,
        "source": None,
        "prev": None,
        "info": {
            "selectionSetList": [],
            "selectionSetGraphQL": "",
            "parentTypeName": "Query",
            "fieldName": "getUrl",
            "variables": {"n": "a b.jpg"},
        },
        "stash": {},
    }
    assert headers["x-custom"] == "Yes"
    assert headers["x-api-key"] == API_KEY


def test_domain_name_is_null(client: httpx.Client, aws: Aws) -> None:
    send(client, "{ names }")
    assert aws.events[0]["request"]["domainName"] is None


def test_selection_is_listed_by_alias_and_path_and_written_as_graphql(client: httpx.Client, aws: Aws) -> None:
    query = """
      query Q($no: Boolean = false) {
        getFile(id: 7) {
          id title: name
          owner { name }
          ...Rest
          ... on File { size @include(if: $no) at @skip(if: $no) }
        }
      }
      fragment Rest on File { alias: id owner { who: name } }
    """
    send(client, query)
    info = aws.events[0]["info"]
    assert info["selectionSetList"] == ["id", "title", "owner", "owner/name", "alias", "owner/who", "at"]
    assert info["selectionSetGraphQL"].startswith("{\n  id\n  title: name\n  owner {\n    name\n  }\n  ...Rest\n")
    assert aws.events[0]["arguments"] == {"id": "7"}


def test_argument_by_a_variable_without_a_value_is_null(client: httpx.Client, aws: Aws) -> None:
    send(client, "query Q($limit: Int) { getFiles(limit: $limit, order: DESC) { nextToken } }")
    assert aws.events[0]["arguments"] == {"limit": None, "order": "DESC"}


# Results


@pytest.mark.parametrize("name", ["plain", "ü", "a/b?c=d&e"])
def test_string_is_a_result(client: httpx.Client, aws: Aws, name: str) -> None:
    aws.function = lambda event: event["arguments"]["name"]
    assert send(client, "query Q($n: String!) { getUrl(name: $n) }", {"n": name}) == {"data": {"getUrl": name}}


def test_list_is_a_result(client: httpx.Client, aws: Aws) -> None:
    aws.function = lambda _event: ["a", None, "b"]
    assert send(client, "{ names }") == {"data": {"names": ["a", None, "b"]}}


def test_fields_without_a_resolver_are_properties_of_their_source(client: httpx.Client, aws: Aws) -> None:
    aws.function = lambda _event: {"id": 1, "size": 3, "owner": {"name": "x"}, "extra": True}
    assert send(client, '{ getFile(id: "1") { id name size owner { name } __typename } }')["data"]["getFile"] == {
        "id": "1",
        "name": None,
        "size": 3,
        "owner": {"name": "x"},
        "__typename": "File",
    }


def test_sibling_queries_run_at_the_same_time(client: httpx.Client, aws: Aws) -> None:
    waiting: list[Any] = []

    async def function(event: Any) -> str:
        waiting.append(event)
        # Returns only when all three are running: one after the other, they would time out.
        async with asyncio.timeout(20):
            while len(waiting) < 3:
                await asyncio.sleep(0.005)
        return str(event["arguments"]["name"])

    aws.function = function
    query = '{ a: getUrl(name: "1") b: getUrl(name: "2") c: getUrl(name: "3") }'
    assert send(client, query) == {"data": {"a": "1", "b": "2", "c": "3"}}


def test_mutations_run_one_after_the_other(client: httpx.Client, aws: Aws) -> None:
    running: list[str] = []

    async def function(event: Any) -> Any:
        running.append(event["arguments"]["id"])
        assert len(running) == 1
        await asyncio.sleep(0.02)
        return {"id": running.pop()}

    aws.function = function
    query = 'mutation { a: rename(id: 1, name: "n") { id } b: rename(id: 2, name: "n") { id } }'
    response = send(client, query, headers={"authorization": aws.token()})
    assert response == {"data": {"a": {"id": "1"}, "b": {"id": "2"}}}


# Errors


def test_raised_exception_is_an_error_and_siblings_are_kept(client: httpx.Client, aws: Aws) -> None:
    def function(event: Any) -> Any:
        if event["info"]["fieldName"] == "names":
            return ["kept"]
        raise Raised({"errorType": "NotServable", "errorMessage": "no such file", "stackTrace": ["secret"]})

    aws.function = function
    assert send(client, '{\n  getUrl(name: "x")\n  names\n}') == {
        "data": {"getUrl": None, "names": ["kept"]},
        "errors": [
            {
                "path": ["getUrl"],
                "data": None,
                "errorType": "NotServable",
                "errorInfo": None,
                "locations": [{"line": 2, "column": 3, "sourceName": None}],
                "message": "no such file",
            }
        ],
    }


@pytest.mark.parametrize(
    ("payload", "error_type", "message"),
    [
        ({"errorMessage": "gone"}, "Lambda:Unhandled", "gone"),
        (
            {"errorType": "Sandbox.Timedout", "errorMessage": "RequestId: 1 Error: Task timed out after 3.00 seconds"},
            "Lambda:ExecutionTimeoutException",
            "Execution timed out.",
        ),
        (
            {"errorMessage": "2026-01-01T00:00:00Z 1 Task timed out after 3.00 seconds"},
            "Lambda:ExecutionTimeoutException",
            "Execution timed out.",
        ),
    ],
)
def test_function_that_ends_without_an_exception_class(
    client: httpx.Client, aws: Aws, payload: dict[str, Any], error_type: str, message: str
) -> None:
    def function(_event: Any) -> Any:
        raise Raised(payload)

    aws.function = function
    [error] = send(client, "{ names }")["errors"]
    assert (error["errorType"], error["message"]) == (error_type, message)


def test_request_that_takes_too_long_is_ended(client: httpx.Client, aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    async def function(_event: Any) -> Any:
        await asyncio.sleep(60)

    aws.function = function
    monkeypatch.setattr("local.data_planes.appsync.execution.REQUEST_SECONDS", 0.1)
    started_at = time.monotonic()
    response = send(client, "{ names }")
    assert response["data"] is None
    assert response["errors"][0]["errorType"] == "ExecutionTimeout"
    assert time.monotonic() - started_at < 30


@pytest.mark.parametrize(
    ("result", "query", "data", "path", "message"),
    [
        (
            {"name": "a"},
            "{ getFile(id: 1) { id name } names }",
            {"getFile": None, "names": None},
            ["getFile", "id"],
            "Cannot return null for non-nullable field File.id.",
        ),
        (
            {"items": [{"id": 1}, None]},
            "{ getFiles { items { id } } }",
            {"getFiles": {"items": None}},
            ["getFiles", "items", 1],
            "Cannot return null for non-nullable field FilePage.items.",
        ),
        (
            {"items": {"id": 1}},
            "{ getFiles { items { id } } }",
            {"getFiles": {"items": None}},
            ["getFiles", "items"],
            "Expected Iterable, but did not find one for field 'FilePage.items'.",
        ),
        (
            "text",
            "{ getFile(id: 1) { id } }",
            {"getFile": None},
            ["getFile"],
            "Expected value of type 'File' but got: 'text'.",
        ),
        (
            {"id": 1, "at": "yesterday"},
            "{ getFile(id: 1) { at } }",
            {"getFile": {"at": None}},
            ["getFile", "at"],
            "Unable to serialize `yesterday` as a valid AWSDateTime.",
        ),
    ],
)
def test_result_that_does_not_fit_the_schema_is_an_error(
    client: httpx.Client, aws: Aws, *, result: Any, query: str, data: Any, path: list[Any], message: str
) -> None:
    aws.function = lambda event: None if event["info"]["fieldName"] == "names" else result
    assert send(client, query) == {"data": data, "errors": [{"path": path, "locations": None, "message": message}]}


@pytest.mark.parametrize(
    ("query", "variables", "message"),
    [
        (
            "query Q($n: String!) { getUrl(name: $n) }",
            {},
            "Variable '$n' of required type 'String!' was not provided.",
        ),
        (
            "query Q($n: String!) { getUrl(name: $n) }",
            {"n": None},
            "Variable '$n' of non-null type 'String!' must not be null.",
        ),
        (
            "query Q($f: Filter) { getFiles(filter: $f) { nextToken } }",
            {"f": {"limit": 1}},
            "Variable '$f' got invalid value {'limit': 1}; Field 'prefix' of required type 'String!' was not provided.",
        ),
        (
            "query Q($f: Filter) { getFiles(filter: $f) { nextToken } }",
            {"f": {"prefix": "a", "no": 1}},
            "Variable '$f' got invalid value {'prefix': 'a', 'no': 1}; Field 'no' is not defined by type 'Filter'.",
        ),
        (
            "query Q($l: Int) { getFiles(limit: $l) { nextToken } }",
            {"l": "ten"},
            "Variable '$l' got invalid value 'ten'; Int cannot represent non-integer value: 'ten'",
        ),
    ],
)
def test_variable_that_does_not_fit_runs_nothing(
    client: httpx.Client, aws: Aws, query: str, variables: dict[str, Any], message: str
) -> None:
    response = send(client, query, variables)
    assert response == {
        "data": None,
        "errors": [{"path": None, "locations": [{"line": 1, "column": 9, "sourceName": None}], "message": message}],
    }
    assert aws.events == []


def test_invalid_document_runs_nothing_and_is_a_200(client: httpx.Client, aws: Aws) -> None:
    response = send(client, "{ names x }")
    assert response["data"] is None
    assert response["errors"][0]["message"] == (
        "Validation error of type FieldUndefined: Cannot query field 'x' on type 'Query'."
    )
    assert aws.events == []


def test_required_field_that_fails_ends_the_request_and_its_siblings(client: httpx.Client, aws: Aws) -> None:
    aws.schema = "type Query { names: [String] @aws_api_key required: String! @aws_iam }"
    aws.resolvers["Query"]["required"] = 0
    response = send(client, "{ names required }")
    assert response["data"] is None
    assert [error["path"] for error in response["errors"]] == [["required"]]
    assert send(client, "{ names }") == {"data": {"names": None}}


# Batches


def batched(aws: Aws, size: int, resolve: Any) -> None:
    aws.resolvers["File"] = {"owner": size}

    def function(event: Any) -> Any:
        if isinstance(event, list):
            return [resolve(item) for item in event]
        return {"items": [{"id": number} for number in range(5)]}

    aws.function = function


def batches(aws: Aws) -> list[int]:
    return [len(event) for event in aws.events if isinstance(event, list)]


def test_batch_resolver_is_sent_lists_of_at_most_its_size(client: httpx.Client, aws: Aws) -> None:
    batched(aws, 2, lambda item: {"data": {"name": f"owner of {item['source']['id']}"}})
    items = send(client, "{ getFiles { items { id owner { name } } } }")["data"]["getFiles"]["items"]
    assert [item["owner"]["name"] for item in items] == [f"owner of {number}" for number in range(5)]
    assert sorted(batches(aws)) == [1, 2, 2]
    [event, *_] = next(event for event in aws.events if isinstance(event, list))
    assert event["info"]["parentTypeName"] == "File"
    assert event["source"] == {"id": 0}


def test_every_event_of_a_batch_repeats_the_headers_and_the_identity(client: httpx.Client, aws: Aws) -> None:
    batched(aws, 100, lambda _item: {"data": {"name": "x"}})
    token = aws.token(groups=["admins"])
    query = {"query": "{ getFiles { items { owner { name } } } }"}
    client.post("/graphql", json=query, headers={"authorization": token})
    [batch] = [event for event in aws.events if isinstance(event, list)]
    assert [event["request"]["headers"]["authorization"] for event in batch] == [token] * 5
    assert [event["identity"]["claims"]["cognito:groups"] for event in batch] == [["admins"]] * 5


def test_batch_larger_than_the_list_is_one_invocation(client: httpx.Client, aws: Aws) -> None:
    batched(aws, 100, lambda _item: {"data": {"name": "x"}})
    send(client, "{ getFiles { items { owner { name } } } }")
    assert batches(aws) == [5]


def test_failed_item_of_a_batch_fails_alone(client: httpx.Client, aws: Aws) -> None:
    def resolve(item: Any) -> Any:
        if item["source"]["id"] == 1:
            return {"data": None, "errorMessage": "gone", "errorType": "NotFound"}
        return {"data": {"name": "x"}, "errorMessage": None, "errorType": None}

    batched(aws, 100, resolve)
    response = send(client, "{ getFiles { items { owner { name } } } }")
    owners = [item["owner"] for item in response["data"]["getFiles"]["items"]]
    assert owners == [{"name": "x"}, None, {"name": "x"}, {"name": "x"}, {"name": "x"}]
    [error] = response["errors"]
    assert (error["path"], error["errorType"], error["message"]) == (
        ["getFiles", "items", 1, "owner"],
        "NotFound",
        "gone",
    )


def test_raise_in_a_batch_fails_every_item(client: httpx.Client, aws: Aws) -> None:
    def resolve(_item: Any) -> Any:
        raise Raised({"errorType": "Broken", "errorMessage": "all of it"})

    batched(aws, 100, resolve)
    errors = send(client, "{ getFiles { items { owner { name } } } }")["errors"]
    assert [error["errorType"] for error in errors] == ["Broken"] * 5


def test_batch_result_of_another_length_fails_every_item(client: httpx.Client, aws: Aws) -> None:
    batched(aws, 100, None)
    whole = aws.function
    aws.function = lambda event: [] if isinstance(event, list) else whole(event)
    assert len(send(client, "{ getFiles { items { owner { name } } } }")["errors"]) == 5


# Field access


def unauthorized(response: dict[str, Any]) -> list[str]:
    errors = response.get("errors", [])
    assert all(
        (error["errorType"], error["errorInfo"], error["data"]) == ("Unauthorized", None, None) for error in errors
    )
    return [error["message"] for error in errors]


def test_field_not_allowed_for_the_caller_is_null_and_siblings_are_kept(client: httpx.Client, aws: Aws) -> None:
    aws.function = lambda _event: ["kept"]
    response = send(client, "{ names unmarked }")
    assert response["data"] == {"names": ["kept"], "unmarked": None}
    assert response["errors"] == [
        {
            "path": ["unmarked"],
            "data": None,
            "errorType": "Unauthorized",
            "errorInfo": None,
            "locations": [{"line": 1, "column": 9, "sourceName": None}],
            "message": "Not Authorized to access unmarked on type Query",
        }
    ]
    assert [event["info"]["fieldName"] for event in aws.events] == ["names"]


def test_unmarked_field_belongs_to_the_default_mode(client: httpx.Client, aws: Aws) -> None:
    aws.function = lambda _event: "yes"
    assert send(client, "{ unmarked }", headers={"authorization": aws.token()}) == {"data": {"unmarked": "yes"}}
    assert unauthorized(send(client, "{ unmarked }")) == ["Not Authorized to access unmarked on type Query"]


def test_directive_on_a_field_overrides_those_on_its_type(client: httpx.Client, aws: Aws) -> None:
    aws.function = lambda _event: {"id": 1, "secret": "x"}
    response = send(client, "{ getFile(id: 1) { id secret } }")
    assert response["data"] == {"getFile": {"id": "1", "secret": None}}
    assert unauthorized(response) == ["Not Authorized to access secret on type File"]


@pytest.mark.parametrize(("groups", "allowed"), [(None, False), (["users"], False), (["users", "admins"], True)])
def test_directive_with_groups_requires_one_of_them(
    client: httpx.Client, aws: Aws, groups: list[str] | None, allowed: bool
) -> None:
    aws.function = lambda _event: "yes"
    response = send(client, "{ forAdmins }", headers={"authorization": aws.token(groups=groups)})
    assert (response["data"]["forAdmins"] == "yes") is allowed
    assert (unauthorized(response) == []) is allowed


def test_default_action_deny_refuses_unmarked_fields(client: httpx.Client, aws: Aws) -> None:
    aws.api["userPoolConfig"] = {**aws.api["userPoolConfig"], "defaultAction": "DENY"}
    token = {"authorization": aws.token()}
    assert unauthorized(send(client, "{ unmarked }", headers=token)) == [
        "Not Authorized to access unmarked on type Query"
    ]
    assert unauthorized(send(client, "{ names }", headers=token)) == []


# Limits


def test_depth_limit_fails_the_fields_below_it(client: httpx.Client, aws: Aws) -> None:
    aws.api["queryDepthLimit"] = 2
    aws.function = lambda _event: {"id": 1, "owner": {"name": "x"}}
    assert "errors" not in send(client, "{ getFile(id: 1) { id } }")
    [error] = send(client, "{ getFile(id: 1) { id owner { name } } }")["errors"]
    assert error["errorType"] == "QueryDepthLimitReached"


def test_resolver_limit_fails_the_fields_beyond_it(client: httpx.Client, aws: Aws) -> None:
    aws.api["resolverCountLimit"] = 2
    [error] = send(client, "{ a: names b: names c: names }")["errors"]
    assert (error["path"], error["errorType"]) == (["c"], "ResolverExecutionLimitReached")


def test_introspection_that_is_off_is_a_validation_error(client: httpx.Client, aws: Aws) -> None:
    assert "errors" not in send(client, "{ __schema { queryType { name } } }")
    aws.api["introspectionConfig"] = "DISABLED"
    assert send(client, "{ __typename }") == {"data": {"__typename": "Query"}}
    assert "FieldUndefined" in send(client, "{ __schema { queryType { name } } }")["errors"][0]["message"]
