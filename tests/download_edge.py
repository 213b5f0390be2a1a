"""An API and an edge on this machine that a test of downloads can change and inspect."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from tests.served import accepting

MODIFIED = "Wed, 01 Jan 2025 00:00:00 GMT"


@dataclass
class Edge:
    """Files by name, and the requests it got; a response stops after `stop_after` bytes until that is None."""

    url: str = ""
    files: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    signed: int = 0
    api_requests: int = 0
    valid_from: int = 0  # of a URL's number; one with a lower number has expired
    stop_after: int | None = None
    drop_after: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    api_statuses: list[int] = field(default_factory=list)
    takes_ranges: bool = True
    headers: dict[str, str] = field(default_factory=dict)
    always_drops_after: int | None = None
    signs_listed: bool = True
    forbidden: tuple[str, ...] = ()  # names of files that do not exist for the caller
    after_drop: Callable[[], None] = lambda: None
    variables: list[dict[str, Any]] = field(default_factory=list)  # of the requests to the API
    deletes: bool = False  # whether names of files are to be deleted, instead of signed
    deleted: list[str] = field(default_factory=list)
    hostile: dict[str, Any] | None = None  # the data of the API's responses
    lifetime: int | None = None  # seconds until a URL says that it expires
    refusal_status: int = 403
    refusal: tuple[str, bytes] = ("AmazonS3", b"<Error/>")  # of files that do not exist: Server, body

    def sign(self, name: str) -> str:
        self.signed += 1
        expires = "" if self.lifetime is None else f"&Expires={int(time.time()) + self.lifetime}"
        return f"{self.url}/{quote(name, safe='')}?n={self.signed}&Signature=secret{expires}"

    def graphql(self, variables: dict[str, Any]) -> Any:
        self.api_requests += 1
        self.variables.append(variables)
        if self.hostile is not None:
            return self.hostile
        if "files" in variables and self.deletes:
            deleted = [{"file": name, "deleted": True, "errorType": None} for name in variables["files"]]
            self.deleted += variables["files"]
            return {"deleteFiles": deleted}
        if "files" in variables:
            items = [{"file": name, "url": self.sign(name)} for name in variables["files"]]
            refused = {"url": None, "errorType": "NotAllowed", "errorMessage": "No."}
            signed = {"errorType": None, "errorMessage": None}
            return {"getUrls": [item | (refused if item["file"] in self.forbidden else signed) for item in items]}
        if "file" in variables:
            return {"file": self.listed(variables["file"]) if variables["file"] in self.files else None}
        if looked_up := {key: name for key, name in variables.items() if key[1:].isdigit()}:
            found = {key: name if name in self.files else None for key, name in looked_up.items()}
            return {key: name and {"name": name, "url": self.sign(name)} for key, name in found.items()}
        matching = sorted(name for name in self.files if name.startswith(variables["prefix"]))
        depth, by_folder = len(variables["prefix"]), variables.get("delimiter")
        folders = {name[: name.index("/", depth) + 1] for name in matching if by_folder and "/" in name[depth:]}
        entries = sorted(folders | {name for name in matching if not (by_folder and "/" in name[depth:])})
        start = int(variables["token"] or 0)
        page = entries[start : start + 1000]
        token = str(start + 1000) if start + 1000 < len(entries) else None
        items = [self.listed(name) for name in page if name not in folders]
        return {
            "listFiles": {"items": items, "folders": [name for name in page if name in folders], "nextToken": token}
        }

    def listed(self, name: str) -> dict[str, Any]:
        return {
            "name": name,
            "size": len(self.files[name][0]),
            "lastModified": "2025-01-01T00:00:00Z",
            "url": self.sign(name) if self.signs_listed else None,
        }


@contextmanager
def download_edge() -> Iterator[Edge]:
    """Serve the API and the edge until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            content = json.dumps({"data": said.graphql(body.get("variables") or {})}).encode()
            status = said.api_statuses.pop(0) if said.api_statuses else 200
            self.respond(status, content if status == 200 else b"", {})

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            name = unquote(parts.path[1:])
            said.requests.append((name, {key.lower(): value for key, value in self.headers.items()}))
            if int(parts.query.partition("n=")[2].partition("&")[0]) < said.valid_from:
                return self.respond(403, b"<Error/>", {"Server": "CloudFront"})
            if said.statuses:
                return self.respond(said.statuses.pop(0), b"", {"Location": f"{said.url}/elsewhere?n=0"})
            if name not in said.files:
                return self.respond(said.refusal_status, said.refusal[1], {"Server": said.refusal[0]})
            content, etag = said.files[name]
            headers = {"ETag": etag, "Last-Modified": MODIFIED, **said.headers}
            wanted = self.headers.get("Range")
            if wanted and self.headers.get("If-Range") == etag and said.takes_ranges:
                start = int(wanted.removeprefix("bytes=").partition("-")[0])
                if start >= len(content):
                    return self.respond(416, b"", {"Content-Range": f"bytes */{len(content)}"})
                headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
                return self.respond(206, content[start:], headers)
            return self.respond(200, content, headers)

        def respond(self, status: int, content: bytes, headers: dict[str, str]) -> None:
            self.send_response_only(status)
            for key, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(key, value)
            self.end_headers()
            if said.stop_after is not None and status in (200, 206) and len(content) > said.stop_after:
                self.wfile.write(content[: said.stop_after])
                sent = said.stop_after
                while said.stop_after is not None and not stopped.wait(0.01):
                    pass
                self.wfile.write(content[sent:])
            elif said.always_drops_after is not None and self.command == "GET":
                at = int(headers.get("Content-Range", "bytes 0-").removeprefix("bytes ").partition("-")[0])
                self.wfile.write(content[: max(0, said.always_drops_after - at)])
                self.close_connection = True
            elif said.drop_after and self.command == "GET":
                self.wfile.write(content[: said.drop_after.pop(0)])
                self.close_connection = True
                said.after_drop()
            else:
                self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    stopped = threading.Event()
    with accepting(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as http:
        http.daemon_threads = True
        http.handle_error = lambda *_: None  # type: ignore[method-assign]
        said = Edge(f"http://127.0.0.1:{http.server_port}")
        try:
            yield said
        finally:
            stopped.set()
