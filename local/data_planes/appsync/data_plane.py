"""Answers the requests to one API over HTTP, as AppSync writes its answers and its refusals."""

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
from local.data_planes.appsync.deployed_api import ApiReader
from local.data_planes.appsync.errors import RequestError
from local.data_planes.appsync.execution import Execution
from local.data_planes.appsync.graphql_request import read_operation
from local.data_planes.appsync.validation import validation_errors
from local.data_planes.lambda_functions import LambdaFunctions

logger = logging.getLogger(__name__)
T = TypeVar("T")

LARGEST_ANSWER = 5_000_000
CLIENT_GONE = 499  # never sent: nobody is there to read it
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
