"""The preview of an open file: what its content type says decides, and texts are readable whoever wrote them."""

from __future__ import annotations

import csv
import io
import itertools
import mimetypes
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Request, expect

from tests import PROJECT
from tests.browser.looks import check_looks
from tests.browser.stand_in import CDN, StandIn, item, signed, stand_in
from tests.browser.steps import advance

PNG = (PROJECT / "samples" / "pictures" / "dunes.png").read_bytes()
SVG = (PROJECT / "samples" / "pictures" / "hills.svg").read_bytes()
HTML = b"<!doctype html><script>top.hacked = 1</script><p>Hello"
MARKDOWN = """\
# Report &amp; plan

Some *emphasis*, **strength** and `a &amp; b`. Next line

- [x] done
- [ ] to do

1. one
   > quoted

| a | b |
| - | -: |
| 1 | 2 |

```js
let a = "<b>";
```
"""
HOSTILE_MARKDOWN = """\
<script>top.hacked = 1</script>
<img src="https://attacker.example/a.png" onerror="top.hacked = 1">
<iframe src="https://attacker.example"></iframe>

![a picture](https://attacker.example/b.png) ![](//attacker.example/c.png)
[script](javascript:top.hacked=1) [entity](&#106;avascript:top.hacked=1) [data](data:text/html,x) [http](http://a.example)
[relative](../secret) [upper](JAVASCRIPT:alert(1)) [tab](java&#9;script:alert(1)) <javascript:alert(1)>
[allowed](https://a.example/?a=1&amp;b=2) <someone@a.example> https://b.example [mail](mailto:b@a.example)
"""


NUMBERS = itertools.count()  # each file has another name, so that one page can open all of them


@pytest.fixture(scope="module")
def servers(browser: Browser) -> Iterator[StandIn]:
    with stand_in(browser) as servers:
        yield servers


def preview(
    servers: StandIn,
    name: str,
    content: bytes,
    media_type: str = "text/plain",
    respond: Callable[[Request], dict[str, Any] | None] | None = None,
) -> Locator:
    """Open a file with this content and return its dialog; a number is put before its name.

    The file server responds what `respond` returns, unless that is None. `respond` is not asked about the file that
    was open before, of which the page may still request something.
    """
    name = f"{next(NUMBERS)} {name}"
    servers.link = lambda sent: item(sent["file"], size=len(content)) | {"saved": signed(sent["file"])}

    def file(request: Request) -> dict[str, Any]:
        asked = request.headers.get("range", "bytes=0-999999999")
        end = int(asked.rpartition("-")[2]) + 1
        return {"status": 206, "content_type": media_type, "body": content[:end]}

    def responded(request: Request) -> dict[str, Any]:
        is_open = request.url.startswith(signed(name).partition("?")[0])
        return (respond and is_open and respond(request)) or file(request)

    servers.file = responded
    servers.open(name)
    return servers.page.get_by_role("dialog", name=name)


def cells(dialog: Locator) -> list[list[str]]:
    """Return the cells of the table in a dialog, once there is one."""
    expect(dialog.locator("table")).to_be_visible()
    rows: list[list[str]] = dialog.locator("table").evaluate(
        "table => [...table.rows].map((row) => [...row.cells].map((cell) => cell.textContent))"
    )
    return rows


@pytest.mark.parametrize(
    ("name", "content", "media_type", "element"),
    [
        ("no extension", PNG, "image/png", "img"),
        ("drawing.data", SVG, "image/svg+xml", "img"),
        ("a.png", PNG, "binary/octet-stream", "img"),
        ("page", HTML, "text/html", "pre"),
        ("code.ts", b"let a = 1;", "video/mp2t", "pre"),
        ("notes.bin", b"long text, " * 200, "text/plain; charset=utf-8", "pre"),
        ("table", b"a,b\n1,2", "text/csv", "table"),
        ("table.txt", b"a,b\n1,2", "text/csv", "table"),
        ("text.md", b"*a*", "text/plain", "em"),
    ],
)
def test_content_type_decides_how_a_file_is_shown(
    servers: StandIn, name: str, content: bytes, media_type: str, element: str
) -> None:
    dialog = preview(servers, name, content, media_type)
    expect(dialog.locator(element)).to_be_visible()
    assert dialog.locator("iframe, object, embed, form").count() == 0
    if element == "img":
        expect(dialog.locator("img")).not_to_have_js_property("naturalWidth", 0)
    if element == "pre":
        assert dialog.locator("pre").text_content() == content.decode()


