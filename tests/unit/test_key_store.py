"""Which key signs at what time, and when a running function reads it from SSM again."""

import base64
import io
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from resolvers import key_store
from resolvers.aws_http import RequestFailed
from resolvers.key_store import KeyStore, SigningKeyRemoved, SigningKeyUnavailable
from resolvers.settings import SigningKey, SigningKeys
from resolvers.signed_url import UnusableSigningKey
from tests.signing_keys import pem, public_key_sha256

FIRST = 1_800_000_000
SECOND = FIRST + 100_000
THIRD = FIRST + 200_000
SIGNS_FROM = {"1": FIRST, "2": SECOND, "3": THIRD}
PRIVATE = {name: ec.generate_private_key(ec.SECP256R1()) for name in SIGNS_FROM}
FIVE_MINUTES = 300  # after which a removed key no longer signs, as docs/rotate-keys.md promises
SECONDS = 20  # that a request may wait for its key


@pytest.fixture(autouse=True)
def log() -> io.StringIO:
    stream = io.StringIO()
    key_store.logger.registered_handler.setStream(stream)  # type: ignore[attr-defined]  # a StreamHandler
    return stream


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


class Ssm:
    """An SSM that returns what a test has prepared, in this order, and nothing else."""

    def __init__(self) -> None:
        self.pending: list[tuple[str, str | RequestFailed]] = []
        self.seconds: list[float] = []
        self.failures = 0  # that the store has reported

    def count_failure(self) -> None:
        self.failures += 1

    def read(self, name: str, seconds: float) -> str:
        self.seconds.append(seconds)
        expected, response = self.pending.pop(0)
        assert name == expected
        if isinstance(response, RequestFailed):
            raise response
        return response


@pytest.fixture
def ssm() -> Iterator[Ssm]:
    ssm = Ssm()
    yield ssm
    assert not ssm.pending


def parameter(name: str) -> str:
    return f"/PrivateFiles/signing-keys/{name}"


def store(ssm: Ssm, names: str) -> KeyStore:
    keys = [
        SigningKey(f"K{name}", str(SIGNS_FROM[name]), "ecdsa-p256", parameter(name), public_key_sha256(PRIVATE[name]))
        for name in names
    ]
    return KeyStore(ssm.read, SigningKeys(tuple(keys)), ssm.count_failure)


@pytest.fixture
def holds(ssm: Ssm) -> Callable[[str], None]:
    """The next request is for this key, and SSM returns it."""

    def holds(name: str, value: str | None = None) -> None:
        ssm.pending.append((parameter(name), value or pem(PRIVATE[name]).decode()))

    return holds


@pytest.fixture
def fails(ssm: Ssm) -> Callable[[str, str], None]:
    """The next request is for this key, and SSM returns this error."""

    def fails(name: str, code: str) -> None:
        ssm.pending.append((parameter(name), RequestFailed(code, f"SSM returned {code}", transient=False)))

    return fails


def signing(keys: KeyStore, now: float) -> str:
    """The name of the key whose private half has signed, checked with its public half."""
    signer = keys.signer(now, SECONDS)
    url = signer.sign("https://files.example.com/a.jpg", FIRST)
    policy = (
        '{"Statement":[{"Resource":"https://files.example.com/a.jpg",'
        f'"Condition":{{"DateLessThan":{{"AWS:EpochTime":{FIRST}}}}}}}]}}'
    )
    found = re.search(r"Signature=([^&]+)&Key-Pair-Id=K(\w)&", url)
    assert found
    signature = base64.b64decode(found[1].translate(str.maketrans("-_~", "+=/")))
    name: str = found[2]
    PRIVATE[name].public_key().verify(signature, policy.encode(), ec.ECDSA(SHA256()))
    return name


@pytest.mark.parametrize(
    ("names", "now", "signs"),
    [
        pytest.param("1", FIRST, "1", id="alone"),
        pytest.param("1", FIRST - 99_999, "1", id="alone-before-its-time"),
        pytest.param("12", SECOND - 0.1, "1", id="the-newer-does-not-sign-yet"),
        pytest.param("12", SECOND, "2", id="the-newer-signs"),
        pytest.param("123", THIRD - 1, "2", id="second-of-three"),
        pytest.param("123", THIRD, "3", id="third-of-three"),
        pytest.param("123", FIRST - 1, "1", id="all-before-their-time"),
        pytest.param("23", FIRST, "2", id="all-before-their-time-without-the-first"),
    ],
)
def test_newest_key_whose_time_has_come_signs(
    ssm: Ssm, holds: Callable[[str], None], names: str, now: float, signs: str
) -> None:
    holds(signs)
    assert signing(store(ssm, names), now) == signs


def test_next_key_starts_to_sign_in_a_running_function(ssm: Ssm, holds: Callable[[str], None]) -> None:
    keys = store(ssm, "12")
    holds("1")
    assert signing(keys, SECOND - 1) == "1"
    holds("2")
    assert signing(keys, SECOND) == "2"


