"""The URLs of a film in the page: which names are signed, when, and how often."""

import json
import shutil
import subprocess
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from tests import PROJECT

CDN = "https://files.example.com"
FIRST = f"{CDN}/f/master.m3u8?Expires=900&Signature=x"
# Runs steps with the page's module, at a time that they set. A URL says the number of the query that it is from.
RUN = """
import { readFileSync } from "node:fs";
import { FilmUrls } from "./frontend/src/film-urls.ts";
import { PageError } from "./frontend/src/page-error.ts";
const { first, lifetime, steps } = JSON.parse(readFileSync(0, "utf8"));
let now = 0, refused = [];
Date.now = () => now * 1000;
const queries = [];
const urls = new FilmUrls(first, async (names) => {
  const query = queries.push(names) - 1;
  return names.map((name) => refused.includes(name)
    ? new PageError(`refused ${name}`, "")
    : `https://files.example.com/${encodeURIComponent(name)}?Expires=${now + lifetime}&query=${query}`);
});
const signed = (address) => urls.signed(address).catch((error) => `${error.message} ${error.advice} ${error.detail}`);
const run = {
  add: (addresses) => { try { urls.add(addresses); return null; } catch (error) { return error.message; } },
  signed: (addresses) => Promise.all(addresses.map(signed)),
  renew: (address) => urls.renew(address),
  at: (seconds) => { now = seconds; },
  refuse: (names) => { refused = names; },
};
const results = [];
for (const [step, given] of steps) results.push(await run[step](given) ?? null);
console.log(JSON.stringify({ queries, results }));
"""
Steps = list[tuple[str, Any]]


def at(name: str) -> str:
    """Return the address of a file."""
    return f"{CDN}/{quote(name)}"


def run(steps: Steps, lifetime: int = 900) -> tuple[list[list[str]], list[Any]]:
    """Return the names of each query, and the result of each step."""
    node = shutil.which("node", path=PROJECT / ".venv" / "bin") or "node"
    done = subprocess.run(
        [node, "--no-warnings", "--experimental-transform-types", "--input-type=module", "-e", RUN],
        input=json.dumps({"first": FIRST, "lifetime": lifetime, "steps": steps}).encode(),
        cwd=PROJECT,
        capture_output=True,
        check=True,
    )
    found = json.loads(done.stdout)
    return found["queries"], found["results"]


def segments(track: str, count: int) -> list[str]:
    return [f"f/{track}/{number}.m4s" for number in range(count)]


def test_name_is_the_decoded_path_and_its_query_is_ignored() -> None:
    names = ["f/a b.ts", "f/été +.ts", "f/100%.ts", "f/a?b#c.ts", "f/\U0001f600.ts"]
    addresses = [at(name) for name in names] + [f"{CDN}/f/é +%20.ts?v=1#x", f"{CDN}/f/x/../y.ts", f"{CDN}/f/%2e%2e/z"]
    queries, [urls] = run([("signed", addresses)])
    assert queries == [[name] for name in [*names, "f/é + .ts", "f/y.ts", "z"]]
    assert [unquote(urlsplit(url).path[1:]) for url in urls[: len(names)]] == names


ELSEWHERE = {
    "https://elsewhere.example/f/a.ts": "another server, https://elsewhere.example,",
    "http://files.example.com/f/a.ts": "another server, http://files.example.com,",
    "https://files.example.com:8443/f/a.ts": "another server, https://files.example.com:8443,",
    "https://files.example.com@elsewhere.example/a": "another server, https://elsewhere.example,",
    "https://files.example.com.elsewhere.example/": "another server, https://files.example.com.elsewhere.example,",
    "blob:https://files.example.com/1": "an address of the type blob:,",
    "data:text/plain;base64,AAAA": "an address of the type data:,",
    "javascript:alert(1)": "an address of the type javascript:,",
    "file:///etc/passwd": "an address of the type file:,",
    "https://[": "an address that is not valid,",
    "": "an address that is not valid,",
}


def test_address_on_another_server_is_refused_by_name_and_not_signed() -> None:
    steps: Steps = [step for address in ELSEWHERE for step in (("add", [at("f/0"), address]), ("signed", [address]))]
    queries, results = run(steps)
    sentences = [f"The playlist of this film names {named} so the film is not played." for named in ELSEWHERE.values()]
    assert results[::2] == sentences
    assert all(signed.startswith(sentence) for [signed], sentence in zip(results[1::2], sentences, strict=True))
    assert queries == []


