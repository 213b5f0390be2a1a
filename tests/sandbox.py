"""A function just started, as in a fresh Lambda sandbox, with the environment that infra gives it."""

import importlib
import io
from types import ModuleType

import boto3
import botocore.session
import pytest

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
