"""The reader agent's process: its configuration and its life. The same on Linux and Windows: no fork, no Unix socket.

Nothing of the daemon's business is imported here: a cashier's computer needs Python, pyscard, and none of a database.
"""

from __future__ import annotations

import datetime as dt
import random
import sys
import time
from collections.abc import Mapping
from pathlib import Path, PureWindowsPath
from typing import Any

import structlog
from attrs import Factory, frozen
from twisted.internet.defer import ensureDeferred

from config.load import load
from config.section import setting
from daemon import VERSION
from daemon.life import cannot_start, let_go_of_output, notify, stop_on_signals
from middleware.ops.logs import LogOptions, configure_logs
from readers.pcsc.link import PcscReaders
from readers.pcsc.options import PcscOptions
from readers.remote.agent import Agent
from readers.remote.connecting import connector, context_of
from readers.remote.options import AgentOptions

log = structlog.get_logger()

TURN_S = 1.0


@frozen(slots=True)
class AgentSettings:
    """The agent's one file."""

    daemon: AgentOptions = setting(help="where the daemon is, and who this agent is")  # noqa: RUF009 - an attrs field
    pcsc: PcscOptions = setting(Factory(PcscOptions), help="this computer's readers")  # noqa: RUF009 - an attrs field
    log: LogOptions = setting(Factory(LogOptions), help="the log")  # noqa: RUF009 - an attrs field


def default_config(platform: str, environment: Mapping[str, str]) -> Path:
    """Where the agent's configuration is when nobody says so; on Windows for all users, as a service sees it."""
    if platform == "win32":
        return Path(
            str(PureWindowsPath(environment.get("PROGRAMDATA", r"C:\ProgramData")) / "Yikatong" / "reader-agent.toml")
        )
    return Path("/etc/yikatong/reader-agent.toml")


def settings_of(path: Path) -> AgentSettings:
    """Read it. Raises ``ConfigError`` with every problem."""
    return load(AgentSettings, path)


def agent_of(settings: AgentSettings, reactor: Any) -> tuple[Agent, PcscReaders]:
    """Build both; starts nothing. Raises ``ValueError`` when the TLS files cannot be used."""
    context_of(settings.daemon)

    def now() -> dt.datetime:
        return dt.datetime.now(dt.UTC).astimezone()

    def changed() -> None:
        agent.changed()  # made below: it needs the readers

    readers = PcscReaders(settings.pcsc, reactor, lambda: now().date(), now, changed=changed)
    agent = Agent(
        settings.daemon,
        readers,
        reactor,
        connector(settings.daemon, reactor),
        random.SystemRandom().random,
        f"yikatong {VERSION} {sys.platform}",
    )
    return agent, readers


def run(settings: AgentSettings) -> int:
    """Run until told to stop; the exit code: 0 stopped in order, 1 could not start."""
    configure_logs(settings.log)
    from twisted.internet import reactor as installed

    reactor: Any = installed
    reactor.seconds = time.monotonic  # Twisted times its calls by the wall clock, which people set
    try:
        agent, readers = agent_of(settings, reactor)
    except ValueError as exc:
        cannot_start(exc)
        return 1

    def turn() -> None:
        """Windows wakes no waiting reactor for Ctrl-C or a stop: it notices at its next turn."""
        reactor.callLater(TURN_S, turn)

    def start() -> None:
        turn()
        readers.start()
        agent.start()
        notify("READY=1")
        log.info("reader_agent_ready", version=VERSION, daemon=f"{settings.daemon.host}:{settings.daemon.port}")

    async def stop() -> None:
        notify("STOPPING=1")
        await agent.stop()
        await readers.stop()

    reactor.callWhenRunning(start)
    reactor.addSystemEventTrigger("before", "shutdown", lambda: ensureDeferred(stop()))
    stop_on_signals(reactor)
    reactor.run(installSignalHandlers=False)
    let_go_of_output()
    return 0
