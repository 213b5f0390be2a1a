"""The HTTP API's data plane on one machine, in front of an AWS that says what it is told to."""

import asyncio
from typing import Any

import httpx
import pytest

from local.data_planes.appsync.errors import FieldError
from local.data_planes.http_api.app import DataPlane
from local.data_planes.http_api.deployed_api import Authorizer, DeployedApi, read

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:files"
CORS = {"AllowOrigins": ["*"], "AllowMethods": ["GET"], "AllowHeaders": ["authorization"], "MaxAge": 3600}


class ApiGateway:
    """The five answers that a deployed API is read from; `changes` are to its one route."""

    def __init__(self, **changes: Any) -> None:
        self.route = {"RouteKey": "GET /files", "Target": "integrations/i", "AuthorizationType": "NONE"} | changes
        self.authorizer = {
            "AuthorizerId": "a",
            "IdentitySource": ["$request.header.Authorization"],
            "JwtConfiguration": {"Issuer": "https://cognito-idp.us-east-1.amazonaws.com/pool", "Audience": ["client"]},
        }
        self.integration = {"IntegrationId": "i", "IntegrationType": "AWS_PROXY", "IntegrationUri": FUNCTION}
        self.integration["PayloadFormatVersion"] = "2.0"

    def get_api(self, **_: str) -> dict[str, Any]:
        return {"CorsConfiguration": CORS}

    def get_authorizers(self, **_: str) -> dict[str, Any]:
        return {"Items": [self.authorizer]}

    def get_integrations(self, **_: str) -> dict[str, Any]:
        return {"Items": [self.integration]}

    def get_stages(self, **_: str) -> dict[str, Any]:
        return {"Items": [{"StageName": "$default"}]}

    def get_routes(self, **_: str) -> dict[str, Any]:
        return {"Items": [self.route]}


class Reading:
    def __init__(self, api: DeployedApi) -> None:
        self._api = api

    async def current(self) -> DeployedApi:
        return self._api


class Function:
    """Answers `result` or raises it, and keeps the event."""

    def __init__(self, result: Any) -> None:
        self.result = result
        self.events: list[Any] = []

    async def invoke(self, function_arn: str, event: Any) -> Any:
        assert function_arn == FUNCTION
        self.events.append(event)
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


def get(function: Function, target: str = "/files", **headers: str) -> httpx.Response:
    """The answer of an API without authorization."""
    plane: Any = DataPlane()
    plane.api, plane.functions = Reading(read(ApiGateway(), "api")), function

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(plane), base_url="http://127.0.0.1:4570") as http:
            return await http.get(target, headers=headers)

    return asyncio.run(ask())


def test_without_auth_whoever_asks_is_answered() -> None:
    answer = get(Function({"files": ["été"]}))
    assert (answer.status_code, answer.json()) == (200, {"files": ["été"]})
    assert answer.headers["content-type"] == "application/json"


def test_function_is_told_the_query_as_it_was_sent_and_as_it_reads() -> None:
    function = Function({})
    get(function, "/files?prefix=a%2Bb&prefix=c+d", Cookie="x=y")
    (event,) = function.events
    assert event["rawQueryString"] == "prefix=a%2Bb&prefix=c+d"
    assert event["queryStringParameters"] == {"prefix": "a+b,c d"}
    assert (event["version"], event["routeKey"], event["rawPath"]) == ("2.0", "GET /files", "/files")
    assert "authorizer" not in event["requestContext"]


def test_answer_with_a_status_is_passed_on() -> None:
    headers = {"Content-Type": "application/problem+json"}
    answer = get(Function({"statusCode": 400, "headers": headers, "body": "{}"}), Origin="https://page.example")
    assert (answer.status_code, answer.text) == (400, "{}")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("failure", [FieldError("Lambda:Unhandled", "a secret"), RuntimeError("a secret")])
def test_failing_function_is_an_internal_server_error_and_no_more(failure: Exception) -> None:
    answer = get(Function(failure))
    assert (answer.status_code, answer.text) == (500, '{"message":"Internal Server Error"}')


def test_route_with_a_jwt_authorizer_knows_its_issuer_and_audience() -> None:
    api = read(ApiGateway(AuthorizationType="JWT", AuthorizerId="a"), "api")
    expected = Authorizer("https://cognito-idp.us-east-1.amazonaws.com/pool", frozenset(["client"]))
    assert api.routes["GET /files"].authorizer == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"AuthorizationType": "AWS_IAM"},
        {"AuthorizationType": "JWT", "AuthorizerId": "a", "AuthorizationScopes": ["files"]},
        {"RouteKey": "ANY /files"},
        {"RouteKey": "GET /{name+}"},
        {"RouteKey": "$default"},
    ],
)
def test_what_is_not_understood_is_refused_instead_of_opened(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="the route"):
        read(ApiGateway(**changes), "api")
