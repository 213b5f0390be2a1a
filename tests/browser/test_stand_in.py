"""The pages of the tests are separate, although one may run in the process of the one before it."""

from __future__ import annotations

from playwright.sync_api import Browser

from tests.browser.stand_in import stand_in

STORE = """async () => {
    localStorage.left = sessionStorage.left = document.cookie = "left=1";
    await caches.open("left");
    await new Promise((opened) => (indexedDB.open("left").onsuccess = opened));
}"""
STORED = """async () => ({
    local: { ...localStorage }, session: { ...sessionStorage }, cookies: document.cookie,
    caches: await caches.keys(), databases: await indexedDB.databases(),
    clipboard: (await navigator.permissions.query({ name: "clipboard-read" })).state,
})"""
NOTHING = {"local": {}, "session": {}, "cookies": "", "caches": [], "databases": [], "clipboard": "prompt"}


def test_page_has_nothing_of_the_page_before_it(browser: Browser) -> None:
    with stand_in(browser) as servers:
        servers.open()
        servers.page.context.grant_permissions(["clipboard-read"])
        servers.page.evaluate(STORE)
        context = servers.page.context
        assert servers.page.evaluate(STORED) != NOTHING
    with stand_in(browser) as servers:
        assert servers.page.context is context
        servers.open()
        assert servers.page.evaluate(STORED) == NOTHING


def test_page_after_one_whose_clock_was_set_has_the_real_time(browser: Browser) -> None:
    with stand_in(browser) as servers:
        servers.page.clock.install(time=0)
        servers.open()
        assert servers.page.evaluate("Date.now()") < 60_000
    with stand_in(browser) as servers:
        servers.open()
        assert servers.page.evaluate("Date.now()") > 1_000_000_000_000


def test_two_pages_at_a_time_share_nothing(browser: Browser) -> None:
    with stand_in(browser) as one, stand_in(browser) as another:
        one.open()
        another.open()
        one.page.evaluate(STORE)
        assert another.page.evaluate(STORED) == NOTHING
