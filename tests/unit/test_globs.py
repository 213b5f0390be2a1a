"""Patterns of file names, against a matcher that tries every way to divide a name."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fuzz.targets.globs import matches
from private_files import globs

PATTERNS = st.text("ab/*?[]!-^.", max_size=9)
NAMES = st.text("ab/[]!-.\n", max_size=8)


@given(pattern=PATTERNS, name=NAMES)
@example(pattern="[!]", name="[!]")  # no bracket has an end right after its exclamation mark
def test_pattern_matches_what_its_definition_says(pattern: str, name: str) -> None:
    assert bool(globs.compiled(pattern).fullmatch(name)) == matches(pattern, name)


@given(name=st.text("abé.* ?[](+\\|$^\n", max_size=12))
def test_name_without_special_characters_matches_itself_only(name: str) -> None:
    plain = "".join(letter for letter in name if letter not in "*?[")
    assert globs.compiled(plain).fullmatch(plain)
    assert not globs.compiled(plain).fullmatch(plain + "x")


@given(pattern=PATTERNS, name=NAMES)
def test_every_match_has_the_literal_prefix_and_is_in_its_folder_if_that_is_said(pattern: str, name: str) -> None:
    if globs.compiled(pattern).fullmatch(name):
        prefix = globs.literal_prefix(pattern)
        assert name.startswith(prefix)
        if globs.is_of_one_folder(pattern):
            assert "/" not in name[len(prefix) :]


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("pictures/*.svg", ["pictures/a.svg", "pictures/.svg"], ["pictures/a/b.svg", "pictures/a.svgz", "a.svg"]),
        ("**/*.svg", ["a.svg", "a/b.svg", "a/b/c.svg"], ["a.svg/b"]),
        ("a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["a/xb", "ab"]),
        ("a/**", ["a/b", "a/b/c", "a/"], ["a", "ab"]),
        ("a**b", ["ab", "a/x/b"], ["a"]),
        ("?", ["a", "é", "😀"], ["/", "ab", ""]),
        ("[a-c]", ["b"], ["d", "-"]),
        ("[!a]", ["b", "]"], ["a", "/"]),
        ("[]]", ["]"], ["["]),
        ("[", ["["], [""]),
        ("[z-a]", [], ["z", "a", "-"]),
        ("[a-]", ["a", "-"], ["b"]),
        ("[\\d]", ["d", "\\"], ["1"]),
    ],
)
def test_documented_patterns(pattern: str, yes: list[str], no: list[str]) -> None:
    expression = globs.compiled(pattern)
    assert [name for name in yes + no if expression.fullmatch(name)] == yes


@pytest.mark.parametrize("pattern", ["*a" * 9 + "*b", "**a" * 9 + "**b", "*a*a/**/" * 3 + "b", "**/*a*a*a*b"])
def test_names_made_to_be_slow_are_not(pattern: str) -> None:
    assert not globs.compiled(pattern).fullmatch("a" * 1000)
    assert not globs.compiled(pattern).fullmatch("a/" * 500)
