"""The GraphQL API as it is deployed now, read through the AWS API and read again as it gets old."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from graphql import GraphQLObjectType, GraphQLSchema

from local.data_planes.appsync.schema import build_schema

if TYPE_CHECKING:
    from types_boto3_appsync import AppSyncClient
    from types_boto3_appsync.type_defs import DataSourceTypeDef, ResolverTypeDef

logger = logging.getLogger(__name__)


class AuthMode(StrEnum):
    API_KEY = "API_KEY"
    IAM = "AWS_IAM"
    COGNITO = "AMAZON_COGNITO_USER_POOLS"
    OIDC = "OPENID_CONNECT"
    LAMBDA = "AWS_LAMBDA"


@dataclass(frozen=True, kw_only=True)
class Provider:
    """One way in: its mode and, for Cognito, the pool, the pattern its app clients match, and the default action."""

    mode: AuthMode
    user_pool_id: str = ""
    user_pool_region: str = ""
    app_client_pattern: str | None = None
    default_action: str = "ALLOW"


@dataclass(frozen=True, kw_only=True)
class FunctionResolver:
    """The Lambda function that answers a field; ``max_batch_size`` 0 means one event per invocation."""

    function_arn: str
    max_batch_size: int


@dataclass(frozen=True, kw_only=True)
class DeployedApi:
    """One reading of the API. The first provider is the default one; key expiries are epoch seconds.

    ``resolvers`` maps (type, field) to a function, or to None where what is attached is no direct Lambda resolver.
    """

    sdl: str
    schema: GraphQLSchema
    providers: tuple[Provider, ...]
    api_keys: Mapping[str, int]
    resolvers: Mapping[tuple[str, str], FunctionResolver | None]
    introspection: bool
    query_depth_limit: int
    resolver_count_limit: int

    @property
    def modes(self) -> frozenset[AuthMode]:
        return frozenset(provider.mode for provider in self.providers)

    @property
    def default(self) -> Provider:
        return self.providers[0]


def read(client: AppSyncClient, api_id: str, previous: DeployedApi | None = None) -> DeployedApi:
    """Get the API as it is deployed, keeping the schema of ``previous`` where its SDL did not change."""
    api = client.get_graphql_api(apiId=api_id)["graphqlApi"]
    sdl = client.get_introspection_schema(apiId=api_id, format="SDL", includeDirectives=True)["schema"].read().decode()
    schema = previous.schema if previous is not None and previous.sdl == sdl else build_schema(sdl)
    sources = {
        source["name"]: source
        for page in client.get_paginator("list_data_sources").paginate(apiId=api_id)
        for source in page["dataSources"]
    }
    object_types = [
        name
        for name, graphql_type in schema.type_map.items()
        if isinstance(graphql_type, GraphQLObjectType) and not name.startswith("__")
    ]
    return DeployedApi(
        sdl=sdl,
        schema=schema,
        providers=(_provider(api), *map(_provider, api.get("additionalAuthenticationProviders", []))),
        api_keys={
            key["id"]: key["expires"]
            for page in client.get_paginator("list_api_keys").paginate(apiId=api_id)
            for key in page["apiKeys"]
        },
        resolvers={
            (type_name, resolver["fieldName"]): _function(resolver, sources)
            for type_name in object_types
            for page in client.get_paginator("list_resolvers").paginate(apiId=api_id, typeName=type_name)
            for resolver in page["resolvers"]
        },
        introspection=api.get("introspectionConfig", "ENABLED") == "ENABLED",
        query_depth_limit=api.get("queryDepthLimit", 0),
        resolver_count_limit=api.get("resolverCountLimit", 0),
    )


def _provider(described: Mapping[str, Any]) -> Provider:
    pool = described.get("userPoolConfig") or {}
    return Provider(
        mode=AuthMode(described["authenticationType"]),
        user_pool_id=pool.get("userPoolId", ""),
        user_pool_region=pool.get("awsRegion", ""),
        app_client_pattern=pool.get("appIdClientRegex") or None,
        default_action=pool.get("defaultAction", "ALLOW"),
    )


def _function(resolver: ResolverTypeDef, sources: Mapping[str, DataSourceTypeDef]) -> FunctionResolver | None:
    source = sources.get(resolver.get("dataSourceName", ""))
    mapped = resolver.get("requestMappingTemplate") or resolver.get("code")
    if source is None or source["type"] != "AWS_LAMBDA" or resolver.get("kind") == "PIPELINE" or mapped:
        return None
    return FunctionResolver(
        function_arn=source["lambdaConfig"]["lambdaFunctionArn"], max_batch_size=resolver.get("maxBatchSize", 0)
    )


class ApiReader:
    """The latest reading of one API, so that a deployment onto the running stack is seen without a restart.

    A reading is used as it is for ``fresh`` seconds, and for as long again while the next one is being made;
    after that a request waits for it, so what a request sees is never older than twice ``fresh``.
    """

    def __init__(self, client: AppSyncClient, api_id: str, *, fresh: float = 2.0) -> None:
        self._client = client
        self._api_id = api_id
        self._fresh = fresh
        self._latest: DeployedApi | None = None
        self._read_at = float("-inf")
        self._reading: asyncio.Task[DeployedApi] | None = None

    async def current(self) -> DeployedApi:
        """Get the API; raise what the AWS API raises where it cannot be read any more."""
        age = time.monotonic() - self._read_at
        if self._latest is not None and age < self._fresh:
            return self._latest
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
            self._reading.add_done_callback(_log_failure)
        if self._latest is not None and age < 2 * self._fresh:
            return self._latest
        # Shielded: a client that goes away must not cancel the reading that others wait for.
        return await asyncio.shield(self._reading)

    async def _read(self) -> DeployedApi:
        started_at = time.monotonic()
        self._latest = await asyncio.to_thread(read, self._client, self._api_id, self._latest)
        self._read_at = started_at
        return self._latest


def _log_failure(reading: asyncio.Task[DeployedApi]) -> None:
    if not reading.cancelled() and (error := reading.exception()) is not None:
        logger.warning("The deployed API could not be read: %s", error)
