"""The HTTP API as it is deployed now, read through the AWS API and read again as it gets old."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FRESH_SECONDS = 2.0


@dataclass(frozen=True)
class Authorizer:
    """Whose tokens open a route, and for which app clients."""

    issuer: str
    audience: frozenset[str]


@dataclass(frozen=True)
class Route:
    """What answers a route key, and who may ask; `authorizer` None lets everybody."""

    key: str
    function_arn: str
    authorizer: Authorizer | None


@dataclass(frozen=True)
class DeployedApi:
    """One reading of the API: routes by key such as `GET /files`, and what is said to pages of other origins."""

    api_id: str
    routes: Mapping[str, Route]
    cors: Mapping[str, Any]


def read(client: Any, api_id: str) -> DeployedApi:
    """The API as it is deployed; `client` is boto3's `apigatewayv2`.

    Raises ValueError for what this data plane does not do, because doing part of it could open what the rest closes.
    """
    api = client.get_api(ApiId=api_id)
    authorizers = {found["AuthorizerId"]: found for found in client.get_authorizers(ApiId=api_id)["Items"]}
    integrations = {found["IntegrationId"]: found for found in client.get_integrations(ApiId=api_id)["Items"]}
    if [stage["StageName"] for stage in client.get_stages(ApiId=api_id)["Items"]] != ["$default"]:
        raise ValueError(f"the HTTP API {api_id} has other stages than $default")
    routes = {}
    for route in client.get_routes(ApiId=api_id)["Items"]:
        key = route["RouteKey"]
        integration = integrations[route["Target"].removeprefix("integrations/")]
        if (integration["IntegrationType"], integration["PayloadFormatVersion"]) != ("AWS_PROXY", "2.0"):
            raise ValueError(f"the route {key} is not answered by a Lambda function in the payload format 2.0")
        if "{" in key or key.startswith("ANY ") or key == "$default":
            raise ValueError(f"the route {key} is not one method of one path")
        routes[key] = Route(key, integration["IntegrationUri"], _authorizer(route, authorizers))
    return DeployedApi(api_id, routes, api.get("CorsConfiguration", {}))


def _authorizer(route: Mapping[str, Any], authorizers: Mapping[str, Any]) -> Authorizer | None:
    kind = route["AuthorizationType"]
    if kind == "NONE":
        return None
    if kind != "JWT" or route.get("AuthorizationScopes"):
        raise ValueError(f"the route {route['RouteKey']} is authorized in another way than by a JWT without scopes")
    found = authorizers[route["AuthorizerId"]]
    if found["IdentitySource"] != ["$request.header.Authorization"]:
        raise ValueError(f"the token for {route['RouteKey']} is elsewhere than in the header Authorization")
    configuration = found["JwtConfiguration"]
    return Authorizer(configuration["Issuer"], frozenset(configuration["Audience"]))


class ApiReader:
    """The latest reading of one API, never older than two seconds, so that a deployment is seen without a restart."""

    def __init__(self, client: Any, api_id: str) -> None:
        self._client = client
        self._api_id = api_id
        self._one_at_a_time = asyncio.Lock()
        self._latest: DeployedApi | None = None
        self._read_at = float("-inf")

    async def current(self) -> DeployedApi:
        """The API; raises what the AWS API raises where it cannot be read any more, ValueError as `read` does."""
        async with self._one_at_a_time:
            began = time.monotonic()
            if self._latest is None or began - self._read_at > FRESH_SECONDS:
                self._latest = await asyncio.to_thread(read, self._client, self._api_id)
                self._read_at = began
            return self._latest
