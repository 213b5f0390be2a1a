"""The package that `pip install .` builds."""

import subprocess
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

from tests import PROJECT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = ["uv", "build", "--wheel", "--offline", "--no-build-isolation", "--out-dir", str(folder), str(PROJECT)]
    built = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert built.returncode == 0, built.stderr
    [file] = Path(folder).glob("*.whl")
    return zipfile.ZipFile(file)


def test_wheel_has_one_top_level_package(wheel: zipfile.ZipFile) -> None:
    top = {name.partition("/")[0] for name in wheel.namelist()}
    assert {name for name in top if not name.endswith(".dist-info")} == {"private_files"}
    assert "private_files/py.typed" in wheel.namelist()


def test_wheel_needs_nothing_of_the_cdk(wheel: zipfile.ZipFile) -> None:
    [file] = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    needed = message_from_bytes(wheel.read(file)).get_all("Requires-Dist", [])
    base = {requirement for requirement in needed if "extra ==" not in requirement}
    assert base
    assert not [requirement for requirement in base if requirement.startswith(("aws-cdk", "constructs", "cdk-nag"))]
