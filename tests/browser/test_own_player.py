"""The player of one's own in docs/films.md, on a page of its own."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, Route

from tests import PROJECT
from tests.browser.film_server import PATTERN, SEA, FilmServer
from tests.browser.stand_in import BY_KEY, PAGE, stand_in
from tests.pages import blocks

DOCUMENTED = blocks(PROJECT / "docs" / "films-own-player.part")
PAGES = {
    "/own.html": '<!doctype html><link rel="icon" href="data:," /><video muted></video>'
    '<script type="importmap">{"imports": {"hls.js": "/hls.mjs"}}</script>',
    "/hls.mjs": (PROJECT / "node_modules" / "hls.js" / "dist" / "hls.mjs").read_text(),
    "/player.js": next(
        block.text for block in blocks(PROJECT / "docs" / "films-own-player.part") if "hls.js" in block.text
    ),
}
PLAY = """async ([film, outputs]) => {
  const { play } = await import("/player.js");
  const video = document.querySelector("video");
  play(video, film, outputs, async () => ({ "x-api-key": "da2-stand-in" }));
  await new Promise((ready) => video.addEventListener("canplay", ready, { once: true }));
  video.playbackRate = 16;
  await video.play();
  await new Promise((ended) => video.addEventListener("ended", ended, { once: true }));
  return [video.videoWidth, Math.round(video.duration)];
}"""


def test_documented_player_plays_the_samples_with_few_queries(browser: Browser) -> None:
    with stand_in(browser) as servers:
        films = FilmServer(servers)

        def respond(route: Route) -> None:
            path = route.request.url.removeprefix(PAGE)
            media_type = "text/html" if path.endswith("html") else "text/javascript"
            route.fulfill(content_type=media_type, body=PAGES[path])

        servers.page.route(re.compile(rf"^{PAGE}/(own\.html|hls\.mjs|player\.js)$"), respond)
        for film in (f"{PATTERN}master.m3u8", f"{SEA}film.m3u8"):
            films.queries.clear()
            servers.page.goto(f"{PAGE}/own.html")
            assert servers.page.evaluate(PLAY, [film, BY_KEY]) == [320, 24]
            assert len(films.queries) <= len(films.files) / 200 + 12
