"""The servers of the deployed stack, configured from its outputs and through the AWS APIs."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

from local import frontend
from local.data_planes import uploads
from local.data_planes.appsync.app import create_app as create_graphql_app
from local.data_planes.appsync.iam_callers import IamCallers
from local.data_planes.appsync.request_signature import Credential
from local.data_planes.cloudfront import edge
from local.data_planes.cloudfront.access_log import AccessLog
from local.data_planes.http_api.app import create_app as create_http_api_app
from local.embedded_aws.emulator import ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY, Emulator
from local.embedded_aws.port import IAM_CALLER_PATH
from private_files.outputs import Outputs


def apps(emulator: Emulator, outputs: Outputs, token: Callable[[], Awaitable[str]] | None) -> dict[str, Any]:
    """Return the ASGI applications that stand in front of the emulator; `token` signs in the demo user."""
    return {
        "graphql": _graphql(emulator, outputs, token),
        "cdn": _cdn(emulator, outputs),
        "frontend": frontend.create_app(outputs, ssl_context=emulator.ssl_context()),
        **({"rest": _http_api(emulator, outputs)} if outputs.rest_url else {}),
        **({"uploads": _uploads(emulator, outputs)} if outputs.uploads_url else {}),
    }


def _graphql(emulator: Emulator, outputs: Outputs, token: Callable[[], Awaitable[str]] | None) -> Any:
    (api,) = emulator.client("appsync").list_graphql_apis()["graphqlApis"]
    root = Credential(secret_access_key=ROOT_SECRET_ACCESS_KEY, user_arn="arn:aws:iam::000000000000:root")
    return create_graphql_app(
        session=emulator.session(),
        api_id=api["apiId"],
        region=outputs.region,
        aws_endpoint_url=emulator.endpoint_url,
        ca_bundle=str(emulator.ca_bundle),
        credentials={ROOT_ACCESS_KEY_ID: root},
        find_credential=IamCallers(
            url=emulator.endpoint_url + IAM_CALLER_PATH,
            headers=emulator.headers,
            api_arn=api["arn"],
            ssl_context=emulator.ssl_context(),
        ),
        demo_token=token,
    )


def _http_api(emulator: Emulator, outputs: Outputs) -> Any:
    (api,) = emulator.client("apigatewayv2").get_apis()["Items"]
    return create_http_api_app(
        session=emulator.session(),
        api_id=api["ApiId"],
        region=outputs.region,
        aws_endpoint_url=emulator.endpoint_url,
        ca_bundle=str(emulator.ca_bundle),
    )


def _cdn(emulator: Emulator, outputs: Outputs) -> Any:
    served = edge.create_app(
        cloudfront=emulator.client("cloudfront"),
        distribution_id=outputs.distribution_id,
        cdn_url=outputs.cdn_url,
        aws_endpoint_url=emulator.endpoint_url,
        ssl_context=emulator.ssl_context(),
        origin_headers=emulator.headers,
    )
    # Its last records are sent when the server stops: if the emulator has died, more attempts would take seconds.
    return AccessLog(served, emulator.client("logs", attempts=2), outputs.distribution_id, time.time)


def _uploads(emulator: Emulator, outputs: Outputs) -> Any:
    return uploads.create_app(
        bucket_name=outputs.bucket_name,
        aws_endpoint_url=emulator.endpoint_url,
        ssl_context=emulator.ssl_context(),
    )
