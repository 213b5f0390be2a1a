"""The private signing key; the one place that talks to SSM."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from types_boto3_ssm import SSMClient

_WHAT_TO_DO = {
    "AccessDeniedException": "the function's role may not read it, or may not decrypt with its KMS key",
    "ParameterNotFound": "it does not exist; deploy the stack again",
    "InvalidKeyId": "its KMS key is disabled or scheduled for deletion; enable it again",
}


class SigningKeyUnavailable(RuntimeError):
    """The private key cannot be read; the message says which parameter, and what to do."""


def read_private_key(ssm: SSMClient, parameter: str) -> bytes:
    """The private key that the parameter holds, as PEM.

    Raises SigningKeyUnavailable where SSM or KMS refuses.
    """
    try:
        answer = ssm.get_parameter(Name=parameter, WithDecryption=True)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        why = _WHAT_TO_DO.get(code, f"SSM answered {code}")
        raise SigningKeyUnavailable(
            f"The signing key in the SSM parameter {parameter} cannot be read: {why}."
        ) from error
    return answer["Parameter"]["Value"].encode()
