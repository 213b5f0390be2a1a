"""What can be typed, and the help that says so."""

from __future__ import annotations

import argparse
from typing import Any

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
    "AwsEndpointUrl": ("URL", "where Cognito answers, if not at AWS"),
    "Username": ("NAME", "who signs in"),
}


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """`command` ("files" or "url"), `name`, `json`, `auth`, and `flags` by name; exits with 2 on wrong usage."""
    # A default here would, behind the command, undo the flag before it.
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--json", action="store_true", help="print JSON")
    common.add_argument("--auth", choices=["cognito", "api-key", "iam"], help="who asks")
    common.add_argument("--outputs", type=_filled, metavar="FILE", help="the outputs of the stack")
    for name, flag in FLAGS.items():
        metavar, what = _WHAT[name]
        common.add_argument(flag, type=_filled, metavar=metavar, help=what)
    layout: dict[str, Any] = {"formatter_class": argparse.RawDescriptionHelpFormatter, "parents": [common]}

    parser = argparse.ArgumentParser(
        prog="python -m clients",
        description="Asks the API which files there are, and for a URL that opens one.",
        epilog=_FILES_EXAMPLES + _URL_EXAMPLES.replace("\nexamples:\n", "") + _MORE,
        **layout,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    text = "prints the name of every file, one a line"
    commands.add_parser("files", help=text, description=text, epilog=_FILES_EXAMPLES + _MORE, **layout)
    text = "prints a URL that opens the file until it expires; whoever holds it can open the file"
    url = commands.add_parser("url", help=text, description=text, epilog=_URL_EXAMPLES + _MORE, **layout)
    url.add_argument("name", metavar="NAME", help="as `files` prints it")

    parsed = parser.parse_args(arguments)
    given = vars(parsed)
    parsed.flags = {flag: given.get(flag[2:].replace("-", "_")) for flag in ("--outputs", *FLAGS.values())}
    parsed.auth, parsed.json = given.get("auth"), given.get("json", False)
    return parsed


def _filled(value: str) -> str:
    # An unset shell variable must not turn into the value of another stack.
    if not value:
        raise argparse.ArgumentTypeError("it is empty")
    return value
