"""Which addresses stay on this machine."""

from __future__ import annotations

import ipaddress
import os
import re
import sys
from pathlib import Path

# Strict, because URL parsers disagree about backslashes, user names and short forms of addresses.
_LOCAL_URL = re.compile(
    r"https?://(localhost|127\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}|\[::1\])(:[0-9]+)?(/[!-\[\]-~]*)?"
)
_CONNECTIONS = ("/proc/net/tcp", "/proc/net/tcp6")


def is_this_machine(host: str) -> bool:
    """Whether data sent to the host stays on this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def is_local_url(url: str) -> bool:
    """Whether requests of the URL stay on this machine, however a client reads it."""
    return bool(_LOCAL_URL.fullmatch(url))


def is_of_this_user(client: tuple[str, int], server: tuple[str, int]) -> bool:
    """Whether a process of this user made the connection from `client` to `server`, two IPv4 addresses with ports.

    True if the system does not say. https://docs.kernel.org/networking/proc_net_tcp.html
    """
    is_listed = False
    for table in _CONNECTIONS:
        for local, remote, user in _connections(Path(table)):
            if local == _listed(client) and remote == _listed(server):
                return user == str(os.getuid())
            is_listed = is_listed or local == _listed(server)
    return not is_listed


def _connections(table: Path) -> list[tuple[str, str, str]]:
    """Return both addresses and the user of each connection; of IPv6 addresses the end, which is that of IPv4."""
    try:
        lines = table.read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return []
    return [(local[-13:], remote[-13:], user) for _, local, remote, _, _, _, _, user, *_ in map(str.split, lines)]


def _listed(address: tuple[str, int]) -> str:
    """Return the address as the kernel lists it."""
    host = int.from_bytes(ipaddress.IPv4Address(address[0]).packed, sys.byteorder)
    return f"{host:08X}:{address[1]:04X}"
