"""The custom resource that creates a signing key pair inside the account.

The private half goes straight into an SSM SecureString, the public half back to CloudFormation. One call writes the
private half as the parameter's value, and the public half, algorithm, time and stack as its tags. So a key is never
half created, and if CloudFormation sends a request twice, both get the same response.
"""

from __future__ import annotations

import os
import time
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

from resolvers import custom_resource
from resolvers.custom_resource import NOTHING_CREATED, ChangeRefused, Resource
from resolvers.settings import SigningKeySettings, from_environment

if TYPE_CHECKING:
    from types_boto3_ssm import SSMClient
    from types_boto3_ssm.type_defs import TagTypeDef

logger = Logger()

_TAG_VALUE_LENGTH = 256  # https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_Tag.html


def _generate_rsa() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


# `rsa-2048-sha1` is the same kind of key, used with the hash that CloudFront assumes if a URL names none.
_GENERATORS: dict[str, Callable[[], ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey]] = {
    "ecdsa-p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "rsa-2048": _generate_rsa,
    "rsa-2048-sha1": _generate_rsa,
}


@cache
def _ssm() -> SSMClient:
    # At most 2 x 3 calls of 10 s, so that the function responds to CloudFormation within its timeout of a minute.
    return boto3.client("ssm", config=Config(connect_timeout=3, read_timeout=7, retries={"total_max_attempts": 2}))


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: LambdaContext) -> None:
    """Carry out one CloudFormation request.

    Properties: `ParameterName`; `Algorithm`, one of ecdsa-p256, rsa-2048, rsa-2048-sha1; `SettlingSeconds`;
    `PublicKeyName`, for a new pair; `FormerPublicKeyName` and `FormerCallerReference`, for a pair created without it.
    Attributes: `PublicKeyPem`; `SignsFrom`, when every edge location knows the key, in seconds since 1970. It keeps its
    first value if the settling time changes: a key that has signed must not look like one that never did.
    `PublicKeyName` and `CallerReference` of CloudFront's public key also keep their first values: it is immutable.
    """
    custom_resource.respond(event, _carry_out)


def _carry_out(event: dict[str, Any]) -> Resource:
    if event["RequestType"] == "Delete":
        _delete(event["PhysicalResourceId"])
        return Resource(event["PhysicalResourceId"])
    properties = event["ResourceProperties"]
    parameter, algorithm = properties["ParameterName"], properties["Algorithm"]
    if event["RequestType"] == "Update" and event["PhysicalResourceId"] != parameter:
        raise ChangeRefused(f"A key cannot move from {event['PhysicalResourceId']} to {parameter}; add a new key.")
    if event["RequestType"] == "Create":
        signs_from = int(time.time()) + int(properties["SettlingSeconds"])
        _create_unless_created(event["StackId"], parameter, algorithm, signs_from, properties.get("PublicKeyName"))
    tags = _tags_of_created(event["StackId"], parameter, algorithm)
    attributes = {"PublicKeyPem": _public_key(tags), "SignsFrom": tags["signs-from"]}
    return Resource(parameter, attributes | _names(tags, properties))


def _names(tags: dict[str, str], properties: dict[str, Any]) -> dict[str, str]:
    if name := tags.get("name-at-cloudfront"):
        return {"PublicKeyName": name, "CallerReference": name}
    if name := properties.get("FormerPublicKeyName"):
        return {"PublicKeyName": name, "CallerReference": properties["FormerCallerReference"]}
    return {}  # the template is from before, as in a roll-back, and does not read them


def _create_unless_created(
    stack_id: str, parameter: str, algorithm: str, signs_from: int, public_key_name: str | None
) -> None:
    if algorithm not in _GENERATORS:
        raise ChangeRefused(f"The algorithm {algorithm!r} is unknown; choose one of {', '.join(_GENERATORS)}.")
    key = _GENERATORS[algorithm]()
    der = b64encode(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    parts = [der[start : start + _TAG_VALUE_LENGTH] for start in range(0, len(der), _TAG_VALUE_LENGTH)]
    tags = {"minted-for": stack_id, "algorithm": algorithm, "signs-from": str(signs_from)}
    tags |= {f"public-key-{number}": part for number, part in enumerate(parts)}
    if public_key_name:
        tags["name-at-cloudfront"] = public_key_name
    tag_list: list[TagTypeDef] = [{"Key": name, "Value": value} for name, value in tags.items()]
    try:
        _ssm().put_parameter(
            Name=parameter,
            Description="Private key that signs CloudFront URLs. Made by its stack; do not edit.",
            Value=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
            Type="SecureString",
            KeyId=from_environment(SigningKeySettings, os.environ).encryption_key_id,
            Tags=tag_list,
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ParameterAlreadyExists":
            raise


def _tags_of_created(stack_id: str, parameter: str, algorithm: str) -> dict[str, str]:
    try:
        tag_list = _ssm().list_tags_for_resource(ResourceType="Parameter", ResourceId=parameter)["TagList"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "InvalidResourceId":
            raise
        raise ChangeRefused(f"The SSM parameter {parameter} was removed; add a new key to signing_keys.") from error
    tags = {tag["Key"]: tag["Value"] for tag in tag_list}
    if tags.get("minted-for") != stack_id:
        raise ChangeRefused(
            f"The SSM parameter {parameter} already exists, but not from this stack; "
            "delete it, or deploy with another stack_name."
        )
    if tags["algorithm"] != algorithm:
        raise ChangeRefused(
            f"The key in {parameter} is {tags['algorithm']} and cannot become {algorithm}: "
            "CloudFront's public keys are immutable. Add a new key to signing_keys instead."
        )
    return tags


def _public_key(tags: dict[str, str]) -> str:
    numbers = range(sum(name.startswith("public-key-") for name in tags))
    key = load_der_public_key(b64decode("".join(tags[f"public-key-{number}"] for number in numbers)))
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _delete(physical_id: str) -> None:
    if physical_id == NOTHING_CREATED:
        return
    try:
        _ssm().delete_parameter(Name=physical_id)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ParameterNotFound":
            raise
