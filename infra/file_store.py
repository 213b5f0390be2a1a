"""The bucket that holds the files, and the KMS key that encrypts them: new ones, or those that the settings name."""

from aws_cdk import Acknowledgment, Aws, Duration, RemovalPolicy, Stack, Validations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra import access_rules
from infra.config import Config
from resolvers.access import Action

# The signature of the URL is the permission; the exact origin of the page would make a cycle of resources.
_UPLOADS_OF_PAGES = s3.CorsRule(
    allowed_origins=["*"],
    allowed_methods=[s3.HttpMethods.PUT],
    allowed_headers=["*"],
    exposed_headers=["ETag"],
    max_age=3600,
)


class FileStore(Construct):
    """A private, versioned, TLS-only bucket with its own rotating KMS key; `retain_data` keeps both after the stack.

    With `bucket_name`, an existing bucket, which the stack does not change: `deploy.existing_bucket` checks it.
    """

    def __init__(self, scope: Construct, construct_id: str, *, config: Config) -> None:
        super().__init__(scope, construct_id)
        self._config = config
        self.key: kms.IKey | None
        self.bucket: s3.IBucket
        if config.bucket_name:
            self.key = kms.Key.from_key_arn(self, "Key", config.bucket_key_arn) if config.bucket_key_arn else None
            self.bucket = s3.Bucket.from_bucket_name(self, "Bucket", config.bucket_name)
        else:
            self.key = self._new_key()
            self.bucket = self._new_bucket(self.key)

    def _new_key(self) -> kms.Key:
        return kms.Key(
            self,
            "Key",
            description="Encrypts the private files",
            enable_key_rotation=True,
            removal_policy=self._removal_policy,
        )

    @property
    def _removal_policy(self) -> RemovalPolicy:
        return RemovalPolicy.RETAIN if self._config.retain_data else RemovalPolicy.DESTROY

    def _new_bucket(self, key: kms.Key) -> s3.Bucket:
        config = self._config
        bucket = s3.Bucket(
            self,
            "Bucket",
            encryption=s3.BucketEncryption.KMS,
            encryption_key=key,
            bucket_key_enabled=True,
            versioned=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            # For preflights, which CloudFront passes on. It permits nothing: the bucket policy and signatures do.
            cors=[
                s3.CorsRule(
                    allowed_origins=["*"],
                    allowed_methods=[s3.HttpMethods.GET, s3.HttpMethods.HEAD],
                    allowed_headers=["*"],
                    max_age=3600,
                ),
                *([_UPLOADS_OF_PAGES] if config.uploads else []),
            ],
            minimum_tls_version=1.2,
            removal_policy=self._removal_policy,
            auto_delete_objects=not config.retain_data,
            lifecycle_rules=[
                s3.LifecycleRule(
                    abort_incomplete_multipart_upload_after=Duration.days(1 if config.uploads else 7),
                    noncurrent_version_expiration=Duration.days(90),
                    # What deleteFiles leaves of a file whose versions have expired.
                    expired_object_delete_marker=True if config.uploads else None,
                )
            ],
        )
        Validations.of(bucket).acknowledge(
            Acknowledgment(
                id="AwsSolutions-S1",
                reason="The rule knows only logs in a second bucket, which record the query string of presigned URLs. "
                "infra.access_logs delivers chosen fields.",
            )
        )
        return bucket

    @property
    def uploads_url(self) -> str:
        """The origin of presigned URLs, as `resolvers.s3_uploads.s3_client` makes them."""
        return f"https://{self.bucket.bucket_name}.s3.{Stack.of(self).region}.{Stack.of(self).url_suffix}"

    def grant_list(self, grantee: iam.IGrantable) -> None:
        """Allow listing what the access rules let anybody read in the served folder; neither reading nor writing files.

        The function checks each caller's prefixes itself. This is the second lock, should it ever list the root.
        """
        if not (patterns := self._patterns("read")):
            return  # nobody may read
        grantee.grant_principal.add_to_principal_policy(
            iam.PolicyStatement(
                actions=["s3:ListBucket"],
                resources=[self.bucket.bucket_arn],
                conditions={"StringLike": {"s3:prefix": patterns if patterns[1:] else patterns[0]}},
            )
        )

    def grant_upload(self, function: lambda_.Function) -> None:
        """Allow writing and hiding the files that the access rules let anybody; neither reading nor destroying them."""
        actions_of: dict[Action, list[str]] = {
            "write": ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"],
            "delete": ["s3:DeleteObject"],
        }
        for action, actions in actions_of.items():
            patterns = self._patterns(action)
            if patterns:
                resources = [self.bucket.arn_for_objects(pattern) for pattern in patterns]
                function.add_to_role_policy(iam.PolicyStatement(actions=actions, resources=resources))
            self._acknowledge(function, patterns)
        if self.key is None:
            return
        # S3 encrypts what arrives, and decrypts the parts of an upload to join them.
        function.add_to_role_policy(
            iam.PolicyStatement(
                actions=["kms:GenerateDataKey", "kms:Decrypt"],
                resources=[self.key.key_arn],
                conditions={"StringEquals": {"kms:ViaService": f"s3.{Stack.of(self).region}.{Aws.URL_SUFFIX}"}},
            )
        )

    def _acknowledge(self, function: lambda_.Function, patterns: list[str]) -> None:
        bucket = self.bucket.node.default_child
        if isinstance(bucket, s3.CfnBucket):
            arn = f"<{Stack.of(self).get_logical_id(bucket)}.Arn>"
        else:
            arn = f"arn:<AWS::Partition>:s3:::{self._config.bucket_name}"
        for pattern in patterns:
            Validations.of(function.role or function).acknowledge(
                Acknowledgment(
                    id=f"AwsSolutions-IAM5[Resource::{arn}/{pattern}]",
                    reason="The wildcard matches the files that the access rules let a caller write or delete.",
                )
            )

    def _patterns(self, action: Action) -> list[str]:
        return access_rules.patterns(self._config.effective_access, action, self._config.files_folder)
