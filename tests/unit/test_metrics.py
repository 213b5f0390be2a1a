"""What the functions count, read as CloudWatch reads it: refusals, failures and their reasons, and the signing key."""

import importlib
import io
import json
from collections.abc import Callable
from functools import partial
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from resolvers import custom_resource, error_metrics, files_handler, signing_key_handler, upload_handler, url_handler
from resolvers.aws_http import RequestFailed
from resolvers.custom_resource import ChangeRefused
from resolvers.file_names import InvalidFileName
from resolvers.key_store import SigningKeyUnavailable
from resolvers.s3_files import FilesUnavailable
from tests import emf
from tests.lambda_events import Context, appsync_event, http_event
from tests.sandbox import set_environment
from tests.signing_keys import P256, pem

Counted = Callable[[], dict[str, float]]


@pytest.fixture
def counted(capsys: pytest.CaptureFixture[str]) -> Counted:
    """Returns what was counted since the last call: the sum of each metric as `service name reason`."""

    def counted() -> dict[str, float]:
        found = {}
        for metric, values in emf.metrics(capsys.readouterr().out).items():
            assert metric.namespace == "PrivateFiles"
            dimensions = dict(metric.dimensions)
            words = (dimensions.pop("service"), metric.name, dimensions.pop("reason", ""))
            assert not dimensions
            found[" ".join(words).strip()] = sum(values)
        return found

    return counted


@pytest.fixture(autouse=True)
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """The log of failures; SSM returns the key."""
    set_environment(monkeypatch)
    stream = io.StringIO()
    for module in (error_metrics, custom_resource):
        module.logger.registered_handler.setStream(stream)
    return stream


