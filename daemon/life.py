"""What every long-running command does with its process: signals, systemd, an output that nobody reads any more.

Nothing here needs a Unix: the reader agent runs on Windows too.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from typing import Any

import structlog

from middleware.domain.fault import Fault

log = structlog.get_logger()


def notify(state: str) -> None:
    """Tell systemd (sd_notify), when it started us."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        try:
            channel.sendto(state.encode(), address)
        except OSError:
            log.warning("systemd.not_told", state=state)


def let_go_of_output() -> None:
    """What cannot be written to a log that nobody reads any more is let go: it must not become our exit status (120)."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


def stop_on_signals(reactor: Any) -> None:
    """SIGTERM, SIGINT and Windows' SIGBREAK stop in order; a second changes nothing, for a COMMIT is never cut short."""
    asked = False

    def stop(*_args: object) -> None:
        nonlocal asked
        if not asked:
            asked = True
            reactor.callFromThread(reactor.stop)

    for name in ("SIGTERM", "SIGINT", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number is not None:
            signal.signal(number, stop)


def cannot_start(exc: Exception) -> None:
    """Say why on standard error, in two languages."""
    if isinstance(exc, Fault):
        lines = (f"不能启动：{exc.spec.zh}。{exc.spec.do_zh}。", f"cannot start: {exc} - {exc.spec.do_en}")
    else:
        lines = ("不能启动：配置有误。", f"cannot start: {exc}")
    for line in lines:
        print(line, file=sys.stderr)
