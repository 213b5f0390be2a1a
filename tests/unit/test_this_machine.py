"""Who made a connection on this machine, in the tables of the kernel."""

import os
import socket
import sys
from pathlib import Path

import pytest

from private_files import this_machine

SERVER = ("127.0.0.1", 0xA001)
V6 = "0000000000000000FFFF0000"
TABLE = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:A001 00000000:0000 0A 00000000:00000000 00:00000000 00000000     5        0 1 1 0000 100 0 0 10 0
   1: 0100007F:B001 0100007F:A001 01 00000000:00000000 02:000001B9 00000000     5        0 2 2 0000 20 4 0 10 -1
   2: 0100007F:A001 0100007F:B001 01 00000000:00000000 02:000001B9 00000000     5        0 2 2 0000 20 4 0 10 -1
   3: 0200007F:B001 0100007F:A001 01 00000000:00000000 02:000001B9 00000000     6        0 2 2 0000 20 4 0 10 -1
   4: 0100007F:B002 0100007F:A001 01 00000000:00000000 02:000001B9 00000000     6        0 2 2 0000 20 4 0 10 -1
   5: 0100007F:B003 0100007F:A002 01 00000000:00000000 02:000001B9 00000000     5        0 2 2 0000 20 4 0 10 -1
"""


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    found = [tmp_path / "tcp", tmp_path / "tcp6"]
    monkeypatch.setattr(this_machine, "_CONNECTIONS", tuple(map(str, found)))
    monkeypatch.setattr(os, "getuid", lambda: 5)
    monkeypatch.setattr(sys, "byteorder", "little")
    return found


@pytest.mark.parametrize(
    ("client", "expected"),
    [
        (("127.0.0.1", 0xB001), True),
        (("127.0.0.2", 0xB001), False),
        (("127.0.0.1", 0xB002), False),
        (("127.0.0.1", 0xB003), False),
        (("127.0.0.1", 0xB004), False),
    ],
)
def test_connection_is_that_of_the_user_in_the_table(
    tables: list[Path], client: tuple[str, int], expected: bool
) -> None:
    tables[0].write_text(TABLE)
    assert this_machine.is_of_this_user(client, SERVER) is expected


@pytest.mark.parametrize(("user", "expected"), [(5, True), (6, False)])
def test_connection_from_a_socket_of_ipv6_is_found(tables: list[Path], user: int, expected: bool) -> None:
    tables[0].write_text(TABLE)
    tables[1].write_text(f"sl\n 0: {V6}0100007F:B004 {V6}0100007F:A001 01 0:0 0:0 0 {user} 0 1\n")
    assert this_machine.is_of_this_user(("127.0.0.1", 0xB004), SERVER) is expected


def test_system_that_does_not_list_connections_refuses_nobody(tables: list[Path]) -> None:
    assert this_machine.is_of_this_user(("127.0.0.1", 0xB002), SERVER)
    tables[0].write_text(TABLE.replace(":A001", ":A003"))
    assert this_machine.is_of_this_user(("127.0.0.1", 0xB002), SERVER)


def test_own_connection_is_of_this_user() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        accepted, _ = server.accept()
        with accepted:
            assert this_machine.is_of_this_user(accepted.getpeername(), accepted.getsockname())
