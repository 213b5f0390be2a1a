"""GetParameter without a client: signed like botocore's client, retried if that may help, errors by code."""

import heapq
import itertools
import json
import random
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition, Event, Thread
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from werkzeug.wrappers import Response

from resolvers import aws_http, ssm_parameter
from resolvers.aws_http import LONGEST_WAIT, AwsService, RequestFailed
from resolvers.ssm_parameter import Parameters
from tests.ssm_server import SsmServer, holding, refusal, ssm_server

SECONDS = 20.0
NAME = "/PrivateFiles/signing-keys/1"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "a-secret",
    "AWS_SESSION_TOKEN": "a-token",
    "AWS_DEFAULT_REGION": "eu-west-1",
}


@pytest.fixture(scope="module")
def server() -> Iterator[SsmServer]:
    with ssm_server() as server:
        yield server


@pytest.fixture
def ssm(server: SsmServer, monkeypatch: pytest.MonkeyPatch) -> SsmServer:
    server.begin(None)
    monkeypatch.setattr(aws_http, "LONGEST_WAIT", 0.001)
    monkeypatch.setattr(aws_http, "_random", SimpleNamespace(uniform=lambda _low, _high: 0.001))
    return server


@pytest.fixture
def long_waits(ssm: SsmServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock on which every wait takes 20 seconds, and nothing else takes any time."""
    del ssm  # which sets the waits
    waits: list[float] = []
    clock = SimpleNamespace(monotonic=lambda: 20 * len(waits), sleep=waits.append, time=time.time)
    monkeypatch.setattr(aws_http, "time", clock)
    monkeypatch.setattr(aws_http, "_random", SimpleNamespace(uniform=lambda _low, _high: 20))


@pytest.fixture
def parameters(ssm: SsmServer) -> Parameters:
    return Parameters(CREDENTIALS | {"AWS_ENDPOINT_URL_SSM": ssm.url})


def test_value_is_requested_decrypted(ssm: SsmServer, parameters: Parameters) -> None:
    ssm.responses = [holding("the value")]
    assert parameters.read(NAME, SECONDS) == "the value"
    assert ssm.requests == [{"Name": NAME, "WithDecryption": True}]


def test_request_is_signed_as_a_client_signs_it(
    ssm: SsmServer, parameters: Parameters, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    ssm.responses = [holding("ours"), holding("theirs")]
    parameters.read(NAME, SECONDS)
    boto3.Session().client("ssm", endpoint_url=ssm.url).get_parameter(Name=NAME, WithDecryption=True)
    ours, theirs = ssm.headers
    for header in ("Host", "Content-Type", "Content-Length", "X-Amz-Target", "X-Amz-Security-Token"):
        assert ours[header] == theirs[header]

    def signed(headers: dict[str, str]) -> tuple[str, str]:
        scope, names, _ = headers["Authorization"].split(", ")
        return scope, names

    assert signed(ours) == signed(theirs)


@pytest.mark.parametrize(
    "busy",
    [
        refusal("ThrottlingException"),
        refusal("com.amazonaws.ssm#ThrottlingException:http://example.com/"),
        refusal("TooManyUpdates"),
        refusal("InternalServerError", 500),
        Response("<html>", 503),
        Response("", 429),
        refusal("Throttling"),
        refusal("RequestLimitExceeded"),
        refusal("ThrottledException"),
        Response("<html>Sign in to the network</html>", 200),
        Response("", 200),
        Response("null", 200),
        Response("[" * 100_000, 200),
        Response(json.dumps({"Parameter": {}}), 200),
        Response(json.dumps({"Parameters": []}), 200),
        Response(json.dumps({"Parameter": "value"}), 200),
        Response(json.dumps({"Parameter": {"Value": None}}), 200),
        Response(json.dumps({"Parameter": {"Value": ["value"]}}), 200),
        Response(json.dumps({"Parameter": {"Value": ""}}), 200),
        Response(b"\xff\xfe", 200),
        Response(json.dumps({"__type": 5}), 500),
        Response(json.dumps({"message": "busy"}), 503),
        Response("null", 503),
        Response("[" * 100_000, 503),
    ],
    ids=lambda response: f"{response.status_code}-{response.get_data()[:40]!r}",
)
def test_request_to_a_busy_ssm_is_retried(ssm: SsmServer, parameters: Parameters, busy: Response) -> None:
    ssm.responses = [busy, busy, holding("the value")]
    assert parameters.read(NAME, SECONDS) == "the value"
    assert len(ssm.requests) == 3


@pytest.mark.parametrize(
    ("response", "code", "message"),
    [
        (refusal("ThrottlingException"), "ThrottlingException", "SSM returned ThrottlingException"),
        (Response("<html>", 200), "NoValue", "SSM returned no value"),
        (Response("<html>", 503), "503", "SSM returned 503"),
    ],
    ids=["throttled", "html", "503"],
)
@pytest.mark.usefixtures("long_waits")
def test_ssm_that_stays_busy_is_reported_when_the_time_is_up(
    *, ssm: SsmServer, parameters: Parameters, response: Response, code: str, message: str
) -> None:
    ssm.responses = [response] * 999
    with pytest.raises(RequestFailed) as refused:
        parameters.read(NAME, 90)
    assert (refused.value.code, str(refused.value)) == (code, message)
    assert len(ssm.requests) == 5


@pytest.mark.parametrize(
    "code", ["AccessDeniedException", "ParameterNotFound", "InvalidKeyId", "ExpiredTokenException"]
)
def test_refusal_is_reported_with_its_error_code_and_not_retried(
    ssm: SsmServer, parameters: Parameters, code: str
) -> None:
    ssm.responses = [refusal(f"com.amazonaws.ssm#{code}")]
    with pytest.raises(RequestFailed) as refused:
        parameters.read(NAME, SECONDS)
    assert (refused.value.code, len(ssm.requests)) == (code, 1)


@pytest.mark.usefixtures("long_waits")
def test_ssm_that_cannot_be_reached_is_reported() -> None:
    nobody = Parameters(CREDENTIALS | {"AWS_ENDPOINT_URL_SSM": "http://127.0.0.1:9"})
    with pytest.raises(RequestFailed, match=r"^SSM could not be reached \(ConnectionRefusedError\)$") as refused:
        nobody.read(NAME, 90)
    assert refused.value.code == "ConnectionRefusedError"


def test_missing_credentials_are_reported_and_not_looked_for_again(
    ssm: SsmServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(
        aws_http, "time", SimpleNamespace(monotonic=lambda: len(waits), sleep=waits.append, time=time.time)
    )
    nobody = Parameters({"AWS_DEFAULT_REGION": "eu-west-1", "AWS_ENDPOINT_URL_SSM": ssm.url})
    with pytest.raises(RequestFailed) as refused:
        nobody.read(NAME, SECONDS)
    assert (refused.value.code, ssm.requests, waits) == ("NoCredentials", [], [])


@contextmanager
def credentials_endpoint(status: str, content: str) -> Iterator[tuple[dict[str, str], list[str]]]:
    """The environment of a function restored from a snapshot, and the requests to its credentials endpoint.

    https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks.html sets these two variables.
    """
    requests: list[str] = []

    def respond(connection: socket.socket) -> None:
        requests.append(connection.recv(65536).decode())
        connection.sendall(f"HTTP/1.1 {status}\r\nContent-Length: {len(content)}\r\n\r\n{content}".encode())

    with listening(respond) as url:
        yield (
            {
                "AWS_DEFAULT_REGION": "eu-west-1",
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{url}/2021-04-23/credentials",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN": "the-token",
            },
            requests,
        )


TEMPORARY = {"AccessKeyId": "AKIDSNAPSHOT", "SecretAccessKey": "a-secret", "Token": "a-token", "Expiration": "2999"}


def test_credentials_of_a_function_restored_from_a_snapshot_come_from_their_url_and_through_no_proxy(
    ssm: SsmServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with credentials_endpoint("200 OK", json.dumps(TEMPORARY)) as (environment, requests):
        ssm.responses = [holding("the value")]
        monkeypatch.setenv("http_proxy", ssm.url)  # which SSM is requested through, and the credentials are not
        restored = Parameters(environment | {"AWS_ENDPOINT_URL_SSM": "http://ssm.example"})
        assert restored.read(NAME, SECONDS) == "the value"
    [request] = requests
    assert request.startswith("GET /2021-04-23/credentials HTTP/1.1\r\n")
    assert "\r\nAuthorization: the-token\r\n" in request
    assert "Credential=AKIDSNAPSHOT/" in ssm.headers[0]["Authorization"]
    assert ssm.headers[0]["X-Amz-Security-Token"] == "a-token"


@pytest.mark.usefixtures("long_waits")
@pytest.mark.parametrize(
    ("status", "content"),
    [
        ("500 Error", "no"),
        ("302 Found", "{}"),
        ("200 OK", "no JSON"),
        ("200 OK", "null"),
        ("200 OK", "{}"),
        ("200 OK", "[" * 100_000),
    ],
)
def test_credentials_endpoint_that_returns_none_is_tried_again_and_reported(
    ssm: SsmServer, status: str, content: str
) -> None:
    with credentials_endpoint(status, content) as (environment, requests):
        restored = Parameters(environment | {"AWS_ENDPOINT_URL_SSM": ssm.url})
        with pytest.raises(RequestFailed, match=r"^SSM could not be reached \(CredentialsUnavailable\)$") as refused:
            restored.read(NAME, 90)
    assert (refused.value.code, ssm.requests, len(requests)) == ("CredentialsUnavailable", [], 5)


# The connection


@pytest.mark.parametrize(
    ("environment", "authorities"),
    [
        ({}, None),
        ({"AWS_CA_BUNDLE": "/a.pem"}, "/a.pem"),
        ({"REQUESTS_CA_BUNDLE": "/b.pem"}, "/b.pem"),
        ({"AWS_CA_BUNDLE": "/a.pem", "REQUESTS_CA_BUNDLE": "/b.pem"}, "/a.pem"),
        ({"AWS_CA_BUNDLE": ""}, None),
    ],
)
def test_connection_is_verified_with_the_bundle_that_boto3_uses(
    environment: dict[str, str], authorities: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    named: list[str | None] = []
    trusting = ssl.create_default_context()

    def create(cafile: str | None) -> ssl.SSLContext:
        named.append(cafile)
        return trusting

    monkeypatch.setattr(aws_http, "create_default_context", create)
    Parameters(CREDENTIALS | environment)
    assert named == [authorities]
    assert (trusting.verify_mode, trusting.check_hostname) == (ssl.CERT_REQUIRED, True)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_not_followed_because_it_would_get_the_credentials(ssm: SsmServer, status: int) -> None:
    ssm.responses = [Response("", status, {"Location": ssm.url}), holding("another's value")]
    with pytest.raises(RequestFailed, match=f"^SSM returned {status}$"):
        Parameters(CREDENTIALS | {"AWS_ENDPOINT_URL_SSM": ssm.url}).read(NAME, SECONDS)
    assert len(ssm.requests) == 1


def test_request_goes_through_the_proxy_that_boto3_uses(ssm: SsmServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", ssm.url)
    ssm.responses = [holding("the value")]
    behind = Parameters(CREDENTIALS | {"AWS_ENDPOINT_URL_SSM": "http://ssm.example"})
    assert behind.read(NAME, SECONDS) == "the value"
    assert ssm.headers[0]["Host"] == "ssm.example"


@contextmanager
def listening(respond: Callable[[socket.socket], None]) -> Iterator[str]:
    """The URL of a server that does this with every connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return  # closed
                Thread(target=handle, args=[connection], daemon=True).start()

        def handle(connection: socket.socket) -> None:
            with connection:
                try:
                    respond(connection)
                except OSError:
                    return  # the client has left

        Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)


