"""The custom resource as CloudFormation sees it: its requests, and the responses that arrive at ResponseURL."""

import base64
import hashlib
import importlib
import io
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from moto import mock_aws

from resolvers import custom_resource, signing_key_handler
from tests.lambda_events import Context
from tests.response_url import ResponseUrl, response_url

ALGORITHMS = ["ecdsa-p256", "rsa-2048", "rsa-2048-sha1"]
NOW = 1_800_000_000.75
STACK = "arn:aws:cloudformation:eu-west-1:123456789012:stack/PrivateFiles/0f4c1d2e-0000-4000-8000-000000000000"
PARAMETER = "/PrivateFiles/signing-keys/1"


@pytest.fixture
def responses() -> Iterator[ResponseUrl]:
    with response_url() as responses:
        yield responses


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[boto3.Session]:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SSM", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        session = boto3.Session()
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", session)
        yield session


@pytest.fixture
def encryption_key(aws: boto3.Session) -> str:
    return aws.client("kms").create_key()["KeyMetadata"]["KeyId"]


@pytest.fixture
def log() -> io.StringIO:
    return io.StringIO()


Request = Callable[..., dict[str, Any]]


@pytest.fixture
def request_(encryption_key: str, responses: ResponseUrl, log: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> Request:
    """Send a request as CloudFormation does, and return the response that arrived."""
    monkeypatch.setenv("ENCRYPTION_KEY_ID", encryption_key)
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "signing_key_handler")
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "PrivateFiles")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    importlib.reload(signing_key_handler)  # as in a fresh sandbox
    for logger in (signing_key_handler.logger, custom_resource.logger):
        logger.registered_handler.setStream(log)  # type: ignore[attr-defined]  # a StreamHandler
    monkeypatch.setattr(signing_key_handler, "time", SimpleNamespace(time=lambda: NOW))

    def request(
        kind: str,
        algorithm: str = "ecdsa-p256",
        *,
        parameter: str = PARAMETER,
        settling: str = "600",
        stack: str = STACK,
        physical_id: str | None = None,
        request_id: str = "",
        resource: str = "Pair",
        names: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        event = {
            "RequestType": kind,
            "ResponseURL": responses.url,
            "StackId": stack,
            "RequestId": request_id or f"request-{len(responses.bodies)}",
            "ResourceType": "Custom::SigningKeyPair",
            "LogicalResourceId": resource,
            "ServiceTimeout": "300",
            "ResourceProperties": {
                "ServiceToken": "arn:aws:lambda:eu-west-1:123456789012:function:signing-key",
                "ServiceTimeout": "300",
                "ParameterName": parameter,
                "Algorithm": algorithm,
                "SettlingSeconds": settling,
                **(names or {}),
            },
        }
        if kind != "Create":
            event["PhysicalResourceId"] = physical_id or parameter
        before = len(responses.bodies)
        signing_key_handler.handler(event, Context())
        assert len(responses.bodies) == before + 1
        response = responses.last
        assert [response[name] for name in ("StackId", "RequestId", "LogicalResourceId")] == [
            stack,
            event["RequestId"],
            resource,
        ]
        return response

    return request


@pytest.fixture
def ssm(aws: boto3.Session) -> Any:
    return aws.client("ssm")


def refuse(aws: boto3.Session, operation: str) -> None:
    """Make SSM refuse this operation from now on."""

    def respond(**_: Any) -> Any:
        no = {"Error": {"Code": "AccessDeniedException", "Message": "not you"}}
        return AWSResponse("", 400, HTTPHeaders(), None), no

    aws.events.register(f"before-call.ssm.{operation}", respond)


def private_pem(ssm: Any) -> bytes:
    value: str = ssm.get_parameter(Name=PARAMETER, WithDecryption=True)["Parameter"]["Value"]
    return value.encode()


def refused(response: dict[str, Any]) -> str:
    assert response["Status"] == "FAILED"
    assert "Data" not in response
    reason: str = response["Reason"]
    return reason


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_create_returns_the_public_half_of_what_it_stored(request_: Request, ssm: Any, algorithm: str) -> None:
    response = request_("Create", algorithm)
    assert (response["Status"], response["PhysicalResourceId"]) == ("SUCCESS", PARAMETER)
    private_key = load_pem_private_key(private_pem(ssm), password=None)
    public_key = private_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    der = private_key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert response["Data"] == {
        "PublicKeyPem": public_key.decode(),
        "PublicKeySha256": hashlib.sha256(der).hexdigest(),
        "SignsFrom": "1800000600",
    }
    assert public_key.startswith(b"-----BEGIN PUBLIC KEY-----")  # the only header that CloudFront takes
    if algorithm.startswith("rsa-2048"):
        assert isinstance(private_key, rsa.RSAPrivateKey)
        assert (private_key.key_size, private_key.public_key().public_numbers().e) == (2048, 65537)
    else:
        assert isinstance(private_key, ec.EllipticCurvePrivateKey)
        assert isinstance(private_key.curve, ec.SECP256R1)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_private_half_is_a_secure_string_under_the_stacks_key(
    request_: Request, ssm: Any, encryption_key: str, algorithm: str
) -> None:
    request_("Create", algorithm)
    [described] = ssm.describe_parameters()["Parameters"]
    assert (described["Name"], described["Type"], described["KeyId"]) == (PARAMETER, "SecureString", encryption_key)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_tags_tell_whose_key_it_is_and_carry_its_public_half(request_: Request, ssm: Any, algorithm: str) -> None:
    pem = request_("Create", algorithm, request_id="the-request")["Data"]["PublicKeyPem"]
    tag_list = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=PARAMETER)["TagList"]
    tags = {tag["Key"]: tag["Value"] for tag in tag_list}
    parts = [tags.pop(name) for name in sorted(tags) if name.startswith("public-key-")]
    assert tags == {
        "minted-for": STACK,
        "resource": "Pair",
        "request": "the-request",
        "algorithm": algorithm,
        "signs-from": "1800000600",
    }
    der = load_pem_public_key(pem.encode()).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert base64.b64decode("".join(parts)) == der
    # https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_Tag.html
    assert all(len(part) <= 256 for part in parts)