def test_address_that_cannot_be_decoded_is_refused_by_name() -> None:
    queries, [added, [signed]] = run([("add", [f"{CDN}/f/100%.ts"]), ("signed", [f"{CDN}/f/%e9.ts"])])
    assert added == "The playlist of this film contains an address that is not valid."
    assert signed.endswith("must be written as %25 there: f/%e9.ts")
    assert queries == []


def test_url_that_opened_the_film_is_used_for_its_playlist() -> None:
    queries, [[url], _, _] = run([("signed", [at("f/master.m3u8")]), ("at", 871), ("signed", [at("f/master.m3u8")])])
    assert url == FIRST
    assert queries == [["f/master.m3u8"]]


def test_one_query_signs_a_name_and_the_next_199_of_its_playlist() -> None:
    names = segments("v", 450)
    addresses = [at(name) for name in names]
    queries, _ = run([("add", addresses), *(("signed", [address]) for address in addresses)])
    assert queries == [names[:200], names[200:400], names[400:]]


def test_names_that_are_signed_already_leave_room_for_others() -> None:
    names = segments("v", 500)
    steps: Steps = [("signed", [at(names[number])]) for number in (100, 0, 399, 400)]
    queries, _ = run([("add", list(map(at, names))), *steps])
    assert queries == [names[100:300], names[:100] + names[300:400], names[400:]]


def test_requests_at_the_same_time_share_a_query() -> None:
    names = segments("v", 5)
    queries, _ = run([("add", list(map(at, names))), ("signed", [at(name) for name in names[:3]])])
    assert queries == [names]


def test_url_is_renewed_when_30_seconds_are_left() -> None:
    names = segments("v", 3)
    steps: Steps = [("add", list(map(at, names)))]
    for seconds in (0, 869, 870):
        steps += [("at", seconds), ("signed", [at(names[1])])]
    queries, _ = run(steps)
    assert queries == [names[1:], names[1:]]


def test_url_that_is_short_lived_is_never_used_twice() -> None:
    names = segments("v", 3)
    steps: Steps = [("add", list(map(at, names))), *(("signed", [at(name)]) for name in names)]
    queries, [_, *urls] = run(steps, lifetime=3)
    assert queries == [names, names[1:], names[2:]]
    assert [url.rpartition("=")[2] for [url] in urls] == ["0", "1", "2"]


def test_refusal_of_a_later_name_stops_only_that_name() -> None:
    names = segments("v", 3)
    steps: Steps = [("add", list(map(at, names))), ("refuse", [names[1]])]
    queries, results = run([*steps, *(("signed", [at(name)]) for name in names)])
    assert [result[0].split("?")[0] for result in results[2:]] == [
        f"{CDN}/{quote(names[0], safe='')}",
        f"refused {names[1]}  undefined",
        f"{CDN}/{quote(names[2], safe='')}",
    ]
    assert queries == [names, [names[1]]]


def test_refused_url_is_replaced_once_and_so_are_the_others() -> None:
    names = segments("v", 3)
    one, two = at(names[0]), at(names[1])
    steps: Steps = [("add", list(map(at, names))), ("signed", [one]), ("renew", one), ("signed", [two]), ("renew", two)]
    queries, results = run([*steps, ("signed", [two]), ("renew", two)])
    # The first URL was new when it was refused, and so was the last one.
    assert [results[2], results[4], results[6]] == [False, True, False]
    assert queries == [names, names[1:]]


def test_two_hours_with_sound_need_few_queries() -> None:
    tracks = [segments(track, 1200) for track in ("v", "a")]
    steps: Steps = [("add", list(map(at, track))) for track in tracks]
    for number in range(1200):
        # The player is 30 seconds ahead.
        steps += [("at", max(0, number * 6 - 30)), ("signed", [at(track[number]) for track in tracks])]
    queries, results = run(steps)
    assert len(queries) <= 2400 / 200 + 12
    assert max(map(len, queries)) == 200
    assert sum(len(result or []) for result in results[2:]) == 2400
