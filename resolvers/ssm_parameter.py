"""Read one SSM parameter, decrypted, without a boto3 client.

Only the parts of botocore that sign, send and find credentials are used, because a client first loads the models of all
SSM operations and all endpoints. Measured with `bench/cold_start.py`, the first URL takes 0.54 of the usual handler's
time with a client and 0.32 without. With our own signature code it would take 0.27, which is not worth that code.
On Lambda, botocore comes with the runtime.

https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ContainerProvider, CredentialResolver, EnvProvider
from botocore.exceptions import BotoCoreError
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies

TIMEOUT = 4  # seconds to connect, and again to read; all attempts fit into the 29 s of the function
WAITS = (0.1, 0.4)  # seconds before the second and third attempt

_THROTTLED = {"ThrottlingException", "ThrottledException", "Throttling", "RequestLimitExceeded", "TooManyUpdates"}


class ParameterUnreadable(RuntimeError):
    """SSM did not return the parameter; the message says why.

    `code` is SSM's error code, or the name of botocore's exception. A retry may succeed after a `transient` error.
    """

    def __init__(self, code: str, message: str, *, transient: bool) -> None:
        super().__init__(message)
        self.code = code
        self.transient = transient


class Parameters:
    """The parameters of one account and Region, from the environment variables that boto3 reads."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._region = environment["AWS_DEFAULT_REGION"]
        self._url = (
            environment.get("AWS_ENDPOINT_URL_SSM")
            or environment.get("AWS_ENDPOINT_URL")
            or f"https://ssm.{self._region}.amazonaws.com"
        ).rstrip("/") + "/"
        # Lambda sets credentials in the environment, but a function restored from a snapshot gets them from a URL.
        self._credentials = CredentialResolver([EnvProvider(environment), ContainerProvider(environment)])
        self._http = URLLib3Session(
            verify=environment.get("AWS_CA_BUNDLE") or environment.get("REQUESTS_CA_BUNDLE") or True,  # type: ignore[arg-type]  # also a path
            proxies=get_environ_proxies(self._url),
            timeout=TIMEOUT,
        )

    def read(self, name: str) -> str:
        """Return the decrypted value of this parameter; retry if SSM is busy or cannot be reached.

        Raises ParameterUnreadable.
        """
        for wait in WAITS:
            try:
                return self._get(name)
            except ParameterUnreadable as error:
                if not error.transient:
                    raise
                time.sleep(wait)
        return self._get(name)

    def _get(self, name: str) -> str:
        request = AWSRequest(
            "POST",
            self._url,
            {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "AmazonSSM.GetParameter"},
            json.dumps({"Name": name, "WithDecryption": True}).encode(),
        )
        try:
            credentials = self._credentials.load_credentials()
            if credentials is None:
                raise ParameterUnreadable("NoCredentials", "there are no AWS credentials", transient=False)
            SigV4Auth(credentials, "ssm", self._region).add_auth(request)
            response = self._http.send(request.prepare())
        except BotoCoreError as error:
            code = type(error).__name__
            raise ParameterUnreadable(code, f"SSM could not be reached ({code})", transient=True) from error
        if response.status_code == 200:
            value: str = json.loads(response.content)["Parameter"]["Value"]
            return value
        code = _error_code(response.content) or str(response.status_code)
        transient = response.status_code >= 500 or response.status_code == 429 or code in _THROTTLED
        raise ParameterUnreadable(code, f"SSM returned {code}", transient=transient)


def _error_code(content: bytes) -> str:
    # https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html#operation-error-serialization
    try:
        name: str = json.loads(content)["__type"]
    except (ValueError, KeyError, TypeError):
        return ""  # not from SSM but from a proxy
    return name.partition(":")[0].rpartition("#")[2]
