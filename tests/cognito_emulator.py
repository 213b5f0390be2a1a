"""The emulator's Cognito in this process, with our patches, and a pool as the stack makes it."""

import asyncio
import base64
import hashlib
import hmac
import inspect
import json
import struct
import time
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


def totp(secret: str, at: float | None = None, digits: int = 6) -> str:
    """The code of an authenticator app: https://www.rfc-editor.org/rfc/rfc6238"""
    counter = struct.pack(">Q", int((time.time() if at is None else at) // 30))
    mac = hmac.new(base64.b32decode(secret), counter, hashlib.sha1).digest()
    start = mac[-1] & 15
    return f"{(int.from_bytes(mac[start : start + 4], 'big') & 0x7FFFFFFF) % 10**digits:0{digits}d}"
