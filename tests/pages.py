"""The documentation as something to run: its blocks, and a page as one session in a terminal."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import PROJECT
from tests.running_stack import Stack

PAGES = [*sorted(PROJECT.glob("*.md")), *sorted((PROJECT / "docs").glob("*.md"))]
_BLOCK = re.compile(
    r"^(?:<!-- checked, not run: (?P<why>[^\n]+) -->\n)?^```(?P<language>[^\n]*)\n(?P<text>.*?)^```$", re.M | re.S
)
# The output that a block promises, after an arrow.
_PRINTED = re.compile(r"^(?:#|//) → (.+)$", re.M)
# In a block that is not run, these programs only record their arguments.
PROGRAMS = ("aws", "cdk", "curl", "ffmpeg", "make", "pip", "pre-commit", "private-files", "python")
_SEPARATOR = "\x1f"
# Pages for administrators: on AWS the reader has credentials, here they are those of the running stack.
_WITH_AWS_CREDENTIALS = {"access.md", "deploy.md", "monitor.md", "operate.md", "runbook.md", "upload.md"}


@dataclass(frozen=True)
class Block:
    """A fenced block: its place, language and text; `why` it is checked and not run, or None if it is run."""

    where: str
    language: str
    text: str
    why: str | None


def blocks(page: Path) -> list[Block]:
    """Return every block of the page, in order."""
    text = page.read_text()
    found = [
        Block(
            f"{name(page)}:{text.count(chr(10), 0, match.start('language')) + 1}",
            *match.group("language", "text", "why"),
        )
        for match in _BLOCK.finditer(text)
    ]
    assert len(found) * 2 == len(re.findall(r"^\s*```", text, re.M)), f"{name(page)} has a block that cannot be parsed"
    return found


def documented_rules() -> list[dict[str, Any]]:
    """Return the access rules of every example of docs/access.md."""
    found = [json.loads(block.text) for block in blocks(PROJECT / "docs" / "access.md") if block.language == "json"]
    return [rule for rules in found if isinstance(rules, list) for rule in rules]


def name(page: Path) -> str:
    return str(page.relative_to(PROJECT))


@dataclass(frozen=True)
class Session:
    """The result of running the blocks of a page one after another, as a reader does."""

    exit_code: int
    printed: str
    errors: str
    calls: list[list[str]]


def run(page: Path, stack: Stack, token: str, directory: Path) -> Session:
    """Run the page's blocks in the directory, with the stack's outputs in `.local/outputs.json` and `outputs.json`.

    `aws` is a stand-in for the AWS command line, and `private-files` is the one of this checkout. AWS credentials are
    only those that the page sets, except on the pages for administrators, which have those of the stack.
    """
    (directory / "bin").mkdir()
    for name, module in (("private-files", "private_files"), ("aws", "tests.aws_command")):
        program = directory / "bin" / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n')
        program.chmod(0o755)
    (directory / ".local").mkdir()
    (directory / ".local" / "outputs.json").write_text(json.dumps(stack.outputs.to_json()))
    (directory / "outputs.json").write_text(json.dumps({"PrivateFiles": stack.outputs.to_json()}))
    (directory / "node_modules").symlink_to(PROJECT / "node_modules")
    calls = directory / "calls"
    calls.touch()
    done = subprocess.run(
        ["bash", "-c", _script(page, calls)],
        cwd=directory,
        env=_environment(page, stack, token, directory),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return Session(
        done.returncode,
        done.stdout,
        done.stderr,
        [line.split(_SEPARATOR) for line in calls.read_text().splitlines()],
    )


def promised(page: Path) -> list[str]:
    """Return the output that the blocks of the page promise."""
    return [text for block in blocks(page) for text in _PRINTED.findall(block.text)]


def _script(page: Path, calls: Path) -> str:
    recorders = "".join(
        f"{program}() {{ local IFS=$'{_SEPARATOR}'; echo \"{program}{_SEPARATOR}$*\" >> '{calls}'; }}\n"
        for program in PROGRAMS
    )
    lines = ["set -eu -o pipefail"]
    for block in blocks(page):
        lines.append(f"echo 'At {block.where}' >&2")
        match block.language:
            case "sh" if block.why:
                lines += ["set +u", recorders, block.text, f"unset -f {' '.join(PROGRAMS)}", "set -u"]
            case "sh":
                lines.append(block.text)
            case "python":
                lines.append(f"python - <<'END-OF-BLOCK'\n{block.text}END-OF-BLOCK")
            case "js":
                lines.append(f"node --input-type=module - <<'END-OF-BLOCK'\n{block.text}END-OF-BLOCK")
    return "\n".join(lines)


def _environment(page: Path, stack: Stack, token: str, directory: Path) -> dict[str, str]:
    foreign = ("AWS_", "PRIVATE_FILES_", "MAKE")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
    here = {
        "PATH": os.pathsep.join([str(directory / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": str(PROJECT),
        "HOME": str(directory),
        "XDG_CACHE_HOME": str(directory / "cache"),
        "XDG_CONFIG_HOME": str(directory / "config"),
        "LC_ALL": "C.UTF-8",
    }
    # docs/call-the-api.md says how to set these, and the other pages use them.
    variables = {} if page.name == "call-the-api.md" else {**stack.outputs.to_json(), "TOKEN": token}
    account = {
        "AWS_ENDPOINT_URL": stack.outputs.aws_endpoint_url,
        "AWS_CA_BUNDLE": stack.outputs.aws_ca_bundle,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": stack.outputs.region,
    }
    return kept | here | variables | (account if page.name in _WITH_AWS_CREDENTIALS else {})
