"""The folder in which `make up` with `--keep` keeps the files and users of a stack for its next start."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

FOLDER_VARIABLE = "PRIVATE_FILES_KEPT"  # names the folder
FILES, USERS = "files", "users.json"  # in it
_FORMAT = 1  # of what we write there


@dataclass
class KeptFolder:
    """The folder, which only its owner can read, and the buckets whose files are kept in it."""

    path: Path
    buckets: list[str]

    def why_not(self, bucket: str) -> str:
        """Return a sentence if what is kept is not of the stack with this bucket, or the empty text."""
        if not self.buckets or bucket in self.buckets:
            return ""
        return (
            f"The files and users of earlier runs belong to another stack, with the bucket {self.buckets[-1]}. "
            f"They stay in {self.path}, and this run starts without them."
        )

    def add(self, bucket: str) -> None:
        """Keep the files of this bucket from now on."""
        if bucket not in self.buckets:
            self.buckets.append(bucket)
            self._write()

    def _write(self) -> None:
        made_by = {"ministack": version("ministack"), "format": _FORMAT, "buckets": self.buckets}
        _made_by(self.path).write_text(json.dumps(made_by) + "\n")


def open_folder(directory: Path) -> tuple[KeptFolder, str]:
    """Return the folder in this directory, and a sentence if it is a new one because the one before does not fit.

    What another release of ministack or of this program wrote is moved aside.
    """
    path, sentence = directory / "kept", ""
    made_by = _read(_made_by(path))
    if path.exists() and (made_by.get("ministack"), made_by.get("format")) != (version("ministack"), _FORMAT):
        aside = next(name for number in range(1, 10**6) if not (name := directory / f"kept-before-{number}").exists())
        path.rename(aside)
        sentence = (
            f"The files and users of earlier runs were kept by ministack {made_by.get('ministack', '(unknown)')}, and "
            f"ministack {version('ministack')} cannot read them. They are in {aside} now, and this run starts without."
        )
        made_by = {}
    path.mkdir(mode=0o700, exist_ok=True)
    path.chmod(0o700)
    kept = KeptFolder(path, made_by.get("buckets", []))
    kept._write()
    for folder in (path / FILES).glob("[0-9]*/*"):  # by account
        if folder.name not in kept.buckets:  # deployed again, such as the code of the functions
            shutil.rmtree(folder)
    return kept, sentence


def _made_by(path: Path) -> Path:
    return path / "made-by.json"


def _read(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
