"""`make up` deploys what changes in the sources while it runs and, with `--keep`, has its files and users again.

The sources are a copy, in a folder of the test.
"""

from __future__ import annotations

import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from tests import PROJECT
from tests.command_line import wait_until
from tests.graphql_caller import execute, sign_in
from tests.running_stack import Stack, running_stack

HANDLER, SCHEMA, PAGE = "resolvers/files_handler.py", "schema.graphql", "frontend/index.html"
EDITED = '\n\ndef handler(event, context):\n    return ["edited.txt"]\n'
OWNER, PASSWORD = "owner@example.com", "Correct-Horse-1"


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this project. What was installed or built from locks is shared."""
    copy = tmp_path_factory.mktemp("sources") / "project"
    names = ("app.py", "cdk.json", "schema.graphql", "uploads.graphql", "examples.graphql", "package.json")
    folders = ("environments", "frontend", "infra", "local", "locks", "private_files", "resolvers", "samples")
    for name in folders:
        shutil.copytree(PROJECT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in (*names, "package-lock.json"):
        shutil.copy(PROJECT / name, copy / name)
    (PROJECT / ".bundle").mkdir(exist_ok=True)
    for name in ("node_modules", ".bundle"):
        (copy / name).symlink_to(PROJECT / name)
    return copy


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("edited")


@pytest.fixture(scope="module")
def stack(sources: Path, directory: Path) -> Iterator[Stack]:
    with running_stack(directory, options=("--keep",), project=sources) as running:
        yield running


def names(stack: Stack, user: str = "", password: str = "") -> list[str]:
    headers = {"Authorization": sign_in(stack, user=user, password=password)["AccessToken"]}
    found: list[str] = execute(stack, "{ getFiles }", headers)["getFiles"]
    return found


def printed(directory: Path) -> str:
    return (directory / "printed.txt").read_text()


@pytest.fixture
def before(sources: Path) -> Iterator[dict[str, str]]:
    """The text of the sources that a test changes, which are as before afterwards."""
    texts = {name: (sources / name).read_text() for name in (HANDLER, SCHEMA, PAGE)}
    yield texts
    for name, text in texts.items():
        (sources / name).write_text(text)


def test_changed_function_schema_and_page_take_effect_without_a_restart(
    stack: Stack, sources: Path, directory: Path, before: dict[str, str]
) -> None:
    headers = {"Authorization": sign_in(stack)["AccessToken"]}

    def fields() -> list[dict[str, str]]:
        found = execute(stack, '{ __type(name: "Query") { fields { name } } }', headers)
        return list(found["__type"]["fields"])

    (sources / HANDLER).write_text(before[HANDLER] + EDITED)
    (sources / SCHEMA).write_text(re.sub(r"\n  getFiles\(", "\n  added: String\\g<0>", before[SCHEMA], count=1))
    (sources / PAGE).write_text(before[PAGE].replace("</title>", " edited</title>"))
    for expected in (
        r"resolvers/files_handler\.py changed: deployed in \d+\.\d s\n",
        r"schema\.graphql changed: deployed in .* s; Query\.added returns null until .* names its resolver\n",
        r"frontend/index\.html changed: built in \d+\.\d s; reload the page\n",
    ):
        wait_until(lambda expected=expected: re.search(expected, printed(directory)))  # type: ignore[misc]
    assert execute(stack, "{ getFiles }", headers) == {"getFiles": ["edited.txt"]}
    wait_until(lambda: {"name": "added"} in fields())  # the API reads its schema every two seconds
    assert " edited</title>" in requests.get(stack.outputs.frontend_url, timeout=10).text

    (sources / HANDLER).write_text(before[HANDLER] + EDITED + "def broken(:\n")
    line = (before[HANDLER] + EDITED).count("\n") + 1
    refused = f"Not deployed: resolvers/files_handler.py, line {line}: invalid syntax. What ran before still runs."
    wait_until(lambda: refused in printed(directory))
    assert execute(stack, "{ getFiles }", headers) == {"getFiles": ["edited.txt"]}

    (sources / HANDLER).write_text(before[HANDLER])
    wait_until(lambda: printed(directory).count("files_handler.py changed") == 2)
    assert "hello.txt" in execute(stack, "{ getFiles }", headers)["getFiles"]


def test_files_and_users_are_there_after_a_restart(stack: Stack, sources: Path, directory: Path) -> None:
    """The last test of this stack, which it stops."""
    bucket, folder = stack.outputs.bucket_name, stack.outputs.files_folder
    s3, users = stack.client("s3"), stack.client("cognito-idp")
    s3.put_object(Bucket=bucket, Key=f"{folder}/kept/é.txt", Body=b"kept", ContentType="text/x-kept")
    s3.delete_object(Bucket=bucket, Key=f"{folder}/hello.txt")
    user = {"UserPoolId": stack.outputs.user_pool_id, "Username": OWNER}
    created = users.admin_create_user(
        **user, MessageAction="SUPPRESS", UserAttributes=[{"Name": "email", "Value": OWNER}]
    )
    users.admin_set_user_password(**user, Password=PASSWORD, Permanent=True)
    before = names(stack)
    key = stack.client("cloudfront").list_public_keys()["PublicKeyList"]["Items"][0]["EncodedKey"]
    assert stack.process
    stack.process.send_signal(signal.SIGINT)
    assert stack.process.wait(timeout=30) == 0

    port = str(urlsplit(stack.outputs.cdn_url).port)
    with running_stack(directory, options=("--keep", "--no-watch", "--cdn-port", port), project=sources) as again:
        assert again.outputs.bucket_name == bucket
        assert names(again, OWNER, PASSWORD) == names(again) == before
        assert "kept/é.txt" in before and "hello.txt" not in before
        token = sign_in(again, user=OWNER, password=PASSWORD)["AccessToken"]
        url = execute(again, '{ getUrl(file: "kept/é.txt") }', {"Authorization": token})["getUrl"]
        opened = requests.get(url, timeout=10)
        assert (opened.status_code, opened.content, opened.headers["content-type"]) == (200, b"kept", "text/x-kept")
        pool = again.outputs.user_pool_id
        found = again.client("cognito-idp").admin_get_user(UserPoolId=pool, Username=OWNER)
        assert found["Username"] == created["User"]["Username"]
        # The signing key is another one: it is never on the disk.
        assert again.client("cloudfront").list_public_keys()["PublicKeyList"]["Items"][0]["EncodedKey"] != key
        kept = [path for path in (directory / "kept").rglob("*") if path.is_file()]
        assert not any(b"PRIVATE KEY" in path.read_bytes() for path in kept if path.suffix != ".zip")
