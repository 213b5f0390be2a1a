"""`GET /files` and `GET /url` as an HTTP API calls the functions; what deploys it; the document that describes it."""

import importlib
import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import schemathesis
from openapi_spec_validator import validate

from infra.rest_api import LOGGED
from resolvers import files_handler, rest, url_handler
from resolvers.s3_files import FilesUnavailable
from tests import PROJECT
from tests.infra.test_template import VARIANTS, only, plain, resources, synthesized
from tests.unit.test_functions import ENVIRONMENT, Context

DOCUMENT = PROJECT / "openapi.yaml"
Handler = Callable[[Any, Any], Any]


def request(path: str, query: str = "") -> dict[str, Any]:
    """What an HTTP API sends, payload format 2.0."""
    return {
        "version": "2.0",
        "routeKey": f"GET {path}",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"host": "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com", "authorization": "Bearer e.y.J"},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "a1b2c3d4e5",
            "authorizer": {"jwt": {"claims": {"sub": "a-user"}, "scopes": None}},
            "domainName": "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com",
            "http": {"method": "GET", "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "x"},
            "requestId": "AbCdEfGhIjKlMnO=",
            "routeKey": f"GET {path}",
            "stage": "$default",
            "timeEpoch": 1_800_000_000_000,
        },
        "isBase64Encoded": False,
    }


class Signer:
    """Signs by adding nothing, so that a test sees exactly what would be signed."""

    def sign(self, url: str, expires: int) -> str:
        return f"{url}#{expires}"


class Keys:
    def signer(self, _now: float) -> Signer:
        return Signer()


class Listing:
    def __init__(self, names: list[str]) -> None:
        self._names = names

    def names(self, prefix: str) -> Iterator[str]:
        return (name for name in self._names if name.startswith(prefix))


@pytest.fixture
def get_url(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, Any]]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "url_handler")
    importlib.reload(url_handler)
    monkeypatch.setattr(url_handler, "_keys", Keys)
    handle: Handler = url_handler.handler
    return lambda query: dict(handle(request("/url", query), Context()))


@pytest.fixture
def get_files(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "PrivateFiles")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "files_handler")
    importlib.reload(files_handler)
    handle: Handler = files_handler.handler

    def ask(names: list[str], query: str = "") -> dict[str, Any]:
        monkeypatch.setattr(files_handler, "_listing", lambda: Listing(names))
        return dict(handle(request("/files", query), Context()))

    return ask


def problem(answer: dict[str, Any]) -> tuple[int, str, str]:
    assert answer["headers"]["content-type"] == "application/problem+json"
    told = json.loads(answer["body"])
    assert told["status"] == answer["statusCode"]
    return told["status"], told["type"].removeprefix("urn:problem-type:private-files:"), told["detail"]


NAMES = [
    "a b",
    "a+b",
    "100%",
    "%41",
    "a&b=c",
    "a,b",
    "été",
    "👩‍🚀",
    "semi;colon",
    "#1",
    "q?x",
    'it\'s "so"',
    "back\\slash",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "encode", [lambda name: urlencode({"file": name}), lambda name: "file=" + quote(name, safe="")]
)
def test_name_arrives_whole_however_it_is_encoded(
    get_url: Callable[[str], dict[str, Any]], name: str, encode: Callable[[str], str]
) -> None:
    answer = get_url(encode(name))
    assert answer["statusCode"] == 200
    assert json.loads(answer["body"])["url"].startswith(f"https://files.example.com/{quote(name, safe='/')}#")


def test_answer_with_a_url_may_not_be_kept_by_caches(get_url: Callable[[str], dict[str, Any]]) -> None:
    assert get_url("file=a")["headers"] == {"content-type": "application/json", "cache-control": "no-store"}


@pytest.mark.parametrize(
    ("query", "kind", "says"),
    [
        ("", "InvalidQuery", "file is missing"),
        ("file=a&file=b", "InvalidQuery", "more than once"),
        ("file=a&expires=60", "InvalidQuery", "'expires' is unknown"),
        ("file=a&expiresIn=", "InvalidQuery", "a whole number"),
        ("file=a&expiresIn=1.5", "InvalidQuery", "a whole number"),
        ("file=a&expiresIn=%D9%A1%D9%A2", "InvalidQuery", "a whole number"),
        ("file=%FF", "InvalidQuery", "UTF-8"),
        ("file=", "InvalidFileName", "it is empty"),
        ("file=/etc/passwd", "InvalidFileName", "begins with a slash"),
        ("file=a%00b", "InvalidFileName", "control character"),
        ("file=a&expiresIn=9", "InvalidLifetime", "between 10 and 3600"),
        ("file=a&saveAs=a/b", "InvalidDownloadName", "a slash"),
    ],
)
def test_refusal_is_a_problem_that_says_what_is_wrong(
    get_url: Callable[[str], dict[str, Any]], query: str, kind: str, says: str
) -> None:
    status, found, detail = problem(get_url(query))
    assert (status, found) == (400, kind)
    assert says in detail


