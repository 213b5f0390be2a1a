"""Access rules: a caller may do exactly what one of the rules says, tried name by name."""

from __future__ import annotations

import fnmatch
import itertools
import json
import logging

from fuzz.choices import Choices
from infra import access_rules
from resolvers.access import ACTIONS, AccessRules, Action, Caller, NotAllowed

SEGMENTS = [
    "a",
    "ab",
    "{sub}",
    "{group}",
    "é",
    "b c",
    "$",
    "*",
    "?",
    "[a]",
    "..",
    ".",
    "",
    "{x}",
    "x{sub}",
    "\x00",
    "\n",
]
PRINCIPALS = [
    "users", "groups", "group:a", "group:ab", "anyone", "iam", "iam:role/a", "iam:user/a", "group:", "iam:",
    "iam:role/", "group:a b", "admin", "",
]  # fmt: skip
# Prefixes that are valid for every principal, for users, and for each group of a user.
PREFIXES = ["", "a/", "ab/", "a/a/", "é/", "b c/", "$/", "*/", "[a]/"]
OF_USERS = [*PREFIXES, "{sub}/", "a/{sub}/", "{sub}/{sub}/"]
OF_GROUPS = ["{group}/", "a/{group}/", "{sub}/{group}/"]
VALUES = ["a", "ab", "a/b", "..", ".", "", "{group}", "{sub}", "é", "*", "a\n", "\ud83d", "x" * 8]
ARNS = [
    "arn:aws:sts::111122223333:assumed-role/a/session", "arn:aws:sts::111122223333:assumed-role/a/b/c",
    "arn:aws:iam::111122223333:user/a", "arn:aws:iam::111122223333:user/path/a", "arn:aws:iam::999999999999:user/a",
    "arn:aws:sts::999999999999:assumed-role/a/session", "arn:aws:iam::111122223333:root",
]  # fmt: skip
ACCOUNT = "111122223333"
FUNCTION = f"arn:aws:lambda:eu-central-1:{ACCOUNT}:function:files"
TRIED = ["a", "ab", "é", "b c", "$", "*", "?", "[a]", "x", "{group}", "{sub}", "x" * 8]
PAIRED = ["a", "ab", "é", "{group}", "x", "$"]
NAMES = [
    *TRIED, *map("/".join, itertools.product(PAIRED, PAIRED)), "a/a/a", "a/ab/x", "a/é/a", "../a", "a/../a", "a/b/x",
    "./a", "a\n/x", "/a", "..", "a/../b",
]  # fmt: skip

Entry = dict[str, object]
logging.getLogger("resolvers.access").setLevel(logging.ERROR)  # a warning for each value that replaces no placeholder


def check(choices: Choices) -> None:
    entries = [_entry(choices) for _ in range(choices.number(0, 3))]
    event = _event(choices)
    try:
        rules = access_rules.parse(json.dumps(entries) if choices.flag() else entries)
    except access_rules.InvalidRule as refused:
        assert str(refused)
        return
    assert AccessRules.parse(str(rules)) == rules
    caller = Caller.of_appsync(event, FUNCTION)
    action = choices.pick(ACTIONS)
    patterns = access_rules.patterns(rules, action, "files")
    for name in NAMES[choices.number(0, 3) :: 4]:
        expected = _may(entries, event["identity"] or {}, action, name)
        assert _allowed(rules, caller, action, name) == expected, (name, action)
        # The role of the function is as wide as this, or the caller would be refused by S3.
        assert not expected or any(fnmatch.fnmatchcase(f"files/{name}", _literal(each)) for each in patterns)


def _entry(choices: Choices) -> Entry:
    if choices.number(0, 3):
        principal = choices.pick(PRINCIPALS[:8])
        prefix = choices.pick({"users": OF_USERS, "groups": OF_GROUPS}.get(principal, PREFIXES))
        return {"principal": principal, "actions": [choices.pick(ACTIONS)], "prefix": prefix}
    segments = choices.some(SEGMENTS, 3)
    ending = choices.pick(["/", "/", "/", ""])
    return {
        "principal": choices.pick(PRINCIPALS),
        "actions": choices.some(ACTIONS, 3),
        "prefix": "/".join(segments) + (ending if segments else ""),
    }


def _event(choices: Choices) -> dict[str, dict[str, object] | None]:
    match choices.number(0, 2):
        case 0:
            groups: list[str] | None = choices.some(VALUES, 3)
            return {"identity": {"sub": choices.pick(VALUES), "groups": groups or choices.pick([None, []])}}
        case 1:
            return {"identity": {"userArn": choices.pick(ARNS)}}
        case _:
            return {"identity": None}


def _allowed(rules: AccessRules, caller: Caller, action: Action, name: str) -> bool:
    try:
        rules.check(caller, action, name)
    except NotAllowed as refused:
        assert str(refused).isprintable()
        return False
    return True


def _may(entries: list[Entry], identity: dict[str, object], action: str, name: str) -> bool:
    if not entries:
        return action == "read"
    return any(_grants(entry, identity, name) for entry in entries if action in str(entry["actions"]))


def _grants(entry: Entry, identity: dict[str, object], name: str) -> bool:
    """Tell whether one entry of the configuration covers the name, for this identity of AppSync."""
    principal, prefix = str(entry["principal"]), str(entry["prefix"])
    arn, sub, groups = str(identity.get("userArn") or ""), identity.get("sub"), identity.get("groups") or []
    assert isinstance(groups, list)
    if principal.startswith("iam"):
        if principal == "iam":
            return bool(arn) and name.startswith(prefix)
        kind, wanted = principal.removeprefix("iam:").split("/")
        start = f"arn:aws:sts::{ACCOUNT}:assumed-role/" if kind == "role" else f"arn:aws:iam::{ACCOUNT}:user/"
        rest = arn.removeprefix(start).split("/")
        return arn.startswith(start) and rest[0 if kind == "role" else -1] == wanted and name.startswith(prefix)
    if principal == "anyone":
        return name.startswith(prefix)
    if arn or not identity:
        return False
    if principal.startswith("group:"):
        return principal.removeprefix("group:") in groups and _covers(prefix, {"{sub}": sub}, name)
    if principal == "groups":
        return any(_covers(prefix, {"{sub}": sub, "{group}": group}, name) for group in groups)
    return _covers(prefix, {"{sub}": sub}, name)


def _covers(prefix: str, values: dict[str, object], name: str) -> bool:
    """Compare segment by segment: a placeholder is one whole segment of the name, and that segment is the value."""
    wanted, given = prefix.split("/")[:-1], name.split("/")
    filled = [str(values.get(segment, segment)) for segment in wanted]
    usable = all(segment not in ("", ".", "..") and segment.isprintable() and "/" not in segment for segment in filled)
    return usable and len(given) > len(filled) and given[: len(filled)] == filled


def _literal(pattern: str) -> str:
    """Return IAM's pattern, in which only * and ? are special, as one of fnmatch."""
    return pattern.replace("[", "[[]")
