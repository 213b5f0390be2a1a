"""The template with `bucket_name`: the stack serves that bucket, may do no more with it, and does not change it."""

import pytest

from tests.synthesized import EXISTING_BUCKETS, Resource, assembly, only, plain, resources, synthesized

BUCKET = "arn:${AWS::Partition}:s3:::their-bucket"
KEY = EXISTING_BUCKETS["existing-bucket-with-key"]["bucket_key_arn"]
each_existing_bucket = pytest.mark.parametrize("variant", EXISTING_BUCKETS)


def statements(variant: str, action: str) -> list[Resource]:
    return [
        plain(statement)
        for policy in resources("AWS::IAM::Policy", variant).values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if action in statement["Action"]
    ]


@each_existing_bucket
def test_stack_makes_neither_bucket_nor_policy_nor_key_of_the_files(variant: str) -> None:
    assert not resources("AWS::S3::Bucket", variant)
    assert not resources("AWS::S3::BucketPolicy", variant)
    [(_, key)] = resources("AWS::KMS::Key", variant).items()
    assert key["Properties"]["Description"] == "Encrypts the private keys that sign URLs"


@each_existing_bucket
def test_distribution_serves_the_bucket_with_origin_access_control(variant: str) -> None:
    _, distribution = only("AWS::CloudFront::Distribution", variant)
    [origin] = distribution["DistributionConfig"]["Origins"]
    assert plain(origin["DomainName"]) == "their-bucket.s3.${AWS::Region}.${AWS::URLSuffix}"
    assert origin["OriginPath"] == "/files"
    assert origin["OriginAccessControlId"]


@each_existing_bucket
def test_functions_may_do_with_it_what_they_may_do_with_a_new_one(variant: str) -> None:
    [listing] = statements(variant, "s3:ListBucket")
    assert listing["Resource"] == BUCKET
    [writing] = statements(variant, "s3:PutObject")
    assert writing["Resource"][0] == f"{BUCKET}/files/home/*/*"
    assert plain(synthesized(variant)["Outputs"]["BucketName"]["Value"]) == "their-bucket"


def test_uploads_use_the_key_of_the_bucket_if_it_has_one() -> None:
    assert not statements("existing-bucket", "kms:GenerateDataKey")
    [encrypting] = statements("existing-bucket-with-key", "kms:GenerateDataKey")
    assert encrypting["Resource"] == KEY


@each_existing_bucket
def test_every_finding_is_acknowledged(variant: str) -> None:
    assert assembly(variant).findings == []
