"""The URL to which custom resources send their responses, as CloudFormation serves it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from tests.served import accepting


class ResponseUrl:
    """`url`, and what has arrived there."""

    def __init__(self) -> None:
        self.url = ""
        self.bodies: list[bytes] = []
        self.content_types: list[str | None] = []

    @property
    def last(self) -> dict[str, Any]:
        """The last response that arrived."""
        response: dict[str, Any] = json.loads(self.bodies[-1])
        return response


@contextmanager
def response_url() -> Iterator[ResponseUrl]:
    """The server, listening on a free port of this machine until the `with` block ends."""
    received = ResponseUrl()

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            received.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            received.content_types.append(self.headers["Content-Type"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with accepting(HTTPServer(("127.0.0.1", 0), Handler)) as server:
        received.url = f"http://127.0.0.1:{server.server_port}/response?X-Amz-Signature=0"
        yield received
