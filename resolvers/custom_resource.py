"""How a custom resource answers CloudFormation: always, once, with a sentence where it failed.

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

NOTHING_MADE = "nothing-made"  # the physical id of a Create that failed: its Delete has nothing to remove


class Refused(ValueError):
    """What the template asks for cannot be done; the message is the reason that CloudFormation shows."""


@dataclass(frozen=True)
class Made:
    """What CloudFormation is told of a resource: its physical id, and the attributes that templates may get."""

    physical_id: str
    attributes: dict[str, str] = field(default_factory=dict)


def answer(event: dict[str, Any], work: Callable[[dict[str, Any]], Made]) -> None:
    """Does the work that one CloudFormation request asks for and tells CloudFormation how it went.

    Raises only where CloudFormation's address cannot be reached; Lambda then runs the same event again, up to twice.
    """
    told: dict[str, Any] = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    told["PhysicalResourceId"] = event.get("PhysicalResourceId", NOTHING_MADE)
    try:
        made = work(event)
        told |= {"Status": "SUCCESS", "PhysicalResourceId": made.physical_id, "Data": made.attributes}
    except Exception as error:  # whatever it is: an unanswered stack hangs for an hour
        logger.exception("refused")
        told |= {
            "Status": "FAILED",
            "Reason": str(error) if isinstance(error, Refused) else f"{type(error).__name__}: {error}",
        }
    _put(event["ResponseURL"], told)
    logger.info("answered", status=told["Status"], resource=told["PhysicalResourceId"])


def _put(url: str, told: dict[str, Any]) -> None:
    # S3 signed this URL without a content type, so none may be sent.
    request = urllib.request.Request(url, json.dumps(told).encode(), {"Content-Type": ""}, method="PUT")  # noqa: S310 - CloudFormation's URL
    with urllib.request.urlopen(request, timeout=10):  # noqa: S310 - CloudFormation's URL
        return
