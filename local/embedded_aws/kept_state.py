"""S3 and Cognito patch: with a folder for them, files and users outlive the emulator.

ministack can save its whole state (PERSIST_STATE), but only when it is stopped, and the signing key in SSM with it. Its
S3 can write every object to disk (S3_PERSIST), but a stack that is created again has a bucket of another name, and an
object that cannot be written is lost without an error.
"""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from ministack.services import cognito, s3
from ministack.services.cloudformation import provisioners

from local.embedded_aws import upstream
from local.embedded_aws.kept_folder import FOLDER_VARIABLE, USERS

_SEED = "kept"  # of the names of buckets: CloudFormation draws one for each stack
_READING = ("Get", "List", "Describe", "AdminGet", "AdminList")  # what the names of such operations start with


def apply() -> None:
    # Checked in every run, so that the first one with a new release says so.
    create_bucket = upstream.original(provisioners, "_s3_create", "477b78a3cb15")
    upstream.original(s3, "_load_persisted_bucket", "7e84b6f2596e")
    persist = upstream.original(s3, "_persist_object", "cb32b6ae8706")
    create_pool = upstream.original(cognito, "_create_user_pool", "ad2842af0444")
    dispatch = upstream.original(cognito, "_dispatch_idp", "eff61c61ce4d")
    if folder := os.environ.get(FOLDER_VARIABLE):
        _keep_files(create_bucket, persist)
        _keep_users(Path(folder) / USERS, create_pool, dispatch)


def _keep_files(create: Callable[..., Any], persist: Callable[..., None]) -> None:
    # Loaded when the module was imported. CloudFormation refuses to create a bucket that exists.
    loaded = dict(s3._buckets._data)
    s3._buckets._data.clear()

    def create_with_objects(logical_id: str, props: dict[str, Any], stack_name: str) -> Any:
        if not props.get("BucketName") and not provisioners._NAME_SEED.get():
            provisioners._NAME_SEED.set(_SEED)
        name, attributes = create(logical_id, props, stack_name)
        for (account, bucket), kept in loaded.items():
            if bucket == name:
                s3._buckets._data[account, bucket]["objects"].update(kept["objects"])
        return name, attributes

    def persist_or_fail(bucket: str, key: str, stored: Any) -> None:
        persist(bucket, key, stored)
        if isinstance(stored, dict) and stored.get("body") is not None:  # it is None once it is on the disk
            raise OSError(f"{key} of {bucket} cannot be kept: see the warning above")

    s3._persist_object = persist_or_fail
    provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"]["create"] = create_with_objects


def _keep_users(file: Path, create: Callable[..., Any], dispatch: Callable[..., Awaitable[Any]]) -> None:
    saved: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}

    def create_with_users(data: dict[str, Any]) -> Any:
        response = create(data)
        if response[0] == 200:
            identifier = json.loads(response[2])["UserPool"]["Id"]
            pool = cognito._user_pools[identifier]
            kept = saved.get(pool["Name"], {"users": {}, "groups": {}})
            pool["_users"].update(kept["users"])
            pool["_groups"].update(
                {name: {**group, "UserPoolId": identifier} for name, group in kept["groups"].items()}
            )
            pool["EstimatedNumberOfUsers"] = len(pool["_users"])
        return response

    async def dispatch_and_save(action: str, data: dict[str, Any]) -> Any:
        response = await dispatch(action, data)
        if not action.startswith(_READING):
            for pool in cognito._user_pools.all_values():
                saved[pool["Name"]] = {"users": pool["_users"], "groups": pool["_groups"]}
            _write(file, json.dumps(saved))
        return response

    cognito._create_user_pool = create_with_users
    cognito._dispatch_idp = dispatch_and_save


def _write(file: Path, text: str) -> None:
    """Write the file in one step, so that a run that is killed leaves it whole."""
    unfinished = file.with_suffix(".unfinished")
    unfinished.touch(mode=0o600)
    unfinished.write_text(text)
    unfinished.rename(file)
