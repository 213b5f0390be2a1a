"""Patterns of the command line, such as `pictures/*.svg`, against a matcher that tries every possible division."""

from __future__ import annotations

from fuzz.choices import Choices
from private_files import globs

PIECES = [
    "a",
    "b",
    "/",
    "*",
    "**",
    "?",
    "[",
    "]",
    "!",
    "-",
    "^",
    ".",
    "**/",
    "[ab]",
    "[!a]",
    "[b-a]",
    "[]]",
    "\n",
    "é",
    "\\",
]
LETTERS = ["a", "b", "/", "[", "]", "!", "-", ".", "\n", "é", "^", "\\"]


def check(choices: Choices) -> None:
    pattern, name = choices.text(PIECES, 8), choices.text(LETTERS, 8)
    found = globs.compiled(pattern).fullmatch(name) is not None
    expected = matches(pattern, name, at_start=True)
    assert found == expected, (pattern, name)
    assert not expected or name.startswith(globs.literal_prefix(pattern))
    if not globs.is_glob(pattern):
        assert expected == (name == pattern)
    if expected and globs.is_of_one_folder(pattern):
        assert "/" not in name[len(globs.literal_prefix(pattern)) :]
    excluded = globs.excluded_by([pattern])(name)
    assert excluded or not (expected and "/" in pattern.removesuffix("/")), (pattern, name)


def matches(pattern: str, name: str, *, at_start: bool = True) -> bool:
    """Tell whether the name matches, by the definition and without regular expressions."""
    if not pattern:
        return not name
    if pattern.startswith("**/") and at_start:
        starts = [0, *(place + 1 for place, letter in enumerate(name) if letter == "/")]
        return any(matches(pattern[3:], name[place:], at_start=True) for place in starts)
    if pattern.startswith("**"):
        return any(matches(pattern.lstrip("*"), name[place:], at_start=False) for place in range(len(name) + 1))
    if pattern[0] == "*":
        longest = len(name.partition("/")[0])
        return any(matches(pattern[1:], name[place:], at_start=False) for place in range(longest + 1))
    if pattern[0] == "[" and (inside := _bracket(pattern)) is not None:
        is_member = name[:1] not in ("", "/") and _is_member(inside, name[0])
        return is_member and matches(pattern[len(inside) + 2 :], name[1:], at_start=False)
    if not name or (name[0] == "/" if pattern[0] == "?" else name[0] != pattern[0]):
        return False
    return matches(pattern[1:], name[1:], at_start=pattern[0] == "/")


def _bracket(pattern: str) -> str | None:
    """Return the text between the brackets at the start of the pattern, or None if they do not close."""
    first = 1 + (pattern[1:2] in ("!", "^"))
    end = pattern.find("]", first + 1)
    inside = pattern[1:end]
    return inside if end > 0 and "/" not in inside else None


def _is_member(inside: str, letter: str) -> bool:
    excluded = inside[0] in "!^"
    members, found = inside[excluded:], False
    while members:
        if members[1:2] == "-" and len(members) > 2:
            found = found or members[0] <= letter <= members[2]
            members = members[3:]
        else:
            found, members = found or letter == members[0], members[1:]
    return found != excluded
