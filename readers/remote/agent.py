"""The agent: lends this computer's readers to the daemon, over one link that it keeps up by itself.

It connects, says hello, tells its readers whenever one changes, and does what the daemon asks of a card. When the link is
lost all cards are powered down, and it connects again after a pause that doubles and is never the same at two agents. It
knows no card, keeps nothing, and has no listener.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

import structlog
from twisted.internet import protocol
from twisted.internet.defer import Deferred

from middleware.domain.card import ReaderStatus
from middleware.domain.fault import Fault
from middleware.domain.health import PartHealth
from readers.apdu import Exchange
from readers.cards.social_security_read import CardContext
from readers.remote.beat import Beat
from readers.remote.frame import frame, of_daemon
from readers.remote.messages import (
    MAX_READERS,
    VERSIONS,
    Close,
    Closed,
    FromAgent,
    FromDaemon,
    Hello,
    Open,
    Ping,
    Pong,
    Readers,
    ReaderSeen,
    Refused,
    Run,
    Welcome,
)
from readers.remote.options import AgentOptions
from readers.remote.relay import Relay
from readers.sight import Sight

log = structlog.get_logger()

SPARE_S = 1.0  # the relay gives up first, so that it is told from a card that hangs


class LocalReaders(Protocol):
    """The readers that are lent: ``PcscReaders`` is one."""

    def start(self) -> None:
        """Begin."""

    async def stop(self) -> None:
        """End in bounded time."""

    def health(self) -> PartHealth:
        """Why there are none."""

    def statuses(self) -> tuple[ReaderStatus, ...]:
        """All that are known."""

    def sights(self) -> tuple[Sight, ...]:
        """All that are there."""

    async def use(
        self, reader: str, procedure: Callable[[Exchange, CardContext], Any], *, limit_s: float | None = None
    ) -> Any:
        """See ``PcscReaders.use``."""


class Agent:
    """``connect`` opens the TLS connection for a factory within a time limit (seconds) and returns Twisted's Deferred.

    ``chance`` gives 0.0-1.0 for the jitter. Tell ``changed`` of each change of the readers.
    """

    def __init__(
        self,
        options: AgentOptions,
        readers: LocalReaders,
        reactor: Any,
        connect: Callable[[Any, float], Deferred[Any]],
        chance: Callable[[], float],
        program: str,
        *,
        seconds: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.options = options
        self.readers = readers
        self.reactor = reactor
        self.program = program
        self.seconds = seconds
        self.wall = wall
        self._connect = connect
        self._chance = chance
        self._failures = 0
        self._timer: Any = None
        self._link: DaemonLink | None = None
        self._trying: Deferred[Any] | None = None
        self._stopping = False

    @property
    def connected(self) -> bool:
        """Whether the daemon has welcomed us."""
        return self._link is not None and bool(self._link.name)

    def start(self) -> None:
        """Begin to connect; the readers have been started by whoever made them."""
        self._try()

    async def stop(self) -> None:
        """End the link; every card is let go."""
        self._stopping = True
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        if self._trying is not None:
            self._trying.cancel()
        if self._link is not None:
            self._link.drop("we are stopping")

    def changed(self) -> None:
        """A reader may be in another state."""
        if self._link is not None:
            self._link.tell_soon()

    def seen(self) -> Readers:
        """All our readers, as the daemon is told."""
        health = self.readers.health()
        sights = {sight.reader: sight for sight in self.readers.sights()}
        known = [status for status in self.readers.statuses() if status.name in sights]
        if len(known) > MAX_READERS:
            log.warning("too_many_readers", readers=len(known), lent=MAX_READERS)
        told = tuple(_told(status, sights[status.name]) for status in known[:MAX_READERS])
        return Readers(told, "" if known else health.fault, "" if known else health.detail[:200])

    def over(self, link: DaemonLink, why: str, *, refused: bool) -> None:
        """The link is gone: again, after a pause."""
        if self._link is link:
            self._link = None
        if link.name:
            self._failures = 0
        log.warning("daemon_link_lost", why=why)
        self._again(refused=refused)

    def _try(self) -> None:
        self._timer = None
        factory = protocol.Factory.forProtocol(lambda: DaemonLink(self))
        factory.noisy = False
        self._trying = self._connect(factory, self.options.connect_timeout_s)
        self._trying.addCallbacks(self._made, self._failed)

    def _made(self, link: DaemonLink) -> None:
        self._trying = None
        self._link = link
        if self._stopping:
            link.drop("we are stopping")

    def _failed(self, failure: Any) -> None:
        self._trying = None
        log.warning("daemon_not_reached", host=self.options.host, port=self.options.port, error=failure.type.__name__)
        self._again(refused=False)

    def _again(self, *, refused: bool) -> None:
        if self._stopping or self._timer is not None:
            return
        options = self.options
        pause = (
            options.refused_retry_s if refused else min(options.retry_max_s, options.retry_s * 2 ** min(self._failures, 16))
        )
        self._failures += 1
        # Between half and all of it: 200 agents that lost one daemon do not come back in one moment.
        self._timer = self.reactor.callLater(pause * (0.5 + self._chance() / 2), self._try)


class DaemonLink(protocol.Protocol):
    """One connection to the daemon. ``name``: what it calls us, once it has welcomed us."""

    transport: Any

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._frames = of_daemon()
        self._relays: dict[int, Relay] = {}
        self._timer: Any = None
        self._told: Readers | None = None
        self._telling = False
        self._why = "closed by the daemon"
        self._refused = False
        self.name = ""
        self.beat = Beat(agent.reactor, agent.seconds, agent.wall, lambda number: self._say(Ping(number)), self.drop)

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        """Say hello, and expect a welcome."""
        self.transport.setTcpNoDelay(True)
        self._timer = self._agent.reactor.callLater(self._agent.options.connect_timeout_s, self.drop, "no welcome")
        self._say(Hello(VERSIONS, self._agent.program))

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Do what is asked; a daemon that breaks the protocol is let go of."""
        self.beat.heard()
        try:
            for message in self._frames.feed(data):
                self._on(message)
        except Fault as fault:
            self.drop(f"{fault.code}: {fault.detail}")

    def connectionLost(self, reason: Any = None) -> None:  # noqa: N802 - Twisted's name
        """Let go of every card."""
        if self._timer.active():
            self._timer.cancel()
        self.beat.stop()
        for relay in self._relays.values():
            relay.close()
        why = (
            self._why if reason is None or self._why != "closed by the daemon" else f"{self._why} ({reason.type.__name__})"
        )
        self._agent.over(self, why, refused=self._refused)

    def drop(self, why: str) -> None:
        """End the link now."""
        if self.connected:
            self._why = why
            self.transport.abortConnection()

    def tell_soon(self) -> None:
        """Tell the readers once, behind all that changes in this turn of the reactor."""
        if self.name and not self._telling:
            self._telling = True
            self._agent.reactor.callLater(0, self._tell)

    def _tell(self) -> None:
        self._telling = False
        seen = self._agent.seen()
        if self.connected and seen != self._told:
            self._told = seen
            self._say(seen)

    def _say(self, message: FromAgent) -> None:
        if self.connected:
            self.transport.write(frame(message))

    def _on(self, message: FromDaemon) -> None:
        match message:
            case Ping():
                self._say(Pong(message.number))
            case Pong():
                self.beat.pong(message.number)
            case Welcome():
                self._welcome(message)
            case Refused():
                self._refused = True
                self.drop(f"{message.code}: {message.detail}")
            case _ if not self.name:
                raise Fault("reader.link", "the daemon did not welcome us")
            case Open():
                self._open(message)
            case Run() if message.use in self._relays:
                self._relays[message.use].order(message.steps)
            case Close() if message.use in self._relays:
                self._relays[message.use].close()
            case _:
                pass  # of a use that is over: our Closed is on its way

    def _welcome(self, message: Welcome) -> None:
        if self._timer.active():
            self._timer.cancel()
        self.name = message.agent
        log.info("daemon_link_made", agent=message.agent, version=message.version)
        self.tell_soon()
        self.beat.start(message.beat_s)

    def _open(self, message: Open) -> None:
        if message.use in self._relays or len(self._relays) >= 2 * MAX_READERS:
            raise Fault("reader.link", "the daemon opens more than there is")
        relay = self._relays[message.use] = Relay(message.use, message.limit_s, self._agent.reactor, self._say)
        relay.order(message.steps)
        using = Deferred.fromCoroutine(self._agent.readers.use(message.reader, relay, limit_s=message.limit_s + SPARE_S))
        using.addCallbacks(self._ended, self._failed, callbackArgs=(message.use,), errbackArgs=(message.use,))

    def _ended(self, _: None, use: int) -> None:
        del self._relays[use]

    def _failed(self, failure: Any, use: int) -> None:
        self._relays.pop(use).close()  # its thread may wait for orders still
        if isinstance(failure.value, Fault):
            self._say(Closed(use, failure.value.code, failure.value.detail[:200]))
            return
        log.error("reader_use_failed_inside", error=failure.type.__name__)
        self._say(Closed(use, "system.internal", failure.type.__name__))


def _told(status: ReaderStatus, sight: Sight) -> ReaderSeen:
    # In use it is used by the daemon, which knows: two messages for each read would tell it nothing.
    state = status.state if status.state != "busy" else "card-present" if sight.present else "empty"
    return ReaderSeen(status.name, state, status.fault, sight.present, sight.events & 0xFFFFFFFF)
