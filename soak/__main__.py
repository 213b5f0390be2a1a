"""`python -m soak`: an hour of mixed load on the local stack, with key rotations and killed functions."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path

from soak import stack
from soak.caller import FOLDER
from soak.run import Soak

PROJECT = Path(__file__).parent.parent
INTERRUPTED = 130
RULES = json.dumps(
    [
        {"principal": "users", "actions": ["read"], "prefix": ""},
        {"principal": "users", "actions": ["read", "write", "delete"], "prefix": FOLDER},
    ]
)


def main() -> int:
    options = _options()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C, so that the stack is stopped
    every = round(options.rotate_minutes * 60)
    settling, window = max(1, every // 30), max(1, every // 30)
    longest = every // 4
    context = ["uploads=on", "rest=on", f"access={RULES}", f"key_settling={settling}", f"url_window={window}"]
    context += [f"url_lifetime={longest}", f"url_lifetime_max={longest}", "retain_data=off"]
    print("Starting the stack ...", flush=True)
    try:
        with stack.running(options.directory / "stack", context) as running:
            soak = Soak(
                running,
                seconds=options.minutes * 60,
                rotate=every,
                # The old key signs until the new one has settled.
                valid=2 * settling + longest + window,
                seed=options.seed,
            )
            soak.run(options.callers)
            seconds, figures = soak.lasted, soak.figures
    except stack.StackFailed as failed:
        print(failed, file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # while the stack starts
        return INTERRUPTED
    result = options.directory / "result.json"
    result.write_text(json.dumps(figures.to_json(seconds), indent=2) + "\n")
    print(f"\n{figures.text(seconds)}\n\nWritten to {result}.")
    return 1 if figures.unexpected() else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make soak",
        usage="make soak [OPTIONS='...']",
        description="Run the local stack under mixed load: list, sign, fetch, fetch ranges, upload, delete, sign in, "
        "and wrong tokens, names, queries and URLs. Meanwhile, signing keys are rotated as docs/rotate-keys.md says, "
        "and functions are killed. Everything is on 127.0.0.1. Exit code 1 if anything unexpected happens.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=60, help="how long the load lasts")
    parser.add_argument("--rotate-minutes", type=float, default=10, help="time between two rotations, at least 1")
    parser.add_argument("--callers", type=int, default=3, help="clients at the same time")
    parser.add_argument("--seed", default="1", help="of the random choices")
    parser.add_argument("--directory", type=Path, default=PROJECT / ".local" / "soak", help="for logs and result.json")
    options = parser.parse_args()
    if options.rotate_minutes < 1 or options.callers < 1 or options.minutes <= 0:
        parser.error("--rotate-minutes must be at least 1, --callers at least 1 and --minutes more than 0.")
    return options


if __name__ == "__main__":
    sys.exit(main())
