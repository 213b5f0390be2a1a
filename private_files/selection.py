"""Which files the arguments of a command name: names, patterns such as `pictures/*.svg`, and folders."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from private_files import globs
from private_files.api import BATCH, PrivateFiles, RemoteFile
from private_files.failures import NoMatch


@dataclass(frozen=True)
class Selected:
    """Files without URLs; `listed` is whether they come from a listing, and so exist."""

    files: list[RemoteFile]
    listed: bool

    @property
    def names(self) -> list[str]:
        return [file.name for file in self.files]


def is_folder(argument: str) -> bool:
    """Whether the argument names a folder; no name of a file ends with a slash."""
    return argument.endswith("/")


def is_several(argument: str) -> bool:
    """Whether the argument can name several files."""
    return is_folder(argument) or globs.is_glob(argument)


def select(
    api: PrivateFiles,
    arguments: Sequence[str],
    *,
    repeated: bool = False,
    excluded: Callable[[str], bool] = lambda _name: False,
) -> Iterator[Selected]:
    """Yield the files that the arguments name, in this order and up to 1,000 at a time.

    Files of patterns and folders are left out if they are `excluded`.

    A file whose name is the pattern itself is the only match: a name that was copied from a listing is that file. Each
    file is yielded once, or with `repeated` for each argument. At the end, raises NoMatch if a pattern or a folder had
    no files.
    """
    if not repeated:
        arguments = list(dict.fromkeys(arguments))
    seen: set[str] = set()
    unmatched: list[str] = []

    def new(files: list[RemoteFile]) -> list[RemoteFile]:
        if repeated or len(arguments) == 1:
            return files  # a listing has each name once, and can be too long to remember
        found = [file for file in {file.name: file for file in files}.values() if file.name not in seen]
        seen.update(file.name for file in found)
        return found

    plain: list[RemoteFile] = []
    for argument in arguments:
        if not is_several(argument):
            plain.append(RemoteFile(argument, None))
        if plain and (is_several(argument) or len(plain) == BATCH):
            yield Selected(new(plain), listed=False)
            plain = []
        if is_several(argument):
            found = False
            for page in _matches(api, argument):
                found = found or bool(page)
                if files := new([file for file in page if not excluded(file.name)]):
                    yield Selected(files, listed=True)
            if not found:
                unmatched.append(argument)
    if plain:
        yield Selected(new(plain), listed=False)
    if unmatched:
        raise NoMatch(f"No file matches {', '.join(f'“{argument}”' for argument in unmatched)}.")


def _matches(api: PrivateFiles, argument: str) -> Iterator[list[RemoteFile]]:
    if not globs.is_glob(argument):
        yield from (page.files for page in api.listing(argument))
    elif exact := api.file(argument):
        yield [exact]
    else:
        # `pictures/2026-*/` names the files in the folders that match.
        expression = globs.compiled(f"{argument}**" if is_folder(argument) else argument)
        by_folder = globs.is_of_one_folder(argument)
        for page in api.listing(globs.literal_prefix(argument), by_folder=by_folder):
            yield [file for file in page.files if expression.fullmatch(file.name)]
