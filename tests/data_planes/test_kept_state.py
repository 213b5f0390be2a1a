"""Files and users that outlive the emulator: its S3 and Cognito in this process, started twice."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ministack.services import cognito, s3
from ministack.services.cloudformation import provisioners

from local.embedded_aws import kept_state
from local.embedded_aws.kept_folder import FILES, FOLDER_VARIABLE, USERS
from tests.cognito_emulator import call, patch

PASSWORD = "Correct-Horse-1"


@contextmanager
def emulator(folder: Path | None) -> Iterator[None]:
    """Start the emulator's S3 and Cognito with this folder; what is in their memory is gone afterwards."""
    with pytest.MonkeyPatch.context() as patched:
        patch(patched)
        patched.setitem(provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"], "create", provisioners._s3_create)
        patched.setattr(s3, "_persist_object", s3._persist_object)
        if folder:
            patched.setenv(FOLDER_VARIABLE, str(folder))
            patched.setattr(s3, "S3_PERSIST", True)
            patched.setattr(s3, "DATA_DIR", str(folder / FILES))
            s3._load_persisted_data()  # as at its import
        kept_state.apply()
        yield
        cognito._user_pools._data.clear()
        s3._buckets._data.clear()


def make_pool(name: str = "p") -> dict[str, str]:
    pool = call("CreateUserPool", PoolName=name).UserPool["Id"]
    client = call(
        "CreateUserPoolClient", UserPoolId=pool, ClientName="c", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"]
    )
    return {"UserPoolId": pool, "ClientId": client.UserPoolClient["ClientId"]}


def add_user(pool: dict[str, str]) -> None:
    user = {"UserPoolId": pool["UserPoolId"], "Username": "ann"}
    call("AdminCreateUser", **user, MessageAction="SUPPRESS")
    call("AdminSetUserPassword", **user, Password=PASSWORD, Permanent=True)
    call("CreateGroup", UserPoolId=pool["UserPoolId"], GroupName="staff")
    call("AdminAddUserToGroup", **user, GroupName="staff")


def identifier(pool: dict[str, str]) -> Any:
    """Return the unchangeable id of the user, which access rules name."""
    found = call("AdminGetUser", UserPoolId=pool["UserPoolId"], Username="ann")
    return found.error or {each["Name"]: each["Value"] for each in found.UserAttributes}["sub"]


def make_bucket() -> Any:
    name, _ = provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"]["create"]("FilesBucket", {}, "PrivateFiles")
    provisioners._NAME_SEED.set("")
    return name


def test_users_have_their_id_password_and_groups_at_the_next_start(tmp_path: Path) -> None:
    with emulator(tmp_path):
        pool = make_pool()
        add_user(pool)
        before = identifier(pool)
    with emulator(tmp_path):
        pool = make_pool()
        assert identifier(pool) == before
        signed_in = call(
            "InitiateAuth",
            ClientId=pool["ClientId"],
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": "ann", "PASSWORD": PASSWORD},
        )
        assert signed_in.AuthenticationResult["AccessToken"]
        groups = call("AdminListGroupsForUser", UserPoolId=pool["UserPoolId"], Username="ann").Groups
        assert [(group["GroupName"], group["UserPoolId"]) for group in groups] == [("staff", pool["UserPoolId"])]


def test_deleted_user_stays_deleted_and_users_of_other_pools_stay(tmp_path: Path) -> None:
    with emulator(tmp_path):
        pool = make_pool()
        add_user(pool)
        call("AdminDeleteUser", UserPoolId=pool["UserPoolId"], Username="ann")
        add_user(make_pool("other"))
    with emulator(tmp_path):
        assert identifier(make_pool()) == "UserNotFoundException"
    with emulator(tmp_path):
        assert identifier(make_pool("other")) != "UserNotFoundException"


def test_only_the_owner_can_read_the_users(tmp_path: Path) -> None:
    with emulator(tmp_path):
        add_user(make_pool())
    assert (tmp_path / USERS).stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / USERS).with_suffix(".unfinished").exists()


def test_bucket_has_its_name_and_its_files_at_the_next_start(tmp_path: Path) -> None:
    with emulator(tmp_path):
        name = make_bucket()
        stored = {"body": b"a", "size": 1, "etag": '"e"', "content_type": "text/plain", "metadata": {"k": "v"}}
        s3._persist_object(name, "files/a.txt", stored)
    with emulator(tmp_path):
        assert make_bucket() == name
        (found,) = s3._buckets[name]["objects"].items()
        assert (found[0], found[1]["content_type"], found[1]["metadata"]) == ("files/a.txt", "text/plain", {"k": "v"})
        assert s3._read_body(name, *found) == b"a"


def test_file_that_cannot_be_kept_is_an_error(tmp_path: Path) -> None:
    with emulator(tmp_path):
        name = make_bucket()
        (tmp_path / FILES).write_text("in the way")
        with pytest.raises(OSError, match=f"files/a.txt of {name} cannot be kept"):
            s3._persist_object(name, "files/a.txt", {"body": b"a"})


def test_nothing_is_kept_without_a_folder(tmp_path: Path) -> None:
    with emulator(None):
        add_user(make_pool())
        first = make_bucket()
    with emulator(None):
        assert identifier(make_pool()) == "UserNotFoundException"
        assert make_bucket() != first
    assert list(tmp_path.iterdir()) == []
