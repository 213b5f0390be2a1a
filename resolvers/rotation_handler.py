"""The custom resource that the key group depends on: it fails the deployment if a key rotation would break URLs."""

from __future__ import annotations

from functools import cache
from time import time
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from resolvers import custom_resource
from resolvers.custom_resource import ChangeRefused, Resource
from resolvers.rotation import KeySchedule, UnsafeRotation, check_rotation

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient

logger = Logger()


@cache
def _cloudformation() -> CloudFormationClient:
    return boto3.client("cloudformation")


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: LambdaContext) -> None:
    """Carry out one CloudFormation request. Properties: those that `KeySchedule.from_properties` reads."""
    custom_resource.respond(event, _check)


def _check(event: dict[str, Any]) -> Resource:
    if event["RequestType"] == "Update":
        old, new = (KeySchedule.from_properties(event[f"{age}ResourceProperties"]) for age in ("Old", ""))
        try:
            check_rotation(old, new, int(time()))
        except UnsafeRotation as error:
            # A rollback must always succeed: refusing one would leave a stack that cannot be updated.
            if not _rolls_back(event["StackId"]):
                raise ChangeRefused(str(error)) from None
            logger.warning("allowed, because the stack rolls back")
    return Resource(event.get("PhysicalResourceId", "signing-keys"))


def _rolls_back(stack_id: str) -> bool:
    (stack,) = _cloudformation().describe_stacks(StackName=stack_id)["Stacks"]
    return "ROLLBACK" in stack["StackStatus"]
