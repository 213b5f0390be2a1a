"""Handles the HTTP requests to one API, with the statuses, headers and error bodies of AppSync."""

import asyncio
import json
import logging
import time
import uuid
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from local.data_planes.appsync.callers import Callers
from local.data_planes.appsync.deployed_api import DeployedApi
from local.data_planes.appsync.errors import RequestError
from local.data_planes.appsync.execution import Execution
from local.data_planes.appsync.graphql_request import Operation, read_operation
from local.data_planes.appsync.validation import validation_errors
from local.data_planes.deployed_state import DeployedState, Unreadable
from local.data_planes.lambda_functions import LambdaFunctions
from local.data_planes.request_body import BodyRefused, read_body

logger = logging.getLogger(__name__)
T = TypeVar("T")

# AWS documents this limit for the operation that EventBridge sends to AppSync, and graphql-java has it for a query:
# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_AppSyncParameters.html
LARGEST_REQUEST = 1_048_576
LARGEST_RESPONSE = 5_000_000
CLIENT_GONE = 499  # never sent, because the client has disconnected
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
# AppSync formats error bodies as Jackson's pretty printer does.
REFUSAL = """{
  "errors" : [ {
    "errorType" : %s,
    "message" : %s
  } ]
}"""


class DataPlane:
    """Handles at most `most_requests` requests of known callers at a time; further ones are refused with 429.

    `threads` parse and validate. A body that takes longer than `body_seconds` to arrive is refused with 408.
    """

    def __init__(
        self,
        api: DeployedState[DeployedApi],
        callers: Callers,
        functions: LambdaFunctions,
        threads: Executor,
        *,
        most_requests: int,
        body_seconds: float,
    ) -> None:
        self._api = api
        self._callers = callers
        self._functions = functions
        self._threads = threads
        self._most_requests = most_requests
        self._body_seconds = body_seconds
        self._requests = 0

    async def respond(self, request: Request) -> Response:
        """Return the response to a request. This is the only place where an error becomes a status."""
        started_at = time.monotonic()
        logged = "refused"
        try:
            body = await read_body(request, largest=LARGEST_REQUEST, seconds=self._body_seconds)
            api = await self._api.current()
            caller = await self._callers.identify(request, body, api)
            # Only callers that are known count: others could keep them out by sending nothing.
            with self._turn():
                operation, errors = await self._in_thread(_read_and_validate, request, body, api)
                logged = operation.fields
                result: dict[str, object] = {"data": None, "errors": errors}
                if not errors:
                    execution = Execution(api, caller, self._functions, dict(reversed(request.headers.items())))
                    result = await _while_connected(
                        request, execution.run(operation.document, operation.variables, operation.name)
                    )
                response = _json(200, json.dumps(result, separators=(",", ":")))
                if len(response.body) > LARGEST_RESPONSE:
                    raise RequestError(400, "BadRequestException", "The evaluated response is larger than 5 MB.")
        except RequestError as error:
            response = _refusal(error)
        except BodyRefused as error:
            name = "RequestEntityTooLargeException" if error.status == 413 else "RequestTimeoutException"
            response = _refusal(RequestError(error.status, name, error.message))
            response.headers["connection"] = "close"  # or the server waits for the rest of the body
        except Unreadable as error:
            response = _refusal(RequestError(500, "InternalFailure", f"The API could not be read: {error}"))
        except ClientDisconnect:
            response = Response(status_code=CLIENT_GONE)
        except Exception:
            logger.exception("A request failed unexpectedly")
            response = _refusal(RequestError(500, "InternalFailure", "An internal failure occurred."))
        # Results may be signed URLs, which open files: neither they nor arguments are logged.
        logger.info("%s %d %d ms", logged, response.status_code, (time.monotonic() - started_at) * 1000)
        return response

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if self._requests >= self._most_requests:
            raise RequestError(429, "TooManyRequestsException", "Rate exceeded")
        self._requests += 1
        try:
            yield
        finally:
            self._requests -= 1

    async def _in_thread(self, work: Callable[..., T], *arguments: Any) -> T:
        """Return the result of work that takes CPU time, during which other requests go on."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)


def _read_and_validate(request: Request, body: bytes, api: DeployedApi) -> tuple[Operation, list[dict[str, Any]]]:
    operation = read_operation(request, body)
    return operation, validation_errors(api.schema, operation.document, introspection=api.introspection)


async def _while_connected(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Return the result of the work. Cancels it and raises ClientDisconnect if the client disconnects first."""
    working = asyncio.create_task(work)
    # The body has been read, so the next message from the server is the disconnect.
    disconnect = asyncio.ensure_future(request.receive())
    try:
        await asyncio.wait((working, disconnect), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientDisconnect
    finally:
        working.cancel()
        disconnect.cancel()


def refusal_outside(status: int, message: str) -> Response:
    """Return the refusal of a request that this machine lets no page read."""
    name = "AccessDeniedException" if status == 403 else "BadRequestException"
    response = _refusal(RequestError(status, name, message))
    for header in READABLE:
        del response.headers[header]
    return response


def _refusal(error: RequestError) -> Response:
    text = REFUSAL % (json.dumps(error.error_type), json.dumps(error.message))
    response = _json(error.status, text)
    response.headers["x-amzn-errortype"] = error.error_type
    return response


def _json(status: int, text: str) -> Response:
    headers = {**READABLE, "x-amzn-requestid": str(uuid.uuid4())}
    return Response(text, status, headers, media_type="application/json;charset=UTF-8")
