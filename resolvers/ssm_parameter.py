"""Read one SSM parameter, decrypted, without botocore.

Botocore first loads the models of all SSM operations and all endpoints, and its imports alone take a third of the time
until the first URL (`bench/cold_start.py`).

https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from resolvers import aws_endpoints
from resolvers.aws_http import AwsService, RequestFailed, Response

ATTEMPT_SECONDS = 4

_HEADERS = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "AmazonSSM.GetParameter"}


class Parameters:
    """The parameters of one account and Region, from the environment variables that boto3 reads."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._ssm = AwsService(environment, "ssm", aws_endpoints.ssm(environment), ATTEMPT_SECONDS)

    def read(self, name: str, seconds: float) -> str:
        """Return the decrypted value of this parameter within this time; retry if SSM is busy or cannot be reached.

        Raises RequestFailed.
        """
        body = json.dumps({"Name": name, "WithDecryption": True}).encode()
        return self._ssm.post(_HEADERS, body, self._value, seconds)

    def _value(self, response: Response) -> str:
        if response.status != 200:
            raise self._ssm.refusal(response, _error_code(response.content))
        try:
            value = json.loads(response.content)["Parameter"]["Value"]
        except (ValueError, LookupError, TypeError, RecursionError):
            value = None
        if isinstance(value, str) and value:
            return value
        # Not from SSM but from a proxy, or damaged on the way.
        raise RequestFailed("NoValue", "SSM returned no value", transient=True)


def _error_code(content: bytes) -> str:
    # https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html#operation-error-serialization
    try:
        name = json.loads(content)["__type"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""  # not from SSM but from a proxy
    return name.partition(":")[0].rpartition("#")[2] if isinstance(name, str) else ""
