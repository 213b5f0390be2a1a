"""GetParameter over real HTTP: responds as a test has prepared, otherwise with what the test's client returns."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from tests.served import accepting

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from types_boto3_ssm import SSMClient


class SsmServer:
    """The requests so far, and the responses to send."""

    def __init__(self) -> None:
        self.url = ""
        self.begin(None)

    def begin(self, client: SSMClient | None) -> None:
        """Forget all requests; use this client when no response is prepared."""
        self._client = client
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.responses: list[Response] = []
        self.refuses_with = ""

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        assert request.headers["X-Amz-Target"] == "AmazonSSM.GetParameter"
        self.requests.append(request.get_json(force=True))
        self.headers.append(dict(request.headers))
        return self._respond()(environ, start_response)

    def _respond(self) -> Response:
        if self.refuses_with:
            return refusal(self.refuses_with)
        if self.responses:
            return self.responses.pop(0)
        assert self._client
        try:
            return holding(self._client.get_parameter(**self.requests[-1])["Parameter"]["Value"])
        except ClientError as error:
            return refusal(error.response["Error"]["Code"])


def holding(value: str) -> Response:
    return Response(json.dumps({"Parameter": {"Value": value}}), content_type="application/x-amz-json-1.1")


def refusal(code: str, status: int = 400) -> Response:
    return Response(json.dumps({"__type": code, "message": "no"}), status, content_type="application/x-amz-json-1.1")


@contextmanager
def ssm_server() -> Iterator[SsmServer]:
    """The server, listening on a free port of this machine until the `with` block ends."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    ssm = SsmServer()
    with accepting(make_server("127.0.0.1", 0, ssm, threaded=True)) as listening:
        ssm.url = f"http://127.0.0.1:{listening.server_port}"
        yield ssm
