"""The data planes of one deployed stack: AppSync's, API Gateway's and CloudFront's, found through the AWS APIs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from local.data_planes.appsync.app import create_app as create_graphql_app
from local.data_planes.appsync.request_signature import Credential
from local.data_planes.cloudfront import edge
from local.data_planes.http_api.app import create_app as create_http_app
from local.embedded_aws.emulator import ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY, Cloud


def graphql(cloud: Cloud, outputs: Mapping[str, str], token: Callable[[], Awaitable[str]] | None) -> Any:
    apis = cloud.client("appsync").list_graphql_apis()["graphqlApis"]
    (api_id,) = (api["apiId"] for api in apis)
    root = Credential(secret_access_key=ROOT_SECRET_ACCESS_KEY, user_arn="arn:aws:iam::000000000000:root")
    return create_graphql_app(
        session=cloud.session(),
        api_id=api_id,
        region=outputs["Region"],
        aws_endpoint_url=cloud.endpoint_url,
        ca_bundle=str(cloud.ca_bundle),
        credentials={ROOT_ACCESS_KEY_ID: root},
        demo_token=token,
    )


def rest(cloud: Cloud, outputs: Mapping[str, str]) -> Any:
    (api_id,) = (api["ApiId"] for api in cloud.client("apigatewayv2").get_apis()["Items"])
    return create_http_app(
        session=cloud.session(),
        api_id=api_id,
        region=outputs["Region"],
        aws_endpoint_url=cloud.endpoint_url,
        ca_bundle=str(cloud.ca_bundle),
    )


def cdn(cloud: Cloud, outputs: Mapping[str, str]) -> Any:
    return edge.create_app(
        cloudfront=cloud.client("cloudfront"),
        distribution_id=outputs["DistributionId"],
        cdn_url=outputs["CdnUrl"],
        aws_endpoint_url=cloud.endpoint_url,
        ssl_context=cloud.ssl_context(),
    )
