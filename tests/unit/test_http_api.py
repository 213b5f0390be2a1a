"""`GET /files` and `GET /url` as an HTTP API invokes the functions."""

import importlib
import io
import json
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from resolvers import error_metrics, files_handler, http_api, url_handler
from resolvers.s3_files import FilesUnavailable
from tests.lambda_events import Context, http_event
from tests.sandbox import ENVIRONMENT

Handler = Callable[[Any, Any], Any]


class Signer:
    """Signs by adding nothing, so that a test sees exactly what would be signed."""

    def sign(self, url: str, expires: int) -> str:
        return f"{url}#{expires}"


class Keys:
    def signer(self, _now: float, _seconds: float) -> Signer:
        return Signer()

    def days_signing(self, _signer: Signer, _now: float) -> float:
        return 0


class Listing:
    def __init__(self, names: list[str]) -> None:
        self._names = names

    def check_prefix(self, prefix: str) -> None:
        """Accept every prefix."""

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
    return lambda query: dict(handle(http_event("/url", query), Context()))


@pytest.fixture
def get_files(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "files_handler")
    importlib.reload(files_handler)
    handle: Handler = files_handler.handler

    def get(names: list[str], query: str = "") -> dict[str, Any]:
        monkeypatch.setattr(files_handler, "_listing", lambda _: Listing(names))
        return dict(handle(http_event("/files", query), Context()))

    return get


def problem(response: dict[str, Any]) -> tuple[int, str, str]:
    assert response["headers"]["content-type"] == "application/problem+json"
    content = json.loads(response["body"])
    assert content["status"] == response["statusCode"]
    return content["status"], content["type"].removeprefix("urn:problem-type:private-files:"), content["detail"]


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
    response = get_url(encode(name))
    assert response["statusCode"] == 200
    assert json.loads(response["body"])["url"].startswith(f"https://files.example.com/{quote(name, safe='/')}#")


def test_response_with_a_url_may_not_be_stored_by_caches(get_url: Callable[[str], dict[str, Any]]) -> None:
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
        ("file=a&expiresIn=2147483647", "InvalidLifetime", "not 2147483647."),
        ("file=a&expiresIn=1234567890", "InvalidLifetime", "not 1234567890."),
        ("file=a&expiresIn=-5", "InvalidLifetime", "not -5."),
        ("file=a&expiresIn=12345678901", "InvalidQuery", "a whole number, not '12345678901'"),
        ("file=a&expiresIn=--5", "InvalidQuery", "a whole number"),
        ("file=a&expiresIn=5%0A", "InvalidQuery", "a whole number"),
    ],
)
def test_refusal_is_a_problem_that_says_what_is_wrong(
    get_url: Callable[[str], dict[str, Any]], query: str, kind: str, says: str
) -> None:
    status, found, detail = problem(get_url(query))
    assert (status, found) == (400, kind)
    assert says in detail


@pytest.mark.parametrize(
    ("query", "title"),
    [("file=/a", "Invalid file name"), ("", "Invalid query"), ("file=a&saveAs=/", "Invalid download name")],
)
def test_title_of_a_problem_is_its_name_in_words(
    get_url: Callable[[str], dict[str, Any]], query: str, title: str
) -> None:
    assert json.loads(get_url(query)["body"])["title"] == title


def test_refused_name_is_readable_in_the_response(get_url: Callable[[str], dict[str, Any]]) -> None:
    assert "'/été'" in get_url("file=/%C3%A9t%C3%A9")["body"]


@pytest.mark.parametrize("seconds", ["10", "3600", "0000000060"])
def test_number_is_read_whole(get_url: Callable[[str], dict[str, Any]], seconds: str) -> None:
    now = time.time()
    expires = int(json.loads(get_url(f"file=a&expiresIn={seconds}")["body"])["url"].partition("#")[2])
    assert int(seconds) <= expires - now <= int(seconds) + 302  # the window of 300, and rounding up


def test_names_are_listed_and_a_prefix_narrows_them(get_files: Callable[..., dict[str, Any]]) -> None:
    assert get_files(NAMES) == {"files": NAMES}
    assert get_files(NAMES, "prefix=a%2B") == {"files": ["a+b"]}


def test_largest_list_fits_into_a_response_of_lambda(
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
def test_internal_failure_tells_the_caller_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> Listing:
        raise FilesUnavailable("the-bucket is secret")

    monkeypatch.setattr(files_handler, "_listing", fail)
    log = io.StringIO()
    error_metrics.logger.registered_handler.setStream(log)  # type: ignore[attr-defined]  # a StreamHandler
    response = files_handler.handler(http_event("/files"), Context())
    # The log says why, as the response promises.
    assert "FilesUnavailable: the-bucket is secret" in log.getvalue()
    assert "function's log" in json.loads(response["body"])["detail"]
    assert problem(response)[:2] == (500, "InternalFailure")
    assert "the-bucket" not in response["body"]


def test_events_of_appsync_are_not_http() -> None:
    assert not http_api.is_http({"info": {"fieldName": "getUrl"}})
    assert not http_api.is_http([{"info": {"fieldName": "url"}}])