def test_key_is_read_again_only_after_five_minutes(ssm: Ssm, holds: Callable[[str], None]) -> None:
    keys = store(ssm, "1")
    holds("1")
    signers = {id(keys.signer(FIRST + second, SECONDS)) for second in (0, 1, FIVE_MINUTES - 0.1)}
    assert len(signers) == 1
    holds("1")
    assert signing(keys, FIRST + FIVE_MINUTES) == "1"
    assert signing(keys, FIRST + 2 * FIVE_MINUTES - 1) == "1"


def test_next_older_key_replaces_a_removed_newest(
    ssm: Ssm, holds: Callable[[str], None], fails: Callable[[str, str], None], log: io.StringIO
) -> None:
    fails("3", "ParameterNotFound")
    fails("2", "ParameterNotFound")
    holds("1")
    assert signing(store(ssm, "123"), THIRD) == "1"
    assert "K3" in log.getvalue() and "K2" in log.getvalue()


def test_held_key_that_was_removed_signs_no_longer_after_five_minutes(
    ssm: Ssm, holds: Callable[[str], None], fails: Callable[[str, str], None]
) -> None:
    keys = store(ssm, "12")
    holds("2")
    assert signing(keys, SECOND) == "2"
    assert signing(keys, SECOND + FIVE_MINUTES - 1) == "2"
    fails("2", "ParameterNotFound")
    holds("1")
    assert signing(keys, SECOND + FIVE_MINUTES) == "1"
    # It is forgotten, and not looked for at every request.
    assert signing(keys, SECOND + FIVE_MINUTES + 1) == "1"
    fails("2", "AccessDeniedException")
    assert signing(keys, SECOND + FIVE_MINUTES + 60) == "1"


def test_only_key_that_was_removed_signs_no_longer_after_five_minutes(
    ssm: Ssm, holds: Callable[[str], None], fails: Callable[[str, str], None]
) -> None:
    keys = store(ssm, "1")
    holds("1")
    signing(keys, FIRST)
    fails("1", "ParameterNotFound")
    with pytest.raises(SigningKeyRemoved):
        keys.signer(FIRST + FIVE_MINUTES, SECONDS)


# What is in memory is good: no failure to read replaces it


FAILURES = [
    "AccessDeniedException",
    "InvalidKeyId",
    "InternalServerError",
    "ThrottlingException",
    "EndpointConnectionError",
    "TimeoutError",
    "NoValue",
    "NoCredentials",
]
CORRUPT = {
    "no-key": "<html>Sign in to the network</html>",
    "half-a-key": pem(PRIVATE["2"]).decode()[:100],
    "another-kind": pem(ec.generate_private_key(ec.SECP384R1())).decode(),
    "half-a-surrogate": "\ud83d",
    "another-valid-key": pem(ec.generate_private_key(ec.SECP256R1())).decode(),
    "the-older-key": pem(PRIVATE["1"]).decode(),
}


@pytest.fixture(params=[*FAILURES, *CORRUPT])
def unreadable(
    request: pytest.FixtureRequest, holds: Callable[[str, str], None], fails: Callable[[str, str], None]
) -> Callable[[str], None]:
    """The next request is for this key, and cannot be used."""
    if request.param in CORRUPT:
        return lambda name: holds(name, CORRUPT[request.param])
    return lambda name: fails(name, request.param)


def test_held_key_that_cannot_be_read_again_keeps_signing(
    ssm: Ssm, holds: Callable[[str], None], unreadable: Callable[[str], None], log: io.StringIO
) -> None:
    keys = store(ssm, "12")
    holds("2")
    signing(keys, SECOND)
    now = SECOND + FIVE_MINUTES
    for _ in range(20):  # however long it lasts
        unreadable("2")
        assert signing(keys, now) == "2"
        assert signing(keys, now + 1) == "2"  # without a request to SSM each time
        now += FIVE_MINUTES
    assert {(line["key_id"], line["in_memory"]) for line in lines(log)} == {("K2", True)}
    holds("2")
    assert signing(keys, now) == "2"


def test_older_key_signs_while_the_newest_cannot_be_read(
    ssm: Ssm, holds: Callable[[str], None], unreadable: Callable[[str], None], log: io.StringIO
) -> None:
    keys = store(ssm, "12")
    unreadable("2")
    holds("1")
    assert signing(keys, SECOND) == "1"
    assert signing(keys, SECOND + 1) == "1"  # without a request to SSM each time
    assert [(line["key_id"], line["in_memory"]) for line in lines(log)] == [("K2", False)]
    holds("2")
    assert signing(keys, SECOND + 60) == "2"  # as soon as it can be read


def test_older_key_in_memory_signs_while_the_newest_cannot_be_read(
    ssm: Ssm, holds: Callable[[str], None], unreadable: Callable[[str], None]
) -> None:
    keys = store(ssm, "12")
    holds("1")
    assert signing(keys, SECOND - 1) == "1"
    unreadable("2")
    assert signing(keys, SECOND) == "1"
    assert signing(keys, SECOND + 1) == "1"


