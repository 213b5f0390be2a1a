"""The bill of materials and the licences of what is deployed."""

import re
from importlib.metadata import Distribution

import pytest

from infra.bundle import bundle
from supply_chain import sbom
from supply_chain.sbom import Component
from tests import PROJECT


@pytest.fixture(scope="module")
def components() -> list[Component]:
    return [*sbom.deployed()]


def licensed(expression: str) -> Component:
    return {"name": "left-pad", "version": "1.0.0", "licenses": [{"expression": expression}]}


@pytest.mark.slow
def test_bill_of_materials_is_valid_cyclonedx(components: list[Component]) -> None:
    from cyclonedx.schema import SchemaVersion  # noqa: PLC0415 - slow to import
    from cyclonedx.validation.json import JsonStrictValidator  # noqa: PLC0415

    problem = JsonStrictValidator(SchemaVersion.V1_6).validate_str(sbom.bill_of_materials(components))
    assert problem is None, problem


@pytest.mark.slow
def test_bill_of_materials_has_nothing_of_this_machine_or_moment(components: list[Component]) -> None:
    document = sbom.bill_of_materials(components)
    assert document == sbom.bill_of_materials([*sbom.deployed()])
    assert str(PROJECT) not in document
    assert "timestamp" not in document
    assert "serialNumber" not in document


@pytest.mark.slow
def test_every_package_of_the_functions_is_listed_with_its_version(components: list[Component]) -> None:
    pinned = {
        match.groups()
        for lock in ("functions", "cryptography")
        for match in re.finditer(r"^(\S+)==(\S+)", (PROJECT / "locks" / f"{lock}.txt").read_text(), re.MULTILINE)
    }
    functions = [component for component in components if component["properties"][0]["value"] == sbom.FUNCTIONS]
    assert {(component["name"], component["version"]) for component in functions} == pinned


@pytest.mark.slow
def test_every_package_that_the_page_imports_is_listed(components: list[Component]) -> None:
    source = "".join(file.read_text() for file in (PROJECT / "frontend" / "src").rglob("*.ts*"))
    imported = {
        re.match(r"(@[^/]+/)?[^/]+", module)[0]  # type: ignore[index]
        for module in re.findall(r"""^import (?!type)[^"]*"([^."][^"]*)";""", source, re.MULTILINE)
    }
    assert {"react", "aws-amplify"} <= imported
    # `frontend/vite.config.mts` resolves React's names to Preact.
    bundled = imported - {"react", "react-dom"} | {"preact"}
    assert bundled <= {component["name"] for component in components}
    assert not {"react", "react-dom"} & {component["name"] for component in components}


@pytest.mark.slow
def test_openssl_is_listed_as_a_part_of_cryptography(components: list[Component]) -> None:
    [cryptography] = [component for component in components if component["name"] == "cryptography"]
    assert any(part["purl"].startswith("pkg:generic/openssl@") for part in cryptography["components"])
    [folder] = bundle("arm64", cryptography=True).glob("cryptography-*.dist-info")
    assert cryptography["version"] == Distribution.at(folder).version


@pytest.mark.slow
def test_page_of_licences_is_what_make_sbom_writes(components: list[Component]) -> None:
    assert sbom.LICENCES_PAGE.read_text() == sbom.licences_page(components), "run `make sbom` and commit the page"


@pytest.mark.slow
def test_every_licence_is_allowed(components: list[Component]) -> None:
    sbom.check_licences(components)


@pytest.mark.parametrize("expression", ["MIT", "GPL-3.0-only OR MIT", "(MIT OR Apache-2.0) AND Unicode-3.0"])
def test_licence_that_leaves_an_allowed_choice_passes(expression: str) -> None:
    sbom.check_licences([licensed(expression)])


@pytest.mark.parametrize(
    "expression",
    [
        "GPL-3.0-only",
        "MIT AND GPL-3.0-only",
        "AGPL-3.0-only OR SSPL-1.0",
        "NOASSERTION",
        "UNLICENSED",
        "MIT (",
        "",
        "mit?",
    ],
)
def test_any_other_licence_is_refused_with_the_package_and_what_to_do(expression: str) -> None:
    with pytest.raises(sbom.LicenceNotAllowed, match=r"left-pad 1\.0\.0 is deployed .* supply_chain/licences\.toml"):
        sbom.check_licences([licensed("MIT"), licensed("MIT") | {"components": [licensed(expression)]}])
