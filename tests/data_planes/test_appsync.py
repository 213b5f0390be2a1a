"""AppSync's data plane over HTTP: statuses, error bodies and headers."""

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.data_planes.appsync import page as graphiql
from tests.appsync_stand import API_KEY, COGNITO, Aws, data_plane

KEY = {"x-api-key": API_KEY}


@pytest.fixture
def aws() -> Aws:
    return Aws()


@pytest.fixture
def client(aws: Aws) -> Iterator[httpx.Client]:
    with data_plane(aws) as url, httpx.Client(base_url=url, timeout=30) as client:
        yield client


def refusal(error_type: str, message: str) -> str:
    return f'{{\n  "errors" : [ {{\n    "errorType" : "{error_type}",\n    "message" : "{message}"\n  }} ]\n}}'


@pytest.mark.parametrize(
    ("body", "error_type", "message"),
    [
        ("", "MalformedHttpRequestException", "Request body is empty."),
        ("{}", "MalformedHttpRequestException", "Unable to parse GraphQL query."),
        ("[]", "MalformedHttpRequestException", "Unable to parse GraphQL query."),
        ('{"query": null}', "MalformedHttpRequestException", "Unable to parse GraphQL query."),
        ('{"query": ""}', "MalformedHttpRequestException", "Unable to parse GraphQL query."),
        ('{"query": "{ names"}', "MalformedHttpRequestException", "Unable to parse GraphQL query."),
        ('{"query": "fragment F on File { id }"}', "MalformedHttpRequestException", "Unable to parse GraphQL query."),
        ("meow", "MalformedHttpRequestException", "Invalid JSON payload in POST request."),
        ('{"query": "query A { names } query B { names }"}', "BadRequestException", "Missing operation name."),
        (
            '{"query": "query A { names }", "operationName": "C"}',
            "BadRequestException",
            "Unknown operation named 'C'.",
        ),
    ],
)
def test_malformed_request_returns_400_and_the_reason(
    client: httpx.Client, body: str, error_type: str, message: str
) -> None:
    response = client.post("/graphql", content=body, headers={**KEY, "content-type": "application/json"})
    assert response.status_code == 400
    assert response.text == refusal(error_type, message)
    assert response.headers["x-amzn-errortype"] == error_type


def test_every_response_has_cors_headers(client: httpx.Client) -> None:
    for response in (client.post("/graphql", headers=KEY), client.post("/graphql", json={"query": "{ names }"})):
        assert response.headers["access-control-allow-origin"] == "*"
        assert response.headers["access-control-expose-headers"] == (
            "x-amzn-RequestId,x-amzn-ErrorType,x-amz-user-agent,x-amzn-ErrorMessage,Date,x-amz-schema-version"
        )
        assert len(response.headers["x-amzn-requestid"]) == 36


def test_preflight_needs_no_caller_and_allows_the_headers_of_amplify(client: httpx.Client) -> None:
    response = client.options("/graphql", headers={"origin": "http://localhost:5173"})
    assert response.status_code == 200
    assert "POST" in response.headers["access-control-allow-methods"]
    allowed = set(response.headers["access-control-allow-headers"].split(","))
    assert allowed >= {"content-type", "authorization", "x-api-key", "x-amz-date", "x-amz-user-agent"}


@pytest.mark.parametrize(
    "request_",
    [
        {"method": "POST", "json": {"query": "query Q { names }", "variables": None, "operationName": "Q"}},
        {"method": "POST", "json": {"query": "query Q { names }", "variables": {}}},
        {"method": "POST", "content": "{ names }", "headers": {"content-type": "application/graphql"}},
        {"method": "GET", "params": {"query": "query Q { names }", "variables": "{}", "operationName": "Q"}},
        {"method": "GET", "params": {"query": "{ names }"}},
        {"method": "POST", "json": {"query": "query Q { names } query R { unmarked }", "operationName": "Q"}},
    ],
)
def test_query_is_accepted_in_every_form_that_http_clients_send(
    client: httpx.Client, aws: Aws, request_: dict[str, Any]
) -> None:
    aws.function = lambda _event: ["a.txt"]
    response = client.request(url="/graphql", **{**request_, "headers": {**KEY, **request_.get("headers", {})}})
    assert (response.status_code, response.json()) == (200, {"data": {"names": ["a.txt"]}})


def test_subscription_is_refused_over_http(client: httpx.Client) -> None:
    response = client.post("/graphql", json={"query": "subscription { changed }"}, headers=KEY)
    assert (response.status_code, response.json()["errors"][0]["errorType"]) == (400, "BadRequestException")


def test_caller_is_checked_before_the_body(client: httpx.Client) -> None:
    assert client.post("/graphql", content="meow").status_code == 401


def test_response_larger_than_five_megabytes_is_refused(client: httpx.Client, aws: Aws) -> None:
    aws.function = lambda _event: ["x" * 1_000_000] * 6
    response = client.post("/graphql", json={"query": "{ names }"}, headers=KEY)
    assert response.status_code == 400


