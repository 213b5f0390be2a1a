"""The outputs file of the current folder, which nobody named and somebody else may have made."""

import grp
import os
import pwd
from pathlib import Path

import pytest

from private_files import settings
from private_files.failures import Unconfigured
from tests.command_line import Terminal

LOCAL = {
    "GraphqlUrl": "http://127.0.0.1:1/graphql",
    "AwsEndpointUrl": "https://127.0.0.1:4566",
    "CdnUrl": "http://[::1]",
}
FILE = Path(settings.DEFAULT_OUTPUTS)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.chdir(tmp_path)
    terminal = Terminal(tmp_path)
    terminal.write(LOCAL)
    FILE.parent.chmod(0o755)
    FILE.chmod(0o644)
    return terminal


def refusal(**given: str) -> str:
    with pytest.raises(Unconfigured) as refused:
        settings.find(given)
    assert "--outputs" in str(refused.value)
    return str(refused.value)


@pytest.mark.usefixtures("here")
def test_own_file_with_addresses_of_this_machine_is_used() -> None:
    found = settings.find({})
    assert (found.outputs.graphql_url, found.implicit) == (LOCAL["GraphqlUrl"], True)
    assert not settings.find({"outputs": str(FILE)}).implicit


@pytest.mark.parametrize("name", ["GraphqlUrl", "CdnUrl", "RestUrl", "FrontendUrl", "UploadsUrl", "AwsEndpointUrl"])
@pytest.mark.parametrize(
    "url",
    [
        "https://files.example.com/graphql",
        "https://127.0.0.1.example.com/",
        "https://127.0.0.1@example.com/",
        "https://example.com\\@127.0.0.1/",
        "https://evil.localhost/",
        "https://0.0.0.0/",
        "//example.com",
        "example.com",
    ],
)
def test_every_address_in_it_must_be_on_this_machine(here: Terminal, name: str, url: str) -> None:
    here.write(LOCAL | {name: url})
    assert f"its {name} is not on this machine" in refusal()
    assert settings.find({"outputs": str(FILE)}).outputs.graphql_url


@pytest.mark.parametrize(("path", "mode"), [(FILE, 0o646), (FILE.parent, 0o757)])
@pytest.mark.usefixtures("here")
def test_file_that_others_can_write_is_refused(path: Path, mode: int) -> None:
    path.chmod(mode)
    assert f"other users can write to {path}" in refusal()


@pytest.mark.parametrize("path", [FILE, FILE.parent])
@pytest.mark.usefixtures("here")
def test_file_of_another_user_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own, lstat = os.getuid(), Path.lstat

    def of_another(each: Path) -> os.stat_result:
        values = list(lstat(each))
        values[4] = own + 1 if each == path else own
        return os.stat_result(values)

    monkeypatch.setattr(Path, "lstat", of_another)
    assert f"{path} belongs to another user" in refusal()


@pytest.mark.parametrize("path", [FILE, FILE.parent])
@pytest.mark.usefixtures("here")
def test_link_to_a_file_elsewhere_is_refused(path: Path) -> None:
    path.replace("elsewhere")
    path.symlink_to(Path("elsewhere").absolute())
    assert f"{path} is a symbolic link" in refusal()


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"api_key": "k"}, "PRIVATE_FILES_API_KEY"),
        ({"password": "p"}, "PRIVATE_FILES_PASSWORD"),
        ({"new_password": "p"}, "PRIVATE_FILES_NEW_PASSWORD"),
    ],
)
@pytest.mark.usefixtures("here")
def test_credential_of_the_caller_is_not_sent_to_its_addresses(given: dict[str, str], named: str) -> None:
    assert named in refusal(**given)
    assert settings.find(given | {"outputs": str(FILE)})


@pytest.mark.parametrize(
    ("group", "members", "used"), [("me", [], True), ("me", ["other"], False), ("staff", [], False)]
)
@pytest.mark.usefixtures("here")
def test_group_that_holds_nobody_else_may_write(
    monkeypatch: pytest.MonkeyPatch, group: str, members: list[str], used: bool
) -> None:
    FILE.chmod(0o664)
    user = pwd.struct_passwd(("me", "x", os.getuid(), FILE.stat().st_gid, "", "/", "/bin/sh"))
    monkeypatch.setattr("pwd.getpwuid", lambda _: user)
    monkeypatch.setattr("grp.getgrgid", lambda _: grp.struct_group((group, "x", user.pw_gid, members)))
    if used:
        assert settings.find({}).implicit
    else:
        assert "other users can write" in refusal()
