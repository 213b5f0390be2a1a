"""A film for the players of this machine: a server that returns its playlists, and redirects to its other files."""

from __future__ import annotations

import logging
import secrets
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

import aiohttp
from aiohttp import web
from yarl import URL

from private_files import network, playlist
from private_files.api import PrivateFiles
from private_files.edge_response import UrlRefused, reason, refusal
from private_files.failures import Failure, NoMatch, QueryRefused, SignInRefused, TransferFailed
from private_files.film_urls import FilmUrls
from private_files.in_thread import in_thread
from private_files.shown_text import one_line
from private_files.this_machine import is_of_this_user

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_HOST = "127.0.0.1"
_MAX_PLAYLIST = 8 * 1024 * 1024  # bytes; a film of ten hours in segments of two seconds has 2 MB
_TIMEOUT = aiohttp.ClientTimeout(total=60, sock_connect=10)
_NO_STORE = {"Cache-Control": "no-store"}
_SILENT = logging.Logger("the player's requests", logging.CRITICAL + 1)  # they contain the random path


class FilmServer:
    """The files of one film, for a client that knows `address`: the file itself, and those that its playlists name.

    A playlist is returned with addresses of this server. Any other file is a redirect to a URL that has just been
    signed, or that is valid for 30 seconds more.
    """

    def __init__(self, api: PrivateFiles, name: str, http: aiohttp.ClientSession) -> None:
        self._api, self._name, self._http = api, name, http
        self._urls = FilmUrls(api)
        self._known = {name}
        self._playlists = {name} if playlist.is_playlist(name) else set[str]()
        self._path = f"/{secrets.token_urlsafe(32)}/"
        self._said: set[str] = set()
        self.host = ""  # with the port, once it listens

    @property
    def address(self) -> str:
        """The address of the film."""
        return self._address(self._name)

    async def check(self) -> None:
        """Raise NoMatch if the file does not exist, or another Failure if it cannot be played."""
        (file,) = await in_thread(lambda: next(self._api.checked_urls([self._name])))
        if file.url is None:
            raise (QueryRefused if file.exists else NoMatch)(f"{self._name}: {file.refused}")
        self._urls.add(file)
        if self._name in self._playlists:
            try:
                await self._playlist(self._name)
            except TransferFailed as failure:
                raise TransferFailed(f"{self._name}: {failure}.") from None

    async def respond(self, request: web.BaseRequest) -> web.Response:
        """Return the response to a request of the player."""
        # A page in a browser may have a name of its own for this machine.
        if request.headers.getall("Host", []) != [self.host]:
            return _refused(403, "This server is for a player on this machine.")
        name = self._requested(request.raw_path)
        if name is None:
            return _refused(404, "There is nothing here.")
        # The address is among the arguments of the player, which other users of this machine can list.
        if not _is_of_this_user(request):
            return _refused(403, "This server is for the user who started it.")
        if request.method not in ("GET", "HEAD"):
            return _refused(405, "Use GET or HEAD.", {"Allow": "GET, HEAD"})
        try:
            if name in self._playlists:
                text = await self._playlist(name)
                return web.Response(text=text, content_type="application/vnd.apple.mpegurl", headers=_NO_STORE)
            return web.Response(status=302, headers={**_NO_STORE, "Location": await self._urls.url(name)})
        except Failure as failure:
            self._say(str(failure) if isinstance(failure, SignInRefused) else f"{name}: {failure}")
            status = 403 if isinstance(failure, QueryRefused | SignInRefused) else 502
            return _refused(status, one_line(str(failure)))

    def _address(self, name: str) -> str:
        return f"http://{self.host}{self._path}{quote(name)}"

    def _requested(self, raw_path: str) -> str | None:
        """Return the name of the file, or None if there is none at this path."""
        path = raw_path.partition("?")[0].encode("utf-8", "surrogateescape")
        expected = self._path.encode()
        if not secrets.compare_digest(path[: len(expected)], expected):
            return None
        name = unquote(path[len(expected) :].decode("ascii", "replace"))
        return name if name in self._known else None

    async def _playlist(self, name: str) -> str:
        """Return the playlist for the player."""
        try:
            content, origin = await self._fetch(name)
        except UrlRefused:
            self._urls.forget(name)  # its key may have been rotated
            try:
                content, origin = await self._fetch(name)
            except UrlRefused as refused:
                raise TransferFailed(f"the edge refuses a newly signed URL ({refused})") from None
        found = playlist.read(content, name, origin, self._address)
        self._known.update(found.names)
        self._playlists.update(found.playlists, filter(playlist.is_playlist, found.names))
        self._urls.follow(found.names)
        return found.text

    async def _fetch(self, name: str) -> tuple[bytes, str]:
        """Return the content of the file and the origin of its URL."""
        url = await self._urls.url(name)
        content = b""
        try:
            async with self._http.get(
                URL(url, encoded=True),
                headers={"Accept-Encoding": "identity"},
                allow_redirects=False,
                proxy=network.proxy(url),
            ) as response:
                if 400 <= response.status < 500:
                    raise await refusal(response)
                if response.status != 200:
                    raise TransferFailed(f"the edge returned HTTP status {response.status}")
                async for chunk in response.content.iter_chunked(1 << 16):
                    content += chunk
                    if len(content) > _MAX_PLAYLIST:
                        raise TransferFailed("the playlist is longer than 8 MiB")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise TransferFailed(reason(error)) from None
        return content, playlist.origin_of(url)

    def _say(self, text: str) -> None:
        """Print a message, once: a player tries again."""
        if text not in self._said:
            self._said.add(text)
            print(one_line(text), file=sys.stderr, flush=True)


@asynccontextmanager
async def serving(api: PrivateFiles, name: str) -> AsyncIterator[FilmServer]:
    """Serve the film on a free port of this machine until the block ends. Raises what `FilmServer.check` does."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=api.trust), timeout=_TIMEOUT, cookie_jar=aiohttp.DummyCookieJar()
    ) as http:
        film = FilmServer(api, name, http)
        runner = web.ServerRunner(web.Server(film.respond, logger=_SILENT, access_log=None), shutdown_timeout=0.1)
        await runner.setup()
        try:
            site = web.TCPSite(runner, _HOST, 0)
            await site.start()
            film.host = f"{_HOST}:{runner.addresses[0][1]}"
            await film.check()
            yield film
        finally:
            await runner.cleanup()


def _is_of_this_user(request: web.BaseRequest) -> bool:
    transport = request.transport
    return transport is not None and is_of_this_user(
        transport.get_extra_info("peername"), transport.get_extra_info("sockname")
    )


def _refused(status: int, text: str, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(status=status, text=f"{text}\n", headers={**_NO_STORE, **(headers or {})})
