"""The custom resource that creates a signing key pair inside the account.

The private half goes straight into an SSM SecureString, the public half back to CloudFormation. One call writes the
private half as the parameter's value, and the public half, algorithm, time and owner as its tags. So a key is never
half created, and if a request arrives twice, both get the same response.

A response of SSM can be lost after SSM has stored the key. So every request first finds out whose key there is: the
tags name the stack, the resource and the request that made it.
"""

from __future__ import annotations

import os
import time
from base64 import b64decode, b64encode
from collections.abc import Callable
from functools import cache
from hashlib import sha256
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
from resolvers.custom_resource import ChangeRefused, Resource
from resolvers.settings import SigningKeySettings, from_environment

if TYPE_CHECKING:
    from types_boto3_ssm import SSMClient

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
    # At most 3 calls x 2 attempts x 7 s, so that the function responds within its minute.
    return boto3.client("ssm", config=Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 2}))


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Carry out one CloudFormation request.

    Properties: `ParameterName`; `Algorithm`, one of ecdsa-p256, rsa-2048, rsa-2048-sha1; `SettlingSeconds`;
    `PublicKeyName`, for a new pair; `FormerPublicKeyName` and `FormerCallerReference`, for a pair created without it.
    Attributes: `PublicKeyPem`; `PublicKeySha256`, the digest of its SubjectPublicKeyInfo in hexadecimal; `SignsFrom`,
    when every edge location knows the key, in seconds since 1970. It keeps its first value if the settling time
    changes: a key that has signed must not look like one that never did. `PublicKeyName` and `CallerReference` of
    CloudFront's public key also keep their first values: it is immutable.
    """
    custom_resource.respond(event, context, _carry_out)


def _carry_out(event: dict[str, Any]) -> Resource:
    properties = event["ResourceProperties"]
    parameter, algorithm = properties["ParameterName"], properties["Algorithm"]
    if event["RequestType"] == "Delete":
        _delete(parameter, event)
        return Resource(event["PhysicalResourceId"])
    if event["RequestType"] == "Create":
        tags = _create_unless_created(parameter, algorithm, event)
    elif event["PhysicalResourceId"] == parameter:
        tags = _tags_of_created(parameter, algorithm, event)
    else:
        raise ChangeRefused(f"A key cannot move from {event['PhysicalResourceId']} to {parameter}; add a new key.")
    try:
        return Resource(parameter, {**_public_key(tags), "SignsFrom": tags["signs-from"], **_names(tags, properties)})
    except (KeyError, ValueError) as error:
        raise ChangeRefused(
            f"The tags of the SSM parameter {parameter} were changed; add a new key to signing_keys."
        ) from error


def _names(tags: dict[str, str], properties: dict[str, Any]) -> dict[str, str]:
    if name := tags.get("name-at-cloudfront"):
        return {"PublicKeyName": name, "CallerReference": name}
    if name := properties.get("FormerPublicKeyName"):
        return {"PublicKeyName": name, "CallerReference": properties["FormerCallerReference"]}
    return {}  # the template is from before, as in a roll-back, and does not read them


def _create_unless_created(parameter: str, algorithm: str, event: dict[str, Any]) -> dict[str, str]:
    if algorithm not in _GENERATORS:
        raise ChangeRefused(f"The algorithm {algorithm!r} is unknown; choose one of {', '.join(_GENERATORS)}.")
    key = _GENERATORS[algorithm]()
    der = b64encode(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    parts = [der[start : start + _TAG_VALUE_LENGTH] for start in range(0, len(der), _TAG_VALUE_LENGTH)]
    made_now = {
        "minted-for": event["StackId"],
        "resource": event["LogicalResourceId"],
        "request": event["RequestId"],
        "signs-from": str(int(time.time()) + int(event["ResourceProperties"]["SettlingSeconds"])),
    }
    tags = made_now | {"algorithm": algorithm} | {f"public-key-{number}": part for number, part in enumerate(parts)}
    if name := event["ResourceProperties"].get("PublicKeyName"):
        tags["name-at-cloudfront"] = name
    try:
        _ssm().put_parameter(
            Name=parameter,
            Description="Private key that signs CloudFront URLs. Made by its stack; do not edit.",
            Value=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
            Type="SecureString",
            KeyId=from_environment(SigningKeySettings, os.environ).encryption_key_id,
            Tags=[{"Key": name, "Value": value} for name, value in tags.items()],
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ParameterAlreadyExists":
            raise
    else:
        return tags
    created = _tags_of_created(parameter, algorithm, event)
    if created.get("request") != event["RequestId"]:
        # An earlier Create of this resource failed after SSM had stored the key. Nobody knows that key yet, so it can
        # be used, but not with its old time: the edge locations need the settling time from now on.
        _ssm().add_tags_to_resource(
            ResourceType="Parameter",
            ResourceId=parameter,
            Tags=[{"Key": name, "Value": value} for name, value in made_now.items()],
        )
        created |= made_now
    return created


def _tags_of_created(parameter: str, algorithm: str, event: dict[str, Any]) -> dict[str, str]:
    tags = _tags(parameter)
    if tags is None:
        raise ChangeRefused(f"The SSM parameter {parameter} was removed; add a new key to signing_keys.")
    if tags.get("minted-for") != event["StackId"]:
        raise ChangeRefused(
            f"The SSM parameter {parameter} already exists, but not from this stack; "
            "delete it, or deploy with another stack_name."
        )
    if not _belongs(tags, event):
        raise ChangeRefused(
            f"The SSM parameter {parameter} belongs to another resource of this stack; use a new name in signing_keys."
        )
    if tags.get("algorithm") != algorithm:
        raise ChangeRefused(
            f"The key in {parameter} is {tags.get('algorithm')} and cannot become {algorithm}: "
            "CloudFront's public keys are immutable. Add a new key to signing_keys instead."
        )
    return tags


def _tags(parameter: str) -> dict[str, str] | None:
    try:
        tag_list = _ssm().list_tags_for_resource(ResourceType="Parameter", ResourceId=parameter)["TagList"]
    except ClientError as error:
        # AWS returns the first, and ministack 1.5.33 the second.
        if error.response["Error"]["Code"] not in ("InvalidResourceId", "ParameterNotFound"):
            raise
        return None
    return {tag["Key"]: tag["Value"] for tag in tag_list}


def _belongs(tags: dict[str, str], event: dict[str, Any]) -> bool:
    # Keys made by earlier versions name no resource.
    resource: str = event["LogicalResourceId"]
    return bool(tags.get("minted-for") == event["StackId"] and tags.get("resource", resource) == resource)


def _public_key(tags: dict[str, str]) -> dict[str, str]:
    numbers = range(sum(name.startswith("public-key-") for name in tags))
    der = b64decode("".join(tags[f"public-key-{number}"] for number in numbers))
    pem = load_der_public_key(der).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return {"PublicKeyPem": pem, "PublicKeySha256": sha256(der).hexdigest()}


def _delete(parameter: str, event: dict[str, Any]) -> None:
    # The physical id does not matter: after a Create without a response, CloudFormation makes one up, and the key may
    # have been stored nevertheless.
    tags = _tags(parameter)
    if tags is None:
        return
    if not _belongs(tags, event):
        logger.warning("kept, because another resource owns it", parameter=parameter)
        return
    try:
        _ssm().delete_parameter(Name=parameter)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ParameterNotFound":
            raise
