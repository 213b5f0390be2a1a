"""The set-up script, before it installs anything, and the locks that it installs from."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import PROJECT


def set_up(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the script in a copy of the project; the Python that it is to use always fails."""
    (folder / "locks").mkdir(parents=True)
    shutil.copy(PROJECT / "locks" / "install.sh", folder / "locks")
    script = [shutil.which("sh") or "sh", str(folder / "locks" / "install.sh")]
    return subprocess.run(script, env={"PYTHON": "false"}, capture_output=True, text=True, check=False, timeout=30)


@pytest.mark.parametrize("character", list('$`"\\:#?'))
def test_path_in_which_programs_cannot_work_is_refused(character: str, tmp_path: Path) -> None:
    refused = set_up(tmp_path / f"a {character} path")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith('The path of this folder has one of $ ` " \\ : # ? ')


def test_path_with_spaces_quotes_and_parentheses_is_accepted(tmp_path: Path) -> None:
    assert set_up(tmp_path / "a (b) 'c' ü & %41 ; e=f").stderr.startswith("Python 3.11 or newer is needed")


@pytest.mark.parametrize("lock", sorted((PROJECT / "locks").glob("*.txt")), ids=lambda lock: lock.name)
def test_every_python_package_is_pinned_with_hashes(lock: Path) -> None:
    entries = re.split(r"\n(?=[^\s#])", "\n" + re.sub(r"(?m)^#.*\n", "", lock.read_text()))
    packages = [entry for entry in entries if entry.strip()]
    assert packages
    assert [entry for entry in packages if not re.match(r"[A-Za-z0-9._-]+==[^\n]*\\\n +--hash=sha256:", entry)] == []


def test_every_npm_package_is_pinned_with_its_hash() -> None:
    packages = json.loads((PROJECT / "package-lock.json").read_text())["packages"]
    assert [name for name, package in packages.items() if name and not package.get("integrity")] == []
