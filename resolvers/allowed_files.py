"""The files that a caller may read: listings start from the caller's prefixes, never from the request's.

Only what lies in an allowed prefix is ever listed, so nothing needs to be removed from S3's responses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from resolvers import page_token
from resolvers.page_token import InvalidNextToken
from resolvers.s3_files import File, FileListing, Page

MAX_LISTS = 8  # calls to S3 for a page
LAST = "\U0010ffff"  # no character sorts after it
# The tokens of these pages name a position, not one of S3. The first form is the last name of the page before; the
# second is a prefix, after all of its names.
_AFTER_NAME, _AFTER_PREFIX = "name:", "prefix:"


class AllowedFiles:
    """The files of a listing whose names start with one of `prefixes`, which are sorted, none inside another.

    Its methods return and raise what those of FileListing do, and treat all other files as if they did not exist.
    """

    def __init__(self, listing: FileListing, prefixes: Sequence[str]) -> None:
        self._listing = listing
        self._prefixes = tuple(prefixes)

    def names(self, prefix: str = "") -> Iterator[str]:
        self._listing.check_prefix(prefix)
        for allowed in self._within(prefix):
            yield from self._listing.names(allowed)

    def page(self, *, prefix: str, delimiter: str, limit: int, token: str | None) -> Page:
        self._listing.check_prefix(prefix)
        position = None if token is None else page_token.unwrap(token, prefix, delimiter)
        is_ours = position is not None and position.startswith((_AFTER_NAME, _AFTER_PREFIX))
        is_allowed = prefix.startswith(self._prefixes)
        if is_allowed and not is_ours:
            return self._listing.page(prefix=prefix, delimiter=delimiter, limit=limit, token=token)
        # A change of the rules between two pages can change who made the token: S3 or this class.
        if (is_allowed and delimiter) or (position is not None and not is_ours):
            raise InvalidNextToken("nextToken is from before a change of your access; start with the first page.")
        walk = self._folders if delimiter else self._flat
        return walk(self._within(prefix), prefix, limit, position)

    def find(self, name: str) -> File | None:
        self._listing.check_name(name)
        return self._listing.find(name) if name.startswith(self._prefixes) else None

    def _within(self, prefix: str) -> tuple[str, ...]:
        """Return the prefixes to list: this one if it is allowed, else the allowed ones that start with it."""
        if prefix.startswith(self._prefixes):
            return (prefix,)
        return tuple(allowed for allowed in self._prefixes if allowed.startswith(prefix))

    def _folders(self, allowed: Sequence[str], prefix: str, limit: int, position: str | None) -> Page:
        """Return the folders towards the allowed prefixes, also while they are empty; S3 is not called."""
        depth = len(prefix)
        folders = list(dict.fromkeys(prefix + each[depth:].partition("/")[0] + "/" for each in allowed))
        after = "" if position is None else position.removeprefix(_AFTER_PREFIX)
        rest = [folder for folder in folders if folder > after]
        following = _AFTER_PREFIX + rest[limit - 1] if rest[limit:] else None
        return self._page([], rest[:limit], following, prefix, "/")

    def _flat(self, allowed: Sequence[str], prefix: str, limit: int, position: str | None) -> Page:
        """Return the files of one allowed prefix after another. The page may be short: S3 is called MAX_LISTS times."""
        files: list[File] = []
        lists, position = 0, position or _AFTER_NAME
        for each in allowed:
            after = _start(each, position)
            if after is None:
                continue
            if len(files) == limit or lists == MAX_LISTS:
                return self._page(files, [], position, prefix, "")
            found, last = self._listing.after(each, limit - len(files), after)
            lists += 1
            files += found
            if last is not None:
                return self._page(files, [], _AFTER_NAME + last, prefix, "")
            position = _AFTER_PREFIX + each
        return self._page(files, [], None, prefix, "")

    def _page(self, files: list[File], folders: list[str], position: str | None, prefix: str, delimiter: str) -> Page:
        return Page(files, folders, None if position is None else page_token.wrap(position, prefix, delimiter))


def _start(prefix: str, position: str) -> str | None:
    """Return the name after which to list this prefix, empty for its start, or None if the position is behind it.

    The prefix need not be one of the page before: the rules may have changed.
    """
    kind = _AFTER_PREFIX if position.startswith(_AFTER_PREFIX) else _AFTER_NAME
    name = position.removeprefix(kind)
    if kind == _AFTER_PREFIX:
        if prefix.startswith(name):
            return None
        name += LAST
    if name.startswith(prefix):
        return name
    return None if prefix < name else ""
