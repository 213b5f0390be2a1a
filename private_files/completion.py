"""Completion in the shell: Click's, with names that are quoted, and with the names of files from the API."""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Callable
from typing import Any, ClassVar, NoReturn

from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ZshComplete,
    add_completion_class,
    split_arg_string,
)

from private_files import session
from private_files.failures import Failure
from private_files.program import api_of, settings_of

_SECONDS = 0.9  # for the response of the API; with the start of Python, people wait for 1.5 seconds at most
# Characters that the shell would act on. Those that bash splits words at, : and =, need no escape.
_UNSAFE = re.compile(r"([\s!\"#$&'()*,;<>?\[\\\]^`{|}~])")


def names(given: dict[str, Any], start: str) -> list[str]:
    """Return the files and folders whose names start so, one level deep; nothing if that fails or takes too long.

    Nobody is signed in for this: without a session or an API key there are none.
    """
    import private_files.api  # noqa: PLC0415 - slow to import, and that is not the fault of the API
    import private_files.sign_in  # noqa: PLC0415, F401

    found: list[str] = []
    thread = threading.Thread(target=_fetch, args=(given, start, found), daemon=True)
    thread.start()
    thread.join(_SECONDS)
    return list(found)


def _fetch(given: dict[str, Any], start: str, found: list[str]) -> None:
    try:
        settings = settings_of(given)
        if given.get("auth") == "iam" or not (
            settings.outputs.api_key or session.find(settings.outputs, settings.username)
        ):
            return
        page = next(api_of(given).listing(start, by_folder=True))
    except Failure:
        return
    # A name that looks like an option would be one on the command line.
    names = [*page.folders, *(file.name for file in page.files)]
    found += sorted(name for name in names if name.isprintable() and not name.startswith("-"))


class _Bash(BashComplete):
    """Reads the line itself: bash splits words at `:` and `=`, and does not quote what it inserts."""

    source_template = """\
%(complete_func)s() {
    local response type value
    COMPREPLY=()
    response=$(env COMP_LINE="${COMP_LINE:0:COMP_POINT}" %(complete_var)s=bash_complete "$1" 2>/dev/null)
    while IFS=',' read -r type value; do
        case $type in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain) COMPREPLY+=("$value") ;;
        esac
    done <<< "$response"
    if [[ ${#COMPREPLY[@]} == 1 && $COMPREPLY == */ ]]; then compopt -o nospace; fi
    return 0
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""

    def get_completion_args(self) -> tuple[list[str], str]:
        line = os.environ["COMP_LINE"]
        words = split_arg_string(line)
        self._raw = _last_word(line)
        incomplete = words.pop() if self._raw else ""
        return words[1:], incomplete

    def format_completion(self, item: CompletionItem[Any]) -> str:
        if item.type != "plain":
            return f"{item.type},{item.value}"
        quote = self._raw[:1]
        if quote == "'":
            return "plain," + str(item.value).replace("'", "'\\''")
        if quote == '"':
            return "plain," + re.sub(r'(["$`\\])', r"\\\1", str(item.value))
        escaped = _UNSAFE.sub(r"\\\1", item.value)
        # bash replaces what follows the last of these in the word.
        replaced_from = max(self._raw.rfind(":"), self._raw.rfind("=")) + 1
        kept = self._raw[:replaced_from]
        return "plain," + (escaped[replaced_from:] if escaped.startswith(kept) else escaped)


def _last_word(line: str) -> str:
    """Return the last word of the line as it is written, with its quotes; empty after a space."""
    start, quote, skip = 0, "", False
    for at, letter in enumerate(line):
        if skip:
            skip = False
        elif letter == "\\" and quote != "'":
            skip = True
        elif quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter in " \t":
            start = at + 1
    return line[start:]


class _Zsh(ZshComplete):
    """zsh quotes what it inserts; no space follows a folder."""

    source_template = ZshComplete.source_template.replace(
        "        compadd -U -V unsorted -a completions\n",
        "        local -a folders=(${(M)completions:#*/})\n"
        "        completions=(${completions:#*/})\n"
        "        compadd -U -V folders -S '' -a folders\n"
        "        compadd -U -V unsorted -a completions\n",
    ).replace("%(prog_name)s)}", "%(prog_name)s 2>/dev/null)}")


class _Fish(FishComplete):
    """fish quotes what it inserts, and adds no space after a slash."""

    source_template: ClassVar[str] = FishComplete.source_template.replace(
        'string split ","', 'string split --max 1 ","'
    ).replace("%(prog_name)s);", "%(prog_name)s 2>/dev/null);")


def respond(complete: Callable[[], object]) -> NoReturn:
    """Print the completions and end the process, even if the API has not responded yet."""
    register()
    try:
        complete()
    finally:
        sys.stdout.flush()
        os._exit(0)


def register() -> None:
    """Let Click use these instead of its own."""
    for shell in (_Bash, _Zsh, _Fish):
        add_completion_class(shell)
