"""Which addresses stay on this machine."""

from __future__ import annotations

import ipaddress
import re

# Strict, because URL parsers disagree about backslashes, user names and short forms of addresses.
_LOCAL_URL = re.compile(
    r"https?://(localhost|127\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}|\[::1\])(:[0-9]+)?(/[!-\[\]-~]*)?"
)


def is_this_machine(host: str) -> bool:
    """Whether data sent to the host stays on this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def is_local_url(url: str) -> bool:
    """Whether requests of the URL stay on this machine, however a client reads it."""
    return bool(_LOCAL_URL.fullmatch(url))
