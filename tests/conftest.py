import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import PROJECT
from tests.running_stack import Stack, deployed_stack, running_stack

# Slowest layer first, so that no worker waits for a stack at the end.
LAYERS = ("stack", "browser", "data_planes", "infra", "unit")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: LAYERS.index(item.path.parent.name))


@pytest.fixture(autouse=True)
def event_loop() -> Iterator[None]:
    """If a thread has no event loop, gql makes one and never closes it, which fails a later test with a warning."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack with its defaults on this machine, or the one that STACK_OUTPUTS names."""
    if deployed := deployed_stack():
        yield deployed
    else:
        with running_stack(tmp_path_factory.mktemp("stack")) as running:
            yield running


@pytest.fixture(scope="session")
def open_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack with an API key instead of users, URLs that expire after one second, and every option on."""
    settings = ("auth=off", "url_lifetime=1", "url_window=0", "snap_start=on", "rest=on", "frontend=on")
    with running_stack(tmp_path_factory.mktemp("open-stack"), *settings) as running:
        yield running


@pytest.fixture
def samples() -> Path:
    return PROJECT / "samples"
