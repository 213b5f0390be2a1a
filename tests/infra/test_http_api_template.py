"""The HTTP API in the synthesized stack, and the OpenAPI document that describes it."""

import json
from typing import Any

from infra.http_api import LOGGED
from tests import PROJECT
from tests.synthesized import only, plain, resources, synthesized

DOCUMENT = PROJECT / "openapi.yaml"


def test_nothing_of_it_is_deployed_by_default() -> None:
    kinds = {resource["Type"] for resource in synthesized("default")["Resources"].values()}
    assert not {kind for kind in kinds if "ApiGateway" in kind}
    assert "RestUrl" not in synthesized("default")["Outputs"]


def test_every_route_requires_a_token_of_the_one_client() -> None:
    authorizer_id, authorizer = only("AWS::ApiGatewayV2::Authorizer", "http-api")
    routes = resources("AWS::ApiGatewayV2::Route", "http-api").values()
    assert len(routes) == 2
    for route in routes:
        assert route["Properties"]["AuthorizationType"] == "JWT"
        assert plain(route["Properties"]["AuthorizerId"]) == f"${{{authorizer_id}}}"
    (client_id,) = resources("AWS::Cognito::UserPoolClient", "http-api")
    (pool_id,) = resources("AWS::Cognito::UserPool", "http-api")
    assert plain(authorizer["JwtConfiguration"]) == {
        "Audience": [f"${{{client_id}}}"],
        "Issuer": f"https://cognito-idp.${{AWS::Region}}.amazonaws.com/${{{pool_id}}}",
    }


def test_without_auth_the_routes_are_open() -> None:
    routes = resources("AWS::ApiGatewayV2::Route", "open-http-api").values()
    assert {route["Properties"]["AuthorizationType"] for route in routes} == {"NONE"}


def test_requests_are_throttled_and_logged_without_query_and_response() -> None:
    _, stage = only("AWS::ApiGatewayV2::Stage", "http-api")
    assert stage["StageName"] == "$default"
    assert stage["DefaultRouteSettings"] == {"ThrottlingRateLimit": 500, "ThrottlingBurstLimit": 500}
    _, public = only("AWS::ApiGatewayV2::Stage", "open-http-api")
    assert public["DefaultRouteSettings"] == {"ThrottlingRateLimit": 50, "ThrottlingBurstLimit": 50}
    logged = json.loads(stage["AccessLogSettings"]["Format"])
    assert set(logged.values()) == {f"$context.{name}" for name in LOGGED}
    assert not {"path", "queryString", "rawQueryString"}.intersection(LOGGED)


def document() -> dict[str, Any]:
    from openapi_spec_validator.readers import read_from_filename  # noqa: PLC0415 - slow to import

    schema, _ = read_from_filename(str(DOCUMENT))
    return dict(schema)


def test_document_is_valid_openapi() -> None:
    from openapi_spec_validator import validate  # noqa: PLC0415

    validate(document())


def test_document_has_the_routes_that_are_deployed() -> None:
    deployed = {route["Properties"]["RouteKey"] for route in resources("AWS::ApiGatewayV2::Route", "http-api").values()}
    described = {f"{method.upper()} {path}" for path, item in document()["paths"].items() for method in item}
    assert described == deployed
