"""The commands about the caller and the stack: signing in and out, access, and which stack is used."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from private_files import help_texts, remembered_stack, settings
from private_files.options import API, FILE, USERS, VALUE
from private_files.program import API_HELP, api_of, program, read_value, settings_of
from private_files.shown_text import escaped, one_line

_code = click.option("--code", type=VALUE, metavar="CODE", help="code to send; - reads standard input")


@program.command(
    shared=USERS, epilog=help_texts.LOGIN + help_texts.LOGIN_MORE + help_texts.SETTINGS + help_texts.EXIT_CODES
)
@_code
@click.option("--set-up-authenticator", is_flag=True, help="add an authenticator app as second factor")
@click.pass_obj
def login(given: dict[str, Any], code: str | None, set_up_authenticator: bool) -> int:
    """Sign a user in, for the commands that follow."""
    from private_files.sign_in import log_in  # noqa: PLC0415

    signed_in = log_in(settings_of(given), read_value(code or ""), set_up_authenticator=set_up_authenticator)
    return _print_signed_in(given, signed_in.username)


@program.command(
    shared=USERS, epilog=help_texts.RESET + help_texts.RESET_MORE + help_texts.SETTINGS + help_texts.EXIT_CODES
)
@_code
@click.pass_obj
def reset_password(given: dict[str, Any], code: str | None) -> int:
    """Set a new password with a code that Cognito sends, and sign in."""
    from private_files import sign_in  # noqa: PLC0415

    return _print_signed_in(given, sign_in.reset_password(settings_of(given), read_value(code or "")).username)


def _print_signed_in(given: dict[str, Any], username: str) -> int:
    print(json.dumps({"username": username}) if given.get("json") else one_line(f"Signed in as {username}."))
    return 0


@program.command(shared=USERS, epilog=help_texts.LOGOUT + help_texts.SETTINGS + help_texts.EXIT_CODES)
@click.pass_obj
def logout(given: dict[str, Any]) -> int:
    """End the session of a user, here and in Cognito."""
    from private_files import session  # noqa: PLC0415
    from private_files.cognito import Cognito  # noqa: PLC0415

    found = settings_of(given)
    signed_in = session.find(found.outputs, found.username)
    username = signed_in.username if signed_in else None
    if signed_in:
        signed_in.end(Cognito(found.outputs))
    line = f"Signed out {username}." if username else "No user was signed in."
    print(json.dumps({"username": username}) if given.get("json") else one_line(line))
    return 0


@program.command(shared=API, epilog=help_texts.ACCESS + API_HELP + help_texts.EXIT_CODES)
@click.pass_obj
def access(given: dict[str, Any]) -> int:
    """Print what the access rules allow you to do, a prefix of file names per line."""
    allowed = api_of(given).access()
    if given.get("json"):
        print(json.dumps([asdict(each) for each in allowed]))
        return 0
    for each in allowed:
        actions = [action for action in ("read", "write", "delete") if getattr(each, action)]
        print(f"{', '.join(actions):20} {escaped(each.prefix, terminal=sys.stdout.isatty()) or '(all files)'}")
    if not allowed:
        print("The access rules allow you nothing.")
    return 0


@program.command(shared=("stack", "json"), epilog=help_texts.USE)
@click.argument("outputs", type=FILE, required=False, metavar="[FILE]")
@click.pass_obj
def use(given: dict[str, Any], outputs: str | None) -> int:
    """Use the stack of the outputs file FILE from every folder; without FILE, print which one is used."""
    if outputs:
        file = Path(outputs).absolute()
        stack = given.get("stack", "")
        settings.read(file, stack)
        remembered_stack.save(remembered_stack.Remembered(str(file), stack))
    chosen = remembered_stack.find()
    if given.get("json"):
        print(json.dumps(asdict(chosen) if chosen else None))
    else:
        print(escaped(str(chosen), terminal=sys.stdout.isatty()) if chosen else "No stack was chosen.")
    return 0
