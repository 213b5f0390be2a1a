"""`private-files`: run a command, and turn its failures into one line and an exit code."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

from private_files import command_line
from private_files.failures import Failure, SignInRefused, Unconfigured, Unreachable
from private_files.shown_text import one_line

_STOPPED = {
    "get": "Run the same command again to resume.",
    "put": "Each file is either uploaded completely or unchanged.",
}


def main() -> int:
    """Run the command that the arguments name and return its exit code."""
    # The shell may have closed them. Without this, messages would go to standard output, or fail.
    sys.stdout = sys.stdout or Path(os.devnull).open("w")  # noqa: SIM115 - as long as the process
    sys.stderr = sys.stderr or Path(os.devnull).open("w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # the terminal may lack characters of a name
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="surrogateescape")
    context = command_line.parse()
    command = context.command
    try:
        exit_code: int = context.invoke(command.callback, **context.params) if command.callback else 0
        sys.stdout.flush()
    except Failure as failure:
        print(one_line(str(failure)), file=sys.stderr)
        remembered = context.obj and context.obj.get("remembered")
        if remembered and isinstance(failure, Unconfigured | SignInRefused | Unreachable):
            print(one_line(f"The stack is that of `private-files use`: {remembered}."), file=sys.stderr)
        return failure.exit_code
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the flush at exit fails again
        if isinstance(error, BrokenPipeError):
            return 141
        print(one_line(f"{error.filename or 'Standard output'}: {error.strerror or error}"), file=sys.stderr)
        return Unconfigured.exit_code
    except KeyboardInterrupt:
        if context.params.get("output") == "-":
            print("Stopped. What was written is not the whole file.", file=sys.stderr)
        elif command.name in _STOPPED:
            print(f"Stopped. {_STOPPED[command.name]}", file=sys.stderr)
        return 130
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
