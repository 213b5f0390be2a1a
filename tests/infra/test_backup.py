"""Backups in the template: off by default; a daily plan for the one bucket, whose vault is kept with the data."""

import pytest

from tests.synthesized import only, plain, resources, synthesized

TYPES = ("AWS::Backup::BackupVault", "AWS::Backup::BackupPlan", "AWS::Backup::BackupSelection")


def test_nothing_is_backed_up_by_default() -> None:
    assert not [kind for kind in TYPES if resources(kind)]


@pytest.mark.parametrize(("variant", "days"), [("backup", 35), ("throwaway", 7)])
def test_bucket_and_nothing_else_is_backed_up_every_night(variant: str, days: int) -> None:
    vault, _ = only("AWS::Backup::BackupVault", variant)
    plan, properties = only("AWS::Backup::BackupPlan", variant)
    [rule] = properties["BackupPlan"]["BackupPlanRule"]
    assert plain(rule["TargetBackupVault"]) == f"${{{vault}.BackupVaultName}}"
    assert rule["ScheduleExpression"] == "cron(0 3 * * ? *)"
    assert rule["Lifecycle"] == {"DeleteAfterDays": days}
    _, selection = only("AWS::Backup::BackupSelection", variant)
    bucket, stored = only("AWS::S3::Bucket", variant)
    assert plain(selection["BackupPlanId"]) == f"${{{plan}.BackupPlanId}}"
    assert [plain(arn) for arn in selection["BackupSelection"]["Resources"]] == [f"${{{bucket}.Arn}}"]
    assert stored["VersioningConfiguration"] == {"Status": "Enabled"}


def test_only_aws_backup_can_use_the_role_and_it_cannot_write() -> None:
    _, selection = only("AWS::Backup::BackupSelection", "backup")
    role = synthesized("backup")["Resources"][selection["BackupSelection"]["IamRoleArn"]["Fn::GetAtt"][0]]["Properties"]
    [statement] = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "backup.amazonaws.com"}
    assert [plain(arn) for arn in role["ManagedPolicyArns"]] == [
        "arn:${AWS::Partition}:iam::aws:policy/AWSBackupServiceRolePolicyForS3Backup"
    ]


@pytest.mark.parametrize(("variant", "policy"), [("backup", "Retain"), ("throwaway", "Delete")])
def test_backups_are_kept_with_the_data(variant: str, policy: str) -> None:
    [vault] = resources("AWS::Backup::BackupVault", variant).values()
    assert vault["DeletionPolicy"] == policy


def test_vault_that_was_kept_is_not_in_the_way_of_the_next_stack() -> None:
    _, vault = only("AWS::Backup::BackupVault", "backup")
    prefix, name = vault["BackupVaultName"]["Fn::Join"][1]
    assert prefix == "PrivateFiles-"
    assert "AWS::StackId" in str(name)
