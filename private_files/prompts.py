"""Prompts on the terminal. Those that sign a user in raise SignInRefused if there is no terminal."""

from __future__ import annotations

import getpass
import sys
import warnings

from private_files.failures import SignInRefused, Unconfigured
from private_files.settings import variable
from private_files.shown_text import one_line


def password(username: str) -> str:
    """Return a password exactly as typed, without echo."""
    return _hidden(f"Password of {one_line(username)}: ")


def new_password(reason: str) -> str:
    """Return a password that the user has typed twice, exactly as typed, without echo."""
    first = _hidden(f"{reason} New password: ")
    if _hidden("Again: ") != first:
        raise SignInRefused("The two passwords differ; the password was not changed.")
    return first


def line(text: str, instead: str) -> str:
    """Return a line, without spaces around it. `instead` says what to do without a terminal."""
    if not (sys.stdin and sys.stdin.isatty()):
        raise SignInRefused(f"No terminal to prompt for “{text}”. {instead}")
    print(f"{text}: ", end="", file=sys.stderr, flush=True)
    if not (typed := sys.stdin.readline()):
        raise SignInRefused(f"Nothing was typed for “{text}”. {instead}")
    return typed.strip()


def confirm(question: str, instead: str) -> bool:
    """Return whether the user types y or yes. Raises Unconfigured without a terminal; `instead` says what to do."""
    if not (sys.stdin and sys.stdin.isatty()):
        raise Unconfigured(f"No terminal to confirm: {question} {instead}")
    print(f"{one_line(question)} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def show(text: str) -> None:
    """Show a line to the user, on standard error."""
    print(one_line(text), file=sys.stderr, flush=True)


def show_lines(lines: list[str]) -> None:
    """Show lines to the user, on standard error. Raises SignInRefused without a terminal: nobody would see them."""
    if not sys.stderr.isatty() and not (sys.stdin and sys.stdin.isatty()):
        raise SignInRefused(
            "No terminal to set up an authenticator app: sign in with private-files login, or on the page."
        )
    for each in lines:
        show(each)


def _hidden(text: str) -> str:
    with warnings.catch_warnings():
        # Without this, getpass would read the password from standard input and show it.
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass(text)
        except (getpass.GetPassWarning, EOFError):
            raise SignInRefused(
                f"No terminal to prompt for “{text.strip(' :')}”. Set the environment variable {variable('password')}; "
                f"a first sign-in needs a terminal, or {variable('new_password')}."
            ) from None
