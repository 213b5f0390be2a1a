"""Both functions with access rules: what each caller sees and opens, through AppSync and the HTTP API."""

from __future__ import annotations

import importlib
import io
import json
from types import SimpleNamespace
from typing import Any

import pytest

from resolvers import files_handler, url_handler
from resolvers.access import NotAllowed
from resolvers.s3_files import FileListing
from resolvers.signed_url import UrlSigner
from tests.lambda_events import Context, appsync_event, http_event
from tests.listed_bucket import Bucket
from tests.sandbox import ENVIRONMENT
from tests.signing_keys import KEY_ID, NOW, P256, opened, pem

RULES = "users read,write home/{sub}/\ngroups read teams/{group}/\niam:role/Publisher read incoming/"
NAMES = ["home/a/1", "home/a/2/3", "home/b/1", "incoming/x", "teams/editors/e", "teams/readers/r", "top"]
USER_A: dict[str, Any] = {"sub": "a", "groups": ["editors"]}
USER_B: dict[str, Any] = {"sub": "b", "groups": None}
ROLE: dict[str, Any] = {"userArn": "arn:aws:sts::123456789012:assumed-role/Publisher/s", "accountId": "123456789012"}
EXPECTED = {
    "a": ["home/a/1", "home/a/2/3", "teams/editors/e"],
    "b": ["home/b/1"],
    "role": ["incoming/x"],
    "nobody": [],
}
IDENTITIES: dict[str, Any] = {"a": USER_A, "b": USER_B, "role": ROLE, "nobody": None}
EVERY_CALLER = pytest.mark.parametrize("caller", list(IDENTITIES))


SIGNER = UrlSigner(KEY_ID, pem(P256), "ecdsa-p256")


class Keys:
    """A key store with the one key."""

    def signer(self, _now: float, _seconds: float) -> UrlSigner:
        return SIGNER

    def days_signing(self, _signer: UrlSigner, _now: float) -> float:
        return 0


