"""`url`: URLs of files that exist, in the order of the names."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

from private_files import selection
from private_files.api import PrivateFiles, RemoteFile
from private_files.failures import NoMatch, QueryRefused, Unconfigured
from private_files.shown_text import one_line


def print_urls(
    api: PrivateFiles, names: tuple[str, ...], *, expires_in: int | None, save_as: str | None, as_json: bool
) -> int:
    """Print a URL per line, and the reasons for those that there are not on standard error. Return the exit code."""
    if save_as is not None and (len(names) != 1 or selection.is_folder(names[0])):
        raise Unconfigured("--save-as takes one NAME: run the command once for each file.")
    exit_code = 0
    for file in _files(api, names, expires_in, save_as):
        if file.url is not None:
            print(json.dumps({"file": file.name, "url": file.url}) if as_json else file.url)
            continue
        if as_json:
            print(json.dumps({"file": file.name, "error": file.refused}))
        # In a pipe the URLs must not stay behind the messages.
        sys.stdout.flush()
        print(one_line(f"{file.name}: {file.refused}"), file=sys.stderr)
        if exit_code != QueryRefused.exit_code:
            exit_code = QueryRefused.exit_code if file.exists else NoMatch.exit_code
    return exit_code


def _files(
    api: PrivateFiles, names: tuple[str, ...], expires_in: int | None, save_as: str | None
) -> Iterator[RemoteFile]:
    for selected in selection.select(api, names, repeated=True):
        # What was listed exists; the URLs of 1,000 names are one request.
        if selected.listed and save_as is None:
            yield from api.urls(selected.names, expires_in)
            continue
        if save_as is not None and len(selected.names) > 1:
            raise Unconfigured("--save-as takes one file, and several match: run the command once for each.")
        for batch in api.checked_urls(selected.names, expires_in, save_as):
            yield from batch
