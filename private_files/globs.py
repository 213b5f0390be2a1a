"""Patterns of file names, such as `pictures/*.svg`. Pure.

`*` and `?` match any characters and one character of a segment, `[abc]`, `[a-z]` and `[!abc]` one character, and `**`
any characters, slashes too; `**/` also matches nothing, so that `a/**/b` matches `a/b`. None of the others matches `/`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

_SPECIAL = re.compile(r"[*?\[]")
# A bracket closes after at least one character: []] matches a bracket. Without an end, [ is itself.
_TOKEN = re.compile(
    r"(?P<folders>(?:(?<=/)|^)\*\*/)|(?P<any>\*\*+)|\*|\?|\[(?P<not>[!^]?+)(?P<set>\][^\]/]*|[^\]/]+)\]|.", re.S
)


_STARS = {"*": "[^/]*", "**": ".*", "**/": "(?:.*/)?"}


def is_glob(text: str) -> bool:
    """Whether the text has a character that is special in patterns."""
    return bool(_SPECIAL.search(text))


def literal_prefix(pattern: str) -> str:
    """Return what every name that matches starts with."""
    found = _SPECIAL.search(pattern)
    return pattern[: found.start()] if found else pattern


def is_of_one_folder(pattern: str) -> bool:
    """Whether all names that match are in the folder of the literal prefix."""
    rest = pattern[len(literal_prefix(pattern)) :]
    return "/" not in rest and "**" not in rest


def compiled(pattern: str) -> re.Pattern[str]:
    """Return a regular expression that fully matches the names that match the pattern.

    What is between two stars is matched once, at the first place where it occurs, if the second star can match all that
    the first one can. Otherwise, names that somebody chose for it would take minutes to match.
    """
    stars, fixed = [""], [""]  # fixed[i] follows stars[i]
    for token in _TOKEN.finditer(pattern):
        if star := "**/" if token["folders"] else "**" if token["any"] else "*" if token[0] == "*" else "":
            stars.append(star)
            fixed.append("")
        else:
            fixed[-1] += _expression(token)
    found = fixed[0]
    for star, after, following in zip(stars[1:], fixed[1:], [*stars[2:], ""], strict=False):
        if star != "**/" and (following.startswith("**") or star == following):
            found += f"(?>{_STARS[star]}?{after})"
        else:
            found += _STARS[star] + after
    return re.compile(found, re.S)


def excluded_by(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Return whether a name matches one of the patterns.

    A pattern without a slash matches every file and folder of that name: `*.tmp`, `node_modules`. One that ends with a
    slash, or matches a folder, matches everything in it.
    """
    expressions = [
        compiled(("" if "/" in pattern.removesuffix("/") else "**/") + pattern.removesuffix("/") + ending)
        for pattern in patterns
        for ending in (("/**",) if pattern.endswith("/") else ("", "/**"))
    ]
    return lambda name: any(expression.fullmatch(name) for expression in expressions)


def _expression(token: re.Match[str]) -> str:
    """Return what matches one character."""
    if token[0] == "?":
        return "[^/]"
    if token["set"]:
        members = _members(token["set"])
        if token["not"]:
            return f"[^/{members}]"
        return f"[{members}]" if members else "(?!)"
    return re.escape(token[0])


def _members(text: str) -> str:
    """Return the members of a bracket for a regular expression. A range whose ends are in the wrong order is empty."""
    found, at = "", 0
    while at < len(text):
        if text[at + 1 : at + 2] == "-" and at + 2 < len(text):
            first, last = text[at], text[at + 2]
            if first <= last:
                found += f"{re.escape(first)}-{re.escape(last)}"
            at += 3
        else:
            found += re.escape(text[at])
            at += 1
    return found
