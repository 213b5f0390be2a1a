"""Which key signs at what time, and when a running function reads it from SSM again."""

import base64
import io
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from resolvers import key_store
from resolvers.key_store import REFRESH_SECONDS, KeyStore, SigningKeyRemoved, SigningKeyUnavailable
from resolvers.settings import SigningKey, SigningKeys
from resolvers.signed_url import UnusableSigningKey
from resolvers.ssm_parameter import ParameterUnreadable
from tests.signing_keys import pem

FIRST = 1_800_000_000
SECOND = FIRST + 100_000
THIRD = FIRST + 200_000
SIGNS_FROM = {"1": FIRST, "2": SECOND, "3": THIRD}
PRIVATE = {name: ec.generate_private_key(ec.SECP256R1()) for name in SIGNS_FROM}


@pytest.fixture(autouse=True)
def log() -> io.StringIO:
    stream = io.StringIO()
    key_store.logger.registered_handler.setStream(stream)  # type: ignore[attr-defined]  # a StreamHandler
    return stream


class Ssm:
    """An SSM that returns what a test has prepared, in this order, and nothing else."""

    def __init__(self) -> None:
        self.pending: list[tuple[str, str | ParameterUnreadable]] = []

    def read(self, name: str) -> str:
        expected, response = self.pending.pop(0)
        assert name == expected
        if isinstance(response, ParameterUnreadable):
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
    keys = (SigningKey(f"K{name}", str(SIGNS_FROM[name]), "ecdsa-p256", parameter(name)) for name in names)
    return KeyStore(ssm.read, SigningKeys(tuple(keys)))


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
        ssm.pending.append((parameter(name), ParameterUnreadable(code, f"SSM returned {code}", transient=False)))

    return fails


def signing(keys: KeyStore, now: float) -> str:
    """The name of the key whose private half has signed, checked with its public half."""
    signer = keys.signer(now)
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


def test_key_is_read_again_only_after_the_refresh(ssm: Ssm, holds: Callable[[str], None]) -> None:
    keys = store(ssm, "1")
    holds("1")
    signers = {id(keys.signer(FIRST + second)) for second in (0, 1, REFRESH_SECONDS - 0.1)}
    assert len(signers) == 1
    holds("1")
    assert signing(keys, FIRST + REFRESH_SECONDS) == "1"
    assert signing(keys, FIRST + 2 * REFRESH_SECONDS - 1) == "1"


def test_next_older_key_replaces_a_removed_newest(
    ssm: Ssm, holds: Callable[[str], None], fails: Callable[[str, str], None], log: io.StringIO
) -> None:
    fails("3", "ParameterNotFound")
    fails("2", "ParameterNotFound")
    holds("1")
    assert signing(store(ssm, "123"), THIRD) == "1"
    assert "K3" in log.getvalue() and "K2" in log.getvalue()


def test_held_key_that_was_removed_signs_no_longer_after_the_refresh(
    ssm: Ssm, holds: Callable[[str], None], fails: Callable[[str, str], None]
) -> None:
    keys = store(ssm, "12")
    holds("2")
    assert signing(keys, SECOND) == "2"
    assert signing(keys, SECOND + REFRESH_SECONDS - 1) == "2"
    fails("2", "ParameterNotFound")
    holds("1")
    assert signing(keys, SECOND + REFRESH_SECONDS) == "1"
    # It is forgotten: a failure that would keep a held key finds none.
    fails("2", "AccessDeniedException")
    with pytest.raises(SigningKeyUnavailable, match="signing-keys/2 cannot be read"):
        keys.signer(SECOND + REFRESH_SECONDS + 1)


@pytest.mark.parametrize(
    "code",
    ["AccessDeniedException", "InvalidKeyId", "InternalServerError", "ThrottlingException", "EndpointConnectionError"],
)
def test_held_key_that_cannot_be_read_again_is_kept(
    ssm: Ssm, holds: Callable[[str], None], fails: Callable[[str, str], None], log: io.StringIO, code: str
) -> None:
    keys = store(ssm, "12")
    holds("2")
    signing(keys, SECOND)
    fails("2", code)
    assert signing(keys, SECOND + REFRESH_SECONDS) == "2"
    assert "K2" in log.getvalue()
    assert signing(keys, SECOND + 2 * REFRESH_SECONDS - 1) == "2"  # no request to SSM each time


def test_older_key_does_not_replace_a_newest_that_cannot_be_read(ssm: Ssm, fails: Callable[[str, str], None]) -> None:
    fails("2", "AccessDeniedException")
    with pytest.raises(SigningKeyUnavailable, match="signing-keys/2 cannot be read") as refused:
        store(ssm, "12").signer(SECOND)
    assert not isinstance(refused.value, SigningKeyRemoved)


def test_without_any_key_the_oldest_is_named(ssm: Ssm, fails: Callable[[str, str], None]) -> None:
    fails("2", "ParameterNotFound")
    fails("1", "ParameterNotFound")
    with pytest.raises(SigningKeyRemoved, match="signing-keys/1 cannot be read: it does not exist"):
        store(ssm, "12").signer(SECOND)


def test_value_that_is_not_a_key_is_refused(ssm: Ssm, holds: Any) -> None:
    holds("1", "no key")
    with pytest.raises(UnusableSigningKey):
        store(ssm, "1").signer(FIRST)
