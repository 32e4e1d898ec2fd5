"""This node among those that share the database: its lease, what it holds by it, and what happens when it ran out.

A lease is data with a due time and an epoch, never an open transaction. It ends by the database's clock; this node stops
sending earlier, by its own clock that a pause does not stop, so that whoever takes over need not ask (invariant 18).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from functools import partial
from typing import Any

import structlog
from attrs import define, frozen
from twisted.internet.defer import Deferred

from middleware.domain.fault import Fault
from middleware.domain.health import Condition, PartHealth
from middleware.domain.message_id import MessageIds
from middleware.engine.journal import Journal
from middleware.engine.tasks import fire, spawn
from middleware.ports import Clock
from middleware.store.nodes import Peer
from middleware.store.writer import Writer

log = structlog.get_logger()

OUTBOX, RECONCILIATION, AUDIT, INTAKE, CATALOGUE = "outbox", "reconcile", "audit", "intake", "catalogue"
LEAVE_S = 5.0
AGAIN_S = 1.0  # after a renewal that the database did not take
TURNS = 3  # renewals a lease


@frozen(slots=True)
class LeaseTerms:
    """How long a lease is, and how long before its end this node stops sending; seconds."""

    shared: bool = False  # others may have the database at the same time; else there is no lease to lose
    lease_s: float = 15.0
    margin_s: float = 3.0


async def _nothing(_again: bool) -> bool:
    return True


@define
class Members:
    """``lives`` before every byte, ``holds`` before what one node at a time does.

    ``seconds`` goes on while this process, or the machine, stands still. ``forget`` is called when this life ended, before
    the next one; ``take_over(again)`` (``recovery.recover``) claims what the dead left, ``again`` when an earlier claim may
    have been written.
    """

    journal: Journal
    clock: Clock
    seconds: Callable[[], float]
    terms: LeaseTerms
    ids: MessageIds
    tasks: Collection[str] = (OUTBOX, RECONCILIATION, AUDIT, INTAKE, CATALOGUE)
    forget: Callable[[], None] = lambda: None
    take_over: Callable[[bool], Awaitable[bool]] = _nothing
    peers: tuple[Peer, ...] = ()
    rejoined: int = 0
    _until: float = 0.0
    _held: frozenset[str] = frozenset()
    _taking: bool = False
    _doubt: bool = False
    _trouble: str = ""
    _timer: Any = None
    _stopped: bool = False

    def lives(self) -> bool:
        """Whether this life's lease was renewed recently enough for something to be sent now."""
        return not self.terms.shared or self.seconds() < self._until

    def holds(self, task: str) -> bool:
        """Whether this node is the one that does it now."""
        return not self.terms.shared or (task in self._held and self.lives())

    @property
    def living(self) -> int:
        """How many nodes live, as far as this one has seen."""
        return sum(not peer.ended and peer.left_s >= 0 for peer in self.peers) if self.terms.shared else 1

    async def begin(self) -> None:
        """The first renewal, then what the dead left, before any door opens; from now on it renews. Raises ``Fault``."""
        self._taking = True
        try:
            if self.terms.shared:
                await self._renew()
                self._later(self.terms.lease_s / TURNS)
            await self.take_over(False)
        finally:
            self._taking = False

    async def stop(self) -> None:
        """Leave: others need not wait. Nothing can be written by this life afterwards.

        A database that does not answer is not waited for: then the lease ends by itself.
        """
        self._stopped = True
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        if self.terms.shared:
            self._until = 0.0
            left: Deferred[None] = Deferred()
            limit = self.clock.callLater(LEAVE_S, fire, left)
            self.journal.run(lambda writer: writer.leave()).addBoth(lambda _: fire(left))
            await left
            if limit.active():
                limit.cancel()

    def health(self) -> PartHealth:
        """DOWN while this node has no lease, DEGRADED while another one's ran out and its work is not taken over yet."""
        if not self.terms.shared:
            return PartHealth("nodes", Condition.GOOD, "", f"alone, epoch {self.journal.epoch}")
        detail = f"epoch {self.journal.epoch}, living {self.living}, rejoined {self.rejoined}"
        if not self.lives():
            return PartHealth("nodes", Condition.DOWN, "system.node", f"{detail} {self._trouble}".rstrip())
        if lost := [peer.name for peer in self.peers if peer.ended == "lost" or (not peer.ended and peer.left_s < 0)]:
            return PartHealth("nodes", Condition.DEGRADED, "system.node", f"{detail}, lost {' '.join(lost)}")
        return PartHealth("nodes", Condition.GOOD, "", detail)

    def _later(self, delay_s: float) -> None:
        if not self._stopped:
            self._timer = self.clock.callLater(delay_s, lambda: spawn(self._turn(), "lease"))

    async def _turn(self) -> None:
        delay_s = self.terms.lease_s / TURNS
        try:
            await self._renew()
        except Fault as fault:
            if self._stopped:
                return
            delay_s = min(delay_s, AGAIN_S)
            self._trouble = f"{fault.code} {fault.detail}".rstrip()
            log.warning("node.not_renewed", code=fault.code, why=fault.detail)
        self._later(delay_s)

    async def _renew(self) -> None:
        began = self.seconds()  # before it is asked: the lease cannot end earlier than we think
        seen = await self.journal.run(partial(Writer.renew, tasks=self.tasks))
        if not seen.renewed:
            await self._rejoin()
            return
        self._until = began + self.terms.lease_s - self.terms.margin_s
        self._held, self.peers, self._trouble = seen.tasks, seen.peers, ""
        if seen.to_take or self._doubt:
            self._take()

    async def _rejoin(self) -> None:
        """Another node ended this life: nothing of it may be sent or written; what it left is anybody's to claim."""
        log.warning("node.lost", epoch=self.journal.epoch)
        self._until, self._held = 0.0, frozenset()
        self.forget()
        began = self.seconds()
        life = await self.journal.rejoin()
        self.ids.resume(life.newest_message_id, life.slot)
        self.forget()  # again: what was read meanwhile was read for the life before
        self.rejoined += 1
        self._until = began + self.terms.lease_s - self.terms.margin_s
        log.warning("node.rejoined", epoch=life.epoch, slot=life.slot)
        self._take()

    def _take(self) -> None:
        if not self._taking and not self._stopped:
            self._taking = True
            spawn(self._take_over(), "take-over")

    async def _take_over(self) -> None:
        again, self._doubt = self._doubt, True
        try:
            self._doubt = not await self.take_over(again)
        except Fault as fault:
            log.warning("node.take_over_deferred", code=fault.code)
        finally:
            self._taking = False
