"""`python -m clients`: which files there are, and a URL that opens one."""

from __future__ import annotations

import argparse
import io
import json
import os
import sys

from clients import command_line, settings
from clients.failures import Failure
from clients.private_files import PrivateFiles
from clients.sign_in import sign_in


def main() -> int:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # the terminal may lack the letters of a name
    options = command_line.parse()
    try:
        for line in _answer(options):
            print(line)
        sys.stdout.flush()
    except Failure as failure:
        # A server wrote a part of it: keep it on one line, and let nothing move the cursor.
        print("".join(letter if letter.isprintable() else " " for letter in str(failure)), file=sys.stderr)
        return failure.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the flush at exit complains
        return 141
    except KeyboardInterrupt:
        return 130
    return 0


def _answer(options: argparse.Namespace) -> list[str]:
    found = settings.find(options.flags, os.environ)
    trust = found.trust()
    api = PrivateFiles(found.graphql_url, sign_in(found, options.auth), trust)
    if options.command == "files":
        names = api.names()
        return [json.dumps(names)] if options.json else names
    url = api.url(options.name)
    return [json.dumps({"file": options.name, "url": url}) if options.json else url]


if __name__ == "__main__":
    sys.exit(main())
