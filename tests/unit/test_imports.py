"""Helpers that tests share are modules of their own: importing a test module would run its tests twice."""

import ast
from pathlib import Path

import pytest

from tests import PROJECT


def imported_test_modules(path: Path) -> set[str]:
    """Return the test modules that a file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in names if any(part.startswith("test_") for part in name.split("."))}


def test_no_test_module_is_imported() -> None:
    paths = sorted((PROJECT / "tests").rglob("*.py"))
    found = {str(path.relative_to(PROJECT)): modules for path in paths if (modules := imported_test_modules(path))}
    assert paths
    assert found == {}


@pytest.mark.parametrize("statement", ["from tests.stack.test_a import b", "from tests.stack import test_a"])
def test_import_inside_a_function_is_found(statement: str, tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(f"def example():\n    {statement}\n")
    assert imported_test_modules(path)
