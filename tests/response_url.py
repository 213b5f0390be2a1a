"""The URL to which custom resources send their responses, as CloudFormation serves it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any


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

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        received.url = f"http://127.0.0.1:{server.server_port}/response?X-Amz-Signature=0"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield received
        server.shutdown()
        thread.join()
