"""The custom resource that the key group depends on: it fails the deployment if a key rotation would break URLs."""

from __future__ import annotations

from functools import cache
from time import time
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from resolvers import custom_resource
from resolvers.custom_resource import ChangeRefused, Resource
from resolvers.deadline import within
from resolvers.rotation import KeySchedule, UnsafeRotation, can_be_a_rollback, check_rotation

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient

logger = Logger()

SECONDS_TO_LOOK = 30  # of the function's minute


@cache
def _cloudformation() -> CloudFormationClient:
    # At most 2 attempts x 14 s, so that the function responds within its minute.
    return boto3.client(
        "cloudformation", config=Config(connect_timeout=2, read_timeout=12, retries={"total_max_attempts": 2})
    )


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Carry out one CloudFormation request. Properties: those that `KeySchedule.from_properties` reads."""
    custom_resource.respond(event, context, _check)


def _check(event: dict[str, Any]) -> Resource:
    if event["RequestType"] == "Update":
        old, new = (KeySchedule.from_properties(event[f"{age}ResourceProperties"]) for age in ("Old", ""))
        now = int(time())
        try:
            check_rotation(old, new, now)
        except UnsafeRotation as error:
            # A rollback must always succeed: refusing one would leave a stack that cannot be updated.
            rolls_back = _rolls_back(event["StackId"])
            if rolls_back is None:
                # Roll-backs come with outages, so allow what can be one. What cannot be one stays refused: it would
                # delete a private key whose URLs are in use, and nothing brings that key back.
                rolls_back = can_be_a_rollback(old, new, now)
            if not rolls_back:
                raise ChangeRefused(str(error)) from None
            logger.warning("allowed, because the stack rolls back")
    return Resource(event.get("PhysicalResourceId", "signing-keys"))


def _rolls_back(stack_id: str) -> bool | None:
    """Return whether the stack rolls back, or None if CloudFormation does not say."""
    try:
        stacks = within(SECONDS_TO_LOOK, lambda: _cloudformation().describe_stacks(StackName=stack_id)["Stacks"])
        return "ROLLBACK" in stacks[0]["StackStatus"]
    except (BotoCoreError, ClientError, ResponseParserError, TimeoutError, LookupError):
        logger.exception("CloudFormation does not say whether the stack rolls back")
        return None
