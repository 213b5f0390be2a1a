"""The options that commands share, and Click's classes with our help and values."""

from __future__ import annotations

import os
import re
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

import click
from click.core import ParameterSource

from private_files import settings
from private_files.shown_text import is_signed_url

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class SignedUrl(click.ParamType[str]):
    """A value that is not empty: an unset shell variable must not select the value of another stack."""

    name = "text"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not value:
            self.fail("it is empty", param, ctx)
        return value


class Value(SignedUrl):
    """A value that is not a signed URL, which opens a file and would be shown in messages."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if is_signed_url(value):
            self.fail(
                "it is a signed URL, which opens a file without this program: use curl, or `private-files explain`",
                param,
                ctx,
            )
        return super().convert(value, param, ctx)


class Name(Value):
    """The name of a file, or a prefix of names."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            value = os.fsencode(value).decode()  # in the C locale, Python may not have decoded the argument
        except UnicodeError:
            self.fail("it is not valid UTF-8, and file names are", param, ctx)
        if "://" in value:
            self.fail("it is a URL, and not the name of a file", param, ctx)
        return super().convert(value, param, ctx)


class NamePart(Name):
    """What comes before or in a name, which may be empty."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return super().convert(value, param, ctx) if value else value


class Duration(click.ParamType[int]):
    """A number of seconds, also as 90s, 15m, 2h or 7d."""

    name = "duration"
    _units: ClassVar[dict[str, int]] = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        found = re.fullmatch(r"([0-9]{1,9})([smhd]?)", str(value))
        seconds = int(found[1]) * self._units[found[2]] if found else 0
        if not 0 < seconds < 2**31:  # GraphQL's Int
            self.fail("write seconds, or a number with a unit: 90s, 15m, 2h, 7d", param, ctx)
        return seconds


class File(Value):
    """A file of this machine; the shell completes its path, which can be in any encoding."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        from click.shell_completion import CompletionItem  # noqa: PLC0415

        return [CompletionItem(incomplete, type="file")]


VALUE, NAME, NAME_PART, FILE, SIGNED_URL = Value(), Name(), NamePart(), File(), SignedUrl()
DURATION = Duration()
SETTINGS: dict[str, dict[str, Any]] = {
    "graphql_url": {"metavar": "URL", "help": "URL of the API"},
    "user_pool_id": {"metavar": "ID", "help": "Cognito user pool"},
    "user_pool_client_id": {"metavar": "ID", "help": "client of the user pool"},
    "username": {"metavar": "NAME", "help": "user who signs in"},
    "api_key": {"metavar": "KEY", "help": "API key"},
    "bucket_name": {"metavar": "NAME", "help": "bucket"},
    "files_folder": {"metavar": "NAME", "help": "folder of the bucket that is served"},
    "region": {"metavar": "REGION", "help": "AWS region of the stack"},
    "aws_ca_bundle": {"metavar": "FILE", "help": "trusted certificates, instead of the system's", "type": FILE},
    "aws_endpoint_url": {"metavar": "URL", "help": "endpoint to use instead of AWS"},
    "outputs": {"metavar": "FILE", "help": "outputs file of the stack", "type": FILE},
    "stack": {"metavar": "NAME", "help": "stack in the outputs file, if it has several"},
}
AWS = ("region", "aws_ca_bundle", "aws_endpoint_url", "outputs", "stack", "json")
USERS = ("graphql_url", "user_pool_id", "user_pool_client_id", "username", *AWS)
API = ("auth", "api_key", *USERS)


class Command(click.Command):
    def __init__(self, *arguments: Any, shared: tuple[str, ...] = (), **attributes: Any) -> None:
        super().__init__(*arguments, **attributes)
        self.params += map(_option, shared)

    def invoke(self, ctx: click.Context) -> Any:
        """Return the context: `parse` only parses, and `main` runs the command."""
        return ctx

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        formatter.write(self.epilog or "")  # not wrapped, unlike Click's


class Group(Command, click.Group):
    command_class = Command
    invoke = click.Group.invoke


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    # An option after the command takes precedence over the same option before it, and both over the environment.
    given, name = context.ensure_object(dict), str(parameter.name)
    if context.get_parameter_source(name) is ParameterSource.COMMANDLINE or (value and name not in given):
        given[name] = value


@cache
def _option(name: str) -> click.Option:
    # Most commands share these options, so each is made once.
    attributes: dict[str, Any] = {"expose_value": False, "callback": _keep}
    if name == "json":
        return click.Option(["--json"], is_flag=True, help="print JSON", **attributes)
    if name == "auth":
        kinds = click.Choice(["cognito", "api-key", "iam"])
        return click.Option(["--auth"], type=kinds, help="how to authenticate", **attributes)
    attributes |= {"type": VALUE, "envvar": settings.variable(name), "show_envvar": True, **SETTINGS[name]}
    return click.Option([settings.flag(name), name], **attributes)
