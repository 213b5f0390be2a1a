"""Translates a request into the event of a Lambda function, and its result into a response: payload format 2.0.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

import base64
import json
import re
import time
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from starlette.requests import Request
from starlette.responses import Response

HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+", re.ASCII)
HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
ACCOUNT = "000000000000"  # the only account of the emulator


def raw_path(request: Request) -> str:
    """Return the path as it was sent."""
    raw: bytes | None = request.scope.get("raw_path")
    return raw.decode("latin-1") if raw is not None else quote(request.scope["path"])


def event(request: Request, *, api_id: str, route_key: str, claims: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the event of a request without a body; `claims` are those of the caller's token, if the route has one."""
    scope = request.scope
    path = unquote(raw_path(request))
    query = scope["query_string"].decode("latin-1")
    parameters = _joined(parse_qsl(query, keep_blank_values=True))
    now = time.time()
    context: dict[str, Any] = {
        "accountId": ACCOUNT,
        "apiId": api_id,
        "domainName": re.sub(r":\d+$", "", request.headers.get("host", "")),
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
        "headers": _joined(request.headers.items()),
        "requestContext": context,
        "isBase64Encoded": False,
    }
    return described | ({"queryStringParameters": parameters} if parameters else {})


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the values by name, those of a repeated name with commas between them."""
    values: defaultdict[str, list[str]] = defaultdict(list)
    for name, value in pairs:
        values[name].append(value)
    return {name: ",".join(found) for name, found in values.items()}


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
        return Response(text.encode(errors="replace"), media_type="application/json")
    status, headers, body = result["statusCode"], result.get("headers") or {}, result.get("body") or ""
    cookies = result.get("cookies") or []
    if not isinstance(headers, dict) or not isinstance(cookies, list) or not isinstance(body, str):
        raise ValueError("headers, cookies or body have the wrong type")
    if not re.fullmatch(r"[2-5]\d\d", str(status), re.ASCII):
        raise ValueError("statusCode is not an HTTP status")
    sent = [(name.lower(), _text(value)) for name, value in headers.items()]
    sent += [("set-cookie", _text(cookie)) for cookie in cookies]
    if not all(HEADER_NAME.fullmatch(name) and HEADER_VALUE.fullmatch(value) for name, value in sent):
        raise ValueError("a header is not valid")
    content = base64.b64decode(body) if result.get("isBase64Encoded") else body.encode(errors="replace")
    returned = Response(content, int(status))
    for name, value in sent:
        if name == "content-length":
            continue  # that of the body holds
        if name == "set-cookie":
            returned.headers.append(name, value)
        else:
            returned.headers[name] = value
    return returned
