"""The open file, in front of a file server that a test chooses: who failed, and what the file really is."""

from __future__ import annotations

import http.server
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import Browser, Request, expect

from local import frontend
from private_files.outputs import Outputs
from tests import PROJECT
from tests.browser.stand_in import API, BY_KEY, CDN, FAR, INTERCEPTED, PAGE, StandIn, item, refusal, signed, stand_in
from tests.chromium import screenshot
from tests.served import accepting

PDF = (PROJECT / "samples" / "letter.pdf").read_bytes()
PNG = (PROJECT / "samples" / "pictures" / "dunes.png").read_bytes()
HTML = b"<!doctype html><form action=https://attacker.example><button>Continue</button></form>"
# The address of an intercepted page is unknown to the browser, which then protects servers on loopback from it.
LOOPBACK = ["local-network-access"]
UNDISPLAYABLE = "This browser cannot show this file."

MISLABELLED = [
    ("a.pdf", HTML, "text/html", "This file is not served as a PDF."),
    ("a.pdf", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", "This file is not served as a PDF."),
    ("a.pdf", PDF, "application/octet-stream", "This file is not served as a PDF."),
    ("a.pdf", PDF, "text/html", "This file is not served as a PDF."),
    ("a.pdf", HTML, "application/pdf", "This file is not a PDF."),
    ("a.PDF", HTML + b"%PDF-1.7", "application/pdf", "This file is not a PDF."),
    ("a.png", HTML, "text/html", "This file is not what its name says."),
    ("a.png", HTML, "image/png", UNDISPLAYABLE),
    ("a.svg", HTML, "image/svg+xml", UNDISPLAYABLE),
    ("a.webm", b"not a video", "text/plain", "This file is not what its name says."),
    ("a.wav", HTML, "text/html", "This file is not what its name says."),
    ("a.txt", b"\x7fELF\x02\x01\0\0", "text/plain", "This is not a text file."),
    ("a", HTML, "application/octet-stream", "There is no preview for this type of file."),
    ("a.xlsx", b"PK", "application/vnd.ms-excel", "There is no preview for this type of file."),
]
REFUSALS = [
    (refusal("AccessDenied", "Access Denied", by_s3=True), "This file no longer exists."),
    (refusal("NoSuchKey", "The specified key does not exist.", status=404, by_s3=True), "no longer exists."),
    (refusal("InvalidObjectState", "not valid for the object's storage class", by_s3=True), "is archived."),
    (refusal("KMS.DisabledException", "arn:aws:kms:x is disabled.", status=400, by_s3=True), "cannot read"),
    (refusal("KMS.DisabledException", "arn:aws:kms:x is disabled.", by_s3=True), "KMS.DisabledException"),
    (refusal("KMS.KMSInvalidStateException", "pending deletion", by_s3=True), "cannot read this file."),
    (refusal("AccessDenied", "not authorized to perform: kms:Decrypt", by_s3=True), "cannot read this file."),
    (refusal("AccessDenied", "The ciphertext refers to a key that", by_s3=True), "cannot read this file."),
    (refusal("AccessDenied", "not authorized: explicit deny in a resource policy", by_s3=True), "cannot read"),
    (refusal("SignatureDoesNotMatch", "The request signature we", by_s3=True), "cannot read this file."),
    (refusal("NoSuchBucket", "The bucket does not exist", status=404, by_s3=True), "cannot read this file."),
    ({"status": 502, "body": "<html>ERROR"}, "is busy or has failed."),
    ({"status": 404, "body": ""}, "no longer exists."),
    (refusal("MissingKey", "Missing Key-Pair-Id query parameter"), "The link was refused."),
    (refusal("InvalidKey", "Unknown Key"), "InvalidKey · Unknown Key"),
    (refusal("AccessDenied", "Access denied"), "It has expired, is not valid yet, or was changed."),
    ({"status": 403, "content_type": "text/html", "body": "<H1>Request blocked.</H1>"}, "The link was refused."),
    (
        refusal("AccessDenied", "Access Denied") | {"headers": {"X-Refused-By": "origin"}},
        "refused by the origin",
    ),
]


@pytest.fixture
def servers(browser: Browser) -> Iterator[StandIn]:
    with stand_in(browser) as servers:
        servers.link = with_saved
        yield servers


@pytest.fixture
def servers_of_pdfs(pdf_viewer: Browser) -> Iterator[StandIn]:
    with stand_in(pdf_viewer) as servers:
        servers.link = with_saved
        yield servers


def with_saved(sent: dict[str, Any]) -> dict[str, Any]:
    return item(sent["file"]) | {"saved": signed(sent["file"])}


def serve(content: bytes, media_type: str) -> Any:
    return lambda _request: {"content_type": media_type, "body": content}


def respond(response: dict[str, Any], _request: Request) -> dict[str, Any]:
    return response


def alert_says(servers: StandIn, *texts: str) -> None:
    for text in texts:
        expect(servers.page.get_by_role("alert")).to_contain_text(text)


def test_pdf_that_is_served_as_one_is_framed(servers_of_pdfs: StandIn) -> None:
    servers_of_pdfs.file = serve(PDF, "application/pdf; charset=binary")
    servers_of_pdfs.open("letter.pdf")
    expect(servers_of_pdfs.page.locator("iframe")).to_have_attribute("src", signed("letter.pdf"))


def test_mislabelled_file_is_never_framed_and_is_explained(servers: StandIn) -> None:
    for number, (name, content, media_type, heading) in enumerate(MISLABELLED):
        servers.file = serve(content, media_type)
        servers.open(f"{number}{name}")
        dialog = servers.page.get_by_role("dialog", name=f"{number}{name}")
        expect(dialog.get_by_role("heading", name=heading), f"{name}, {media_type}").to_be_visible()
        assert dialog.locator("iframe, object, embed, form").count() == 0
        expect(dialog.get_by_role("button", name="Download")).to_be_enabled()


@pytest.mark.parametrize("name", ["page.html", "page.htm", "page.xml"])
def test_web_page_is_shown_as_text(servers: StandIn, name: str) -> None:
    servers.file = serve(HTML, "text/html")
    servers.open(name)
    expect(servers.page.get_by_role("dialog").locator("pre")).to_have_text(HTML.decode())
    assert servers.page.locator("iframe, form").count() == 0


def test_damaged_image_is_not_blamed_on_the_connection(servers: StandIn) -> None:
    servers.file = serve(PNG[:10], "image/png")
    servers.open("a.png")
    alert_says(servers, UNDISPLAYABLE, "It may be damaged")
    expect(servers.page.get_by_role("alert")).not_to_contain_text("connection")
    screenshot(servers.page, "damaged-image")


@pytest.mark.parametrize("name", ["a.png", "a.webm", "a.pdf", "a.txt"])
def test_server_without_a_response_is_blamed_on_the_connection(servers: StandIn, name: str) -> None:
    servers.watch.provoked.append("net::ERR")
    servers.file = lambda _request: None
    servers.open(name)
    alert_says(servers, "The file cannot be reached.", "Check your connection")


def test_refusal_that_the_page_may_not_read_is_not_blamed_on_the_connection(servers: StandIn) -> None:
    servers.watch.provoked += ["403", "CORS", "net::ERR_FAILED"]
    hidden = {"Access-Control-Allow-Origin": "http://127.0.0.1:1"}
    servers.file = lambda _request: refusal("MissingKey", "Missing Key-Pair-Id query parameter") | {"headers": hidden}
    servers.open("a.png")
    alert_says(servers, "The file was refused.", "may not read")
    expect(servers.page.get_by_role("alert")).not_to_contain_text("connection")


@pytest.mark.parametrize("name", ["a.png", "a.txt"])
def test_error_code_decides_what_the_page_says(servers: StandIn, name: str) -> None:
    servers.watch.provoked.append("Failed to load resource")
    for number, (response, says) in enumerate(REFUSALS):
        servers.file = partial(respond, response)
        servers.open(f"{number}{name}")
        alert = servers.page.get_by_role("dialog", name=f"{number}{name}").get_by_role("alert")
        expect(alert, str(response)).to_contain_text(says)


def test_refused_download_does_not_replace_the_page(servers: StandIn) -> None:
    servers.watch.provoked.append("403 (Forbidden)")
    servers.file = lambda _request: refusal("AccessDenied", "Access denied")
    servers.open("a.bin")
    servers.page.get_by_role("button", name="Download").click()
    expect(servers.page.get_by_role("dialog").get_by_role("status")).to_contain_text("The link was refused.")


@pytest.mark.parametrize("name", ["a.png", "a.pdf", "a.txt"])
def test_link_that_the_edge_refuses_is_replaced_once(request: pytest.FixtureRequest, name: str) -> None:
    """This device's clock is slow, so the URL does not seem to have expired."""
    servers: StandIn = request.getfixturevalue("servers_of_pdfs" if name == "a.pdf" else "servers")
    servers.watch.provoked.append("403 (Forbidden)")
    expiries = iter(range(FAR, FAR + 100))
    content, media_type = {"png": (PNG, "image/png"), "pdf": (PDF, "application/pdf"), "txt": (b"text", "text/plain")}[
        name[-3:]
    ]

    def link(sent: dict[str, Any]) -> dict[str, Any]:
        return item(sent["file"], url=signed(sent["file"], next(expiries))) | {"saved": None}

    def file(request: Request) -> dict[str, Any]:
        if f"Expires={FAR}&" in request.url:
            return refusal("AccessDenied", "Access denied")
        return {"content_type": media_type, "body": content}

    servers.link, servers.file = link, file
    servers.open(name)
    expect(servers.page.get_by_role("dialog").locator("img, iframe, pre")).to_be_visible()
    expect(servers.page.get_by_role("alert")).to_have_count(0)


def test_refused_links_are_not_replaced_without_end(servers: StandIn) -> None:
    servers.watch.provoked.append("403 (Forbidden)")
    expiries = iter(range(FAR, FAR + 100))
    servers.link = lambda sent: item(sent["file"], url=signed(sent["file"], next(expiries))) | {"saved": None}
    servers.file = lambda _request: refusal("AccessDenied", "Access denied")
    servers.open("a.png")
    alert_says(servers, "The link was refused.")
    assert len([sent for sent in servers.asked if "file" in sent]) <= 4  # StrictMode may double the first


def test_expired_link_is_replaced_once_although_the_clock_of_this_device_is_fast(servers: StandIn) -> None:
    servers.link = lambda sent: item(sent["file"], url=signed(sent["file"], 1_000_000_000)) | {"saved": None}
    servers.file = serve(b"no picture", "image/png")
    servers.open("a.png")
    alert_says(servers, UNDISPLAYABLE)
    assert len([sent for sent in servers.asked if "file" in sent]) <= 4


@contextmanager
def caching_file_server() -> Iterator[str]:
    """A file server as CloudFront was: its responses may be kept, and have CORS headers only if there is an Origin."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "image/png")
            self.send_header("Cache-Control", "max-age=3600")
            self.send_header("Content-Length", "10")
            if self.headers["Origin"]:
                self.send_header("Access-Control-Allow-Origin", "*")
            self.end_headers()
            self.wfile.write(b"no picture")

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

    with accepting(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        yield f"http://127.0.0.1:{server.server_port}"


def test_file_can_be_read_after_the_browser_kept_a_response_without_cors_headers(browser: Browser) -> None:
    with caching_file_server() as cdn, stand_in(browser, BY_KEY | {"CdnUrl": cdn}, permissions=LOOPBACK) as servers:
        servers.cdn, url = cdn, signed("a.png").replace(CDN, cdn)
        servers.link = item("a.png", url=url) | {"saved": None}
        # Requests that are intercepted are not kept, so those to the file server are not.
        servers.page.unroute(INTERCEPTED)
        servers.page.route(re.compile(f"^({PAGE}|{API})"), servers.respond)
        servers.open("a.png")
        alert_says(servers, UNDISPLAYABLE)


def test_policy_of_the_page_frames_only_files_and_lets_no_form_leave() -> None:
    policy = frontend.response_headers(Outputs.from_json(BY_KEY))["content-security-policy"]
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["frame-src"] == CDN
    for name in ("default-src", "base-uri", "form-action", "frame-ancestors"):
        assert directives[name] == "'none'"
