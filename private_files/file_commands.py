"""The commands about files. Each imports what it needs when it runs: AWS's libraries are slow to import."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from private_files import globs, help_texts, local_files, session
from private_files.failures import NoCredentials, Unconfigured
from private_files.options import API, AWS, DURATION, FILE, NAME, NAME_PART, SIGNED_URL, VALUE, Name
from private_files.program import API_HELP, api_of, program, read_value, settings_of
from private_files.prompts import show
from private_files.report import Report
from private_files.shown_text import escaped

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class _RemoteName(Name):
    """The name of a file that the shell completes."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        from click.shell_completion import CompletionItem  # noqa: PLC0415

        from private_files import completion  # noqa: PLC0415

        return [CompletionItem(name) for name in completion.names(ctx.ensure_object(dict), incomplete)]


_REMOTE_NAME = _RemoteName()
_parallel = click.option(
    "--parallel", type=click.IntRange(1, 256), default=16, show_default=True, metavar="N", help="files at the same time"
)
_exclude = click.option(
    "--exclude", multiple=True, metavar="PATTERN", help="leave these out of folders and patterns; may be repeated"
)
_dry_run = click.option("--dry-run", is_flag=True, help="print what would happen, and change nothing")


@program.command(shared=API, epilog=help_texts.FILES + help_texts.FILES_MORE + API_HELP + help_texts.EXIT_CODES)
@click.pass_obj
def files(given: dict[str, Any]) -> int:
    """Print the name of every file, one per line."""
    names = api_of(given).names()
    shown = (escaped(name, terminal=sys.stdout.isatty()) for name in names)
    for line in [json.dumps(names)] if given.get("json") else shown:
        print(line)
    return 0


@program.command(shared=API, epilog=help_texts.LS + help_texts.PATTERNS + API_HELP + help_texts.MATCH_EXIT_CODES)
@click.argument("what", type=_REMOTE_NAME, required=False, metavar="[PREFIX|PATTERN]")
@click.option("--prefix", type=NAME, metavar="PREFIX", help="names that start with this, which is no pattern")
@click.option("-r", "--recursive", is_flag=True, help="files in all folders, instead of folder by folder")
@click.option("--summarize", is_flag=True, help="print the number of files and their size at the end")
@_exclude
@click.pass_obj
def ls(given: dict[str, Any], /, *, what: str | None, prefix: str | None, recursive: bool, **options: Any) -> int:
    """List files with their sizes and times, a folder at a time."""
    from private_files import listing  # noqa: PLC0415

    if what and prefix:
        raise Unconfigured("Say what to list once: PREFIX, PATTERN or --prefix PREFIX.")
    pattern = what if what and globs.is_glob(what) else ""
    start = prefix or ("" if pattern else what) or ""
    request = listing.Request(start, pattern or "", recursive, globs.excluded_by(options["exclude"]))
    listing.ls(api_of(given), request, as_json=given.get("json", False), summarize=options["summarize"])
    return 0


@program.command(shared=API, epilog=help_texts.URL + help_texts.PATTERNS + API_HELP + help_texts.MATCH_EXIT_CODES)
@click.argument("names", nargs=-1, required=True, type=_REMOTE_NAME, metavar="NAME...")
@click.option("--expires-in", type=DURATION, metavar="TIME", help="how long at least, such as 900, 15m or 2h")
@click.option("--save-as", metavar="NAME", help="browsers save the file under this name instead of showing it")
@click.pass_obj
def url(given: dict[str, Any], names: tuple[str, ...], expires_in: int | None, save_as: str | None) -> int:
    """Print a URL for each file NAME that opens it until it expires. Anyone with the URL can open the file."""
    from private_files.urls import print_urls  # noqa: PLC0415

    as_json = given.get("json", False)
    return print_urls(api_of(given), names, expires_in=expires_in, save_as=save_as, as_json=as_json)


