"""An API with uploads and a bucket on this machine, whose responses can be lost."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from tests.served import accepting

Response = tuple[int, str, dict[str, str]]


class Refused(Exception):
    """The API refuses: the type of the error, and its message."""


@dataclass
class Stored:
    content: bytes
    kind: str
    modified: float

    @property
    def etag(self) -> str:
        return hashlib.md5(self.content, usedforsecurity=False).hexdigest()


@dataclass
class Bucket:
    """Files and uploads by name and by id; a test changes the parts it is about.

    The response to a request for which `loses` is true is lost: the connection is closed without it. It is given the
    field of a mutation or query, or `PUT` and the name of a file, after the request took effect. `before` is called
    with them before it takes effect, and may return a response of S3 instead: status and error code.
    """

    url: str = ""
    part_size: int = 16 * 1024**2
    largest: int = 16 * 1024**2  # bytes of a file that is sent in one request
    files: dict[str, Stored] = field(default_factory=dict)
    uploads: dict[str, tuple[str, str, dict[int, bytes]]] = field(default_factory=dict)
    calls: list[tuple[str, Any]] = field(default_factory=list)
    puts: list[str] = field(default_factory=list)
    connections: int = 0
    may_read: bool = True
    loses: Callable[[str, str], bool] = lambda _what, _name: False
    before: Callable[[str, str], tuple[int, str] | None] = lambda _what, _name: None

    def graphql(self, query: str, given: dict[str, Any]) -> dict[str, Any]:
        name = query.partition("{")[2].split("(")[0].strip()
        self.calls.append((name, given))
        return {name: getattr(self, name)(**given)}

    def startUploads(self, files: list[dict[str, Any]], overwrite: bool) -> list[dict[str, Any]]:  # noqa: N802
        return [self._start(file, overwrite) for file in files]

    def _start(self, file: dict[str, Any], overwrite: bool) -> dict[str, Any]:
        name, size = file["name"], int(file["size"])
        found = dict.fromkeys(("url", "headers", "uploadId", "partSize", "errorType", "errorMessage"))
        if name.startswith("refused"):
            return {"file": name, **found, "errorType": "NotAllowed", "errorMessage": f"You may not write '{name}'."}
        if size > self.largest:
            upload_id = f"id-{len(self.uploads)}"
            self.uploads[upload_id] = (name, file["contentType"], {})
            return {"file": name, **found, "uploadId": upload_id, "partSize": self.part_size}
        headers = {"Content-Type": file["contentType"], **({} if overwrite else {"If-None-Match": "*"})}
        listed = [{"name": header, "value": value} for header, value in headers.items()]
        return {"file": name, **found, "url": self._url(name, size=size), "headers": listed}

    def _url(self, name: str, **query: Any) -> str:
        parameters = "&".join(f"{key}={value}" for key, value in query.items())
        return f"{self.url}/b/{quote(name, safe='/')}?{parameters}&X-Amz-Signature=secret"

    def signParts(self, file: str, id: str, size: float, parts: list[int]) -> list[dict[str, Any]]:  # noqa: A002, N802
        def length(part: int) -> int:
            return min(self.part_size, int(size) - (part - 1) * self.part_size)

        return [
            {"part": part, "url": self._url(file, size=length(part), uploadId=id, partNumber=part)} for part in parts
        ]

    def resumeUpload(self, file: str, id: str) -> list[dict[str, Any]]:  # noqa: A002, N802
        parts = self._upload(file, id)[2]
        return [{"part": part, "size": len(content), "etag": str(part)} for part, content in sorted(parts.items())]

    def finishUpload(self, file: str, id: str, size: float, parts: list[Any], over: bool) -> bool:  # noqa: A002, N802
        _, kind, arrived = self._upload(file, id)
        if not over and file in self.files:
            raise Refused("FileExists", "There is a file with this name; set overwrite to replace it.")
        content = b"".join(arrived[part["part"]] for part in parts)
        assert len(content) == size
        self.files[file] = Stored(content, kind, time.time())
        del self.uploads[id]
        return True

    def _upload(self, file: str, upload_id: str) -> tuple[str, str, dict[int, bytes]]:
        if self.uploads.get(upload_id, ("",))[0] != file:
            raise Refused("UploadNotFound", "There is no such upload of this file; start it again.")
        return self.uploads[upload_id]

    def getFile(self, file: str) -> dict[str, Any] | None:  # noqa: N802
        if not self.may_read:
            raise Refused("NotAllowed", f"You may not read '{file}'.")
        if (found := self.files.get(file)) is None:
            return None
        modified = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(found.modified))
        return {"etag": found.etag, "size": len(found.content), "lastModified": modified}

    def put(self, name: str, query: dict[str, str], headers: dict[str, str], content: bytes) -> Response:
        """Store the content as S3 does."""
        self.puts.append(name)
        assert len(content) == int(query["size"]), "S3 refuses another length than the signed one"
        if "uploadId" in query:
            self.uploads[query["uploadId"]][2][int(query["partNumber"])] = content
            return 200, "", {"ETag": query["partNumber"]}
        if headers.get("if-none-match") and name in self.files:
            return 412, "PreconditionFailed", {}
        self.files[name] = Stored(content, headers["content-type"], time.time())
        return 200, "", {"ETag": self.files[name].etag}


@contextmanager
def upload_stand() -> Iterator[Bucket]:
    """Serve the API and the bucket until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            bucket.connections += 1

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            result: dict[str, Any] = {"data": None}
            try:
                result = {"data": bucket.graphql(body["query"], body.get("variables") or {})}
            except Refused as refused:
                kind, message = refused.args
                result["errors"] = [{"errorType": kind, "message": message}]
            self.respond(bucket.calls[-1][0], "", 200, json.dumps(result), {})

        def do_PUT(self) -> None:
            parts = urlsplit(self.path)
            name = unquote(parts.path).removeprefix("/b/")
            content = self.rfile.read(int(self.headers["content-length"]))
            if early := bucket.before("PUT", name):
                self.respond("", "", early[0], f"<Error><Code>{early[1]}</Code></Error>", {})
                return
            query = {key: values[0] for key, values in parse_qs(parts.query).items()}
            sent = {key.lower(): value for key, value in self.headers.items()}
            status, code, headers = bucket.put(name, query, sent, content)
            self.respond("PUT", name, status, f"<Error><Code>{code}</Code></Error>" if code else "", headers)

        def respond(self, what: str, name: str, status: int, body: str, headers: dict[str, str]) -> None:
            if bucket.loses(what, name):
                self.close_connection = True
                return
            content = body.encode()
            self.send_response_only(status)
            for key, value in {"Date": formatdate(usegmt=True), "Content-Length": len(content), **headers}.items():
                self.send_header(key, str(value))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    with accepting(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as http:
        http.daemon_threads = True
        http.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients that are killed
        bucket = Bucket(f"http://127.0.0.1:{http.server_port}")
        yield bucket
