"""What there is to try: users who can sign in, the groups that the access rules name, and sample files."""

from __future__ import annotations

import contextlib
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from local.failures import Failure
from local.programs import PROJECT
from private_files.content_types import content_type
from private_files.outputs import Outputs

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from local.embedded_aws.emulator import Emulator

DEMO_USER, SECOND_USER = "demo@example.com", "second@example.com"
_GROUPS = ("editors", "readers")  # for rules about each group of a user
_SAMPLES = PROJECT / "samples"


class NoBucket(Failure):
    """The bucket that the stack serves does not exist on this machine; the message names it."""


def principals(emulator: Emulator, outputs: Outputs) -> set[str]:
    """Return the principals of the deployed access rules, which the function that lists has in its environment."""
    for function in emulator.client("lambda").list_functions()["Functions"]:
        environment = function.get("Environment", {}).get("Variables", {})
        if environment.get("BUCKET_NAME") == outputs.bucket_name and environment["ACCESS"] != "no rules":
            return {line.partition(" ")[0] for line in environment["ACCESS"].splitlines()}
    return set()


def add_users(users: Any, outputs: Outputs, principals: Collection[str]) -> Outputs:
    """Create the users with a client of Cognito, and return the outputs with their passwords.

    With access rules, whose principals these are, there is a second user. The demo user is in every group that a rule
    names. If a rule is about each group of a user, the demo user is in `editors`, too, and the second in `readers`.
    """
    if not outputs.user_pool_id:
        return outputs
    demo_groups = {principal.removeprefix("group:") for principal in principals if principal.startswith("group:")}
    second_groups = {_GROUPS[1]} if "groups" in principals else set()
    if second_groups:
        demo_groups.add(_GROUPS[0])
    for group in sorted(demo_groups | second_groups):
        with contextlib.suppress(users.exceptions.GroupExistsException):  # kept
            users.create_group(UserPoolId=outputs.user_pool_id, GroupName=group)
    password = _add_user(users, outputs, DEMO_USER, demo_groups)
    outputs = replace(outputs, demo_user=DEMO_USER, demo_password=password)
    if principals:
        password = _add_user(users, outputs, SECOND_USER, second_groups)
        outputs = replace(outputs, second_user=SECOND_USER, second_password=password)
    return outputs


def needs_second_factor(users: Any, outputs: Outputs) -> bool:
    """Whether the demo user cannot sign in without an authenticator app, which a person has or must set up."""
    pool = {"UserPoolId": outputs.user_pool_id}
    if not outputs.user_pool_id:
        return False
    return bool(
        users.get_user_pool_mfa_config(**pool)["MfaConfiguration"] == "ON"
        or users.admin_get_user(**pool, Username=outputs.demo_user).get("UserMFASettingList")
    )


def upload_samples(emulator: Emulator, outputs: Outputs, prefixes: Iterable[str] = ("",)) -> None:
    """Upload the files of `samples/` under each prefix, in the folder of the bucket that the distribution serves.

    Raises NoBucket.
    """
    s3 = emulator.client("s3")
    for path in sorted(path for path in _SAMPLES.rglob("*") if path.is_file()):
        name = path.relative_to(_SAMPLES).as_posix()
        for prefix in prefixes:
            try:
                s3.put_object(
                    Bucket=outputs.bucket_name,
                    Key=f"{outputs.files_folder}/{prefix}{name}",
                    Body=path.read_bytes(),
                    ContentType=content_type(name, path),
                )
            except s3.exceptions.NoSuchBucket:
                raise NoBucket(
                    f"This machine has no bucket {outputs.bucket_name}: run `make up` without the setting bucket_name."
                ) from None


def _add_user(users: Any, outputs: Outputs, email: str, groups: Iterable[str]) -> str:
    """Create a user in these groups, or find the one that was kept; return a new, permanent password."""
    password = secrets.token_urlsafe(12) + "-Aa1"  # the suffix satisfies the pool's password policy
    user = {"UserPoolId": outputs.user_pool_id, "Username": email}
    attributes = [{"Name": "email", "Value": email}, {"Name": "email_verified", "Value": "true"}]
    with contextlib.suppress(users.exceptions.UsernameExistsException):  # kept
        users.admin_create_user(**user, MessageAction="SUPPRESS", UserAttributes=attributes)
    users.admin_set_user_password(**user, Password=password, Permanent=True)
    for group in sorted(groups):
        users.admin_add_user_to_group(**user, GroupName=group)
    return password
