"""One life of the node: the real engine, service, outbox, recovery and store, on the world's clock."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable

import sqlalchemy as sa
from attrs import define, field
from twisted.internet.defer import Deferred

from daemon.simulate.dials import PROCESSING_LIMIT_S, Dials
from daemon.simulate.hospital import HisBook, HisLink, Readers
from daemon.simulate.ledger import ALREADY, NOT_FOUND, SIGN_IN
from daemon.simulate.parts import InlinePool, Mortal, NodeClock, VirtualJournal
from daemon.simulate.story import Story
from daemon.simulate.wire import Exchange, Wire
from middleware.domain.centre import Call
from middleware.domain.fault import Fault
from middleware.domain.message_id import MessageIds
from middleware.engine.outbox import Outbox
from middleware.engine.recovery import recover
from middleware.engine.runner import Engine, Means
from middleware.engine.service import CounterService, Waits
from middleware.flow.step import Policy
from middleware.store.ciphers import AES
from middleware.store.database import open_database
from middleware.store.masters import KeptMaster, KeptMasters
from middleware.store.reader import Reader
from middleware.store.vault import Vault
from middleware.store.writer import Writer

INSTITUTION = "H99990000001"


def policy_of(dials: Dials) -> Policy:
    """The simulated region's rules."""
    return Policy(
        reversible=frozenset({Call.SETTLE, Call.CANCEL}),
        processing_limit_s=PROCESSING_LIMIT_S,
        not_found_codes=frozenset({NOT_FOUND}),
        already_reversed_codes=frozenset({ALREADY}),
        sign_in_again_codes=frozenset({SIGN_IN}),
        cancel_on_his_refusal=dials.cancel_on_his_refusal,
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
    wall: Callable[[], dt.datetime]
    dials: Dials = field(factory=Dials)


class Node:
    """Built, started, and killed once."""

    def __init__(self, around: Surroundings) -> None:
        self.around = around
        self.life = Mortal()
        clock = NodeClock(around.exchange.clock, self.life)
        self.database = open_fast(around.url)
        master = KeptMaster(AES, b"simulated master".ljust(32, b"."), around.rng.randbytes)
        # Nonces from the seed: the same seed gives the same bytes in the database too.
        vault = Vault(self.database, KeptMasters([master]), random_bytes=around.rng.randbytes, seconds=clock.seconds)
        self.reader = Reader(self.database, vault)
        writer = Writer(self.database, vault=vault)
        self.journal = VirtualJournal(writer, clock, self.life, around.rng, around.story)
        self.journal.dials = around.dials
        ids = MessageIds(INSTITUTION, self.reader.newest_message_id())
        self.engine = Engine(
            Means(
                journal=self.journal,
                reader=self.reader,
                pool=InlinePool(self.life),
                centre=Wire(around.exchange, self.life, around.wall),
                clock=clock,
                now=around.wall,
                next_message_id=lambda: ids.next(around.wall()),
                jitter=lambda: around.rng.random() if self.life.alive else 0.0,
                policy=policy_of(around.dials),
                institution=INSTITUTION,
            )
        )
        self.outbox = Outbox(self.engine, HisLink(around.his, self.life))
        self.counter = CounterService(self.engine, Readers(), Waits())
        self.ready = False
        self.failed: Callable[[], None] = self.kill
        self.callers: list[Deferred[object]] = []  # who must be told when the node dies

    async def start(self) -> None:
        """As the daemon starts: recovery before any door."""
        try:
            await recover(self.engine)
        except Fault as fault:
            # The daemon ends when it cannot write what it found; whoever supervises it starts it again.
            self.around.story.fault("start-failed", fault.code)
            self.around.exchange.clock.callLater(0, self.failed)
            return
        self.outbox.start()
        self.ready = True
        self.around.story.tell(f"node ready epoch {self.journal.epoch}")

    def kill(self) -> None:
        """As if by SIGKILL: what was not durable is gone, what is in flight is forgotten here and goes on elsewhere."""
        self.life.alive = False
        self.ready = False
        self.journal.lost()
        self.database.dispose()
        self.around.story.tell("node killed")
        callers, self.callers = self.callers, []
        for caller in callers:
            if not caller.called:
                caller.callback(None)