@program.command(
    shared=API, epilog=help_texts.GET + help_texts.GET_MORE + help_texts.PATTERNS + API_HELP + help_texts.ALL_EXIT_CODES
)
@click.argument("names", nargs=-1, type=_REMOTE_NAME, metavar="[NAME]...")
@click.option("--prefix", type=NAME, metavar="PREFIX", help="every file whose name starts with this prefix")
@click.option("--all", "every", is_flag=True, help="every file")
@click.option("-o", "--output", type=FILE, metavar="DIR|FILE|-", help="destination (default: here); FILE for one NAME")
@click.option("--force", is_flag=True, help="replace existing files that differ")
@_exclude
@_dry_run
@_parallel
@click.pass_obj
def get(given: dict[str, Any], /, *, names: tuple[str, ...], prefix: str | None, every: bool, **options: Any) -> int:
    """Download files, several at the same time, and resume downloads that were stopped."""
    if bool(names) + bool(prefix) + every != 1:
        raise Unconfigured("Say which files to get: NAME..., --prefix PREFIX or --all.")
    if options["output"] == "-":
        return _get_to_stdout(given, names, dry_run=options["dry_run"])
    from private_files import get  # noqa: PLC0415

    report = Report(as_json=given.get("json", False))
    excluded = globs.excluded_by(options.pop("exclude"))
    request = get.Request(names, prefix or "", excluded=excluded, **options)
    api = api_of(given)
    try:
        get.get(api, request, report)
    finally:
        exit_code = report.end()
    return exit_code


def _get_to_stdout(given: dict[str, Any], names: tuple[str, ...], *, dry_run: bool) -> int:
    from private_files import selection, stdout_download  # noqa: PLC0415

    if given.get("json") or dry_run:
        raise Unconfigured("-o - writes the file to standard output: omit --json and --dry-run.")
    if len(names) != 1 or selection.is_folder(names[0]):
        raise Unconfigured("-o - takes one NAME.")
    stdout_download.write_to_stdout(api_of(given), names[0])
    return 0


@program.command(
    shared=API, epilog=help_texts.PLAY + API_HELP + help_texts.MATCH_EXIT_CODES + help_texts.PLAY_EXIT_CODES
)
@click.argument("name", type=_REMOTE_NAME, metavar="NAME")
@click.option("--url", "only_url", is_flag=True, help="print an address for a player on this machine, until Ctrl-C")
@click.option("--player", type=VALUE, metavar="PROGRAM", help="program to start with the address")
@click.pass_obj
def play(given: dict[str, Any], name: str, player: str | None, *, only_url: bool) -> int:
    """Play a film in ffplay, mpv or VLC: a playlist of HLS such as master.m3u8, or one file."""
    if only_url and player:
        raise Unconfigured("Use --url or --player, not both.")
    if name.endswith("/"):
        raise Unconfigured("play takes the name of a file, such as films/holiday/master.m3u8, not of a folder.")
    from private_files import play  # noqa: PLC0415

    if only_url:
        return play.serve(api_of(given), name, as_json=given.get("json", False))
    return play.play(api_of(given), name, player or "")