def test_two_newer_keys_that_cannot_be_read_do_not_stop_signing(
    ssm: Ssm, holds: Callable[[str], None], unreadable: Callable[[str], None]
) -> None:
    unreadable("3")
    unreadable("2")
    holds("1")
    assert signing(store(ssm, "123"), THIRD) == "1"


def test_newest_is_read_at_once_when_the_older_that_signed_for_it_is_removed(
    ssm: Ssm, holds: Callable[[str], None], fails: Callable[[str, str], None]
) -> None:
    keys = store(ssm, "12")
    holds("1")
    signing(keys, SECOND - FIVE_MINUTES + 1)
    fails("2", "AccessDeniedException")
    assert signing(keys, SECOND) == "1"
    fails("1", "ParameterNotFound")
    holds("2")
    assert signing(keys, SECOND + 1) == "2"


def test_request_waits_for_a_key_only_briefly_if_another_can_sign(
    ssm: Ssm, holds: Callable[[str], None], fails: Callable[[str, str], None]
) -> None:
    keys = store(ssm, "12")
    holds("1")
    signing(keys, SECOND - 1)
    assert ssm.seconds == [SECONDS]
    fails("2", "TimeoutError")
    signing(keys, SECOND)
    fails("2", "TimeoutError")
    fails("1", "TimeoutError")
    assert signing(keys, SECOND + FIVE_MINUTES) == "1"
    assert max(ssm.seconds[1:]) <= 2


def test_keys_that_are_all_slow_take_no_more_than_the_time_of_the_request(
    ssm: Ssm, fails: Callable[[str, str], None]
) -> None:
    for name in "321":
        fails(name, "TimeoutError")
    with pytest.raises(SigningKeyUnavailable):
        store(ssm, "123").signer(THIRD, SECONDS)
    assert sum(ssm.seconds) <= SECONDS
    assert min(ssm.seconds) > 5


def test_every_failure_to_read_a_key_is_reported_even_if_another_or_the_one_in_memory_signs(
    ssm: Ssm, holds: Callable[[str], None], fails: Callable[[str, str], None]
) -> None:
    keys = store(ssm, "12")
    fails("2", "AccessDeniedException")
    holds("1")
    assert (signing(keys, SECOND), ssm.failures) == ("1", 1)
    holds("2")
    assert (signing(keys, SECOND + 60), ssm.failures) == ("2", 1)
    fails("2", "InternalServerError")
    assert (signing(keys, SECOND + 60 + FIVE_MINUTES), ssm.failures) == ("2", 2)


def test_age_is_that_of_the_key_that_signs_since_it_took_over(
    ssm: Ssm, holds: Callable[[str], None], fails: Callable[[str, str], None]
) -> None:
    keys = store(ssm, "12")
    holds("1")
    assert keys.days_signing(keys.signer(FIRST - 60, SECONDS), FIRST - 60) == 0
    now = SECOND + 36 * 3600
    fails("2", "AccessDeniedException")
    holds("1")
    assert keys.days_signing(keys.signer(now, SECONDS), now) == round((now - FIRST) / 86_400, 2)
    holds("2")
    assert keys.days_signing(keys.signer(now + 60, SECONDS), now + 60) == 1.5


def test_without_any_key_the_oldest_is_named(ssm: Ssm, fails: Callable[[str, str], None]) -> None:
    fails("2", "ParameterNotFound")
    fails("1", "ParameterNotFound")
    with pytest.raises(SigningKeyRemoved, match="signing-keys/1 cannot be read: it does not exist"):
        store(ssm, "12").signer(SECOND, SECONDS)


@pytest.mark.parametrize("removed", ["1", "2"])
def test_key_that_cannot_be_read_is_named_rather_than_one_that_was_removed(
    ssm: Ssm, fails: Callable[[str, str], None], removed: str
) -> None:
    for name in "21":
        fails(name, "ParameterNotFound" if name == removed else "AccessDeniedException")
    with pytest.raises(SigningKeyUnavailable, match="the function's role may not read it") as refused:
        store(ssm, "12").signer(SECOND, SECONDS)
    assert not isinstance(refused.value, SigningKeyRemoved)


def test_value_that_is_not_a_key_is_refused(ssm: Ssm, holds: Any) -> None:
    holds("1", "no key")
    with pytest.raises(UnusableSigningKey):
        store(ssm, "1").signer(FIRST, SECONDS)


def test_another_valid_key_is_refused_because_no_edge_could_verify_its_urls(ssm: Ssm, holds: Any) -> None:
    holds("1", pem(PRIVATE["2"]).decode())
    with pytest.raises(UnusableSigningKey, match=r"signing-keys/1 holds another key than .* public key K1; add a new"):
        store(ssm, "1").signer(FIRST, SECONDS)
