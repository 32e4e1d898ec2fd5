"""One life of the node: the real engine, service, outbox, recovery and store, on the world's clock."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import sqlalchemy as sa
from attrs import define, evolve, field
from twisted.internet.defer import Deferred

from daemon.simulate.bank import BankBook, BankWire, bank_policy
from daemon.simulate.cards import CardRoom, Readers
from daemon.simulate.copies import BOTH, NAME
from daemon.simulate.cycles import PROFILE, SLICES
from daemon.simulate.dials import PROCESSING_LIMIT_S, Dials
from daemon.simulate.door import Door
from daemon.simulate.doubts import FILE_AT
from daemon.simulate.hospital import HisBook, HisLink
from daemon.simulate.ledger import ALREADY, NOT_FOUND, SIGN_IN
from daemon.simulate.parts import InlinePool, Mortal, NodeClock, VirtualJournal
from daemon.simulate.phones import RULES
from daemon.simulate.purses import DebitTill, PurseRoom, till_of
from daemon.simulate.registry import DONE_BEFORE
from daemon.simulate.safe import Safe, vault_of
from daemon.simulate.statements import AGENCY, CLEARING, NOT_READY
from daemon.simulate.story import Story
from daemon.simulate.wire import Exchange, Wire
from middleware.domain.centre import CANCEL_CALLS, SETTLE_CALLS, Call
from middleware.domain.destination import ALONE, HIS
from middleware.domain.fault import Fault
from middleware.domain.message_id import MessageIds
from middleware.domain.rules import KIND_RULES
from middleware.domain.statement import Slice, StatementRules
from middleware.engine.asking import Patience
from middleware.engine.comparison import Rules
from middleware.engine.desk import ManualDesk
from middleware.engine.fencing import FencedBank, FencedCentre
from middleware.engine.keydesk import KeyDesk
from middleware.engine.members import INTAKE, OUTBOX, RECONCILIATION, LeaseTerms, Members
from middleware.engine.outbox import Outbox
from middleware.engine.reconcile import Reconciler
from middleware.engine.recovery import recover
from middleware.engine.runner import Engine, Means
from middleware.engine.service import CounterService, Waits
from middleware.engine.traces import TraceNumbers, name_of
from middleware.flow.step import Policy
from middleware.store.database import open_database
from middleware.store.doubts import Doubts
from middleware.store.inbox import InboxReader
from middleware.store.nodes import Membership
from middleware.store.reader import Reader
from middleware.store.rotation import PAGE
from middleware.store.statements import Statements
from middleware.store.units import Unit
from middleware.store.writer import Writer

if TYPE_CHECKING:
    from daemon.simulate.custody import Custody

INSTITUTION = "H99990000001"
ZONE = dt.timezone(dt.timedelta(hours=8))
LEASE_S, MARGIN_S = 45.0, 7.0
POLL_S = 10.0
KEEP_DAYS = 30  # of a period after its end
LETTERS_OUT = 3  # of different patients at a time


def policy_of(dials: Dials) -> Policy:
    """The simulated region's rules."""
    return Policy(
        reversible=SETTLE_CALLS | CANCEL_CALLS if dials.named else frozenset(),
        adopt_listed=not dials.named,
        file_at=FILE_AT if dials.files else None,
        doubt_limit_s=dials.limit_s,
        processing_limit_s=PROCESSING_LIMIT_S,
        first_check_s=dials.first_check_s,
        not_found_codes=frozenset({NOT_FOUND}),
        already_reversed_codes=frozenset({ALREADY}),
        sign_in_again_codes=frozenset({SIGN_IN}),
        cancel_on_his_refusal=dials.cancel_on_his_refusal,
        kinds={kind: evolve(rules, withdraw=True, evidence=dials.order) for kind, rules in KIND_RULES.items()},
        query_visits=True,
        finish=Call.CONFIRM if dials.finish else None,
        already_done_codes=frozenset({DONE_BEFORE}),
        mobile=RULES if dials.phone else None,
    )


def open_fast(url: str) -> sa.Engine:
    """The real store without fsync: what a crash loses is decided by ``VirtualJournal``, not by this machine's disk."""
    database = open_database(url)

    def relax(connection: object, _record: object) -> None:
        connection.execute("PRAGMA synchronous=OFF")  # type: ignore[attr-defined]

    sa.event.listen(database, "connect", relax)
    return database


@define
class Surroundings:
    """What outlives a life of the node."""

    url: str
    exchange: Exchange
    his: HisBook
    rng: random.Random
    story: Story
    wall: Callable[[str], dt.datetime]
    dials: Dials = field(factory=Dials)
    wrote: Callable[[int, list[Unit]], None] = lambda _epoch, _units: None
    bank: BankBook | None = None
    cards: CardRoom = field(kw_only=True)
    copies: HisBook | None = field(default=None, kw_only=True)
    purses: PurseRoom | None = field(default=None, kw_only=True)
    custody: Custody | None = field(default=None, kw_only=True)


