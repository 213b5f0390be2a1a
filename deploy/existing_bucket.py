"""Prints what an existing bucket lacks to be served with the setting `bucket_name`, and changes nothing.

`python -m deploy.existing_bucket --outputs outputs.json` needs AWS credentials that may read the configuration of the
bucket and of its KMS key. Exit code 0: it lacks nothing; 1: it lacks something; 2: it could not be read.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from private_files import aws, settings
from private_files.failures import Unconfigured
from private_files.outputs import Outputs

_SERVICE = "cloudfront.amazonaws.com"
# S3 has no configuration of this kind.
_ABSENT = {"NoSuchBucketPolicy", "NoSuchCORSConfiguration", "NoSuchPublicAccessBlockConfiguration"}
_ABSENT |= {"OwnershipControlsNotFoundError", "ServerSideEncryptionConfigurationNotFoundError"}


class ExistingBucket:
    """The bucket of a stack's outputs, read with boto3's clients of S3 and KMS."""

    def __init__(self, s3: Any, kms: Any, outputs: Outputs, distribution_arn: str) -> None:
        self._s3, self._kms, self._outputs = s3, kms, outputs
        self._name, self._distribution_arn = outputs.bucket_name, distribution_arn
        self._partition = distribution_arn.split(":")[1]

    def lacks(self) -> Iterator[str]:
        """Yield what the bucket lacks: a sentence each, and the policy statement to add. Raises ClientError."""
        yield from self._lacks_permissions()
        yield from self._lacks_protection()
        yield from self._lacks_cors()

    def _lacks_permissions(self) -> Iterator[str]:
        # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-restricting-access-to-s3.html
        region = self._s3.get_bucket_location(Bucket=self._name)["LocationConstraint"] or "us-east-1"
        if region != self._outputs.region:
            yield (
                f"The bucket is in {region} and the stack in {self._outputs.region}: deploy the stack in the Region of "
                "the bucket."
            )
        ownership = self._get("ownership_controls", "OwnershipControls", {"Rules": []})["Rules"]
        if [rule["ObjectOwnership"] for rule in ownership] != ["BucketOwnerEnforced"]:
            yield (
                "The bucket has ACLs, and files that belong to other accounts cannot be served: set Object Ownership "
                "to bucket owner enforced."
            )
        folder = f"arn:{self._partition}:s3:::{self._name}/{self._outputs.files_folder}"
        policy = json.loads(self._get("policy", "Policy", '{"Statement": []}'))
        if not _allows(policy, "s3:GetObject", f"{folder}/a", self._distribution_arn):
            statement = _statement("s3:GetObject", f"{folder}/*", self._distribution_arn)
            yield f"The policy of the bucket does not let CloudFront read the files. Add this statement:\n{statement}"
        if not any(_requires_tls(statement) for statement in policy["Statement"]):
            yield 'The policy of the bucket does not refuse HTTP: deny s3:* if "aws:SecureTransport" is "false".'
        yield from self._lacks_key_policy()

    def _lacks_key_policy(self) -> Iterator[str]:
        encryption = self._get("encryption", "ServerSideEncryptionConfiguration", {"Rules": []})["Rules"]
        default = encryption[0]["ApplyServerSideEncryptionByDefault"] if encryption else {}
        if not default.get("SSEAlgorithm", "").startswith("aws:kms"):
            return
        key = default.get("KMSMasterKeyID", "alias/aws/s3")
        if key.endswith("alias/aws/s3"):
            yield "The bucket is encrypted with the key aws/s3, which CloudFront cannot use: use a KMS key of your own."
            return
        policy = json.loads(self._kms.get_key_policy(KeyId=self._key_arn(key), PolicyName="default")["Policy"])
        if not _allows(policy, "kms:Decrypt", "*", self._distribution_arn):
            statement = _statement("kms:Decrypt", "*", self._distribution_arn)
            yield f"The policy of the KMS key does not let CloudFront decrypt. Add this statement:\n{statement}"

    def _key_arn(self, key: str) -> str:
        return str(self._kms.describe_key(KeyId=key)["KeyMetadata"]["Arn"])  # the bucket may name an alias

    def _lacks_protection(self) -> Iterator[str]:
        blocked = self._get("public_access_block", "PublicAccessBlockConfiguration", {})
        if not (blocked and all(blocked.values())):
            yield "Public access to the bucket is not blocked: turn on all four settings of Block Public Access."
        if self._s3.get_bucket_versioning(Bucket=self._name).get("Status") != "Enabled":
            yield "The bucket has no versioning, so a replaced or deleted file is lost: turn it on."

    def _lacks_cors(self) -> Iterator[str]:
        rules = self._get("cors", "CORSRules", [])
        methods = {method for rule in rules if "*" in rule["AllowedOrigins"] for method in rule["AllowedMethods"]}
        if not {"GET", "HEAD"} <= methods:
            yield "The CORS configuration lacks GET and HEAD for every origin (*), so pages cannot read the files."
        if self._outputs.uploads_url and "PUT" not in methods:
            yield "The CORS configuration lacks PUT for every origin (*), so pages cannot upload."
        if self._outputs.uploads_url and not any("ETag" in rule.get("ExposeHeaders", []) for rule in rules):
            yield "The CORS configuration does not expose ETag, so pages cannot upload files in parts."

    def _get(self, what: str, member: str, absent: Any) -> Any:
        name = what if what == "public_access_block" else f"bucket_{what}"
        try:
            return getattr(self._s3, f"get_{name}")(Bucket=self._name)[member]
        except ClientError as error:
            if error.response["Error"]["Code"] in _ABSENT:
                return absent
            raise


def _statement(action: str, resource: str, distribution_arn: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": _SERVICE},
        "Action": action,
        "Resource": resource,
        "Condition": {"StringEquals": {"AWS:SourceArn": distribution_arn}},
    }
    return json.dumps(statement, indent=2)


def _allows(policy: Any, action: str, resource: str, distribution_arn: str) -> bool:
    """Whether a statement allows CloudFront the action for this distribution, and only with a condition."""
    return any(
        statement["Effect"] == "Allow"
        and _SERVICE in _list(_principals(statement).get("Service"))
        and any(fnmatchcase(action.lower(), each.lower()) for each in _list(statement.get("Action")))
        and any(fnmatchcase(resource, each) for each in _list(statement.get("Resource")))
        and any(fnmatchcase(distribution_arn, each) for each in _source_arns(statement))
        for statement in _list(policy["Statement"])
    )


def _principals(statement: Any) -> dict[str, Any]:
    principal = statement.get("Principal")
    return principal if isinstance(principal, dict) else {}


def _source_arns(statement: Any) -> list[str]:
    return [
        arn
        for operator, condition in statement.get("Condition", {}).items()
        if operator in ("StringEquals", "StringLike", "ArnEquals", "ArnLike")
        for key, values in condition.items()
        if key.lower() == "aws:sourcearn"
        for arn in _list(values)
    ]


def _requires_tls(statement: Any) -> bool:
    condition = statement.get("Condition", {}).get("Bool", {})
    return statement["Effect"] == "Deny" and str(condition.get("aws:SecureTransport")).lower() == "false"


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _distribution_arn(outputs: Outputs) -> str:
    caller = aws.client(outputs, "sts").get_caller_identity()
    partition = caller["Arn"].split(":")[1]
    return f"arn:{partition}:cloudfront::{caller['Account']}:distribution/{outputs.distribution_id}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deploy.existing_bucket", description=__doc__)
    parser.add_argument("--outputs", type=Path, default=Path("outputs.json"), help="what cdk deploy wrote")
    parser.add_argument("--stack", default="", help="the name of the stack, if the file has several")
    options = parser.parse_args()
    try:
        outputs = settings.read(options.outputs, options.stack)
        bucket = ExistingBucket(
            aws.client(outputs, "s3"), aws.client(outputs, "kms"), outputs, _distribution_arn(outputs)
        )
        found = list(bucket.lacks())
    except (Unconfigured, ClientError, BotoCoreError) as error:
        print(f"The bucket cannot be checked: {error}", file=sys.stderr)
        sys.exit(2)
    print("\n\n".join(found) or f"The bucket {outputs.bucket_name} has everything that it needs.")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
