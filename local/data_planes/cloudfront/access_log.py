"""The standard log (v2) of a distribution: a record of each request, with the fields that its delivery chose.

Fields: CloudFront Developer Guide, "Standard logging reference". Those that are not known here are a hyphen, as
CloudFront writes what does not apply.
"""

import asyncio
import contextlib
import json
import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from local.data_planes.deployed_state import DeployedState, Unreadable

log = logging.getLogger(__name__)

SECONDS_BETWEEN_BATCHES = 0.5
MAX_RECORDS = 1_000  # waiting to be sent; CloudWatch takes 10,000 in one call
_RESULTS = {"hit": "Hit", "refreshhit": "RefreshHit", "miss": "Miss", "error": "Error"}


@dataclass(frozen=True)
class Delivery:
    """Where the records go, and the fields they have."""

    log_group: str
    fields: tuple[str, ...]


def read(logs: Any, distribution_id: str) -> tuple[Delivery, ...]:
    """Return the deliveries of this distribution's access log to log groups."""
    sources = {
        source["name"]
        for source in logs.describe_delivery_sources()["deliverySources"]
        if any(arn.endswith(f":distribution/{distribution_id}") for arn in source["resourceArns"])
    }
    arns = {
        destination["arn"]: destination["deliveryDestinationConfiguration"]["destinationResourceArn"]
        for destination in logs.describe_delivery_destinations()["deliveryDestinations"]
    }
    return tuple(
        Delivery(_name(arns[each["deliveryDestinationArn"]]), tuple(each["recordFields"]))
        for each in logs.describe_deliveries()["deliveries"]
        if each["deliverySourceName"] in sources and each["deliveryDestinationType"] == "CWL"
    )


def _name(log_group_arn: str) -> str:
    return log_group_arn.partition(":log-group:")[2].removesuffix(":*")


@dataclass
class _Sent:
    """What was sent of a response. The status 0 is none: the viewer left before."""

    headers: Headers = field(default_factory=Headers)
    status: int = 0
    size: int = 0


class AccessLog:
    """The ASGI application `app`, and a record in the distribution's log groups of each response that it sent.

    When the server stops, it waits for the last records.
    """

    def __init__(self, app: ASGIApp, logs: Any, distribution_id: str, clock: Callable[[], float]) -> None:
        self._app = app
        self._logs = logs
        self._distribution_id = distribution_id
        self._deliveries = DeployedState(lambda: read(logs, distribution_id))
        self._clock = clock
        self._waiting: list[tuple[float, dict[str, str]]] = []
        self._sending: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, partial(self._before_the_end, send))
            return
        started_at, query = self._clock(), scope["query_string"]  # the application removes the query
        sent = _Sent()

        async def counted(message: Message) -> None:
            await send(message)
            if message["type"] == "http.response.start":
                sent.headers, sent.status = Headers(raw=message["headers"]), message["status"]
            elif message["type"] == "http.response.body":
                sent.size += len(message.get("body", b""))

        try:
            await self._app(scope, receive, counted)
        finally:
            record = _record(scope, query, sent, started_at, self._clock())
            self._waiting = [*self._waiting, (started_at, record)][-MAX_RECORDS:]
            if self._sending is None:
                self._sending = asyncio.create_task(self._send())

    async def _before_the_end(self, send: Send, message: Message) -> None:
        if message["type"] == "lifespan.shutdown.complete":
            self._stopping.set()
            while self._sending:
                await self._sending
        await send(message)

    async def _send(self) -> None:
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), SECONDS_BETWEEN_BATCHES)
            batch, self._waiting = self._waiting, []
            for delivery in await self._deliveries.current():
                await asyncio.to_thread(self._put, delivery, batch)
        except (Unreadable, BotoCoreError, ClientError) as error:
            log.error("Access log records were not delivered: %s", error)
        finally:
            self._sending = asyncio.create_task(self._send()) if self._waiting else None

    def _put(self, delivery: Delivery, batch: list[tuple[float, dict[str, str]]]) -> None:
        # As CloudFront names it.
        stream = f"CloudFront_{self._distribution_id}"
        try:
            self._logs.create_log_stream(logGroupName=delivery.log_group, logStreamName=stream)
        except self._logs.exceptions.ResourceAlreadyExistsException:
            log.debug("the log stream %s exists", stream)
        self._logs.put_log_events(
            logGroupName=delivery.log_group,
            logStreamName=stream,
            logEvents=[
                {
                    "timestamp": int(at * 1000),
                    "message": json.dumps({name: record.get(name, "-") for name in delivery.fields}),
                }
                for at, record in batch
            ],
        )


def _record(scope: Scope, query: bytes, sent: _Sent, started_at: float, ended_at: float) -> dict[str, str]:
    viewer, headers = Headers(scope=scope), sent.headers
    at = datetime.fromtimestamp(started_at, UTC)
    result = _RESULTS.get(headers.get("x-cache", "").partition(" ")[0].lower(), "Error")
    first, _, rest = headers.get("content-range", "").removeprefix("bytes ").partition("-")
    return {
        "date": at.strftime("%Y-%m-%d"),
        "time": at.strftime("%H:%M:%S"),
        "sc-bytes": str(sent.size),
        "c-ip": (scope.get("client") or ("-", 0))[0],
        "cs-method": scope["method"],
        "x-host-header": viewer.get("host", "-"),
        "cs-uri-stem": scope["raw_path"].decode("latin-1"),
        "cs-uri-query": query.decode("latin-1") or "-",
        "cs(Referer)": viewer.get("referer", "-"),
        "cs(Cookie)": viewer.get("cookie", "-"),
        "cs(User-Agent)": viewer.get("user-agent", "-"),
        "sc-status": f"{sent.status:03}",
        "x-edge-result-type": result,
        "x-edge-response-result-type": result,
        "x-edge-detailed-result-type": result,
        "x-edge-request-id": uuid.uuid4().hex,
        "time-taken": f"{max(0.0, ended_at - started_at):.3f}",
        "sc-content-type": headers.get("content-type", "-"),
        "sc-content-len": headers.get("content-length", "-"),
        "sc-range-start": first or "-",
        "sc-range-end": rest.partition("/")[0] or "-",
    }
