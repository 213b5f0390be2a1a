"""The custom resource that stands before the key group and refuses a change of the signing keys that breaks URLs.

A key signs from its `SignsFrom` until the next key's. Taking it out of the key group is safe once its last URL has
expired, or where it never signed. The check knows nothing but the old list, the new list and the time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from time import time
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from resolvers import custom_resource
from resolvers.custom_resource import Made, Refused

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient

logger = Logger()


SECONDS_TO_DEPLOY = 60


@dataclass(frozen=True)
class Generation:
    """A signing key by name, and when it takes over, in seconds since 1970."""

    name: str
    signs_from: int


@dataclass(frozen=True)
class KeyList:
    """The signing keys, oldest → newest; how long a URL can live; how long a change may take to reach everyone.

    `revoked` keys may go at once, whatever still needs them.
    """

    generations: list[Generation]
    longest_url: int
    settling: int
    revoked: frozenset[str]

    @classmethod
    def from_properties(cls, properties: dict[str, Any]) -> KeyList:
        """The list in a resource's properties, in which CloudFormation makes every number text."""
        return cls(
            [Generation(each["Name"], int(each["SignsFrom"])) for each in properties["Generations"]],
            int(properties["LongestUrlSeconds"]),
            int(properties["SettlingSeconds"]),
            frozenset(properties["Revoked"]),
        )


@cache
def _cloudformation() -> CloudFormationClient:
    return boto3.client("cloudformation")


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: LambdaContext) -> None:
    custom_resource.answer(event, _check)


def _check(event: dict[str, Any]) -> Made:
    if event["RequestType"] == "Update":
        old, new = (KeyList.from_properties(event[name]) for name in ("OldResourceProperties", "ResourceProperties"))
        try:
            refuse_unsafe(old, new, int(time()))
        except Refused:
            # The way back must stay open: a rollback that is refused leaves a stack that nobody can update.
            if not _rolls_back(event["StackId"]):
                raise
            logger.warning("allowed, because the stack rolls back")
    return Made(event.get("PhysicalResourceId", "signing-keys"))


def refuse_unsafe(old: KeyList, new: KeyList, now: int) -> None:
    """Raises Refused, with the reason and what to do, where going from the old keys to the new ones breaks URLs."""
    old_names, new_names = ([each.name for each in keys.generations] for keys in (old, new))
    kept = [name for name in old_names if name in new_names]
    if new_names[: len(kept)] != kept:
        raise Refused(
            f"signing_keys was {','.join(old_names)} and cannot become {','.join(new_names)}: "
            "keys keep their order, and a new one goes to the end."
        )
    for position, key in enumerate(old.generations):
        if key.name not in (*new_names, *new.revoked):
            _refuse_unsafe_removal(key, old, position, max(old.longest_url, new.longest_url), now)


def _refuse_unsafe_removal(key: Generation, old: KeyList, position: int, longest_url: int, now: int) -> None:
    if position > 0 and now + SECONDS_TO_DEPLOY < key.signs_from:
        return  # it never signed, and will not before this deployment has told every sandbox
    successors = old.generations[position + 1 :]
    if not successors:
        raise Refused(
            f"The signing key {key.name} cannot be removed: it still signs, or is about to. Add a newer key first "
            f"(signing_keys={','.join(each.name for each in old.generations)},NEW), or give it up at once: "
            f"-c revoke={key.name}"
        )
    takes_over = min(each.signs_from for each in successors)
    safe_from = takes_over + old.settling + longest_url
    if now < safe_from:
        signs = "still signs" if now < takes_over else "signed"
        raise Refused(
            f"The signing key {key.name} cannot be removed yet: it {signs} until {_utc(takes_over)}, and its last URL "
            f"can open a file until {_utc(safe_from)}. Deploy again after that, or break those URLs now: "
            f"-c revoke={key.name}"
        )


def _utc(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _rolls_back(stack_id: str) -> bool:
    (stack,) = _cloudformation().describe_stacks(StackName=stack_id)["Stacks"]
    return "ROLLBACK" in stack["StackStatus"]
