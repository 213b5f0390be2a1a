"""What the check of an existing bucket reports, for buckets and keys in moto."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from deploy.existing_bucket import ExistingBucket
from private_files.outputs import Outputs

REGION = "eu-west-1"
BUCKET = "their-bucket"
ARN = f"arn:aws:s3:::{BUCKET}"
DISTRIBUTION = "arn:aws:cloudfront::123456789012:distribution/E2EXAMPLE"
OUTPUTS = Outputs(bucket_name=BUCKET, region=REGION, files_folder="files", uploads_url="https://uploads")
SESSION: Any = boto3.Session("testing", "testing", region_name=REGION)


def allow(action: str, resource: str, source: str = DISTRIBUTION, operator: str = "StringEquals") -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Principal": {"Service": "cloudfront.amazonaws.com"},
        "Action": action,
        "Resource": resource,
        "Condition": {operator: {"AWS:SourceArn": source}},
    }


TLS = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": [ARN, f"{ARN}/*"],
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}
READ = allow("s3:GetObject", f"{ARN}/*")
ADMINISTRATORS = {"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "kms:*", "Resource": "*"}


class Account:
    """S3 and KMS with a bucket that has everything."""

    def __init__(self) -> None:
        self.s3, self.kms = SESSION.client("s3"), SESSION.client("kms")
        self.key = self.kms.create_key()["KeyMetadata"]["Arn"]
        self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        owner = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
        self.s3.put_bucket_ownership_controls(Bucket=BUCKET, OwnershipControls=owner)
        names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
        self.s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=dict.fromkeys(names, True))
        self.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        self.cors("GET", "HEAD", "PUT")
        self.encrypt("aws:kms", self.key)
        self.bucket_policy(READ, TLS)
        self.key_policy(ADMINISTRATORS, allow("kms:Decrypt", "*"))

    def cors(self, *methods: str, exposed: str = "ETag", origin: str = "*") -> None:
        rule = {"AllowedOrigins": [origin], "AllowedMethods": list(methods), "ExposeHeaders": [exposed]}
        self.s3.put_bucket_cors(Bucket=BUCKET, CORSConfiguration={"CORSRules": [rule]})

    def encrypt(self, algorithm: str, key: str = "") -> None:
        default = {"SSEAlgorithm": algorithm} | ({"KMSMasterKeyID": key} if key else {})
        rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": default}]}
        self.s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration=rules)

    def bucket_policy(self, *statements: Any) -> None:
        self.s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Statement": statements}))

    def key_policy(self, *statements: Any) -> None:
        policy = json.dumps({"Statement": statements})
        self.kms.put_key_policy(KeyId=self.key, PolicyName="default", Policy=policy)

    def lacks(self, outputs: Outputs = OUTPUTS) -> list[str]:
        return list(ExistingBucket(self.s3, self.kms, outputs, DISTRIBUTION).lacks())

    def lack(self) -> str:
        [lack] = self.lacks()
        return lack


@pytest.fixture
def account() -> Iterator[Account]:
    with mock_aws():
        yield Account()


def test_complete_bucket_lacks_nothing(account: Account) -> None:
    assert account.lacks() == []


@pytest.mark.parametrize(
    "statement",
    [
        allow("s3:GetObject", f"{ARN}/files/*"),
        allow("s3:Get*", f"{ARN}/*", operator="ArnLike"),
        allow("s3:*", "*", source="arn:aws:cloudfront::123456789012:distribution/*", operator="StringLike"),
        READ | {"Action": ["s3:ListBucket", "s3:GetObject"], "Resource": [ARN, f"{ARN}/*"]},
        READ | {"Condition": {"StringEquals": {"aws:sourcearn": ["arn:aws:another", DISTRIBUTION]}}},
    ],
    ids=["folder", "like", "all", "lists", "case"],
)
def test_statement_in_any_form_is_understood(account: Account, statement: dict[str, Any]) -> None:
    account.bucket_policy(statement, TLS)
    assert account.lacks() == []


@pytest.mark.parametrize(
    "statement",
    [
        READ | {"Effect": "Deny"},
        READ | {"Principal": "*"},
        READ | {"Principal": {"AWS": "*"}},
        READ | {"Condition": {}},  # every distribution of every account
        READ | {"Condition": {"StringNotEquals": {"AWS:SourceArn": DISTRIBUTION}}},
        allow("s3:GetObject", f"{ARN}/*", source=DISTRIBUTION + "2"),
        allow("s3:GetObject", f"{ARN}/other/*"),
        allow("s3:GetObjectVersion", f"{ARN}/*"),
    ],
    ids=["deny", "anyone", "every account", "no condition", "not", "another", "another folder", "another action"],
)
def test_statement_that_does_not_open_the_files_to_this_distribution_is_none(
    account: Account, statement: dict[str, Any]
) -> None:
    account.bucket_policy(statement, TLS)
    sentence, _, printed = account.lack().partition("\n")
    assert sentence == "The policy of the bucket does not let CloudFront read the files. Add this statement:"
    assert json.loads(printed) == allow("s3:GetObject", f"{ARN}/files/*")


def test_printed_statements_are_all_that_the_policies_lack(account: Account) -> None:
    account.bucket_policy(TLS)
    account.key_policy(ADMINISTRATORS)
    of_bucket, of_key = (json.loads(lack.partition("\n")[2]) for lack in account.lacks())
    account.bucket_policy(TLS, of_bucket)
    account.key_policy(ADMINISTRATORS, of_key)
    assert account.lacks() == []


def test_key_is_found_by_its_alias_and_needs_a_statement(account: Account) -> None:
    account.kms.create_alias(AliasName="alias/files", TargetKeyId=account.key)
    account.encrypt("aws:kms", "alias/files")
    account.key_policy(ADMINISTRATORS)
    assert account.lack().startswith("The policy of the KMS key does not let CloudFront decrypt. Add this statement:\n")


def test_bucket_without_a_kms_key_needs_no_key_policy(account: Account) -> None:
    account.key_policy(ADMINISTRATORS)
    account.encrypt("AES256")
    assert account.lacks() == []


def test_key_of_s3_cannot_be_used(account: Account) -> None:
    account.encrypt("aws:kms")
    assert account.lack().startswith("The bucket is encrypted with the key aws/s3, which CloudFront cannot use")


def test_bucket_in_another_region_cannot_be_served(account: Account) -> None:
    [lack] = account.lacks(Outputs(bucket_name=BUCKET, region="eu-north-1", files_folder="files"))
    assert lack.startswith("The bucket is in eu-west-1 and the stack in eu-north-1")


def test_pages_that_do_not_upload_need_no_put(account: Account) -> None:
    account.cors("GET", "HEAD", exposed="Date")
    reading = Outputs(bucket_name=BUCKET, region=REGION, files_folder="files")
    assert account.lacks(reading) == []
    assert [lack.split(",")[0] for lack in account.lacks()] == [
        "The CORS configuration lacks PUT for every origin (*)",
        "The CORS configuration does not expose ETag",
    ]


def test_bare_bucket_lacks_everything_at_once(account: Account) -> None:
    account.s3.delete_bucket(Bucket=BUCKET)
    account.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    account.s3.delete_public_access_block(Bucket=BUCKET)
    found = " ".join(account.lacks())
    for word in (
        "ACLs",
        "read the files",
        "refuse HTTP",
        "not blocked",
        "no versioning",
        "GET and HEAD",
        "PUT",
        "ETag",
    ):
        assert word in found


def test_bucket_that_does_not_exist_is_an_error(account: Account) -> None:
    with pytest.raises(ClientError, match="NoSuchBucket"):
        account.lacks(Outputs(bucket_name="no-such-bucket", region=REGION, files_folder="files"))
