"""The response of a custom resource to CloudFormation: exactly one, with a reason if the request failed.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aws_lambda_powertools import Logger

logger = Logger()

NOTHING_CREATED = "nothing-made"  # the physical id after a failed Create; its Delete has nothing to remove


class ChangeRefused(ValueError):
    """The template's change is not possible; the message is the reason that CloudFormation shows."""


@dataclass(frozen=True)
class Resource:
    """A custom resource as CloudFormation sees it: its physical id, and the attributes for `Fn::GetAtt`."""

    physical_id: str
    attributes: dict[str, str] = field(default_factory=dict)


def respond(event: dict[str, Any], carry_out: Callable[[dict[str, Any]], Resource]) -> None:
    """Carry out one CloudFormation request and report the result.

    Raises only if CloudFormation's URL cannot be reached; Lambda then retries the same event, up to twice.
    """
    response: dict[str, Any] = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    response["PhysicalResourceId"] = event.get("PhysicalResourceId", NOTHING_CREATED)
    try:
        resource = carry_out(event)
        response |= {"Status": "SUCCESS", "PhysicalResourceId": resource.physical_id, "Data": resource.attributes}
    except Exception as error:  # of any kind: without a response, the stack hangs for an hour
        logger.exception("refused")
        response |= {
            "Status": "FAILED",
            "Reason": str(error) if isinstance(error, ChangeRefused) else f"{type(error).__name__}: {error}",
        }
    _put(event["ResponseURL"], response)
    logger.info("responded", status=response["Status"], resource=response["PhysicalResourceId"])


def _put(url: str, response: dict[str, Any]) -> None:
    # S3 signed this URL without a content type, so the request must not have one.
    request = urllib.request.Request(url, json.dumps(response).encode(), {"Content-Type": ""}, method="PUT")  # noqa: S310 - CloudFormation's URL
    with urllib.request.urlopen(request, timeout=10):  # noqa: S310 - CloudFormation's URL
        return
