"""Build the code bundle of the functions: their sources, wheels and bytecode. Needs no Docker."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path

from uv import find_uv_bin

PROJECT = Path(__file__).parent.parent
PYTHON_VERSION = "3.13"
_WHEELS_PLATFORM = {"arm64": "aarch64-manylinux2014", "x86_64": "x86_64-manylinux2014"}
_COMPILER = Path(__file__).with_name("compile_bytecode.mjs")


class BundleFailed(RuntimeError):
    """The wheels could not be installed or compiled; the message contains the output of uv or of the compiler."""


def bundle(architecture: str, *, cryptography: bool) -> Path:
    """Return a folder with `resolvers/`, its wheels for this architecture, and their bytecode, cached in `.bundle/`.

    It is built again only after a source or a lock has changed; uv downloads the wheels only the first time. The same
    sources and locks give the same bytes and the same name in every folder and on every machine: the archive's hash
    depends on them.

    Raises BundleFailed.
    """
    locks = [PROJECT / "locks" / "functions.txt", *([PROJECT / "locks" / "cryptography.txt"] if cryptography else [])]
    platform = _WHEELS_PLATFORM[architecture]
    sources = sorted((PROJECT / "resolvers").glob("*.py"))
    content = hashlib.sha256(f"{platform} {PYTHON_VERSION}".encode())
    for path in (Path(__file__), _COMPILER, *locks, *sources):
        content.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    target = PROJECT / ".bundle" / f"{architecture}-{content.hexdigest()[:16]}"
    if target.exists():
        return target
    target.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        # Renamed when complete, so that neither an interrupted synth nor two parallel ones leave half a bundle.
        unfinished = Path(scratch) / "bundle"
        _install_wheels(locks, platform, unfinished)
        _remove_traces_of_installation(unfinished)
        (unfinished / "resolvers").mkdir()
        for path in sources:
            shutil.copy(path, unfinished / "resolvers")
        _run(["node", str(_COMPILER), str(unfinished), PYTHON_VERSION], "compiled")
        try:
            unfinished.rename(target)
        except OSError:
            if not target.exists():  # a parallel synth may have built the same bundle
                raise
    return target


def archive(architecture: str, *, cryptography: bool) -> Path:
    """Return the archive of `bundle`, which is kept beside it. Raises BundleFailed.

    Given the folder, the CDK would copy and compress its thousand files for each assembly.
    """
    folder = bundle(architecture, cryptography=cryptography)
    target = folder.with_suffix(".zip")
    if not target.exists():
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            _compress(folder, unfinished := Path(scratch) / target.name)
            unfinished.rename(target)
    return target


def _install_wheels(locks: list[Path], platform: str, target: Path) -> None:
    command = [find_uv_bin(), "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
    command += [argument for lock in locks for argument in ("--requirements", str(lock))]
    command += ["--python-platform", platform, "--python-version", PYTHON_VERSION, "--only-binary", ":all:"]
    _run([*command, "--target", str(target)], f"installed for {platform}")


def _remove_traces_of_installation(target: Path) -> None:
    # Scripts start with the path of this machine's Python, RECORD contains their hashes, and no function runs them.
    shutil.rmtree(target / "bin", ignore_errors=True)
    for cached in list(target.rglob("__pycache__")):
        shutil.rmtree(cached)
    (target / ".lock").unlink(missing_ok=True)
    for name in ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json"):
        for trace in target.glob(f"*.dist-info/{name}"):
            trace.unlink()


def _compress(folder: Path, target: Path) -> None:
    with zipfile.ZipFile(target, "w") as archived:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                entry = zipfile.ZipInfo(path.relative_to(folder).as_posix())  # with a fixed date
                # Lambda's user must read every file, whatever the umask here:
                # https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-deployment.html
                entry.external_attr = 0o644 << 16
                archived.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)


def _run(command: list[str], what: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own arguments
    if done.returncode:
        raise BundleFailed(f"The functions' wheels could not be {what}:\n{done.stdout}{done.stderr}")
