"""`private-files`: run a command, and turn its failures into one line and an exit code."""

from __future__ import annotations

import io
import os
import sys

from private_files import command_line
from private_files.failures import Failure, SignInRefused, Unconfigured, Unreachable
from private_files.shown_text import one_line

_STOPPED = {
    "get": "Run the same command again to resume.",
    "put": "Each file is either uploaded completely or unchanged.",
}


def main() -> int:
    """Run the command that the arguments name and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # the terminal may lack characters of a name
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="surrogateescape")
    context = command_line.parse()
    command = context.command
    try:
        exit_code: int = context.invoke(command.callback, **context.params) if command.callback else 0
        if sys.stdout:  # it is None if the shell closed it
            sys.stdout.flush()
    except Failure as failure:
        print(one_line(str(failure)), file=sys.stderr)
        remembered = context.obj and context.obj.get("remembered")
        if remembered and isinstance(failure, Unconfigured | SignInRefused | Unreachable):
            print(one_line(f"The stack is that of `private-files use`: {remembered}."), file=sys.stderr)
        return failure.exit_code
    except OSError as error:
        if sys.stdout:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the flush at exit fails again
        if isinstance(error, BrokenPipeError):
            return 141
        print(one_line(f"{error.filename or 'Standard output'}: {error.strerror or error}"), file=sys.stderr)
        return Unconfigured.exit_code
    except KeyboardInterrupt:
        if command.name in _STOPPED:
            print(f"Stopped. {_STOPPED[command.name]}", file=sys.stderr)
        return 130
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
