"""`rm`: delete files through the API."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from private_files import prompts, selection
from private_files.api import BATCH, PrivateFiles
from private_files.failures import Unconfigured
from private_files.report import Report
from private_files.shown_text import escaped


def rm(
    api: PrivateFiles,
    arguments: Sequence[str],
    report: Report,
    *,
    excluded: Callable[[str], bool],
    recursive: bool,
    confirmed: bool,
    dry_run: bool,
) -> None:
    """Delete the files and report on each. Without `confirmed`, the user is asked before files that were not named.

    Raises Unconfigured if a folder is named and not `recursive`, or if there is no terminal to confirm on.
    """
    if recursive:
        arguments = [each if selection.is_several(each) else f"{each}/" for each in arguments]
    elif folder := next(filter(selection.is_folder, arguments), None):
        raise Unconfigured(f"{folder} is a folder: add --recursive to delete all files in it.")
    batches = _listed(api, arguments, report, excluded)
    if dry_run:
        for names in batches:
            for name in names:
                report.done(name, f"would delete {name}", dryRun=True)
        return
    if not confirmed and any(map(selection.is_several, arguments)):
        found = [name for names in batches for name in names]
        if not _confirm([name for name in found if name not in arguments]):
            prompts.show("Nothing was deleted.")
            return
        batches = (found[start : start + BATCH] for start in range(0, len(found), BATCH))
    _delete(api, batches, report)


def _listed(
    api: PrivateFiles, arguments: Sequence[str], report: Report, excluded: Callable[[str], bool]
) -> Iterator[list[str]]:
    for selected in selection.select(api, arguments, excluded=excluded):
        for file in selected.files:
            if file.refused:  # the API listed it for another prefix
                report.failed(file.name, file.refused)
        yield [file.name for file in selected.files if not file.refused]


def _confirm(names: list[str]) -> bool:
    if not names:  # each file was named
        return True
    if len(names) == 1:
        what = escaped(names[0], terminal=True)
    else:
        what = f"{len(names):,} files, from {names[0]} to {names[-1]}"
    return prompts.confirm(f"Delete {what}?", "Add --yes, after a look at the files with --dry-run.")


def _delete(api: PrivateFiles, batches: Iterator[list[str]], report: Report) -> None:
    for batch in batches:
        refused = api.delete(batch)
        for name in batch:
            if name in refused:
                report.failed(name, refused[name])
            else:
                report.done(name, f"deleted {name}", deleted=True)
