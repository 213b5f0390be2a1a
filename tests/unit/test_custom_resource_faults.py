"""Every request of CloudFormation × every fault of SSM: what remains, and whether the next stack can be created."""

from __future__ import annotations

import io
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from resolvers import custom_resource, rotation_handler, signing_key_handler
from resolvers.custom_resource import NOTHING_CREATED, Resource
from tests.lambda_events import Context

STACK, NEXT_STACK, OTHER = (f"arn:aws:cloudformation:eu-west-1:1:stack/{name}" for name in ("A/1", "A/2", "B/1"))
PARAMETER = "/A/signing-keys/1"
THEIRS = "/A/signing-keys/theirs"
MADE_UP = "A-SigningKeyGeneration1Pair-1K2L3M4N5O6P7"
CALLS = ["put_parameter", "list_tags_for_resource", "add_tags_to_resource", "delete_parameter"]
LOST, LOST_AND_RETRIED, SLOW, THROTTLED, DENIED = "lost", "lost-and-retried", "slow", "throttled", "denied"
FAULTS = [LOST, LOST_AND_RETRIED, SLOW, THROTTLED, DENIED]


def error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "Operation")


class Ssm:
    """SSM as the function's client sees it, with a fault at one of its operations: once, or until it is repaired."""

    def __init__(self) -> None:
        self.parameters: dict[str, tuple[str, dict[str, str]]] = {THEIRS: ("theirs", {"minted-for": OTHER})}
        self.fault: tuple[str, str, bool] | None = None

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        if operation not in CALLS:
            raise AttributeError(operation)
        carry_out = getattr(self, f"_{operation}")

        def call(**arguments: Any) -> Any:
            faulty, fault, stays = self.fault or ("", "", False)
            if operation != faulty:
                return carry_out(**arguments)
            if not stays:
                self.fault = None
            if fault in (LOST, LOST_AND_RETRIED):
                carry_out(**arguments)
            if fault == LOST_AND_RETRIED:
                return carry_out(**arguments)
            raise {
                THROTTLED: error("ThrottlingException"),
                DENIED: error("AccessDeniedException"),
            }.get(fault, ReadTimeoutError(endpoint_url="https://ssm"))

        return call

    def _put_parameter(self, **arguments: Any) -> None:
        if arguments["Name"] in self.parameters:
            raise error("ParameterAlreadyExists")
        tags = {tag["Key"]: tag["Value"] for tag in arguments["Tags"]}
        self.parameters[arguments["Name"]] = (arguments["Value"], tags)

    def _tags(self, name: str) -> dict[str, str]:
        if name not in self.parameters:
            raise error("InvalidResourceId")
        return self.parameters[name][1]

    def _list_tags_for_resource(self, *, ResourceType: str, ResourceId: str) -> Any:  # noqa: N803 - boto3's names
        assert ResourceType == "Parameter"
        return {"TagList": [{"Key": key, "Value": value} for key, value in self._tags(ResourceId).items()]}

    def _add_tags_to_resource(self, *, ResourceType: str, ResourceId: str, Tags: Any) -> None:  # noqa: N803
        assert ResourceType == "Parameter"
        self._tags(ResourceId).update({tag["Key"]: tag["Value"] for tag in Tags})

    def _delete_parameter(self, *, Name: str) -> None:  # noqa: N803
        if Name not in self.parameters:
            raise error("ParameterNotFound")
        del self.parameters[Name]


class CloudFormation:
    """Sends requests as CloudFormation does and keeps the responses."""

    def __init__(self) -> None:
        self.requests = itertools.count()
        self.responses: list[dict[str, Any]] = []
        self.unreachable = False

    def receive(self, _url: str, response: dict[str, Any]) -> None:
        if self.unreachable:
            raise OSError("no route to S3")
        self.responses.append(response)

    def send(self, kind: str, *, physical_id: str = "", stack: str = STACK, request_id: str = "") -> dict[str, Any]:
        event = {
            "RequestType": kind,
            "ResponseURL": "https://example.com/",
            "StackId": stack,
            "RequestId": request_id or f"request-{next(self.requests)}",
            "LogicalResourceId": "Pair",
            "ResourceProperties": {
                "ParameterName": PARAMETER,
                "Algorithm": "ecdsa-p256",
                "SettlingSeconds": "600",
            },
        } | ({} if kind == "Create" else {"PhysicalResourceId": physical_id})
        before = len(self.responses)
        signing_key_handler.handler(event, Context())
        assert len(self.responses) == before + 1
        return self.responses[-1]


