"""Invokes Lambda functions by ARN, as many at once as the machine can run."""

import asyncio
import json
import os
import ssl
from typing import Any
from urllib.parse import quote

import aiohttp
import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import NoCredentialsError
from yarl import URL

from local.data_planes.appsync.errors import FieldError

TIMED_OUT = FieldError("Lambda:ExecutionTimeoutException", "Execution timed out.")
# Each invocation at the same time is a process of 50 MB that takes a second of a processor to start. More of them than
# processors answer no sooner; twice as many, because they also wait for the embedded AWS.
CONCURRENCY = 2 * (os.cpu_count() or 1)


class LambdaFunctions:
    """At most ``concurrency`` invocations are under way; the others wait their turn, first come, first served."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        session: boto3.Session,
        *,
        region: str,
        aws_endpoint_url: str,
        tls: ssl.SSLContext | bool,
        concurrency: int = CONCURRENCY,
        timeout: float = 30.0,
    ) -> None:
        self._http = http
        if (credentials := session.get_credentials()) is None:
            raise NoCredentialsError()
        self._signer = SigV4Auth(credentials, "lambda", region)
        self._endpoint = aws_endpoint_url.rstrip("/")
        self._tls = tls
        self._turns = asyncio.Semaphore(concurrency)
        self._under_way: set[asyncio.Task[Any]] = set()
        self._timeout = aiohttp.ClientTimeout(total=timeout)

    async def invoke(self, function_arn: str, event: object) -> Any:
        """Get what the function returns; raise ``FieldError`` with its exception's class name and message."""
        await self._turns.acquire()
        invocation = asyncio.create_task(self._invoke(function_arn, event))
        self._under_way.add(invocation)
        invocation.add_done_callback(self._ended)
        # Lambda finishes what it has begun, also when nobody waits for it any more; until then it takes a turn.
        return await asyncio.shield(invocation)

    def _ended(self, invocation: asyncio.Task[Any]) -> None:
        self._turns.release()
        self._under_way.discard(invocation)
        if not invocation.cancelled():
            invocation.exception()  # or asyncio complains where nobody waits for it any more

    async def _invoke(self, function_arn: str, event: object) -> Any:
        body = json.dumps(event).encode()
        url = f"{self._endpoint}/2015-03-31/functions/{quote(function_arn, safe='')}/invocations"
        try:
            async with self._http.post(
                # The path is signed as it is sent: nothing may decode the ARN's %3A again.
                URL(url, encoded=True),
                data=body,
                headers=self._signed(url, body),
                ssl=self._tls,
                timeout=self._timeout,
            ) as response:
                payload = await response.read()
        except TimeoutError:
            raise TIMED_OUT from None
        except aiohttp.ClientError as error:
            raise FieldError("Lambda:SdkClientException", f"Lambda cannot be reached: {error}") from error
        if not response.ok:
            raise _refused(response, payload)
        result = json.loads(payload) if payload else None
        if "X-Amz-Function-Error" in response.headers:
            raise _failed(result)
        return result

    def _signed(self, url: str, body: bytes) -> dict[str, str]:
        request = AWSRequest("POST", url, data=body, headers={"Content-Type": "application/json"})
        self._signer.add_auth(request)
        return dict(request.headers.items())


def _failed(error: Any) -> FieldError:
    described = error if isinstance(error, dict) else {}
    message = str(described.get("errorMessage", "Unhandled"))
    # Lambda ends a function that takes too long by itself; it has no exception class to name then.
    if described.get("errorType") in (None, "Sandbox.Timedout") and "Task timed out" in message:
        return TIMED_OUT
    return FieldError(str(described.get("errorType") or "Lambda:Unhandled"), message)


def _refused(response: aiohttp.ClientResponse, payload: bytes) -> FieldError:
    try:
        described = json.loads(payload)
    except ValueError:
        described = {}
    name = response.headers.get("x-amzn-errortype", described.get("__type", "ServiceException"))
    message = described.get("message") or described.get("Message") or f"Lambda answered {response.status}."
    return FieldError(f"Lambda:{name.split(':')[0].split('#')[-1]}", message)
