"""The processes of a stack that this program started, by what they do, from Linux's /proc."""

from __future__ import annotations

import contextlib
import os
import re
import signal
from collections import defaultdict
from collections.abc import Container
from pathlib import Path
from random import Random

_WORKER = re.compile(r"ministack-lambda-(?:PrivateFiles-)?(?:Functions)?([A-Za-z]+?)Function")
SERVING = {"function Files", "function Url", "function Upload"}
_OF_WORKERS = "ministack-lambda-"


def memory(root: int) -> dict[str, list[int]]:
    """Return the resident bytes of the process and of each of its descendants, by what they are."""
    sizes: defaultdict[str, list[int]] = defaultdict(list)
    for pid, command in _tree(root).items():
        with contextlib.suppress(OSError):  # it has ended
            pages = int((Path("/proc") / str(pid) / "statm").read_text().split()[1])
            sizes[_name(command, is_root=pid == root)].append(pages * os.sysconf("SC_PAGE_SIZE"))
    return dict(sorted(sizes.items()))


def kill_a_function(root: int, random: Random) -> bool:
    """End one Lambda worker that serves callers at once, and return whether there was one.

    Nothing else of a stack is started again when it dies: if the emulator ends, so does `make up`, and a deployment
    whose function dies is rolled back.
    """
    serving = workers(root, SERVING)
    if not serving:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(random.choice(serving), signal.SIGKILL)
    return True


def workers(root: int, names: Container[str]) -> list[int]:
    """Return the process ids of the Lambda workers of the functions with these names, as `memory` has them."""
    return sorted(pid for pid, command in _tree(root).items() if _name(command, is_root=pid == root) in names)


def _name(command: str, *, is_root: bool) -> str:
    if is_root:
        return "launcher and edge"
    if "local.embedded_aws" in command:
        return "emulator"
    if _OF_WORKERS in command:
        found = _WORKER.search(command)
        return f"function {found[1] if found else 'other'}"
    return "CDK and others"


def _tree(root: int) -> dict[int, str]:
    """Return the command lines of the process and its descendants, by process id."""
    parents: dict[int, int] = {}
    commands: dict[int, str] = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            # The name of the program is in parentheses, and may contain any character.
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            commands[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    found = {root}
    while new := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= new
    return {pid: commands[pid] for pid in found if commands.get(pid)}  # not those that have ended
