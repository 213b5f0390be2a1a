"""Runs tests/stack/test_journey.py against a stack in an AWS account: `python -m deploy.journey --help`.

`test` runs it against a deployed stack, with a user and the samples, which it removes again. `all` deploys a stack for
that, rotates its signing key, runs it again, replaces the first key as if it had leaked, runs it once more, and deletes
the stack. Both say which account and Region they use, and wait for a confirmation.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import boto3
import requests
from botocore.exceptions import BotoCoreError, ClientError

from private_files import settings
from private_files.content_types import content_type
from private_files.failures import Unconfigured
from private_files.outputs import Outputs

PROJECT = Path(__file__).parent.parent
SAMPLES = PROJECT / "samples"
USER = "journey@example.com"
_SECONDS_UNTIL_A_KEY_IS_KNOWN = 900  # at every edge location


class Stopped(RuntimeError):
    """The journey ends here; the message says why."""


def main() -> None:
    options = _options()
    try:
        _confirm(options)
        with TemporaryDirectory() as folder:
            run = _test_deployed if options.command == "test" else _all
            run(options, Path(folder))
    except (Stopped, Unconfigured, ClientError, BotoCoreError) as error:
        sys.exit(str(error))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deploy.journey", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    test = commands.add_parser("test", help="test a deployed stack without files of your own and without access rules")
    test.add_argument("--outputs", type=Path, default=Path("outputs.json"), help="what cdk deploy wrote")
    everything = commands.add_parser("all", help="deploy, test, rotate, test, delete")
    everything.add_argument("-c", "--context", action="append", default=[], metavar="KEY=VALUE", help="a setting")
    for command in (test, everything):
        command.add_argument("--stack", default="PrivateFilesJourney" if command is everything else "", help="its name")
        command.add_argument("--account", default="", help="confirms the account, instead of a person")
        command.add_argument("--override", type=Path, help="outputs that replace those of the stack, if it has others")
    return parser.parse_args()


def _confirm(options: argparse.Namespace) -> None:
    """Return if a person or --account confirms the account. Raises Stopped."""
    if not boto3.Session().region_name:
        raise Stopped("There is no Region: set AWS_DEFAULT_REGION.")
    account, region = _client("sts").get_caller_identity()["Account"], boto3.Session().region_name
    does = (
        "adds a user and files to a stack, and removes them"
        if options.command == "test"
        else (f"deploys the stack {options.stack}, and deletes it with everything in it")
    )
    print(f"This {does}, in the AWS account {account}, Region {region}.", flush=True)
    if not options.account and not sys.stdin.isatty():
        raise Stopped("No terminal to confirm: add --account with the number of the account.")
    if (options.account or input("Type the number of the account to go on: ").strip()) != account:
        raise Stopped("Not confirmed: nothing was changed.")


def _all(options: argparse.Namespace, folder: Path) -> None:
    if _exists(options.stack):
        raise Stopped(f"The stack {options.stack} exists: choose another name with --stack.")
    cdk = Cdk(options, folder)
    try:
        cdk.deploy("signing_keys=1")
        _test(options, cdk.outputs)
        cdk.deploy("signing_keys=1,2", "key_settling=0")
        _wait_until_urls_open(options, cdk.outputs)
        _test(options, cdk.outputs)
        cdk.deploy("signing_keys=2", "revoke=1")
        _test(options, cdk.outputs)
    finally:
        _delete(options, cdk)
    print(f"The journey has ended; the stack {options.stack} is deleted.")


def _delete(options: argparse.Namespace, cdk: Cdk) -> None:
    """Delete the stack and the logs that it leaves. Raises Stopped, with the reason for which the journey ended."""
    because = sys.exc_info()[1]
    try:
        cdk.run("destroy", "--force")
        _delete_logs(options.stack)
        left = _exists(options.stack)
    except (Stopped, ClientError, BotoCoreError) as error:
        raise Stopped(f"{because or ''} {error} Delete the stack {options.stack} by hand.".strip()) from None
    if left:
        raise Stopped(f"{because or ''} The stack {options.stack} is still there: delete it by hand.".strip())


def _exists(stack: str) -> bool:
    pages = _client("cloudformation").get_paginator("list_stacks").paginate()
    found = [each for page in pages for each in page["StackSummaries"] if each["StackName"] == stack]
    return any(each["StackStatus"] != "DELETE_COMPLETE" for each in found)


class Cdk:
    """The CDK command for one stack, whose outputs are in `outputs`."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        own = [f"stack_name={options.stack}", "retain_data=off"]
        self._context = [*own, *options.context]
        self._assembly = folder / "cdk.out"
        self.outputs = folder / "outputs.json"

    def deploy(self, *context: str) -> None:
        """Deploy the stack with these settings."""
        self._context = [each for each in self._context if not each.startswith("signing_keys=")] + list(context)
        self.run("deploy", "--require-approval", "never", "--outputs-file", str(self.outputs))

    def run(self, command: str, *arguments: str) -> None:
        """Run a command. Raises Stopped."""
        if (program := shutil.which("cdk", path=_path())) is None:
            raise Stopped("cdk is not installed in this folder. Run `make setup`.")
        context = [word for setting in self._context for word in ("--context", setting)]
        quiet = ["--no-notices", "--output", str(self._assembly)]
        print(f"\n$ cdk {command} {' '.join(self._context)}", flush=True)
        environment = os.environ | {"PATH": _path()}
        done = subprocess.run(
            [program, command, *arguments, *context, *quiet], cwd=PROJECT, env=environment, check=False
        )
        if done.returncode:
            raise Stopped(f"`cdk {command}` failed with exit code {done.returncode}; its output is above.")


