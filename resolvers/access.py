"""Who may open what: the access rules, the caller of an event, and the folders that the rules allow a caller. Pure.

Rules only add up: a name is allowed if it starts with a prefix that one of them allows. Without rules, every caller may
read everything. `infra.access_rules` checks the configured rules; the functions rely on that.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, ClassVar, Literal

from resolvers.errors import RequestRefused
from resolvers.quoting import quoted

Action = Literal["read", "write", "delete"]
ACTIONS: tuple[Action, ...] = ("read", "write", "delete")
SUB, GROUP = "{sub}", "{group}"

_NO_RULES = "no rules"
_NOT_IN_A_SEGMENT = re.compile(r"[/\x00-\x1f\x7f-\x9f\ud800-\udfff]")

logger = logging.getLogger(__name__)


class NotAllowed(RequestRefused):
    """The access rules do not allow the caller to do this; whether the file exists makes no difference."""

    http_status: ClassVar[int] = 403


@dataclass(frozen=True)
class Caller:
    """Who sends a request.

    `sub` and `groups` are those of a Cognito user. `arn` is that of an IAM caller, and `iam_principal` is
    `role/NAME` or `user/NAME` if it is one of this account. A caller without either has an API key, or nothing.
    """

    sub: str | None = None
    groups: tuple[str, ...] = ()
    arn: str | None = None
    iam_principal: str | None = None

    @classmethod
    def of_appsync(cls, event: Mapping[str, Any], function_arn: str) -> Caller:
        """Return the caller of an AppSync event to the function with this ARN, which names the account.

        https://docs.aws.amazon.com/appsync/latest/devguide/resolver-context-reference.html#aws-appsync-resolver-context-reference-identity
        """
        identity = event.get("identity") or {}
        if arn := identity.get("userArn"):
            return cls(arn=arn, iam_principal=_iam_principal(arn, function_arn.split(":")[4]))
        return cls(sub=identity.get("sub"), groups=tuple(identity.get("groups") or ()))

    @classmethod
    def of_http_api(cls, event: Mapping[str, Any]) -> Caller:
        """Return the caller of an HTTP API event. A JWT authorizer makes text of a list: `[editors readers]`."""
        claims = event["requestContext"].get("authorizer", {}).get("jwt", {}).get("claims", {})
        groups = re.fullmatch(r"\[(.*)\]", claims.get("cognito:groups", ""), re.DOTALL)
        return cls(sub=claims.get("sub"), groups=tuple(filter(None, groups[1].split(" "))) if groups else ())

    def __str__(self) -> str:
        return self.arn or self.sub or "anonymous"


@dataclass(frozen=True)
class Rule:
    """Callers with this principal may do these actions with names that start with this prefix.

    The principal is `users`, `groups` (each group of the caller), `group:NAME`, `iam`, `iam:role/NAME`, `iam:user/NAME`
    or `anyone`. In the prefix, `{sub}` and `{group}` stand for values of the caller.
    """

    principal: str
    actions: tuple[Action, ...]
    prefix: str

    def __str__(self) -> str:
        return f"{self.principal} {','.join(self.actions)} {self.prefix}"

    def prefixes(self, caller: Caller) -> Iterator[str]:
        """Yield the prefixes that this rule allows the caller."""
        if self.principal == "groups":
            values: Sequence[tuple[str | None, str | None]] = [(caller.sub, group) for group in caller.groups]
        else:
            values = [(caller.sub, None)] if self._fits(caller) else []
        for sub, group in values:
            if (prefix := _filled(self.prefix, {SUB: sub, GROUP: group})) is not None:
                yield prefix

    def _fits(self, caller: Caller) -> bool:
        kind, _, name = self.principal.partition(":")
        if kind == "iam":
            return caller.arn is not None and name in ("", caller.iam_principal)
        if kind == "group":
            return name in caller.groups
        return kind == "anyone" or (kind == "users" and caller.sub is not None)


@dataclass(frozen=True)
class AccessRules:
    """The access rules of a deployment."""

    rules: tuple[Rule, ...] = ()

    def __str__(self) -> str:
        return "\n".join(map(str, self.rules)) or _NO_RULES

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:  # once, not for every name of a request
        return hash(self.rules)

    @classmethod
    def parse(cls, text: str) -> AccessRules:
        """Return the rules from their `str`."""
        lines = [] if text == _NO_RULES else text.split("\n")
        rules = (line.split(" ", 2) for line in lines)
        return cls(tuple(Rule(principal, _actions(actions), prefix) for principal, actions, prefix in rules))

    def folders(self, caller: Caller, action: Action) -> tuple[str, ...]:
        """Return the prefixes in which the caller may do this, sorted, none inside another."""
        return _folders(self, caller, action)

    def check(self, caller: Caller, action: Action, name: str) -> None:
        """Raise NotAllowed if the caller may not do this with the file of this name."""
        if not name.startswith(self.folders(caller, action)):
            raise NotAllowed(f"You may not {action} {quoted(name)}; getAccess returns what you may do.")

    def allowed_prefixes(self, caller: Caller) -> list[dict[str, str | bool]]:
        """Return what the caller may do, as `type AllowedPrefix` of the schema, in order of the prefixes."""
        folders = {action: self.folders(caller, action) for action in ACTIONS}
        return [
            {"prefix": prefix, **{action: prefix.startswith(folders[action]) for action in ACTIONS}}
            for prefix in sorted({folder for found in folders.values() for folder in found})
        ]


# The events of a batch have one caller. A frozen dataclass of texts is cheap to compare.
@lru_cache(maxsize=256)
def _folders(rules: AccessRules, caller: Caller, action: Action) -> tuple[str, ...]:
    if not rules.rules:
        return ("",) if action == "read" else ()
    found = (prefix for rule in rules.rules if action in rule.actions for prefix in rule.prefixes(caller))
    folders: list[str] = []
    for prefix in sorted(found):
        if not folders or not prefix.startswith(folders[-1]):
            folders.append(prefix)
    return tuple(folders)


def _filled(prefix: str, values: Mapping[str, str | None]) -> str | None:
    """Return the prefix with the values in place of their placeholders, or None if a value is not one segment."""
    segments = prefix.split("/")
    for position, segment in enumerate(segments):
        if segment not in values:
            continue
        value = values[segment]
        if not value or value in (".", "..") or _NOT_IN_A_SEGMENT.search(value):
            logger.warning("The rule for %s grants nothing: %r cannot replace %s.", prefix, value, segment)
            return None
        segments[position] = value
    return "/".join(segments)


def _actions(text: str) -> tuple[Action, ...]:
    given = text.split(",")
    return tuple(action for action in ACTIONS if action in given)


def _iam_principal(arn: str, account: str) -> str | None:
    """Return `role/NAME` or `user/NAME`. The ARN of an assumed role has the role's name without its path.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
    """
    *_, arn_account, resource = arn.split(":", 5)
    kind, _, rest = resource.partition("/")
    if arn_account != account:
        return None
    if kind == "assumed-role":
        return f"role/{rest.partition('/')[0]}"
    return f"user/{rest.rpartition('/')[2]}" if kind == "user" else None
