"""Read one SSM parameter, decrypted, without botocore.

Botocore first loads the models of all SSM operations and all endpoints, and its imports alone take a third of the time
until the first URL (`bench/cold_start.py`).

https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from http.client import HTTPException
from random import SystemRandom
from urllib.error import URLError

from resolvers.aws_http import NoCredentials, SignedHttp
from resolvers.deadline import within

ATTEMPT_SECONDS = 4  # the longest that one attempt takes, from the credentials to the last byte
LONGEST_WAIT = 4  # seconds between two attempts

_HEADERS = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "AmazonSSM.GetParameter"}
_THROTTLED = {"ThrottlingException", "ThrottledException", "Throttling", "RequestLimitExceeded", "TooManyUpdates"}
# The domains of the partitions, without and with IPv6, by how the names of their Regions start. From botocore's
# partitions.json, which would have to be read and searched at every cold start.
_DOMAINS = {
    "cn-": ("amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    "eusc-": ("amazonaws.eu", "api.amazonwebservices.eu"),
    "us-iso-": ("c2s.ic.gov", "api.aws.ic.gov"),
    "us-isob-": ("sc2s.sgov.gov", "api.aws.scloud"),
    "us-isof-": ("csp.hci.ic.gov", "api.aws.hci.ic.gov"),
    "eu-isoe-": ("cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
    "": ("amazonaws.com", "api.aws"),
}
# Not the shared generator: functions restored from one snapshot would all wait for the same times.
_random = SystemRandom()


class ParameterUnreadable(RuntimeError):
    """SSM did not return the parameter; the message says why.

    `code` is SSM's error code, or the name of the exception. A retry may succeed after a `transient` error.
    """

    def __init__(self, code: str, message: str, *, transient: bool) -> None:
        super().__init__(message)
        self.code = code
        self.transient = transient


class Parameters:
    """The parameters of one account and Region, from the environment variables that boto3 reads."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.url = _endpoint(environment["AWS_DEFAULT_REGION"], environment).rstrip("/") + "/"
        self._http = SignedHttp(environment, "ssm", self.url)

    def read(self, name: str, seconds: float) -> str:
        """Return the decrypted value of this parameter within this time; retry if SSM is busy or cannot be reached.

        The waits are random, up to a limit that doubles, so that functions which start at once do not retry at once:
        https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/

        Raises ParameterUnreadable.
        """
        end = time.monotonic() + seconds
        limit = 0.2
        failure: ParameterUnreadable | None = None
        while True:
            try:
                return self._get_within(min(ATTEMPT_SECONDS, end - time.monotonic()), name)
            except ParameterUnreadable as error:
                # The last attempt may be short of time, which is not the cause.
                failure = failure if failure and error.code == "TimeoutError" else error
                wait = _random.uniform(0, limit)
                if not error.transient or time.monotonic() + wait >= end:
                    raise failure from None
                time.sleep(wait)
                limit = min(2 * limit, LONGEST_WAIT)

    def _get_within(self, seconds: float, name: str) -> str:
        try:
            return within(seconds, lambda: self._get(name))
        except TimeoutError:
            raise ParameterUnreadable("TimeoutError", "SSM did not respond in time", transient=True) from None

    def _get(self, name: str) -> str:
        body = json.dumps({"Name": name, "WithDecryption": True}).encode()
        try:
            status, content = self._http.post(_HEADERS, body, ATTEMPT_SECONDS)
        except NoCredentials as error:
            raise ParameterUnreadable(type(error).__name__, str(error), transient=False) from None
        except (OSError, HTTPException) as error:
            code = type(error.reason if isinstance(error, URLError) else error).__name__
            raise ParameterUnreadable(code, f"SSM could not be reached ({code})", transient=True) from error
        if status == 200:
            return _value(content)
        code = _error_code(content) or str(status)
        transient = status >= 500 or status == 429 or code in _THROTTLED
        raise ParameterUnreadable(code, f"SSM returned {code}", transient=transient)


def _endpoint(region: str, environment: Mapping[str, str]) -> str:
    def on(variable: str) -> bool:
        return environment.get(variable, "").lower() == "true"

    configured = environment.get("AWS_ENDPOINT_URL_SSM") or environment.get("AWS_ENDPOINT_URL")
    if configured and not on("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"):
        return configured
    fips, dual_stack = on("AWS_USE_FIPS_ENDPOINT"), on("AWS_USE_DUALSTACK_ENDPOINT")
    # GovCloud's ordinary endpoints are FIPS endpoints.
    service = "ssm-fips" if fips and (dual_stack or not region.startswith("us-gov-")) else "ssm"
    domains = next(domains for start, domains in _DOMAINS.items() if region.startswith(start))
    return f"https://{service}.{region}.{domains[dual_stack]}"


def _value(content: bytes) -> str:
    try:
        value = json.loads(content)["Parameter"]["Value"]
    except (ValueError, LookupError, TypeError, RecursionError):
        value = None
    if isinstance(value, str) and value:
        return value
    # Not from SSM but from a proxy, or damaged on the way.
    raise ParameterUnreadable("NoValue", "SSM returned no value", transient=True)


def _error_code(content: bytes) -> str:
    # https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html#operation-error-serialization
    try:
        name = json.loads(content)["__type"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""  # not from SSM but from a proxy
    return name.partition(":")[0].rpartition("#")[2] if isinstance(name, str) else ""