def _path() -> str:
    pinned = [Path(sys.executable).parent, PROJECT / "node_modules" / ".bin"]
    return os.pathsep.join([*map(str, pinned), os.environ.get("PATH", os.defpath)])


def _test_deployed(options: argparse.Namespace, _folder: Path) -> None:
    _test(options, options.outputs)


def _test(options: argparse.Namespace, file: Path) -> None:
    with _prepared(options, file) as outputs_file:
        command = [sys.executable, "-m", "pytest", "tests/stack/test_journey.py", "-rs", "-q", "-p", "no:cacheprovider"]
        environment = os.environ | {"STACK_OUTPUTS": str(outputs_file)}
        if subprocess.run(command, cwd=PROJECT, env=environment, check=False).returncode:
            raise Stopped("The tests failed; their output is above.")


@contextlib.contextmanager
def _prepared(options: argparse.Namespace, file: Path) -> Iterator[Path]:
    """Add a user and the samples to the stack; yields the file of its outputs with that user's password."""
    outputs = _outputs(options, file)
    password = secrets.token_urlsafe(18) + "-Aa1"
    users, user = _client("cognito-idp"), {"UserPoolId": outputs.user_pool_id, "Username": USER}
    email = [{"Name": "email", "Value": USER}, {"Name": "email_verified", "Value": "true"}]
    keys = {path: f"{outputs.files_folder}/{path.relative_to(SAMPLES).as_posix()}" for path in SAMPLES.rglob("*.*")}
    users.admin_create_user(**user, MessageAction="SUPPRESS", UserAttributes=email)
    try:
        users.admin_set_user_password(**user, Password=password, Permanent=True)
        for path, key in keys.items():
            kind = content_type(path.name, path)
            _client("s3").put_object(Bucket=outputs.bucket_name, Key=key, Body=path.read_bytes(), ContentType=kind)
        with TemporaryDirectory() as folder:  # only its owner can read it
            whole = Path(folder) / "outputs.json"
            whole.write_text(
                json.dumps({_name(options, file): replace(outputs, demo_user=USER, demo_password=password).to_json()})
            )
            yield whole
    finally:
        for key in keys.values():
            _client("s3").delete_object(Bucket=outputs.bucket_name, Key=key)
        users.admin_delete_user(**user)


def _outputs(options: argparse.Namespace, file: Path) -> Outputs:
    outputs = settings.read(file, options.stack)
    other = settings.read(options.override) if options.override else Outputs()
    return Outputs.from_json(outputs.to_json() | other.to_json())


def _name(options: argparse.Namespace, file: Path) -> str:
    return str(options.stack or next(iter(json.loads(file.read_text()))))


def _wait_until_urls_open(options: argparse.Namespace, file: Path) -> None:
    """Wait until edge locations know the new key. Raises Stopped."""
    deadline, opened = time.monotonic() + _SECONDS_UNTIL_A_KEY_IS_KNOWN, 0
    with _prepared(options, file) as outputs_file:
        command = [sys.executable, "-m", "private_files", "url", "hello.txt", "--outputs", str(outputs_file)]
        while opened < 5:
            if time.monotonic() > deadline:
                raise Stopped("URLs of the new key did not open within 15 minutes.")
            done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
            url = done.stdout.strip()
            opened = opened + 1 if url and requests.get(url, timeout=30).ok else 0
            time.sleep(1)


def _delete_logs(stack: str) -> None:
    """Delete the log groups that Lambda makes for the CDK's own functions, which no stack deletes."""
    logs = _client("logs")
    for page in logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=f"/aws/lambda/{stack}-"):
        for group in page["logGroups"]:
            logs.delete_log_group(logGroupName=group["logGroupName"])


def _client(service: str) -> Any:
    client: Any = boto3.client(service)  # type: ignore[call-overload]
    return client


if __name__ == "__main__":
    main()
