"""What `make up` with `--keep` finds at its next start, and what it moves aside."""

import json
import re
from importlib.metadata import version
from pathlib import Path

import pytest

from local.embedded_aws.kept_folder import FILES, USERS, open_folder

BUCKET = "privatefiles-filesbucket"


def kept_by(release: str, directory: Path, **more: object) -> Path:
    """Return a folder that another run has kept."""
    made_by = {"ministack": release, "format": 1, "buckets": [BUCKET]} | more
    for name, content in (("made-by.json", json.dumps(made_by)), (USERS, "{}"), (f"{FILES}/1/{BUCKET}/files/a", "1")):
        (file := directory / "kept" / name).parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return directory / "kept"


def test_first_start_has_an_empty_folder_for_its_owner_only(tmp_path: Path) -> None:
    kept, sentence = open_folder(tmp_path)
    assert (kept.buckets, sentence) == ([], "")
    assert kept.path.stat().st_mode & 0o777 == 0o700


def test_next_start_finds_what_was_kept_and_nothing_that_is_deployed_again(tmp_path: Path) -> None:
    kept, _ = open_folder(tmp_path)
    kept.add(BUCKET)
    for folder in (f"1/{BUCKET}", "1/cdk-assets", f".versions/1/{BUCKET}"):
        (kept.path / FILES / folder).mkdir(parents=True)
    again, sentence = open_folder(tmp_path)
    assert (again.buckets, sentence) == ([BUCKET], "")
    found = {path.relative_to(kept.path / FILES).as_posix() for path in (kept.path / FILES).rglob("*")}
    assert found == {"1", f"1/{BUCKET}", ".versions", ".versions/1", f".versions/1/{BUCKET}"}


@pytest.mark.parametrize(
    ("release", "more"),
    [("1.0.0", {}), (version("ministack"), {"format": 0}), (version("ministack"), {"format": None})],
)
def test_what_another_release_kept_is_moved_aside_and_named(release: str, more: dict[str, int], tmp_path: Path) -> None:
    for number in (1, 2):
        kept_by(release, tmp_path, **more)
        kept, sentence = open_folder(tmp_path)
        aside = tmp_path / f"kept-before-{number}"
        assert kept.buckets == []
        assert (aside / FILES / "1" / BUCKET / "files" / "a").read_text() == "1"
        assert re.search(
            f"kept by ministack {re.escape(release)}, .* They are in {re.escape(str(aside))} now", sentence
        )


def test_folder_that_does_not_say_who_made_it_is_moved_aside(tmp_path: Path) -> None:
    (kept_by("1.0.0", tmp_path) / "made-by.json").write_text("[")
    assert "kept by ministack (unknown)" in open_folder(tmp_path)[1]
    assert (tmp_path / "kept-before-1" / USERS).exists()


def test_files_of_another_stack_stay_and_are_named(tmp_path: Path) -> None:
    kept_by(version("ministack"), tmp_path)
    kept, _ = open_folder(tmp_path)
    assert kept.why_not(BUCKET) == ""
    assert f"belong to another stack, with the bucket {BUCKET}. They stay in {kept.path}," in kept.why_not("other")
    kept.add("other")
    assert open_folder(tmp_path)[0].buckets == [BUCKET, "other"]
