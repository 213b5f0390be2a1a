"""AppSync's data plane on one machine: GraphQL over HTTP, with the fields of a deployed API resolved by Lambda."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial

import aiohttp
import boto3
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local.data_planes.appsync import page
from local.data_planes.appsync.callers import Callers, FindCredential
from local.data_planes.appsync.data_plane import PREFLIGHT, DataPlane, refusal_outside
from local.data_planes.appsync.deployed_api import read
from local.data_planes.appsync.request_signature import Credential
from local.data_planes.deployed_state import DeployedState
from local.data_planes.lambda_functions import CONCURRENCY, LambdaFunctions
from local.data_planes.loopback import LoopbackOnly
from local.data_planes.request_body import SECONDS
from local.data_planes.user_pool_tokens import UserPoolTokens

MOST_REQUESTS = 1_000
THREADS = 2
# AppSync is behind CloudFront, which takes 32,768 bytes of request line and headers:
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html
LARGEST_HEAD = 32_768


def create_app(
    *,
    session: boto3.Session,
    api_id: str,
    region: str,
    aws_endpoint_url: str,
    ca_bundle: str | None,
    credentials: Mapping[str, Credential],
    find_credential: FindCredential | None = None,
    demo_token: Callable[[], Awaitable[str]] | None = None,
    fresh: float = 2.0,
    most_requests: int = MOST_REQUESTS,
    concurrency: int = CONCURRENCY,
    body_seconds: float = SECONDS,
) -> Starlette:
    """Return the data plane of one API: `/graphql` for clients and `/`, GraphiQL.

    `session` reads the API and invokes its functions at `aws_endpoint_url`, whose certificate is verified against
    `ca_bundle`. `credentials` maps the access key ids that may sign requests to their secrets and users;
    `find_credential` finds others. `demo_token` returns a token to sign in with from GraphiQL. The API is read again
    after `fresh` seconds. At most `concurrency` functions run at a time. Requests beyond `most_requests` at a time are
    refused with 429. A body must arrive within `body_seconds`.
    """
    tls: ssl.SSLContext | bool = ssl.create_default_context(cafile=ca_bundle) if ca_bundle else True

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        client = session.client("appsync", region_name=region, endpoint_url=aws_endpoint_url, verify=ca_bundle or True)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
            threads = ThreadPoolExecutor(THREADS, thread_name_prefix="graphql")
            app.state.data_plane = DataPlane(
                DeployedState(partial(read, client, api_id), fresh=fresh),
                Callers(UserPoolTokens(http, aws_endpoint_url, tls), credentials, region, find_credential),
                LambdaFunctions(
                    http, session, region=region, aws_endpoint_url=aws_endpoint_url, tls=tls, concurrency=concurrency
                ),
                threads,
                most_requests=most_requests,
                body_seconds=body_seconds,
            )
            yield
            threads.shutdown(wait=False, cancel_futures=True)
        client.close()

    async def graphql(request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(headers=PREFLIGHT)
        data_plane: DataPlane = request.app.state.data_plane
        return await data_plane.respond(request)

    return Starlette(
        routes=[Route("/graphql", graphql, methods=["POST", "GET", "OPTIONS"]), *page.routes(demo_token)],
        middleware=[Middleware(LoopbackOnly, refusal=refusal_outside, largest_head=LARGEST_HEAD)],
        lifespan=lifespan,
    )
