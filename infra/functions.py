"""The Lambda functions and the bundle that they share; made without Docker."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from aws_cdk import Acknowledgment, Duration, RemovalPolicy, Validations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct
from uv import find_uv_bin

from infra.config import Config
from resolvers.settings import FilesSettings, MintSettings, NoSettings, UrlSettings, to_environment

PROJECT = Path(__file__).parent.parent
_WHEELS_PLATFORM = {"arm64": "aarch64-manylinux2014", "x86_64": "x86_64-manylinux2014"}
_PYTHON_VERSION = "3.13"


class BundleFailed(RuntimeError):
    """The functions' wheels could not be fetched; the message is the installer's."""


class Functions(Construct):
    """Makes Python functions, each with a role, a log group and settings of its own."""

    def __init__(self, scope: Construct, construct_id: str, *, config: Config) -> None:
        super().__init__(scope, construct_id)
        self._config = config
        self._code = lambda_.Code.from_asset(str(bundle(config.architecture)))

    def add(
        self,
        name: str,
        *,
        handler: str,
        settings: FilesSettings | UrlSettings | MintSettings | NoSettings,
        timeout: Duration | None = None,
    ) -> lambda_.Function:
        """The function whose code is `resolvers/<handler>.py`; its role may write to its own log group, nothing else.

        `timeout` defaults to 29 s, just under the 30 s that AppSync waits.
        """
        log_group = logs.LogGroup(
            self, f"{name}Logs", retention=logs.RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY
        )
        role = iam.Role(self, f"{name}Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log_group.grant_write(role)
        function = lambda_.Function(
            self,
            name,
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64
            if self._config.architecture == "arm64"
            else lambda_.Architecture.X86_64,
            code=self._code,
            handler=f"resolvers.{handler}.handler",
            role=role,
            log_group=log_group,
            memory_size=512,
            timeout=timeout or Duration.seconds(29),
            environment=to_environment(settings)
            | {
                "POWERTOOLS_SERVICE_NAME": handler,
                "POWERTOOLS_METRICS_NAMESPACE": self._config.stack_name,
                "POWERTOOLS_LOG_LEVEL": self._config.log_level,
            },
        )
        Validations.of(function).acknowledge(
            Acknowledgment(
                id="AwsSolutions-L1",
                reason="Python 3.13 is what the bundle's wheels are pinned for; a newer runtime comes with new wheels.",
            )
        )
        return function


def bundle(architecture: str) -> Path:
    """A folder with `resolvers/` and its wheels for this architecture, made once and kept in `.bundle/`.

    Raises BundleFailed where the wheels cannot be fetched; they are only the first time.
    """
    lock = PROJECT / "locks" / "functions.txt"
    platform = _WHEELS_PLATFORM[architecture]
    sources = sorted((PROJECT / "resolvers").glob("*.py"))
    content = hashlib.sha256(f"{platform} {_PYTHON_VERSION}".encode())
    for path in (lock, *sources):
        content.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    target = PROJECT / ".bundle" / f"{architecture}-{content.hexdigest()[:16]}"
    if target.exists():
        return target
    target.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        # Renamed when it is whole, so that an interrupted synth, or two at once, never leave half a bundle.
        unfinished = Path(scratch) / "bundle"
        _install_wheels(lock, platform, unfinished)
        (unfinished / "resolvers").mkdir()
        for path in sources:
            shutil.copy(path, unfinished / "resolvers")
        try:
            unfinished.rename(target)
        except OSError:
            if not target.exists():  # otherwise another synth was faster, and made the same
                raise
    return target


def _install_wheels(lock: Path, platform: str, target: Path) -> None:
    command = [find_uv_bin(), "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--requirements", str(lock)]
    command += ["--python-platform", platform, "--python-version", _PYTHON_VERSION, "--only-binary", ":all:"]
    done = subprocess.run([*command, "--target", str(target)], capture_output=True, text=True, check=False)  # noqa: S603 - our own arguments
    if done.returncode:
        raise BundleFailed(f"The functions' wheels for {platform} could not be installed:\n{done.stderr}")
