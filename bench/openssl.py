"""The signing speed that `openssl speed` reports."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable

OPENSSL = shutil.which("openssl")

# The argument, and the mark before the machine-readable result; signatures a second stand in field 3.
_COMMANDS = {"ecdsa-p256": ("ecdsap256", "+F4:"), "rsa-2048": ("rsa2048", "+F2:")}


def timed(algorithm: str) -> Callable[[], float] | None:
    """What runs OpenSSL for two seconds and gives the CPU seconds of one signature; None where it cannot."""
    if not OPENSSL or algorithm not in _COMMANDS:
        return None
    command = [OPENSSL, "speed", "-mr", "-seconds", "1", _COMMANDS[algorithm][0]]

    def seconds() -> float:
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 - our own
        [result] = [line for line in told.splitlines() if line.startswith(_COMMANDS[algorithm][1])]
        return 1 / float(result.split(":")[3])

    return seconds