@pytest.fixture
def ssm(monkeypatch: pytest.MonkeyPatch) -> Ssm:
    ssm = Ssm()
    monkeypatch.setenv("ENCRYPTION_KEY_ID", "a-key")
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "PrivateFiles")
    monkeypatch.setattr(signing_key_handler, "_ssm", lambda: ssm)
    for module in (signing_key_handler, custom_resource, rotation_handler):
        module.logger.registered_handler.setStream(io.StringIO())
    return ssm


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The time, an hour later at each look."""
    times: list[int] = []

    def now() -> int:
        times.append(1_800_000_000 + 3600 * len(times))
        return times[-1]

    monkeypatch.setattr(signing_key_handler, "time", SimpleNamespace(time=now))
    yield times


@pytest.fixture
def cloudformation(monkeypatch: pytest.MonkeyPatch) -> CloudFormation:
    cloudformation = CloudFormation()
    monkeypatch.setattr(custom_resource, "_put", cloudformation.receive)
    return cloudformation


EACH_FAULT = pytest.mark.parametrize("fault", FAULTS)
EACH_CALL = pytest.mark.parametrize("call", CALLS)
ONCE_OR_ALWAYS = pytest.mark.parametrize("stays", [False, True], ids=["once", "always"])


def next_stack_can_be_created(ssm: Ssm, cloudformation: CloudFormation, clock: list[int]) -> None:
    assert [*ssm.parameters] == [THEIRS]
    created = cloudformation.send("Create", stack=NEXT_STACK)
    assert created["Status"] == "SUCCESS"
    assert created["Data"]["SignsFrom"] == str(clock[-1] + 600)
    assert {*ssm.parameters} == {THEIRS, PARAMETER}


@EACH_FAULT
@EACH_CALL
@ONCE_OR_ALWAYS
@pytest.mark.parametrize("orphan", [False, True], ids=["empty", "after-an-orphan"])
def test_create_with_a_fault_succeeds_or_leaves_nothing(
    *, ssm: Ssm, cloudformation: CloudFormation, clock: list[int], call: str, fault: str, stays: bool, orphan: bool
) -> None:
    if orphan:  # a Create of this resource whose response and whose Delete were lost
        cloudformation.send("Create")
    ssm.fault = (call, fault, stays)
    created = cloudformation.send("Create")
    ssm.fault = None
    assert len(ssm.parameters) <= 2
    if created["Status"] == "SUCCESS":
        assert created["Data"]["SignsFrom"] == str(clock[-1] + 600)
    else:
        assert created["PhysicalResourceId"] == NOTHING_CREATED
    assert cloudformation.send("Delete", physical_id=created["PhysicalResourceId"])["Status"] == "SUCCESS"
    next_stack_can_be_created(ssm, cloudformation, clock)


@EACH_FAULT
@EACH_CALL
@ONCE_OR_ALWAYS
def test_update_with_a_fault_keeps_the_key_and_its_time(
    *, ssm: Ssm, cloudformation: CloudFormation, clock: list[int], call: str, fault: str, stays: bool
) -> None:
    created = cloudformation.send("Create")
    stored = dict(ssm.parameters)
    ssm.fault = (call, fault, stays)
    updated = cloudformation.send("Update", physical_id=PARAMETER)
    ssm.fault = None
    assert updated["PhysicalResourceId"] == PARAMETER
    assert updated["Status"] == "FAILED" or updated["Data"] == created["Data"]
    assert ssm.parameters == stored
    assert cloudformation.send("Update", physical_id=PARAMETER)["Data"] == created["Data"]
    cloudformation.send("Delete", physical_id=PARAMETER)
    next_stack_can_be_created(ssm, cloudformation, clock)


@EACH_FAULT
@EACH_CALL
@ONCE_OR_ALWAYS
@pytest.mark.parametrize("physical_id", [PARAMETER, MADE_UP, NOTHING_CREATED])
def test_delete_with_a_fault_says_so_and_succeeds_when_it_is_repeated(
    *,
    ssm: Ssm,
    cloudformation: CloudFormation,
    clock: list[int],
    call: str,
    fault: str,
    stays: bool,
    physical_id: str,
) -> None:
    cloudformation.send("Create")
    ssm.fault = (call, fault, stays)
    deleted = cloudformation.send("Delete", physical_id=physical_id)
    ssm.fault = None
    assert deleted["PhysicalResourceId"] == physical_id
    assert deleted["Status"] == "FAILED" or PARAMETER not in ssm.parameters
    assert cloudformation.send("Delete", physical_id=physical_id)["Status"] == "SUCCESS"
    next_stack_can_be_created(ssm, cloudformation, clock)


@pytest.mark.parametrize("code", ["InvalidResourceId", "ParameterNotFound"])
def test_delete_of_a_key_that_is_gone_succeeds(
    ssm: Ssm, cloudformation: CloudFormation, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    def gone(_name: str) -> dict[str, str]:
        raise error(code)

    monkeypatch.setattr(ssm, "_tags", gone)
    assert cloudformation.send("Delete", physical_id=PARAMETER)["Status"] == "SUCCESS"
    assert [*ssm.parameters] == [THEIRS]


def test_response_that_cannot_be_sent_is_sent_by_lambdas_retry_of_the_same_request(
    ssm: Ssm, cloudformation: CloudFormation, clock: list[int]
) -> None:
    cloudformation.unreachable = True
    with pytest.raises(OSError, match="no route to S3"):
        cloudformation.send("Create", request_id="the-request")
    cloudformation.unreachable = False
    retried = cloudformation.send("Create", request_id="the-request")
    assert (retried["Status"], retried["Data"]["SignsFrom"]) == ("SUCCESS", str(clock[0] + 600))
    assert {*ssm.parameters} == {THEIRS, PARAMETER}


@pytest.mark.parametrize("kind", ["Create", "Update", "Delete"])
@pytest.mark.usefixtures("ssm")
def test_cloudformation_gets_a_response_before_the_functions_time_is_up(
    cloudformation: CloudFormation, kind: str
) -> None:
    forever = threading.Event()

    def hang(_event: dict[str, Any]) -> Resource:
        forever.wait(6)
        return Resource("")

    event = {"RequestType": kind, "ResponseURL": "", "StackId": STACK, "RequestId": "r", "LogicalResourceId": "Pair"}
    begun = time.monotonic()
    custom_resource.respond(event, Context(lambda: 12_050), hang)
    assert time.monotonic() - begun < 5
    forever.set()
    [response] = cloudformation.responses
    assert (response["Status"], response["Reason"]) == ("FAILED", "AWS did not respond in time; deploy again.")


@pytest.mark.usefixtures("ssm")
def test_reason_is_short_enough_for_cloudformation_and_whole_in_the_log(cloudformation: CloudFormation) -> None:
    def fail(_event: dict[str, Any]) -> Resource:
        raise ValueError("long " * 9999)

    event = {"ResponseURL": "", "StackId": STACK, "RequestId": "r", "LogicalResourceId": "Pair"}
    log = io.StringIO()
    custom_resource.logger.registered_handler.setStream(log)  # type: ignore[attr-defined]  # a StreamHandler
    custom_resource.respond(event, Context(), fail)
    refused, responded = map(json.loads, log.getvalue().splitlines())
    assert (refused["message"], refused["exception_name"]) == ("refused", "ValueError")
    assert "long " * 9999 in refused["exception"]
    assert (responded["message"], responded["status"]) == ("responded", "FAILED")
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html: 4,096 bytes together
    assert len(cloudformation.responses[0]["Reason"]) <= 1000


@pytest.mark.parametrize(
    ("module", "client", "calls"), [(signing_key_handler, "_ssm", 3), (rotation_handler, "_cloudformation", 1)]
)
def test_client_gives_up_in_time_to_respond(
    monkeypatch: pytest.MonkeyPatch, module: Any, client: str, calls: int
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    make = getattr(module, client)
    make.cache_clear()
    config = make().meta.config
    make.cache_clear()
    longest = (config.connect_timeout + config.read_timeout) * config.retries["total_max_attempts"] * calls
    # The function's timeout is a minute; the response gets twelve seconds of it.
    assert longest < 60 - 12
