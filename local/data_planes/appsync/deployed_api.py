"""The GraphQL API as it is deployed now, read through the AWS API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from graphql import GraphQLObjectType, GraphQLSchema

from local.data_planes.appsync.schema import build_schema

if TYPE_CHECKING:
    from types_boto3_appsync import AppSyncClient
    from types_boto3_appsync.type_defs import DataSourceTypeDef, ResolverTypeDef


class AuthMode(StrEnum):
    API_KEY = "API_KEY"
    IAM = "AWS_IAM"
    COGNITO = "AMAZON_COGNITO_USER_POOLS"


@dataclass(frozen=True, kw_only=True)
class Provider:
    """An authorization mode and, for Cognito, the pool, the pattern of its app clients and the default action."""

    mode: AuthMode
    user_pool_id: str = ""
    user_pool_region: str = ""
    app_client_pattern: str = ".*"
    default_action: str = "ALLOW"

    @property
    def issuer(self) -> str:
        return f"https://cognito-idp.{self.user_pool_region}.amazonaws.com/{self.user_pool_id}"


@dataclass(frozen=True, kw_only=True)
class FunctionResolver:
    """The Lambda function that resolves a field; `max_batch_size` 0 means one event per invocation."""

    function_arn: str
    max_batch_size: int


@dataclass(frozen=True, kw_only=True)
class DeployedApi:
    """One reading of the API. The first provider is the default one; API keys map to their expiry in epoch seconds."""

    schema: GraphQLSchema
    providers: tuple[Provider, ...]
    api_keys: Mapping[str, int]
    resolvers: Mapping[tuple[str, str], FunctionResolver]
    introspection: bool
    query_depth_limit: int
    resolver_count_limit: int

    @property
    def modes(self) -> frozenset[AuthMode]:
        return frozenset(provider.mode for provider in self.providers)

    @property
    def default(self) -> Provider:
        return self.providers[0]

    @property
    def top_level_fields(self) -> list[tuple[str, str]]:
        """The fields of the operations, as type and name: IAM policies allow or deny these."""
        roots = filter(None, (self.schema.query_type, self.schema.mutation_type, self.schema.subscription_type))
        return [(root.name, name) for root in roots for name in root.fields]


def read(client: AppSyncClient, api_id: str) -> DeployedApi:
    """Return the API as it is deployed.

    Raises ValueError if the API uses what this data plane does not support, because doing part of it could open what
    the rest closes.
    """
    api = client.get_graphql_api(apiId=api_id)["graphqlApi"]
    sdl = client.get_introspection_schema(apiId=api_id, format="SDL", includeDirectives=True)["schema"].read().decode()
    schema = build_schema(sdl)
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
        schema=schema,
        providers=(_provider(api), *map(_provider, api.get("additionalAuthenticationProviders", []))),
        api_keys={
            key["id"]: key["expires"]
            for page in client.get_paginator("list_api_keys").paginate(apiId=api_id)
            for key in page["apiKeys"]
        },
        resolvers={
            (type_name, resolver["fieldName"]): _function(type_name, resolver, sources)
            for type_name in object_types
            for page in client.get_paginator("list_resolvers").paginate(apiId=api_id, typeName=type_name)
            for resolver in page["resolvers"]
        },
        introspection=api.get("introspectionConfig", "ENABLED") == "ENABLED",
        query_depth_limit=api.get("queryDepthLimit", 0),
        resolver_count_limit=api.get("resolverCountLimit", 0),
    )


def _provider(described: Mapping[str, Any]) -> Provider:
    mode = described["authenticationType"]
    if mode not in list(AuthMode):
        raise ValueError(f"the API uses the authorization mode {mode}, which this data plane does not support")
    pool = described.get("userPoolConfig") or {}
    return Provider(
        mode=AuthMode(mode),
        user_pool_id=pool.get("userPoolId", ""),
        user_pool_region=pool.get("awsRegion", ""),
        app_client_pattern=pool.get("appIdClientRegex") or ".*",
        default_action=pool.get("defaultAction", "ALLOW"),
    )


def _function(type_name: str, resolver: ResolverTypeDef, sources: Mapping[str, DataSourceTypeDef]) -> FunctionResolver:
    field = f"{type_name}.{resolver['fieldName']}"
    if resolver.get("kind") == "PIPELINE":
        raise ValueError(f"the API uses a pipeline resolver for {field}, which this data plane does not support")
    if resolver.get("requestMappingTemplate") or resolver.get("code"):
        raise ValueError(f"the API uses a resolver with code for {field}, which this data plane does not support")
    source = sources[resolver["dataSourceName"]]
    if source["type"] != "AWS_LAMBDA":
        raise ValueError(
            f"the API uses a data source {source['type']} for {field}, which this data plane does not support"
        )
    return FunctionResolver(
        function_arn=source["lambdaConfig"]["lambdaFunctionArn"], max_batch_size=resolver.get("maxBatchSize", 0)
    )
