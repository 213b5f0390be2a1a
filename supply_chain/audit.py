"""Check every locked package against published vulnerabilities: `make audit`, and a part of `make check`.

Exits with 1 if a vulnerability is found or a tool fails. A source that cannot be reached does not fail: the last line
of the output, which `make check` repeats at its end, says that nothing was checked.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parent.parent
EXCEPTIONS = Path(__file__).with_name("exceptions.toml")
NOT_CHECKED = PROJECT / ".local" / "audit" / "not-checked.txt"
_SECONDS = 5


class Unreachable(Exception):
    """The source of advisories did not respond, or refused the request; the message is the reason."""


class AuditFailed(Exception):
    """The tool failed, or an exception is badly written; the message says what to do."""


@dataclass(frozen=True)
class Vulnerability:
    """A published vulnerability of one locked package, with all the names of its advisory (GHSA, CVE, PYSEC)."""

    package: str
    advisories: frozenset[str]
    title: str


@dataclass(frozen=True)
class Accepted:
    """An exception: this advisory does no harm here, for this reason, until this date."""

    advisory: str
    package: str
    reason: str
    expires: date

    def covers(self, found: Vulnerability, today: date) -> bool:
        return self.advisory in found.advisories and self.package == found.package and today <= self.expires


def main() -> int:
    """Check both sources and return the exit code."""
    NOT_CHECKED.parent.mkdir(parents=True, exist_ok=True)
    NOT_CHECKED.write_text("")
    try:
        accepted = read_exceptions(EXCEPTIONS)
        results = [_audit(source, audit, accepted) for source, audit in (("npm", audit_npm), ("Python", audit_python))]
    except AuditFailed as error:
        print(error, file=sys.stderr)
        return 1
    if any(result.harmful for result in results):
        print("Update the packages with `make lock`, or argue an exception in supply_chain/exceptions.toml.")
    not_checked = "".join(f"{result.not_checked}\n" for result in results if result.not_checked)
    NOT_CHECKED.write_text(not_checked)
    print(not_checked, end="")
    return int(any(result.harmful for result in results))


@dataclass(frozen=True)
class _Result:
    harmful: int = 0
    not_checked: str = ""


def _audit(source: str, audit: Callable[[], tuple[int, list[Vulnerability]]], accepted: list[Accepted]) -> _Result:
    """Check one source, print what was found and return it. Raises AuditFailed."""
    try:
        packages, found = audit()
    except Unreachable as reason:
        return _Result(not_checked=f"{source}'s advisories could not be reached ({reason}): nothing was checked.")
    today = datetime.now(UTC).date()
    harmful = [one for one in found if not any(exception.covers(one, today) for exception in accepted)]
    print(
        f"{source}: {packages} packages checked, {len(harmful)} vulnerabilities, {len(found) - len(harmful)} accepted."
    )
    for one in harmful:
        print(f"  {one.package}: {', '.join(sorted(one.advisories))}: {one.title}")
    return _Result(harmful=len(harmful))


def read_exceptions(file: Path) -> list[Accepted]:
    """Return the exceptions in this file. Raises AuditFailed if one has no reason or no date."""
    try:
        exceptions = [Accepted(**entry) for entry in tomllib.loads(file.read_text()).get("exception", [])]
    except (TypeError, tomllib.TOMLDecodeError) as error:
        raise AuditFailed(f"{file.name} is not valid: {error}") from None
    for exception in exceptions:
        if not exception.reason or type(exception.expires) is not date:
            raise AuditFailed(f"{file.name}: {exception.advisory} needs a reason and a date, such as 2027-01-31.")
    return exceptions


def audit_npm() -> tuple[int, list[Vulnerability]]:
    """Return how many packages of package-lock.json were checked, and what was found.

    Raises Unreachable and AuditFailed.
    """
    command = ["npm", "audit", "--json", "--package-lock-only", "--fetch-retries=0", f"--fetch-timeout={_SECONDS}000"]
    # A user's npmrc or NODE_ENV=production would leave packages out, and `offline` would find nothing.
    command += ["--offline=false", "--omit=", "--include=dev", "--include=optional", "--include=peer"]
    done = _run([*command, "--audit-level=info"])
    report = _parse(done)
    if "auditReportVersion" not in report:
        # https://github.com/npm/cli/blob/v11.17.0/lib/utils/audit-error.js
        if "audit endpoint returned an error" in done.stderr and report.get("statusCode") != 400:
            raise Unreachable(_reason(report.get("message", "")))
        raise AuditFailed(_failure(done))
    packages = report["metadata"]["dependencies"]["total"]
    if not packages:
        raise AuditFailed("npm audit checked no package. Run `make setup`, then try again.")
    vias = {
        (via["name"], via["url"].rpartition("/")[2], via["title"])
        for vulnerable in report["vulnerabilities"].values()
        for via in vulnerable["via"]
        if isinstance(via, dict)  # a string names the package that it depends on, which is listed too
    }
    return packages, [Vulnerability(name, frozenset({advisory}), title) for name, advisory, title in sorted(vias)]


def audit_python() -> tuple[int, list[Vulnerability]]:
    """Return how many packages of locks/*.txt were checked, and what was found.

    Raises Unreachable and AuditFailed.
    """
    locks = [
        argument for lock in sorted((PROJECT / "locks").glob("*.txt")) for argument in ("--requirement", str(lock))
    ]
    command = ["pip-audit", *locks, "--require-hashes", "--disable-pip", "--format=json", "--progress-spinner=off"]
    # OSV has what PyPI publishes, and more. PyPI's own API lets pip-audit pass if a mirror responds with 404.
    done = _run([*command, "--vulnerability-service=osv", f"--timeout={_SECONDS}"])
    if done.stdout.startswith("{"):
        dependencies = _parse(done)["dependencies"]
        if skipped := [f"{one['name']}: {one['skip_reason']}" for one in dependencies if "skip_reason" in one]:
            raise AuditFailed("pip-audit could not check these packages:\n" + "\n".join(skipped))
        if not dependencies:
            raise AuditFailed("pip-audit checked no package. Run `make lock`, then try again.")
        found = [
            Vulnerability(one["name"], frozenset({found["id"], *found["aliases"]}), _title(found["description"]))
            for one in dependencies
            for found in one["vulns"]
        ]
        return len({one["name"] for one in dependencies}), found
    # pip-audit has no exit code for this: https://github.com/pypa/pip-audit/blob/v2.10.1/pip_audit/_service/osv.py
    if refused := re.search(r"requests\.exceptions\.HTTPError: (?!400)(\d+ .*?) for url", done.stderr):
        raise Unreachable(refused[1])
    if re.search(
        r"^requests\.exceptions\.\w*(Connection|Timeout|SSL|Proxy)\w*:|Could not connect to OSV", done.stderr, re.M
    ):
        raise Unreachable(_reason(done.stderr))
    raise AuditFailed(_failure(done))


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=PROJECT)  # noqa: S603 - our own arguments
    except FileNotFoundError:
        raise AuditFailed(f"{command[0]} is not installed. Run `make setup`, then try again.") from None


def _parse(done: subprocess.CompletedProcess[str]) -> Any:
    try:
        return json.loads(done.stdout)
    except ValueError:
        raise AuditFailed(_failure(done)) from None


def _failure(done: subprocess.CompletedProcess[str]) -> str:
    return f"{done.args[0]} failed with exit code {done.returncode}:\n{done.stdout}{done.stderr}"


def _title(description: str) -> str:
    return textwrap.shorten(description, 120)


def _reason(message: str) -> str:
    """Return why a request failed, without its URL."""
    known = (
        r"\d{3} [A-Z][A-Za-z ]+[a-z]|ECONNREFUSED|ENOTFOUND|EAI_AGAIN|Connection refused|Failed to resolve|timed? ?out"
    )
    matched = re.search(known, message)
    return matched[0] if matched else "no connection"


if __name__ == "__main__":
    sys.exit(main())
