"""An authenticator app that has the secret of a user: https://www.rfc-editor.org/rfc/rfc6238"""

import base64
import hashlib
import hmac
import struct
import time


def totp(secret: str, at: float | None = None, digits: int = 6) -> str:
    """The code at this time, by default now."""
    counter = struct.pack(">Q", int((time.time() if at is None else at) // 30))
    mac = hmac.new(base64.b32decode(secret), counter, hashlib.sha1).digest()
    start = mac[-1] & 15
    return f"{(int.from_bytes(mac[start : start + 4], 'big') & 0x7FFFFFFF) % 10**digits:0{digits}d}"


class App:
    """Shows a code once, as Cognito accepts it once: the one of now, or of the step after or before."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._shown: set[str] = set()

    def code(self) -> str:
        codes = (totp(self._secret, time.time() + seconds) for seconds in (0, 30, -30))
        code = next(code for code in codes if code not in self._shown)
        self._shown.add(code)
        return code
