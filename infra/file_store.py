"""The bucket that holds the files, and the KMS key that encrypts them."""

from aws_cdk import Acknowledgment, Duration, RemovalPolicy, Validations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra import access_rules
from infra.config import Config


class FileStore(Construct):
    """A private, versioned, TLS-only bucket with its own rotating KMS key; `retain_data` keeps both after the stack."""

    def __init__(self, scope: Construct, construct_id: str, *, config: Config) -> None:
        super().__init__(scope, construct_id)
        removal_policy = RemovalPolicy.RETAIN if config.retain_data else RemovalPolicy.DESTROY
        self._listed = access_rules.listed(config.access, config.files_folder)
        self.key = kms.Key(
            self,
            "Key",
            description="Encrypts the private files",
            enable_key_rotation=True,
            removal_policy=removal_policy,
        )
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self.key,
            bucket_key_enabled=True,
            versioned=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            # For preflights, which CloudFront passes on. It permits nothing: the bucket policy and CloudFront's
            # signatures do, and uploads are not sent by pages.
            cors=[
                s3.CorsRule(
                    allowed_origins=["*"],
                    allowed_methods=[s3.HttpMethods.GET, s3.HttpMethods.HEAD],
                    allowed_headers=["*"],
                    max_age=3600,
                )
            ],
            minimum_tls_version=1.2,
            removal_policy=removal_policy,
            auto_delete_objects=not config.retain_data,
            lifecycle_rules=[
                s3.LifecycleRule(
                    abort_incomplete_multipart_upload_after=Duration.days(7),
                    noncurrent_version_expiration=Duration.days(90),
                )
            ],
        )
        Validations.of(self.bucket).acknowledge(
            Acknowledgment(
                id="AwsSolutions-S1",
                reason="Access logs need a second bucket and repeat CloudTrail's data events, which an account that "
                "must keep such records turns on.",
            )
        )

    def grant_list(self, grantee: iam.IGrantable) -> None:
        """Allow listing what the access rules let anybody read in the served folder; neither reading nor writing files.

        The function checks each caller's prefixes itself. This is the second lock, should it ever list the root.
        """
        if not (patterns := self._listed):
            return  # nobody may read
        grantee.grant_principal.add_to_principal_policy(
            iam.PolicyStatement(
                actions=["s3:ListBucket"],
                resources=[self.bucket.bucket_arn],
                conditions={"StringLike": {"s3:prefix": patterns if patterns[1:] else patterns[0]}},
            )
        )
