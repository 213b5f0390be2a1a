"""Requests to AWS without botocore, whose import costs more than all that a function does until its first response."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from random import SystemRandom
from ssl import create_default_context
from typing import TypeVar
from urllib.error import URLError
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request

from resolvers.deadline import within
from resolvers.sigv4 import Credentials, Signer

SECONDS_FOR_CREDENTIALS = 2
LONGEST_WAIT = 4  # seconds between two attempts

# Error codes that botocore retries: https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
_BUSY = {
    "ThrottlingException", "ThrottledException", "Throttling", "RequestLimitExceeded", "TooManyUpdates", "SlowDown",
    "RequestTimeout", "InternalError",
}  # fmt: skip
# Not the shared generator: functions restored from one snapshot would all wait for the same times.
_random = SystemRandom()

T = TypeVar("T")


class RequestFailed(RuntimeError):
    """An AWS service did not do what was requested; the message says why.

    `code` is the service's error code, or the name of the exception. A retry may succeed after a `transient` error.
    """

    def __init__(self, code: str, message: str, *, transient: bool) -> None:
        super().__init__(message)
        self.code = code
        self.transient = transient


class CredentialsUnavailable(OSError):
    """The endpoint that has the function's credentials did not return them."""


@dataclass(frozen=True)
class Response:
    """What a service sent: the status, and the content."""

    status: int
    content: bytes


class AwsService:
    """Sends requests to one service, signed with the function's credentials.

    Through the proxies, and trusting the certificate authorities, that boto3 would take from the environment. `url` is
    where the service is; an attempt takes at most `attempt_seconds`, from the credentials to the last byte.
    """

    def __init__(self, environment: Mapping[str, str], service: str, url: str, attempt_seconds: float) -> None:
        self._environment = environment
        self._name = service.upper()
        self._signer = Signer(service, environment["AWS_DEFAULT_REGION"])
        self._url = url
        self._attempt_seconds = attempt_seconds
        self._opener = _opener(ProxyHandler(), HTTPHandler())
        if url.startswith("https:"):
            authorities = environment.get("AWS_CA_BUNDLE") or environment.get("REQUESTS_CA_BUNDLE") or None
            self._opener.add_handler(HTTPSHandler(context=create_default_context(cafile=authorities)))

    def post(self, headers: Mapping[str, str], body: bytes, read: Callable[[Response], T], seconds: float) -> T:
        """Return what `read` makes of the response to this POST; retry within `seconds` if that may help.

        Raises RequestFailed, as `read` may; `refusal` returns the one for an error code.
        """
        return self._retried(lambda: read(self._send("POST", self._url, headers, body)), seconds)

    def get(self, query: str, read: Callable[[Response], T], seconds: float, attempts: int) -> T:
        """Return what `read` makes of the response to a GET with this query, as `post` does, in up to `attempts`.

        The query's names are sorted, and all that is not unreserved in RFC 3986 is percent-encoded.
        """
        return self._retried(lambda: read(self._send("GET", f"{self._url}?{query}", {}, b"")), seconds, attempts)

    def refusal(self, response: Response, code: str) -> RequestFailed:
        """Return the failure for a response with this error code, or without one."""
        transient = response.status >= 500 or response.status == 429 or code in _BUSY
        code = code or str(response.status)
        return RequestFailed(code, f"{self._name} returned {code}", transient=transient)

    def _retried(self, attempt: Callable[[], T], seconds: float, attempts: float = math.inf) -> T:
        # The waits are random, up to a limit that doubles, so that functions which start at once do not retry at once:
        # https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
        end = time.monotonic() + seconds
        limit = 0.2
        failure: RequestFailed | None = None
        while True:
            try:
                return self._within(min(self._attempt_seconds, end - time.monotonic()), attempt)
            except RequestFailed as error:
                # The last attempt may be short of time, which is not the cause.
                failure = failure if failure and error.code == "TimeoutError" else error
                wait = _random.uniform(0, limit)
                attempts -= 1
                if not error.transient or attempts < 1 or time.monotonic() + wait >= end:
                    raise failure from None
                time.sleep(wait)
                limit = min(2 * limit, LONGEST_WAIT)

    def _within(self, seconds: float, attempt: Callable[[], T]) -> T:
        try:
            return within(seconds, attempt)
        except TimeoutError:
            raise RequestFailed("TimeoutError", f"{self._name} did not respond in time", transient=True) from None

    def _send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Response:
        try:
            signed = self._signer.headers(
                method, url, headers, body, credentials=_credentials(self._environment), now=time.time()
            )
            request = Request(url, body or None, signed, method=method)  # noqa: S310 - an AWS endpoint
            return _sent(self._opener, request, self._attempt_seconds)
        except (OSError, HTTPException) as error:
            code = type(error.reason if isinstance(error, URLError) else error).__name__
            raise RequestFailed(code, f"{self._name} could not be reached ({code})", transient=True) from error


def _credentials(environment: Mapping[str, str]) -> Credentials:
    # Lambda sets them in the environment, but a function restored from a snapshot gets them from a URL:
    # https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks.html
    if (key := environment.get("AWS_ACCESS_KEY_ID")) and (secret := environment.get("AWS_SECRET_ACCESS_KEY")):
        return Credentials(key, secret, environment.get("AWS_SESSION_TOKEN") or None)
    if not (url := environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")):
        raise RequestFailed("NoCredentials", "there are no AWS credentials", transient=False)
    headers = {"Accept": "application/json"}
    if token := environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN"):
        headers["Authorization"] = token
    # Without a proxy: the endpoint is on the function's own machine.
    response = _sent(_opener(HTTPHandler()), Request(url, headers=headers), SECONDS_FOR_CREDENTIALS)  # noqa: S310 - Lambda's URL
    if response.status != 200:
        raise CredentialsUnavailable(f"the credentials endpoint returned {response.status}")
    try:
        given = json.loads(response.content)
        return Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["Token"])
    except (ValueError, LookupError, TypeError, RecursionError):
        raise CredentialsUnavailable("the credentials endpoint returned no credentials") from None


def _opener(*handlers: ProxyHandler | HTTPHandler) -> OpenerDirector:
    # Not build_opener: it would follow redirects, which would get the signature, and open URLs of other schemes.
    opener = OpenerDirector()
    for handler in handlers:
        opener.add_handler(handler)
    return opener


def _sent(opener: OpenerDirector, request: Request, seconds: float) -> Response:
    response = opener.open(request, timeout=seconds)
    assert response is not None  # noqa: S101 - it would be for another scheme than HTTP
    with response:
        return Response(response.status, response.read())
