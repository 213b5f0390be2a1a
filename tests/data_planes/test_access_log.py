"""The access log of the local edge: the chosen fields of each request, in the log group of the delivery."""

import asyncio
import json
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infra.access_logs import CLOUDFRONT_FIELDS
from local.data_planes.cloudfront import access_log
from local.data_planes.cloudfront.access_log import AccessLog

GROUP = "Stack-AccessLogs-1"
DESTINATION = "arn:aws:logs:us-east-1:000000000000:delivery-destination:d"
SIGNED = b"Expires=1&Signature=abc&Key-Pair-Id=K1"
NOW = 1_800_000_000.25


class Logs:
    """CloudWatch Logs with one delivery of this distribution's log, and one of another's."""

    class exceptions:  # noqa: N801 - boto3's name
        class ResourceAlreadyExistsException(Exception):
            pass

    def __init__(self, fields: tuple[str, ...]) -> None:
        self.fields = fields
        self.streams: set[str] = set()
        self.puts: list[dict[str, Any]] = []
        self.failing = False

    def describe_delivery_sources(self) -> Any:
        arn = "arn:aws:cloudfront::000000000000:distribution/"
        sources = [("ours", arn + "E1"), ("theirs", arn + "E12")]
        return {"deliverySources": [{"name": name, "resourceArns": [each]} for name, each in sources]}

    def describe_delivery_destinations(self) -> Any:
        group = f"arn:aws:logs:us-east-1:000000000000:log-group:{GROUP}:*"
        configuration = {"destinationResourceArn": group}
        return {"deliveryDestinations": [{"arn": DESTINATION, "deliveryDestinationConfiguration": configuration}]}

    def describe_deliveries(self) -> Any:
        return {
            "deliveries": [
                {
                    "deliverySourceName": name,
                    "deliveryDestinationArn": DESTINATION,
                    "deliveryDestinationType": "CWL",
                    "recordFields": list(self.fields),
                }
                for name in ("ours", "theirs")
            ]
        }

    def create_log_stream(self, **request: str) -> None:
        if str(request) in self.streams:
            raise self.exceptions.ResourceAlreadyExistsException
        self.streams.add(str(request))

    def put_log_events(self, **request: Any) -> None:
        if self.failing:
            raise EndpointConnectionError(endpoint_url="https://logs")
        self.puts.append(request)


@pytest.fixture(autouse=True)
def rarely(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is delivered here is delivered because the server stops."""
    monkeypatch.setattr(access_log, "SECONDS_BETWEEN_BATCHES", 3600)


def serve(app: ASGIApp, logs: Logs, *requests: tuple[str, bytes, bytes], stop: bool = True) -> list[dict[str, str]]:
    """Send the requests (method, path, query), stop the server, and return the records that were delivered by then.

    Without `stop`, wait until something was delivered.
    """

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if message["type"] == "lifespan.shutdown.complete":
            records.extend(json.loads(event["message"]) for put in logs.puts for event in put["logEvents"])

    async def run() -> None:
        logged = AccessLog(app, logs, "E1", lambda: NOW)
        for method, path, query in requests:
            scope: Scope = {
                "type": "http",
                "method": method,
                "raw_path": path,
                "query_string": query,
                "headers": [(b"user-agent", b"curl/8"), (b"referer", b"https://files/a?Signature=abc")],
                "client": ("127.0.0.1", 1),
            }

            await logged(scope, receive, send)
        while not stop and not logs.puts:
            await asyncio.sleep(0.001)
        await logged({"type": "lifespan"}, receive, send)

    records: list[dict[str, str]] = []
    asyncio.run(run())
    return records


def respond(status: int = 200, body: str = "hello", **headers: str) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await send({"type": "lifespan.shutdown.complete"})
            return
        scope["query_string"] = b""  # as the edge does
        response: Response = PlainTextResponse(body, status, {name.replace("_", "-"): v for name, v in headers.items()})
        await response(scope, receive, send)

    return app


def test_record_says_who_opened_which_file_when_and_how_much_of_it() -> None:
    logs = Logs(CLOUDFRONT_FIELDS)
    app = respond(206, "ell", x_cache="Hit from cloudfront", content_range="bytes 1-3/5")
    [record] = serve(app, logs, ("GET", b"/a%20b.txt", SIGNED))
    assert tuple(record) == CLOUDFRONT_FIELDS
    expected = {
        "date": "2027-01-15",
        "time": "08:00:00",
        "c-ip": "127.0.0.1",
        "cs-method": "GET",
        "cs-uri-stem": "/a%20b.txt",
        "sc-status": "206",
        "sc-bytes": "3",
        "sc-range-start": "1",
        "sc-range-end": "3",
        "x-edge-result-type": "Hit",
        "cs(User-Agent)": "curl/8",
    }
    assert {name: record[name] for name in expected} == expected
    [put] = logs.puts
    assert (put["logGroupName"], put["logStreamName"]) == (GROUP, "CloudFront_E1")
    assert put["logEvents"][0]["timestamp"] == int(NOW * 1000)


def test_no_record_with_the_deployed_fields_holds_a_signature() -> None:
    logs = Logs(CLOUDFRONT_FIELDS)
    [record] = serve(respond(), logs, ("GET", b"/a.txt", SIGNED))
    assert "abc" not in json.dumps(record)


def test_a_delivery_that_chose_the_query_would_store_the_signature() -> None:
    # Which is why the deployed one does not, and shows that the test above can fail.
    [record] = serve(respond(), Logs(("cs-uri-query",)), ("GET", b"/a.txt", SIGNED))
    assert record == {"cs-uri-query": SIGNED.decode()}


def test_refused_requests_are_logged_too() -> None:
    app = respond(403, "<Error/>", x_cache="Error from cloudfront")
    records = serve(app, Logs(CLOUDFRONT_FIELDS), ("GET", b"/a.txt", b""), ("HEAD", b"/b.txt", b""))
    assert [(each["sc-status"], each["x-edge-result-type"], each["cs-uri-stem"]) for each in records] == [
        ("403", "Error", "/a.txt"),
        ("403", "Error", "/b.txt"),
    ]


def test_records_are_delivered_while_the_server_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_log, "SECONDS_BETWEEN_BATCHES", 0)
    assert len(serve(respond(), Logs(CLOUDFRONT_FIELDS), ("GET", b"/a.txt", SIGNED), stop=False)) == 1


def test_failure_of_the_log_fails_no_request_and_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    logs = Logs(CLOUDFRONT_FIELDS)
    logs.failing = True
    assert serve(respond(), logs, ("GET", b"/a.txt", SIGNED)) == []
    assert "Access log records were not delivered" in caplog.text
    assert "abc" not in caplog.text
