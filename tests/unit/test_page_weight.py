"""How much script a browser loads before a signed-in user sees a folder."""

import gzip
import re

from tests import PROJECT

DIST = PROJECT / "frontend" / "dist"
MOST = 57_448  # bytes, as gzip sends them, as before there were films: 1.1 s at 50 kB/s


def with_imports(name: str, found: set[str]) -> set[str]:
    """Return a script of the page and all that it imports at once."""
    if name not in found:
        found.add(name)
        text = (DIST / "assets" / name).read_text()
        for imported in re.findall(r'(?:from|import)\s*"\./([\w-]+\.js)"', text):
            with_imports(imported, found)
    return found


def first_scripts() -> set[str]:
    """Return the scripts that a browser loads before it shows a folder."""
    named = re.findall(r'"\./assets/([\w-]+\.js)"', (DIST / "index.html").read_text())
    [folder] = [file.name for file in (DIST / "assets").glob("FilesPage-*.js")]
    scripts: set[str] = set()
    for name in (*named, folder):
        with_imports(name, scripts)
    return scripts


def test_folder_needs_little_script() -> None:
    scripts = first_scripts()
    assert len(scripts) > 3
    sizes = {name: len(gzip.compress((DIST / "assets" / name).read_bytes())) for name in scripts}
    assert sum(sizes.values()) < MOST, sizes


def test_player_of_films_is_loaded_when_a_film_is_opened_and_not_before() -> None:
    with_player = {file.name for file in (DIST / "assets").glob("*.js") if "#EXTM3U" in file.read_text()}
    [player] = with_player
    assert not with_player & first_scripts()
    assert player not in (DIST / "index.html").read_text()
    assert (DIST / "assets" / player).stat().st_size > 500_000
