"""The HL7 door as a part of the daemon: it opens its links, it stops in bounded time, it says how it is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import structlog
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError

from middleware.domain.fault import Fault
from middleware.domain.health import Condition, PartHealth
from middleware.doors.mllp.link import AnswerTaker, Hl7Link, Keeper, Listener
from middleware.doors.mllp.options import MllpOptions

log = structlog.get_logger()

_POLL_S = 0.02


class MllpDoor:
    """All HL7 links. ``reactor`` is Twisted's."""

    def __init__(
        self,
        links: Mapping[str, MllpOptions],
        inbox: Keeper,
        reactor: Any,
        now: Callable[[], dt.datetime],
        listener: Listener | None = None,
        answers: AnswerTaker | None = None,
    ) -> None:
        self._reactor = reactor
        self.links = {
            name: Hl7Link(name, options, inbox, reactor, now, listener, answers) for name, options in links.items()
        }
        self._listening: list[Any] = []

    def start(self) -> None:
        """Listen; ``system.config`` when that cannot be done."""
        for name, link in self.links.items():
            options = link.options
            try:
                if (context := options.context()) is not None:
                    port = self._reactor.listenSSL(options.port, link, context, interface=options.host)
                else:
                    port = self._reactor.listenTCP(options.port, link, interface=options.host)
            except (CannotListenError, OSError, ValueError) as exc:
                raise Fault("system.config", f"mllp.{name} cannot listen: {exc}") from exc
            self._listening.append(port)
            log.info("hl7.listening", link=name, host=options.host, port=options.port, tls=options.certificate is not None)

    async def stop(self) -> None:
        """Take nothing more, answer what is being written, then close. What has no answer yet, its sender sends again."""
        for port in self._listening:
            ending = port.stopListening()
            if isinstance(ending, Deferred):
                await ending
        self._listening.clear()
        for link in self.links.values():
            for connection in tuple(link.connections):
                connection.deafen()
        grace_s = max((link.options.stop_grace_s for link in self.links.values()), default=0.0)
        await self._until(lambda: not any(link.waiting for link in self.links.values()), grace_s)
        for link in self.links.values():
            for connection in tuple(link.connections):
                connection.stop()
        await self._until(lambda: not any(link.connections for link in self.links.values()), 1.0)
        for link in self.links.values():
            for connection in tuple(link.connections):
                connection.cut()

    def health(self) -> PartHealth:
        """Down when a link does not listen, degraded while one refuses more than is kept, or has no room."""
        if len(self._listening) < len(self.links):
            return PartHealth("mllp", Condition.DOWN, "system.stopping", "not listening")
        detail = ", ".join(f"{link.name} {len(link.connections)} connected" for link in self.links.values())
        if crowded := [link.name for link in self.links.values() if link.crowded]:
            return PartHealth("mllp", Condition.DEGRADED, "hl7.crowded", ", ".join(crowded))
        if full := [link.name for link in self.links.values() if len(link.connections) >= link.options.connections]:
            return PartHealth("mllp", Condition.DEGRADED, "system.busy", ", ".join(full))
        return PartHealth("mllp", Condition.GOOD, detail=detail or "no link configured")

    def figures(self) -> Iterator[tuple[str, str, int]]:
        """Link, result and how often since the start."""
        for link in self.links.values():
            for result, count in link.counts.items():
                yield link.name, result, count

    async def _until(self, done: Callable[[], bool], seconds: float) -> None:
        until = self._reactor.seconds() + seconds
        while not done() and self._reactor.seconds() < until:
            woken: Deferred[None] = Deferred()
            self._reactor.callLater(_POLL_S, woken.callback, None)
            await woken
