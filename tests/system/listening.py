"""What a process listens on, as the kernel shows it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import psutil

ACCEPTS_CONNECTIONS = 0x10000
"""`__SO_ACCEPTCON` in the flags of /proc/net/unix."""


def listening_sockets(process: psutil.Process) -> list[str]:
    """Everything at which somebody else could knock: TCP, UDP and Unix sockets."""
    open_to_others = [
        f"{each.type.name} {each.laddr}"
        for each in process.net_connections(kind="inet")
        if each.status == psutil.CONN_LISTEN or (each.status == psutil.CONN_NONE and not each.raddr)
    ]
    return open_to_others + _listening_unix_sockets(process.pid)


def _listening_unix_sockets(pid: int) -> list[str]:
    own = _socket_inodes(pid)
    found = []
    for line in Path(f"/proc/{pid}/net/unix").read_text().splitlines()[1:]:
        _, _, _, flags, _, _, inode, *name = line.split()
        if inode in own and int(flags, 16) & ACCEPTS_CONNECTIONS:
            found.append(f"unix {name}")
    return found


def _socket_inodes(pid: int) -> set[str]:
    targets = []
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            targets.append(os.readlink(descriptor))
    return {each[8:-1] for each in targets if each.startswith("socket:[")}
