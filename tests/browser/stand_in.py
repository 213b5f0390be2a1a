"""The built page with responses that a test chooses, so that no stack has to run."""

from __future__ import annotations

import json
import mimetypes
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from playwright.sync_api import Browser, Page, Request, Route

from local import frontend
from private_files.outputs import Outputs
from tests.chromium import Watched, watched

# Nothing listens on these ports: the browser's requests are intercepted.
PAGE, API, CDN = "http://127.0.0.1:18081", "http://127.0.0.1:18082/graphql", "http://127.0.0.1:18083"
UPLOADS = "http://127.0.0.1:18084"
INTERCEPTED = re.compile(r"^http://127\.0\.0\.1:1808[1234]/")
BY_KEY = {"GraphqlUrl": API, "CdnUrl": CDN, "Region": "us-east-1", "ApiKey": "da2-stand-in"}
BY_PASSWORD = {
    "GraphqlUrl": API, "CdnUrl": CDN, "Region": "us-east-1", "CognitoUrl": "cognito",
    "UserPoolId": "us-east-1_StandIn00", "UserPoolClientId": "standin",
}  # fmt: skip
WITH_UPLOADS = BY_KEY | {"UploadsUrl": UPLOADS}
SIGNATURE = "Expires={expires}&Signature=" + "S1gn-" * 20 + "&Key-Pair-Id=K1"
FAR = 4_000_000_000
# A script for the page: its pauses before another attempt take a twentieth of their time.
SHORT_PAUSES = "const wait = setTimeout; setTimeout = (run, ms) => wait(run, ms < 4000 ? ms / 20 : ms)"
CORS = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "X-Refused-By"}


def signed(name: str, expires: int = FAR) -> str:
    """Return what a URL of this file looks like."""
    return f"{CDN}/{quote(name, safe='/')}?{SIGNATURE.format(expires=expires)}"


def item(name: str, size: int = 5, **other: Any) -> dict[str, Any]:
    """Return a file as the API describes it."""
    return {"name": name, "size": size, "lastModified": "2026-11-24T10:00:00Z", "url": signed(name)} | other


def allowed(prefix: str, **actions: bool) -> dict[str, Any]:
    """Return an allowed prefix as the API describes it: readable, unless `actions` says otherwise."""
    return {"prefix": prefix, "read": True, "write": False, "delete": False} | actions


def refusal(code: str, message: str, *, status: int = 403, by_s3: bool = False) -> dict[str, Any]:
    """Return an error of CloudFront or S3, as an argument of `route.fulfill`."""
    ids = "<RequestId>R</RequestId><HostId>H</HostId>" if by_s3 else ""
    body = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>{message}</Message>{ids}</Error>'
    return {"status": status, "content_type": "application/xml", "body": body}


@dataclass
class StandIn:
    """What the page's servers respond. A response is the arguments of `route.fulfill`, or None for no response."""

    watch: Watched
    config: dict[str, Any]
    cdn: str = CDN  # from which the page may load files
    # The responses to `listFiles` and `getFile`: what is in `data`, or a function of the variables.
    listing: Any = None
    link: Any = None
    # The response to `getAccess`: without access rules unless a test sets it.
    access: Any = field(default_factory=lambda: [allowed("")])
    # The responses to other fields of the API: functions of the variables.
    fields: dict[str, Callable[[dict[str, Any]], Any]] = field(default_factory=dict)
    # The response to an upload.
    upload: Callable[[Request], dict[str, Any] | None] = lambda _request: {"headers": {"ETag": '"e"'}}
    # Instead of them, the response of the API.
    api: Callable[[], dict[str, Any] | None] | None = None
    # The response of the file server to a request for a file.
    file: Callable[[Request], dict[str, Any] | None] = lambda _request: refusal(
        "AccessDenied", "Access Denied", by_s3=True
    )
    # By operation: a response, or a function of the request's body.
    cognito: dict[str, Any] = field(default_factory=dict)
    # What the page sent to the API: the variables of each request.
    asked: list[dict[str, Any]] = field(default_factory=list)
    access_requests: int = 0

    @property
    def page(self) -> Page:
        return self.watch.page

    def open(self, route: str = "") -> None:
        """Open a route of the page."""
        self.page.goto(f"{PAGE}/#/{route}")

    def respond(self, route: Route) -> None:
        """Respond to a request of the browser."""
        request = route.request
        address = urlsplit(request.url)
        server = f"{address.scheme}://{address.netloc}"
        if request.url == API:
            response = self._api_response(request)
        elif server == CDN:
            response = self.file(request)
            if response is not None:
                response = {"headers": {}, **response}
                media_type = response.pop("content_type", None)
                named = {"Content-Type": media_type} if media_type else {}
                response["headers"] = CORS | named | response["headers"]
        elif server == UPLOADS:
            response = self._upload_response(request)
        elif address.path == "/cognito":
            operation = request.headers["x-amz-target"].rpartition(".")[2]
            found = self.cognito.get(operation)
            response = found(json.loads(request.post_data or "{}")) if callable(found) else found
        else:
            response = self._asset(address.path)
        if response is None:
            route.abort("connectionfailed")
        else:
            route.fulfill(**response)

    def _api_response(self, request: Request) -> dict[str, Any] | None:
        if request.method == "OPTIONS":
            return {"headers": CORS | {"Access-Control-Allow-Headers": "*"}}
        sent = json.loads(request.post_data or "{}")
        self.asked.append(sent["variables"])
        variables = sent["variables"] | {"query": sent["query"]}
        if self.api:
            response = self.api()
            return response and {"headers": CORS, **response}
        responses = {**self.fields, "listFiles": self.listing, "getFile": self.link}
        name = next(name for name in responses if f" {name}(" in sent["query"])
        found = responses[name]
        value = found(variables) if callable(found) else found
        body = value if isinstance(value, dict) and "data" in value else {"data": {name: value}}
        if "getAccess" in sent["query"] and isinstance(body["data"], dict):
            self.access_requests += 1
            body["data"] = {"getAccess": self.access} | body["data"]
        return {"headers": CORS, "body": json.dumps(body)}

    def _upload_response(self, request: Request) -> dict[str, Any] | None:
        allowed = {"Access-Control-Allow-Headers": "*", "Access-Control-Allow-Methods": "PUT"}
        cors = CORS | {"Access-Control-Expose-Headers": "ETag"}
        if request.method == "OPTIONS":
            return {"headers": cors | allowed}
        response = self.upload(request)
        return response and {**response, "headers": cors | response.get("headers", {})}

    def _asset(self, path: str) -> dict[str, Any]:
        headers = frontend.response_headers(Outputs.from_json(WITH_UPLOADS | {"CdnUrl": self.cdn}))
        if path == "/config.json":
            return {"headers": headers, "body": json.dumps(self.config)}
        content = frontend.DIST / (unquote(path).strip("/") or "index.html")
        media_type = mimetypes.guess_type(content.name)[0] or "application/octet-stream"
        return {"headers": {**headers, "Content-Type": media_type}, "body": content.read_bytes()}


@contextmanager
def stand_in(browser: Browser, config: dict[str, Any] | None = None, **context: Any) -> Iterator[StandIn]:
    """A page of its own in front of a stand-in for its servers, with an API key unless `config` says otherwise."""
    with watched(browser, PAGE, **context) as watch:
        servers = StandIn(watch, BY_KEY if config is None else config)
        servers.listing = {"items": [], "folders": [], "nextToken": None}
        watch.page.route(INTERCEPTED, servers.respond)
        yield servers
