"""`python -m clients`: which files there are, a URL that opens one, and why another does not."""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import time

from clients import browser, command_line, public_keys, settings
from clients.explain import judge, key_pair_id
from clients.explanation import Explanation
from clients.failures import Failure, Unconfigured
from clients.private_files import PrivateFiles
from clients.sign_in import sign_in


def main() -> int:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # the terminal may lack the letters of a name
    options = command_line.parse()
    try:
        lines, exit_code = _explain(options) if options.command == "explain" else (_answer(options), 0)
        for line in lines:
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
    return exit_code


def _answer(options: argparse.Namespace) -> list[str]:
    found = settings.find(options.flags, os.environ)
    trust = found.trust()
    api = PrivateFiles(found.graphql_url, sign_in(found, options.auth), trust)
    if options.command == "files":
        names = api.names()
        return [json.dumps(names)] if options.json else names
    url = api.url(options.name)
    return [json.dumps({"file": options.name, "url": url}) if options.json else url]


def _explain(options: argparse.Namespace) -> tuple[list[str], int]:
    found = settings.find(options.flags, os.environ)
    # The stack that happens to run here is not the one whose key somebody names.
    named = options.flags["--outputs"] or os.environ.get(settings.variable("--outputs"))
    cdn_url = found.get("CdnUrl") if named or not options.public_key else None
    try:
        url = sys.stdin.readline().strip() if options.url == "-" else options.url
        request, _ = browser.as_sent(url)
        file = options.public_key
        keys = public_keys.from_file(file, key_pair_id(request)) if file else public_keys.fetch(found)
        now = time.time()
        explanation = Explanation(judge(url, keys, now=now, cdn_url=cdn_url), keys, now=now)
    except ValueError as error:
        raise Unconfigured(f"This is no URL to explain. {error}") from None
    return [json.dumps(explanation.json())] if options.json else explanation.lines(), explanation.exit_code


if __name__ == "__main__":
    sys.exit(main())