def test_file_whose_name_and_type_contradict_each_other_is_not_even_requested_as_an_image(servers: StandIn) -> None:
    requested: list[tuple[str, str]] = []
    servers.page.on("request", lambda request: requested.append((request.url, request.resource_type)))
    dialog = preview(servers, "a.png", HTML, "text/html")
    expect(dialog.get_by_role("heading", name="This file is not what its name says.")).to_be_visible()
    expect(dialog).to_contain_text("its server says that its type is text/html")
    assert {kind for url, kind in requested if url.startswith(CDN)} == {"fetch"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("Grüße, 你好".encode(), "Grüße, 你好"),
        ("Grüße, 你好".encode("utf-8-sig"), "Grüße, 你好"),
        ("Grüße".encode("utf-16"), "Grüße"),
        (b"\xfe\xff" + "Grüße".encode("utf-16-be"), "Grüße"),
        ("Grüße, 5 €".encode("cp1252"), "Grüße, 5 €"),
        ("Menü".encode("latin-1"), "Menü"),
        (b"caf\xe9", "café"),  # its last byte could be the start of a character in UTF-8
        (("x" * 199_999 + "é" * 9).encode(), "x" * 199_999),  # a character across the end of the preview
    ],
)
def test_text_is_readable_in_every_common_encoding(servers: StandIn, content: bytes, says: str) -> None:
    dialog = preview(servers, "a.txt", content, "text/plain; charset=utf-8")
    expect(dialog.locator("pre")).to_be_visible()
    assert dialog.locator("pre").text_content() == says


def test_binary_content_is_not_shown_as_a_text(servers: StandIn) -> None:
    for content in [b"\x7fELF\x02\x01\0\0", b"\x89\x01\x02\xff\x10"]:
        dialog = preview(servers, "a.txt", content)
        expect(dialog.get_by_role("heading", name="This is not a text file.")).to_be_visible()


@pytest.mark.parametrize("dialect", ["excel", "excel-tab", "unix", "semicolons"])
def test_table_has_the_cells_that_another_program_wrote(servers: StandIn, dialect: str) -> None:
    rng = random.Random(dialect)  # noqa: S311 - the same cells in each run
    special = ["", "a", ",", ";", "\t", '"', '""', "line\nbreak", "line\r\nbreak", "é", " x ", "1,5", 'say "hi"']
    rows = [["first", "second", "third"]] + [["".join(rng.choices(special, k=2)) for _ in "abc"] for _ in range(200)]
    written = io.StringIO()
    options: dict[str, Any] = {"delimiter": ";"} if dialect == "semicolons" else {"dialect": dialect}
    csv.writer(written, **options).writerows(rows)
    name = "a.tsv" if dialect == "excel-tab" else "a.csv"
    found = cells(preview(servers, name, written.getvalue().encode("utf-16" if dialect == "unix" else "utf-8")))
    assert found == rows


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ("a,b", [["a", "b"]]),
        ("a,b\n", [["a", "b"]]),
        ("a,\n,b", [["a", ""], ["", "b"]]),
        ('a,"open\nb,c', [["a", "open\nb,c"]]),
        ('a"b,c"\n"d"e,f', [['a"b', 'c"'], ["de", "f"]]),
        ("sep=;\r\na,b;c", [["a,b", "c"]]),
        ("a;b\r1;2", [["a", "b"], ["1", "2"]]),
        ('"a,b";c;d', [["a,b", "c", "d"]]),
    ],
)
def test_table_is_read_as_far_as_it_can_be(servers: StandIn, content: str, rows: list[list[str]]) -> None:
    assert cells(preview(servers, "a.csv", content.encode())) == rows


def test_long_table_is_cut_after_a_whole_row_and_says_so(servers: StandIn) -> None:
    dialog = preview(servers, "a.csv", b"name,value\n" + b"".join(b"row %d,%d\n" % (n, n) for n in range(30_000)))
    rows = cells(dialog)
    assert rows[0] == ["name", "value"]
    assert rows[-1] == ["row 499", "499"]
    expect(dialog).to_contain_text("This preview shows the first 500 rows.")
    check_looks(servers, "preview-table")
    dialog.get_by_role("button", name="Show source").click()
    expect(dialog).to_contain_text("The first 200 kB of 458 kB")
    dialog = preview(servers, "wide.csv", b"," * 150_000)
    assert len(cells(dialog)[0]) == 100
    expect(dialog).to_contain_text("This preview shows 100 of 150,001 columns.")


def test_markdown_is_formatted_and_its_source_can_be_shown(servers: StandIn) -> None:
    dialog = preview(servers, "a.md", MARKDOWN.encode(), "text/markdown")
    expect(dialog.get_by_role("heading", name="Report & plan")).to_be_visible()
    article = dialog.get_by_role("article")
    assert [article.locator(tag).first.text_content() for tag in ("em", "strong", "code", "blockquote", "pre")] == [
        "emphasis", "strength", "a &amp; b", "quoted", 'let a = "<b>";',
    ]  # fmt: skip
    expect(article.get_by_role("checkbox", name="Done")).to_be_checked()
    expect(article.locator("td")).to_have_text(["1", "2"])
    check_looks(servers, "preview-markdown")
    dialog.get_by_role("button", name="Show source").click()
    assert dialog.locator("pre").text_content() == MARKDOWN


