"""The rule of key rotation: which changes of the signing keys break no URL. Pure.

A key signs from its `SignsFrom` until the next key's. Removing it from the key group is safe after its last URL has
expired, or if it never signed. The rule depends on nothing but the old keys, the new keys and the time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

SECONDS_TO_DEPLOY = 60
LONGEST_UPDATE = 900  # seconds from when an update creates a key until its check, or the check of its roll-back, runs


class UnsafeRotation(ValueError):
    """This change of the signing keys would break URLs; the message says why, and what to do."""


@dataclass(frozen=True)
class KeySchedule:
    """The signing keys of one deployment, and how long its URLs and its changes take. All times in whole seconds.

    `signs_from` maps the name of each key to when it starts to sign, since 1970; oldest → newest. `longest_url` is
    how long a URL can live, `settling` the time until every edge location knows a change. `revoked` keys may be
    removed although URLs still need them.
    """

    signs_from: dict[str, int]
    longest_url: int
    settling: int
    revoked: frozenset[str]

    @classmethod
    def from_properties(cls, properties: dict[str, Any]) -> KeySchedule:
        """Return the schedule from a resource's properties, in which CloudFormation sends numbers as text."""
        return cls(
            {key["Name"]: int(key["SignsFrom"]) for key in properties["Generations"]},
            int(properties["LongestUrlSeconds"]),
            int(properties["SettlingSeconds"]),
            frozenset(properties["Revoked"]),
        )


def check_rotation(old: KeySchedule, new: KeySchedule, now: int) -> None:
    """Raises UnsafeRotation if the change from the old keys to the new ones breaks URLs."""
    kept = [name for name in old.signs_from if name in new.signs_from]
    if list(new.signs_from)[: len(kept)] != kept:
        raise UnsafeRotation(
            f"signing_keys was {','.join(old.signs_from)} and cannot become {','.join(new.signs_from)}: "
            "keys keep their order, and a new key goes to the end."
        )
    for name in old.signs_from:
        if name not in new.signs_from and name not in new.revoked:
            _check_removal(name, old, max(old.longest_url, new.longest_url), now)


def can_be_a_rollback(old: KeySchedule, new: KeySchedule, now: int) -> bool:
    """Return whether a roll-back can make this change of the keys; an update that breaks URLs for good cannot.

    A roll-back restores keys that existed before the update, and removes only keys that the update has just created,
    which are the last ones.
    """
    restored = [new.signs_from[name] for name in new.signs_from if name not in old.signs_from]
    removed = [name for name in old.signs_from if name not in new.signs_from]
    created = [old.signs_from[name] - old.settling for name in removed]
    just_now = now - LONGEST_UPDATE
    last = removed == list(old.signs_from)[len(old.signs_from) - len(removed) :]
    return last and max(restored, default=0) < just_now < min(created, default=now)


def _check_removal(name: str, old: KeySchedule, longest_url: int, now: int) -> None:
    names = list(old.signs_from)
    position = names.index(name)
    if position > 0 and now + SECONDS_TO_DEPLOY < old.signs_from[name]:
        return  # it never signed, and will not before this deployment has reached every running function
    successors = [old.signs_from[successor] for successor in names[position + 1 :]]
    if not successors:
        raise UnsafeRotation(
            f"The signing key {name} cannot be removed: it still signs, or is about to. Add a newer key first "
            f"(signing_keys={','.join(names)},NEW), or revoke it now and break its URLs: -c revoke={name}"
        )
    signs_until = min(successors)
    safe_from = signs_until + old.settling + longest_url
    if now < safe_from:
        signs = "still signs" if now < signs_until else "signed"
        raise UnsafeRotation(
            f"The signing key {name} cannot be removed yet: it {signs} until {_utc(signs_until)}, and its last URL "
            f"can open a file until {_utc(safe_from)}. Deploy again after that, or break those URLs now: "
            f"-c revoke={name}"
        )


def _utc(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
