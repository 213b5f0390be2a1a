"""What a function carries: all that it imports on Lambda, and not much more."""

import contextlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra import bundle
from tests import PROJECT

# https://github.com/python/cpython/blob/3.13/Include/internal/pycore_magic_number.h
MAGIC_OF_3_13 = (3571).to_bytes(2, "little") + b"\r\n"
UNCHECKED_HASH = 1  # https://peps.python.org/pep-0552/


@pytest.fixture(scope="module", params=[True, False], ids=["with cryptography", "without"])
def made(request: pytest.FixtureRequest) -> Path:
    return bundle.bundle("x86_64", cryptography=request.param)


def test_every_module_comes_with_bytecode_of_lambdas_python(made: Path) -> None:
    modules = [*(made / "resolvers").glob("*.py"), *(made / "aws_lambda_powertools").rglob("*.py")]
    assert len(modules) > 300
    for module in modules:
        compiled = module.parent / "__pycache__" / f"{module.stem}.cpython-313.pyc"
        head = compiled.read_bytes()[:16]
        assert head[:4] == MAGIC_OF_3_13
        assert head[4] == UNCHECKED_HASH


def test_bundle_holds_nothing_that_differs_between_folders(made: Path) -> None:
    names = {path.name for path in made.rglob("*")}
    assert not names & {"bin", "RECORD", "INSTALLER", "REQUESTED", "direct_url.json", ".lock"}
    assert "METADATA" in names
    assert "LICENSE" in names
    files = [path for path in made.rglob("*") if path.is_file()]
    assert [path for path in files if bytes(PROJECT) in path.read_bytes()] == []


def test_archive_has_every_file_of_the_bundle(made: Path) -> None:
    with zipfile.ZipFile(bundle.archive("x86_64", cryptography=(made / "cryptography").exists())) as archive:
        archived = {name: archive.read(name) for name in archive.namelist()}
    files = [path for path in made.rglob("*") if path.is_file()]
    assert archived == {path.relative_to(made).as_posix(): path.read_bytes() for path in files}


@pytest.mark.slow
def test_two_machines_make_the_same_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Otherwise a laptop and a pipeline take turns in deploying every function again.
    def build(checkout: Path) -> Path:
        for folder in ("locks", "resolvers"):
            shutil.copytree(PROJECT / folder, checkout / folder)
        monkeypatch.setattr(bundle, "PROJECT", checkout)
        return bundle.archive("arm64", cryptography=False)

    one = build(tmp_path / "one")
    with another_machine(monkeypatch):
        another = build(tmp_path / "another (folder)")
    assert one.name == another.name
    with zipfile.ZipFile(one) as ours, zipfile.ZipFile(another) as theirs:
        assert ours.namelist() == theirs.namelist()
        assert [name for name in ours.namelist() if ours.read(name) != theirs.read(name)] == []
        assert {entry.external_attr >> 16 for entry in theirs.infolist()} == {0o644}
    assert one.read_bytes() == another.read_bytes()


@pytest.mark.slow
def test_two_machines_build_the_same_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def build(checkout: Path) -> dict[Path, bytes]:
        shutil.copytree(PROJECT / "frontend", checkout / "frontend", ignore=shutil.ignore_patterns("dist*"))
        shutil.copy(PROJECT / "examples.graphql", checkout)
        (checkout / "node_modules").symlink_to(PROJECT / "node_modules")
        subprocess.run(["vite", "build", "frontend", "--logLevel", "error"], cwd=checkout, check=True)
        files = [path for path in (checkout / "frontend" / "dist").rglob("*") if path.is_file()]
        return {path.relative_to(checkout): path.read_bytes() for path in files}

    one = build(tmp_path / "one")
    with another_machine(monkeypatch):
        assert build(tmp_path / "another (folder)") == one
    assert len(one) > 10


@pytest.mark.slow
def test_modules_are_compiled_in_a_folder_with_spaces_parentheses_and_quotes(tmp_path: Path) -> None:
    checkout = tmp_path / "a (b) 'c'"
    shutil.copytree(PROJECT / "node_modules" / "pyodide", checkout / "node_modules" / "pyodide")
    compiler = shutil.copy(PROJECT / "infra" / "compile_bytecode.mjs", checkout)
    (modules := checkout / "modules").mkdir()
    (modules / "module.py").write_text("")
    subprocess.run(["node", str(compiler), str(modules), bundle.PYTHON_VERSION], check=True)
    assert (modules / "__pycache__" / "module.cpython-313.pyc").exists()


def test_only_the_functions_that_need_cryptography_carry_it() -> None:
    heavy, light = (bundle.bundle("x86_64", cryptography=needed) for needed in (True, False))
    assert (heavy / "cryptography").exists()
    assert not [path for path in light.iterdir() if "crypto" in path.name or "cffi" in path.name]
    assert size(light) < 9_000_000 < size(heavy)


@pytest.mark.parametrize("handler", ["files_handler", "rotation_handler"])
def test_function_without_cryptography_never_imports_it(handler: str) -> None:
    script = f"import sys, resolvers.{handler}; print(*(name for name in sys.modules if 'crypto' in name.lower()))"
    environment = os.environ | {
        "POWERTOOLS_SERVICE_NAME": "a-service",
        "POWERTOOLS_METRICS_NAMESPACE": "a-namespace",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert [name for name in done.stdout.split() if name.startswith("cryptography")] == []


def test_bundle_whose_wheels_cannot_be_installed_says_why_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "locks").mkdir()
    (tmp_path / "resolvers").mkdir()
    (tmp_path / "locks" / "functions.txt").write_text("aws-lambda-powertools==3.37.0 --hash=sha256:" + "0" * 64)
    monkeypatch.setattr(bundle, "PROJECT", tmp_path)
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    with pytest.raises(bundle.BundleFailed, match="could not be installed for x86_64-manylinux2014"):
        bundle.bundle("x86_64", cryptography=False)
    assert list((tmp_path / ".bundle").iterdir()) == []


@contextlib.contextmanager
def another_machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever may differ between two machines: the time zone, the language, the order of sets, the umask."""
    with monkeypatch.context() as elsewhere:
        for name, value in {"TZ": "Asia/Tokyo", "LC_ALL": "C", "LANG": "de_DE", "PYTHONHASHSEED": "77"}.items():
            elsewhere.setenv(name, value)
        before = os.umask(0o077)
        try:
            yield
        finally:
            os.umask(before)


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
