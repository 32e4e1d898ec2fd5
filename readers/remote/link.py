"""All readers at agents, as the engine sees them: ``middleware.ports.Readers``. A reader's name is ``agent/its own``.

The promise: a read is whole or a fault; an agent that is lost in the middle is ``reader.link``, and its readers are not
there until it is back. One agent's trouble is its own: each has its connection, each use its thread. An agent is known by
its certificate alone, and the newest connection of it counts: the one before was cut off without our hearing of it, or is
another machine with the same certificate, which is said.
"""

from __future__ import annotations

import datetime as dt
import itertools
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import structlog
from attrs import define, field
from twisted.internet import protocol
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError

from middleware.domain.card import READER_STATES, CardEvent, CardRead, ReaderStatus
from middleware.domain.fault import FAULTS, Fault
from middleware.domain.health import Condition, PartHealth
from readers.apdu import Exchange
from readers.cards.social_security_read import CardContext, CardProcedure, Reading
from readers.remote.guess import Guesses
from readers.remote.messages import Closed, Opened, Ran, ReaderSeen
from readers.remote.messages import Readers as ReadersSeen
from readers.remote.options import RemoteReaderOptions, good_name, plain_fingerprint
from readers.remote.peer import AgentPeer, Certificate
from readers.remote.use import WRONG_GUESS, RemoteUse, fault_of
from readers.sight import Sight, changes
from readers.turns import Turns

if TYPE_CHECKING:
    from middleware.ports import Readers

log = structlog.get_logger()
T = TypeVar("T")

PART = "readers_remote"
MAX_REMEMBERED = 32  # readers of one agent that were seen once
STOP_S = 3.0
ENDING = dt.timedelta(days=30)  # a certificate that ends so soon is said
TOLD = 5  # agents named in one line of health
REPLACED_S = 60.0  # an agent that takes another's place so soon is probably another machine with the same certificate


@define(slots=True, eq=False)
class _Slot:
    """One reader at an agent."""

    name: str  # as callers use it
    turns: Turns
    seen: ReaderSeen | None = None  # None: the agent says that it is not there, or nothing at all


@define(slots=True, eq=False)
class _Agent:
    """What is known of one agent; ``peer`` is None while it is away."""

    name: str
    peer: AgentPeer | None = None
    since: float = 0.0  # when it came or went, monotonic
    fault: str = ""  # why it sees no readers at all
    ends: dt.datetime | None = None  # its certificate
    slots: dict[str, _Slot] = field(factory=dict)


