"""The code of the functions: what the CDK deployed, with the sources of now."""

from __future__ import annotations

import io
import json
import zipfile
from functools import cache
from pathlib import Path

from local.watch import NotApplied


def compiled(folder: Path) -> dict[str, bytes]:
    """Return the names and sources of the modules. Raises NotApplied if one cannot be compiled."""
    sources = {path.name: path.read_bytes() for path in sorted(folder.glob("*.py")) if path.is_file()}
    for name, source in sources.items():
        try:
            compile(source.decode(), name, "exec", dont_inherit=True)
        except SyntaxError as error:
            raise NotApplied(f"{folder.name}/{name}, line {error.lineno or 1}: {error.msg}") from error
        except ValueError as error:  # not UTF-8 or, in Python 3.11, a null byte
            raise NotApplied(f"{folder.name}/{name}: {error}") from error
    return sources


def assets(assembly: Path) -> dict[str, Path]:
    """Return the archive with the code of each function, by its handler."""
    return {
        resource["Properties"]["Handler"]: assembly / resource["Metadata"]["aws:asset:path"]
        for template in assembly.glob("*.template.json")
        for resource in json.loads(template.read_text())["Resources"].values()
        if resource["Type"] == "AWS::Lambda::Function"
        and resource["Properties"].get("Handler", "").startswith("resolvers.")
    }


def archive(asset: Path, sources: dict[str, bytes]) -> bytes:
    """Return the deployed code with these modules instead of those that it has."""
    content = io.BytesIO(_wheels(asset))
    with zipfile.ZipFile(content, "a", zipfile.ZIP_DEFLATED) as written:
        for name, source in sources.items():
            written.writestr(f"resolvers/{name}", source)
    return content.getvalue()


@cache  # compressing them takes most of a second
def _wheels(asset: Path) -> bytes:
    content = io.BytesIO()
    with (
        zipfile.ZipFile(asset) as deployed,
        zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as written,
    ):
        for name in deployed.namelist():
            if not name.startswith("resolvers/"):
                written.writestr(name, deployed.read(name))
    return content.getvalue()
