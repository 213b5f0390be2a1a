"""Patterns of file names, against a matcher that tries every way to divide a name."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from private_files import globs

PATTERNS = st.text("ab/*?[]!-^.", max_size=9)
NAMES = st.text("ab/[]!-.\n", max_size=8)


def matches(pattern: str, name: str, start: bool = True) -> bool:
    """Whether the name matches, by the definition and without regular expressions."""
    if not pattern:
        return not name
    if (
        pattern.startswith("**/")
        and start
        and any(matches(pattern[3:], name[at:]) for at in [0, *(i + 1 for i, c in enumerate(name) if c == "/")])
    ):
        return True
    if pattern.startswith("**/") and start:
        return False
    if pattern.startswith("**"):
        rest = pattern.lstrip("*")
        return any(matches(rest, name[at:], False) for at in range(len(name) + 1))
    if pattern[0] == "*":
        length = len(name.partition("/")[0])
        return any(matches(pattern[1:], name[at:], False) for at in range(length + 1))
    if pattern[0] == "[" and (inside := bracket(pattern)) is not None:
        return (
            bool(name)
            and name[0] != "/"
            and allowed(inside, name[0])
            and matches(pattern[len(inside) + 2 :], name[1:], False)
        )
    if not name or (name[0] == "/" if pattern[0] == "?" else name[0] != pattern[0]):
        return False
    return matches(pattern[1:], name[1:], pattern[0] == "/")


def bracket(pattern: str) -> str | None:
    """Return what is between the brackets at the start of the pattern, or None if there is no end."""
    members = 1 + (pattern[1:2] in ("!", "^"))
    end = pattern.find("]", members + 1)
    inside = pattern[1:end]
    return inside if end > 0 and "/" not in inside else None


def allowed(inside: str, letter: str) -> bool:
    excluded = inside[0] in "!^"
    members, found = inside[excluded:], False
    while members:
        if members[1:2] == "-" and len(members) > 2:
            found = found or members[0] <= letter <= members[2]
            members = members[3:]
        else:
            found, members = found or letter == members[0], members[1:]
    return found != excluded


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
