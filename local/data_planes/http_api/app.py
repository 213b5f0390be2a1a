"""The data plane of an HTTP API: matches a request to a route, authorizes it and invokes the route's function."""

import json
import logging
import ssl
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import aiohttp
import boto3
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Router
from starlette.types import Receive, Scope, Send

from local.data_planes.deployed_state import DeployedState, Unreadable
from local.data_planes.http_api import jwt_authorizer, proxy
from local.data_planes.http_api.deployed_api import DeployedApi, Route, read
from local.data_planes.lambda_functions import FunctionFailed, LambdaFunctions
from local.data_planes.loopback import LoopbackOnly
from local.data_planes.request_body import BodyRefused, check_declared_size
from local.data_planes.user_pool_tokens import UserPoolTokens

logger = logging.getLogger(__name__)

# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
LARGEST_HEAD = 10_240
LARGEST_REQUEST = 10 * 1024 * 1024


def create_app(
    *, session: boto3.Session, api_id: str, region: str, aws_endpoint_url: str, ca_bundle: str | None
) -> Router:
    """Return the ASGI application that serves one HTTP API.

    `session` reads the API and invokes its functions at `aws_endpoint_url`, whose certificate is verified against
    `ca_bundle`.
    """
    tls: ssl.SSLContext | bool = ssl.create_default_context(cafile=ca_bundle) if ca_bundle else True
    plane = DataPlane()

    @asynccontextmanager
    async def lifespan(_: Router) -> AsyncIterator[None]:
        any_session: Any = session  # its type knows only the services whose stubs are installed
        client = any_session.client(
            "apigatewayv2", region_name=region, endpoint_url=aws_endpoint_url, verify=ca_bundle or True
        )
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
            plane.api = DeployedState(partial(read, client, api_id))
            plane.tokens = UserPoolTokens(http, aws_endpoint_url, tls)
            plane.functions = LambdaFunctions(http, session, region=region, aws_endpoint_url=aws_endpoint_url, tls=tls)
            yield
        client.close()

    return Router(default=LoopbackOnly(plane, refusal=_own, largest_head=LARGEST_HEAD), lifespan=lifespan)


class DataPlane:
    """Handles requests. Query strings name files and responses hold signed URLs, so neither is logged."""

    api: DeployedState[DeployedApi]
    tokens: UserPoolTokens
    functions: LambdaFunctions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            # No route reads its body, so a body whose size is not declared is never held.
            check_declared_size(request, largest=LARGEST_REQUEST)
            response = await self._respond(request)
        except BodyRefused as refused:
            response = _own(refused.status, refused.message)
            response.headers["connection"] = "close"  # or the server waits for the rest of the body
        except Unreadable as error:
            logger.error("The API could not be read: %s", error)
            response = _own(500, "Internal Server Error")
        except Exception:
            logger.exception("A request failed unexpectedly")
            response = _own(500, "Internal Server Error")
        response.headers["apigw-requestid"] = str(uuid.uuid4())
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        api = await self.api.current()
        cors = _cors(request, api.cors)
        if request.method == "OPTIONS" and api.cors:
            return Response(None, 204, cors)
        # Routes match the path as it was sent, so that no encoded path stands for another one.
        route = api.routes.get(f"{request.method} {proxy.raw_path(request)}")
        if route is None:
            return _own(404, "Not Found")
        try:
            response = await self._invoke(request, route, api.api_id)
        except jwt_authorizer.Unauthorized as refused:
            response = _own(401, "Unauthorized")
            response.headers["www-authenticate"] = refused.challenge
            return response
        except FunctionFailed as error:
            # Only the type is logged: the message may name a file.
            logger.warning("%s: the function failed: %s", route.key, error.error_type)
            return _own(500, "Internal Server Error")
        # "API Gateway adds the configured CORS headers to the response from an integration": not to its own errors.
        # Source: the page linked in `_cors`.
        response.headers.update(cors)
        return response

    async def _invoke(self, request: Request, route: Route, api_id: str) -> Response:
        claims = None
        if route.authorizer:
            token = request.headers.get("authorization", "")
            claims = await jwt_authorizer.claims(token, route.authorizer, self.tokens)
        event = proxy.event(request, api_id=api_id, route_key=route.key, claims=claims)
        result = await self.functions.invoke(route.function_arn, event)
        try:
            return proxy.response(result)
        except ValueError as error:
            raise FunctionFailed("InvalidResult", str(error)) from error


def _own(status: int, message: str) -> Response:
    return Response(json.dumps({"message": message}, separators=(",", ":")), status, media_type="application/json")


def _cors(request: Request, cors: Mapping[str, Any]) -> dict[str, str]:
    """Return the CORS headers of a response: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html"""
    origin = request.headers.get("origin")
    allowed = cors.get("AllowOrigins", [])
    if origin is None or not {"*", origin}.intersection(allowed):
        return {}
    headers = {"access-control-allow-origin": "*" if "*" in allowed else origin}
    if request.method == "OPTIONS":
        if "access-control-request-method" not in request.headers:
            return {}
        headers["access-control-allow-methods"] = ",".join(cors.get("AllowMethods", []))
        headers["access-control-allow-headers"] = ",".join(cors.get("AllowHeaders", []))
        headers["access-control-max-age"] = str(cors.get("MaxAge", 0))
    return headers
