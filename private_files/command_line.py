"""`private-files`: its commands, and the words of the user as a command to run."""

from __future__ import annotations

import os
import re
import sys
from typing import Any

import click

from private_files import account_commands, file_commands, help_texts
from private_files.program import NAME, program
from private_files.shown_text import one_line

__all__ = ["account_commands", "file_commands", "parse", "program"]
_COMPLETE = "_PRIVATE_FILES_COMPLETE"


def parse(arguments: list[str] | None = None) -> click.Context:
    """Return the context of the command, ready to run. `obj` has the settings by name, `auth` and `json`.

    Exits after --help and --version, and with 2 on wrong usage.
    """
    if _COMPLETE in os.environ:
        from private_files.completion import respond  # noqa: PLC0415

        respond(lambda: program.main(arguments, prog_name=NAME))
    try:
        context: Any = program.main(arguments, prog_name=NAME, standalone_mode=False)
    except click.UsageError as error:
        # The message quotes arguments, and one may be a URL that opens a file.
        message = re.sub(r"\S*(://|%3A%2F%2F|Signature(=|%3D))\S*", "[a URL]", error.format_message(), flags=re.I)
        click.UsageError(one_line(message), error.ctx).show()
        sys.exit(error.exit_code)
    if isinstance(context, int):
        sys.exit(context)
    found: click.Context = context
    return found


@program.command(epilog=help_texts.COMPLETION)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> int:
    """Print a script with which the shell completes the words of this program."""
    from click.shell_completion import get_completion_class  # noqa: PLC0415

    from private_files.completion import register  # noqa: PLC0415

    register()
    script = get_completion_class(shell)
    if script:
        print(script(program, {}, NAME, _COMPLETE).source())
    return 0
