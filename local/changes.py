"""The sources that `make up` watches: what has changed in them, and what a change needs to take effect."""

from __future__ import annotations

import contextlib
import hashlib
import os
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


_FOLDERS = ("resolvers", "infra", "local", "private_files", "environments", "locks", "frontend")
_BUILT = {"dist", "dist-graphiql", "__pycache__"}
# What editors, Python and git leave beside a source has none of these, or a name that starts with a dot.
_SUFFIXES = {
    ".css", ".graphql", ".html", ".in", ".json", ".mjs", ".mts", ".png", ".py", ".sh", ".svg", ".ts", ".tsx", ".txt",
}  # fmt: skip


def effect_of(name: str) -> Effect | None:
    """Return what a change of this file needs to take effect, or None if it is not a source."""
    path = Path(name)
    if path.suffix not in _SUFFIXES or path.name.startswith("."):
        return None
    return next((effect for effect in Effect if any(fnmatchcase(name, pattern) for pattern in effect.value)), None)


def stamps(project: Path) -> dict[str, tuple[int, int]]:
    """Return what differs after a file was written or replaced, by path. Cheap: a millisecond for all."""
    return {name: (status.st_ctime_ns, status.st_ino) for name, status in _files(project)}


def content(project: Path) -> dict[str, str]:
    """Return a digest of the content of every source, by path."""
    found = {}
    for name, _ in _files(project):
        if effect_of(name):
            with contextlib.suppress(OSError):  # just deleted, as a file that an editor replaces
                found[name] = hashlib.sha256((project / name).read_bytes()).hexdigest()
    return found


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> dict[Effect, list[str]]:
    """Return the sources that are new, different or gone, by what they need to take effect."""
    found: dict[Effect, list[str]] = {effect: [] for effect in Effect}
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name) and (effect := effect_of(name)):
            found[effect].append(name)
    return {effect: names for effect, names in found.items() if names}


def _files(project: Path) -> Iterator[tuple[str, os.stat_result]]:
    folders = [("", project)]
    while folders:
        prefix, folder = folders.pop()
        # A folder or a file may be deleted at any moment.
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir():
                    if entry.name in _FOLDERS if not prefix else entry.name not in _BUILT:
                        folders.append((f"{prefix}{entry.name}/", Path(entry.path)))
                elif entry.is_file():
                    yield f"{prefix}{entry.name}", entry.stat()
