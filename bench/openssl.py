"""The signing speed that `openssl speed` reports."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable

OPENSSL = shutil.which("openssl")

# The argument, and the prefix of the machine-readable result, whose field 3 is signatures per second.
_COMMANDS = {"ecdsa-p256": ("ecdsap256", "+F4:"), "rsa-2048": ("rsa2048", "+F2:")}


def timed(algorithm: str) -> Callable[[], float] | None:
    """Return a measurement of one signature's CPU seconds, or None if OpenSSL or the algorithm is missing."""
    if not OPENSSL or algorithm not in _COMMANDS:
        return None
    command = [OPENSSL, "speed", "-mr", "-seconds", "1", _COMMANDS[algorithm][0]]

    def seconds() -> float:
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 - our own
        [result] = [line for line in printed.splitlines() if line.startswith(_COMMANDS[algorithm][1])]
        return 1 / float(result.split(":")[3])

    return seconds
