"""The demo users and their groups, against moto's Cognito."""

from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from local import demo
from private_files.outputs import Outputs


def groups_of(users: Any, pool: str) -> dict[str, list[str]]:
    """The groups of each user, by e-mail address."""
    found: dict[str, list[str]] = {}
    for user in users.list_users(UserPoolId=pool)["Users"]:
        (email,) = [each["Value"] for each in user["Attributes"] if each["Name"] == "email"]
        groups = users.admin_list_groups_for_user(UserPoolId=pool, Username=user["Username"])["Groups"]
        found[email] = sorted(group["GroupName"] for group in groups)
    return found


@pytest.mark.parametrize(
    ("principals", "expected"),
    [
        (set(), {demo.DEMO_USER: []}),
        ({"users"}, {demo.DEMO_USER: [], demo.SECOND_USER: []}),
        ({"group:staff", "group:x"}, {demo.DEMO_USER: ["staff", "x"], demo.SECOND_USER: []}),
        ({"groups"}, {demo.DEMO_USER: ["editors"], demo.SECOND_USER: ["readers"]}),
        (
            {"groups", "group:readers", "group:editors", "iam"},
            {demo.DEMO_USER: ["editors", "readers"], demo.SECOND_USER: ["readers"]},
        ),
    ],
)
def test_users_are_in_the_groups_that_show_what_the_rules_do(
    principals: set[str], expected: dict[str, list[str]]
) -> None:
    with mock_aws():
        users = boto3.client("cognito-idp", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
        pool = users.create_user_pool(PoolName="pool", UsernameAttributes=["email"])["UserPool"]["Id"]
        outputs = demo.add_users(users, Outputs(user_pool_id=pool), principals)
        assert groups_of(users, pool) == expected
    assert bool(outputs.second_user) == bool(outputs.second_password) == bool(principals)


def test_kept_users_get_a_new_password_and_stay_who_they_are() -> None:
    with mock_aws():
        users = boto3.client("cognito-idp", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
        pool = users.create_user_pool(PoolName="pool", UsernameAttributes=["email"])["UserPool"]["Id"]
        first, second = (demo.add_users(users, Outputs(user_pool_id=pool), {"group:staff"}) for _ in range(2))
        assert len(users.list_users(UserPoolId=pool)["Users"]) == 2
        assert groups_of(users, pool) == {demo.DEMO_USER: ["staff"], demo.SECOND_USER: []}
    assert first.demo_password != second.demo_password


@pytest.mark.parametrize(
    ("configuration", "factors", "expected"),
    [("ON", [], True), ("OPTIONAL", [], False), ("OPTIONAL", ["SOFTWARE_TOKEN_MFA"], True)],
)
def test_kept_demo_user_with_an_authenticator_app_is_not_signed_in(
    configuration: str, factors: list[str], expected: bool
) -> None:
    users = SimpleNamespace(
        get_user_pool_mfa_config=lambda **_: {"MfaConfiguration": configuration},
        admin_get_user=lambda **_: {"UserMFASettingList": factors},
    )
    assert demo.needs_second_factor(users, Outputs(user_pool_id="p", demo_user=demo.DEMO_USER)) is expected


def test_bucket_that_this_machine_does_not_have_is_named() -> None:
    s3: Any = boto3.client("s3", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    emulator: Any = SimpleNamespace(client=lambda _service: s3)
    with mock_aws(), pytest.raises(demo.NoBucket, match="This machine has no bucket theirs: run `make up` without"):
        demo.upload_samples(emulator, Outputs(bucket_name="theirs", files_folder="files"))


def test_stack_without_users_gets_none() -> None:
    outputs = Outputs(api_key="da2-key")
    assert demo.add_users(None, outputs, {"anyone"}) == outputs
