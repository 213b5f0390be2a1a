"""Query strings of the HTTP API: a form decoder of our own agrees about every parameter, and refusals say which."""

from __future__ import annotations

import json
import re

from fuzz.choices import Choices
from resolvers import http_api
from resolvers.http_api import InvalidQuery

PIECES = [
    "file", "expiresIn", "saveAs", "=", "&", "a", "%20", "+", "%", "%2", "%41", "%C3%A9", "%C3", "%FF", "%ED%A0%80",
    "%00", "é", "1", "-1", "60", "0", ";", "%26", "%3D", "?", "#", " ", "file=a", "expiresIn=60", "&saveAs=b",
    "99999999999", "١", "expiresIn=١",
]  # fmt: skip
PARAMETERS: dict[str, http_api.Parser] = {"file": str, "expiresIn": http_api.integer, "saveAs": str}


def check(choices: Choices) -> None:
    query = choices.text(PIECES, 12)
    expected = _arguments(query)
    try:
        found = http_api.arguments({"routeKey": "GET /url", "rawQueryString": query}, PARAMETERS, required="file")
    except InvalidQuery as refused:
        assert expected is None, query
        response = http_api.problem(refused)
        assert response["statusCode"] == 400
        assert json.loads(response["body"])["detail"].isprintable()
    else:
        assert found == expected, query


def _arguments(query: str) -> dict[str, object] | None:
    """Return the parameters of the query, or None if it is to be refused."""
    found: dict[str, object] = {}
    for pair in filter(None, query.split("&")):
        name, _, text = pair.partition("=")
        try:
            name, text = _decoded(name), _decoded(text)
        except UnicodeError:
            return None
        if name in found or name not in PARAMETERS:
            return None
        found[name] = text
    expires = found.get("expiresIn")
    if expires is not None:
        if not re.fullmatch(r"-?[0123456789]{1,10}", str(expires)):
            return None
        found["expiresIn"] = int(str(expires))
    return found if "file" in found else None


def _decoded(text: str) -> str:
    """Decode a name or a value of a form: https://url.spec.whatwg.org/#urlencoded-parsing"""
    data = text.replace("+", " ").encode("utf-8", "surrogatepass")
    decoded = re.sub(rb"%([0-9A-Fa-f]{2})", lambda found: bytes.fromhex(found[1].decode()), data)
    # A character that was not encoded is itself; API Gateway sends none but ASCII.
    return decoded.decode("utf-8")
