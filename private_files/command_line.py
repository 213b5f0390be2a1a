"""The commands of `private-files`. Each imports what it needs when it runs: AWS's libraries are slow to import."""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from private_files import help_texts, settings
from private_files.failures import Unconfigured
from private_files.options import API, AWS, FILE, NAME, NAME_PART, SETTINGS, SIGNED_URL, USERS, VALUE, Group
from private_files.report import Report
from private_files.shown_text import escaped, one_line

if TYPE_CHECKING:
    from private_files.api import PrivateFiles

PROGRAM = "private-files"
_parallel = click.option(
    "--parallel", type=click.IntRange(1, 256), default=16, show_default=True, metavar="N", help="files at the same time"
)


@click.group(
    cls=Group,
    shared=API,
    no_args_is_help=False,
    epilog=help_texts.ALL,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
@click.version_option(package_name=PROGRAM, message="%(prog)s %(version)s", help="print the version and exit")
def _program() -> None:
    """List private files, download and upload them, request URLs that open them, and find out why a URL is refused."""


def parse(arguments: list[str] | None = None) -> click.Context:
    """Return the context of the command, ready to run. `obj` has the settings by name, `auth` and `json`.

    Exits after --help and --version, and with 2 on wrong usage.
    """
    try:
        context: Any = _program.main(arguments, prog_name=PROGRAM, standalone_mode=False)
    except click.UsageError as error:
        # The message quotes arguments, and one may be a URL that opens a file.
        message = re.sub(r"\S*(://|%3A%2F%2F|Signature(=|%3D))\S*", "[a URL]", error.format_message(), flags=re.I)
        click.UsageError(one_line(message), error.ctx).show()
        sys.exit(error.exit_code)
    if isinstance(context, int):
        sys.exit(context)
    found: click.Context = context
    return found


_API_HELP = help_texts.SETTINGS + help_texts.AUTH


@_program.command(shared=API, epilog=help_texts.FILES + help_texts.FILES_MORE + _API_HELP + help_texts.EXIT_CODES)
@click.pass_obj
def files(given: dict[str, Any]) -> int:
    """Print the name of every file, one per line."""
    names = _api(given).names()
    shown = (escaped(name, terminal=sys.stdout.isatty()) for name in names)
    for line in [json.dumps(names)] if given.get("json") else shown:
        print(line)
    return 0


@_program.command(shared=API, epilog=help_texts.ACCESS + _API_HELP + help_texts.EXIT_CODES)
@click.pass_obj
def access(given: dict[str, Any]) -> int:
    """Print what the access rules allow you to do, a prefix of file names per line."""
    allowed = _api(given).access()
    if given.get("json"):
        print(json.dumps([asdict(each) for each in allowed]))
        return 0
    for each in allowed:
        actions = [action for action in ("read", "write", "delete") if getattr(each, action)]
        print(f"{', '.join(actions):20} {escaped(each.prefix, terminal=sys.stdout.isatty()) or '(all files)'}")
    if not allowed:
        print("The access rules allow you nothing.")
    return 0


@_program.command(shared=API, epilog=help_texts.URL + _API_HELP + help_texts.EXIT_CODES)
@click.argument("name", type=NAME)
@click.pass_obj
def url(given: dict[str, Any], name: str) -> int:
    """Print a URL that opens the file NAME until it expires. Anyone with the URL can open the file."""
    found = _api(given).url(name)
    print(json.dumps({"file": name, "url": found}) if given.get("json") else found)
    return 0


@_program.command(shared=API, epilog=help_texts.GET + help_texts.GET_MORE + _API_HELP + help_texts.TRANSFER_EXIT_CODES)
@click.argument("names", nargs=-1, type=NAME, metavar="[NAME]...")
@click.option("--prefix", type=NAME, metavar="PREFIX", help="every file whose name starts with this prefix")
@click.option("--all", "every", is_flag=True, help="every file")
@click.option("-o", "--output", type=FILE, metavar="DIR|FILE", help="destination (default: here); FILE for one NAME")
@click.option("--force", is_flag=True, help="replace existing files that differ")
@_parallel
@click.pass_obj
def get(given: dict[str, Any], /, *, names: tuple[str, ...], prefix: str | None, every: bool, **options: Any) -> int:
    """Download files, several at the same time, and resume downloads that were stopped."""
    if bool(names) + bool(prefix) + every != 1:
        raise Unconfigured("Say which files to get: NAME..., --prefix PREFIX or --all.")
    from private_files import get  # noqa: PLC0415

    report = Report(as_json=given.get("json", False))
    request = get.Request(names, prefix or "", **options)
    api = _api(given)
    try:
        get.get(api, request, report)
    finally:
        exit_code = report.end()
    return exit_code


@_program.command(
    shared=("bucket_name", "files_folder", *API),
    epilog=help_texts.PUT + help_texts.PUT_MORE + help_texts.SETTINGS + help_texts.TRANSFER_EXIT_CODES,
)
@click.argument("paths", nargs=-1, required=True, type=FILE, metavar="FILE...")
@click.option("--prefix", type=NAME_PART, default="", metavar="PREFIX", help="prefix of their names, such as photos/")
@click.option("--as", "name", type=NAME, metavar="NAME", help="another name, for one FILE")
@click.option("--force", is_flag=True, help="with --auth, replace existing files; without, they always are")
@_parallel
@click.pass_obj
def put(given: dict[str, Any], /, *, paths: tuple[str, ...], prefix: str, name: str | None, **options: Any) -> int:
    """Upload files into the folder that is served: with --auth through the API, without with AWS credentials."""
    from private_files import put  # noqa: PLC0415

    report = Report(as_json=given.get("json", False))
    uploads, parallel = put.uploads(paths, prefix, name), options["parallel"]
    try:
        if given.get("auth"):
            force = options["force"]
            put.put_through_api(_api(given), uploads, overwrite=force, parallel=parallel, report=report)
        else:
            found = _settings(given)
            put.put(found.outputs, uploads, parallel=parallel, report=report, own_credentials=not found.implicit)
    finally:
        exit_code = report.end()
    return exit_code


@_program.command(shared=API, epilog=help_texts.RM + _API_HELP + help_texts.TRANSFER_EXIT_CODES)
@click.argument("names", nargs=-1, required=True, type=NAME, metavar="NAME...")
@click.pass_obj
def rm(given: dict[str, Any], names: tuple[str, ...]) -> int:
    """Delete files through the API. An administrator can bring them back for 90 days."""
    from private_files.api import BATCH  # noqa: PLC0415

    report, api = Report(as_json=given.get("json", False)), _api(given)
    try:
        for start in range(0, len(names), BATCH):
            batch = list(dict.fromkeys(names[start : start + BATCH]))
            refused = api.delete(batch)
            for name in batch:
                if name in refused:
                    report.failed(name, refused[name])
                else:
                    report.done(name, f"deleted {name}", deleted=True)
    finally:
        exit_code = report.end()
    return exit_code


_code = click.option("--code", type=VALUE, metavar="CODE", help="code to send; - reads standard input")


@_program.command(
    shared=USERS, epilog=help_texts.LOGIN + help_texts.LOGIN_MORE + help_texts.SETTINGS + help_texts.EXIT_CODES
)
@_code
@click.option("--set-up-authenticator", is_flag=True, help="add an authenticator app as second factor")
@click.pass_obj
def login(given: dict[str, Any], code: str | None, set_up_authenticator: bool) -> int:
    """Sign a user in, for the commands that follow."""
    from private_files.sign_in import log_in  # noqa: PLC0415

    signed_in = log_in(_settings(given), _read(code or ""), set_up_authenticator=set_up_authenticator)
    return _print_signed_in(given, signed_in.username)


@_program.command(
    shared=USERS, epilog=help_texts.RESET + help_texts.RESET_MORE + help_texts.SETTINGS + help_texts.EXIT_CODES
)
@_code
@click.pass_obj
def reset_password(given: dict[str, Any], code: str | None) -> int:
    """Set a new password with a code that Cognito sends, and sign in."""
    from private_files import sign_in  # noqa: PLC0415

    return _print_signed_in(given, sign_in.reset_password(_settings(given), _read(code or "")).username)


def _print_signed_in(given: dict[str, Any], username: str) -> int:
    print(json.dumps({"username": username}) if given.get("json") else one_line(f"Signed in as {username}."))
    return 0


def _read(value: str) -> str:
    """Return the value, or for `-` a line of standard input."""
    if value != "-":
        return value
    return sys.stdin.readline().strip() if sys.stdin else ""


@_program.command(shared=USERS, epilog=help_texts.LOGOUT + help_texts.SETTINGS + help_texts.EXIT_CODES)
@click.pass_obj
def logout(given: dict[str, Any]) -> int:
    """End the session of a user, here and in Cognito."""
    from private_files import session  # noqa: PLC0415
    from private_files.cognito import Cognito  # noqa: PLC0415

    found = _settings(given)
    signed_in = session.find(found.outputs, found.username)
    username = signed_in.username if signed_in else None
    if signed_in:
        signed_in.end(Cognito(found.outputs))
    line = f"Signed out {username}." if username else "No user was signed in."
    print(json.dumps({"username": username}) if given.get("json") else one_line(line))
    return 0


@_program.command(shared=AWS, epilog=help_texts.EXPLAIN + help_texts.EXPLAIN_MORE)
@click.argument("url", type=SIGNED_URL)
@click.option("--public-key", type=FILE, metavar="FILE", help="a PEM file; check with this key only")
@click.pass_obj
def explain(given: dict[str, Any], url: str, public_key: str | None) -> int:
    """Find out why a signed URL is, or would be, refused with 403. Put it in quotes; - reads it from standard input."""
    from private_files.explanation import explain  # noqa: PLC0415

    found = _settings(given)
    url = _read(url)
    # A key that is given need not belong to the stack that happens to run on this machine.
    check_origin = bool(given.get("outputs")) or not public_key
    explanation = explain(url, found.outputs, public_key, check_origin=check_origin, own_credentials=not found.implicit)
    for line in [json.dumps(explanation.json())] if given.get("json") else explanation.lines():
        print(line)
    return explanation.exit_code


@_program.command(epilog=help_texts.COMPLETION)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> int:
    """Print a script with which the shell completes the words of this program."""
    from click.shell_completion import get_completion_class  # noqa: PLC0415

    script = get_completion_class(shell)
    if script:
        print(script(_program, {}, PROGRAM, "_PRIVATE_FILES_COMPLETE").source())
    return 0


def _settings(given: dict[str, Any]) -> settings.Settings:
    return settings.find(_values(given))


def _api(given: dict[str, Any]) -> PrivateFiles:
    from private_files import connect  # noqa: PLC0415

    return connect(auth=given.get("auth"), **_values(given))


def _values(given: dict[str, Any]) -> dict[str, str]:
    values = {name: value for name, value in given.items() if name in SETTINGS}
    return values | {name: os.environ.get(settings.variable(name), "") for name in ("password", "new_password")}
