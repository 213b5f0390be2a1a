"""The private signing keys: which one signs, and when each is read from SSM."""

from __future__ import annotations

from collections.abc import Callable

from aws_lambda_powertools import Logger

from resolvers.settings import SigningKey, SigningKeys
from resolvers.signed_url import UrlSigner
from resolvers.ssm_parameter import ParameterUnreadable

logger = Logger()

REFRESH_SECONDS = 300  # the longest time that a running function signs with a key that was removed

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

    The newest key whose time has come signs. If its parameter was removed, the next older key signs instead.
    `read` returns the value of a parameter, or raises ParameterUnreadable.
    """

    def __init__(self, read: Callable[[str], str], keys: SigningKeys) -> None:
        self._read = read
        self._keys = keys.keys
        self._held: dict[SigningKey, tuple[UrlSigner, float]] = {}

    def signer(self, now: float) -> UrlSigner:
        """Return the signer for this moment, in seconds since 1970.

        Raises SigningKeyUnavailable if SSM or KMS refuses, UnusableSigningKey if the value is not a signing key.
        """
        # If even the oldest key may be unknown at some edge location, it is still the best choice.
        usable = [key for key in self._keys if int(key.signs_from) <= now] or list(self._keys[:1])
        while True:
            key = usable.pop()
            try:
                return self._signer_of(key, now)
            except SigningKeyRemoved:
                if not usable:
                    raise
                logger.exception("a signing key was removed, the next older one signs", key_id=key.key_id)

    def _signer_of(self, key: SigningKey, now: float) -> UrlSigner:
        held, read_at = self._held.get(key, (None, 0.0))
        if held and now - read_at < REFRESH_SECONDS:
            return held
        try:
            signer = UrlSigner(key.key_id, self._private_key(key.parameter), key.algorithm)
        except SigningKeyRemoved:
            self._held.pop(key, None)
            raise
        except SigningKeyUnavailable:
            if not held:
                raise
            logger.exception("the signing key could not be read again, the copy in memory signs", key_id=key.key_id)
            signer = held
        self._held[key] = (signer, now)
        return signer

    def _private_key(self, parameter: str) -> bytes:
        try:
            return self._read(parameter).encode()
        except ParameterUnreadable as error:
            why = _WHAT_TO_DO.get(error.code, str(error))
            kind = SigningKeyRemoved if error.code == "ParameterNotFound" else SigningKeyUnavailable
            raise kind(f"The signing key in the SSM parameter {parameter} cannot be read: {why}.") from error
