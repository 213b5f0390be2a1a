"""GraphiQL, and the token with which it signs in as the demo user."""

import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from private_files.failures import Failure

logger = logging.getLogger(__name__)

DIST = Path(__file__).parents[3] / "frontend" / "dist-graphiql"
NOT_BUILT = "GraphiQL is not built: run `make setup`, or `make up`, which builds it first."
PAGE_HEADERS = {
    "content-security-policy": (
        # GraphiQL's dialogs insert a style element; nothing else needs 'unsafe-inline'.
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}


def routes(demo_token: Callable[[], Awaitable[str]] | None) -> list[BaseRoute]:
    """Return the routes ``/``, the page, with its ``/assets``, and ``/demo-token``, which only this page may read."""

    async def page(_request: Request) -> Response:
        index = DIST / "index.html"
        return FileResponse(index, headers=PAGE_HEADERS) if index.exists() else PlainTextResponse(NOT_BUILT, 503)

    async def token(request: Request) -> Response:
        if demo_token is None:
            return PlainTextResponse("There is no demo user.", 404)
        if not _from_the_page(request):
            return PlainTextResponse("Only this server's own page may sign in here.", 403)
        try:
            demo = await demo_token()
        except (Failure, BotoCoreError, ClientError) as error:
            logger.error("The demo user could not sign in: %s", type(error).__name__)
            return PlainTextResponse("The demo user could not sign in: restart `make up`.", 503)
        return JSONResponse({"token": demo}, headers={"cache-control": "no-store"})

    assets = StaticFiles(directory=DIST / "assets", check_dir=False)
    return [Route("/", page), Mount("/assets", assets), Route("/demo-token", token)]


def _from_the_page(request: Request) -> bool:
    """Return whether this server's own page sent the request, or no browser."""
    origin = request.headers.get("origin")
    if origin is not None and origin != f"{request.scope['scheme']}://{request.headers['host']}":
        return False
    return request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")
