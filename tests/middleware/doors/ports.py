"""A TCP port that nobody uses, below the ephemeral range."""

from __future__ import annotations

import random
import socket


def free_port() -> int:
    for port in random.sample(range(20000, 32000), 50):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise AssertionError("no free port between 20000 and 31999")
