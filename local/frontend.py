"""The page that people use, as a distribution would serve it: the built files, a configuration, and a policy."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FRONTEND = Path(__file__).parent.parent / "frontend"
DIST = FRONTEND / "dist"
POLICY = FRONTEND / "content-security-policy.txt"

# What the page reads of the outputs; the demo user's password too, because this page is on this machine only.
CONFIG_KEYS = (
    "GraphqlUrl", "CdnUrl", "Region", "UserPoolId", "UserPoolClientId", "ApiKey", "DemoUser", "DemoPassword",
)  # fmt: skip
COGNITO_PATH = "cognito"
COGNITO_OPERATIONS = {
    f"AWSCognitoIdentityProviderService.{name}"
    for name in ("InitiateAuth", "RespondToAuthChallenge", "GetTokensFromRefreshToken", "RevokeToken")
}
LARGEST_REQUEST = 64 * 1024
FOR_EVER = "public, max-age=31536000, immutable"  # the name of an asset changes with its content
ASK_EACH_TIME = "no-cache"


class NotBuilt(RuntimeError):
    """The page has not been built."""


def create_app(outputs: Mapping[str, str], *, ssl_context: ssl.SSLContext) -> Starlette:
    """The ASGI application that serves the page for the stack with these outputs.

    `POST /cognito` passes sign-ins on to the embedded AWS, whose certificate `ssl_context` trusts and no browser does.
    Raises NotBuilt.
    """
    check_built()
    config = {key: outputs[key] for key in CONFIG_KEYS if key in outputs} | {"CognitoUrl": COGNITO_PATH}

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        timeout = aiohttp.ClientTimeout(total=30)
        connector = aiohttp.TCPConnector(ssl=ssl_context)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as app.state.http:
            yield

    async def configuration(_request: Request) -> Response:
        return JSONResponse(config)

    async def cognito(request: Request) -> Response:
        target = request.headers.get("x-amz-target", "")
        if target not in COGNITO_OPERATIONS:
            return PlainTextResponse("The page signs people in and out here, and nothing else.", 403)
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > LARGEST_REQUEST:
                return PlainTextResponse("The request is too large.", 413)
        headers = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"}
        http: aiohttp.ClientSession = request.app.state.http
        try:
            async with http.post(outputs["AwsEndpointUrl"], data=bytes(body), headers=headers) as answer:
                content = await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            return PlainTextResponse(f"The embedded AWS does not answer: {type(error).__name__}", 502)
        named = {name: answer.headers[name] for name in ("x-amzn-errortype",) if name in answer.headers}
        return Response(content, answer.status, named, media_type="application/x-amz-json-1.1")

    return Starlette(
        routes=[
            Route("/config.json", configuration),
            Route(f"/{COGNITO_PATH}", cognito, methods=["POST"]),
            Mount("/", StaticFiles(directory=DIST, html=True)),
        ],
        # Another site cannot point a name of its own here, and read what is meant for this page.
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"]),
            Middleware(Headers, headers=response_headers(config)),
        ],
        lifespan=lifespan,
    )


def check_built() -> None:
    """Raises NotBuilt where the page is not there to be served."""
    if not (DIST / "index.html").exists():
        raise NotBuilt("The page is not built: run `make frontend/dist/index.html`, or `make up`, which does it first.")


def response_headers(config: Mapping[str, str]) -> dict[str, str]:
    """The headers of every answer: the page may load from itself and the stack, and nobody may frame it."""
    cognito = config["CognitoUrl"] if "://" in config["CognitoUrl"] else ""  # a path is the page's own origin
    values = {"GraphqlUrl": config["GraphqlUrl"], "CdnUrl": config["CdnUrl"], "CognitoUrl": cognito}
    return {
        "content-security-policy": " ".join(POLICY.read_text().format_map(values).split()),
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }


class Headers:
    """Adds headers to every answer, and says how long it may be kept."""

    def __init__(self, app: ASGIApp, headers: dict[str, str]) -> None:
        self._app = app
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = scope["path"].startswith("/assets/") and message["status"] in (200, 304)
                added = {**self._headers, "cache-control": FOR_EVER if kept else ASK_EACH_TIME}
                message["headers"] += [(name.encode(), value.encode()) for name, value in added.items()]
            await send(message)

        await self._app(scope, receive, send_with_headers)
