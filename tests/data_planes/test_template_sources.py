"""When `make up` synthesizes the template again, and when it uses the one of the run before."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from local import deploy, template_sources
from local.embedded_aws.emulator import Emulator
from local.template_sources import digest
from tests import PROJECT


def project(folder: Path) -> Path:
    for name in ("infra/stack.py", "resolvers/url_handler.py", "frontend/dist/assets/a.js", "app.py", "cdk.json"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("1")
    return folder


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "infra" / "stack.py").write_text("2"),
        lambda folder: (folder / "frontend" / "dist" / "assets" / "a.js").write_text("2"),
        lambda folder: (folder / "resolvers" / "new.py").write_text(""),
        lambda folder: (folder / "app.py").unlink(),
        lambda folder: (folder / "infra" / "stack.py").rename(folder / "infra" / "other.py"),
        lambda folder: (folder / "schema.graphql").write_text("1"),
    ],
    ids=["a construct", "the page", "a new file", "a removed file", "a renamed file", "a file of the interface"],
)
def test_digest_changes_with_each_source(tmp_path: Path, change: Callable[[Path], object]) -> None:
    before = digest(project(tmp_path), ["auth=off"])
    change(tmp_path)
    assert digest(tmp_path, ["auth=off"]) != before


def test_digest_changes_with_the_settings_and_with_nothing_that_python_writes(tmp_path: Path) -> None:
    before = digest(project(tmp_path), ["auth=off"])
    (tmp_path / "infra" / "__pycache__").mkdir()
    (tmp_path / "infra" / "__pycache__" / "stack.pyc").write_text("")
    (tmp_path / "README.md").write_text("")
    assert digest(tmp_path, ["auth=off"]) == before
    assert digest(tmp_path, ["auth=on"]) != before


def test_every_folder_that_the_constructs_read_is_a_source() -> None:
    named = set(template_sources._SOURCES)
    assert {path for path in named if not (PROJECT / path).exists()} == set()
    read = {"app.py", "cdk.json", "infra", "resolvers", "schema.graphql", "uploads.graphql", "environments", "locks"}
    assert read | {"frontend/dist", "frontend/content-security-policy.txt", "private_files"} <= named


def test_template_is_synthesized_again_only_after_a_change_or_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources, runs = ["first"], [0]
    monkeypatch.setattr(template_sources, "digest", lambda *_: sources[0])
    deployment = deploy.Deployment(Emulator(tmp_path, 0), tmp_path, cdn_url="http://127.0.0.1:1", context=())

    async def cdk(*_: str) -> None:
        runs[0] += 1
        (tmp_path / "cdk.out").mkdir(exist_ok=True)
        if sources[0] == "broken":
            raise deploy.DeployFailed("")

    monkeypatch.setattr(deployment, "_cdk", cdk)

    def synthesize(source: str) -> int:
        sources[0] = source
        asyncio.run(deployment.synthesize())
        return runs[0]

    assert [synthesize(source) for source in ("first", "first", "second", "first")] == [1, 1, 2, 3]
    for expected in (4, 5):
        with pytest.raises(deploy.DeployFailed):
            synthesize("broken")
        assert runs[0] == expected
    assert synthesize("first") == 6
