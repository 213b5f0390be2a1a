"""The server of a film for a player on this machine, against an API and an edge that a test can change."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import pytest

from private_files.api import PrivateFiles
from private_files.failures import NoMatch, QueryRefused, TransferFailed
from private_files.film_server import FilmServer, serving
from private_files.graphql_request import ApiKey
from tests.download_edge import Edge, download_edge

MASTER = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlarge é+1.m3u8\n"
FILM = "film/master.m3u8"


@dataclass
class Response:
    status: int
    headers: dict[str, str]
    body: str


@dataclass
class Player:
    """A client that sends exactly what it is told to."""

    film: FilmServer

    @property
    def path(self) -> str:
        """The random path, with a slash at each end."""
        return self.film.address.split("/", 3)[3].join("//").partition("/film/")[0] + "/"

    async def send(self, target: str, method: str = "GET", host: str = "", headers: str = "") -> Response:
        name, _, port = self.film.host.partition(":")
        reader, writer = await asyncio.open_connection(name, int(port))
        request = f"{method} {target} HTTP/1.1\r\nHost: {host or self.film.host}\r\nConnection: close\r\n{headers}\r\n"
        writer.write(request.encode())
        head, _, body = (await asyncio.wait_for(reader.read(), 30)).decode().partition("\r\n\r\n")
        writer.close()
        status, *lines = head.split("\r\n")
        return Response(int(status.split()[1]), dict(line.lower().split(": ", 1) for line in lines), body)

    async def get(self, name: str) -> Response:
        return await self.send(self.path + quote(name))

    async def follow(self, uri: str) -> Response:
        """Return the response to a URI that a playlist of the server contains."""
        assert uri.startswith(f"http://{self.film.host}{self.path}")
        return await self.send(urlsplit(uri).path)


@pytest.fixture
def edge() -> Iterator[Edge]:
    with download_edge() as edge:
        edge.lifetime = 900
        write(edge, "film/master.m3u8", MASTER)
        write(edge, "film/large é+1.m3u8", media(["0.ts"]))
        yield edge


def write(edge: Edge, name: str, text: str) -> None:
    edge.files[name] = (text.encode(), '"e"')


def media(names: list[str]) -> str:
    return "#EXTM3U\n#EXT-X-TARGETDURATION:4\n" + "".join(f"#EXTINF:4,\n{name}\n" for name in names)


def uris(playlist: Response) -> list[str]:
    return [line for line in playlist.body.split("\n") if line and not line.startswith("#")]


@asynccontextmanager
async def player_of(edge: Edge, name: str = FILM) -> AsyncIterator[Player]:
    async with serving(PrivateFiles(f"{edge.url}/graphql", ApiKey("da2-key")), name) as film:
        yield Player(film)


def run(edge: Edge, play: Callable[[Player], Awaitable[None]], name: str = FILM) -> None:
    async def main() -> None:
        async with player_of(edge, name) as player:
            await play(player)

    asyncio.run(main())


def test_playlists_are_served_and_other_files_are_redirects(edge: Edge) -> None:
    async def play(player: Player) -> None:
        master = await player.get(FILM)
        assert (master.status, master.headers["cache-control"]) == (200, "no-store")
        assert master.headers["content-type"].startswith("application/vnd.apple.mpegurl")
        (level,) = uris(master)
        assert level.endswith("/film/large%20%C3%A9%2B1.m3u8")
        (segment,) = uris(await player.follow(level))
        redirect = await player.follow(segment)
        assert (redirect.status, redirect.headers["cache-control"], redirect.body) == (302, "no-store", "")
        assert redirect.headers["location"].lower().startswith(f"{edge.url}/film%2f0.ts?")
        assert "signature=secret" in redirect.headers["location"].lower()
        assert "Signature" not in master.body

    run(edge, play)


def test_file_that_is_no_playlist_is_a_redirect(edge: Edge) -> None:
    write(edge, "film/a b.mp4", "…")

    async def play(player: Player) -> None:
        assert (await player.get("film/a b.mp4")).status == 302
        assert (await player.get("film/a.mp4")).status == 404

    run(edge, play, "film/a b.mp4")
    assert edge.requests == []


def test_head_and_range_are_redirected_and_other_methods_refused(edge: Edge) -> None:
    async def play(player: Player) -> None:
        target = player.path + "film/a.mp4"
        assert (await player.send(target, "HEAD")).status == 302
        assert (await player.send(target, headers="Range: bytes=5-\r\n")).status == 302
        assert (await player.send(target + "?x=..", "GET")).status == 302
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND"):
            refused = await player.send(target, method)
            assert (refused.status, refused.headers.get("location")) == (405, None)

    write(edge, "film/a.mp4", "…")
    run(edge, play, "film/a.mp4")


def test_head_of_a_playlist_has_no_body(edge: Edge) -> None:
    async def play(player: Player) -> None:
        head = await player.send(player.path + FILM, "HEAD")
        assert (head.status, head.body) == (200, "")
        assert int(head.headers["content-length"]) > len(MASTER)

    run(edge, play)


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "//",
        "/film/master.m3u8",
        "{other}film/master.m3u8",
        "{path}",
        "{path}film",
        "{path}film/",
        "{path}secret.txt",
        "{path}film/../secret.txt",
        "{path}%2e%2e/secret.txt",
        "{path}film/%2e%2e/film/master.m3u8",
        "{path}../film/master.m3u8",
        "{path}/film/master.m3u8",
        "{path}film/master.m3u8/",
        "{path}film/master.m3u8%00",
        "{path}film/master.m3u8%2500",
        "{path}FILM/master.m3u8",
        "{path}film\\master.m3u8",
        "{upper}film/master.m3u8",
        "{double}film/master.m3u8",
        "http://evil.example{path}film/master.m3u8",
        "http://{host}{path}film/master.m3u8",
        "*",
        "{path}\udce9",
    ],
)
def test_any_other_path_is_refused(edge: Edge, target: str) -> None:
    write(edge, "secret.txt", "secret")

    async def play(player: Player) -> None:
        assert len(player.path) >= 2 + 22  # 128 bits in base64
        other = "/" + "x" * (len(player.path) - 2) + "/"
        values = {"path": player.path, "other": other, "upper": player.path.swapcase(), "host": player.film.host}
        sent = target.format(**values, double=player.path * 2)
        refused = await player.send(sent.encode("utf-8", "surrogateescape").decode("latin-1"))
        assert refused.status in (400, 404), refused
        assert "location" not in refused.headers
        assert "secret" not in refused.body.lower()

    run(edge, play)
    assert edge.api_requests == 1


@pytest.mark.parametrize(
    "host", ["localhost:{port}", "127.0.0.1", "evil.example:{port}", "evil.example", "127.0.0.1:{port}\r\nHost: x"]
)
def test_any_other_host_is_refused(edge: Edge, host: str) -> None:
    async def play(player: Player) -> None:
        refused = await player.send(player.path + FILM, host=host.format(port=player.film.host.partition(":")[2]))
        assert refused.status in (400, 403)
        assert "location" not in refused.headers
        assert "#EXTM3U" not in refused.body

    run(edge, play)


def test_another_user_of_the_machine_is_refused(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(player: Player) -> None:
        assert (await player.get(FILM)).status == 200
        monkeypatch.setattr(os, "getuid", lambda: 4242)
        refused = await player.get(FILM)
        assert (refused.status, refused.body) == (403, "This server is for the user who started it.\n")

    run(edge, play)


def test_two_servers_have_different_paths(edge: Edge) -> None:
    async def main() -> None:
        async with player_of(edge) as first, player_of(edge) as second:
            assert first.path != second.path
            assert (await second.send(first.path + FILM)).status == 404

    asyncio.run(main())


def test_film_of_many_files_needs_few_queries(edge: Edge) -> None:
    pictures, sounds = ([f"{kind} {number}.m4s" for number in range(1200)] for kind in ("picture", "sound"))
    write(edge, FILM, '#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,URI="sound.m3u8"\n#EXT-X-STREAM-INF:A=1\npicture.m3u8\n')
    write(edge, "film/picture.m3u8", media(pictures).replace("\n", '\n#EXT-X-MAP:URI="init.mp4"\n', 1))
    write(edge, "film/sound.m3u8", media(sounds))

    async def play(player: Player) -> None:
        assert (await player.get(FILM)).status == 200
        levels = [uris(await player.get(f"film/{level}.m3u8")) for level in ("picture", "sound")]
        assert (await player.get("film/init.mp4")).status == 302
        for pair in list(zip(*levels, strict=True))[::100]:  # a URL is requested with those of the next 199 files
            assert {(await player.follow(uri)).status for uri in pair} == {302}

    run(edge, play)
    assert max(len(request.get("files", ())) for request in edge.variables) == 200
    assert 2400 / 200 <= edge.api_requests <= 2400 / 200 + 4


def test_urls_that_expire_soon_are_used_once_and_requested_again(edge: Edge) -> None:
    names = [f"{number}.ts" for number in range(5)]
    write(edge, FILM, media(names))

    async def play(player: Player) -> None:
        before = edge.api_requests
        for name in [*names, *names]:
            assert (await player.get(f"film/{name}")).status == 302
        assert edge.api_requests - before == 10

    edge.lifetime = 30
    run(edge, play)


def test_url_without_a_time_of_expiry_is_used_once(edge: Edge) -> None:
    async def play(player: Player) -> None:
        before = edge.api_requests
        assert (await player.get(FILM)).status == (await player.get(FILM)).status == 200
        assert edge.api_requests - before == 2

    edge.lifetime = None
    run(edge, play)


def test_urls_are_requested_once_for_players_that_want_several_at_the_same_time(edge: Edge) -> None:
    write(edge, FILM, media([f"{number}.ts" for number in range(200)]))

    async def play(player: Player) -> None:
        before = edge.api_requests
        wanted = (player.get(f"film/{number}.ts") for number in range(20))
        assert {response.status for response in await asyncio.gather(*wanted)} == {302}
        assert edge.api_requests - before == 1

    run(edge, play)


def test_url_that_the_edge_refuses_is_renewed_once(edge: Edge) -> None:
    async def play(player: Player) -> None:
        edge.valid_from = edge.signed + 1  # as after a rotation of keys
        assert (await player.get(FILM)).status == 200
        edge.valid_from = 10**6
        assert (await player.get(FILM)).status == 502

    run(edge, play)


def test_file_that_the_access_rules_refuse_is_named_once(edge: Edge, capsys: pytest.CaptureFixture[str]) -> None:
    write(edge, FILM, media(["0.ts", "1.ts"]))
    edge.forbidden = ("film/1.ts",)

    async def play(player: Player) -> None:
        before = edge.api_requests
        assert (await player.get("film/0.ts")).status == 302
        refused = [await player.get("film/1.ts") for _ in range(3)]
        assert [(response.status, response.body) for response in refused] == [
            (403, "NotAllowed: No. (`private-files access` prints it.)\n")
        ] * 3
        assert edge.api_requests - before == 1

    run(edge, play)
    assert capsys.readouterr().err == "film/1.ts: NotAllowed: No. (`private-files access` prints it.)\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("https://evil.example/0.ts", "the playlist names another origin, https://evil.example: only files of this"),
        ("../../%2e%2e/0.ts", "no file can have this name: it has a segment of dots"),
    ],
)
def test_film_with_a_hostile_playlist_is_not_played(edge: Edge, text: str, message: str) -> None:
    write(edge, FILM, media([text]))
    with pytest.raises(TransferFailed, match=r"film/master.m3u8: the playlist names") as refused:
        run(edge, nothing)
    assert message in str(refused.value)


async def nothing(_: Player) -> None:
    raise AssertionError("this film is not played")


def test_level_that_names_another_origin_is_refused_by_name(edge: Edge, capsys: pytest.CaptureFixture[str]) -> None:
    write(edge, "film/large é+1.m3u8", media(["https://evil.example/0.ts"]))

    async def play(player: Player) -> None:
        for _ in range(2):
            refused = await player.get("film/large é+1.m3u8")
            assert (refused.status, "https://evil.example" in refused.body) == (502, True)

    run(edge, play)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("film/large é+1.m3u8: the playlist names another origin, https://evil.example:")


def test_address_of_the_edge_itself_is_a_file(edge: Edge) -> None:
    write(edge, FILM, media([f"{edge.url}/other/0.ts?Expires=1&Signature=old"]))

    async def play(player: Player) -> None:
        (uri,) = uris(await player.get(FILM))
        assert uri.endswith("/other/0.ts")
        assert "old" not in (await player.follow(uri)).headers["location"]

    run(edge, play)


def test_playlist_of_a_master_needs_no_extension(edge: Edge) -> None:
    write(edge, FILM, "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlevel?quality=1\n")
    write(edge, "film/level", media(["0.ts"]))

    async def play(player: Player) -> None:
        level = await player.get("film/level")
        assert len(uris(level)) == 1

    run(edge, play)


def test_endless_playlist_is_refused(edge: Edge) -> None:
    write(edge, FILM, "#EXTM3U\n" + "#" * 9_000_000)
    with pytest.raises(TransferFailed, match="longer than 8 MiB"):
        run(edge, nothing)


@pytest.mark.parametrize(
    ("status", "message"), [(500, "returned HTTP status 500"), (302, "status 302"), (404, "there is no such file")]
)
def test_edge_that_fails_is_reported(edge: Edge, status: int, message: str) -> None:
    edge.statuses = [status, status]
    with pytest.raises(TransferFailed, match=message):
        run(edge, nothing)


def test_file_that_does_not_exist_is_not_played(edge: Edge) -> None:
    with pytest.raises(NoMatch, match=r"film/other.mp4: there is no such file"):
        run(edge, nothing, "film/other.mp4")


def test_file_that_the_caller_may_not_read_is_not_played(edge: Edge) -> None:
    edge.forbidden = ("film/other.mp4",)
    with pytest.raises(QueryRefused, match=r"film/other.mp4: NotAllowed: No\."):
        run(edge, nothing, "film/other.mp4")


@pytest.mark.parametrize("status", [401, 500])
def test_session_or_api_that_ends_is_one_sentence(edge: Edge, capsys: pytest.CaptureFixture[str], status: int) -> None:
    write(edge, FILM, media(["0.ts"]))

    async def play(player: Player) -> None:
        edge.api_statuses = [status] * 9
        refused = [await player.get("film/0.ts") for _ in range(2)]
        assert {response.status for response in refused} == {403 if status == 401 else 502}

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("private_files.api._PAUSES", ())
        run(edge, play)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(f"/graphql returned HTTP status {status}.")


def test_api_with_a_url_of_another_form_is_not_followed(edge: Edge) -> None:
    write(edge, FILM, media(["0.ts"]))

    async def play(player: Player) -> None:
        for url in ("http://evil.example/0.ts", "https://e/0.ts\r\nX: y", "javascript:0", None, 5):
            edge.hostile = {"getUrls": [{"file": "film/0.ts", "url": url, "errorType": None, "errorMessage": None}]}
            refused = await player.get("film/0.ts")
            assert (refused.status, refused.headers.get("location"), refused.headers.get("x")) == (403, None, None)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("private_files.film_urls._REFUSED_FOR", 0)
        run(edge, play)
