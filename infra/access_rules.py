"""The access rules in the configuration: what each entry must be, and what the files function may list under them."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from resolvers.access import ACTIONS, GROUP, SUB, AccessRules, Action, Rule

MAX_BYTES = 2_048  # of all rules; a function's environment has 4 KB: the keys and other settings need the rest
MAX_PREFIX_BYTES = 512  # S3 allows keys of 1,024 bytes, and the files under the prefix need names, too
# Of an inline policy with other statements, which may have 10,240 characters:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
MAX_POLICY_BYTES = 6_144

_KEYS = ("principal", "actions", "prefix")
_PRINCIPALS = ("users", "groups", "group:NAME", "iam", "iam:role/NAME", "iam:user/NAME", "anyone")
_IAM_NAME = r"[\w+=,.@-]{1,64}"
_GROUP_NAME = r"[^\s\x00-\x1f\x7f-\x9f]{1,128}"
_PRINCIPAL = re.compile(rf"users|groups|anyone|iam(:(role|user)/{_IAM_NAME})?|group:{_GROUP_NAME}", re.ASCII)
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class InvalidRule(ValueError):
    """An access rule cannot work; the message names the entry, the field and the reason."""


def parse(value: object) -> AccessRules:
    """Return the rules from a JSON list, or from its text. Raises InvalidRule."""
    if isinstance(value, AccessRules):
        return value
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise InvalidRule(f"It is not JSON ({error}). It takes a list such as {_EXAMPLE}.") from None
    if not isinstance(value, list):
        raise InvalidRule(f"It takes a list such as {_EXAMPLE}.")
    rules: list[Rule] = []
    for number, entry in enumerate(value, 1):
        rule = _rule(number, entry)
        _check_new(number, rule, rules)
        rules.append(rule)
    parsed = AccessRules(tuple(rules))
    if (size := len(str(parsed).encode())) > MAX_BYTES:
        raise InvalidRule(f"The rules have {size:,} bytes; a function's environment has room for {MAX_BYTES:,}.")
    return parsed


_EXAMPLE = '[{"principal": "users", "actions": ["read"], "prefix": "home/{sub}/"}]'


def check_principals(rules: AccessRules, *, auth: bool) -> None:
    """Raise InvalidRule if a principal cannot occur with this setting of `auth`."""
    for number, rule in enumerate(rules.rules, 1):
        if auth and rule.principal == "anyone":
            raise _invalid(number, "principal", rule.principal, "with auth on, every caller is a user or an IAM caller")
        if not auth and rule.principal != "anyone":
            raise _invalid(number, "principal", rule.principal, "with auth off, the only principal is anyone")


def patterns(rules: AccessRules, action: Action, folder: str) -> list[str]:
    """Return IAM patterns that match every key, and key prefix, with which somebody may do this, and few others.

    Placeholders become `*`, and so does everything if the patterns are too long for a policy.
    """
    if not rules.rules:
        return [f"{folder}/*"]
    prefixes = sorted({_pattern(rule.prefix) for rule in rules.rules if action in rule.actions})
    found = [f"{folder}/{prefix}*" for prefix in prefixes]
    return found if len(json.dumps(found).encode()) <= MAX_POLICY_BYTES else [f"{folder}/*"]


def _pattern(prefix: str) -> str:
    segments = ("*" if segment in (SUB, GROUP) else segment for segment in prefix.split("/"))
    # `${` starts a policy variable. A literal `*` or `?` is a wildcard that matches itself.
    return "/".join(segments).replace("$", "?")


def _rule(number: int, entry: Any) -> Rule:
    if not isinstance(entry, Mapping):
        raise InvalidRule(f"Entry {number} is not an object with {', '.join(_KEYS)}.")
    for key in entry:
        if key not in _KEYS:
            raise InvalidRule(f"Entry {number} has the unknown key {key!r}{_meant(str(key), _KEYS)}")
    for key in _KEYS:
        if key not in entry:
            raise InvalidRule(f"Entry {number} has no {key}.")
    principal, actions, prefix = (entry[key] for key in _KEYS)
    if not isinstance(principal, str) or not _PRINCIPAL.fullmatch(principal):
        raise _invalid(number, "principal", principal, f"it takes one of {', '.join(_PRINCIPALS)}", _PRINCIPALS)
    if not isinstance(actions, list) or not actions:
        raise _invalid(number, "actions", actions, f"it takes a list of {', '.join(ACTIONS)}")
    for action in actions:
        if action not in ACTIONS:
            raise _invalid(number, "actions", action, f"an action is one of {', '.join(ACTIONS)}", ACTIONS)
    if not isinstance(prefix, str):
        raise _invalid(number, "prefix", prefix, "it takes text such as home/{sub}/")
    for problem in _prefix_problems(principal, prefix):
        raise _invalid(number, "prefix", prefix, problem)
    if len(set(actions)) != len(actions):
        raise _invalid(number, "actions", actions, "an action is in the list twice")
    return Rule(principal, tuple(action for action in ACTIONS if action in actions), prefix)


def _prefix_problems(principal: str, prefix: str) -> Iterator[str]:
    segments = prefix.split("/")[:-1]
    if _CONTROL_CHARACTER.search(prefix):
        yield "it contains a control character"
    elif prefix.startswith("/"):
        yield "it starts with a slash"
    elif prefix and not prefix.endswith("/"):
        yield "it must end in a slash, so that bob does not match bobby"
    elif "" in segments:
        yield "it contains two slashes in a row"
    elif "." in segments or ".." in segments:
        yield "it has a segment of dots, which no file name has"
    elif len(prefix.encode()) > MAX_PREFIX_BYTES:
        yield f"it has more than {MAX_PREFIX_BYTES} bytes"
    placeholders = [segment for segment in segments if "{" in segment or "}" in segment]
    for placeholder in placeholders:
        if placeholder not in (SUB, GROUP):
            yield f"the only placeholders are {SUB} and {GROUP}, and each must be a whole segment"
    of_users = principal in ("users", "groups") or principal.startswith("group:")
    if SUB in placeholders and not of_users:
        yield f"{SUB} is for users, groups and group:NAME; this principal has no sub"
    if GROUP in placeholders and principal != "groups":
        yield f"{GROUP} is for groups; for one group write its name"
    if GROUP not in placeholders and principal == "groups":
        yield f"with groups it must contain {GROUP}; for users in any group use users"


def _check_new(number: int, rule: Rule, earlier: Iterable[Rule]) -> None:
    for other_number, other in enumerate(earlier, 1):
        same = (other.principal, other.prefix) == (rule.principal, rule.prefix)
        if same and (repeated := [action for action in rule.actions if action in other.actions]):
            raise InvalidRule(
                f"Entry {number} repeats entry {other_number}: {repeated[0]} for the same principal and prefix."
            )


def _invalid(number: int, field: str, value: object, reason: str, names: tuple[str, ...] = ()) -> InvalidRule:
    return InvalidRule(f"Entry {number}, {field} {value!r}: {reason}{_meant(str(value), names)}")


def _meant(value: str, names: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(value.lower(), [name.lower() for name in names], n=1)
    meant = next((name for name in names if close and name.lower() == close[0]), None)
    return f". Did you mean {meant}?" if meant else "."