class RemoteReaders:
    """See the module. ``reactor``: listenSSL, callLater, callFromThread; ``procedure`` says how a card is read."""

    def __init__(
        self,
        options: RemoteReaderOptions,
        reactor: Any,
        today: Callable[[], dt.date],
        now: Callable[[], dt.datetime],
        procedure: CardProcedure,
        *,
        seconds: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._options = options
        self._reactor = reactor
        self._today = today
        self._now = now
        self._procedure = procedure
        self._seconds = seconds
        self._wall = wall
        self._by_fingerprint = {plain_fingerprint(mark): name for name, mark in options.agents.items() if mark}
        self._agents = {name: _Agent(name, since=seconds()) for name in options.agents}
        self._observers: dict[object, Callable[[CardEvent], None]] = {}
        self._uses: dict[int, tuple[AgentPeer, RemoteUse, Deferred[Any]]] = {}
        self._running: set[RemoteUse] = set()  # whose threads have not ended
        self._all_ended: Deferred[None] | None = None
        self._numbers = itertools.count(1)
        self._guesses = Guesses()
        self._peers: set[AgentPeer] = set()
        self._listening: Any = None
        self._stopping = False
        self.port = 0  # the real one, once started
        self.links_lost = 0

    # -- Part

    def start(self) -> None:
        """Listen, where a port is given; ``system.config`` when that cannot be done."""
        options = self._options
        if not options.port:
            return
        factory = protocol.Factory.forProtocol(self._peer)
        factory.noisy = False
        try:
            context = options.context()
            self._listening = self._reactor.listenSSL(options.port, factory, context, backlog=256, interface=options.host)
        except (CannotListenError, OSError, ValueError) as exc:
            raise Fault("system.config", f"remote_readers cannot listen: {exc}") from exc
        self.port = self._listening.getHost().port
        log.info("reader_agents_awaited", host=options.host, port=self.port)

    async def stop(self) -> None:
        """End all uses with ``system.stopping``, and all links; a thread that computes is left behind after the bound."""
        self._stopping = True
        if self._listening is not None:
            await self._listening.stopListening()
            self._listening = None
        for agent in self._agents.values():
            for slot in agent.slots.values():
                slot.turns.end(Fault("system.stopping"))
        for _, use, _ in tuple(self._uses.values()):
            self._give_up(use, Fault("system.stopping"))
        for peer in tuple(self._peers):
            peer.drop("we are stopping")
        if self._running:
            self._all_ended = Deferred()
            bound = self._reactor.callLater(STOP_S, self._all_ended.callback, None)
            await self._all_ended
            if bound.active():
                bound.cancel()
        self._observers.clear()

    def health(self) -> PartHealth:
        """Good while all agents that are named in the configuration are here and see their readers."""
        if not self._options.port:
            return PartHealth(PART, Condition.GOOD, detail="switched off")
        if self._listening is None:
            return PartHealth(PART, Condition.DOWN, "system.config", "not listening")
        away = sorted(name for name, agent in self._agents.items() if agent.peer is None)
        if away:
            longest = max(self._seconds() - self._agents[name].since for name in away)
            more = f" and {len(away) - TOLD} more" if len(away) > TOLD else ""
            detail = f"{', '.join(away[:TOLD])}{more}; longest for {longest:.0f} s"
            return PartHealth(PART, Condition.DEGRADED, "reader.agent_away", detail)
        for name, agent in sorted(self._agents.items()):
            if agent.fault:
                return PartHealth(PART, Condition.DEGRADED, agent.fault, name)
        ending = sorted(name for name, agent in self._agents.items() if agent.ends and agent.ends - self._now() < ENDING)
        if ending:
            return PartHealth(PART, Condition.DEGRADED, "reader.agent_certificate", ", ".join(ending[:TOLD]))
        count = sum(slot.seen is not None for agent in self._agents.values() for slot in agent.slots.values())
        return PartHealth(PART, Condition.GOOD, detail=f"{len(self._agents)} agents, {count} readers")

    @property
    def agents(self) -> tuple[int, int]:
        """How many agents are connected, and how many are away."""
        here = sum(agent.peer is not None for agent in self._agents.values())
        return here, len(self._agents) - here

    @property
    def slowest_s(self) -> float:
        """The longest of the connected agents' last round trips; 0 when there is none."""
        trips = [agent.peer.beat.round_trip_s for agent in self._agents.values() if agent.peer is not None]
        return max(0.0, *trips) if trips else 0.0

    # -- Readers

    def statuses(self) -> tuple[ReaderStatus, ...]:
        """What is known of each reader, by name."""
        found = [self._status(agent, slot) for agent in self._agents.values() for slot in agent.slots.values()]
        return tuple(sorted(found, key=lambda status: status.name))

    def watch(self, observer: Callable[[CardEvent], None]) -> Callable[[], None]:
        """Call ``observer`` in the reactor thread at each insertion and removal; returns what ends the watch."""
        token = object()
        self._observers[token] = observer

        def end() -> None:
            self._observers.pop(token, None)

        return end

    async def read_card(self, reader: str) -> CardRead:
        """Read the card in that reader, whole and checked, or raise ``Fault``."""
        reading: Reading = await self._use(reader, self._procedure, self._options.read_timeout_s, self._guesses)
        if reading.warnings:
            log.warning("card_odd", reader=reader, warnings=list(reading.warnings))
        return reading.card

    async def use(self, reader: str, procedure: Callable[[Exchange, CardContext], T], *, limit_s: float | None = None) -> T:
        """As ``PcscReaders.use``: each command is one round trip, none is guessed and none is ever sent again."""
        outcome: T = await self._use(reader, procedure, limit_s or self._options.read_timeout_s, None)
        return outcome

    async def _use(
        self, reader: str, procedure: Callable[[Exchange, CardContext], Any], limit_s: float, guesses: Guesses | None
    ) -> Any:
        _, slot, _ = self._readable(reader)
        await slot.turns.take()
        try:
            outcome = await self._once(reader, procedure, limit_s, guesses, guess=guesses is not None)
            if outcome is WRONG_GUESS:
                outcome = await self._once(reader, procedure, limit_s, guesses, guess=False)
        finally:
            slot.turns.give()
        return outcome

    def _once(
        self,
        reader: str,
        procedure: Callable[[Exchange, CardContext], Any],
        limit_s: float,
        learns: Guesses | None,
        *,
        guess: bool,
    ) -> Deferred[Any]:
        peer, _, own_name = self._readable(reader)
        number = next(self._numbers) & 0xFFFFFFFF
        use = RemoteUse(
            number, reader, own_name, self._reactor, self._seconds, peer.send, self._ended, learns, guesses=guess
        )
        ended: Deferred[Any] = Deferred(lambda _: use.fail(Fault("reader.link", "nobody waits any more")))
        self._uses[number] = (peer, use, ended)
        self._running.add(use)
        use.start(procedure, self._today(), limit_s)
        return ended

    def _ended(self, use: RemoteUse, outcome: Any) -> None:
        """Its thread has come to an end."""
        self._running.discard(use)
        self._finish(use, outcome)
        if not self._running and self._all_ended is not None and not self._all_ended.called:
            self._all_ended.callback(None)

    def _finish(self, use: RemoteUse, outcome: Any) -> None:
        """Tell who waits, once; what its thread still comes to is nobody's."""
        entry = self._uses.pop(use.number, None)
        if entry is None or (ended := entry[2]).called:
            return
        if isinstance(outcome, Fault):
            ended.errback(outcome)
        else:
            ended.callback(outcome)

    def _readable(self, reader: str) -> tuple[AgentPeer, _Slot, str]:
        """The connection, slot and own name of a reader that may be asked now, or the fault that says why not."""
        if self._stopping:
            raise Fault("system.stopping")
        name, _, own_name = reader.partition("/")
        agent = self._agents.get(name)
        if agent is None:
            raise Fault("reader.unknown")
        if agent.peer is None:
            raise Fault("reader.agent_away", name)
        slot = agent.slots.get(own_name)
        if slot is None:
            raise Fault(agent.fault or "reader.unknown", name)
        if slot.seen is None:
            raise Fault(agent.fault or "reader.gone", name)
        return agent.peer, slot, own_name

    # -- what connections tell

    def _peer(self) -> AgentPeer:
        peer = AgentPeer(self, self._options, self._reactor, self._seconds, self._wall)
        self._peers.add(peer)
        if len(self._peers) > self._options.max_agents:
            self._reactor.callLater(0, peer.drop, "too many agents")
        return peer

    def joins(self, peer: AgentPeer, certificate: Certificate) -> str:
        """See ``Host``."""
        agent = self._agents.get(self._name_of(certificate))
        if agent is None:
            agent = self._agents.setdefault(certificate.name, _Agent(certificate.name))
        if agent.peer is not None:
            self._replace(agent, agent.peer)
        agent.peer, agent.since, agent.ends = peer, self._seconds(), certificate.ends
        return agent.name

    def _name_of(self, certificate: Certificate) -> str:
        if certificate.fingerprint in self._by_fingerprint:
            return self._by_fingerprint[certificate.fingerprint]
        listed = self._options.agents
        if not good_name(certificate.name):
            raise Fault("reader.agent_refused", "its certificate has no usable common name")
        if (listed and certificate.name not in listed) or listed.get(certificate.name):
            # Named with another fingerprint, or not named: this certificate is not the one that was meant.
            raise Fault(
                "reader.agent_refused", f"certificate {certificate.fingerprint} is not of an agent in [remote_readers]"
            )
        return certificate.name

    def _replace(self, agent: _Agent, before: AgentPeer) -> None:
        soon = self._seconds() - agent.since < REPLACED_S
        log.warning("reader_agent_replaced", agent=agent.name, soon=soon)
        before.refuse(Fault("reader.agent_refused", "another connection with this certificate has come"))
        self._lose(agent)

    def says(self, peer: AgentPeer, message: ReadersSeen | Opened | Ran | Closed) -> None:
        """See ``Host``."""
        agent = self._agents[peer.agent]
        if agent.peer is not peer:
            return  # replaced; what it still says is of no use
        if isinstance(message, ReadersSeen):
            self._see(agent, message)
            return
        entry = self._uses.get(message.use)
        if entry is None or entry[0] is not peer:
            return  # one that we have given up
        entry[1].told(message)
        if isinstance(message, Closed):
            self._finish(entry[1], fault_of(message.code, message.detail))

    def leaves(self, peer: AgentPeer, why: str) -> None:
        """See ``Host``."""
        self._peers.discard(peer)
        agent = self._agents.get(peer.agent) if peer.agent else None
        if agent is not None and agent.peer is peer:
            agent.peer, agent.since = None, self._seconds()
            self.links_lost += 1
            log.warning("reader_agent_left", agent=agent.name, why=why)
            self._lose(agent)
            if agent.name not in self._options.agents and len(self._agents) > self._options.max_agents:
                del self._agents[agent.name]
        # Only now, for whoever hears it may ask again at once, and must not meet the dead link.
        for owner, use, _ in tuple(self._uses.values()):
            if owner is peer:
                self._give_up(use, Fault("reader.link", why))

    def _give_up(self, use: RemoteUse, fault: Fault) -> None:
        """Whoever waits hears it now, even when the procedure is busy with something else than the card."""
        use.fail(fault)
        self._finish(use, fault)

    def _see(self, agent: _Agent, message: ReadersSeen) -> None:
        agent.fault = message.fault if message.fault in FAULTS else "reader.service_down" if message.fault else ""
        seen = {reader.name: reader for reader in message.readers}
        for name in seen:
            if name not in agent.slots:
                agent.slots[name] = _Slot(f"{agent.name}/{name}", Turns(self._reactor, self._options.busy_wait_s))
        for name, slot in list(agent.slots.items()):
            self._look(slot, seen.get(name))
        self._forget(agent, seen)

    def _look(self, slot: _Slot, seen: ReaderSeen | None) -> None:
        before, slot.seen = slot.seen, seen
        for kind in changes(_sight(before), _sight(seen)):
            event = CardEvent(kind, slot.name, self._now())
            for observer in list(self._observers.values()):
                try:
                    observer(event)
                except Exception as exc:  # noqa: BLE001 - one observer's mistake silences no other
                    log.error("card_observer_failed", reader=slot.name, kind=kind, error=type(exc).__name__)  # noqa: TRY400 - the text could carry data

    def _lose(self, agent: _Agent) -> None:
        """Nothing is known of its readers any more: cards in them count as removed."""
        agent.fault = ""
        for slot in agent.slots.values():
            self._look(slot, None)

    def _forget(self, agent: _Agent, seen: dict[str, ReaderSeen]) -> None:
        absent = [name for name, slot in agent.slots.items() if name not in seen and not slot.turns.taken]
        for name in absent[: max(0, len(agent.slots) - MAX_REMEMBERED)]:
            del agent.slots[name]

    def _status(self, agent: _Agent, slot: _Slot) -> ReaderStatus:
        if agent.peer is None:
            return ReaderStatus(slot.name, "failed", "reader.agent_away")
        if slot.seen is None:
            return ReaderStatus(slot.name, "failed", agent.fault) if agent.fault else ReaderStatus(slot.name, "absent")
        if slot.turns.taken:
            return ReaderStatus(slot.name, "busy")
        state = slot.seen.state if slot.seen.state in READER_STATES else "failed"
        return ReaderStatus(slot.name, state, slot.seen.fault if slot.seen.fault in FAULTS else "")


def _sight(seen: ReaderSeen | None) -> Sight | None:
    return None if seen is None else Sight(seen.name, seen.present, seen.state == "mute", seen.events)


if TYPE_CHECKING:
    _KEEPS_THE_PORT: type[Readers] = RemoteReaders
