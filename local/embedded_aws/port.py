"""The emulator's port: which requests reach ministack.

Besides the AWS APIs, whose signatures it checks, ministack serves pages that control it (`/_ministack/reset`) and data
planes of its own (AppSync, API Gateway, distributions, Cognito's managed login). They check less than AWS, or nothing.
"""

import hmac
import json
import re
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from local.data_planes.loopback import LoopbackOnly

SECRET_HEADER = "x-emulator-secret"  # noqa: S105 - a name
IAM_CALLER_PATH = "/_private-files/iam-caller"
SECRET_VARIABLE = "PRIVATE_FILES_EMULATOR_SECRET"  # noqa: S105 - a name, too
SECRET_NEEDED = "Only the program that started this emulator can send this request."  # noqa: S105 - a message
LARGEST_HEAD = 16 * 1024  # bytes; the limit of h11, with which ministack reads requests

_NOT_AN_AWS_API = re.compile(
    r"/(_.*|health|restapis/.*/_user_request_.*|v1/apis/[^/]+/graphql.*|oauth2/.*|login|logout)", re.DOTALL
)
# A custom resource sends its response here. The random part of the path is its credential, as on AWS.
_RESPONSE_URL = re.compile(r"/_ministack/cfn-response/[\w-]{32,}", re.ASCII)


class AwsApisOnly:
    """Passes a request to `app` if it is for an AWS API and from this machine, or has the secret.

    `is_public` says of a host whether it is a distribution that requires no signed URLs: that of the hosted page.
    """

    def __init__(self, app: ASGIApp, secret: str, is_public: Callable[[str], bool] = lambda _host: False) -> None:
        self._app = app
        self._secret = secret.encode()
        self._is_public = is_public
        self._from_this_machine = LoopbackOnly(app, _refusal, LARGEST_HEAD)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._from_this_machine(scope, receive, send)
        elif self._has_secret(scope) or self._is_for_a_public_distribution(scope):
            await self._app(scope, receive, send)
        elif _is_for_an_aws_api(scope):
            await self._from_this_machine(scope, receive, send)
        else:
            await _refusal(403, SECRET_NEEDED)(scope, receive, send)

    def _has_secret(self, scope: Scope) -> bool:
        return hmac.compare_digest(Headers(scope=scope).get(SECRET_HEADER, "").encode(), self._secret)

    def _is_for_a_public_distribution(self, scope: Scope) -> bool:
        return self._is_public(Headers(scope=scope).get("host", "")) and not scope["path"].startswith("/_")


def _is_for_an_aws_api(scope: Scope) -> bool:
    method, path, headers = scope["method"], scope["path"], Headers(scope=scope)
    if method == "PUT" and _RESPONSE_URL.fullmatch(path):
        return True
    # ListBuckets: ministack returns every bucket to a request without a signature. Others here have an `Action`.
    lists_buckets = path == "/" and method in ("GET", "HEAD") and b"Action=" not in scope["query_string"]
    if lists_buckets and not headers.get("authorization", "").startswith("AWS4-HMAC-SHA256 "):
        return False
    return not _NOT_AN_AWS_API.fullmatch(path)


def _refusal(status: int, message: str) -> Response:
    body = json.dumps({"__type": "AccessDeniedException", "message": message})
    return Response(body, status, media_type="application/x-amz-json-1.1")