def test_another_settling_time_does_not_move_when_a_key_began_to_sign(request_: Request) -> None:
    created = request_("Create", settling="0")["Data"]
    assert created["SignsFrom"] == "1800000000"
    assert request_("Update", settling="86400")["Data"] == created


NAMES = {
    "PublicKeyName": "PrivateFiles1-eu-west-1",
    "FormerPublicKeyName": "PrivateFiles1",
    "FormerCallerReference": "c88",
}


def test_public_key_of_a_new_pair_has_the_name_with_the_region_and_keeps_it(request_: Request) -> None:
    created = request_("Create", names=NAMES)["Data"]
    assert (created["PublicKeyName"], created["CallerReference"]) == (NAMES["PublicKeyName"], NAMES["PublicKeyName"])
    assert request_("Update", names=NAMES | {"PublicKeyName": "another"})["Data"] == created


def test_public_key_of_a_pair_from_before_keeps_its_name_and_reference(request_: Request) -> None:
    # CloudFront's public keys are immutable: another name would fail the deployment.
    created = request_("Create")["Data"]
    former = {"PublicKeyName": "PrivateFiles1", "CallerReference": "c88"}
    for _ in range(2):
        assert request_("Update", names=NAMES)["Data"] == created | former
    assert request_("Update")["Data"] == created  # a roll-back


def test_two_generations_are_two_keys(request_: Request) -> None:
    first, second = (request_("Create", parameter=f"/PrivateFiles/signing-keys/{number}") for number in (1, 2))
    assert first["Data"]["PublicKeyPem"] != second["Data"]["PublicKeyPem"]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("kind", ["Create", "Update"])
