"""What the embedded AWS is taught: here, to forget."""

import asyncio
import json
import tracemalloc

import pytest
from ministack.services import cloudwatch, cloudwatch_logs, lambda_svc

from local.embedded_aws import functions

FUNCTION = {"config": {"FunctionName": "a-function"}}
KEPT = 20


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in ((cloudwatch_logs, "_fanout_to_subscription_filters"), (cloudwatch, "record_metric")):
        monkeypatch.setattr(module, name, getattr(module, name))  # put back afterwards
    monkeypatch.setattr(functions, "_KEPT", KEPT)
    functions._forget_old_invocations()


def invoke(numbers: range) -> None:
    for number in numbers:
        lambda_svc._emit_lambda_logs(FUNCTION, f"request-{number}", f"said by {number}", error=False, duration_ms=1)
        lambda_svc._emit_lambda_metrics("a-function", duration_ms=1.0, error=False, throttle=False)


def said() -> list[str]:
    """Get the lines of the function, as a client reads them."""
    request = json.dumps({"logGroupName": "/aws/lambda/a-function", "filterPattern": "said"}).encode()
    headers = {"x-amz-target": "Logs_20140328.FilterLogEvents"}
    _status, _headers, body = asyncio.run(cloudwatch_logs.handle_request("POST", "/", headers, request, {}))
    return [event["message"] for event in json.loads(body)["events"]]


@pytest.mark.usefixtures("forgetful")
def test_last_invocations_are_kept_and_older_ones_take_no_memory() -> None:
    tracemalloc.start()
    try:
        invoke(range(100))
        before, _ = tracemalloc.get_traced_memory()
        invoke(range(100, 1100))
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert said() == [f"said by {number}" for number in range(1100 - KEPT, 1100)]
    assert after - before < 400_000, "4,000 bytes for each of the 1,000 invocations"
