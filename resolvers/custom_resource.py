"""The response of a custom resource to CloudFormation: exactly one, with a reason if the request failed.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aws_lambda_powertools import Logger, single_metric
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from resolvers.deadline import within

logger = Logger()

NOTHING_CREATED = "nothing-made"  # the physical id after a failed Create

_SECONDS_TO_RESPOND = 12  # of the function's time, kept for the response
_MAX_REASON = 1000  # characters; CloudFormation drops a response above 4,096 bytes


class ChangeRefused(ValueError):
    """The template's change is not possible; the message is the reason that CloudFormation shows."""


@dataclass(frozen=True)
class Resource:
    """A custom resource as CloudFormation sees it: its physical id, and the attributes for `Fn::GetAtt`."""

    physical_id: str
    attributes: dict[str, str] = field(default_factory=dict)


def respond(event: dict[str, Any], context: LambdaContext, carry_out: Callable[[dict[str, Any]], Resource]) -> None:
    """Carry out one CloudFormation request and report the result before the function's time is up.

    Raises only if CloudFormation's URL cannot be reached; Lambda then retries the same event, up to twice.
    """
    response: dict[str, Any] = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    response["PhysicalResourceId"] = event.get("PhysicalResourceId", NOTHING_CREATED)
    failed = False
    seconds = context.get_remaining_time_in_millis() / 1000 - _SECONDS_TO_RESPOND
    try:
        resource = within(seconds, lambda: carry_out(event))
        response |= {"Status": "SUCCESS", "PhysicalResourceId": resource.physical_id, "Data": resource.attributes}
    except Exception as error:  # of any kind: without a response, the stack hangs for an hour
        logger.exception("refused")
        response |= {"Status": "FAILED", "Reason": _reason(error)[:_MAX_REASON]}
        failed = not isinstance(error, ChangeRefused)
    _put(event["ResponseURL"], response)
    logger.info("responded", status=response["Status"], resource=response["PhysicalResourceId"])
    if failed:  # after the response, which matters more
        with single_metric(name="Failed", unit=MetricUnit.Count, value=1):
            pass  # no dimension but the service


def _reason(error: Exception) -> str:
    if isinstance(error, ChangeRefused):
        return str(error)
    if isinstance(error, TimeoutError):
        return "AWS did not respond in time; deploy again."
    return f"{type(error).__name__}: {error}"


def _put(url: str, response: dict[str, Any]) -> None:
    # S3 signed this URL without a content type, so the request must not have one.
    request = urllib.request.Request(url, json.dumps(response).encode(), {"Content-Type": ""}, method="PUT")  # noqa: S310 - CloudFormation's URL
    with urllib.request.urlopen(request, timeout=10):  # noqa: S310 - CloudFormation's URL
        return
