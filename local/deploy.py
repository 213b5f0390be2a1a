"""`cdk deploy` into the embedded AWS; then a demo user, and sample files to ask for."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import secrets
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from private_files.content_types import content_type

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.embedded_aws.emulator import Cloud

PROJECT = Path(__file__).parent.parent
DEMO_USER = "demo@example.com"
_ACCOUNT = "000000000000"
_QUIET = ("--no-notices", "--no-color", "--no-version-reporting")


class DeployFailed(RuntimeError):
    """The CDK command failed; the message holds the end of what it printed."""


class MissingTool(RuntimeError):
    """A program that the set-up installs is not there."""


class Deployment:
    """The stack of this project in one embedded AWS.

    `context` is handed on to the CDK command line: `("auth=off", "url_lifetime=60")`.
    """

    def __init__(self, cloud: Cloud, directory: Path, *, cdn_url: str, context: Sequence[str]) -> None:
        self._cloud = cloud
        self._directory = directory
        # The functions run on this machine, and the URLs lead to it: two values, not another template.
        settings = [f"architecture={_architecture()}", f"cdn_url={cdn_url}", *context]
        self._context = [argument for setting in settings for argument in ("--context", setting)]
        self._log = directory / "deploy.log"
        self._log.unlink(missing_ok=True)

    async def synthesize(self) -> None:
        """Makes the template; needs no cloud."""
        await self._cdk("synth", "--quiet", "--output", str(self._directory / "cdk.out"), *self._context)

    async def bootstrap(self) -> None:
        """Makes what every CDK deployment needs in an account, once."""
        # In a folder without a cdk.json it asks for no app, and need not wait for the template.
        environment = f"aws://{_ACCOUNT}/{self._cloud.session().region_name}"
        await self._cdk("bootstrap", environment, folder=self._directory)

    async def deploy(self) -> dict[str, str]:
        """The outputs of the stack, deployed from what `synthesize` made.

        Raises DeployFailed.
        """
        outputs = self._directory / "stack-outputs.json"
        outputs.unlink(missing_ok=True)
        assembly = str(self._directory / "cdk.out")
        await self._cdk("deploy", "--require-approval", "never", "--app", assembly, "--outputs-file", str(outputs))
        (stack_outputs,) = json.loads(outputs.read_text()).values()
        return {str(name): str(value) for name, value in stack_outputs.items()}

    async def _cdk(self, *arguments: str, folder: Path = PROJECT) -> None:
        with self._log.open("ab") as log:
            start = log.tell()
            process = await asyncio.create_subprocess_exec(
                cdk_program(),
                *arguments,
                *_QUIET,
                cwd=folder,
                env=self._cloud.environment | {"PATH": _path()},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                code = await process.wait()
            except asyncio.CancelledError:
                os.killpg(process.pid, signal.SIGTERM)  # the command has children of its own
                await process.wait()
                raise
        if code:
            printed = self._log.read_bytes()[start:].decode(errors="replace").strip().splitlines()
            raise DeployFailed(f"`cdk {arguments[0]}` failed:\n" + "\n".join(printed[-15:]))


def add_demo_user(cloud: Cloud, user_pool_id: str) -> str:
    """The password of the demo user, who is now in the pool and need not change it."""
    password = secrets.token_urlsafe(12) + "-Aa1"  # the suffix satisfies the pool's policy
    users = cloud.client("cognito-idp")
    users.admin_create_user(
        UserPoolId=user_pool_id,
        Username=DEMO_USER,
        MessageAction="SUPPRESS",
        UserAttributes=[{"Name": "email", "Value": DEMO_USER}, {"Name": "email_verified", "Value": "true"}],
    )
    users.admin_set_user_password(UserPoolId=user_pool_id, Username=DEMO_USER, Password=password, Permanent=True)
    return password


def upload_samples(cloud: Cloud, bucket: str, distribution_id: str) -> list[str]:
    """The names of the sample files, which are now in the folder of the bucket that the distribution serves."""
    s3 = cloud.client("s3")
    distribution = cloud.client("cloudfront").get_distribution_config(Id=distribution_id)["DistributionConfig"]
    folder = distribution["Origins"]["Items"][0]["OriginPath"].strip("/")
    samples = PROJECT / "samples"
    names = [path.relative_to(samples).as_posix() for path in sorted(samples.rglob("*")) if path.is_file()]
    for name in names:
        kind = content_type(name, samples / name)
        s3.put_object(Bucket=bucket, Key=f"{folder}/{name}", Body=(samples / name).read_bytes(), ContentType=kind)
    return names


def cdk_program() -> str:
    """The pinned CDK command line.

    Raises MissingTool where the set-up did not run.
    """
    for name in ("node", "cdk"):
        if not shutil.which(name, path=_path()):
            raise MissingTool(f"{name} is not installed here; `make up` installs it.")
    return str(shutil.which("cdk", path=_path()))


def _path() -> str:
    # `python app.py` and `node` must be the ones that the locks pin.
    pinned = [Path(sys.executable).parent, PROJECT / "node_modules" / ".bin"]
    return os.pathsep.join([*map(str, pinned), os.environ.get("PATH", os.defpath)])


def _architecture() -> str:
    return "arm64" if platform.machine().lower() in ("arm64", "aarch64") else "x86_64"
