"""The URLs of a film's files, requested in batches and kept while they are valid."""

from __future__ import annotations

import asyncio
import itertools
import time
from urllib.parse import parse_qs, urlsplit

from private_files.api import PrivateFiles, RemoteFile
from private_files.failures import QueryRefused
from private_files.in_thread import in_thread

_BATCH = 200  # names in one request
_SECONDS_LEFT = 30  # of a URL that is given to a player: it may pause before it opens it
_REFUSED_FOR = 60  # seconds before a file that was refused is requested again: a player tries each segment


class FilmUrls:
    """The URLs of one film. Each request to the API is for a file and those that a player needs after it."""

    def __init__(self, api: PrivateFiles) -> None:
        self._api = api
        self._found: dict[str, tuple[RemoteFile, float]] = {}  # and until when it is used, in epoch seconds
        self._order: dict[str, tuple[list[str], int]] = {}  # the playlist with the file, and its place in it
        self._requesting = asyncio.Lock()

    def follow(self, names: list[str]) -> None:
        """Take the order of the files from a playlist."""
        self._order |= {name: (names, place) for place, name in enumerate(names)}

    def add(self, file: RemoteFile) -> None:
        """Keep a file with its URL, or with the reason for which it has none."""
        until = time.time() + _REFUSED_FOR if file.url is None else _expires(file.url) - _SECONDS_LEFT
        self._found[file.name] = file, until

    def forget(self, name: str) -> None:
        """Request the URL anew the next time."""
        self._found.pop(name, None)

    async def url(self, name: str) -> str:
        """Return a URL of the file. Raises QueryRefused if it is refused, and what the API raises."""
        file = self._kept(name)
        if not file:
            async with self._requesting:  # the sound needs the next URLs when the picture does
                file = self._kept(name) or await self._request(name)
        if file.url is None:
            raise QueryRefused(file.refused)
        return file.url

    def _kept(self, name: str) -> RemoteFile | None:
        file, until = self._found.get(name, (None, 0.0))
        return file if until > time.time() else None

    async def _request(self, name: str) -> RemoteFile:
        names, place = self._order.get(name, ([name], 0))
        following = (other for other in names[place + 1 :] if not self._kept(other))
        batch = [name, *itertools.islice(following, _BATCH - 1)]
        for file in await in_thread(lambda: self._api.urls(batch)):
            self.add(file)
        return self._found[name][0]


def _expires(url: str) -> float:
    """Return when the URL expires, in epoch seconds; 0 if it does not say so."""
    values = parse_qs(urlsplit(url).query).get("Expires", [])
    return float(values[0]) if len(values) == 1 and values[0].isascii() and values[0].isdecimal() else 0.0
