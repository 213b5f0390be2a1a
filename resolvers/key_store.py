"""The private signing keys: which one signs, and when each is read from SSM."""

from __future__ import annotations

from collections.abc import Callable

from aws_lambda_powertools import Logger

from resolvers.aws_http import RequestFailed
from resolvers.settings import SigningKey, SigningKeys
from resolvers.signed_url import UnusableSigningKey, UrlSigner

logger = Logger()

REFRESH_SECONDS = 300  # the longest time that a running function signs with a key that was removed
RETRY_SECONDS = 30  # until a key that could not be read is tried again, if another one can sign
SECONDS_BESIDE_ANOTHER = 2  # the longest that a request waits for a key, if another one can sign

_WHAT_TO_DO = {
    "AccessDeniedException": "the function's role may not read it, or may not decrypt with its KMS key",
    "ParameterNotFound": "it does not exist; deploy the stack again",
    "InvalidKeyId": "its KMS key is disabled or scheduled for deletion; enable it again",
}


class SigningKeyUnavailable(RuntimeError):
    """The private key cannot be read; the message names the parameter and says what to do."""


class SigningKeyRemoved(SigningKeyUnavailable):
    """The parameter of the private key does not exist."""


class KeyStore:
    """The signing keys in one running function: each is read when it first signs, and kept.

    The newest key whose time has come signs; if it cannot be read, the next older one does. No failure to read replaces
    a key in memory: only its removal does.
    `read` returns the value of a parameter within this many seconds, or raises RequestFailed. `on_failure` is
    called each time that a key cannot be read or used, even if another key, or the one in memory, signs.
    """

    def __init__(self, read: Callable[[str, float], str], keys: SigningKeys, on_failure: Callable[[], None]) -> None:
        self._read = read
        self._on_failure = on_failure
        self._keys = keys.keys
        self._held: dict[SigningKey, UrlSigner] = {}
        self._read_again_at: dict[SigningKey, float] = {}

    def signer(self, now: float, seconds: float) -> UrlSigner:
        """Return the signer for this moment, in seconds since 1970, within this many seconds.

        Raises SigningKeyUnavailable if SSM or KMS refuses, UnusableSigningKey if the value is not the signing key.
        """
        # If even the oldest key may be unknown at some edge location, it is still the best choice.
        usable = [key for key in self._keys if int(key.signs_from) <= now] or list(self._keys[:1])
        share = seconds / len(usable)
        failures: list[SigningKeyUnavailable | UnusableSigningKey] = []
        for key in reversed(usable):
            another_signs = any(other in self._held for other in usable)
            if another_signs:
                share = min(share, SECONDS_BESIDE_ANOTHER)
            if now >= self._read_again_at.get(key, now) or not another_signs:
                try:
                    self._hold(key, now, share)
                except (SigningKeyUnavailable, UnusableSigningKey) as error:
                    logger.exception("a signing key could not be read", key_id=key.key_id, in_memory=key in self._held)
                    self._on_failure()
                    failures.append(error)
            if key in self._held:
                return self._held[key]
        if len(failures) < len(usable):  # a key was not tried again because of another one, which is gone now
            return self.signer(now, seconds)
        # A key that exists but cannot be read says more about the cause than one that was removed.
        raise next((error for error in failures if not isinstance(error, SigningKeyRemoved)), failures[-1])

    def days_signing(self, signer: UrlSigner, now: float) -> float:
        """Return how many days ago the key of this signer, one of this store's, took over; 0 before its time."""
        [key] = [key for key, held in self._held.items() if held is signer]
        return round(max(0.0, now - int(key.signs_from)) / 86_400, 2)

    def _hold(self, key: SigningKey, now: float, seconds: float) -> None:
        self._read_again_at[key] = now + RETRY_SECONDS
        try:
            signer = UrlSigner(key.key_id, self._private_key(key.parameter, seconds), key.algorithm)
        except SigningKeyRemoved:
            self._held.pop(key, None)
            raise
        if signer.public_key_sha256 != key.public_key_sha256:
            raise UnusableSigningKey(
                f"The SSM parameter {key.parameter} holds another key than the one of CloudFront's public key "
                f"{key.key_id}; add a new key to signing_keys."
            )
        self._held[key] = signer
        self._read_again_at[key] = now + REFRESH_SECONDS

    def _private_key(self, parameter: str, seconds: float) -> bytes:
        try:
            return self._read(parameter, seconds).encode(errors="replace")
        except RequestFailed as error:
            why = _WHAT_TO_DO.get(error.code, str(error))
            kind = SigningKeyRemoved if error.code == "ParameterNotFound" else SigningKeyUnavailable
            raise kind(f"The signing key in the SSM parameter {parameter} cannot be read: {why}.") from error