def test_repeated_request_gets_the_same_response_and_writes_nothing(
    *, request_: Request, ssm: Any, monkeypatch: pytest.MonkeyPatch, algorithm: str, kind: str
) -> None:
    first = request_("Create", algorithm, request_id="the-request")
    monkeypatch.setattr(signing_key_handler, "time", SimpleNamespace(time=lambda: NOW + 9999))
    stored = private_pem(ssm)
    again = request_(kind, algorithm, request_id="the-request")
    assert (again["Status"], again["PhysicalResourceId"], again["Data"]) == ("SUCCESS", PARAMETER, first["Data"])
    assert private_pem(ssm) == stored
    assert ssm.get_parameter(Name=PARAMETER)["Parameter"]["Version"] == 1


@pytest.mark.parametrize("owner", [[], [{"Key": "minted-for", "Value": f"{STACK[:-1]}1"}]], ids=["nobody", "another"])
def test_parameter_of_another_stack_is_refused_and_survives_the_rollback(
    request_: Request, ssm: Any, owner: list[dict[str, str]]
) -> None:
    ssm.put_parameter(Name=PARAMETER, Value="theirs", Type="SecureString", Tags=owner)
    response = request_("Create")
    assert f"The SSM parameter {PARAMETER} already exists, but not from this stack" in refused(response)
    # CloudFormation deletes what it failed to create.
    assert request_("Delete", physical_id=response["PhysicalResourceId"])["Status"] == "SUCCESS"
    assert private_pem(ssm).endswith(b"theirs")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"algorithm": "rsa-2048"}, f"The key in {PARAMETER} is ecdsa-p256 and cannot become rsa-2048"),
        (
            {"parameter": "/PrivateFiles/signing-keys/2", "physical_id": PARAMETER},
            f"A key cannot move from {PARAMETER} to /PrivateFiles/signing-keys/2; add a new key.",
        ),
    ],
    ids=["algorithm", "name"],
)
def test_changing_update_is_refused_and_rolls_back(
    request_: Request, ssm: Any, change: dict[str, str], sentence: str
) -> None:
    created = request_("Create")
    stored = private_pem(ssm)
    response = request_("Update", **change)
    assert sentence in refused(response)
    # The id stays what it was: a new one would have CloudFormation delete the old key.
    assert response["PhysicalResourceId"] == PARAMETER
    rolled_back = request_("Update")
    assert (rolled_back["Status"], rolled_back["Data"]) == ("SUCCESS", created["Data"])
    assert private_pem(ssm) == stored
    assert len(ssm.describe_parameters()["Parameters"]) == 1


MADE_UP = "PrivateFiles-SigningKeyGeneration1Pair-1K2L3M4N5O6P7"  # by CloudFormation, after a Create without a response


@pytest.mark.parametrize("physical_id", [MADE_UP, custom_resource.NOTHING_CREATED, PARAMETER])
def test_delete_removes_the_key_of_its_resource_whatever_its_physical_id(
    request_: Request, ssm: Any, physical_id: str
) -> None:
    request_("Create")  # and its response is lost
    response = request_("Delete", physical_id=physical_id)
    assert (response["Status"], response["PhysicalResourceId"]) == ("SUCCESS", physical_id)
    assert ssm.describe_parameters()["Parameters"] == []


@pytest.mark.parametrize("physical_id", [MADE_UP, custom_resource.NOTHING_CREATED, PARAMETER])
@pytest.mark.parametrize("other", [{"stack": f"{STACK[:-1]}1"}, {"resource": "Renamed"}], ids=["stack", "resource"])
def test_delete_of_another_stack_or_resource_keeps_the_key(
    *, request_: Request, ssm: Any, physical_id: str, other: dict[str, str]
) -> None:
    request_("Create")
    stored = private_pem(ssm)
    assert request_("Delete", physical_id=physical_id, **other)["Status"] == "SUCCESS"
    assert private_pem(ssm) == stored


def test_another_resource_of_the_stack_cannot_take_over_a_key(request_: Request, ssm: Any) -> None:
    request_("Create")
    stored = private_pem(ssm)
    assert "belongs to another resource of this stack; use a new name" in refused(request_("Create", resource="Other"))
    assert private_pem(ssm) == stored


