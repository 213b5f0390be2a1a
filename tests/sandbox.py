"""A function just started, as in a fresh Lambda sandbox, with the environment that infra gives it."""

import importlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from unittest.mock import patch
from urllib.request import OpenerDirector, Request

import boto3
import botocore.session
import pytest
import requests

from resolvers import aws_http
from tests.signing_keys import BASE_URL, KEY_ID, P256, public_key_sha256

BUCKET = "the-bucket"
PARAMETER = "/PrivateFiles/signing-keys/1"
ENVIRONMENT = {
    "BUCKET_NAME": BUCKET,
    "FILES_FOLDER": "files",
    "ACCESS": "no rules",
    "CDN_URL": BASE_URL,
    "SIGNING_KEYS": f"{KEY_ID} 0 ecdsa-p256 {PARAMETER} {public_key_sha256(P256)}",
    "URL_LIFETIME": "900",
    "URL_LIFETIME_MIN": "10",
    "URL_LIFETIME_MAX": "3600",
    "URL_WINDOW": "300",
    "POWERTOOLS_METRICS_NAMESPACE": "PrivateFiles",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
}
_CALLER = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_SSM", "AWS_PROFILE", "AWS_SESSION_TOKEN")


def set_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the function's environment, without what the caller's own may say about AWS."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    for name in _CALLER:
        monkeypatch.delenv(name, raising=False)


def start(module: ModuleType, session: boto3.Session, monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Start the function in this module, which gets its AWS clients from the session; return its log."""
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", module.__name__)
    monkeypatch.setattr(botocore.session, "get_session", lambda: session._session)
    importlib.reload(module)
    log = io.StringIO()
    module.logger.registered_handler.setStream(log)
    return log


@contextmanager
def s3_of_moto() -> Iterator[None]:
    """Let moto, which intercepts `requests`, respond to what the function that lists sends to S3."""
    sent = aws_http._sent

    def send(opener: OpenerDirector, request: Request, seconds: float) -> aws_http.Response:
        if request.host != f"{BUCKET}.s3.eu-west-1.amazonaws.com":
            return sent(opener, request, seconds)
        response = requests.get(request.full_url, headers=dict(request.header_items()), timeout=seconds)
        return aws_http.Response(response.status_code, response.content)

    with patch.object(aws_http, "_sent", send):
        yield
