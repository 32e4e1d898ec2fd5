"""The life of the process: start, say so to systemd, stop in order on SIGTERM."""

from __future__ import annotations

from typing import Any

import structlog
from twisted.internet.defer import ensureDeferred

from config.load import ConfigError
from daemon.app import Application, build
from daemon.collecting import Collecting
from daemon.life import cannot_start, let_go_of_output, notify, stop_on_signals
from daemon.settings import Settings
from middleware.domain.fault import Fault
from middleware.ops.logs import configure_logs

log = structlog.get_logger()


def serve(settings: Settings) -> int:
    """Run until told to stop, on the reactor that is installed (``paced``): 0 stopped in order, 1 could not start."""
    configure_logs(settings.log)
    from twisted.internet import reactor as installed

    reactor: Any = installed
    try:
        application = build(settings, reactor)
    except (Fault, ConfigError, ValueError) as exc:
        cannot_start(exc)
        return 1
    status = 0
    collecting = Collecting(reactor, lambda: not application.door.in_flight)

    async def start() -> None:
        nonlocal status
        try:
            await application.start()
        except Fault as exc:
            cannot_start(exc)
            status = 1
            reactor.stop()
            return
        collecting.start()
        notify("READY=1")

    reactor.callWhenRunning(lambda: ensureDeferred(start()))
    reactor.addSystemEventTrigger("before", "shutdown", collecting.stop)
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