def complete(value: str) -> bytes:
    body = json.dumps({"Parameter": {"Value": value}}).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


@pytest.mark.parametrize("sent", [0, 20, 60], ids=["nothing", "half-a-header", "half-a-body"])
@pytest.mark.usefixtures("ssm")
def test_dropped_connection_is_retried(sent: int) -> None:
    connections: list[socket.socket] = []

    def respond(connection: socket.socket) -> None:
        connection.recv(65536)
        connections.append(connection)
        response = complete("the value")
        connection.sendall(response if len(connections) > 2 else response[:sent])

    with listening(respond) as url:
        assert Parameters(CREDENTIALS | {"AWS_ENDPOINT_URL_SSM": url}).read(NAME, SECONDS) == "the value"
    assert len(connections) == 3


@pytest.mark.parametrize("begin", [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n"])
def test_slow_drip_takes_no_longer_than_the_time_that_there_is(begin: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssm_parameter, "ATTEMPT_SECONDS", 0.1)
    stopped = Event()

    def respond(connection: socket.socket) -> None:
        connection.sendall(begin)
        while not stopped.wait(0.02):  # each byte in time for the time-out of a socket
            connection.sendall(b"x")

    begun = time.monotonic()
    with listening(respond) as url, pytest.raises(RequestFailed) as refused:
        Parameters(CREDENTIALS | {"AWS_ENDPOINT_URL_SSM": url}).read(NAME, 0.2)
    stopped.set()
    assert time.monotonic() - begun < 2
    assert (refused.value.code, str(refused.value)) == ("TimeoutError", "SSM did not respond in time")


def test_one_slow_attempt_leaves_time_for_others() -> None:
    # The function may wait for 20 s, or for half of that if it has two keys.
    assert 1 <= ssm_parameter.ATTEMPT_SECONDS <= 5


# Many functions that start at once


class Simulation:
    """Threads that sleep on a clock of its own: it moves on to the next who wakes when all are asleep."""

    def __init__(self) -> None:
        self.now = 0.0
        self._turn = Condition()
        self._asleep: list[tuple[float, int, Event]] = []
        self._running = 0
        self._number = 0

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        awake = Event()
        with self._turn:
            self._number += 1
            heapq.heappush(self._asleep, (self.now + seconds, self._number, awake))
            self._running -= 1
            self._turn.notify()
        awake.wait()

    def run(self, *programs: Callable[[], None]) -> None:
        def started(program: Callable[[], None]) -> None:
            self.sleep(0)
            try:
                program()
            finally:
                with self._turn:
                    self._running -= 1
                    self._turn.notify()

        self._running = len(programs)
        for program in programs:
            Thread(target=started, args=[program], daemon=True).start()
        with self._turn:
            while True:
                self._turn.wait_for(lambda: self._running == 0)
                if not self._asleep:
                    return
                self.now, _, awake = heapq.heappop(self._asleep)
                self._running += 1
                awake.set()


# 20 s for a function with one key, half of it for one with two.
@pytest.mark.parametrize("seconds", [20, 10])
def test_two_hundred_functions_that_start_at_once_all_read_their_key(
    seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulation = Simulation()
    random_ = random.Random(seconds)  # noqa: S311 - the same in every run
    monkeypatch.setattr(aws_http, "_random", random_)
    monkeypatch.setattr(
        aws_http, "time", SimpleNamespace(monotonic=lambda: simulation.now, sleep=simulation.sleep, time=time.time)
    )
    tokens, filled_at = 40.0, 0.0  # https://docs.aws.amazon.com/general/latest/gr/ssm.html: 40 requests a second
    requests: list[float] = []

    def get(_ssm: AwsService, _seconds: float, _attempt: Callable[[], str]) -> str:
        nonlocal tokens, filled_at
        simulation.sleep(0.02)
        tokens, filled_at = min(40.0, tokens + (simulation.now - filled_at) * 40), simulation.now
        requests.append(simulation.now)
        if tokens < 1:
            raise RequestFailed("ThrottlingException", "SSM returned ThrottlingException", transient=True)
        tokens -= 1
        return "the value"

    monkeypatch.setattr(AwsService, "_within", get)
    served: list[str] = []
    parameters = Parameters(CREDENTIALS)
    simulation.run(*[lambda: served.append(parameters.read(NAME, seconds))] * 200)
    assert served == ["the value"] * 200
    assert simulation.now < seconds
    assert len(requests) < 200 * 10


def test_waits_are_random_up_to_a_limit_that_doubles_to_a_few_seconds(
    ssm: SsmServer, parameters: Parameters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aws_http, "LONGEST_WAIT", LONGEST_WAIT)
    limits: list[float] = []

    def uniform(low: float, high: float) -> float:
        assert low == 0  # full jitter
        limits.append(high)
        return 0.001

    monkeypatch.setattr(aws_http, "_random", SimpleNamespace(uniform=uniform))
    ssm.responses = [*[refusal("ThrottlingException")] * 9, holding("the value")]
    parameters.read(NAME, SECONDS)
    assert 0.1 <= limits[0] <= 0.5
    assert all(later in (2 * limit, limits[-1]) for limit, later in itertools.pairwise(limits))
    assert limits[-1] == limits[-2] <= 5


def test_functions_restored_from_one_snapshot_wait_for_different_times(
    ssm: SsmServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    waits: list[list[float]] = []
    for _ in range(2):
        random.seed(7)  # the state in the snapshot
        waits.append([])
        monkeypatch.setattr(
            aws_http, "time", SimpleNamespace(monotonic=lambda: 0.0, sleep=waits[-1].append, time=time.time)
        )
        ssm.responses = [refusal("ThrottlingException"), refusal("ThrottlingException"), holding("the value")]
        Parameters(CREDENTIALS | {"AWS_ENDPOINT_URL_SSM": ssm.url}).read(NAME, SECONDS)
    assert len(waits[0]) == len(waits[1]) == 2
    assert waits[0] != waits[1]


@pytest.mark.parametrize("handler", ["url_handler", "files_handler"])
def test_function_starts_without_botocore_and_powertools_event_handler(handler: str) -> None:
    program = f"import sys, resolvers.{handler}; print(*sys.modules)"
    environment: dict[str, Any] = {"POWERTOOLS_METRICS_NAMESPACE": "PrivateFiles"}
    loaded = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    ).stdout.split()
    # Powertools imports botocore's top, to set its user agent.
    assert not {"boto3", "botocore.auth", "botocore.session", "urllib3", "aws_xray_sdk"} & {*loaded}
    assert not [name for name in loaded if name.startswith("aws_lambda_powertools.event_handler")]
