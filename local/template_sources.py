"""What the template is made from, as one digest: the same digest, the same template."""

from __future__ import annotations

import datetime
import hashlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

# Read by `app.py`, the constructs and their assets. The locks stand for every installed package, the CDK included.
_SOURCES = (
    *("app.py", "cdk.json", "schema.graphql", "uploads.graphql", "package-lock.json"),
    *("environments", "infra", "locks", "private_files", "resolvers", "frontend/content-security-policy.txt"),
    "frontend/dist",
)


def digest(project: Path, settings: Sequence[str]) -> str:
    """Return a digest of the sources, the settings and what else the template depends on: Python, and the day."""
    # An API key expires some months after the day of the deployment.
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    found = hashlib.sha256(repr((sys.version_info, today, list(settings))).encode())
    for file in _files(project):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        found.update(f"{file.relative_to(project).as_posix()} {content}\n".encode())
    return found.hexdigest()


def _files(project: Path) -> Iterator[Path]:
    for name in _SOURCES:
        source = project / name
        files = sorted(source.rglob("*")) if source.is_dir() else [source]
        yield from (file for file in files if file.is_file() and "__pycache__" not in file.parts)
