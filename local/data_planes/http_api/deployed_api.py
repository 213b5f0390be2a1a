"""The HTTP API as it is deployed now, read through the AWS API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Authorizer:
    """The issuer and the app clients whose tokens a route accepts."""

    issuer: str
    audience: frozenset[str]


@dataclass(frozen=True)
class Route:
    """The function of a route key, and its authorizer; without one, the route is open to everybody."""

    key: str
    function_arn: str
    authorizer: Authorizer | None


@dataclass(frozen=True)
class DeployedApi:
    """One reading of the API: its routes by key, such as `GET /files`, and its CORS settings."""

    api_id: str
    routes: Mapping[str, Route]
    cors: Mapping[str, Any]


def read(client: Any, api_id: str) -> DeployedApi:
    """Return the API as it is deployed; `client` is boto3's `apigatewayv2`.

    Raises ValueError if the API uses what this data plane does not support, because doing part of it could open what
    the rest closes.
    """
    api = client.get_api(ApiId=api_id)
    authorizers = {found["AuthorizerId"]: found for found in client.get_authorizers(ApiId=api_id)["Items"]}
    integrations = {found["IntegrationId"]: found for found in client.get_integrations(ApiId=api_id)["Items"]}
    if [stage["StageName"] for stage in client.get_stages(ApiId=api_id)["Items"]] != ["$default"]:
        raise ValueError(
            f"the HTTP API {api_id} uses stages other than $default, which this data plane does not support"
        )
    routes = {}
    for route in client.get_routes(ApiId=api_id)["Items"]:
        key = route["RouteKey"]
        integration = integrations[route["Target"].removeprefix("integrations/")]
        if (integration["IntegrationType"], integration["PayloadFormatVersion"]) != ("AWS_PROXY", "2.0"):
            raise ValueError(f"the route {key} uses an integration other than a Lambda function in payload format 2.0")
        if "{" in key or key.startswith("ANY ") or key == "$default":
            raise ValueError(f"the route {key} is not a single method and path")
        routes[key] = Route(key, integration["IntegrationUri"], _authorizer(route, authorizers))
    return DeployedApi(api_id, routes, api.get("CorsConfiguration", {}))


def _authorizer(route: Mapping[str, Any], authorizers: Mapping[str, Any]) -> Authorizer | None:
    kind = route["AuthorizationType"]
    if kind == "NONE":
        return None
    if kind != "JWT" or route.get("AuthorizationScopes"):
        raise ValueError(f"the route {route['RouteKey']} uses an authorization other than a JWT without scopes")
    found = authorizers[route["AuthorizerId"]]
    if found["IdentitySource"] != ["$request.header.Authorization"]:
        raise ValueError(
            f"the route {route['RouteKey']} reads its token from somewhere other than the header Authorization"
        )
    configuration = found["JwtConfiguration"]
    return Authorizer(configuration["Issuer"], frozenset(configuration["Audience"]))
