"""Requests to AWS without botocore, whose import costs more than all that a function does until its first URL."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from ssl import create_default_context
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request

from resolvers.sigv4 import Credentials, Signer

SECONDS_FOR_CREDENTIALS = 2


class CredentialsUnavailable(OSError):
    """The endpoint that has the function's credentials did not return them."""


class NoCredentials(RuntimeError):
    """The environment does not say where the function's credentials are."""


class SignedHttp:
    """Sends requests to the endpoint of one service, signed with the function's credentials.

    Through the proxies, and trusting the certificate authorities, that boto3 would take from the environment.
    """

    def __init__(self, environment: Mapping[str, str], service: str, url: str) -> None:
        self._environment = environment
        self._signer = Signer(service, environment["AWS_DEFAULT_REGION"])
        self._url = url
        self._opener = _opener(ProxyHandler(), HTTPHandler())
        if url.startswith("https:"):
            authorities = environment.get("AWS_CA_BUNDLE") or environment.get("REQUESTS_CA_BUNDLE") or None
            self._opener.add_handler(HTTPSHandler(context=create_default_context(cafile=authorities)))

    def post(self, headers: Mapping[str, str], body: bytes, seconds: float) -> tuple[int, bytes]:
        """Return the status and the content of the response. No redirect is followed, which would get the signature.

        No wait for the network takes longer than `seconds`.
        Raises NoCredentials, OSError, such as CredentialsUnavailable, or http.client.HTTPException.
        """
        signed = self._signer.post(self._url, headers, body, _credentials(self._environment), time.time())
        return _send(self._opener, Request(self._url, body, signed, method="POST"), seconds)  # noqa: S310 - an AWS endpoint


def _credentials(environment: Mapping[str, str]) -> Credentials:
    # Lambda sets them in the environment, but a function restored from a snapshot gets them from a URL:
    # https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks.html
    if (key := environment.get("AWS_ACCESS_KEY_ID")) and (secret := environment.get("AWS_SECRET_ACCESS_KEY")):
        return Credentials(key, secret, environment.get("AWS_SESSION_TOKEN") or None)
    if not (url := environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")):
        raise NoCredentials("there are no AWS credentials")
    headers = {"Accept": "application/json"}
    if token := environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN"):
        headers["Authorization"] = token
    # Without a proxy: the endpoint is on the function's own machine.
    status, content = _send(_opener(HTTPHandler()), Request(url, headers=headers), SECONDS_FOR_CREDENTIALS)  # noqa: S310 - Lambda's URL
    if status != 200:
        raise CredentialsUnavailable(f"the credentials endpoint returned {status}")
    try:
        found = json.loads(content)
        return Credentials(found["AccessKeyId"], found["SecretAccessKey"], found["Token"])
    except (ValueError, LookupError, TypeError, RecursionError):
        raise CredentialsUnavailable("the credentials endpoint returned no credentials") from None


def _opener(*handlers: ProxyHandler | HTTPHandler) -> OpenerDirector:
    # Not build_opener: it adds handlers that follow redirects, and ones for file: and ftp:.
    opener = OpenerDirector()
    for handler in handlers:
        opener.add_handler(handler)
    return opener


def _send(opener: OpenerDirector, request: Request, seconds: float) -> tuple[int, bytes]:
    response = opener.open(request, timeout=seconds)
    assert response is not None  # noqa: S101 - it would be for another scheme than HTTP
    with response:
        return response.status, response.read()
