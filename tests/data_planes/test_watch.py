"""Changes of the sources while `make up` runs: each takes effect once, and a failure is one line."""

import asyncio
import errno
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from local import changes
from local.changes import Effect
from local.watch import NotApplied, Watch

SOURCE = "resolvers/a.py"


class Stack:
    """What would deploy; it refuses functions whose source is `broken`."""

    def __init__(self, project: Path) -> None:
        self.project = project
        self.deployed: list[Effect] = []
        self.printed: list[str] = []

    def watch(self) -> Watch:
        actions = {effect: self._action(effect) for effect in Effect}
        return Watch(self.project, changes.content(self.project), actions, self.printed.append)

    def _action(self, effect: Effect) -> Callable[[], Awaitable[str]]:
        async def deploy() -> str:
            source = (self.project / SOURCE).read_text()
            if source == "broken":
                raise NotApplied(f"{SOURCE}, line 1: it is broken")
            if source == "full":
                raise OSError(errno.ENOSPC, "No space left on device")
            self.deployed.append(effect)
            return "deployed"

        return deploy


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    for name in (SOURCE, "resolvers/b.py", "infra/stack.py", "schema.graphql"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("1")
    return Stack(tmp_path)


def test_changed_files_are_one_deployment_and_one_line(stack: Stack) -> None:
    watch = stack.watch()
    for name in (SOURCE, "resolvers/b.py", "resolvers/c.py", "schema.graphql"):
        (stack.project / name).write_text("2")
    asyncio.run(watch.apply())
    assert stack.deployed == [Effect.FUNCTIONS, Effect.SCHEMA]
    assert stack.printed == ["resolvers/a.py and 2 other files changed: deployed", "schema.graphql changed: deployed"]


def test_file_that_was_broken_takes_effect_when_it_is_repaired(stack: Stack) -> None:
    watch = stack.watch()
    for content in ("broken", "2", "2"):
        (stack.project / SOURCE).write_text(content)
        asyncio.run(watch.apply())
    assert stack.deployed == [Effect.FUNCTIONS]
    assert stack.printed == [
        "Not deployed: resolvers/a.py, line 1: it is broken. What ran before still runs.",
        "resolvers/a.py changed: deployed",
    ]


def test_file_that_was_broken_and_is_as_before_again_is_deployed(stack: Stack) -> None:
    watch = stack.watch()
    for content in ("broken", "1"):
        (stack.project / SOURCE).write_text(content)
        asyncio.run(watch.apply())
    assert stack.printed[-1] == "resolvers/a.py changed: deployed"


def test_system_error_is_a_line_and_the_stack_goes_on(stack: Stack) -> None:
    watch = stack.watch()
    (stack.project / SOURCE).write_text("full")
    asyncio.run(watch.apply())
    assert stack.printed == ["Not deployed: [Errno 28] No space left on device. What ran before still runs."]


def test_another_change_does_not_repeat_a_failure(stack: Stack) -> None:
    watch = stack.watch()
    (stack.project / SOURCE).write_text("broken")
    asyncio.run(watch.apply())
    (stack.project / "README.md").write_text("2")
    asyncio.run(watch.apply())
    assert len(stack.printed) == 1


def run_with(looks: list[str], stack: Stack, monkeypatch: pytest.MonkeyPatch) -> int:
    """Return how often changes were put into effect while the files looked like this, one look after the other."""
    applied = 0

    class LastLook(Exception):
        pass

    def stamps(_project: Path) -> str:
        if not looks:
            raise LastLook
        return looks.pop(0)

    async def apply() -> None:
        nonlocal applied
        applied += 1

    watch = stack.watch()
    monkeypatch.setattr("local.watch._SECONDS_BETWEEN_LOOKS", 0)
    monkeypatch.setattr(changes, "stamps", stamps)
    monkeypatch.setattr(watch, "apply", apply)
    with pytest.raises(LastLook):
        asyncio.run(watch.run())
    return applied


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        ("aa", 1),  # what was changed while the stack started
        ("aaaaaa", 1),
        ("abcdeffff", 1),  # a checkout of git
        ("aabcddd", 2),
        ("aabbaa", 3),
        ("abcd", 0),
    ],
)
def test_files_that_are_still_changing_are_waited_for(
    looks: str, expected: int, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run_with(list(looks), stack, monkeypatch) == expected


def test_change_is_seen_in_a_folder_that_was_replaced(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.watch._SECONDS_BETWEEN_LOOKS", 0.01)
    before = stack.watch()
    (stack.project / "resolvers").rename(stack.project / "away")
    (stack.project / "resolvers").mkdir()
    (stack.project / SOURCE).write_text("2")

    async def watch() -> None:
        running = asyncio.create_task(before.run())
        async with asyncio.timeout(10):
            while not stack.printed:
                await asyncio.sleep(0.01)
            (stack.project / SOURCE).write_text("3")
            while len(stack.printed) < 2:
                await asyncio.sleep(0.01)
        running.cancel()

    asyncio.run(watch())
    assert stack.deployed == [Effect.FUNCTIONS, Effect.FUNCTIONS]
