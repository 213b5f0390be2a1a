"""The player of one's own in docs/films.md, on a page of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Route

from tests import PROJECT
from tests.browser.film_server import PATTERN, SEA, FilmServer
from tests.browser.stand_in import BY_KEY, PAGE, stand_in
from tests.pages import blocks

DOCUMENTED = blocks(PROJECT / "docs" / "films.md")
FILES = {
    "/own.html": '<!doctype html><link rel="icon" href="data:," /><video muted></video>'
    '<script type="importmap">{"imports": {"hls.js": "/hls.mjs"}}</script>',
    "/hls.mjs": (PROJECT / "node_modules" / "hls.js" / "dist" / "hls.mjs").read_text(),
    "/player.js": next(block.text for block in DOCUMENTED if 'from "hls.js"' in block.text),
}
OPEN = """async ([film, outputs]) => {
  const { play } = await import("/player.js");
  const player = play(document.querySelector("video"), film, outputs, async () => ({ "x-api-key": "da2-stand-in" }));
  globalThis.failures = [];
  player.on("hlsError", (_, { url, frag, error }) => failures.push(`${url ?? frag?.url} ${error?.message}`));
}"""
PLAY = """async () => {
  const video = document.querySelector("video");
  await video.play();
  video.playbackRate = 16;
  await new Promise((ended) => video.addEventListener("ended", ended, { once: true }));
  return [video.videoWidth, Math.round(video.duration)];
}"""


@pytest.fixture
def films(browser: Browser) -> Iterator[FilmServer]:
    def respond(route: Route) -> None:
        path = route.request.url.removeprefix(PAGE)
        media_type = "text/html" if path.endswith("html") else "text/javascript"
        route.fulfill(content_type=media_type, body=FILES[path])

    with stand_in(browser) as servers:
        servers.page.route(re.compile(rf"^{PAGE}/(own\.html|hls\.mjs|player\.js)$"), respond)
        yield FilmServer(servers)


@pytest.mark.parametrize("film", [f"{PATTERN}master.m3u8", f"{SEA}film.m3u8"])
def test_documented_player_plays_the_samples_with_few_queries(films: FilmServer, film: str) -> None:
    page = films.servers.page
    page.goto(f"{PAGE}/own.html")
    page.evaluate(OPEN, [film, BY_KEY])
    assert page.evaluate(PLAY) == [320, 24]
    assert len(films.queries) <= len(films.files) / 200 + 12


def test_documented_player_requests_nothing_from_another_server(films: FilmServer) -> None:
    """Such a request would fail the test, as every request to another machine does."""
    page, film = films.servers.page, f"{SEA}film.m3u8"
    films.files[film] = films.files[film].replace("été + mer 0.ts".encode(), b"https://elsewhere.example/0.ts")
    page.goto(f"{PAGE}/own.html")
    page.evaluate(OPEN, [film, BY_KEY])
    page.wait_for_function("() => failures.some((text) => text.includes('0.ts is on another server.'))")


def test_documented_player_reports_what_the_access_rules_refuse(films: FilmServer) -> None:
    page, film = films.servers.page, f"{SEA}film.m3u8"
    films.refused[f"{SEA}été + mer 0.ts"] = "NotAllowed"
    page.goto(f"{PAGE}/own.html")
    page.evaluate(OPEN, [film, BY_KEY])
    page.wait_for_function("() => failures.some((text) => text.includes('0.ts') && text.includes('It is refused.'))")
    assert f"{SEA}été + mer 0.ts" not in films.requested
