"""How much script a browser loads before a signed-in user sees a folder."""

import gzip
import re

from tests import PROJECT

DIST = PROJECT / "frontend" / "dist"
MOST = 65_000  # bytes, as gzip sends them: 1.3 s at 50 kB/s


def with_imports(name: str, found: set[str]) -> set[str]:
    """Return a script of the page and all that it imports at once."""
    if name not in found:
        found.add(name)
        text = (DIST / "assets" / name).read_text()
        for imported in re.findall(r'(?:from|import)\s*"\./([\w-]+\.js)"', text):
            with_imports(imported, found)
    return found


def test_folder_needs_little_script() -> None:
    named = re.findall(r'"\./assets/([\w-]+\.js)"', (DIST / "index.html").read_text())
    [folder] = [file.name for file in (DIST / "assets").glob("FilesPage-*.js")]
    scripts: set[str] = set()
    for name in (*named, folder):
        with_imports(name, scripts)
    assert len(scripts) > 3
    sizes = {name: len(gzip.compress((DIST / "assets" / name).read_bytes())) for name in scripts}
    assert sum(sizes.values()) < MOST, sizes
