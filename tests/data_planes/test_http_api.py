"""The data plane of an HTTP API, in front of an AWS API and a function that the test provides."""

import asyncio
from typing import Any

import httpx
import pytest

from local.data_planes.deployed_state import DeployedState
from local.data_planes.http_api.app import DataPlane
from local.data_planes.http_api.deployed_api import Authorizer, read
from local.data_planes.lambda_functions import FunctionFailed
from tests.http_api_stand import ApiGateway, Function


def get(function: Function, target: str = "/files", **headers: str) -> httpx.Response:
    """Return the response of an API without authorization."""
    plane: Any = DataPlane()
    plane.api, plane.functions = DeployedState(lambda: read(ApiGateway(), "api")), function

    async def send() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(plane), base_url="http://127.0.0.1:4570") as http:
            return await http.get(target, headers=headers)

    return asyncio.run(send())


def test_route_without_an_authorizer_is_open() -> None:
    response = get(Function({"files": ["été"]}))
    assert (response.status_code, response.json()) == (200, {"files": ["été"]})
    assert response.headers["content-type"] == "application/json"


def test_event_has_the_query_string_raw_and_decoded() -> None:
    function = Function({})
    get(function, "/files?prefix=a%2Bb&prefix=c+d", Cookie="x=y")
    (event,) = function.events
    assert event["rawQueryString"] == "prefix=a%2Bb&prefix=c+d"
    assert event["queryStringParameters"] == {"prefix": "a+b,c d"}
    assert (event["version"], event["routeKey"], event["rawPath"]) == ("2.0", "GET /files", "/files")
    assert "authorizer" not in event["requestContext"]
    assert event["requestContext"]["domainName"] == "127.0.0.1"


def test_result_with_a_status_is_the_response() -> None:
    headers = {"Content-Type": "application/problem+json"}
    response = get(Function({"statusCode": 400, "headers": headers, "body": "{}"}), Origin="http://localhost:5173")
    assert (response.status_code, response.text) == (400, "{}")
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("failure", [FunctionFailed("Lambda:Unhandled", "a secret"), RuntimeError("a secret")])
def test_failing_function_returns_500_without_a_reason(failure: Exception) -> None:
    response = get(Function(failure))
    assert (response.status_code, response.text) == (500, '{"message":"Internal Server Error"}')


def test_jwt_authorizer_has_an_issuer_and_an_audience() -> None:
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
def test_route_that_this_data_plane_does_not_do_is_refused_by_name(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="the route"):
        read(ApiGateway(**changes), "api")