def test_new_create_that_finds_the_key_of_a_failed_one_gives_it_a_new_time(
    request_: Request, ssm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = request_("Create")
    monkeypatch.setattr(signing_key_handler, "time", SimpleNamespace(time=lambda: NOW + 9999))
    second = request_("Create")
    assert second["Data"] == first["Data"] | {"SignsFrom": "1800010599"}
    # And it keeps that time.
    assert request_("Update")["Data"] == second["Data"]
    assert len(ssm.describe_parameters()["Parameters"]) == 1


def test_key_of_an_earlier_version_is_updated_and_deleted(request_: Request, ssm: Any) -> None:
    created = request_("Create")["Data"]
    ssm.remove_tags_from_resource(ResourceType="Parameter", ResourceId=PARAMETER, TagKeys=["resource", "request"])
    assert request_("Update")["Data"] == created
    assert request_("Delete")["Status"] == "SUCCESS"
    assert ssm.describe_parameters()["Parameters"] == []


def test_key_whose_tags_were_changed_is_refused(request_: Request, ssm: Any) -> None:
    request_("Create")
    ssm.remove_tags_from_resource(ResourceType="Parameter", ResourceId=PARAMETER, TagKeys=["public-key-0"])
    assert f"The tags of the SSM parameter {PARAMETER} were changed; add a new key" in refused(request_("Update"))


def test_update_of_a_removed_key_is_refused_and_creates_none(request_: Request, ssm: Any) -> None:
    request_("Create")
    ssm.delete_parameter(Name=PARAMETER)
    assert f"The SSM parameter {PARAMETER} was removed; add a new key to signing_keys" in refused(request_("Update"))
    assert ssm.describe_parameters()["Parameters"] == []


def test_delete_removes_the_key_and_may_be_repeated(request_: Request, ssm: Any) -> None:
    request_("Create")
    for _ in range(2):
        assert request_("Delete")["Status"] == "SUCCESS"
        assert ssm.describe_parameters()["Parameters"] == []


def test_unknown_algorithm_is_refused_and_its_delete_does_not_call_ssm(request_: Request, aws: boto3.Session) -> None:
    response = request_("Create", "ed25519")
    assert "'ed25519' is unknown; choose one of ecdsa-p256, rsa-2048, rsa-2048-sha1." in refused(response)
    assert response["PhysicalResourceId"] != PARAMETER
    refuse(aws, "DeleteParameter")  # as IAM does where a name is not one of the stack's parameters
    assert request_("Delete", physical_id=response["PhysicalResourceId"])["Status"] == "SUCCESS"


@pytest.mark.parametrize(
    ("operation", "kind"),
    [("PutParameter", "Create"), ("ListTagsForResource", "Update"), ("DeleteParameter", "Delete")],
)
def test_error_of_ssm_is_reported_with_its_reason(
    request_: Request, aws: boto3.Session, operation: str, kind: str
) -> None:
    if kind == "Delete":
        request_("Create")
        signing_key_handler._ssm.cache_clear()  # its client would not be refused
    refuse(aws, operation)
    reason = refused(request_(kind))
    assert "AccessDeniedException" in reason
    assert "not you" in reason


def test_unexpected_failure_is_reported_with_its_reason(request_: Request, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ENCRYPTION_KEY_ID")
    assert "MissingSetting: The environment variable ENCRYPTION_KEY_ID is not set" in refused(request_("Create"))


def test_response_has_no_content_type_because_its_url_was_signed_without_one(
    request_: Request, responses: ResponseUrl
) -> None:
    request_("Create")
    assert responses.content_types == [""]


def test_private_half_is_in_no_response_and_in_no_log(
    *,
    request_: Request,
    ssm: Any,
    responses: ResponseUrl,
    log: io.StringIO,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    request_("Create")
    secret = private_pem(ssm).decode().splitlines()[1]
    request_("Create")
    request_("Update", "rsa-2048")
    request_("Delete")
    request_("Create", "ed25519")
    written = "".join([*capfd.readouterr(), caplog.text, log.getvalue(), *(body.decode() for body in responses.bodies)])
    assert "cannot become rsa-2048" in written
    assert "BEGIN PUBLIC KEY" in written
    assert "PRIVATE KEY" not in written
    assert secret not in written
