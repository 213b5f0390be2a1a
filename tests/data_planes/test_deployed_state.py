"""When the deployed state is read again, and what happens if it cannot be read."""

import asyncio
import threading

import pytest
from botocore.exceptions import EndpointConnectionError

from local.data_planes.deployed_state import DeployedState, Unreadable


class Deployed:
    """Counts the readings of a state with a version; fails them while `error` is set; the clock is set by the test."""

    def __init__(self) -> None:
        self.version = 1
        self.readings = 0
        self.error: Exception | None = None
        self.now = 100.0
        self.may_end = threading.Event()
        self.may_end.set()
        self.state = DeployedState(self.read, fresh=2.0, stale=30.0, monotonic=lambda: self.now)

    def read(self) -> int:
        self.readings += 1
        version = self.version
        assert self.may_end.wait(30)
        if self.error:
            raise self.error
        return version

    async def current(self) -> int:
        return await self.state.current()


@pytest.fixture
def deployed() -> Deployed:
    return Deployed()


AWS_IS_DOWN = EndpointConnectionError(endpoint_url="https://aws.example")


def test_deployment_is_seen_after_two_seconds(deployed: Deployed) -> None:
    async def deploy() -> None:
        assert await deployed.current() == 1
        deployed.version = 2
        deployed.now += 1.9
        assert await deployed.current() == 1
        deployed.now += 0.1
        assert await deployed.current() == 2
        assert deployed.readings == 2

    asyncio.run(deploy())


def test_all_callers_wait_for_one_reading(deployed: Deployed) -> None:
    async def call_many() -> None:
        assert await asyncio.gather(*(deployed.current() for _ in range(50))) == [1] * 50
        assert deployed.readings == 1

    asyncio.run(call_many())


def test_caller_that_disconnects_does_not_cancel_the_reading(deployed: Deployed) -> None:
    async def disconnect() -> None:
        deployed.may_end.clear()
        first, second = (asyncio.create_task(deployed.current()) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        deployed.may_end.set()
        assert await second == 1
        assert deployed.readings == 1

    asyncio.run(disconnect())


def test_last_state_is_used_for_30_seconds_if_aws_does_not_respond(deployed: Deployed) -> None:
    async def go_down() -> None:
        assert await deployed.current() == 1
        deployed.error = AWS_IS_DOWN
        deployed.now += 30
        assert await deployed.current() == 1
        deployed.now += 2
        with pytest.raises(Unreadable, match=r"aws\.example"):
            await deployed.current()
        deployed.error = None
        with pytest.raises(Unreadable):
            await deployed.current()
        deployed.now += 2
        assert await deployed.current() == 1
        assert deployed.readings == 4

    asyncio.run(go_down())


def test_last_state_is_dropped_if_the_new_one_is_not_supported(deployed: Deployed) -> None:
    async def deploy() -> None:
        assert await deployed.current() == 1
        deployed.error = ValueError("the API uses X, which this data plane does not support")
        deployed.now += 2
        with pytest.raises(Unreadable, match="the API uses X, which this data plane does not support"):
            await deployed.current()
        deployed.error = AWS_IS_DOWN
        deployed.now += 2
        with pytest.raises(Unreadable):
            await deployed.current()
        deployed.error = None
        deployed.now += 2
        assert await deployed.current() == 1

    asyncio.run(deploy())


def test_unexpected_error_reaches_the_caller_and_the_next_reading_is_tried(deployed: Deployed) -> None:
    async def fail() -> None:
        deployed.error = KeyError("a bug")
        with pytest.raises(KeyError):
            await deployed.current()
        deployed.error = None
        deployed.now += 2
        assert await deployed.current() == 1

    asyncio.run(fail())
