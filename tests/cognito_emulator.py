"""The emulator's Cognito in this process, with our patches, and a pool as the stack makes it."""

import asyncio
import inspect
import json
from types import SimpleNamespace
from typing import Any

import pytest
from ministack import app
from ministack.services import cognito

from local.embedded_aws import password_resets, second_factors, user_pools


def patch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Apply the patches until the end of the test."""
    for name, function in inspect.getmembers(cognito, inspect.isfunction):
        monkeypatch.setattr(cognito, name, function)  # put back afterwards
    monkeypatch.setattr(second_factors, "_used", set())
    monkeypatch.setattr(app, "AUTH", True)
    for patches in (user_pools, second_factors, password_resets):
        patches.apply()


def call(action: str, **data: Any) -> Any:
    """The response's fields by name; `error` is the exception's name, or empty."""
    headers = {"x-amz-target": f"AWSCognitoIdentityProviderService.{action}"}
    status, _, body = asyncio.run(cognito.handle_request("POST", "/", headers, json.dumps(data).encode(), {}))
    fields = json.loads(body or b"{}")
    return SimpleNamespace(error="" if status == 200 else fields["__type"].rpartition("#")[2], **fields)
