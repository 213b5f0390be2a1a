"""Serves the web page as its distribution does: the built files, `config.json`, and the security headers."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from local.data_planes.loopback import LoopbackOnly
from local.data_planes.request_body import BodyRefused, read_body
from local.failures import Failure
from private_files.outputs import Outputs

FRONTEND = Path(__file__).parent.parent / "frontend"
DIST = FRONTEND / "dist"
POLICY = FRONTEND / "content-security-policy.txt"

# The outputs that the page may read; the demo user's password too, because it stays on this machine.
CONFIG_KEYS = (
    "GraphqlUrl", "CdnUrl", "Region", "UserPoolId", "UserPoolClientId", "ApiKey", "UploadsUrl", "DemoUser",
    "DemoPassword",
)  # fmt: skip
COGNITO_PATH = "cognito"
_OPERATIONS = (
    "InitiateAuth", "RespondToAuthChallenge", "AssociateSoftwareToken", "VerifySoftwareToken", "ForgotPassword",
    "ConfirmForgotPassword", "GetTokensFromRefreshToken", "RevokeToken",
)  # fmt: skip
COGNITO_OPERATIONS = {f"AWSCognitoIdentityProviderService.{name}" for name in _OPERATIONS}
LARGEST_BODY = 64 * 1024  # bytes
LARGEST_HEAD = 16 * 1024  # bytes of the request line and the headers
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/ServingCompressedFiles.html
COMPRESSED_FROM = 1_000  # bytes
IMMUTABLE = "public, max-age=31536000, immutable"  # the name of an asset changes with its content
REVALIDATE = "no-cache"


class NotBuilt(Failure):
    """The page has not been built."""


def create_app(outputs: Outputs, *, ssl_context: ssl.SSLContext) -> Starlette:
    """Return the ASGI application that serves the page for the stack with these outputs.

    `POST /cognito` forwards sign-ins to the AWS emulator, whose certificate `ssl_context` trusts and no browser does.
    Raises NotBuilt.
    """
    check_built()
    config = {name: value for name, value in outputs.to_json().items() if name in CONFIG_KEYS}
    config["CognitoUrl"] = COGNITO_PATH

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
            return PlainTextResponse("Only the sign-in and sign-out operations of Cognito are available here.", 403)
        try:
            body = await read_body(request, largest=LARGEST_BODY)
        except BodyRefused as refused:
            return PlainTextResponse(refused.message, refused.status)
        headers = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"}
        http: aiohttp.ClientSession = request.app.state.http
        try:
            async with http.post(outputs.aws_endpoint_url, data=body, headers=headers) as response:
                content = await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            return PlainTextResponse(f"The AWS emulator did not respond: {type(error).__name__}", 502)
        kept = {name: response.headers[name] for name in ("x-amzn-errortype",) if name in response.headers}
        return Response(content, response.status, kept, media_type="application/x-amz-json-1.1")

    return Starlette(
        routes=[
            Route("/config.json", configuration),
            Route(f"/{COGNITO_PATH}", cognito, methods=["POST"]),
            Mount("/", StaticFiles(directory=DIST, html=True)),
        ],
        middleware=[
            Middleware(LoopbackOnly, refusal=_refusal, largest_head=LARGEST_HEAD),
            Middleware(_Headers, headers=response_headers(outputs)),
            Middleware(GZipMiddleware, minimum_size=COMPRESSED_FROM),
        ],
        lifespan=lifespan,
    )


def _refusal(status: int, message: str) -> Response:
    return PlainTextResponse(message, status)


def check_built() -> None:
    """Raise NotBuilt if there is no built page."""
    if not (DIST / "index.html").exists():
        raise NotBuilt("The web page is not built. Run `make frontend/dist/index.html`, or `make up`, which builds it.")


def response_headers(outputs: Outputs) -> dict[str, str]:
    """Return the headers of every response: the page loads from its own origin and the stack, and cannot be framed."""
    # Cognito is reached through this server, which 'self' already allows.
    values = {"UploadsUrl": "", **outputs.to_json(), "CognitoUrl": ""}
    return {
        "content-security-policy": " ".join(POLICY.read_text().format_map(values).split()),
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }


class _Headers:
    """Adds headers to every response, including how long a browser may cache it."""

    def __init__(self, app: ASGIApp, headers: dict[str, str]) -> None:
        self._app = app
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                is_asset = scope["path"].startswith("/assets/") and message["status"] in (200, 304)
                added = {**self._headers, "cache-control": IMMUTABLE if is_asset else REVALIDATE}
                message["headers"] += [(name.encode(), value.encode()) for name, value in added.items()]
            await send(message)

        await self._app(scope, receive, send_with_headers)
