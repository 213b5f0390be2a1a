"""Mixed load: callers that do one thing after another, and a record of how each ends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from random import Random

from soak.caller import Caller, Unexpected
from soak.figures import Figures


def run(caller: Caller, figures: Figures, random: Random, clock: Callable[[], float], stop: threading.Event) -> None:
    """Do one thing after another until `stop` is set, and record how each ends."""
    actions = caller.actions()
    names, weights = list(actions), [weight for _, weight in actions.values()]
    while not stop.is_set():
        (kind,) = random.choices(names, weights)
        once(kind, actions[kind][0], figures, clock)


def once(kind: str, action: Callable[[], str], figures: Figures, clock: Callable[[], float]) -> None:
    """Do one thing and record how it ends."""
    started = clock()
    try:
        refused = action()
    except Unexpected as error:
        figures.failed(kind, started, clock(), str(error), by_kill=error.by_kill)
    except Exception as error:  # noqa: BLE001 - whatever happens is a result
        # Only the type: the text of some of these errors contains a signed URL.
        figures.failed(kind, started, clock(), type(error).__name__, by_kill=False)
    else:
        figures.succeeded(kind, started, clock(), refused)
