"""Translates a request into the event of a Lambda function, and its result into a response: payload format 2.0.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

import base64
import json
import time
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote

from starlette.requests import Request
from starlette.responses import Response

ACCOUNT = "000000000000"  # the only account of the emulator


def event(request: Request, *, api_id: str, route_key: str, claims: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the event of a request without a body; `claims` are those of the caller's token, if the route has one."""
    scope = request.scope
    path = unquote(scope["raw_path"].decode("latin-1"))
    query = scope["query_string"].decode("latin-1")
    joined: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    now = time.time()
    context: dict[str, Any] = {
        "accountId": ACCOUNT,
        "apiId": api_id,
        "domainName": request.url.hostname,
        "domainPrefix": api_id,
        "http": {
            "method": request.method,
            "path": path,
            "protocol": f"HTTP/{scope['http_version']}",
            "sourceIp": request.client.host if request.client else "",
            "userAgent": request.headers.get("user-agent", ""),
        },
        "requestId": str(uuid.uuid4()),
        "routeKey": route_key,
        "stage": "$default",
        "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
        "timeEpoch": int(now * 1000),
    }
    if claims is not None:
        context["authorizer"] = {"jwt": {"claims": {name: _text(value) for name, value in claims.items()}}}
        context["authorizer"]["jwt"]["scopes"] = None
    described: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": path,
        "rawQueryString": query,
        "headers": {name: ",".join(request.headers.getlist(name)) for name in request.headers},
        "requestContext": context,
        "isBase64Encoded": False,
    }
    return described | ({"queryStringParameters": joined} if joined else {})


def _text(claim: Any) -> str:
    # Claims are passed on as text; a list is put in brackets: `[admin dev]`.
    if isinstance(claim, list):
        return "[" + " ".join(map(_text, claim)) + "]"
    return claim if isinstance(claim, str) else json.dumps(claim)


def response(result: Any) -> Response:
    """Return the response for the result of a function. Raises ValueError if the result is not valid."""
    if not isinstance(result, dict) or "statusCode" not in result:
        # Without a status code, the whole result is the body.
        text = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
        return Response(text, media_type="application/json")
    body = result.get("body") or ""
    content = base64.b64decode(body) if result.get("isBase64Encoded") else body
    headers = {name.lower(): str(value) for name, value in result.get("headers", {}).items()}
    returned = Response(content, int(result["statusCode"]), headers)
    for cookie in result.get("cookies", []):
        returned.headers.append("set-cookie", cookie)
    return returned
