"""Every request gets a response that AppSync or API Gateway could send, and no traceback is logged."""

import asyncio
import datetime
import gzip
import json
import logging
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette

from local.data_planes.appsync import data_plane as appsync
from local.data_planes.appsync.validation import validation_errors
from local.data_planes.deployed_state import DeployedState
from local.data_planes.http_api.app import DataPlane
from local.data_planes.http_api.deployed_api import read
from tests import raw_asgi
from tests.appsync_stand import API_KEY, Aws, data_plane_app
from tests.http_api_stand import ApiGateway, Function
from tests.raw_asgi import Received
from tests.served import served

KEY = (b"x-api-key", API_KEY.encode())
QUERY = json.dumps({"query": "{ names }"}).encode()
SECONDS = 20.0
Api = tuple[asyncio.Runner, Starlette]


@pytest.fixture(scope="module")
def aws() -> Aws:
    return Aws(function=lambda event: event["arguments"].get("name"))


@pytest.fixture(scope="module")
def endpoint(aws: Aws) -> Iterator[str]:
    with served(aws.app(), ws="none") as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def api(endpoint: str) -> Iterator[Api]:
    """The GraphQL API and the event loop that it runs in, without a socket."""
    app = data_plane_app(endpoint, fresh=3600.0)
    with asyncio.Runner() as runner:
        lifespan = app.router.lifespan_context(app)
        runner.run(lifespan.__aenter__())
        yield runner, app
        runner.run(lifespan.__aexit__(None, None, None))


def post(api: Api, body: bytes, *headers: tuple[bytes, bytes], **request: Any) -> Received:
    runner, app = api
    return runner.run(raw_asgi.send(app, headers=[KEY, *headers], body=[body], **request))


def error(received: Received) -> tuple[int, str, str]:
    [found] = json.loads(received.body)["errors"]
    return received.status, found["errorType"], found["message"]


# GraphQL


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"query": "{ names }", "variables": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        gzip.compress(QUERY, mtime=0),
        b'{"query": "{ names }", "variables": {"a": ' + b"9" * 5_000 + b"}}",
        b'{"query": "{ names }", "variables": {"a": NaN}}',
        b'{"query": "{ names }", "variables": {"a": Infinity}}',
        b'{"query": "\\ud800"}',
        b'{"query": 5}',
        b'{"query": "{ names }", "operationName": {}}',
        b'{"query": "{ names }", "query": null}',
        b'"query"',
        b"null",
        b'{"query": "' + b"{ a" * 5_000 + b'"}',
        b'{"query": "{' + b" a" * 20_000 + b'}"}',
    ],
    ids=lambda body: repr(body[:20]),
)
def test_malformed_body_is_refused(api: Api, body: bytes, caplog: pytest.LogCaptureFixture) -> None:
    status, error_type, _ = error(post(api, body))
    assert (status, error_type) == (400, "MalformedHttpRequestException")
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("query ($x: " + "[" * 99 + "Int" + "]" * 99 + ") { names }", {"x": 1}),
        ("query ($x: [Int]) { getFiles(limit: $x) { nextToken } }", {"x": [[[[1]]]]}),
        ("query ($x: Int) { getFiles(limit: $x) { nextToken } }", {"x": 10**4000}),
        ("{ getFiles(limit: " + "9" * 5_000 + ") { nextToken } }", {}),
        ("{ getFiles(limit: 1e999999) { nextToken } }", {}),
        ("query ($x: Boolean!) { names @skip(if: $x) }", {}),
        ("query ($x: Filter) { getFiles(filter: $x) { nextToken } }", {"x": {"prefix": {"a": []}}}),
        ("{ ...F } fragment F on Query { ...F }", {}),
        ("{ " + " ".join(f"a{number}" for number in range(5_000)) + " }", {}),
        ("{ names(" + " ".join(f"a{number}: 1" for number in range(4_000)) + ") }", {}),
    ],
    ids=lambda value: str(value)[:30] if isinstance(value, str) else "",
)
def test_document_that_the_schema_does_not_allow_has_errors(
    api: Api, query: str, variables: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    received = post(api, json.dumps({"query": query, "variables": variables}).encode())
    assert received.status == 200
    found = json.loads(received.body)
    assert found["data"] is None
    assert 1 <= len(found["errors"]) <= 100
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_half_a_surrogate_reaches_the_function_as_a_question_mark(api: Api) -> None:
    body = b'{"query": "query ($n: String!) { getUrl(name: $n) }", "variables": {"n": "a\\ud800b"}}'
    assert json.loads(post(api, body).body) == {"data": {"getUrl": "a?b"}}


@pytest.mark.parametrize("headers", [(), [(b"content-type", b"text/plain")], [(b"content-encoding", b"gzip")]])
def test_content_type_does_not_matter(api: Api, headers: list[tuple[bytes, bytes]]) -> None:
    assert post(api, QUERY, *headers).status == 200


def test_response_of_too_many_fields_is_refused(api: Api, aws: Aws) -> None:
    function, aws.function = aws.function, lambda _event: {"items": [{"id": "a"}] * 1_000}
    query = "{ getFiles { items { " + " ".join(f"a{number}: id" for number in range(60)) + " } } }"
    refused = error(post(api, json.dumps({"query": query}).encode()))
    aws.function = function
    message = "The response has more than 50,000 fields: split the request into several."
    assert refused == (400, "BadRequestException", message)


SIGNATURE = (
    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{date}/eu-central-1/appsync/aws4_request, "
    "SignedHeaders={names}, Signature={signature}"
)
TEXT = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=20)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "authorization",
                "content-type",
                "content-length",
                "x-amz-date",
                "x-amz-content-sha256",
                "x-amz-security-token",
            ]
        ),
        st.one_of(
            TEXT,
            st.sampled_from(
                ["Bearer a.b.c", "e30.e30.", "20250101T000000Z", "99999999T999999Z", "application/graphql", "9" * 400]
            ),
            st.builds(
                SIGNATURE.format,
                date=st.sampled_from(["20250101", "00000000"]),
                names=st.sampled_from(["host", "host;;x", "host;x-amz-date", ";", "host;é"]),
                signature=st.just("0" * 64),
            ),
        ),
    ),
    max_size=4,
)
TOKENS = [
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "$x",
    ":",
    "=",
    "!",
    "@",
    "#",
    "1",
    '"a"',
    '"""',
    "...",
    "query",
    "fragment",
    "on",
]
TOKENS += ["Query", "String", "F", "names", "getUrl", "@skip", "if", "true", "__typename", "__schema", "types"]
BODIES = st.one_of(
    st.binary(max_size=60),
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["query", "variables", "x"]), inner)
        ),
        max_leaves=6,
    ).map(lambda value: json.dumps(value).encode()),
    st.builds(
        lambda query, variables: json.dumps({"query": query, "variables": variables}).encode(),
        st.lists(
            st.sampled_from(TOKENS),
            max_size=14,
        ).map(" ".join),
        st.dictionaries(
            st.just("x"), st.none() | st.text(max_size=3) | st.lists(st.integers(), max_size=2), max_size=1
        ),
    ),
)


