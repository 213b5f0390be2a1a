"""Deploys the stack into the AWS emulator with the CDK command."""

from __future__ import annotations

import asyncio
import json
import platform
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from local import programs, template_sources
from local.failures import Failure
from local.programs import PROJECT
from private_files.outputs import Outputs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.embedded_aws.emulator import Emulator

_ACCOUNT = "000000000000"
_SECONDS_TO_FINISH = 15 * 60  # of one CDK command; the first also downloads the functions' wheels
_QUIET = ("--no-notices", "--no-color", "--no-version-reporting")


class DeployFailed(Failure):
    """The CDK command failed; the message ends with the last lines that it printed."""


class MissingTool(Failure):
    """A program that `make setup` installs is missing."""


class Deployment:
    """This project's stack in one AWS emulator.

    `cdn_url` is the base URL of signed URLs. `context` is passed to the CDK command: `("auth=off", "url_lifetime=60")`.
    `assembly` is the folder with the template and what it deploys.
    """

    def __init__(self, emulator: Emulator, directory: Path, *, cdn_url: str, context: Sequence[str]) -> None:
        self._emulator = emulator
        self._directory = directory
        # Functions run on this machine and URLs point to it: two values, the same template.
        settings = [f"architecture={_architecture()}", f"cdn_url={cdn_url}", *context]
        self._settings = settings
        self.assembly = directory / "cdk.out"
        self._log = directory / "deploy.log"
        self._log.unlink(missing_ok=True)

    async def synthesize(self) -> None:
        """Write the template, unless it is there from an earlier run and its sources are the same. Raises DeployFailed.

        This needs no running emulator. The CDK's own check against AWS's schemas is for AWS and left out: it takes as
        long as all the rest.
        """
        made_from = self.assembly / "made-from.txt"
        found = await asyncio.to_thread(template_sources.digest, PROJECT, self._settings)
        if made_from.exists() and made_from.read_text() == found:
            return
        made_from.unlink(missing_ok=True)
        context = [argument for setting in self._settings for argument in ("--context", setting)]
        await self._cdk("synth", "--quiet", "--no-validation", "--output", str(self.assembly), *context)
        made_from.write_text(found)

    async def bootstrap(self) -> None:
        """Create what the CDK needs once per account. Raises DeployFailed."""
        environment = f"aws://{_ACCOUNT}/{self._emulator.session().region_name}"
        # In a directory without cdk.json the command does not run app.py, and need not wait for the template.
        await self._cdk("bootstrap", environment, directory=self._directory)

    async def deploy(self) -> Outputs:
        """Deploy what `synthesize` wrote and return the outputs of the stack. Raises DeployFailed."""
        outputs = self._directory / "stack-outputs.json"
        outputs.unlink(missing_ok=True)
        # Without a change set, which is for review before a deployment and slower to create.
        how = ("--method", "direct", "--require-approval", "never")
        await self._cdk("deploy", *how, "--app", str(self.assembly), "--outputs-file", str(outputs))
        (stack_outputs,) = json.loads(outputs.read_text()).values()
        return Outputs.from_json(stack_outputs)

    async def _cdk(self, *arguments: str, directory: Path = PROJECT) -> None:
        with self._log.open("ab") as log:
            start = log.tell()
            command = (cdk_program(), *arguments, *_QUIET)
            environment = self._emulator.environment | {"PATH": programs.search_path()}
            output = {"stdout": log, "stderr": asyncio.subprocess.STDOUT}
            async with programs.started(*command, cwd=directory, env=environment, **output) as process:
                try:
                    async with asyncio.timeout(_SECONDS_TO_FINISH):
                        code: int | None = await process.wait()
                except TimeoutError:
                    code = None
        if code != 0:
            printed = self._log.read_bytes()[start:].decode(errors="replace").strip().splitlines()
            raise DeployFailed(_why(arguments[0], code, printed, self._directory))


def _why(command: str, code: int | None, printed: list[str], directory: Path) -> str:
    if any("ENOSPC" in line or "No space left on device" in line for line in printed):
        return f"`cdk {command}` failed: the disk of {directory} is full. Free some space and try again."
    if code is None:
        problem = f"did not finish within {_SECONDS_TO_FINISH // 60} minutes and was stopped"
    elif code < 0:
        problem = f"was stopped by {signal.Signals(-code).name}"
    else:
        problem = f"failed with exit code {code}"
    lines = ["Its last output:", *printed[-15:]] if printed else ["It printed nothing."]
    return "\n".join([f"`cdk {command}` {problem}.", *lines])


def cdk_program() -> str:
    """Return the path of the pinned CDK command. Raises MissingTool if `make setup` did not run."""
    for name in ("node", "cdk"):
        if not shutil.which(name, path=programs.search_path()):
            raise MissingTool(f"{name} is not installed in this folder. Run `make setup`.")
    return str(shutil.which("cdk", path=programs.search_path()))


def _architecture() -> str:
    return "arm64" if platform.machine().lower() in ("arm64", "aarch64") else "x86_64"