@program.command(
    shared=("bucket_name", "files_folder", *API),
    epilog=help_texts.PUT + help_texts.PUT_MORE + help_texts.SETTINGS + help_texts.TRANSFER_EXIT_CODES,
)
@click.argument("paths", nargs=-1, required=True, type=FILE, metavar="FILE|FOLDER...|- NAME")
@click.option("--prefix", type=NAME_PART, default="", metavar="PREFIX", help="prefix of their names, such as photos/")
@click.option("--as", "name", type=NAME, metavar="NAME", help="another name, for one FILE")
@click.option("--force", is_flag=True, help="replace existing files; with AWS credentials, they always are")
@click.option("--update", is_flag=True, help="upload only files that are new, have another size, or changed later")
@_exclude
@_dry_run
@_parallel
@click.pass_obj
def put(given: dict[str, Any], /, *, paths: tuple[str, ...], prefix: str, name: str | None, **options: Any) -> int:
    """Upload files and folders: with AWS credentials, or through the API with --auth, or if there are none."""
    from private_files import put, stdin_upload  # noqa: PLC0415

    stdin_name = local_files.from_stdin(paths, name)
    report, parallel = Report(as_json=given.get("json", False)), options["parallel"]
    with contextlib.ExitStack() as stack:
        if stdin_name is None:
            uploads = local_files.uploads(paths, prefix, name, show, globs.excluded_by(options["exclude"]))
        else:
            file = Path("-") if options["dry_run"] else stack.enter_context(stdin_upload.spooled())
            uploads = [local_files.Upload(file, prefix + stdin_name, "standard input")]
        try:
            through_api = (options["update"] or not options["dry_run"]) and _through_api(given)
            if options["update"]:
                uploads = _changed(given, uploads, report, through_api=through_api)
            if options["dry_run"]:
                put.say(uploads, settings_of(given).outputs.files_folder, report)
            elif through_api:
                force = options["force"] or options["update"]
                put.put_through_api(api_of(given), uploads, overwrite=force, parallel=parallel, report=report)
            else:
                found = settings_of(given)
                put.put(found.outputs, uploads, parallel=parallel, report=report, own_credentials=not found.implicit)
        finally:
            exit_code = report.end()
    return exit_code


def _changed(
    given: dict[str, Any], wanted: list[local_files.Upload], report: Report, *, through_api: bool
) -> list[local_files.Upload]:
    from private_files import update  # noqa: PLC0415

    if through_api:
        return update.changed(wanted, update.in_api(api_of(given)), report)
    found = settings_of(given)
    listed = update.in_bucket(found.outputs, own_credentials=not found.implicit)
    return update.changed(wanted, listed, report)


def _through_api(given: dict[str, Any]) -> bool:
    """Whether uploads go through the API: with --auth, and for a user who is signed in and has no AWS credentials."""
    if given.get("auth"):
        return True
    found = settings_of(given)
    if found.implicit or not session.find(found.outputs, found.username):
        return False
    from private_files.aws import caller_credentials  # noqa: PLC0415

    try:
        caller_credentials()
    except NoCredentials:
        return True
    return False


@program.command(shared=API, epilog=help_texts.RM + help_texts.PATTERNS + API_HELP + help_texts.ALL_EXIT_CODES)
@click.argument("names", nargs=-1, required=True, type=_REMOTE_NAME, metavar="NAME...")
@click.option("-r", "--recursive", is_flag=True, help="delete all files in the folders NAME")
@click.option("-y", "--yes", is_flag=True, help="do not ask before files are deleted that are not named")
@_exclude
@_dry_run
@click.pass_obj
def rm(given: dict[str, Any], /, *, names: tuple[str, ...], yes: bool, exclude: tuple[str, ...], **options: Any) -> int:
    """Delete files through the API. An administrator can bring them back for 90 days."""
    from private_files import deletion  # noqa: PLC0415

    report = Report(as_json=given.get("json", False))
    try:
        excluded = globs.excluded_by(exclude)
        deletion.rm(api_of(given), names, report, excluded=excluded, confirmed=yes, **options)
    finally:
        exit_code = report.end()
    return exit_code


@program.command(shared=AWS, epilog=help_texts.EXPLAIN + help_texts.EXPLAIN_MORE)
@click.argument("url", type=SIGNED_URL)
@click.option("--public-key", type=FILE, metavar="FILE", help="a PEM file; check with this key only")
@click.pass_obj
def explain(given: dict[str, Any], url: str, public_key: str | None) -> int:
    """Find out why a signed URL is, or would be, refused with 403. Put it in quotes; - reads it from standard input."""
    from private_files.explanation import explain  # noqa: PLC0415

    found = settings_of(given)
    url = read_value(url)
    # A key that is given need not belong to the stack that happens to run on this machine.
    check_origin = bool(given.get("outputs")) or not public_key
    explanation = explain(url, found.outputs, public_key, check_origin=check_origin, own_credentials=not found.implicit)
    for line in [json.dumps(explanation.json())] if given.get("json") else explanation.lines():
        print(line)
    return explanation.exit_code
