"""URLs of the files of a film, requested in batches, with an API in memory and a clock of the test."""

import asyncio
import time
from typing import Any

import pytest

from private_files.api import RemoteFile
from private_files.failures import QueryRefused
from private_files.film_urls import FilmUrls

LIFETIME = 900


class Api:
    """Signs any name, except those that are `refused`, and remembers the batches."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.refused: set[str] = set()

    def urls(self, names: list[str]) -> list[RemoteFile]:
        self.batches.append(names)
        expires = int(time.time()) + LIFETIME
        return [
            RemoteFile(name, None, "No.")
            if name in self.refused
            else RemoteFile(name, f"https://e/{name}?Expires={expires}")
            for name in names
        ]


class Clock:
    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now = 1_800_000_000.0
        patch.setattr(time, "time", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def api() -> Any:
    return Api()


def test_two_hours_with_sound_need_few_queries_and_no_url_is_old(api: Any, clock: Clock) -> None:
    pictures, sounds = ([f"{kind}{number}" for number in range(1200)] for kind in "ps")

    async def play() -> None:
        urls = FilmUrls(api)
        urls.follow(pictures)
        urls.follow(sounds)
        for pair in zip(pictures, sounds, strict=True):
            for name in pair:
                url = await urls.url(name)
                assert url.startswith(f"https://e/{name}?")
                assert int(url.rpartition("=")[2]) > clock.now + 30
            clock.now += 6

    asyncio.run(play())
    assert len(api.batches) <= 2400 / 200 + 12
    assert max(map(len, api.batches)) == 200


def test_film_that_is_watched_backwards_needs_one_query_for_each_file_at_most(api: Any, clock: Clock) -> None:
    names = [str(number) for number in range(50)]

    async def play() -> None:
        urls = FilmUrls(api)
        urls.follow(names)
        for name in [*reversed(names), *names]:
            await urls.url(name)

    asyncio.run(play())
    assert api.batches == [[name] for name in reversed(names)]  # those after it are known already
    assert clock.now


def test_file_that_is_refused_is_requested_again_after_a_minute(api: Any, clock: Clock) -> None:
    api.refused = {"a"}

    async def play() -> None:
        urls = FilmUrls(api)
        for _ in range(2):
            with pytest.raises(QueryRefused, match=r"No\."):
                await urls.url("a")
        assert len(api.batches) == 1
        api.refused = set()
        clock.now += 61
        assert await urls.url("a")

    asyncio.run(play())


@pytest.mark.parametrize(
    "query", ["", "?Expires=", "?Expires=x", "?Expires=-1", "?Expires=99999999999&Expires=99999999999", "?Expires=²"]
)
def test_url_whose_expiry_cannot_be_read_is_not_kept(api: Any, clock: Clock, query: str) -> None:
    async def play() -> None:
        urls = FilmUrls(api)
        urls.add(RemoteFile("a", f"https://e/a{query}"))
        assert (await urls.url("a")).endswith(str(int(clock.now) + LIFETIME))

    asyncio.run(play())
