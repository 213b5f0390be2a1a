"""`ls`, `url`, `get`, `put` and `rm` with patterns, folders, standard input and output, and --dry-run."""

import json
import sys
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from private_files import download, globs, prompts, stdout_download
from tests import in_process
from tests.download_edge import Edge, download_edge

Run = Callable[..., tuple[int, bytes, str]]
NAMES = [
    *("a.txt", "a", "a/b.txt", "a/c/d.txt", "report[1].pdf", "report1.pdf", "-rf", "--"),
    *("caf\u00e9", "cafe\u0301", "x y'$.txt"),
]
LARGE = bytes(range(256)) * 12_000


@pytest.fixture
def edge() -> Iterator[Edge]:
    with download_edge() as edge:
        edge.files = {name: (name.encode(), f'"{number}"') for number, name in enumerate(NAMES)}
        yield edge


@pytest.fixture
def run(edge: Edge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A command in an empty folder: exit code, standard output, standard error."""
    in_process.use_folder(monkeypatch, tmp_path)
    monkeypatch.setenv("PRIVATE_FILES_GRAPHQL_URL", f"{edge.url}/graphql")
    monkeypatch.setenv("PRIVATE_FILES_API_KEY", "da2-key")
    for module in (download, stdout_download):
        monkeypatch.setattr(module, "PAUSES", (0.0,) * 4)
    return lambda *arguments, stdin=b"": in_process.run(monkeypatch, *arguments, stdin=stdin)


def written(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_listing_has_folders_and_aligned_sizes_and_times(run: Run, edge: Edge) -> None:
    edge.files = {"big.bin": (b"x" * 12345, '"b"'), "a\x1b[2J/x": (b"", '"x"')}
    code, out, err = run("ls")
    assert (code, err) == (0, "")
    assert out.decode() == (
        "                                folder  a\\x1b[2J/\n2025-01-01T00:00:00Z            12,345  big.bin\n"
    )


def test_listing_as_json_is_an_object_per_line_with_exact_names(run: Run, edge: Edge) -> None:
    edge.files = {"a\nb": (b"12", '"b"'), "f/x": (b"", '"x"')}
    code, out, _ = run("ls", "--json")
    assert (code, [json.loads(line) for line in out.splitlines()]) == (
        0, [{"folder": "f/"}, {"file": "a\nb", "size": 2, "lastModified": "2025-01-01T00:00:00Z"}],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "listed"),
    [
        ((), ["a/", *sorted(name for name in NAMES if "/" not in name)]),
        (("a",), ["a/", "a", "a.txt"]),
        (("a/",), ["a/c/", "a/b.txt"]),
        (("a/", "--recursive"), ["a/b.txt", "a/c/d.txt"]),
        (("**/*.txt",), ["a.txt", "a/b.txt", "a/c/d.txt", "x y'$.txt"]),
        (("a*",), ["a/", "a", "a.txt"]),
        (("a*", "--recursive"), ["a", "a.txt"]),
        (("report[1].pdf",), ["report[1].pdf"]),
        (("--prefix", "report["), ["report[1].pdf"]),
    ],
)
def test_listing_is_of_the_prefix_or_the_pattern(run: Run, arguments: tuple[str, ...], listed: list[str]) -> None:
    code, out, _ = run("ls", "--json", *arguments)
    found = [json.loads(line) for line in out.splitlines()]
    assert (code, [each.get("folder") or each["file"] for each in found]) == (0, listed)


@pytest.mark.parametrize("command", [("ls",), ("get",), ("url",), ("rm", "--yes")])
@pytest.mark.parametrize("pattern", ["z*", "none/**", "[z]"])
def test_pattern_without_a_match_has_an_exit_code_of_its_own(run: Run, command: tuple[str, ...], pattern: str) -> None:
    assert run(*command, pattern) == (6, b"", f"No file matches “{pattern}”.\n")


def test_empty_listing_is_no_failure_without_a_prefix(run: Run, edge: Edge) -> None:
    edge.files = {}
    assert run("ls") == (0, b"", "")
    assert run("ls", "a/") == (6, b"", "There is no file whose name starts with “a/”.\n")


def test_listing_of_many_files_is_complete_and_printed_page_by_page(run: Run, edge: Edge) -> None:
    edge.files = {f"f{number:05}": (b"", '"e"') for number in range(2500)}
    code, out, _ = run("ls", "--json")
    assert (code, [json.loads(line)["file"] for line in out.splitlines()]) == (0, sorted(edge.files))
    assert edge.api_requests == 3


@pytest.mark.parametrize("pattern", ["*", "*.txt", "a*", "?", "*e*", "[ac]*"])
def test_pattern_of_one_folder_selects_what_fnmatch_does(run: Run, pattern: str) -> None:
    wanted = [name for name in sorted(NAMES) if "/" not in name and fnmatchcase(name, pattern)]
    code, out, _ = run("url", "--json", pattern)
    assert (code, [json.loads(line)["file"] for line in out.splitlines()]) == (0, wanted)


def test_urls_are_printed_in_order_of_the_names_and_the_missing_named(run: Run) -> None:
    code, out, err = run("url", "a/b.txt", "nope", "--json", "a.txt", "a/b.txt", "report*", "--", "-rf")
    printed = [json.loads(line) for line in out.splitlines()]
    names = ["a/b.txt", "nope", "a.txt", "a/b.txt", "report1.pdf", "report[1].pdf", "-rf"]
    assert (code, [each["file"] for each in printed]) == (6, names)
    assert [each["file"] for each in printed if "url" not in each] == ["nope"]
    assert err == "nope: there is no such file\n"


def test_urls_of_many_names_cost_a_request_for_fifty(run: Run, edge: Edge) -> None:
    edge.files = {f"f{number}": (b"", '"e"') for number in range(120)}
    assert run("url", *edge.files)[0] == 0
    assert edge.api_requests == 3


def test_lifetime_has_a_unit(run: Run, edge: Edge) -> None:
    assert run("url", "a.txt", "--expires-in", "2h", "--save-as", "b c.txt")[0] == 0
    assert edge.variables[-1] == {"n0": "a.txt", "expiresIn": 7200, "saveAs": "b c.txt"}


@pytest.mark.parametrize("value", ["", "0", "-1", "1w", "1.5h", "٣", "999999999d"])
def test_other_lifetimes_are_refused(run: Run, value: str) -> None:
    with pytest.raises(SystemExit) as exit_:
        run("url", "a.txt", "--expires-in", value)
    assert exit_.value.code == 2


def test_name_to_save_as_is_for_one_file(run: Run) -> None:
    for names in (["a", "a.txt"], ["a/"], ["report*"]):
        code, out, err = run("url", *names, "--save-as", "x")
        assert (code, out, err.count("\n")) == (2, b"", 1)


def test_folder_and_patterns_are_downloaded_once_each(run: Run, tmp_path: Path) -> None:
    code, _, err = run("get", "a/", "**/*.txt", "a/b.txt", "-o", "out/")
    assert (code, err) == (0, "")
    assert written(tmp_path) == ["out/a.txt", "out/a/b.txt", "out/a/c/d.txt", "out/x y'$.txt"]


def test_file_named_like_a_pattern_is_the_only_match(run: Run, tmp_path: Path) -> None:
    assert run("get", "report[1].pdf", "-o", "one.pdf")[0] == 0
    assert (tmp_path / "one.pdf").read_bytes() == b"report[1].pdf"


def test_pattern_without_a_match_does_not_stop_the_others(run: Run, tmp_path: Path) -> None:
    code, _, err = run("get", "z*", "a.txt")
    assert (code, err, written(tmp_path)) == (6, "No file matches “z*”.\n", ["a.txt"])


def test_hidden_files_that_were_not_named_need_a_folder(run: Run, edge: Edge, tmp_path: Path) -> None:
    edge.files = {".profile": (b"x", '"x"'), "d/.x": (b"x", '"x"')}
    assert run("get", "*", "d/")[0] == 5
    assert written(tmp_path) == []
    assert run("get", ".pro*", "d/.x")[0] == 0
    assert written(tmp_path) == [".profile", "d/.x"]


def test_dry_run_of_get_writes_nothing_and_names_the_missing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("another")
    code, out, err = run("get", "a/", "**.txt", "nope", "--dry-run")
    assert (code, written(tmp_path)) == (5, ["a.txt"])
    assert out.decode().splitlines() == [
        "would download a/b.txt to a/b.txt",
        "would download a/c/d.txt to a/c/d.txt",
        "would download x y'$.txt to x y'$.txt",
    ]
    assert err.splitlines()[:2] == [
        "a.txt: a.txt already exists and differs; --force replaces it", "nope: there is no such file",
    ]  # fmt: skip


def test_named_files_are_deleted_without_a_question(run: Run, edge: Edge) -> None:
    edge.deletes = True
    assert run("rm", "report[1].pdf", "--", "-rf", "--")[0] == 0
    assert edge.deleted == ["report[1].pdf", "-rf", "--"]


def test_other_files_are_deleted_only_after_confirmation(run: Run, edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    edge.deletes = True
    code, out, err = run("rm", "**.txt")
    assert (code, out, edge.deleted) == (2, b"", [])
    assert err == (
        "No terminal to confirm: Delete 4 files, from a.txt to x y'$.txt? "
        "Add --yes, after a look at the files with --dry-run.\n"
    )
    monkeypatch.setattr(prompts, "confirm", lambda *_: False)
    assert run("rm", "**.txt") == (0, b"", "Nothing was deleted.\n")
    assert edge.deleted == []
    monkeypatch.setattr(prompts, "confirm", lambda *_: True)
    assert run("rm", "**.txt")[0] == 0
    assert edge.deleted == ["a.txt", "a/b.txt", "a/c/d.txt", "x y'$.txt"]


def test_folder_is_deleted_only_recursively(run: Run, edge: Edge) -> None:
    edge.deletes = True
    assert run("rm", "a/")[0] == 2
    assert run("rm", "--recursive", "a", "--dry-run")[:2] == (
        0, b"would delete a/b.txt\nwould delete a/c/d.txt\n",
    )  # fmt: skip
    assert edge.deleted == []
    assert run("rm", "--recursive", "a", "--yes")[0] == 0
    assert edge.deleted == ["a/b.txt", "a/c/d.txt"]


def test_file_on_standard_output_is_its_bytes_and_resumed(run: Run, edge: Edge) -> None:
    edge.files["large"] = (LARGE, '"one"')
    edge.drop_after = [1_000_000, 500_000, 0]
    code, out, err = run("get", "large", "-o", "-")
    assert (code, out == LARGE, err) == (0, True, "")
    ranges = [headers.get("range") for _, headers in edge.requests]
    assert ranges[0] is None
    assert all(ranges[1:])


def test_file_without_ranges_is_resumed_by_skipping(run: Run, edge: Edge) -> None:
    edge.files["large"], edge.takes_ranges, edge.drop_after = (LARGE, '"one"'), False, [1_000_000]
    assert run("get", "large", "-o", "-")[:2] == (0, LARGE)


def test_url_that_expires_in_the_middle_is_renewed(run: Run, edge: Edge) -> None:
    edge.files["large"], edge.drop_after = (LARGE, '"one"'), [1_000_000]
    edge.after_drop = lambda: setattr(edge, "valid_from", 2)
    assert run("get", "large", "-o", "-")[:2] == (0, LARGE)
    assert edge.signed == 2


def test_file_that_changes_in_the_middle_is_not_mixed(run: Run, edge: Edge) -> None:
    edge.files["large"], edge.drop_after = (LARGE, '"one"'), [1_000_000]
    edge.after_drop = lambda: edge.files.update(large=(LARGE[::-1], '"two"'))
    code, out, err = run("get", "large", "-o", "-")
    assert (code, LARGE.startswith(out)) == (5, True)
    assert err == (
        "large: the file was replaced during the download; run the command again; what was written is not the whole "
        "file\n"
    )


@pytest.mark.parametrize("arguments", [("a", "a.txt"), ("a/",), ("a", "--json"), ("a", "--dry-run"), ("--all",)])
def test_standard_output_takes_one_file(run: Run, arguments: tuple[str, ...]) -> None:
    code, out, _ = run("get", *arguments, "-o", "-")
    assert (code, out) == (2, b"")


def test_missing_file_leaves_standard_output_empty(run: Run, edge: Edge) -> None:
    edge.refusal = ("AmazonS3", b"<Error><Code>NoSuchKey</Code></Error>")
    assert run("get", "nope", "-o", "-") == (5, b"", "nope: there is no such file (NoSuchKey)\n")


def test_empty_file_on_standard_output_is_empty(run: Run, edge: Edge) -> None:
    edge.files["empty"] = (b"", '"e"')
    assert run("get", "empty", "-o", "-") == (0, b"", "")


@pytest.mark.parametrize("arguments", [("ls",), ("url", "a"), ("get", "a", "-o", "out"), ("rm", "a")])
def test_closed_output_is_no_failure(
    run: Run, edge: Edge, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    edge.deletes = arguments[0] == "rm"
    assert run("ls")[0] == 0
    assert in_process.run_closed(monkeypatch, *arguments) == 0


def test_file_is_not_written_to_a_closed_standard_output(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "__stdout__", None)
    assert run("get", "a", "-o", "-") == (2, b"", "Standard output is closed.\n")


def test_name_outside_the_folder_that_the_api_lists_is_not_deleted(run: Run, edge: Edge) -> None:
    edge.hostile = {"listFiles": {"items": [edge.listed("a.txt")], "folders": [], "nextToken": None}}
    code, out, err = run("rm", "--recursive", "a/", "--yes", "--dry-run")
    assert (code, out) == (5, b"")
    assert err == "a.txt: the API listed it, and its name does not start with the prefix\n"


def test_file_that_the_caller_may_not_read_is_not_called_missing(run: Run, edge: Edge) -> None:
    edge.forbidden = ("secret",)
    code, out, err = run("url", "secret", "nope", "a")
    assert (code, out.count(b"\n")) == (1, 1)
    assert err == ("secret: NotAllowed: No. (`private-files access` prints it.)\nnope: there is no such file\n")


def test_excluded_files_and_folders_are_left_out_unless_they_are_named(run: Run, edge: Edge, tmp_path: Path) -> None:
    names = ("a.txt", "b.tmp", "cache/x", "in/b.tmp", "in/cache/y", "in/z", "caches/w")
    edge.files = {name: (name.encode(), '"e"') for name in names}
    left_out = ("--exclude", "*.tmp", "--exclude", "cache")
    kept = ["a.txt", "caches/w", "in/z"]
    _, out, _ = run("ls", "--recursive", *left_out)
    assert [line.split()[-1] for line in out.decode().splitlines()] == kept
    _, out, _ = run("ls", *left_out)
    assert [line.split()[-1] for line in out.decode().splitlines()] == ["caches/", "in/", "a.txt"]
    assert run("get", "--all", "-o", "all/", *left_out)[0] == 0
    assert written(tmp_path / "all") == kept
    assert run("get", "in/", "b.tmp", "-o", "some/", *left_out)[0] == 0
    assert written(tmp_path / "some") == ["b.tmp", "in/z"]
    _, out, _ = run("rm", "**", "--dry-run", *left_out)
    assert out.decode().splitlines() == [f"would delete {name}" for name in kept]


def test_sum_of_a_folder_ends_its_listing(run: Run, edge: Edge) -> None:
    edge.files = {"a": (b"x" * 1234, '"a"'), "f/b": (b"12", '"b"'), "f/c": (b"", '"c"')}
    _, out, _ = run("ls", "--recursive", "--summarize")
    assert out.decode().splitlines()[-1] == "total                            1,236  3 files"
    _, out, _ = run("ls", "f/", "--summarize", "--json")
    assert json.loads(out.splitlines()[-1]) == {"files": 2, "size": 2}


@pytest.mark.parametrize("pattern", ["*.tmp", "cache", "cache/", "in/*", "in/cache", "**/z", "[ac]*", "x"])
def test_excluding_follows_its_definition(pattern: str) -> None:
    """Against every path of up to three segments: a folder or file of it matches segment by segment."""
    segments = ("a.tmp", "cache", "in", "z", "x")
    paths = [*segments, *(f"{a}/{b}" for a in segments for b in segments)]
    paths += [f"{a}/{b}" for a in paths for b in segments if "/" in a]
    excluded = globs.excluded_by([pattern])
    bare, only_inside = pattern.removesuffix("/"), pattern.endswith("/")

    def model(path: str) -> bool:
        parts = path.split("/")
        tops = range(1, len(parts) + (0 if only_inside else 1))  # the folders, and the file itself
        if "/" not in bare:
            return any(fnmatchcase(parts[top - 1], bare) for top in tops)
        return any(globs.compiled(bare).fullmatch("/".join(parts[:top])) for top in tops)

    assert [path for path in paths if excluded(path)] == [path for path in paths if model(path)]
