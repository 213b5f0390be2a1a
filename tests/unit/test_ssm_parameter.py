"""GetParameter without a client: signed like botocore's client, retried if that may help, errors by code."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from werkzeug.wrappers import Response

from resolvers import ssm_parameter
from resolvers.ssm_parameter import WAITS, Parameters, ParameterUnreadable
from tests.ssm_server import SsmServer, holding, refusal, ssm_server

NAME = "/PrivateFiles/signing-keys/1"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "a-secret",
    "AWS_SESSION_TOKEN": "a-token",
    "AWS_DEFAULT_REGION": "eu-west-1",
}


@pytest.fixture(scope="module")
def server() -> Iterator[SsmServer]:
    with ssm_server() as server:
        yield server


@pytest.fixture
def ssm(server: SsmServer, monkeypatch: pytest.MonkeyPatch) -> SsmServer:
    server.begin(None)
    monkeypatch.setattr(ssm_parameter, "WAITS", [0] * len(WAITS))
    return server


@pytest.fixture
def parameters(ssm: SsmServer) -> Parameters:
    return Parameters(CREDENTIALS | {"AWS_ENDPOINT_URL_SSM": ssm.url})


def test_value_is_requested_decrypted(ssm: SsmServer, parameters: Parameters) -> None:
    ssm.responses = [holding("the value")]
    assert parameters.read(NAME) == "the value"
    assert ssm.requests == [{"Name": NAME, "WithDecryption": True}]


def test_request_is_signed_as_a_client_signs_it(
    ssm: SsmServer, parameters: Parameters, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    ssm.responses = [holding("ours"), holding("theirs")]
    parameters.read(NAME)
    boto3.Session().client("ssm", endpoint_url=ssm.url).get_parameter(Name=NAME, WithDecryption=True)
    ours, theirs = ssm.headers
    for header in ("Host", "Content-Type", "Content-Length", "X-Amz-Target", "X-Amz-Security-Token"):
        assert ours[header] == theirs[header]

    def signed(headers: dict[str, str]) -> tuple[str, str]:
        scope, names, _ = headers["Authorization"].split(", ")
        return scope, names

    assert signed(ours) == signed(theirs)


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({}, "https://ssm.eu-west-1.amazonaws.com/"),
        ({"AWS_ENDPOINT_URL": "https://127.0.0.1:4566"}, "https://127.0.0.1:4566/"),
        ({"AWS_ENDPOINT_URL": "https://a", "AWS_ENDPOINT_URL_SSM": "https://b/"}, "https://b/"),
    ],
    ids=["aws", "every-service", "ssm-alone"],
)
def test_endpoint_is_the_one_that_a_client_uses(
    environment: dict[str, str], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SSM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in (CREDENTIALS | environment).items():
        monkeypatch.setenv(name, value)
    assert Parameters(CREDENTIALS | environment)._url == url
    assert boto3.Session().client("ssm").meta.endpoint_url.rstrip("/") == url.rstrip("/")


@pytest.mark.parametrize(
    "busy",
    [
        refusal("ThrottlingException"),
        refusal("com.amazonaws.ssm#ThrottlingException:http://example.com/"),
        refusal("TooManyUpdates"),
        refusal("InternalServerError", 500),
        Response("<html>", 503),
        Response("", 429),
    ],
    ids=["throttled", "throttled-in-full", "too-many-updates", "internal", "no-json", "429"],
)
def test_request_to_a_busy_ssm_is_retried(ssm: SsmServer, parameters: Parameters, busy: Response) -> None:
    ssm.responses = [busy, busy, holding("the value")]
    assert parameters.read(NAME) == "the value"
    assert len(ssm.requests) == 3


def test_ssm_that_stays_busy_is_reported_with_its_error_code(ssm: SsmServer, parameters: Parameters) -> None:
    ssm.responses = [refusal("ThrottlingException")] * 3
    with pytest.raises(ParameterUnreadable, match=r"^SSM returned ThrottlingException$"):
        parameters.read(NAME)
    assert len(ssm.requests) == 3


@pytest.mark.parametrize(
    "code", ["AccessDeniedException", "ParameterNotFound", "InvalidKeyId", "ExpiredTokenException"]
)
def test_refusal_is_reported_with_its_error_code_and_not_retried(
    ssm: SsmServer, parameters: Parameters, code: str
) -> None:
    ssm.responses = [refusal(f"com.amazonaws.ssm#{code}")]
    with pytest.raises(ParameterUnreadable) as refused:
        parameters.read(NAME)
    assert (refused.value.code, len(ssm.requests)) == (code, 1)


@pytest.mark.usefixtures("ssm")
def test_ssm_that_cannot_be_reached_is_reported() -> None:
    nobody = Parameters(CREDENTIALS | {"AWS_ENDPOINT_URL_SSM": "http://127.0.0.1:9"})
    with pytest.raises(ParameterUnreadable, match=r"^SSM could not be reached \(EndpointConnectionError\)$") as refused:
        nobody.read(NAME)
    assert refused.value.code == "EndpointConnectionError"


def test_missing_credentials_are_reported(ssm: SsmServer) -> None:
    nobody = Parameters({"AWS_DEFAULT_REGION": "eu-west-1", "AWS_ENDPOINT_URL_SSM": ssm.url})
    with pytest.raises(ParameterUnreadable) as refused:
        nobody.read(NAME)
    assert (refused.value.code, ssm.requests) == ("NoCredentials", [])


def test_signer_starts_without_a_client() -> None:
    program = "import sys, resolvers.url_handler; print(*sys.modules)"
    environment: dict[str, Any] = {"POWERTOOLS_METRICS_NAMESPACE": "PrivateFiles"}
    loaded = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"boto3", "botocore.session", "botocore.client", "botocore.loaders", "aws_xray_sdk"} & {*loaded}
