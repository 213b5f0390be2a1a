"""A page for people, and the token that it signs in with."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from local.data_planes.loopback import LOOPBACK

PAGE = Path(__file__).with_name("graphiql.html")
PAGE_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


def routes(demo_token: Callable[[], Awaitable[str]] | None, examples: str) -> list[Route]:
    """Get ``/``, the page; ``/examples.graphql``, what it offers; ``/demo-token``, made for this page alone."""

    async def page(_request: Request) -> Response:
        return HTMLResponse(PAGE.read_text(), headers=PAGE_HEADERS)

    async def token(request: Request) -> Response:
        if demo_token is None:
            return PlainTextResponse("There is no demo user.", 404)
        if not _from_the_page(request):
            return PlainTextResponse("Only this machine's own page may sign in here.", 403)
        return JSONResponse({"token": await demo_token()}, headers={"cache-control": "no-store"})

    async def offered(_request: Request) -> Response:
        return PlainTextResponse(examples, headers={"cache-control": "no-store"})

    return [Route("/", page), Route("/examples.graphql", offered), Route("/demo-token", token)]


def _from_the_page(request: Request) -> bool:
    """Tell whether this server's own page asks; the host is checked so that no other name can be pointed here."""
    host = request.headers.get("host", "")
    if urlsplit(f"//{host}").hostname not in LOOPBACK:
        return False
    origin = request.headers.get("origin")
    if origin is not None and origin != f"{request.url.scheme}://{host}":
        return False
    return request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")
