"""The program itself, without its commands, and what the commands share."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from private_files import help_texts, remembered_stack, settings
from private_files.options import API, SETTINGS, Group

if TYPE_CHECKING:
    from private_files.api import PrivateFiles

NAME = "private-files"
API_HELP = help_texts.SETTINGS + help_texts.AUTH


@click.group(
    cls=Group,
    shared=API,
    no_args_is_help=False,
    epilog=help_texts.ALL,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
@click.version_option(package_name=NAME, message="%(prog)s %(version)s", help="print the version and exit")
def program() -> None:
    """List private files, download and upload them, request URLs that open them, and find out why a URL is refused."""


def settings_of(given: dict[str, Any]) -> settings.Settings:
    """Return the settings of a command. Raises Unconfigured."""
    return settings.find(_values(given))


def api_of(given: dict[str, Any]) -> PrivateFiles:
    """Return the API for the caller of a command, who signs in if necessary."""
    from private_files import connect  # noqa: PLC0415

    return connect(auth=given.get("auth"), **_values(given))


def read_value(value: str) -> str:
    """Return the value, or for `-` a line of standard input."""
    if value != "-":
        return value
    return sys.stdin.readline().strip() if sys.stdin else ""


def _values(given: dict[str, Any]) -> dict[str, str]:
    values = {name: value for name, value in given.items() if name in SETTINGS}
    values |= {name: os.environ.get(settings.variable(name), "") for name in ("password", "new_password")}
    if values.get("outputs") or values.get("graphql_url") or os.path.lexists(settings.DEFAULT_OUTPUTS):
        return values
    if not (remembered := remembered_stack.find()):
        return values
    given["remembered"] = remembered  # for messages
    chosen = {"outputs": remembered.outputs, "stack": values.get("stack") or remembered.stack}
    return values | {name: value for name, value in chosen.items() if value}
