"""The stack that `private-files use` chose, for commands in any folder.

Only the path of its outputs file and its name are saved: an outputs file can hold an API key.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from private_files.failures import Unconfigured


@dataclass(frozen=True)
class Remembered:
    """The absolute path of an outputs file, and a stack in it, or the empty string if it has only one."""

    outputs: str
    stack: str = ""

    def __str__(self) -> str:
        return self.outputs + (f", stack {self.stack}" if self.stack else "")


def find() -> Remembered | None:
    """Return the stack that was chosen last, or None. Raises Unconfigured if the file of it cannot be used."""
    file = _file()
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return Remembered(str(found["outputs"]), str(found["stack"]))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unconfigured(f"{file} cannot be read: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError):
        raise Unconfigured(f"{file} is damaged: run private-files use FILE.") from None


def save(chosen: Remembered) -> None:
    """Remember the stack. Raises Unconfigured if the file cannot be written."""
    file = _file()
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        import tempfile  # noqa: PLC0415 - only `use` needs it

        with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False, encoding="utf-8") as unfinished:
            json.dump(asdict(chosen), unfinished)  # with mode 0600
        Path(unfinished.name).replace(file)
    except OSError as error:
        raise Unconfigured(f"The stack cannot be saved in {file.parent}: {error.strerror}.") from None


def _file() -> Path:
    from click import get_app_dir  # noqa: PLC0415

    return Path(get_app_dir("private-files")) / "stack.json"
