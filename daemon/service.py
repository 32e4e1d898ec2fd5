"""The life of the process: start, say so to systemd, stop in order on SIGTERM."""

from __future__ import annotations

import time
from typing import Any

import structlog
from twisted.internet.defer import ensureDeferred

from config.load import ConfigError
from daemon.app import Application, build
from daemon.life import cannot_start, let_go_of_output, notify, stop_on_signals
from daemon.settings import Settings
from middleware.domain.fault import Fault
from middleware.ops.logs import configure_logs

log = structlog.get_logger()


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
        cannot_start(exc)
        return 1
    status = 0

    async def start() -> None:
        nonlocal status
        try:
            await application.start()
        except Fault as exc:
            cannot_start(exc)
            status = 1
            reactor.stop()
            return
        notify("READY=1")

    reactor.callWhenRunning(lambda: ensureDeferred(start()))
    reactor.addSystemEventTrigger("before", "shutdown", lambda: ensureDeferred(_stop(application)))
    stop_on_signals(reactor)
    reactor.run(installSignalHandlers=False)
    let_go_of_output()
    return status


async def _stop(application: Application) -> None:
    notify("STOPPING=1")
    try:
        await application.stop()
    except Exception:
        log.exception("daemon.stop_failed")
