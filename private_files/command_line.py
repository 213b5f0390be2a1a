"""What can be typed, and the help that says so."""

from __future__ import annotations

import argparse
import re
from importlib.metadata import version
from typing import Any, NoReturn

import shtab

from private_files import help_texts
from private_files.settings import FLAGS

PROGRAM = "private-files"
_WHAT = {
    "GraphqlUrl": ("URL", "the API"),
    "Region": ("REGION", "the AWS region of the stack"),
    "UserPoolId": ("ID", "the Cognito user pool"),
    "UserPoolClientId": ("ID", "its client"),
    "ApiKey": ("KEY", "the API key"),
    "AwsCaBundle": ("FILE", "the authorities to trust instead of the system's"),
    "AwsEndpointUrl": ("URL", "where AWS answers instead"),
    "Username": ("NAME", "who signs in"),
    "BucketName": ("NAME", "the bucket"),
    "FilesFolder": ("NAME", "the folder of the bucket that is served"),
}
_OF_AWS = ("Region", "AwsCaBundle", "AwsEndpointUrl")  # with which AWS itself is asked
_OF_USERS = ("GraphqlUrl", "UserPoolId", "UserPoolClientId", "Username")
_OF_BUCKET = ("BucketName", "FilesFolder")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Exits with 2; the message quotes what was typed, but never a URL that opens a file."""
        super().error(re.sub(r"\S*(://|Signature=)\S*", "[a URL]", message))


class _Version(argparse.Action):
    """Print the installed version. Looked up only for this option, because it reads the package's metadata."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        print(f"{PROGRAM} {version('private-files')}")
        parser.exit()


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """`command`, its arguments, `json`, `auth`, and `flags` by name; exits with 2 on wrong usage."""
    parsed = parser().parse_args(arguments)
    given = vars(parsed)
    parsed.flags = {flag: given.get(flag[2:].replace("-", "_")) for flag in ("--outputs", *FLAGS.values())}
    parsed.auth, parsed.json = given.get("auth"), given.get("json", False)
    return parsed


def parser() -> argparse.ArgumentParser:
    """Every command with its flags, and where a shell can complete them."""
    where = _flags(*_OF_AWS)
    where.add_argument("--json", action="store_true", help="print JSON")
    _file(where.add_argument("--outputs", type=_filled, metavar="FILE", help="the outputs of the stack"))
    users = _flags(*_OF_USERS, parents=[where])
    asks = _flags("ApiKey", parents=[users])
    asks.add_argument("--auth", choices=["cognito", "api-key", "iam"], help="who asks")
    many = _Parser(add_help=False)
    many.add_argument("--parallel", type=_count, default=8, metavar="N", help="so many files at once (default: 8)")
    help_ = help_texts

    whole = _Parser(
        prog=PROGRAM,
        description=help_.DESCRIPTION,
        epilog=help_.FILES
        + "".join(text.replace("\nexamples:\n", "") for text in (help_.URL, help_.GET, help_.PUT, help_.LOGIN))
        + f"\n  {PROGRAM} COMMAND --help says more.\n"
        + help_.WHERE
        + help_.WHO
        + help_.TRANSFER_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[asks],
    )
    whole.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = whole.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def command(name: str, text: str, epilog: str, *parents: _Parser) -> _Parser:
        return commands.add_parser(
            name,
            help=text,
            description=text,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            parents=parents,
        )

    more = help_.WHERE + help_.WHO
    command("files", "prints the name of every file, one a line", help_.FILES + more + help_.EXIT_CODES, asks)

    text = "prints a URL that opens the file until it expires; whoever holds it can open the file"
    url = command("url", text, help_.URL + more + help_.EXIT_CODES, asks)
    url.add_argument("name", type=_name, metavar="NAME", help=f"as `{PROGRAM} files` prints it")

    text = "downloads files, many at once, and goes on where it was stopped"
    get = command("get", text, help_.GET + help_.GET_MORE + more + help_.TRANSFER_EXIT_CODES, asks, many)
    get.add_argument("names", nargs="*", type=_name, metavar="NAME", help=f"as `{PROGRAM} files` prints it")
    get.add_argument("--prefix", type=_name, metavar="PREFIX", help="every file whose name begins so")
    get.add_argument("--all", action="store_true", help="every file")
    output = get.add_argument(
        "-o", "--output", type=_filled, metavar="DIR or FILE", help="where to (default: here); a file for one NAME only"
    )
    _file(output)
    get.add_argument("--force", action="store_true", help="replace files that are there and differ")

    text = "uploads files into the folder that is served"
    put = command("put", text, help_.PUT + help_.PUT_MORE + help_.WHERE + help_.TRANSFER_EXIT_CODES,
                  _flags(*_OF_BUCKET, parents=[where]), many)  # fmt: skip
    _file(put.add_argument("files", nargs="+", type=_filled, metavar="FILE", help="of this machine"))
    put.add_argument("--prefix", default="", metavar="PREFIX", help="what their names begin with, such as photos/")
    put.add_argument("--as", dest="name", type=_filled, metavar="NAME", help="another name, for one FILE")

    text = "signs a user in, for the commands that follow"
    command("login", text, help_.LOGIN + help_.LOGIN_MORE + help_.WHERE + help_.EXIT_CODES, users)
    text = "ends the session of a user, here and at Cognito"
    command("logout", text, help_.LOGOUT + help_.WHERE + help_.EXIT_CODES, users)

    text = "says why a URL is, or would be, answered with 403"
    explain = command("explain", text, help_.EXPLAIN + help_.EXPLAIN_MORE, where)
    explain.add_argument(
        "url", type=_filled, metavar="URL", help="a signed URL, in quotes; - reads it from standard input"
    )
    _file(explain.add_argument("--public-key", type=_filled, metavar="FILE", help="a PEM file; check with it alone"))

    text = "prints a script that has a shell complete this program's words"
    completion = command("completion", text, help_.COMPLETION)
    completion.add_argument("shell", choices=shtab.SUPPORTED_SHELLS, help="which shell")
    return whole


def _flags(*settings: str, parents: list[_Parser] | None = None) -> _Parser:
    # A default here would, behind the command, undo the flag before it.
    flags = _Parser(add_help=False, argument_default=argparse.SUPPRESS, parents=parents or [])
    for name in settings:
        metavar, what = _WHAT[name]
        action = flags.add_argument(FLAGS[name], type=_filled, metavar=metavar, help=what)
        if metavar == "FILE":
            _file(action)
    return flags


def _file(action: Any) -> None:
    action.complete = shtab.FILE


def _filled(value: str) -> str:
    # An unset shell variable must not turn into the value of another stack.
    if not value:
        raise argparse.ArgumentTypeError("it is empty")
    return value


def _name(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError("it is not UTF-8, as every name is") from None
    return _filled(value)


def _count(value: str) -> int:
    if not value.isdecimal() or not 1 <= int(value) <= 256:
        raise argparse.ArgumentTypeError("it must be a number from 1 to 256")
    return int(value)
