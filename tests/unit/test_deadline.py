"""A call that takes too long: its caller waits for the given time and no longer."""

from concurrent.futures import Future
from threading import Event, current_thread
from typing import Any

import pytest

from resolvers import deadline
from resolvers.deadline import within


@pytest.mark.parametrize(("seconds", "waited"), [(2.5, 2.5), (0.05, 0.05), (0, 0), (-3, 0)])
def test_caller_waits_for_the_given_time_and_never_a_negative_one(
    seconds: float, waited: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float | None] = []

    class Waited(Future[Any]):
        def result(self, timeout: float | None = None) -> Any:
            waits.append(timeout)
            return super().result()

    monkeypatch.setattr(deadline, "Future", Waited)
    assert within(seconds, lambda: "the result") == "the result"
    assert waits == [waited]


def test_call_that_hangs_without_any_time_left_is_given_up() -> None:
    forever = Event()
    with pytest.raises(TimeoutError):
        within(-1, lambda: forever.wait(6))
    forever.set()


def test_call_that_was_given_up_does_not_keep_the_process_from_ending() -> None:
    assert within(5, lambda: current_thread().daemon)


@pytest.mark.parametrize("error", [ValueError("of the call"), KeyboardInterrupt(), SystemExit(1)], ids=repr)
def test_exception_of_the_call_is_raised(error: BaseException) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        within(5, fail)
    assert raised.value is error
