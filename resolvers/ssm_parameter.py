"""One SSM parameter, decrypted, without a client.

Of botocore only what signs, sends and finds credentials is used, because a client first reads the models of all of
SSM's operations and of all endpoints. Measured as in `bench/cold_start.py`, a first URL costs 0.54 of the usual
handler's time with a client, 0.32 without, and would cost 0.27 with a signature of our own, which is not worth having.
On Lambda it is the runtime's botocore.

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

TIMEOUT = 4  # seconds to connect, and again to answer; all attempts fit into the 29 that the function has
WAITS = (0.1, 0.4)  # seconds before the second and the third attempt

_THROTTLED = {"ThrottlingException", "ThrottledException", "Throttling", "RequestLimitExceeded", "TooManyUpdates"}


class ParameterUnreadable(RuntimeError):
    """SSM did not hand the parameter over; the message says why.

    `code` is that of SSM's error, or the name of what went wrong on the way; `passing` errors may be gone in a moment.
    """

    def __init__(self, code: str, message: str, *, passing: bool) -> None:
        super().__init__(message)
        self.code = code
        self.passing = passing


class Parameters:
    """The parameters of the account and Region that the environment names, in the variables that boto3 reads."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._region = environment["AWS_DEFAULT_REGION"]
        self._url = (
            environment.get("AWS_ENDPOINT_URL_SSM")
            or environment.get("AWS_ENDPOINT_URL")
            or f"https://ssm.{self._region}.amazonaws.com"
        ).rstrip("/") + "/"
        # Lambda gives credentials in the environment, but to a sandbox restored from a snapshot at an address.
        self._credentials = CredentialResolver([EnvProvider(environment), ContainerProvider(environment)])
        self._http = URLLib3Session(
            verify=environment.get("AWS_CA_BUNDLE") or environment.get("REQUESTS_CA_BUNDLE") or True,  # type: ignore[arg-type]  # a path, too
            proxies=get_environ_proxies(self._url),
            timeout=TIMEOUT,
        )

    def read(self, name: str) -> str:
        """The decrypted value of this parameter; asked for again where SSM is busy or cannot be reached.

        Raises ParameterUnreadable.
        """
        for wait in WAITS:
            try:
                return self._ask(name)
            except ParameterUnreadable as error:
                if not error.passing:
                    raise
                time.sleep(wait)
        return self._ask(name)

    def _ask(self, name: str) -> str:
        question = AWSRequest(
            "POST",
            self._url,
            {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "AmazonSSM.GetParameter"},
            json.dumps({"Name": name, "WithDecryption": True}).encode(),
        )
        try:
            credentials = self._credentials.load_credentials()
            if credentials is None:
                raise ParameterUnreadable("NoCredentials", "there are no AWS credentials", passing=False)
            SigV4Auth(credentials, "ssm", self._region).add_auth(question)
            answer = self._http.send(question.prepare())
        except BotoCoreError as error:
            code = type(error).__name__
            raise ParameterUnreadable(code, f"SSM could not be asked ({code})", passing=True) from error
        if answer.status_code == 200:
            value: str = json.loads(answer.content)["Parameter"]["Value"]
            return value
        code = _error_code(answer.content) or str(answer.status_code)
        passing = answer.status_code >= 500 or answer.status_code == 429 or code in _THROTTLED
        raise ParameterUnreadable(code, f"SSM answered {code}", passing=passing)


def _error_code(content: bytes) -> str:
    # https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html#operation-error-serialization
    try:
        name: str = json.loads(content)["__type"]
    except (ValueError, KeyError, TypeError):
        return ""  # a proxy's page
    return name.partition(":")[0].rpartition("#")[2]