@pytest.mark.slow
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=st.sampled_from(["POST", "GET", "OPTIONS", "HEAD", "PUT", "é"]),
    path=st.sampled_from(["/graphql", "/", "/demo-token", "/assets/..", "/assets/\0", "/assets/" + "a" * 5_000, "/é"]),
    query=st.binary(max_size=40)
    | st.sampled_from([b"query={names}", b"query=%ff", b"query={a}&variables=[[", b"&&=;"]),
    headers=HEADERS,
    body=BODIES,
    known=st.booleans(),
)
def test_graphql_responds_to_every_request(
    *,
    api: Api,
    caplog: pytest.LogCaptureFixture,
    method: str,
    path: str,
    query: bytes,
    headers: list[tuple[str, str]],
    body: bytes,
    known: bool,
) -> None:
    runner, app = api
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers] + [KEY] * known
    request = raw_asgi.send(app, method, path, query=query, headers=raw, body=[body])
    received = runner.run(request)
    assert received.status in (200, 400, 401, 403, 404, 405, 413, 503)  # 503: GraphiQL is not built
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
    caplog.clear()


# Stalls


def _names(count: int) -> Iterator[bytes]:
    return (f"x{number}".encode() for number in range(count))


def test_signature_that_covers_thousands_of_headers_is_refused_at_once(api: Api) -> None:
    now = datetime.datetime.now(datetime.UTC)
    covered = "host;" + b";".join(_names(5_000)).decode()
    authorization = SIGNATURE.format(date=f"{now:%Y%m%d}", names=covered, signature="0" * 64).encode()
    runner, app = api
    headers = [(b"authorization", authorization), (b"x-amz-date", f"{now:%Y%m%dT%H%M%SZ}".encode())]
    message = "The signature covers more than 100 headers."
    refused = runner.run(raw_asgi.send(app, headers=headers, body=[QUERY]))
    assert error(refused) == (403, "InvalidSignatureException", message)


def test_time_for_an_event_does_not_grow_with_the_square_of_its_headers() -> None:
    started_at = time.process_time()
    plane = http_api()
    asyncio.run(raw_asgi.send(plane, "GET", "/files", headers=[(b"a", b"")] * 20_000))
    assert time.process_time() - started_at < 5  # linear: 0.05 s; each header searched for: 30 s
    assert plane.functions.events[0]["headers"]["a"] == "," * 19_999


def test_callers_that_are_not_known_keep_nobody_out(endpoint: str) -> None:
    async def run() -> tuple[int, list[bool]]:
        app = data_plane_app(endpoint, fresh=3600.0, most_requests=1)
        async with app.router.lifespan_context(app):
            half_sent = [
                asyncio.create_task(raw_asgi.send(app, headers=headers, body=[b"{"], stalls=True))
                for headers in ([], [KEY]) * 10
            ]
            await asyncio.sleep(0)
            status = (await raw_asgi.send(app, headers=[KEY], body=[QUERY])).status
            ended = [task.done() for task in half_sent]
            for task in half_sent:
                task.cancel()
            return status, ended

    status, ended = asyncio.run(run())
    assert status == 200
    assert not any(ended)


