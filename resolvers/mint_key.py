"""The custom resource that makes a key pair inside the account.

The private half goes straight into an SSM SecureString, the public half back to CloudFormation. The pair and what is
needed to answer again (the public half, the algorithm, the stack) are written in one call, as the parameter's value and
its tags, so there is no half-made key: CloudFormation may ask twice and gets the same answer.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
"""

from __future__ import annotations

import json
import os
import urllib.request
from base64 import b64decode, b64encode
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
)

from resolvers.settings import MintSettings, from_environment

if TYPE_CHECKING:
    from types_boto3_ssm import SSMClient
    from types_boto3_ssm.type_defs import TagTypeDef

logger = Logger()

_NOTHING_MINTED = "nothing-minted"  # the physical id of a Create that failed: its Delete has nothing to remove
_TAG_VALUE_LENGTH = 256  # https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_Tag.html
_MINTERS: dict[str, Callable[[], ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey]] = {
    "ecdsa-p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "rsa-2048": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
}


class KeyRefused(ValueError):
    """What the template asks for cannot be done; the message is CloudFormation's reason."""


@cache
def _ssm() -> SSMClient:
    # At most 2 x 3 calls of 10 s: the function answers CloudFormation before its own minute is over.
    return boto3.client("ssm", config=Config(connect_timeout=3, read_timeout=7, retries={"total_max_attempts": 2}))


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: LambdaContext) -> None:
    """Carries out one CloudFormation request and always answers it.

    Properties: `ParameterName`, `Algorithm` (`ecdsa-p256` or `rsa-2048`). Attribute: `PublicKeyPem`.
    """
    answer: dict[str, Any] = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    answer["PhysicalResourceId"] = event.get("PhysicalResourceId", _NOTHING_MINTED)
    try:
        if event["RequestType"] == "Delete":
            _delete(event["PhysicalResourceId"])
        else:
            properties = event["ResourceProperties"]
            public_key = _ensure(event, properties["ParameterName"], properties["Algorithm"])
            answer |= {"PhysicalResourceId": properties["ParameterName"], "Data": {"PublicKeyPem": public_key}}
        answer["Status"] = "SUCCESS"
    except Exception as error:  # whatever it is: an unanswered stack hangs for an hour
        logger.exception("the key was not minted")
        answer |= {"Status": "FAILED", "Reason": f"{type(error).__name__}: {error}"}
    _put(event["ResponseURL"], answer)
    logger.info("answered", status=answer["Status"], parameter=answer["PhysicalResourceId"])


def _ensure(event: dict[str, Any], parameter: str, algorithm: str) -> str:
    """The public half, PEM, of the key in this parameter, which is minted if this is its first request."""
    if event["RequestType"] == "Update" and event["PhysicalResourceId"] != parameter:
        raise KeyRefused(
            f"A signing key cannot move from {event['PhysicalResourceId']} to {parameter}; add a generation."
        )
    if event["RequestType"] == "Create":
        try:
            return _mint(event["StackId"], parameter, algorithm)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ParameterAlreadyExists":
                raise
    return _minted(event["StackId"], parameter, algorithm)


def _mint(stack_id: str, parameter: str, algorithm: str) -> str:
    if algorithm not in _MINTERS:
        raise KeyRefused(f"The algorithm {algorithm!r} is unknown; CloudFront takes {' and '.join(_MINTERS)}.")
    key = _MINTERS[algorithm]()
    public_key = key.public_key()
    der = b64encode(public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    parts = [der[start : start + _TAG_VALUE_LENGTH] for start in range(0, len(der), _TAG_VALUE_LENGTH)]
    tags: list[TagTypeDef] = [{"Key": "minted-for", "Value": stack_id}, {"Key": "algorithm", "Value": algorithm}]
    tags += [{"Key": f"public-key-{number}", "Value": part} for number, part in enumerate(parts)]
    _ssm().put_parameter(
        Name=parameter,
        Description="Private key that signs CloudFront URLs. Made by its stack; do not edit.",
        Value=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        Type="SecureString",
        KeyId=from_environment(MintSettings, os.environ).encryption_key_id,
        Tags=tags,
    )
    return _pem(public_key)


def _minted(stack_id: str, parameter: str, algorithm: str) -> str:
    try:
        tag_list = _ssm().list_tags_for_resource(ResourceType="Parameter", ResourceId=parameter)["TagList"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "InvalidResourceId":
            raise
        raise KeyRefused(f"The SSM parameter {parameter} is gone; add a generation to mint a new key.") from error
    tags = {tag["Key"]: tag["Value"] for tag in tag_list}
    if tags.get("minted-for") != stack_id:
        raise KeyRefused(
            f"The SSM parameter {parameter} already exists and is not this stack's; "
            "delete it, or deploy under another stack_name."
        )
    if tags["algorithm"] != algorithm:
        raise KeyRefused(
            f"The key in {parameter} is {tags['algorithm']} and cannot become {algorithm}: "
            "CloudFront's public keys are immutable. Add a generation instead."
        )
    numbers = range(sum(name.startswith("public-key-") for name in tags))
    return _pem(load_der_public_key(b64decode("".join(tags[f"public-key-{number}"] for number in numbers))))


def _pem(public_key: Any) -> str:
    pem: bytes = public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem.decode()


def _delete(physical_id: str) -> None:
    if physical_id == _NOTHING_MINTED:
        return
    try:
        _ssm().delete_parameter(Name=physical_id)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ParameterNotFound":
            raise


def _put(url: str, answer: dict[str, Any]) -> None:
    # S3 signed this URL without a content type, so none may be sent. A failed PUT raises: Lambda then runs the same
    # event again, up to twice, and the answer is the same.
    request = urllib.request.Request(url, json.dumps(answer).encode(), {"Content-Type": ""}, method="PUT")  # noqa: S310 - CloudFormation's URL
    with urllib.request.urlopen(request, timeout=10):  # noqa: S310 - CloudFormation's URL
        return
