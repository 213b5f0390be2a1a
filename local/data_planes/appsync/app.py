"""AppSync's data plane on one machine: HTTP in, the fields of a deployed API through Lambda, HTTP out."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import aiohttp
import boto3
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local.data_planes.appsync import page
from local.data_planes.appsync.callers import Callers
from local.data_planes.appsync.cognito_tokens import CognitoTokens
from local.data_planes.appsync.data_plane import PREFLIGHT, DataPlane
from local.data_planes.appsync.deployed_api import ApiReader
from local.data_planes.appsync.request_signature import Credential
from local.data_planes.lambda_functions import CONCURRENCY, LambdaFunctions

MOST_REQUESTS = 500


def create_app(
    *,
    session: boto3.Session,
    api_id: str,
    region: str,
    aws_endpoint_url: str,
    ca_bundle: str | None,
    credentials: Mapping[str, Credential],
    demo_token: Callable[[], Awaitable[str]] | None = None,
    fresh: float = 2.0,
    most_requests: int = MOST_REQUESTS,
    concurrency: int = CONCURRENCY,
) -> Starlette:
    """Get the data plane of one API: ``/graphql`` for clients and, at ``/``, GraphiQL.

    ``session`` reads the API and invokes its functions at ``aws_endpoint_url``, whose certificate ``ca_bundle``
    vouches for. ``credentials`` maps the access key ids that may sign requests to what is known of them.
    ``demo_token`` returns a token with which GraphiQL signs in. A deployment is seen within ``fresh`` seconds, twice
    that under load. Of ``most_requests`` at a time, ``concurrency`` functions run and the others wait; any more
    requests are refused with 429.
    """
    tls: ssl.SSLContext | bool = ssl.create_default_context(cafile=ca_bundle) if ca_bundle else True

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        client = session.client("appsync", region_name=region, endpoint_url=aws_endpoint_url, verify=ca_bundle or True)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
            app.state.data_plane = DataPlane(
                ApiReader(client, api_id, fresh=fresh),
                Callers(CognitoTokens(http, aws_endpoint_url, tls), credentials, region),
                LambdaFunctions(
                    http, session, region=region, aws_endpoint_url=aws_endpoint_url, tls=tls, concurrency=concurrency
                ),
                most_requests,
            )
            yield
        client.close()

    async def graphql(request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(headers=PREFLIGHT)
        data_plane: DataPlane = request.app.state.data_plane
        return await data_plane.answer(request)

    return Starlette(
        routes=[Route("/graphql", graphql, methods=["POST", "GET", "OPTIONS"]), *page.routes(demo_token)],
        lifespan=lifespan,
    )