class Node:
    """Built, started, and killed once."""

    def __init__(self, around: Surroundings, name: str = "node") -> None:
        self.around = around
        self.name = name
        self.life = Mortal()
        clock = NodeClock(around.exchange.clock, self.life)
        self.database = open_fast(around.url)
        custody = around.custody
        safe, told = (Safe(), None) if custody is None else (custody.safe, custody.sealed)
        self.vault = vault = vault_of(safe, self.database, told, around.rng.randbytes, clock.seconds)
        self.reader = Reader(self.database, vault)
        seconds, shared = around.exchange.clock.seconds, around.dials.nodes > 1
        membership = Membership(name, LEASE_S, shared=shared, seconds=lambda _connection: seconds())
        writer = Writer(self.database, membership=membership, vault=vault)
        self.journal = VirtualJournal(writer, clock, self.life, around.rng, around.story)
        self.journal.dials = around.dials
        self.journal.wrote = around.wrote
        ids = MessageIds(INSTITUTION, writer.life.newest_message_id, writer.life.slot, membership.slots)
        self.members = Members(self.journal, clock, seconds, LeaseTerms(shared, LEASE_S, MARGIN_S), ids)

        def wall() -> dt.datetime:
            return around.wall(name)

        self.engine = Engine(
            Means(
                journal=self.journal,
                reader=self.reader,
                pool=InlinePool(self.life),
                centre=FencedCentre(Wire(around.exchange, self.life, wall), self.members.lives),
                clock=clock,
                now=wall,
                next_message_id=lambda: ids.next(wall()),
                jitter=lambda: around.rng.random() if self.life.alive else 0.0,
                policy=bank_policy(policy_of(around.dials), around.bank),
                institution=INSTITUTION,
                shared=shared,
                bank=FencedBank(BankWire(around.bank, self.life), self.members.lives) if around.bank else None,
                traces=TraceNumbers(self.reader.meta(name_of(ids.slot)), ids.slot),
                destinations=BOTH if around.copies else ALONE,
            )
        )
        self.members.forget = self.engine.forget
        self.members.take_over = lambda again: recover(self.engine, mine=again)
        self.outboxes = [self._outbox(around.his, HIS)]
        if around.copies is not None:
            self.outboxes.append(self._outbox(around.copies, NAME))
        self.engine.letter_added = self._letter_added
        self.counter = CounterService(self.engine, Readers(around.cards, self.life), Waits())
        self.desk = ManualDesk(self.engine, Doubts(self.database, vault))
        self.keys = KeyDesk(self.engine, self.database, vault, KEEP_DAYS, custody.page if custody else PAGE)
        self.statements = statements = Statements(self.database, self.reader)
        rules = Rules(ZONE, StatementRules(not_ready_codes=frozenset({NOT_READY})), (Slice("310", CLEARING, AGENCY),))
        if around.dials.cycles:
            rules = Rules(ZONE, PROFILE.statement.rules, SLICES)
        self.reconciler = Reconciler(self.engine, statements, rules, Patience(), holds=self.holds_reconciliation)
        self.door: Door | None = None
        if around.dials.told:
            seen, ours = InboxReader(self.database, vault), partial(self.members.holds, INTAKE)
            self.door = Door(self.engine.means, self.journal, seen, clock, self.life, wall, ours)
        self.debits: DebitTill | None = None
        if around.purses is not None:
            self.debits = till_of(around.purses, around.cards, self.life, self.counter, name)
        self.ready = False
        self.failed: Callable[[], None] = self.kill
        self.callers: list[Deferred[object]] = []  # who must be told when the node dies

    def _outbox(self, book: HisBook, name: str) -> Outbox:
        link = HisLink(book, self.life)
        ours = partial(self.members.holds, OUTBOX)
        return Outbox(self.engine, link, ours=ours, poll_s=POLL_S, width=LETTERS_OUT, name=name)

    def _letter_added(self) -> None:
        for outbox in self.outboxes:
            outbox.kick()

    def holds_reconciliation(self) -> bool:
        """Whether this node is the one that compares days."""
        return self.members.holds(RECONCILIATION)

    async def start(self) -> None:
        """As the daemon starts: recovery before any door."""
        try:
            await self.members.begin()
        except Fault as fault:
            # The daemon ends when it cannot write what it found; whoever supervises it starts it again.
            self.around.story.fault("start-failed", fault.code)
            self.around.exchange.clock.callLater(0, self.failed)
            return
        self.keys.start()
        for outbox in self.outboxes:
            outbox.start()
        if self.door is not None:
            self.door.start()
        self.ready = True
        self.around.story.tell(f"node {self.name} ready epoch {self.journal.epoch}")

    def kill(self) -> None:
        """As if by SIGKILL: what was not durable is gone, what is in flight is forgotten here and goes on elsewhere."""
        self.life.alive = False
        self.ready = False
        self.journal.lost()
        self.database.dispose()
        self.around.story.tell(f"node {self.name} killed")
        callers, self.callers = self.callers, []
        for caller in callers:
            if not caller.called:
                caller.callback(None)
