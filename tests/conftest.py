import asyncio
import functools
import gc
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import httpx
import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from tests import PROJECT
from tests.pages import documented_rules
from tests.running_stack import Stack, deployed_stack, running_stack

# The seconds that a test may take, by layer; a test that hangs fails and names its line. Starting a stack counts.
# Slowest layer first, so that no worker waits for a stack at the end.
LAYERS = {"stack": 300, "browser": 300, "data_planes": 60, "infra": 60, "unit": 60}

# botocore parses its models anew for each session, which was most of the time of the functions' tests.
botocore.session.create_loader = functools.cache(botocore.session.create_loader)
# httpx reads all certificates of the machine for each client, also for one that only talks plain HTTP.
vars(httpx._transports.default)["create_ssl_context"] = functools.cache(httpx.create_ssl_context)

settings.register_profile("default", max_examples=60, deadline=None)
settings.register_profile("quick", settings.get_profile("default"), max_examples=30)
settings.load_profile("default")


# Modules whose tests share a running stack, so that one process runs them all. The others are a group each.
STACKS = {
    "tests/stack/test_access.py": "rules",
    "tests/stack/test_firefox.py": "rules",
    "tests/stack/test_upload_page.py": "rules",
    "tests/stack/test_uploads.py": "rules",
    "tests/stack/test_journey.py": "default",
    "tests/stack/test_gallery.py": "default",
    "tests/stack/test_films.py": "default",
    "tests/stack/test_emulator.py": "default",
    "tests/stack/test_frontend_server.py": "default",
    "tests/stack/test_sign_ins.py": "default",
    "tests/browser/test_films_stack.py": "default",
    "tests/browser/test_frontend.py": "default",
    "tests/browser/test_frontend_errors.py": "default",
    "tests/browser/test_graphiql.py": "default",
    "tests/stack/test_docs.py": "documented",
    "tests/stack/test_http_api.py": "documented",
}


class ByStack(LoadScopeScheduling):  # type: ignore[misc]
    """Gives one process all tests that share a stack, and one all that synthesize, since only the first synth is slow.

    (xdist's own groups have no effect with pytest 9.)
    """

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        return STACKS.get(module, "infra" if module.startswith("tests/infra/") else module)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByStack | None:
    return ByStack(config, log) if config.getvalue("dist") == "loadgroup" else None


def pytest_collection_finish() -> None:
    """Leave what was imported out of every later garbage collection, half a second each with the CDK and moto.

    And collect less often: tests leave little behind, and end soon.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    layers = list(LAYERS)
    items.sort(key=lambda item: layers.index(item.path.parent.name))
    deployed = deployed_stack()
    for item in items:
        if item.path.name == "test_journey.py":
            reason = _why_only_local(item)
            # In the report of --junit-xml.
            item.user_properties.append(("on a real account", f"not checked: {reason}" if reason else "holds"))
            if reason and deployed and not deployed.is_local:
                item.add_marker(pytest.mark.skip(reason=reason))
        if not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(LAYERS[item.path.parent.name]))


def _why_only_local(item: pytest.Item) -> str:
    """Return why a test checks only a stack on this machine, or nothing if it checks one of a real account, too."""
    if marker := item.get_closest_marker("only_local"):
        return str(marker.args[0])
    fixtures = getattr(item, "fixturenames", ())
    return (
        "it needs a second stack, with an API key, and starts that on this machine" if "open_stack" in fixtures else ""
    )


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
def documented_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack with the options that the pages use, `rest` and `uploads`; or the one that STACK_OUTPUTS names."""
    if deployed := deployed_stack():
        yield deployed
    else:
        with running_stack(tmp_path_factory.mktemp("documented"), "rest=on", "uploads=on") as running:
            yield running


@pytest.fixture(scope="session")
def ruled_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack with uploads and the access rules of the documentation."""
    rules = json.dumps(documented_rules())
    with running_stack(tmp_path_factory.mktemp("ruled-stack"), "rest=on", "uploads=on", f"access={rules}") as running:
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
