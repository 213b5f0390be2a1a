"""Whether the outputs file of the current folder may be used without --outputs."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from dataclasses import asdict
from pathlib import Path

from private_files.failures import Unconfigured
from private_files.outputs import Outputs, output_name
from private_files.this_machine import is_local_url


def refuse_foreign_file(file: Path) -> None:
    """Raise Unconfigured if another user can have written the file."""
    for path in (file.parent, file):
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode):
            reason = f"{path} is a symbolic link"
        elif found.st_uid != os.getuid():
            reason = f"{path} belongs to another user"
        elif found.st_mode & stat.S_IWOTH or (found.st_mode & stat.S_IWGRP and not _is_own_group(found.st_gid)):
            reason = f"other users can write to {path}"
        else:
            continue
        raise _not_used(file, reason)


def refuse_foreign_addresses(file: Path, outputs: Outputs) -> None:
    """Raise Unconfigured if an address in the file is not on this machine."""
    for name, value in asdict(outputs).items():
        if name.endswith("_url") and value and not is_local_url(value):
            raise _not_used(file, f"its {output_name(name)} is not on this machine")


def _not_used(file: Path, reason: str) -> Unconfigured:
    return Unconfigured(f"{file} is not used, because {reason}: to trust this file, add --outputs {file}.")


def _is_own_group(group: int) -> bool:
    # On many systems every user has a group of their own, and the umask lets it write.
    try:
        user, found = pwd.getpwuid(os.getuid()), grp.getgrgid(group)
    except KeyError:  # of a user or group without a name
        return False
    return user.pw_gid == group and found.gr_name == user.pw_name and set(found.gr_mem) <= {user.pw_name}