@pytest.fixture(autouse=True)
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Both functions, just started with the rules; returns their log."""
    for name, value in {**ENVIRONMENT, "ACCESS": RULES}.items():
        monkeypatch.setenv(name, value)
    log = io.StringIO()
    for module in (files_handler, url_handler):
        monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", module.__name__)
        importlib.reload(module)
        module.logger.registered_handler.setStream(log)
    listing = FileListing(Bucket(NAMES), bucket="b", folder="files")  # type: ignore[arg-type]
    monkeypatch.setattr(files_handler, "_listing", lambda _: listing)
    monkeypatch.setattr(url_handler, "_keys", Keys)
    monkeypatch.setattr(url_handler, "time", SimpleNamespace(time=lambda: NOW))
    return log


def event(caller: str, field: str, **arguments: Any) -> dict[str, Any]:
    sent: dict[str, Any] = appsync_event(field, arguments) | {"identity": IDENTITIES[caller]}
    return sent


def query(caller: str, field: str, **arguments: Any) -> Any:
    module = url_handler if "Url" in field else files_handler
    return module.handler(event(caller, field, **arguments), Context())


def urls_of_page(caller: str, *names: str) -> list[dict[str, Any]]:
    events = [event(caller, "url") | {"source": {"name": name}} for name in names]
    for each in events:
        each["info"]["parentTypeName"] = "File"
    results: list[dict[str, Any]] = url_handler.handler(events, Context())
    return results


def over_http(caller: str, path: str, parameters: str = "") -> tuple[int, Any]:
    sent = http_event(path, parameters)
    identity = IDENTITIES[caller]
    claims = {"sub": identity["sub"]}
    if identity["groups"]:
        claims["cognito:groups"] = f"[{' '.join(identity['groups'])}]"
    sent["requestContext"]["authorizer"]["jwt"]["claims"] = claims
    response = (url_handler if path == "/url" else files_handler).handler(sent, Context())
    return response.get("statusCode", 200), json.loads(response["body"]) if "body" in response else response


@EVERY_CALLER
def test_caller_lists_the_allowed_files_only(caller: str) -> None:
    assert query(caller, "getFiles") == EXPECTED[caller]
    page = query(caller, "listFiles")
    assert [file["name"] for file in page["items"]] == EXPECTED[caller]
    assert page["nextToken"] is None


@EVERY_CALLER
@pytest.mark.parametrize("prefix", ["home/b/", "home/", "home/b/1", "t", "incoming/"])
def test_prefix_narrows_and_never_widens(caller: str, prefix: str) -> None:
    expected = [name for name in EXPECTED[caller] if name.startswith(prefix)]
    assert query(caller, "getFiles", prefix=prefix) == expected


@EVERY_CALLER
@pytest.mark.parametrize("name", NAMES)
def test_file_opens_through_every_field_or_through_none(caller: str, name: str) -> None:
    allowed = name in EXPECTED[caller]
    assert (query(caller, "getFile", file=name) is not None) == allowed
    (in_list,) = query(caller, "getUrls", files=[name])
    (in_page,) = urls_of_page(caller, name)
    if allowed:
        for url in (in_list["url"], in_page["data"], query(caller, "getUrl", file=name)):
            assert opened(url, P256) == f"/{name}".encode()
    else:
        assert (in_list["errorType"], "url" in in_list) == ("NotAllowed", False)
        assert (in_page["errorType"], in_page["data"]) == ("NotAllowed", None)
        with pytest.raises(NotAllowed):
            query(caller, "getUrl", file=name)


@pytest.mark.parametrize("caller", ["a", "b"])
def test_http_api_shows_and_opens_the_same(caller: str) -> None:
    assert over_http(caller, "/files") == (200, {"files": EXPECTED[caller]})
    for name in NAMES:
        status, body = over_http(caller, "/url", f"file={name}")
        assert status == (200 if name in EXPECTED[caller] else 403)
        assert name in EXPECTED[caller] or body["type"] == "urn:problem-type:private-files:NotAllowed"


def test_refused_file_of_a_batch_fails_alone() -> None:
    found = query("a", "getUrls", files=["home/a/1", "home/b/1", "home/a/missing"])
    assert [each.get("errorType") for each in found] == [None, "NotAllowed", None]
    assert [each.get("errorType") for each in urls_of_page("a", "home/b/1", "home/a/1")] == ["NotAllowed", None]


def test_batch_of_two_callers_is_decided_for_each() -> None:
    events = [event(caller, "url") | {"source": {"name": "home/a/1"}} for caller in ("a", "b")]
    for each in events:
        each["info"]["parentTypeName"] = "File"
    mine, theirs = url_handler.handler(events, Context())
    assert (mine["data"] is not None, theirs["errorType"]) == (True, "NotAllowed")


def test_log_of_a_batch_names_each_caller_with_the_files_of_that_caller(log: io.StringIO) -> None:
    pairs = [("b", "home/b/1"), ("a", "teams/editors/e"), ("role", "incoming/x"), ("a", "home/a/1")]
    events = [event(caller, "url") | {"source": {"name": name}} for caller, name in pairs]
    for each in events:
        each["info"]["parentTypeName"] = "File"
    assert [opened(result["data"], P256).decode()[1:] for result in url_handler.handler(events, Context())] == [
        name for _, name in pairs
    ]
    records = [json.loads(line) for line in log.getvalue().splitlines()]
    logged = {record["caller"]: record["files"] for record in records}
    assert logged == {ROLE["userArn"]: ["incoming/x"], "a": ["teams/editors/e", "home/a/1"], "b": ["home/b/1"]}


@pytest.mark.parametrize("caller", ["a", "role", "nobody"])
def test_response_for_a_file_of_another_user_is_that_for_a_missing_one(caller: str) -> None:
    def responses(name: str) -> str:
        with pytest.raises(NotAllowed) as refused:
            query(caller, "getUrl", file=name)
        found: list[Any] = [
            str(refused.value),
            query(caller, "getFile", file=name),
            query(caller, "getFiles", prefix=name),
            query(caller, "listFiles", prefix=name),
            query(caller, "listFiles", prefix=name, delimiter="/"),
            query(caller, "getUrls", files=[name]),
            urls_of_page(caller, name),
        ]
        if caller == "a":
            found += [over_http(caller, "/files", f"prefix={name}"), over_http(caller, "/url", f"file={name}")]
            found.append(over_http(caller, "/url", f"file={name}&saveAs=x&expiresIn=60"))
        return json.dumps(found).replace(name, "NAME")

    assert responses("home/b/1") == responses("home/b/0")


@pytest.mark.parametrize(
    ("caller", "expected"),
    [
        ("a", [("home/a/", True, True, False), ("teams/editors/", True, False, False)]),
        ("b", [("home/b/", True, True, False)]),
        ("role", [("incoming/", True, False, False)]),
        ("nobody", []),
    ],
)
def test_access_says_what_the_caller_may_do(caller: str, expected: list[tuple[str, bool, bool, bool]]) -> None:
    assert [tuple(entry.values()) for entry in query(caller, "getAccess")] == expected


def test_folders_lead_to_what_the_caller_may_read() -> None:
    page = query("a", "listFiles", delimiter="/")
    assert (page["items"], page["folders"]) == ([], ["home/", "teams/"])
    assert query("a", "listFiles", delimiter="/", prefix="home/")["folders"] == ["home/a/"]
    page = query("a", "listFiles", delimiter="/", prefix="home/a/")
    assert ([file["name"] for file in page["items"]], page["folders"]) == (["home/a/1"], ["home/a/2/"])


@pytest.mark.parametrize(
    ("caller", "label"), [("a", "a"), ("role", "arn:aws:sts::123456789012:assumed-role/Publisher/s")]
)
def test_log_says_who_got_a_url_to_which_file_until_when(caller: str, label: str, log: io.StringIO) -> None:
    name = EXPECTED[caller][0]
    query(caller, "getUrl", file=name, expiresIn=60)
    query(caller, "getUrls", files=[name, "refused"])
    urls_of_page(caller, name, "refused")
    records = [json.loads(line) for line in log.getvalue().splitlines()]
    signed = [record for record in records if record["message"] == "signed"]
    assert [(record["caller"], record["files"]) for record in signed] == [(label, [name])] * 3
    assert [record["expires"] for record in signed] == ["2027-01-15T08:05:00Z"] + ["2027-01-15T08:20:00Z"] * 2
    for record in signed:
        assert record["function_request_id"] == Context().aws_request_id
    assert "Signature" not in log.getvalue()
    assert KEY_ID not in log.getvalue()


def test_log_has_every_name_of_a_large_request(log: io.StringIO) -> None:
    names = [f"home/a/{number}" for number in range(url_handler.NAMES_IN_A_RECORD + 1)]
    query("a", "getUrls", files=names)
    signed = [record for record in map(json.loads, log.getvalue().splitlines()) if record["message"] == "signed"]
    assert [name for record in signed for name in record["files"]] == names
    assert [len(record["files"]) for record in signed] == [url_handler.NAMES_IN_A_RECORD, 1]


def test_log_never_contains_a_url_that_was_passed_as_a_name(log: io.StringIO) -> None:
    url = SIGNER.sign("https://files.example.com/home/a/1", 1_800_000_000)
    secret = url.partition("Signature=")[2].partition("&")[0]
    query("a", "getUrls", files=[f"home/a/{url}".replace("//", "/")])
    assert "signed" in log.getvalue()
    assert secret not in log.getvalue()
