"""The sources that `make up` watches: their content, what has changed in it, and what a change needs to take effect."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from enum import Enum
from fnmatch import fnmatchcase
from pathlib import Path


class Effect(Enum):
    """What a change needs to take effect. Each has the patterns of its files; the first that fits counts."""

    FUNCTIONS = ("resolvers/*.py",)
    SCHEMA = ("schema.graphql", "uploads.graphql")
    GRAPHIQL = ("frontend/graphiql/*", "examples.graphql")
    PAGE = ("frontend/src/*", "frontend/public/*", "frontend/index.html", "frontend/vite.config.mts")
    NEW_START = (
        *("app.py", "cdk.json", "environments/*", "infra/*", "local/*", "locks/*", "package-lock.json"),
        *("private_files/*", "frontend/content-security-policy.txt"),
    )


FOLDERS = ("resolvers", "infra", "local", "private_files", "environments", "locks", "frontend")
# What editors, Python and git leave beside a source has none of these, or a name that starts with a dot.
_SUFFIXES = {
    ".css", ".graphql", ".html", ".in", ".json", ".mjs", ".mts", ".png", ".py", ".sh", ".svg", ".ts", ".tsx", ".txt",
}  # fmt: skip
_BUILT = {"dist", "dist-graphiql", "node_modules", "__pycache__"}


def content(project: Path) -> dict[str, str]:
    """Return the path and a digest of every watched file."""
    found = {}
    for file in _files(project):
        name = file.relative_to(project).as_posix()
        if effect_of(name) and file.is_file():
            with contextlib.suppress(FileNotFoundError):  # just deleted, as a file that an editor replaces
                found[name] = hashlib.sha256(file.read_bytes()).hexdigest()
    return found


def effect_of(name: str) -> Effect | None:
    """Return what a change of this file needs to take effect, or None if it is not a source."""
    path = Path(name)
    if path.suffix not in _SUFFIXES or any(part.startswith(".") or part in _BUILT for part in path.parts):
        return None
    return next((effect for effect in Effect if any(fnmatchcase(name, pattern) for pattern in effect.value)), None)


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> dict[Effect, list[str]]:
    """Return the files that are new, different or gone, by what they need to take effect."""
    found: dict[Effect, list[str]] = {}
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name) and (effect := effect_of(name)):
            found.setdefault(effect, []).append(name)
    return {effect: found[effect] for effect in Effect if effect in found}


def _files(project: Path) -> Iterator[Path]:
    yield from project.glob("*")
    for folder in FOLDERS:
        yield from (project / folder).rglob("*")
