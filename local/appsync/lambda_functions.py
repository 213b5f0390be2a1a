"""Invokes Lambda functions by ARN, many at once, without a thread for each."""

import asyncio
import json
import ssl
from typing import Any
from urllib.parse import quote

import aiohttp
import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import NoCredentialsError
from yarl import URL

from local.appsync.errors import FieldError

TIMED_OUT = FieldError("Lambda:ExecutionTimeoutException", "Execution timed out.")


class LambdaFunctions:
    """At most ``concurrency`` invocations are under way; the others wait their turn."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        session: boto3.Session,
        *,
        region: str,
        aws_endpoint_url: str,
        tls: ssl.SSLContext | bool,
        concurrency: int = 64,
        timeout: float = 30.0,
    ) -> None:
        self._http = http
        if (credentials := session.get_credentials()) is None:
            raise NoCredentialsError()
        self._signer = SigV4Auth(credentials, "lambda", region)
        self._endpoint = aws_endpoint_url.rstrip("/")
        self._tls = tls
        self._turns = asyncio.Semaphore(concurrency)
        self._timeout = aiohttp.ClientTimeout(total=timeout)

    async def invoke(self, function_arn: str, event: object) -> Any:
        """Get what the function returns; raise ``FieldError`` with its exception's class name and message."""
        body = json.dumps(event).encode()
        url = f"{self._endpoint}/2015-03-31/functions/{quote(function_arn, safe='')}/invocations"
        async with self._turns:
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
