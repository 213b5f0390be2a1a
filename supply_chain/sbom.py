"""List what is deployed, as a bill of materials and as a page of licences: `make sbom`.

The bill of materials is CycloneDX 1.6 JSON. It contains nothing that differs between two machines or two runs: no time,
no serial number and no path.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Any

from license_expression import ExpressionError, get_spdx_licensing

from infra.bundle import PROJECT, bundle

BILL_OF_MATERIALS = PROJECT / ".local" / "sbom" / "private-files.cdx.json"
LICENCES_PAGE = PROJECT / "docs" / "licences.md"
LICENCES = tomllib.loads(Path(__file__).with_name("licences.toml").read_text())
_SPDX = get_spdx_licensing()

FUNCTIONS, PAGE, CDK = "the functions", "the page", "the CDK's own functions"
# What empties a deleted bucket and uploads the page; the AWS CLI is a layer of the latter.
_CDK_PACKAGES = ("aws-cdk-lib", "aws-cdk-asset-awscli-v1")

_LICENCE_FIELDS = ("License-Expression", "License")

Component = dict[str, Any]


class LicenceNotAllowed(Exception):
    """A deployed package has a licence that nobody has read yet; the message names both."""


def main() -> int:
    """Write both files and return the exit code."""
    components = [*deployed()]
    try:
        check_licences(components)
    except LicenceNotAllowed as error:
        print(error, file=sys.stderr)
        return 1
    BILL_OF_MATERIALS.parent.mkdir(parents=True, exist_ok=True)
    BILL_OF_MATERIALS.write_text(bill_of_materials(components))
    LICENCES_PAGE.write_text(licences_page(components))
    print(f"{len([*_flat(components)])} components: {BILL_OF_MATERIALS.relative_to(PROJECT)}")
    return 0


def deployed() -> Iterator[Component]:
    """Return a CycloneDX component for each package that is deployed, with what is compiled into it."""
    for folder in sorted(bundle("arm64", cryptography=True).glob("*.dist-info")):
        component = _python_component(Distribution.at(folder), FUNCTIONS)
        parts = [
            part for file in sorted(folder.glob("sboms/*.json")) for part in _compiled_in(json.loads(file.read_text()))
        ]
        yield component | ({"components": parts} if parts else {})
    for name in _CDK_PACKAGES:
        yield _python_component(distribution(name), CDK)
    script = Path(__file__).with_name("page_packages.mjs")
    listed = subprocess.run(["node", str(script)], stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603, S607 - our own arguments
    for package in sorted(json.loads(listed.stdout), key=lambda found: (found["name"], found["version"])):
        purl = f"pkg:npm/{package['name'].replace('@', '%40')}@{package['version']}"
        yield _component(package["name"], package["version"], purl, package["license"], PAGE)


def check_licences(components: Iterable[Component]) -> None:
    """Raises LicenceNotAllowed if a component has a licence that licences.toml does not allow."""
    for component in _flat(components):
        stated = _licence(component)
        try:
            allowed = _allowed(_SPDX.parse(stated))
        except ExpressionError:
            allowed = False
        if not allowed:
            raise LicenceNotAllowed(
                f"{component['name']} {component['version']} is deployed and its licence is "
                f"{textwrap.shorten(stated, 80)}. Read it, then allow it in supply_chain/licences.toml "
                "or replace the package."
            )


def bill_of_materials(components: list[Component]) -> str:
    """Return a CycloneDX document. Its order is the order of the components."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    root = {"type": "application", "bom-ref": project["name"], "name": project["name"], "version": project["version"]}
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": root | {"licenses": [{"license": {"id": project["license"]}}]}},
        "components": components,
        "dependencies": [{"ref": root["name"], "dependsOn": [component["bom-ref"] for component in components]}],
    }
    return json.dumps(document, indent=2) + "\n"


def licences_page(components: list[Component]) -> str:
    """Return docs/licences.md."""
    lines = [
        "# Licences of what is deployed",
        "",
        "See which packages of others a deployment contains, and under which licence. `make sbom` writes this page and",
        "the same list as CycloneDX, `.local/sbom/private-files.cdx.json`. It fails if a licence is not allowed in",
        "[`licences.toml`](../supply_chain/licences.toml). boto3 is not listed: it comes with Lambda.",
        "",
        "| package | version | licence | part of |",
        "| --- | --- | --- | --- |",
    ]
    for component in components:
        [where] = [entry["value"] for entry in component["properties"]]
        lines.append(_row(component, where))
        lines += [_row(part, component["name"]) for part in component.get("components", [])]
    return "\n".join(lines) + "\n"


def _row(component: Component, where: str) -> str:
    return f"| {component['name']} | {component['version']} | {_licence(component)} | {where} |"


def _python_component(package: Distribution, where: str) -> Component:
    # https://packaging.python.org/en/latest/specifications/name-normalization/
    name = re.sub(r"[-_.]+", "-", package.name).lower()
    stated = next((package.metadata[field] for field in _LICENCE_FIELDS if field in package.metadata), None)
    return _component(name, package.version, f"pkg:pypi/{name}@{package.version}", stated, where)


def _compiled_in(document: Mapping[str, Any]) -> Iterator[Component]:
    # A wheel lists what was compiled into it: https://peps.python.org/pep-0770/
    for part in document["components"]:
        if part.get("scope") != "excluded":  # needed to build only
            expression = part["licenses"][0]["expression"] if "licenses" in part else None
            yield _component(part["name"], part["version"], part["purl"], expression)


def _component(name: str, version: str, purl: str, stated: str | None, where: str = "") -> Component:
    component = {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "licenses": [{"expression": stated or LICENCES["stated"].get(name, "NOASSERTION")}],
        "purl": purl,
    }
    return component | ({"properties": [{"name": "private-files:part-of", "value": where}]} if where else {})


def _licence(component: Component) -> str:
    return str(component["licenses"][0]["expression"])


def _flat(components: Iterable[Component]) -> Iterator[Component]:
    for component in components:
        yield component
        yield from component.get("components", [])


def _allowed(licence: Any) -> bool:
    """Return whether one licence of each OR, and all of each AND, may be deployed."""
    if isinstance(licence, _SPDX.OR):
        return any(_allowed(choice) for choice in licence.args)
    if isinstance(licence, _SPDX.AND):
        return all(_allowed(part) for part in licence.args)
    return str(licence) in LICENCES["allowed"]


if __name__ == "__main__":
    sys.exit(main())