def test_log_has_names_and_durations_but_no_url(
    client: httpx.Client, aws: Aws, caplog: pytest.LogCaptureFixture
) -> None:
    aws.function = lambda _event: "https://files.example.com/a?Signature=bearer"
    with caplog.at_level(logging.DEBUG, logger="local"):
        client.post("/graphql", json={"query": '{ getUrl(name: "private name") }'}, headers=KEY)
    assert "query getUrl 200" in caplog.text
    assert "Signature" not in caplog.text
    assert "private name" not in caplog.text
    assert API_KEY not in caplog.text


def test_deployment_is_seen_without_a_restart(client: httpx.Client, aws: Aws) -> None:
    aws.function = lambda _event: "new"
    query = {"query": "{ addedLater }"}
    assert "FieldUndefined" in client.post("/graphql", json=query, headers=KEY).text
    aws.schema += "extend type Query { addedLater: String @aws_api_key }"
    aws.resolvers["Query"]["addedLater"] = 0
    assert client.post("/graphql", json=query, headers=KEY).json() == {"data": {"addedLater": "new"}}


def test_api_that_cannot_be_read_is_an_internal_failure(client: httpx.Client, aws: Aws) -> None:
    aws.api = {"authenticationType": "SOMETHING_ELSE"}
    response = client.post("/graphql", json={"query": "{ names }"}, headers=KEY)
    assert (response.status_code, response.headers["x-amzn-errortype"]) == (500, "InternalFailure")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"api": {"authenticationType": "OPENID_CONNECT"}}, "OPENID_CONNECT"),
        (
            {"api": {**COGNITO, "additionalAuthenticationProviders": [{"authenticationType": "AWS_LAMBDA"}]}},
            "AWS_LAMBDA",
        ),
        ({"schema": "type Query { names: AWSJSON }"}, "AWSJSON"),
        ({"schema": 'type Query { names: [String] @aws_auth(cognito_groups: ["admins"]) }'}, "@aws_auth"),
        ({"schema": "type Query { names: Thing } interface Thing { id: ID }"}, "Thing"),
        ({"schema": "type Query {"}, "Syntax Error"),
        ({"resolver": {"kind": "PIPELINE"}}, "pipeline resolver for Query.getUrl"),
        ({"resolver": {"requestMappingTemplate": "{}"}}, "resolver with code for Query.getUrl"),
        ({"resolver": {"code": "export function request() {}"}}, "resolver with code for Query.getUrl"),
        ({"data_source": {"name": "Files", "type": "AMAZON_DYNAMODB"}}, "data source AMAZON_DYNAMODB for Query.getUrl"),
    ],
)
def test_api_that_this_data_plane_does_not_do_is_refused_by_name(
    client: httpx.Client, aws: Aws, changes: dict[str, Any], named: str
) -> None:
    assert client.post("/graphql", json={"query": "{ names }"}, headers=KEY).status_code == 200
    for name, value in changes.items():
        setattr(aws, name, value)
    response = client.post("/graphql", json={"query": "{ names }"}, headers=KEY)
    assert (response.status_code, response.headers["x-amzn-errortype"]) == (500, "InternalFailure")
    [error] = response.json()["errors"]
    assert named in error["message"]
    assert "does not support" in error["message"]


def test_graphiql_loads_nothing_from_another_origin(client: httpx.Client) -> None:
    page = client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "script-src 'self';" in page.headers["content-security-policy"]
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert loaded
    for path in loaded:
        assert path.startswith("./")
        assert client.get(path.removeprefix(".")).status_code == 200


def test_page_that_is_not_built_says_so(client: httpx.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphiql, "DIST", tmp_path)
    response = client.get("/")
    assert (response.status_code, response.text) == (503, graphiql.NOT_BUILT)


def test_graphiql_gets_a_new_token_for_the_demo_user(aws: Aws) -> None:
    async def demo_token() -> str:
        return aws.token()

    aws.function = lambda event: event["identity"]["username"]
    with data_plane(aws, demo_token=demo_token) as url, httpx.Client(base_url=url, timeout=30) as client:
        token = client.get("/demo-token", headers={"sec-fetch-site": "same-origin"}).json()["token"]
        response = client.post("/graphql", json={"query": "{ unmarked }"}, headers={"authorization": token})
    assert response.json() == {"data": {"unmarked": "demo"}}


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://elsewhere.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"host": "rebound.example"},
        {"host": "rebound.example", "origin": "http://rebound.example"},
    ],
)
def test_other_pages_get_no_demo_token(aws: Aws, headers: dict[str, str]) -> None:
    async def demo_token() -> str:
        return aws.token()

    with data_plane(aws, demo_token=demo_token) as url:
        response = httpx.get(f"{url}/demo-token", headers=headers, timeout=30)
    assert response.status_code == 403
    assert "access-control-allow-origin" not in response.headers


def test_demo_token_without_a_demo_user_is_not_found(client: httpx.Client) -> None:
    assert client.get("/demo-token").status_code == 404


def test_response_is_plain_json(client: httpx.Client, aws: Aws) -> None:
    aws.function = lambda _event: "https://files.example.com/a%20b.jpg?Expires=1"
    response = client.post("/graphql", json={"query": '{ getUrl(name: "a b.jpg") }'}, headers=KEY)
    assert response.headers["content-type"] == "application/json;charset=UTF-8"
    assert json.loads(response.text) == {"data": {"getUrl": "https://files.example.com/a%20b.jpg?Expires=1"}}
