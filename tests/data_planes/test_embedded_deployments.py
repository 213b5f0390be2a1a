"""Requests that change a stack in the emulator: the response comes when the change has ended, or after a while."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from ministack.core.responses import AccountRegionScopedDict
from ministack.services import cloudformation, lambda_svc
from ministack.services.cloudformation import changesets, handlers, stacks

from local.embedded_aws import deployments

MODULES = (stacks, changesets, handlers)


@pytest.fixture(autouse=True)
def patched(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(cloudformation, "handle_request", cloudformation.handle_request)
    for module in MODULES:
        monkeypatch.setattr(module, "_create_stack_task_in_region", stacks._create_stack_task_in_region)
    yield


def request(monkeypatch: pytest.MonkeyPatch, change: Any, module: Any) -> Any:
    """Send a request whose handler starts the change through this module, and return the response."""

    def handler(_parameters: dict[str, Any]) -> Any:
        module._create_stack_task_in_region(change, None)
        return 200, {}, b"started"

    deployments.apply()
    monkeypatch.setitem(cloudformation._ACTION_HANDLERS, "CreateStack", handler)
    body = b"Action=CreateStack&StackName=Files"
    return asyncio.run(cloudformation.handle_request("POST", "/", {}, body, {}))


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_response_comes_when_the_change_has_ended(monkeypatch: pytest.MonkeyPatch, module: Any) -> None:
    ended: list[str] = []

    async def change() -> None:
        await asyncio.sleep(0.01)
        ended.append("changed")

    assert request(monkeypatch, change(), module)[2] == b"started"
    assert ended == ["changed"]


def test_response_does_not_wait_for_a_change_that_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deployments, "LONGEST_WAIT", 0.01)
    ended: list[str] = []

    async def change() -> None:
        await asyncio.sleep(30)
        ended.append("changed")

    assert request(monkeypatch, change(), stacks)[2] == b"started"
    assert ended == []


def test_response_comes_when_versions_with_snapstart_can_be_invoked(monkeypatch: pytest.MonkeyPatch) -> None:
    version = {"config": {"State": "Pending"}}
    functions = AccountRegionScopedDict()
    functions["url"] = {"versions": {"1": version}}
    monkeypatch.setattr(lambda_svc, "_functions", functions)

    async def change() -> None:
        asyncio.get_running_loop().call_later(0.1, version["config"].update, {"State": "Active"})

    assert request(monkeypatch, change(), stacks)[2] == b"started"
    assert version["config"]["State"] == "Active"


def test_failed_change_is_logged_and_no_failed_request(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def change() -> None:
        raise ValueError("the change failed")

    assert request(monkeypatch, change(), stacks)[2] == b"started"
    assert "ValueError: the change failed" in caplog.text
