"""The sample films on the running stack: every part through the API, CloudFront and S3."""

from __future__ import annotations

import json
import re

from playwright.sync_api import Browser, Route, expect

from tests import PROJECT
from tests.chromium import watched
from tests.running_stack import Stack

SAMPLES = PROJECT / "samples"
MASTER, FILM = "films/test pattern/master.m3u8", "films/été + mer/film.m3u8"
ELSEWHERE = "https://elsewhere.example"
PLAY = """async (rate) => {
  const video = document.querySelector("dialog video");
  Object.assign(video, { muted: true, playbackRate: rate });
  await video.play();
}"""
ENDED = "() => document.querySelector('dialog video').ended"


def test_samples_play_and_a_playlist_that_names_another_server_does_not(browser: Browser, open_stack: Stack) -> None:
    """They play 8 and 16 times as fast as usual: that does not change what is loaded."""
    address = open_stack.outputs.frontend_url
    lifetime = 900  # seconds
    queries: list[str] = []
    printed: list[str] = []

    def choose_lifetime(route: Route) -> None:
        sent = json.loads(route.request.post_data or "{}")
        if "getUrls(" in sent["query"]:
            queries.append(sent["query"])
            sent["variables"]["expiresIn"] = lifetime
        else:
            sent["query"] = re.sub(r"\burl\b(?!\()", f"url(expiresIn: {lifetime})", sent["query"])
        route.continue_(post_data=json.dumps(sent))

    with watched(browser, address) as watch:
        page = watch.page
        page.on("console", lambda message: printed.append(message.text))
        page.route(open_stack.outputs.graphql_url, choose_lifetime)
        for name, lifetime, rate in ((MASTER, 900, 16), (FILM, 900, 16), (MASTER, 3, 8)):
            queries.clear()
            page.goto(f"{address}/#/{name}")
            page.wait_for_function("() => document.querySelector('dialog video')?.readyState >= 2")
            page.evaluate(PLAY, rate)
            page.wait_for_function(ENDED)
            page.evaluate("() => { document.querySelector('dialog video').currentTime = 9; }")
            page.wait_for_function("() => !document.querySelector('dialog video').seeking")
            assert round(page.evaluate("document.querySelector('dialog video').duration")) == 24
            assert "Signature" not in page.content()
            if lifetime == 900:
                names = len([*(SAMPLES / name).parent.iterdir()])
                assert len(queries) <= names / 200 + 12
            page.get_by_role("button", name="Close").click()

        def change(route: Route) -> None:
            response = route.fetch()
            route.fulfill(response=response, body=response.text().replace("été + mer 5.ts", f"{ELSEWHERE}/5.ts"))

        page.route(re.compile(r"/film\.m3u8\?"), change)
        page.goto(f"{address}/#/{FILM}")
        expect(page.get_by_role("alert").get_by_role("heading")).to_have_text(
            f"The playlist of this film names another server, {ELSEWHERE}, so the film is not played."
        )
    assert printed == []
