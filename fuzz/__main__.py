"""`python -m fuzz`: fuzzes what callers and viewers send, each target against a second statement of its rule."""

from __future__ import annotations

import argparse
import signal
import sys
import traceback
from pathlib import Path

from fuzz import engine, seeds, targets
from fuzz.choices import Choices

FOLDER = engine.PROJECT / ".local" / "fuzz"
INTERRUPTED = 130


def main() -> int:
    options = _options()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C, so that no process is left behind
    if options.replay:
        return _replay(options.replay, options.target[0] if options.target else "")
    try:
        return _fuzz(options)
    except engine.NoEngine as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


def _fuzz(options: argparse.Namespace) -> int:
    atheris = engine.install(FOLDER)
    print(f"{'target':20} {'executions':>12} {'seconds':>8} {'edges':>6}  result", flush=True)
    failed = False
    for name in options.target or targets.NAMES:
        result = engine.run(name, FOLDER, atheris, runs=options.runs, seconds=options.seconds)
        failed = failed or not result.finished
        figures = f"{result.executions:>12,} {result.seconds:>8.0f} {result.edges:>6,}"
        print(f"{name:20} {figures}  {_outcome(result)}", flush=True)
        if result.interrupted:
            return INTERRUPTED
        if options.keep_seeds:
            seeds.write(name, [path.read_bytes() for path in (FOLDER / "corpus" / name).iterdir()])
    return 1 if failed else 0


def _outcome(result: engine.Result) -> str:
    if result.crashes:
        return f"CRASH, run it again with: make fuzz OPTIONS='--replay {result.crashes[0]}'"
    if result.interrupted:
        return "interrupted"
    return "no crash" if result.finished else f"the fuzzer failed, see {result.log}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make fuzz",
        usage="make fuzz [OPTIONS='...']",
        description="Fuzz the edge's check, the parsers of GraphQL requests and query strings, file names, page "
        "tokens, content disposition, access rules, uploads, masking, patterns and `explain`. Each target compares the "
        "code with a second, simpler statement of its rule. An input that fails is written to .local/fuzz/crashes; "
        "exit code 1 then.",
    )
    names = f"fuzz only this; may be repeated: {', '.join(targets.NAMES)}"
    parser.add_argument("--target", action="append", choices=targets.NAMES, metavar="NAME", help=names)
    parser.add_argument("--runs", type=int, default=1_000_000, help="executions per target (default: %(default)s)")
    parser.add_argument("--seconds", type=int, default=0, help="end each target after this time (default: no limit)")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="run one input, such as that of a crash, and exit")
    parser.add_argument("--keep-seeds", action="store_true", help="write what reached new code to fuzz/corpus")
    return parser.parse_args()


def _replay(path: Path, name: str) -> int:
    """Run one input; its target is the first word of the file's name."""
    name = name or path.name.partition("-")[0]
    if name not in targets.NAMES or not path.is_file():
        print(
            f"{path} is not an input of a target: name a file of .local/fuzz/crashes, or add --target.", file=sys.stderr
        )
        return 1
    try:
        targets.load(name)(Choices(path.read_bytes()))
    except Exception:  # noqa: BLE001 - whatever it finds
        traceback.print_exc()
        return 1
    print(f"{name}: no crash.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