def test_nothing_in_markdown_runs_or_loads_or_leads_to_a_script(servers: StandIn) -> None:
    dialog = preview(servers, "a.md", HOSTILE_MARKDOWN.encode(), "text/markdown")
    article = dialog.get_by_role("article")
    expect(article).to_contain_text("<script>top.hacked = 1</script>")
    expect(article).to_contain_text("[Image: a picture]")
    links = article.get_by_role("link").evaluate_all("all => all.map(({ href, rel }) => [href, rel])")
    assert [href for href, _ in links] == [
        "https://a.example/?a=1&b=2", "mailto:someone@a.example", "https://b.example/", "mailto:b@a.example",
    ]  # fmt: skip
    assert {rel for _, rel in links} == {"noreferrer noopener nofollow"}
    assert dialog.locator("img, iframe, script, form").count() == 0
    assert servers.page.evaluate("window.hacked") is None


@pytest.mark.parametrize(
    "content",
    [">" * 5_000, "- " * 3_000 + "a", "[a](" * 40_000, "*a **b " * 20_000, "*_a " * 24_000, "1. " * 33_000],
)
def test_markdown_that_would_take_minutes_is_still_shown(servers: StandIn, content: str) -> None:
    expect(preview(servers, "a.md", content.encode()).locator("section > :is(article, pre)")).to_be_visible()


def overloaded(servers: StandIn, name: str, *, busy: int, retry_after: str | None = None) -> tuple[Locator, list[str]]:
    """Open a file whose server is busy for the first requests; return the dialog and the URLs that were requested."""
    requested: list[str] = []

    def respond(request: Request) -> dict[str, Any] | None:
        requested.append(request.url)
        if len(requested) > busy:
            return None
        exposed = {"Access-Control-Expose-Headers": "Retry-After", "Retry-After": retry_after} if retry_after else {}
        return {"status": 429 if len(requested) == 2 else 503, "body": "", "headers": exposed}

    content = PNG if name == "a.png" else b"text"
    return preview(servers, name, content, mimetypes.guess_type(name)[0] or "", respond), requested


@pytest.fixture(scope="module")
def timed(browser: Browser) -> Iterator[StandIn]:
    """A page whose clock a test moves."""
    with stand_in(browser) as servers:
        servers.watch.provoked.append("Failed to load resource")
        servers.page.clock.install()
        yield servers


@pytest.mark.parametrize("name", ["a.txt", "a.png"])
def test_busy_file_server_is_named_and_requested_again(timed: StandIn, name: str) -> None:
    dialog, requested = overloaded(timed, name, busy=3)
    expect(dialog).to_contain_text("The service is busy. Trying again …")
    advance(timed.page, requested, 4)
    if name == "a.txt":
        expect(dialog.locator("pre")).to_have_text("text")
        assert len(requested) == 4
    else:
        expect(dialog.locator("img")).not_to_have_js_property("naturalWidth", 0)
        assert len(requested) == 5  # an image is requested again as one


def test_file_server_that_stays_busy_is_reported_after_four_requests(timed: StandIn) -> None:
    dialog, requested = overloaded(timed, "a.txt", busy=9)
    expect(dialog).to_contain_text("Trying again …")
    advance(timed.page, requested, 4)
    expect(dialog.get_by_role("alert")).to_contain_text("The file server is busy or has failed.")
    assert len(requested) == 4


def test_file_is_requested_again_when_the_busy_server_says(timed: StandIn) -> None:
    dialog, requested = overloaded(timed, "a.txt", busy=1, retry_after="15")
    expect(dialog).to_contain_text("Trying again …")
    timed.page.clock.run_for(7_500)
    assert len(requested) == 1
    timed.page.clock.run_for(7_500)
    expect(dialog.locator("pre")).to_have_text("text")
    dialog, requested = overloaded(timed, "a.txt", busy=1, retry_after="600")
    expect(dialog.get_by_role("alert")).to_contain_text("The file server is busy or has failed.")


def test_picture_that_a_busy_server_refused_once_is_not_called_damaged(timed: StandIn) -> None:
    refusals = [{"status": 503, "body": ""}]

    def respond(request: Request) -> dict[str, Any] | None:
        return refusals.pop() if request.resource_type == "image" and refusals else None

    dialog = preview(timed, "a.png", PNG, "image/png", respond)
    expect(dialog.locator("img")).not_to_have_js_property("naturalWidth", 0)
    assert refusals == []
