"""Invocations of Lambda functions: the sizes that Lambda takes and returns, and results that are not JSON."""

import asyncio
import json
import re
from collections.abc import Callable
from types import TracebackType
from typing import Any

import pytest

from local.data_planes.lambda_functions import FunctionFailed, LambdaFunctions
from tests.appsync_stand import FUNCTION, REGION, SESSION

LARGEST_REQUEST = 6_291_456
LARGEST_RESPONSE = 6_291_556


class Lambda:
    """An HTTP session whose every response is `payload`, and which keeps the bodies that it is sent."""

    def __init__(self, payload: bytes = b"null", status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.payload = payload
        self.status = status
        self.ok = status < 400
        self.headers = headers or {}
        self.bodies: list[bytes] = []

    def post(self, _url: object, *, data: bytes, **_: object) -> "Lambda":
        self.bodies.append(data)
        return self

    async def __aenter__(self) -> "Lambda":
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        pass

    async def read(self) -> bytes:
        return self.payload


def invoke(aws: Lambda, event: object) -> Any:
    async def run() -> Any:
        http: Any = aws
        functions = LambdaFunctions(http, SESSION, region=REGION, aws_endpoint_url="https://127.0.0.1", tls=True)
        return await functions.invoke(FUNCTION, event)

    return asyncio.run(run())


def failure(aws: Lambda, event: object = None) -> tuple[str, str]:
    with pytest.raises(FunctionFailed) as failed:
        invoke(aws, event)
    return failed.value.error_type, failed.value.message


@pytest.mark.parametrize(
    "event_of", [lambda text: text, lambda text: [text], lambda text: ["", text]], ids=["one", "batch", "two"]
)
@pytest.mark.parametrize("character", ["a", "é"])
def test_request_has_at_most_six_megabytes_of_utf_8(event_of: Callable[[str], object], character: str) -> None:
    around = len(json.dumps(event_of(""), separators=(",", ":")))
    size = len(character.encode())
    text = character * ((LARGEST_REQUEST - around) // size)
    text += "b" * (LARGEST_REQUEST - around - len(text) * size)
    aws = Lambda()
    invoke(aws, event_of(text))
    assert [len(body) for body in aws.bodies] == [LARGEST_REQUEST]
    assert json.loads(aws.bodies[0]) == event_of(text)
    assert failure(aws, event_of(text + "b")) == (
        "Lambda:RequestEntityTooLargeException",
        "Request must be smaller than 6291456 bytes for the InvokeFunction operation",
    )
    assert len(aws.bodies) == 1


def test_batch_of_200_callers_in_40_groups_fits_and_one_of_1_000_does_not() -> None:
    event = {"identity": {"claims": "x" * 6_300}, "request": {"headers": {"authorization": "x" * 6_300}}}
    invoke(Lambda(), [event] * 200)
    assert failure(Lambda(), [event] * 1_000)[0] == "Lambda:RequestEntityTooLargeException"


def test_response_has_at_most_six_megabytes() -> None:
    assert len(invoke(Lambda(b'"' + b"a" * (LARGEST_RESPONSE - 2) + b'"'), None)) == LARGEST_RESPONSE - 2
    assert failure(Lambda(b'"' + b"a" * (LARGEST_RESPONSE - 1) + b'"')) == (
        "Function.ResponseSizeTooLarge",
        "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
    )


def test_invocation_without_a_result_returns_nothing() -> None:
    aws = Lambda(b"")
    assert invoke(aws, []) is None
    assert aws.bodies == [b"[]"]


@pytest.mark.parametrize("payload", [b"<html>", b"\xff", b"[" * 100_000], ids=["HTML", "not UTF-8", "deep"])
def test_result_that_is_not_json_is_a_failure(payload: bytes) -> None:
    assert failure(Lambda(payload)) == ("Lambda:Unhandled", "The function did not return JSON.")


def test_function_without_concurrency_is_refused_with_the_type_that_clients_know() -> None:
    # https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
    headers = {"x-amzn-errortype": "TooManyRequestsException"}
    body = {"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded", "message": "Rate Exceeded."}
    aws = Lambda(json.dumps(body).encode(), status=429, headers=headers)
    assert failure(aws) == ("Lambda:TooManyRequestsException", "Rate Exceeded.")


@pytest.mark.parametrize("payload", [b"[]", b"<html>", b"null", b"", b"[" * 100_000], ids=lambda body: repr(body[:8]))
def test_refusal_of_any_form_is_a_failure(payload: bytes) -> None:
    error_type, message = failure(Lambda(payload, status=502))
    assert re.fullmatch(r"Lambda:\w+", error_type)
    assert message == "Lambda returned status 502."