def test_names_are_listed_and_a_prefix_narrows_them(get_files: Callable[..., dict[str, Any]]) -> None:
    assert get_files(NAMES) == {"files": NAMES}
    assert get_files(NAMES, "prefix=a%2B") == {"files": ["a+b"]}


def test_largest_list_that_is_answered_fits_what_lambda_may_answer(
    get_files: Callable[..., dict[str, Any]],
) -> None:
    # https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: 6 MB
    names = ['"' * 20] * (files_handler.MAX_NAMES_BYTES // 43)
    assert len(json.dumps(get_files(names), ensure_ascii=False).encode()) < 6_000_000
    status, kind, detail = problem(get_files([*names, *['"' * 20] * 2]))
    assert (status, kind) == (400, "TooManyFiles")
    assert "listFiles" in detail
    assert "prefix" in detail


@pytest.mark.usefixtures("get_files")
def test_failure_inside_tells_the_caller_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Listing:
        raise FilesUnavailable("the-bucket is secret")

    monkeypatch.setattr(files_handler, "_listing", fail)
    answer = files_handler.handler(request("/files"), Context())
    assert problem(answer)[:2] == (500, "InternalFailure")
    assert "the-bucket" not in answer["body"]


def test_events_of_appsync_are_none_of_its_business() -> None:
    assert not rest.asks({"info": {"fieldName": "getUrl"}})
    assert not rest.asks([{"info": {"fieldName": "url"}}])


# --- what is deployed


@pytest.fixture
def both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(VARIANTS, "rest", {"rest": "on"})
    monkeypatch.setitem(VARIANTS, "rest-open", {"rest": "on", "auth": "off"})


def test_nothing_of_it_is_deployed_unless_asked_for() -> None:
    kinds = {resource["Type"] for resource in synthesized("default")["Resources"].values()}
    assert not {kind for kind in kinds if "ApiGateway" in kind}
    assert "RestUrl" not in synthesized("default")["Outputs"]


@pytest.mark.usefixtures("both")
def test_every_route_asks_for_a_token_of_the_one_client() -> None:
    authorizer_id, authorizer = only("AWS::ApiGatewayV2::Authorizer", "rest")
    routes = resources("AWS::ApiGatewayV2::Route", "rest").values()
    assert len(routes) == 2
    for route in routes:
        assert route["Properties"]["AuthorizationType"] == "JWT"
        assert plain(route["Properties"]["AuthorizerId"]) == f"${{{authorizer_id}}}"
    (client_id,) = resources("AWS::Cognito::UserPoolClient", "rest")
    (pool_id,) = resources("AWS::Cognito::UserPool", "rest")
    assert plain(authorizer["JwtConfiguration"]) == {
        "Audience": [f"${{{client_id}}}"],
        "Issuer": f"https://cognito-idp.${{AWS::Region}}.amazonaws.com/${{{pool_id}}}",
    }


@pytest.mark.usefixtures("both")
def test_without_auth_the_routes_are_open() -> None:
    routes = resources("AWS::ApiGatewayV2::Route", "rest-open").values()
    assert {route["Properties"]["AuthorizationType"] for route in routes} == {"NONE"}


@pytest.mark.usefixtures("both")
def test_requests_are_throttled_and_logged_without_query_and_answer() -> None:
    _, stage = only("AWS::ApiGatewayV2::Stage", "rest")
    assert stage["StageName"] == "$default"
    assert stage["DefaultRouteSettings"] == {"ThrottlingRateLimit": 500, "ThrottlingBurstLimit": 500}
    logged = json.loads(stage["AccessLogSettings"]["Format"])
    assert set(logged.values()) == {f"$context.{name}" for name in LOGGED}
    assert not {"path", "queryString", "rawQueryString"}.intersection(LOGGED)


# --- the document


def document() -> dict[str, Any]:
    return dict(schemathesis.openapi.from_path(DOCUMENT).raw_schema)


def test_document_is_valid_openapi() -> None:
    validate(document())


@pytest.mark.usefixtures("both")
def test_document_has_the_routes_that_are_deployed() -> None:
    deployed = {route["Properties"]["RouteKey"] for route in resources("AWS::ApiGatewayV2::Route", "rest").values()}
    described = {f"{method.upper()} {path}" for path, item in document()["paths"].items() for method in item}
    assert described == deployed
