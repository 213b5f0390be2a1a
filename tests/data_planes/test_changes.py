"""Which change of a source `make up` sees, and what the change needs to take effect."""

from collections.abc import Callable
from pathlib import Path

import pytest

from local import changes
from local.changes import Effect
from tests import PROJECT

SOURCES = ("resolvers/url_handler.py", "schema.graphql", "frontend/src/App.tsx", "infra/stack.py", "app.py")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in SOURCES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "effect"),
    [
        ("resolvers/url_handler.py", Effect.FUNCTIONS),
        ("schema.graphql", Effect.SCHEMA),
        ("uploads.graphql", Effect.SCHEMA),
        ("frontend/src/uploads/put.ts", Effect.PAGE),
        ("frontend/public/icon.svg", Effect.PAGE),
        ("frontend/index.html", Effect.PAGE),
        ("frontend/graphiql/main.tsx", Effect.GRAPHIQL),
        ("examples.graphql", Effect.GRAPHIQL),
        ("frontend/content-security-policy.txt", Effect.NEW_START),
        ("infra/stack.py", Effect.NEW_START),
        ("local/data_planes/appsync/app.py", Effect.NEW_START),
        ("cdk.json", Effect.NEW_START),
        ("README.md", None),
        ("tests/unit/test_access.py", None),
        ("resolvers/.url_handler.py", None),
        ("resolvers/.#url_handler.py", None),
        ("resolvers/url_handler.py~", None),
        ("resolvers/.url_handler.py.swp", None),
        ("resolvers/4913", None),
        ("resolvers/url_handler.py___jb_tmp___", None),
        ("resolvers/url_handler.pyc", None),
    ],
)
def test_change_has_the_effect_of_its_file(name: str, effect: Effect | None) -> None:
    assert changes.effect_of(name) == effect


def test_every_source_of_the_functions_the_page_and_the_template_is_seen() -> None:
    seen = changes.content(PROJECT)
    folders = ("resolvers", "infra", "local", "private_files")
    expected = {
        *(path.relative_to(PROJECT).as_posix() for name in folders for path in (PROJECT / name).rglob("*.py")),
        *(path.relative_to(PROJECT).as_posix() for path in (PROJECT / "frontend" / "src").rglob("*") if path.is_file()),
    }
    assert expected <= seen.keys()
    assert seen.keys() <= changes.stamps(PROJECT).keys()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda folder: (folder / "resolvers/url_handler.py").write_text("2"), ["resolvers/url_handler.py"]),
        (lambda folder: (folder / "resolvers/new.py").write_text(""), ["resolvers/new.py"]),
        (lambda folder: (folder / "resolvers/url_handler.py").unlink(), ["resolvers/url_handler.py"]),
        (
            lambda folder: (folder / "resolvers/url_handler.py").rename(folder / "resolvers/a.py"),
            ["resolvers/a.py", "resolvers/url_handler.py"],
        ),
        (lambda folder: (folder / "resolvers/url_handler.py").touch(), []),
        (lambda folder: (folder / "resolvers/url_handler.py").write_text("1"), []),
        (lambda folder: (folder / "resolvers/.url_handler.py.swp").write_text("2"), []),
    ],
    ids=["written", "new", "deleted", "renamed", "touched", "saved without a change", "a file of an editor"],
)
def test_only_content_counts(project: Path, change: Callable[[Path], object], expected: list[str]) -> None:
    before = changes.content(project)
    change(project)
    found = changes.changed(before, changes.content(project))
    assert found == ({Effect.FUNCTIONS: expected} if expected else {})


def test_file_that_replaces_another_of_the_same_time_and_size_is_seen(project: Path, tmp_path: Path) -> None:
    before = changes.stamps(project)
    replaced = project / "resolvers/url_handler.py"
    (other := tmp_path / "other").write_text("2")
    other.rename(replaced)
    assert changes.stamps(project) != before


def test_what_was_built_is_not_looked_at(project: Path) -> None:
    before = changes.stamps(project)
    for name in ("frontend/dist", "resolvers/__pycache__", ".venv/lib", "node_modules/vite", "tests"):
        (project / name).mkdir(parents=True)
        (project / name / "a.py").write_text("")
    assert changes.stamps(project) == before


def test_changes_take_effect_in_one_order() -> None:
    found = changes.changed({}, dict.fromkeys(reversed(SOURCES), "1"))
    assert list(found) == [Effect.FUNCTIONS, Effect.SCHEMA, Effect.PAGE, Effect.NEW_START]
