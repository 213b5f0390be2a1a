"""AppSync's data plane on one machine: HTTP in, the fields of a deployed API through Lambda, HTTP out."""

import asyncio
import json
import logging
import ssl
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import aiohttp
import boto3
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from local.appsync.callers import Callers
from local.appsync.cognito_tokens import CognitoTokens
from local.appsync.deployed_api import ApiReader
from local.appsync.errors import RequestError
from local.appsync.execution import Execution
from local.appsync.graphql_request import read_operation
from local.appsync.lambda_functions import CONCURRENCY, LambdaFunctions
from local.appsync.request_signature import Credential
from local.appsync.validation import validation_errors

logger = logging.getLogger(__name__)
T = TypeVar("T")

LARGEST_ANSWER = 5_000_000
MOST_REQUESTS = 500
CLIENT_GONE = 499  # never sent: nobody is there to read it
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
READABLE = {
    "access-control-allow-origin": "*",
    "access-control-expose-headers": (
        "x-amzn-RequestId,x-amzn-ErrorType,x-amz-user-agent,x-amzn-ErrorMessage,Date,x-amz-schema-version"
    ),
}
PREFLIGHT = {
    **READABLE,
    "access-control-allow-methods": "POST",
    "access-control-allow-headers": (
        "content-type,authorization,x-api-key,x-amz-date,x-amz-security-token,x-amz-user-agent"
    ),
    "access-control-max-age": "172800",
}
# AppSync prints a refusal as Jackson does: the list opens on the line of its key, and a colon stands apart.
REFUSAL = """{
  "errors" : [ {
    "errorType" : %s,
    "message" : %s
  } ]
}"""
PAGE = Path(__file__).with_name("graphiql.html")
PAGE_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


def create_app(
    *,
    session: boto3.Session,
    api_id: str,
    region: str,
    aws_endpoint_url: str,
    ca_bundle: str | None,
    credentials: Mapping[str, Credential],
    demo_token: Callable[[], Awaitable[str]] | None = None,
    examples: str = "",
    fresh: float = 2.0,
    most_requests: int = MOST_REQUESTS,
    concurrency: int = CONCURRENCY,
) -> Starlette:
    """Get the data plane of one API: ``/graphql`` for clients and, at ``/``, a page for people.

    ``session`` reads the API and invokes its functions at ``aws_endpoint_url``, whose certificate ``ca_bundle``
    vouches for. ``credentials`` maps the access key ids that may sign requests to what is known of them.
    ``demo_token`` makes a token for the page to sign in with; ``examples`` are operations, each under a comment that
    says what it is for, that the page offers. A deployment is seen within ``fresh`` seconds, twice
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

    async def page(_request: Request) -> Response:
        return HTMLResponse(PAGE.read_text(), headers=PAGE_HEADERS)

    async def token(request: Request) -> Response:
        if demo_token is None:
            return PlainTextResponse("There is no demo user.", 404)
        if not _from_the_page(request):
            return PlainTextResponse("Only this machine's own page may sign in here.", 403)
        return JSONResponse({"token": await demo_token()}, headers={"cache-control": "no-store"})

    async def offered(_request: Request) -> Response:
        return PlainTextResponse(examples, headers={"cache-control": "no-store"})

    return Starlette(
        routes=[
            Route("/graphql", graphql, methods=["POST", "GET", "OPTIONS"]),
            Route("/", page),
            Route("/examples.graphql", offered),
            Route("/demo-token", token),
        ],
        lifespan=lifespan,
    )


class DataPlane:
    """Answers the requests to one API, so many at a time."""

    def __init__(self, api: ApiReader, callers: Callers, functions: LambdaFunctions, most_requests: int) -> None:
        self._api = api
        self._callers = callers
        self._functions = functions
        self._most_requests = most_requests
        self._requests = 0

    async def answer(self, request: Request) -> Response:
        """Get the response to a request; what is refused further in becomes a status here, and nowhere else."""
        started_at = time.monotonic()
        asked = "refused"
        self._requests += 1
        try:
            if self._requests > self._most_requests:
                raise RequestError(429, "TooManyRequestsException", "Rate exceeded")
            body = await request.body()
            api = await self._api.current()
            caller = await self._callers.identify(request, body, api)
            operation = read_operation(request, body)
            asked = operation.fields
            if errors := validation_errors(api.schema, operation.document, introspection=api.introspection):
                answer: dict[str, object] = {"data": None, "errors": errors}
            else:
                execution = Execution(api, caller, self._functions, dict(request.headers))
                answer = await _while_connected(
                    request, execution.run(operation.document, operation.variables, operation.name)
                )
            response = _json(200, json.dumps(answer, separators=(",", ":")))
            if len(response.body) > LARGEST_ANSWER:
                raise RequestError(400, "BadRequestException", "The evaluated response is larger than 5 MB.")
        except RequestError as error:
            response = _refusal(error)
        except ClientDisconnect:
            response = Response(status_code=CLIENT_GONE)
        except Exception:
            logger.exception("A request failed unexpectedly")
            response = _refusal(RequestError(500, "InternalFailure", "An internal failure occurred."))
        finally:
            self._requests -= 1
        # Signed URLs open files for whoever reads them: no argument and no answer is ever logged.
        logger.info("%s %d %d ms", asked, response.status_code, (time.monotonic() - started_at) * 1000)
        return response


async def _while_connected(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Get the result of the work; raise ``ClientDisconnect``, and cancel it, where the client leaves before."""
    working = asyncio.create_task(work)
    # The body has been read: what the server says next is that the client is gone.
    leaving = asyncio.ensure_future(request.receive())
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientDisconnect
    finally:
        working.cancel()
        leaving.cancel()


def _refusal(error: RequestError) -> Response:
    text = REFUSAL % (json.dumps(error.error_type), json.dumps(error.message))
    response = _json(error.status, text)
    response.headers["x-amzn-errortype"] = error.error_type
    return response


def _json(status: int, text: str) -> Response:
    headers = {**READABLE, "x-amzn-requestid": str(uuid.uuid4())}
    return Response(text, status, headers, media_type="application/json;charset=UTF-8")


def _from_the_page(request: Request) -> bool:
    """Tell whether this server's own page asks; the host is checked so that no other name can be pointed here."""
    host = request.headers.get("host", "")
    if urlsplit(f"//{host}").hostname not in LOOPBACK:
        return False
    origin = request.headers.get("origin")
    if origin is not None and origin != f"{request.url.scheme}://{host}":
        return False
    return request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")
