"""Backups of the files by AWS Backup, with the setting `backup`: daily, in a vault of their own."""

from aws_cdk import Acknowledgment, Fn, RemovalPolicy, Stack, Validations
from aws_cdk import aws_backup as backup
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.config import Config

# https://docs.aws.amazon.com/aws-backup/latest/devguide/API_CreateBackupVault.html
_LONGEST_NAME = 50
# Reads the bucket: https://docs.aws.amazon.com/aws-backup/latest/devguide/s3-backups.html
POLICY = "AWSBackupServiceRolePolicyForS3Backup"


class Backup(Construct):
    """Backs up the bucket every night and keeps each backup for `backup_retention` days.

    The vault outlives the stack with `retain_data`. AWS Backup needs a bucket with versioning.
    """

    def __init__(self, scope: Construct, construct_id: str, *, config: Config, bucket: s3.IBucket) -> None:
        super().__init__(scope, construct_id)
        vault = backup.BackupVault(
            self,
            "Vault",
            backup_vault_name=self._vault_name(config),
            removal_policy=RemovalPolicy.RETAIN if config.retain_data else RemovalPolicy.DESTROY,
        )
        plan = backup.CfnBackupPlan(
            self,
            "Plan",
            backup_plan=backup.CfnBackupPlan.BackupPlanResourceTypeProperty(
                backup_plan_name=config.stack_name,
                backup_plan_rule=[
                    backup.CfnBackupPlan.BackupRuleResourceTypeProperty(
                        rule_name="Daily",
                        target_backup_vault=vault.backup_vault_name,
                        schedule_expression=events.Schedule.cron(hour="3", minute="0").expression_string,  # UTC
                        lifecycle=backup.CfnBackupPlan.LifecycleResourceTypeProperty(
                            delete_after_days=config.backup_retention
                        ),
                    )
                ],
            ),
        )
        # Not the library's selection, whose role may back up every kind of database, too.
        backup.CfnBackupSelection(
            self,
            "Selection",
            backup_plan_id=plan.attr_backup_plan_id,
            backup_selection=backup.CfnBackupSelection.BackupSelectionResourceTypeProperty(
                # A resource that is named is backed up although its service is not opted in:
                # https://docs.aws.amazon.com/aws-backup/latest/devguide/API_UpdateRegionSettings.html
                selection_name="Files",
                iam_role_arn=self._role().role_arn,
                resources=[bucket.bucket_arn],
            ),
        )

    def _vault_name(self, config: Config) -> str:
        # A vault that outlives the stack must not be in the way of the next stack of this name.
        unique = Fn.select(0, Fn.split("-", Fn.select(2, Fn.split("/", Stack.of(self).stack_id))))  # 8 digits
        return f"{config.stack_name[: _LONGEST_NAME - len('-') - 8]}-{unique}"

    def _role(self) -> iam.Role:
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("backup.amazonaws.com"),
            managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name(POLICY)],
        )
        Validations.of(role).acknowledge(
            Acknowledgment(
                id=f"AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{POLICY}]",
                reason="AWS maintains what AWS Backup needs to read a bucket, and only AWS Backup can use the role.",
            )
        )
        return role