def test_half_sent_body_is_refused_after_a_while(endpoint: str) -> None:
    async def run() -> Received:
        app = data_plane_app(endpoint, body_seconds=0.01)
        async with app.router.lifespan_context(app):
            return await raw_asgi.send(app, headers=[KEY], body=[b"{"], stalls=True)

    refused = asyncio.run(run())
    assert error(refused) == (
        408,
        "RequestTimeoutException",
        "The request did not arrive within 0.01 seconds: send it again.",
    )
    assert refused.headers["connection"] == "close"


@pytest.mark.parametrize("headers", [[], [KEY]])
def test_body_that_is_too_large_is_refused_before_it_is_read_and_before_the_caller(
    api: Api, headers: list[tuple[bytes, bytes]]
) -> None:
    runner, app = api
    expected = (413, "RequestEntityTooLargeException", "The request body is too large: the limit is 1,048,576 bytes.")
    arrives = raw_asgi.send(app, headers=headers, body=[b"x" * 65_536] * 17, stalls=True)
    assert error(runner.run(arrives)) == expected
    for declared in (b"1048577", b"9" * 5_000):
        announced = raw_asgi.send(app, headers=[*headers, (b"content-length", declared)], body=[], stalls=True)
        assert error(runner.run(announced)) == expected


def test_requests_are_answered_while_another_one_is_validated(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    validating, go_on = threading.Event(), threading.Event()

    def slow(schema: Any, document: Any, *, introspection: bool) -> Any:
        if not validating.is_set():
            validating.set()
            assert go_on.wait(SECONDS)
        return validation_errors(schema, document, introspection=introspection)

    monkeypatch.setattr(appsync, "validation_errors", slow)

    async def run() -> tuple[int, bool, int]:
        app = data_plane_app(endpoint, fresh=3600.0)
        async with app.router.lifespan_context(app):
            first = asyncio.create_task(raw_asgi.send(app, headers=[KEY], body=[QUERY]))
            assert await asyncio.to_thread(validating.wait, SECONDS)
            second = (await raw_asgi.send(app, headers=[KEY], body=[QUERY])).status
            overtaken = not first.done()
            go_on.set()
            return second, overtaken, (await first).status

    try:
        assert asyncio.run(run()) == (200, True, 200)
    finally:
        go_on.set()


# HTTP API


def http_api(result: object = None) -> Any:
    plane: Any = DataPlane()
    plane.api, plane.functions = DeployedState(lambda: read(ApiGateway(), "api")), Function(result or {})
    return plane


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=st.sampled_from(["GET", "POST", "OPTIONS", "HEAD", "é"]),
    path=st.sampled_from(["/files", "/", "/files/", "/é", "/%ff", "//files"]),
    raw_path=st.none() | st.binary(max_size=10),
    query=st.binary(max_size=40),
    headers=HEADERS,
)
def test_http_api_responds_to_every_request(
    *,
    caplog: pytest.LogCaptureFixture,
    method: str,
    path: str,
    raw_path: bytes | None,
    query: bytes,
    headers: list[tuple[str, str]],
) -> None:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    request = raw_asgi.send(http_api(), method, path, query=query, headers=raw, raw_path=raw_path)
    assert asyncio.run(request).status in (200, 204, 404, 413)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
    caplog.clear()


def test_http_api_refuses_a_body_above_10_megabytes() -> None:
    headers = [(b"content-length", b"10485761")]
    refused = asyncio.run(raw_asgi.send(http_api(), "GET", "/files", headers=headers, body=[], stalls=True))
    assert refused.status == 413
    assert json.loads(refused.body)["message"] == "The request body is too large: the limit is 10,485,760 bytes."


@pytest.mark.parametrize(
    "result",
    [
        {"statusCode": "abc"},
        {"statusCode": 99},
        {"statusCode": 1000},
        {"statusCode": None},
        {"statusCode": []},
        {"statusCode": 200, "headers": ["a"]},
        {"statusCode": 200, "headers": {"a": "b\r\nset-cookie: c"}},
        {"statusCode": 200, "headers": {"a b": "c"}},
        {"statusCode": 200, "headers": {"a": "é→"}},
        {"statusCode": 200, "cookies": 5},
        {"statusCode": 200, "cookies": ["a\nb"]},
        {"statusCode": 200, "body": {"a": "b"}},
        {"statusCode": 200, "body": "a", "isBase64Encoded": True},
    ],
)
def test_result_that_is_no_response_is_an_internal_error(result: Any, caplog: pytest.LogCaptureFixture) -> None:
    received = asyncio.run(raw_asgi.send(http_api(result), "GET", "/files"))
    assert (received.status, received.body) == (500, b'{"message":"Internal Server Error"}')
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize("result", ["a\ud800b", {"statusCode": 200, "body": "a\ud800b"}])
def test_half_a_surrogate_in_a_result_is_a_question_mark(result: Any) -> None:
    assert asyncio.run(raw_asgi.send(http_api(result), "GET", "/files")).body == b"a?b"
