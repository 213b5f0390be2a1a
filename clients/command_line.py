"""What can be typed, and the help that says so."""

from __future__ import annotations

import argparse
import re
from typing import Any, NoReturn

from clients.settings import DEFAULT_OUTPUTS, FLAGS, variable

_FILES_EXAMPLES = """
examples:
  python -m clients files
  python -m clients files --json
  python -m clients files --outputs cdk-outputs.json --username me@example.com
  AWS_PROFILE=work python -m clients files --outputs cdk-outputs.json --auth iam
"""
_URL_EXAMPLES = """
examples:
  python -m clients url report.pdf
  python -m clients url report.pdf --json
  python -m clients url -- -begins-with-a-dash.txt
  curl "$(python -m clients url report.pdf)" --output report.pdf
"""
_EXPLAIN_EXAMPLES = """
examples:
  python -m clients explain 'https://…?Expires=…&Signature=…&Key-Pair-Id=…'
  python -m clients url report.pdf | python -m clients explain -
  python -m clients explain --json --public-key public.pem - < url.txt
"""
_EXPLAIN_MORE = f"""
with which keys:
  Those in the key group of the stack that --outputs names (default: {DEFAULT_OUTPUTS}), read from CloudFront with
  the AWS credentials that boto3 finds (cloudfront:GetKeyGroup, cloudfront:GetPublicKey). With --public-key: that one,
  and nobody is asked. The URL itself is never requested.

exit codes:
  0  the edge lets it through
  1  the edge refuses it
  2  wrong usage, or a value is missing
  4  nothing speaks against it, but there was no key to check the signature with
"""
_MORE = f"""
where to ask:
  --outputs names the file that `make up` or `cdk deploy --outputs-file` wrote (default: {DEFAULT_OUTPUTS}).
  What the file holds can also be given by flag, or by an environment variable with the name of the flag:
  {variable("--graphql-url")} for --graphql-url. A flag wins over a variable, and that over the file.
  The default file is not read where a flag or a variable names another API.

who asks (--auth):
  api-key  whoever has the key; the default where there is one
  cognito  a user; else the default. The password is in {variable("--password")}, or asked for without echo.
           While `make up` runs, its file names a demo user, who is the default.
  iam      the AWS credentials that boto3 finds; for `make up`: AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test

exit codes:
  0  answered
  1  the API refused what was asked
  2  wrong usage, or a value is missing
  3  who asks was refused
  4  no answer
"""
_WHAT = {
    "GraphqlUrl": ("URL", "the API"),
    "Region": ("REGION", "the AWS region of the stack"),
    "UserPoolId": ("ID", "the Cognito user pool"),
    "UserPoolClientId": ("ID", "its client"),
    "ApiKey": ("KEY", "the API key"),
    "AwsCaBundle": ("FILE", "the authorities to trust instead of the system's"),
    "AwsEndpointUrl": ("URL", "where AWS answers instead"),
    "Username": ("NAME", "who signs in"),
}
_OF_AWS = ("Region", "AwsCaBundle", "AwsEndpointUrl")  # with which `explain` asks CloudFront


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Exits with 2; the message quotes what was typed, but never a URL that opens a file."""
        super().error(re.sub(r"\S*(://|Signature=)\S*", "[a URL]", message))


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """`command`, its arguments, `json`, `auth`, and `flags` by name; exits with 2 on wrong usage."""
    # A default here would, behind the command, undo the flag before it.
    where = _Parser(add_help=False, argument_default=argparse.SUPPRESS)
    where.add_argument("--json", action="store_true", help="print JSON")
    where.add_argument("--outputs", type=_filled, metavar="FILE", help="the outputs of the stack")
    for name in _OF_AWS:
        _add(where, name)
    common = _Parser(add_help=False, argument_default=argparse.SUPPRESS, parents=[where])
    common.add_argument("--auth", choices=["cognito", "api-key", "iam"], help="who asks")
    for name in (name for name in FLAGS if name not in _OF_AWS):
        _add(common, name)
    layout: dict[str, Any] = {"formatter_class": argparse.RawDescriptionHelpFormatter, "parents": [common]}

    parser = _Parser(
        prog="python -m clients",
        description="Asks the API which files there are, and for a URL that opens one; says why a URL does not.",
        epilog=_FILES_EXAMPLES + (_URL_EXAMPLES + _EXPLAIN_EXAMPLES).replace("\nexamples:\n", "") + _MORE,
        **layout,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    text = "prints the name of every file, one a line"
    commands.add_parser("files", help=text, description=text, epilog=_FILES_EXAMPLES + _MORE, **layout)
    text = "prints a URL that opens the file until it expires; whoever holds it can open the file"
    url = commands.add_parser("url", help=text, description=text, epilog=_URL_EXAMPLES + _MORE, **layout)
    url.add_argument("name", metavar="NAME", help="as `files` prints it")
    text = "says why a URL is, or would be, answered with 403"
    layout["parents"] = [where]
    explain = commands.add_parser(
        "explain", help=text, description=text, epilog=_EXPLAIN_EXAMPLES + _EXPLAIN_MORE, **layout
    )
    explain.add_argument(
        "url", type=_filled, metavar="URL", help="a signed URL, in quotes; - reads it from standard input"
    )
    explain.add_argument("--public-key", type=_filled, metavar="FILE", help="a PEM file; check with this key alone")

    parsed = parser.parse_args(arguments)
    given = vars(parsed)
    parsed.flags = {flag: given.get(flag[2:].replace("-", "_")) for flag in ("--outputs", *FLAGS.values())}
    parsed.auth, parsed.json = given.get("auth"), given.get("json", False)
    return parsed


def _add(parser: argparse.ArgumentParser, name: str) -> None:
    metavar, what = _WHAT[name]
    parser.add_argument(FLAGS[name], type=_filled, metavar=metavar, help=what)


def _filled(value: str) -> str:
    # An unset shell variable must not turn into the value of another stack.
    if not value:
        raise argparse.ArgumentTypeError("it is empty")
    return value