def started(handler: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Start this function, as in a fresh sandbox."""
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", handler.__name__.removeprefix("resolvers."))
    importlib.reload(handler)
    handler.logger.registered_handler.setStream(io.StringIO())
    return handler


@pytest.fixture
def read_with(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], str]], None]:
    """Start the function that signs; it reads its key with this function instead of from SSM."""

    def read_with(read: Callable[[], str]) -> None:
        started(url_handler, monkeypatch)
        monkeypatch.setattr(url_handler, "Parameters", lambda _: SimpleNamespace(read=lambda *_: read()))
        monkeypatch.setattr(url_handler, "time", SimpleNamespace(time=lambda: 86_400 * 1.5))

    read_with(lambda: pem(P256).decode())
    return read_with


def sign(*files: str) -> Any:
    return url_handler.handler(appsync_event("getUrls", {"files": files}), Context())


@pytest.mark.usefixtures("read_with")
def test_signed_urls_and_the_age_of_the_key_are_counted(counted: Counted) -> None:
    sign("a", "b")
    assert counted() == {"url_handler UrlsSigned": 2, "url_handler SigningKeyAgeDays": 1.5}


@pytest.mark.usefixtures("read_with")
def test_each_refused_item_is_counted_by_its_reason(counted: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCESS", "users read open/")
    sign("open/a", "open//b", "closed/c", "closed/d")
    expected = {
        "url_handler UrlsSigned": 1,
        "url_handler Refused": 3,
        "url_handler Refused InvalidFileName": 1,
        "url_handler Refused NotAllowed": 2,
    }
    found = counted()
    assert expected == {name: found[name] for name in found if "SigningKeyAgeDays" not in name}
    events = [
        appsync_event("url", arguments, parent="File", source={"name": "open/a"})
        for arguments in ({}, {"expiresIn": 1})
    ]
    url_handler.handler(events, Context())
    found = counted()
    assert (found["url_handler Refused"], found["url_handler Refused InvalidLifetime"]) == (1, 1)


@pytest.mark.usefixtures("read_with")
@pytest.mark.parametrize("over_http", [False, True])
def test_refused_request_is_counted_once_and_is_no_failure(
    counted: Counted, log: io.StringIO, *, over_http: bool
) -> None:
    if over_http:
        url_handler.handler(http_event("/url", "file=a//b"), Context())
    else:
        with pytest.raises(InvalidFileName):
            url_handler.handler(appsync_event("getUrl", {"file": "a//b"}), Context())
    assert counted() == {"url_handler Refused": 1, "url_handler Refused InvalidFileName": 1}
    assert not log.getvalue()


@pytest.mark.parametrize("over_http", [False, True])
def test_failure_is_counted_and_logged_with_its_reason_and_is_no_refusal(
    counted: Counted, log: io.StringIO, monkeypatch: pytest.MonkeyPatch, *, over_http: bool
) -> None:
    def fail(_: object) -> None:
        raise FilesUnavailable("S3 is away")

    monkeypatch.setattr(started(files_handler, monkeypatch), "_listing", fail)
    if over_http:
        files_handler.handler(http_event("/files"), Context())
    else:
        with pytest.raises(FilesUnavailable):
            files_handler.handler(appsync_event("getFiles", {}), Context())
    assert counted() == {"files_handler Failed": 1, "files_handler Failed FilesUnavailable": 1}
    (record,) = map(json.loads, log.getvalue().splitlines())
    assert (record["level"], record["message"], record["reason"]) == ("ERROR", "failed", "FilesUnavailable")
    assert "S3 is away" in record["exception"]


def test_reasons_of_unknown_failures_are_one(counted: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(kind: type[Exception], _: object) -> None:
        raise kind("a caller's text")

    started(files_handler, monkeypatch)
    for kind in (ZeroDivisionError, KeyError, type("MadeUp", (Exception,), {})):
        monkeypatch.setattr(files_handler, "_listing", partial(fail, kind))
        with pytest.raises(kind):
            files_handler.handler(appsync_event("getFiles", {}), Context())
    assert counted() == {"files_handler Failed": 3, "files_handler Failed Other": 3}


@pytest.mark.parametrize(
    ("code", "reason"),
    [("AccessDeniedException", "SigningKeyUnavailable"), ("ParameterNotFound", "SigningKeyRemoved")],
)
def test_unreadable_key_is_counted_by_itself_and_as_the_failure_of_the_request(
    counted: Counted, read_with: Any, code: str, reason: str
) -> None:
    def read() -> str:
        raise RequestFailed(code, "", transient=False)

    read_with(read)
    with pytest.raises(SigningKeyUnavailable):
        sign("a")
    assert counted() == {
        "url_handler SigningKeyUnavailable": 1,
        "url_handler Failed": 1,
        f"url_handler Failed {reason}": 1,
    }


def test_unreadable_key_is_counted_although_the_one_in_memory_signs(
    counted: Counted, read_with: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails: list[bool] = []

    def read() -> str:
        if fails:
            raise RequestFailed("ThrottlingException", "", transient=True)
        return pem(P256).decode()

    read_with(read)
    sign("a")
    assert "url_handler SigningKeyUnavailable" not in counted()
    fails.append(True)
    monkeypatch.setattr(url_handler, "time", SimpleNamespace(time=lambda: 86_400 * 3))
    assert "url" in sign("a")[0]
    found = counted()
    assert found["url_handler SigningKeyUnavailable"] == found["url_handler UrlsSigned"] == 1


def test_upload_counts_refused_items_and_those_that_s3_failed(
    counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCESS", "users write,delete mine/")
    monkeypatch.setenv("UPLOAD_MAX_SIZE", "1000")
    started(upload_handler, monkeypatch)
    monkeypatch.setattr(upload_handler, "_uploads", lambda: SimpleNamespace(delete=lambda _: {"mine/b": "SlowDown"}))
    files = ["mine/a", "mine/b", "theirs/c", "mine//d"]
    upload_handler.handler(appsync_event("deleteFiles", {"files": files}, parent="Mutation"), Context())
    assert counted() == {
        "upload_handler FilesDeleted": 1,
        "upload_handler Refused": 2,
        "upload_handler Refused NotAllowed": 1,
        "upload_handler Refused InvalidFileName": 1,
        "upload_handler Failed": 1,
        "upload_handler Failed UploadsUnavailable": 1,
    }
    wanted = [{"name": "theirs/a", "size": 1}]
    upload_handler.handler(appsync_event("startUploads", {"files": wanted}, parent="Mutation"), Context())
    assert counted() == {
        "upload_handler UploadsStarted": 0,
        "upload_handler Refused": 1,
        "upload_handler Refused NotAllowed": 1,
    }


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(PermissionError("no"), {"signing_key_handler Failed": 1}, id="failure"),
        pytest.param(ChangeRefused("a mistake in the template"), {}, id="refusal"),
    ],
)
def test_failed_change_of_a_key_is_counted_after_cloudformation_has_its_response_and_a_refused_one_is_not(
    counted: Counted, monkeypatch: pytest.MonkeyPatch, error: Exception, expected: dict[str, float]
) -> None:
    def fail(_: Any) -> None:
        raise error

    responses: list[dict[str, str]] = []
    monkeypatch.setattr(started(signing_key_handler, monkeypatch), "_carry_out", fail)
    monkeypatch.setattr(custom_resource, "_put", lambda _, response: responses.append(response | counted()))
    event = dict.fromkeys(("StackId", "RequestId", "LogicalResourceId", "ResponseURL"), "")
    signing_key_handler.handler(event, Context())
    assert [response["Status"] for response in responses] == ["FAILED"]
    assert counted() == expected
