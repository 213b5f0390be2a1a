"""Handles the HTTP requests to one API, with the statuses, headers and error bodies of AppSync."""

import asyncio
import json
import logging
import time
import uuid
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from local.data_planes.appsync.callers import Callers
from local.data_planes.appsync.deployed_api import DeployedApi
from local.data_planes.appsync.errors import RequestError
from local.data_planes.appsync.execution import Execution
from local.data_planes.appsync.graphql_request import read_operation
from local.data_planes.appsync.validation import validation_errors
from local.data_planes.deployed_state import DeployedState, Unreadable
from local.data_planes.lambda_functions import LambdaFunctions

logger = logging.getLogger(__name__)
T = TypeVar("T")

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
    """Handles at most `most_requests` requests at a time; further ones are refused with 429."""

    def __init__(
        self, api: DeployedState[DeployedApi], callers: Callers, functions: LambdaFunctions, most_requests: int
    ) -> None:
        self._api = api
        self._callers = callers
        self._functions = functions
        self._most_requests = most_requests
        self._requests = 0

    async def respond(self, request: Request) -> Response:
        """Return the response to a request. This is the only place where an error becomes a status."""
        started_at = time.monotonic()
        logged = "refused"
        self._requests += 1
        try:
            if self._requests > self._most_requests:
                raise RequestError(429, "TooManyRequestsException", "Rate exceeded")
            body = await request.body()
            api = await self._api.current()
            caller = await self._callers.identify(request, body, api)
            operation = read_operation(request, body)
            logged = operation.fields
            if errors := validation_errors(api.schema, operation.document, introspection=api.introspection):
                result: dict[str, object] = {"data": None, "errors": errors}
            else:
                execution = Execution(api, caller, self._functions, dict(request.headers))
                result = await _while_connected(
                    request, execution.run(operation.document, operation.variables, operation.name)
                )
            response = _json(200, json.dumps(result, separators=(",", ":")))
            if len(response.body) > LARGEST_RESPONSE:
                raise RequestError(400, "BadRequestException", "The evaluated response is larger than 5 MB.")
        except RequestError as error:
            response = _refusal(error)
        except Unreadable as error:
            response = _refusal(RequestError(500, "InternalFailure", f"The API could not be read: {error}"))
        except ClientDisconnect:
            response = Response(status_code=CLIENT_GONE)
        except Exception:
            logger.exception("A request failed unexpectedly")
            response = _refusal(RequestError(500, "InternalFailure", "An internal failure occurred."))
        finally:
            self._requests -= 1
        # Results may be signed URLs, which open files: neither they nor arguments are logged.
        logger.info("%s %d %d ms", logged, response.status_code, (time.monotonic() - started_at) * 1000)
        return response


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


def _refusal(error: RequestError) -> Response:
    text = REFUSAL % (json.dumps(error.error_type), json.dumps(error.message))
    response = _json(error.status, text)
    response.headers["x-amzn-errortype"] = error.error_type
    return response


def _json(status: int, text: str) -> Response:
    headers = {**READABLE, "x-amzn-requestid": str(uuid.uuid4())}
    return Response(text, status, headers, media_type="application/json;charset=UTF-8")
