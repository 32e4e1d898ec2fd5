"""The life of the process: start, say so to systemd, stop in order on SIGTERM."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from typing import Any

import structlog
from twisted.internet.defer import ensureDeferred

from config.load import ConfigError
from daemon.app import Application, build
from daemon.settings import Settings
from middleware.domain.fault import Fault
from middleware.ops.logs import configure_logs

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


def serve(settings: Settings) -> int:
    """Run until told to stop; the exit code: 0 stopped in order, 1 could not start."""
    configure_logs(settings.log)
    from twisted.internet import reactor as installed

    reactor: Any = installed
    # Twisted times its calls by the wall clock; a clock set back would stretch every deadline (invariant 22).
    reactor.seconds = time.monotonic
    try:
        application = build(settings, reactor)
    except (Fault, ConfigError, ValueError) as exc:
        _cannot_start(exc)
        return 1
    status = 0

    async def start() -> None:
        nonlocal status
        try:
            await application.start()
        except Fault as exc:
            _cannot_start(exc)
            status = 1
            reactor.stop()
            return
        notify("READY=1")

    reactor.callWhenRunning(lambda: ensureDeferred(start()))
    reactor.addSystemEventTrigger("before", "shutdown", lambda: ensureDeferred(_stop(application)))
    _stop_on_signals(reactor)
    reactor.run(installSignalHandlers=False)
    _let_go_of_output()
    return status


def _let_go_of_output() -> None:
    """What cannot be written to a log that nobody reads any more is let go: it must not become our exit status (120)."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


def _stop_on_signals(reactor: Any) -> None:
    """SIGTERM and SIGINT stop in order; a second one changes nothing, for a COMMIT is never cut short."""
    asked = False

    def stop(*_args: object) -> None:
        nonlocal asked
        if not asked:
            asked = True
            reactor.callFromThread(reactor.stop)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


async def _stop(application: Application) -> None:
    notify("STOPPING=1")
    try:
        await application.stop()
    except Exception:
        log.exception("daemon.stop_failed")


def _cannot_start(exc: Exception) -> None:
    if isinstance(exc, Fault):
        lines = (f"不能启动：{exc.spec.zh}。{exc.spec.do_zh}。", f"cannot start: {exc} - {exc.spec.do_en}")
    else:
        lines = ("不能启动：配置有误。", f"cannot start: {exc}")
    for line in lines:
        print(line, file=sys.stderr)
