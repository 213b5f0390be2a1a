"""CloudFormation patch: the type AWS::Backup::BackupSelection, with ministack's API for selections.

Nothing here backs up anything: the selection exists, so that the template can be deployed.
"""

import json
from typing import Any

from ministack.services import backup

from local.embedded_aws import upstream

_CALLED = {"_create_selection": "b5ef7d43809b", "_delete_selection": "3c852b5d2611"}


def apply() -> None:
    for name, digest in _CALLED.items():
        upstream.original(backup, name, digest)
    # Every property needs a replacement:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-backup-backupselection.html
    upstream.add_resource_type("AWS::Backup::BackupSelection", create=_create, update=_replace, delete=_delete)


def _create(_logical_id: str, props: dict[str, Any], _stack: str) -> tuple[str, dict[str, str]]:
    plan, selection = props["BackupPlanId"], props["BackupSelection"]
    if missing := {"IamRoleArn", "SelectionName"} - selection.keys():
        raise ValueError(f"AWS::Backup::BackupSelection: required key {min(missing)} not found")
    created = upstream.body(backup._create_selection(plan, {"BackupSelection": selection}))
    selection_id = json.loads(created)["SelectionId"]
    return f"{selection_id}_{plan}", {"BackupPlanId": plan, "SelectionId": selection_id}


def _replace(physical_id: str, old: dict[str, Any], new: dict[str, Any], stack: str) -> tuple[str, dict[str, str]]:
    created = _create("", new, stack)
    _delete(physical_id, old)
    return created


def _delete(physical_id: str, _props: dict[str, Any]) -> None:
    selection_id, _, plan = physical_id.partition("_")
    backup._delete_selection(plan, selection_id)
