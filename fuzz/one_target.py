"""Runs one target under atheris, in a process of its own: `python -m fuzz.one_target NAME [libFuzzer's options]`."""

from __future__ import annotations

import sys

import atheris

from fuzz import targets
from fuzz.choices import Choices

# What is instrumented: the code under test, and what the targets compare it with.
INSTRUMENTED = ["fuzz.targets", "infra.access_rules", "local.data_planes", "private_files", "resolvers"]


def main() -> None:
    name, *options = sys.argv[1:]
    with atheris.instrument_imports(include=INSTRUMENTED, enable_loader_override=False):
        check = targets.load(name)
    atheris.Setup([name, *options], lambda data: check(Choices(data)))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
