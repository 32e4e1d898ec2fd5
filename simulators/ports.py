"""Ports for what a demo, a test or a benchmark starts: no two processes of a user are ever given the same one.

Whoever looks for a free port and listens a moment later races with everybody who looks in between. So ports are given
out in a row, by a counter in a file that all processes share; one comes round again after some twelve thousand others.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import socket
import tempfile
from pathlib import Path

FIRST, LAST = 20_000, 31_999  # below those that outgoing connections are given: a client could reach itself there
MAX_TRIES = 1_000


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on and nobody else is given. ``OSError`` when there is none."""
    return free_ports(1)


def free_ports(count: int) -> int:
    """The first of ``count`` neighbouring ones, free at all addresses."""
    with _counter().open("r+", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        port = int(file.read() or FIRST + secrets.randbelow(LAST - FIRST))
        for _ in range(MAX_TRIES):
            if not FIRST <= port <= LAST - count + 1:
                port = FIRST
            if all(is_free(port + place) for place in range(count)):
                file.seek(0)
                file.write(f"{port + count:5}")
                return port
            port += 1
    raise OSError(f"no free port between {FIRST} and {LAST}")


def is_free(port: int) -> bool:
    """Whether somebody could listen there, asked without connecting: vpcd takes a connection for a card."""
    with socket.socket() as probe, contextlib.suppress(OSError):
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("", port))
        return True
    return False


def _counter() -> Path:
    path = Path(tempfile.gettempdir()) / f"yikatong-ports-{os.getuid()}"
    path.touch(mode=0o600, exist_ok=True)
    return path
