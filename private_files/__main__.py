"""`private-files`: which files there are, the files themselves, URLs that open them, and why one does not."""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import time
from typing import TYPE_CHECKING

from private_files import command_line, session, settings
from private_files.failures import Failure, Unconfigured
from private_files.report import Report, one_line

if TYPE_CHECKING:
    from private_files.api import PrivateFiles
    from private_files.settings import Settings


def main() -> int:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # the terminal may lack the letters of a name
    options = command_line.parse()
    try:
        exit_code = _COMMANDS[options.command](options)
        sys.stdout.flush()
    except Failure as failure:
        print(one_line(str(failure)), file=sys.stderr)
        return failure.exit_code
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the flush at exit complains
        if isinstance(error, BrokenPipeError):
            return 141
        print(one_line(f"{error.filename or 'Standard output'}: {error.strerror or error}"), file=sys.stderr)
        return Unconfigured.exit_code
    except KeyboardInterrupt:
        if options.command in _STOPPED:
            print(f"Stopped. {_STOPPED[options.command]}", file=sys.stderr)
        return 130
    return exit_code


# Each command loads what it needs when it runs: AWS's libraries alone take as long as all the rest.


def _files(options: argparse.Namespace) -> int:
    names = _api(_settings(options), options.auth).names()
    for line in [json.dumps(names)] if options.json else names:
        print(line)
    return 0


def _url(options: argparse.Namespace) -> int:
    url = _api(_settings(options), options.auth).url(options.name)
    print(json.dumps({"file": options.name, "url": url}) if options.json else url)
    return 0


def _get(options: argparse.Namespace) -> int:
    from private_files import get  # noqa: PLC0415

    if bool(options.names) + bool(options.prefix) + options.all != 1:
        raise Unconfigured("Say which files to get: NAME..., --prefix PREFIX or --all.")
    found = _settings(options)
    api, report = _api(found, options.auth), Report(as_json=options.json)
    batches = get.named(api, options.names) if options.names else get.listed(api, options.prefix or "")
    try:
        get.get(
            api,
            batches,
            get.place(options.output, options.names),
            parallel=options.parallel,
            force=options.force,
            trust=found.trust(),
            report=report,
        )
    finally:
        exit_code = report.end()
    return exit_code


def _put(options: argparse.Namespace) -> int:
    from private_files import put  # noqa: PLC0415

    report = Report(as_json=options.json)
    wanted = put.uploads(options.files, options.prefix, options.name)
    try:
        put.put(_settings(options), wanted, parallel=options.parallel, report=report)
    finally:
        exit_code = report.end()
    return exit_code


def _login(options: argparse.Namespace) -> int:
    from private_files.sign_in import log_in  # noqa: PLC0415

    signed_in = log_in(_settings(options))
    print(json.dumps({"username": signed_in.username}) if options.json else f"Signed in as {signed_in.username}.")
    return 0


def _logout(options: argparse.Namespace) -> int:
    from private_files.cognito import Cognito  # noqa: PLC0415

    found = _settings(options)
    signed_in = session.find(found)
    username = signed_in.username if signed_in else None
    if signed_in:
        signed_in.end(Cognito(found))
    line = f"Signed out {username}." if username else "Nobody was signed in."
    print(json.dumps({"username": username}) if options.json else line)
    return 0


def _explain(options: argparse.Namespace) -> int:
    from private_files import browser, public_keys  # noqa: PLC0415
    from private_files.explain import judge, key_pair_id  # noqa: PLC0415
    from private_files.explanation import Explanation  # noqa: PLC0415

    found = _settings(options)
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
    for line in [json.dumps(explanation.json())] if options.json else explanation.lines():
        print(line)
    return explanation.exit_code


def _completion(options: argparse.Namespace) -> int:
    import shtab  # noqa: PLC0415

    print(shtab.complete(command_line.parser(), options.shell))
    return 0


def _settings(options: argparse.Namespace) -> Settings:
    return settings.find(options.flags, os.environ)


def _api(found: Settings, auth: str | None) -> PrivateFiles:
    from private_files.api import PrivateFiles  # noqa: PLC0415
    from private_files.sign_in import sign_in  # noqa: PLC0415

    trust = found.trust()
    return PrivateFiles(found.graphql_url, sign_in(found, auth), trust)


_COMMANDS = {
    "files": _files,
    "url": _url,
    "get": _get,
    "put": _put,
    "login": _login,
    "logout": _logout,
    "explain": _explain,
    "completion": _completion,
}
_STOPPED = {"get": "The same command goes on from here.", "put": "Every file is there whole, or as it was before."}

if __name__ == "__main__":
    sys.exit(main())
