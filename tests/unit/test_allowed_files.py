"""Listings of a caller with access rules, against a brute-force model."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers.allowed_files import LAST, MAX_LISTS, AllowedFiles
from resolvers.file_names import InvalidFileName, InvalidPrefix
from resolvers.page_token import InvalidNextToken
from resolvers.s3_files import FileListing
from tests.listed_bucket import Bucket

Prefixes = tuple[str, ...]


def allowed_files(bucket: Bucket, prefixes: Sequence[str]) -> AllowedFiles:
    return AllowedFiles(FileListing(bucket, bucket="b", folder="files"), prefixes)  # type: ignore[arg-type]


def walk(
    files: Callable[[], AllowedFiles], prefix: str, delimiter: str, limit: int
) -> tuple[list[str], list[str], list[int]]:
    """All files, all folders and the number of entries of each page; `files` is called again for every page."""
    names: list[str] = []
    folders: list[str] = []
    sizes: list[int] = []
    token: str | None = None
    while True:
        page = files().page(prefix=prefix, delimiter=delimiter, limit=limit, token=token)
        names += [file.name for file in page.files]
        folders += page.folders
        sizes.append(len(page.files) + len(page.folders))
        token = page.next_token
        if token is None:
            return names, folders, sizes


def minimal(prefixes: Sequence[str]) -> tuple[str, ...]:
    """As `AccessRules.folders` returns them: sorted, none inside another."""
    kept = [each for each in set(prefixes) if not any(each != other and each.startswith(other) for other in prefixes)]
    return tuple(sorted(kept))


SEGMENT = st.sampled_from(["a", "ab", "b", "é", LAST, " ", "😀"])
FOLDER = st.lists(SEGMENT, max_size=3).map(lambda segments: "".join(f"{segment}/" for segment in segments))
NAME = st.builds(str.__add__, FOLDER, st.sampled_from(["a", "b", "ab", LAST, LAST * 2 + "x", "é"]))
NAMES = st.lists(st.one_of(NAME, FOLDER.filter(bool)), max_size=25).map(lambda names: sorted(set(names)))
PREFIXES = st.lists(FOLDER, max_size=6).map(minimal)
ASKED = st.one_of(st.just(""), FOLDER, NAME, st.sampled_from(["a", "a/a"]))


@given(NAMES, PREFIXES, ASKED, st.integers(1, 7))
def test_flat_listing_is_what_is_allowed_and_no_more(
    names: list[str], prefixes: tuple[str, ...], asked: str, limit: int
) -> None:
    bucket = Bucket(names)
    expected = [
        name for name in names if name.startswith(asked) and name.startswith(prefixes) and not name.endswith("/")
    ]
    found, folders, sizes = walk(lambda: allowed_files(bucket, prefixes), asked, "", limit)
    assert (found, folders) == (expected, [])
    assert max(sizes) <= limit
    assert list(allowed_files(bucket, prefixes).names(asked)) == expected


@given(NAMES, PREFIXES, ASKED, st.integers(1, 7))
def test_folders_are_those_that_exist_or_lead_to_an_allowed_prefix(
    names: list[str], prefixes: tuple[str, ...], asked: str, limit: int
) -> None:
    bucket = Bucket(names)

    def next_segment(name: str) -> str:
        return asked + name[len(asked) :].partition("/")[0] + "/"

    files: set[str] = set()
    folders: set[str] = set()
    for name in names:
        if name.startswith(asked) and name.startswith(prefixes) and asked.startswith(prefixes):
            (folders if "/" in name[len(asked) :] else files).add(name)
    expected = {next_segment(name) for name in folders}
    if not asked.startswith(prefixes):
        expected = {next_segment(prefix) for prefix in prefixes if prefix.startswith(asked)}
    found, found_folders, sizes = walk(lambda: allowed_files(bucket, prefixes), asked, "/", limit)
    assert found == sorted(name for name in files if not name.endswith("/"))
    assert found_folders == sorted(expected)
    assert max(sizes) <= limit
    if not asked.startswith(prefixes):
        assert not bucket.requests, "folders above the allowed prefixes need no request"


@given(NAMES, st.tuples(PREFIXES, PREFIXES), ASKED, st.sampled_from(["", "/"]), st.integers(1, 4))
def test_token_of_another_caller_never_shows_more(
    names: list[str], prefixes: tuple[Prefixes, Prefixes], asked: str, delimiter: str, limit: int
) -> None:
    bucket, (theirs, mine) = Bucket(names), prefixes
    token = allowed_files(bucket, theirs).page(prefix=asked, delimiter=delimiter, limit=limit, token=None).next_token
    bucket.requests.clear()
    with contextlib.suppress(InvalidNextToken):
        page = allowed_files(bucket, mine).page(prefix=asked, delimiter=delimiter, limit=limit, token=token)
        assert all(file.name.startswith(mine) for file in page.files)
        for folder in page.folders:
            assert folder.startswith(mine) or any(prefix.startswith(folder) for prefix in mine)
    assert all(request["Prefix"].removeprefix("files/").startswith(mine) for request in bucket.requests)


@given(NAMES, st.tuples(PREFIXES, PREFIXES), st.integers(1, 4))
def test_rules_that_change_after_a_page_repeat_nothing_and_lose_nothing(
    names: list[str], prefixes: tuple[Prefixes, Prefixes], limit: int
) -> None:
    names = [name for name in names if LAST not in name]  # listed twice, if the rules become wider meanwhile
    bucket, (before, after) = Bucket(names), prefixes
    first = allowed_files(bucket, before).page(prefix="", delimiter="", limit=limit, token=None)
    found, token = [file.name for file in first.files], first.next_token
    if token is None:
        return
    try:
        while token is not None:
            page = allowed_files(bucket, after).page(prefix="", delimiter="", limit=limit, token=token)
            found, token = [*found, *(file.name for file in page.files)], page.next_token
    except InvalidNextToken:
        assert "" in before, "only a token of S3 is of no use for other rules"
        return
    assert len(set(found)) == len(found)
    files = (name for name in names if not name.endswith("/"))
    assert set(found) >= {name for name in files if name.startswith(before) and name.startswith(after)}


def names_of(files: AllowedFiles, token: str | None, limit: int = 10, **listing: str) -> tuple[list[str], str | None]:
    page = files.page(**({"prefix": "", "delimiter": ""} | listing), limit=limit, token=token)
    return [file.name for file in page.files], page.next_token


def test_full_page_goes_on_in_the_middle_of_a_prefix_and_between_two() -> None:
    files = allowed_files(Bucket(["a/1", "a/2", "a/3", "b/1", "c/1"]), ("a/", "c/"))
    first, token = names_of(files, None, 2)
    second, token = names_of(files, token, 1)
    third, token = names_of(files, token, 1)
    assert (first, second, third, token) == (["a/1", "a/2"], ["a/3"], ["c/1"], None)


def test_wider_access_after_a_page_repeats_no_file_of_a_finished_prefix() -> None:
    bucket = Bucket(["a/1", "a/2", "b/1"])
    first, token = names_of(allowed_files(bucket, ("a/", "b/")), None, 2)
    assert (first, names_of(allowed_files(bucket, ("",)), token)) == (["a/1", "a/2"], (["b/1"], None))


def test_token_that_does_not_fit_the_access_after_a_change_is_refused() -> None:
    bucket = Bucket(["a/1", "a/2", "b/1"])
    everything, some = allowed_files(bucket, ("",)), allowed_files(bucket, ("a/", "b/"))
    for delimiter in ("", "/"):
        of_s3, of_ours = (names_of(files, None, 1, delimiter=delimiter)[1] for files in (everything, some))
        with pytest.raises(InvalidNextToken, match="before a change of your access; start with the first page"):
            names_of(some, of_s3, delimiter=delimiter)
    with pytest.raises(InvalidNextToken, match="before a change of your access; start with the first page"):
        names_of(everything, of_ours, delimiter="/")


def test_page_makes_few_requests_however_many_prefixes_are_empty() -> None:
    prefixes = tuple(f"teams/{number:03}/" for number in range(50))
    bucket = Bucket(["teams/049/a"])
    files = allowed_files(bucket, prefixes)
    page = files.page(prefix="", delimiter="", limit=1000, token=None)
    assert (page.files, len(bucket.requests)) == ([], MAX_LISTS)
    assert page.next_token
    assert walk(lambda: files, "", "", 1000)[0] == ["teams/049/a"]


def test_page_inside_an_allowed_prefix_costs_one_request_with_the_token_of_s3() -> None:
    bucket = Bucket([f"home/a/{number}" for number in range(5)])
    files = allowed_files(bucket, ("home/a/", "home/b/"))
    first = files.page(prefix="home/a/", delimiter="", limit=3, token=None)
    files.page(prefix="home/a/", delimiter="", limit=3, token=first.next_token)
    assert [request.get("ContinuationToken") for request in bucket.requests] == [None, "files/home/a/2"]
    assert not any("StartAfter" in request for request in bucket.requests)


@pytest.mark.parametrize("name", ["home/b/exists", "home/b/missing", "exists", "home/b", "home/bb/x"])
def test_file_that_is_not_allowed_is_not_found_and_s3_is_not_called(name: str) -> None:
    bucket = Bucket(["home/b/exists", "exists"])
    assert allowed_files(bucket, ("home/a/",)).find(name) is None
    assert bucket.requests == []


def test_file_that_is_allowed_is_found() -> None:
    found = allowed_files(Bucket(["home/a/x"]), ("home/a/",)).find("home/a/x")
    assert found is not None
    assert found.name == "home/a/x"


def test_name_and_prefix_are_refused_for_the_same_reason_wherever_they_lead() -> None:
    for prefixes in (("",), ("home/a/",), ()):
        files = allowed_files(Bucket([]), prefixes)
        with pytest.raises(InvalidFileName):
            files.find("home//b")
        for prefix in ("x" * 1020, "half \ud83d"):
            with pytest.raises(InvalidPrefix):
                list(files.names(prefix))
            with pytest.raises(InvalidPrefix):
                files.page(prefix=prefix, delimiter="", limit=1, token=None)


def test_caller_without_any_prefix_sees_nothing() -> None:
    bucket = Bucket(["a", "b/c"])
    files = allowed_files(bucket, ())
    for delimiter in ("", "/"):
        page = files.page(prefix="", delimiter=delimiter, limit=10, token=None)
        assert (page.files, page.folders, page.next_token) == ([], [], None)
    assert (list(files.names()), bucket.requests) == ([], [])
