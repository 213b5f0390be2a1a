"""The log groups: how long entries are kept, what encrypts them, and whether they outlive the stack."""

from aws_cdk import Aws, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.config import Config


class LogGroups(Construct):
    """Adds log groups that keep their entries for `log_retention` days, under a KMS key of their own with `log_key`.

    `retain_data` keeps them, and their key, after the stack: they say who got a link to which file, and who opened it.
    """

    def __init__(self, scope: Construct, construct_id: str, *, config: Config) -> None:
        super().__init__(scope, construct_id)
        self._config = config
        self._removal_policy = RemovalPolicy.RETAIN if config.retain_data else RemovalPolicy.DESTROY
        self._key = self._new_key() if config.log_key else None

    def add(self, scope: Construct, construct_id: str, *, name: str | None = None) -> logs.LogGroup:
        """Add a log group to `scope`; CloudFormation chooses its name, if there is no `name`."""
        group = logs.LogGroup(
            scope,
            construct_id,
            log_group_name=name,
            encryption_key=self._key,
            removal_policy=self._removal_policy,
        )
        resource = group.node.default_child
        assert isinstance(resource, logs.CfnLogGroup)  # noqa: S101 - the type of its default child
        resource.retention_in_days = self._config.log_retention
        return group

    def _new_key(self) -> kms.Key:
        key = kms.Key(
            self, "Key", description="Encrypts the logs", enable_key_rotation=True, removal_policy=self._removal_policy
        )
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
        log_groups = Stack.of(self).format_arn(service="logs", resource="*")
        key.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal(f"logs.{Aws.REGION}.{Aws.URL_SUFFIX}")],
                actions=["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
                resources=["*"],
                conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": log_groups}},
            )
        )
        return key
