"""Films in the page: every part has a signed URL of its own, which the player renews, and refusals are explained."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Request, Route, expect

from tests.browser.film_server import PATTERN, SEA, FilmServer, long_film, sample_files
from tests.browser.looks import check_looks
from tests.browser.stand_in import API, BY_PASSWORD, CDN, SHORT_PAUSES, StandIn, refusal, stand_in
from tests.browser.steps import fill_in
from tests.browser.strict_cognito import USER, StrictCognito

MASTER, FILM = f"{PATTERN}master.m3u8", f"{SEA}film.m3u8"
LENGTH = 24  # seconds
FASTEST = 16  # times; Chromium plays no faster
FAILED = "Failed to load resource"
ELSEWHERE = "https://elsewhere.example"


@pytest.fixture
def servers(browser: Browser) -> Iterator[StandIn]:
    with stand_in(browser) as servers:
        yield servers


@pytest.fixture
def films(servers: StandIn) -> FilmServer:
    return FilmServer(servers)


def player(films: FilmServer, name: str = MASTER) -> Locator:
    """Open a film and return its dialog."""
    films.servers.open(name)
    return films.servers.page.get_by_role("dialog", name=name.rpartition("/")[2])


def play(page: Page, *, rate: float = FASTEST) -> None:
    page.wait_for_function("() => document.querySelector('video')?.readyState >= 2")
    page.evaluate(
        "(rate) => { const video = document.querySelector('video');"
        " Object.assign(video, { muted: true, playbackRate: rate }); return video.play(); }",
        rate,
    )


def seek(page: Page, seconds: float) -> None:
    """Go to a position and wait until there is a picture of it."""
    page.wait_for_function("() => document.querySelector('video')?.readyState >= 1")
    page.evaluate("(seconds) => { document.querySelector('video').currentTime = seconds; }", seconds)
    page.wait_for_function("() => !document.querySelector('video').seeking")


def plays_until(page: Page, seconds: float) -> None:
    page.wait_for_function("(seconds) => document.querySelector('video').currentTime >= seconds", arg=seconds)


def is_loaded(page: Page) -> None:
    """Wait until the player has the whole of a sample."""
    page.wait_for_function(
        "(length) => document.querySelector('video')?.buffered.length === 1"
        " && document.querySelector('video').buffered.end(0) > length - 0.1",
        arg=LENGTH,
    )


@pytest.mark.parametrize("name", [MASTER, FILM])
def test_sample_plays_to_its_end_without_a_signed_url_in_the_console_or_the_document(
    films: FilmServer, name: str
) -> None:
    page = films.servers.page
    printed: list[str] = []
    page.on("console", lambda message: printed.append(message.text))
    dialog = player(films, name)
    is_loaded(page)
    seek(page, 20)
    play(page)
    page.wait_for_function("() => document.querySelector('video').ended")
    video = dialog.locator("video")
    expect(video).to_have_js_property("videoWidth", 320)
    assert round(video.evaluate("video => video.duration")) == LENGTH
    assert "Signature" not in page.content()
    assert printed == []
    parts = {part for part in films.files if part.startswith(name.rpartition("/")[0])}
    assert set(films.requested) <= parts
    assert len(films.queries) <= len(parts) / 200 + 12


def test_sound_and_subtitles_can_be_chosen(films: FilmServer) -> None:
    page = films.servers.page
    dialog = player(films)
    choice = dialog.get_by_label("Sound")
    expect(choice.locator("option")).to_have_text(["High tone", "Low tone"])
    expect(choice).to_have_value("0")
    play(page, rate=1)
    check_looks(films.servers, "film")
    assert f"{PATTERN}low.m4s" not in films.requested
    with page.expect_request(re.compile(r"/low\.m4s\?")):
        choice.select_option("Low tone")
    expect(choice).to_have_value("1")
    page.evaluate("() => { document.querySelector('video').textTracks[0].mode = 'showing'; }")
    page.wait_for_function("() => document.querySelector('video').textTracks[0].cues?.length > 0")
    assert f"{PATTERN}text.vtt" in films.requested


def test_arrow_keys_choose_a_sound_and_not_another_file(films: FilmServer) -> None:
    films.servers.listing["items"] = [
        {"name": name, "size": 1, "lastModified": None, "url": None} for name in films.files
    ]
    dialog = player(films)
    dialog.get_by_label("Sound").focus()
    films.servers.page.keyboard.press("ArrowRight")
    expect(dialog.get_by_label("Sound")).to_be_focused()


def test_film_plays_and_seeks_although_its_urls_expire_after_3_seconds(films: FilmServer) -> None:
    """It plays five times as fast as usual: 4 seconds pass, so that every URL of the start has expired."""
    films.files |= long_film(100)
    films.lifetime = 3
    page = films.servers.page
    player(films)
    play(page, rate=5)
    plays_until(page, 20)
    for position in (1500, 900):
        seek(page, position)
        plays_until(page, position + 1)


def test_long_film_needs_few_queries(films: FilmServer) -> None:
    films.files |= long_film(185)
    names = sum(text.count(b"\n#EXTINF") for text in long_film(185).values())
    assert names == 2405
    player(films)
    play(films.servers.page)
    for position in (1000, 2000, 4000):
        seek(films.servers.page, position)
    assert len(films.queries) <= names / 200 + 12
    assert max(map(len, films.queries)) == 200
    signed_names = [name for names in films.queries for name in names]
    assert len(signed_names) == len(set(signed_names))


def changed(name: str, old: str, new: str) -> dict[str, bytes]:
    """Return the samples with one text replaced in one of them."""
    files = sample_files()
    assert old.encode() in files[name]
    return files | {name: files[name].replace(old.encode(), new.encode(), 1)}


ON_ANOTHER_SERVER = [
    (MASTER, MASTER, "large.m3u8", f"{ELSEWHERE}/large.m3u8"),
    (MASTER, MASTER, 'URI="low.m3u8"', f'URI="{ELSEWHERE}/low.m3u8"'),
    (MASTER, MASTER, 'URI="text.m3u8"', f'URI="{ELSEWHERE}/text.m3u8"'),
    (MASTER, MASTER, "#EXT-X-VERSION:7", f'#EXT-X-CONTENT-STEERING:SERVER-URI="{ELSEWHERE}/steer"'),
    (MASTER, f"{PATTERN}high.m3u8", 'MAP:URI="high.m4s"', f'MAP:URI="{ELSEWHERE}/high.m4s"'),
    (FILM, FILM, "clé + 1.key", f"{ELSEWHERE}/1.key"),
    (FILM, FILM, "été + mer 5.ts", f"{ELSEWHERE}/5.ts"),
    (FILM, FILM, "#EXTINF", f'#EXT-X-DEFINE:NAME="s",VALUE="{ELSEWHERE}"\n#EXTINF:4,\n{{$s}}/0.ts\n#EXTINF'),
]


def test_playlist_that_names_another_server_is_refused_by_name_before_anything_is_played(films: FilmServer) -> None:
    for number, (film, changed_file, old, new) in enumerate(ON_ANOTHER_SERVER):
        films.files = {f"{number}/{name}": content for name, content in changed(changed_file, old, new).items()}
        films.requested.clear()
        dialog = player(films, f"{number}/{film}")
        expect(dialog.get_by_role("alert").get_by_role("heading")).to_have_text(
            f"The playlist of this film names another server, {ELSEWHERE}, so the film is not played."
        )
        assert dialog.locator("video").count() == 0
        assert not [name for name in films.requested if name.endswith((".ts", ".key", "large.m4s"))]
        dialog.get_by_role("button", name="Close").click()
    assert not [name for names in films.queries for name in names if "elsewhere" in name]


def test_tags_that_the_player_does_not_need_request_nothing_from_another_server(films: FilmServer) -> None:
    """Such a request would fail the test, as every request to another machine does."""
    unneeded = (
        f'#EXT-X-SESSION-DATA:DATA-ID="a",URI="{ELSEWHERE}/data.json"\n'
        f'#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1000,CODECS="avc1.4d400c",URI="{ELSEWHERE}/frames.m3u8"\n'
    )
    advertisement = (
        f'#EXT-X-PROGRAM-DATE-TIME:2026-11-26T00:00:00Z\n#EXT-X-DATERANGE:ID="a",CLASS="com.apple.hls.interstitial",'
        f'START-DATE="2026-11-26T00:00:01Z",DURATION=2,X-ASSET-URI="{ELSEWHERE}/ad.m3u8"\n#EXTINF'
    )
    films.files = changed(MASTER, "#EXT-X-MEDIA", f"{unneeded}#EXT-X-MEDIA")
    films.files |= {name: text.replace(b"#EXTINF", advertisement.encode(), 1) for name, text in films.files.items()}
    player(films)
    is_loaded(films.servers.page)
    play(films.servers.page)
    plays_until(films.servers.page, 5)


def test_part_that_the_access_rules_refuse_is_said_plainly(films: FilmServer) -> None:
    films.refused[f"{SEA}été + mer 3.ts"] = "NotAllowed"
    dialog = player(films, FILM)
    alert = dialog.get_by_role("alert")
    expect(alert).to_contain_text("You have no access to a part of this film.")
    expect(alert).to_contain_text(f"{SEA}été + mer 3.ts")


def test_session_that_ends_during_a_film_leads_to_the_sign_in(browser: Browser) -> None:
    with stand_in(browser, BY_PASSWORD) as servers:
        films = FilmServer(servers)
        servers.cognito = StrictCognito().operations()
        player(films)
        fill_in(servers.page, USER, "Some-password-1")
        play(servers.page, rate=1)
        unauthorized = {"errorType": "UnauthorizedException", "message": "Token has expired."}
        servers.fields["getUrls"] = lambda _sent: {"data": None, "errors": [unauthorized]}
        servers.page.evaluate("() => { document.querySelector('video').textTracks[0].mode = 'showing'; }")
        expect(servers.page.get_by_text("Your session has ended. Sign in again")).to_be_visible()


def test_refused_url_is_replaced_once_and_the_film_goes_on(films: FilmServer) -> None:
    films.servers.watch.provoked.append(FAILED)
    refusals = [f"{SEA}été + mer 2.ts"]

    def once(name: str) -> dict[str, Any] | None:
        if name not in refusals:
            return None
        refusals.remove(name)
        return refusal("InvalidKey", "Unknown Key")

    films.first = once
    player(films, FILM)
    is_loaded(films.servers.page)
    assert films.requested.count(f"{SEA}été + mer 2.ts") == 2
    assert len(films.queries) == 2


def test_missing_part_is_named_and_the_film_goes_on_where_it_was_once_it_is_there(films: FilmServer) -> None:
    films.servers.watch.provoked.append(FAILED)
    missing = f"{SEA}été + mer 4.ts"
    part = films.files.pop(missing)
    page, held = films.servers.page, re.compile(r"mer%204\.ts")
    waiting: list[Route] = []

    def hold(route: Route) -> None:
        waiting.append(route)

    page.route(held, hold)
    dialog = player(films, FILM)
    seek(page, 7)
    page.unroute(held)
    for route in waiting:
        films.servers.respond(route)
    alert = dialog.get_by_role("alert")
    expect(alert).to_contain_text(f"{missing}: This file no longer exists.")
    assert films.requested.count(missing) == 3  # the player, once with another URL, and to find the reason
    films.files[missing] = part
    alert.get_by_role("button", name="Try again").click()
    plays_until(page, 7)


def test_other_quality_is_played_if_a_part_of_one_is_missing(films: FilmServer) -> None:
    films.servers.watch.provoked.append(FAILED)
    del films.files[f"{PATTERN}large.m4s"]
    dialog = player(films)
    is_loaded(films.servers.page)
    expect(dialog.locator("video")).to_have_js_property("videoWidth", 160)


def test_film_goes_on_after_a_moment_without_a_connection(films: FilmServer) -> None:
    films.servers.watch.provoked.append(FAILED)
    page = films.servers.page
    page.add_init_script(SHORT_PAUSES)
    interrupted: list[str] = []

    def interrupt(route: Route) -> None:
        url = route.request.url
        if (
            (url == API and "getUrls" in (route.request.post_data or "")) or "mer%202.ts" in url
        ) and url not in interrupted:
            interrupted.append(url)
            route.abort("connectionfailed")
        else:
            films.servers.respond(route)

    page.route(re.compile(rf"^({re.escape(API)}|{re.escape(CDN)})"), interrupt)
    player(films, FILM)
    is_loaded(page)
    assert len(interrupted) == 2


def test_closing_the_film_aborts_its_requests(films: FilmServer) -> None:
    page = films.servers.page
    page.route(re.compile(r"mer%203\.ts"), lambda _route: None)  # no response
    with page.expect_request(re.compile(r"mer%203\.ts")):
        dialog = player(films, FILM)
    # Sooner than the player's own limit of time
    with page.expect_event("requestfailed", lambda request: "mer%203.ts" in request.url, timeout=5_000) as aborted:
        dialog.get_by_role("button", name="Close").click()
    assert aborted.value.failure == "net::ERR_ABORTED"


def test_browser_that_cannot_play_parts_is_told_to_download(films: FilmServer) -> None:
    page = films.servers.page
    page.add_init_script(
        "delete window.MediaSource; delete window.ManagedMediaSource; delete window.WebKitMediaSource;"
    )
    dialog = player(films)
    expect(dialog.get_by_role("heading", name="This browser cannot play films")).to_be_visible()
    expect(dialog).to_contain_text("download it as a zip")
    assert films.queries == []


UNDISPLAYABLE = "This browser cannot show this file."
NOT_PLAYLISTS = [
    (b"<!doctype html><p>Hello", "application/vnd.apple.mpegurl", UNDISPLAYABLE),
    (b"#EXTM3U\n", "application/vnd.apple.mpegurl", UNDISPLAYABLE),
    (b"#EXTM3U\n#EXTINF:4,\n", "audio/mpegurl", UNDISPLAYABLE),
    (b"\x00\xff" * 999, "application/octet-stream", UNDISPLAYABLE),
    (b"<!doctype html><p>Hello", "text/html", "This file is not what its name says."),
]


def test_file_that_is_no_playlist_is_explained(films: FilmServer) -> None:
    for number, (content, media_type, heading) in enumerate(NOT_PLAYLISTS):
        films.servers.file = partial(respond, {"content_type": media_type, "body": content})
        dialog = player(films, f"{number}.m3u8")
        expect(dialog.get_by_role("heading", name=heading)).to_be_visible()


def respond(response: dict[str, Any], _request: Request) -> dict[str, Any]:
    return response


def test_playlist_without_the_extension_is_known_by_its_content_type(films: FilmServer) -> None:
    name = f"{SEA}playlist"
    content = {"content_type": "application/x-mpegURL; charset=utf-8", "body": films.files[FILM]}
    films.first = lambda requested: dict(content) if requested == name else None
    player(films, name)
    is_loaded(films.servers.page)


def test_part_of_a_film_says_what_it_is(films: FilmServer) -> None:
    for name, heading in (
        (f"{SEA}été + mer 0.ts", "This is a part of a film."),
        (f"{PATTERN}low.m4s", "There is no preview for this type of file."),
    ):
        dialog = player(films, name)
        expect(dialog.get_by_role("heading", name=heading)).to_be_visible()
        expect(dialog.get_by_role("button", name="Download")).to_be_enabled()


def test_link_to_a_playlist_is_not_offered_because_it_opens_no_part_of_the_film(films: FilmServer) -> None:
    dialog = player(films)
    expect(dialog.get_by_role("button", name="Download")).to_be_enabled()
    assert dialog.get_by_role("button").all_text_contents() == ["‹", "›", "×", "Download"]
    assert dialog.get_by_role("link").count() == 0
