"""Invokes Lambda functions by ARN, with a limit on how many run at a time."""

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

# Each concurrent invocation is a process of 50 MB that takes a second of CPU time to start, so more of them than
# processors are no faster. Twice as many, because functions also wait for the emulator.
CONCURRENCY = 2 * (os.cpu_count() or 1)
# A synchronous invocation takes 6 MB and returns 6 MB and a little more:
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LARGEST_REQUEST = 6 * 1024 * 1024
LARGEST_RESPONSE = LARGEST_REQUEST + 100


class FunctionFailed(Exception):
    """A function raised, timed out or could not be invoked; `error_type` is AppSync's name for the reason."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.message = message


class LambdaFunctions:
    """Invokes functions, at most `concurrency` at a time; further invocations wait, first come, first served."""

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
        """Return what the function returns. Raises FunctionFailed."""
        await self._turns.acquire()
        invocation = asyncio.create_task(self._invoke(function_arn, event))
        self._under_way.add(invocation)
        invocation.add_done_callback(self._ended)
        # Lambda runs a function to its end even if the caller disconnects, and until then it counts.
        return await asyncio.shield(invocation)

    def _ended(self, invocation: asyncio.Task[Any]) -> None:
        self._turns.release()
        self._under_way.discard(invocation)
        if not invocation.cancelled():
            invocation.exception()  # or asyncio logs it as never retrieved if the caller disconnected

    async def _invoke(self, function_arn: str, event: object) -> Any:
        body = _payload(event)
        url = f"{self._endpoint}/2015-03-31/functions/{quote(function_arn, safe='')}/invocations"
        try:
            async with self._http.post(
                # The path must be sent as it was signed, with the %3A of the ARN encoded.
                URL(url, encoded=True),
                data=body,
                headers=self._signed(url, body),
                ssl=self._tls,
                timeout=self._timeout,
            ) as response:
                payload = await response.read()
        except TimeoutError:
            raise _timed_out() from None
        except aiohttp.ClientError as error:
            raise FunctionFailed("Lambda:SdkClientException", f"Lambda could not be reached: {error}") from error
        if not response.ok:
            raise _refused(response, payload)
        if len(payload) > LARGEST_RESPONSE:
            message = f"Response payload size exceeded maximum allowed payload size ({LARGEST_RESPONSE} bytes)."
            raise FunctionFailed("Function.ResponseSizeTooLarge", message)
        try:
            result = json.loads(payload) if payload else None
        except (ValueError, RecursionError):
            raise FunctionFailed("Lambda:Unhandled", "The function did not return JSON.") from None
        if "X-Amz-Function-Error" in response.headers:
            raise _failed(result)
        return result

    def _signed(self, url: str, body: bytes) -> dict[str, str]:
        request = AWSRequest("POST", url, data=body, headers={"Content-Type": "application/json"})
        self._signer.add_auth(request)
        return dict(request.headers.items())


def _payload(event: object) -> bytes:
    """Return the event as JSON. Raises FunctionFailed if Lambda would refuse its size."""
    events, start, end = (event, b"[", b"]") if isinstance(event, list) else ([event], b"", b"")
    payload = bytearray(start)
    for number, one in enumerate(events):
        # UTF-8, as AWS sends it: escapes would count up to three times as much. Half a surrogate becomes "?".
        text = json.dumps(one, ensure_ascii=False, separators=(",", ":"))
        payload += b"," * (number > 0) + text.encode(errors="replace")
        # After each, because each event of a batch repeats the variables and the token: all could take gigabytes.
        if len(payload) + len(end) > LARGEST_REQUEST:
            message = f"Request must be smaller than {LARGEST_REQUEST} bytes for the InvokeFunction operation"
            raise FunctionFailed("Lambda:RequestEntityTooLargeException", message)
    return bytes(payload + end)


def _timed_out() -> FunctionFailed:
    return FunctionFailed("Lambda:ExecutionTimeoutException", "Execution timed out.")


def _failed(error: Any) -> FunctionFailed:
    described = error if isinstance(error, dict) else {}
    message = str(described.get("errorMessage", "Unhandled"))
    # A function that Lambda stopped has no exception class.
    if described.get("errorType") in (None, "Sandbox.Timedout") and "Task timed out" in message:
        return _timed_out()
    return FunctionFailed(str(described.get("errorType") or "Lambda:Unhandled"), message)


def _refused(response: aiohttp.ClientResponse, payload: bytes) -> FunctionFailed:
    try:
        described = json.loads(payload)
    except (ValueError, RecursionError):
        described = {}
    described = described if isinstance(described, dict) else {}
    name = response.headers.get("x-amzn-errortype", described.get("__type", "ServiceException"))
    message = described.get("message") or described.get("Message") or f"Lambda returned status {response.status}."
    return FunctionFailed(f"Lambda:{name.split(':')[0].split('#')[-1]}", message)
