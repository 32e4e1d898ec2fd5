"""The real engine, journal and store on a scratch database, with fakes at the edges. It can crash and start again."""

from __future__ import annotations

import datetime as dt

from twisted.internet import reactor

from middleware.domain.message_id import MessageIds
from middleware.engine.desk import ManualDesk
from middleware.engine.fencing import FencedCentre
from middleware.engine.journal import Journal
from middleware.engine.members import OUTBOX, LeaseTerms, Members
from middleware.engine.outbox import Outbox
from middleware.engine.pools import Pool
from middleware.engine.recovery import recover
from middleware.engine.runner import Engine, Means
from middleware.engine.service import CounterService, Waits
from middleware.engine.traces import TraceNumbers, name_of
from middleware.flow.step import Policy
from middleware.store.doubts import Doubts
from middleware.store.nodes import Membership, database_seconds
from middleware.store.reader import Reader
from middleware.store.writer import Writer
from tests.support.fakes import FakeCentre, FakeHis, FakeReaders
from tests.support.scratch import opened
from tests.support.vaults import a_vault

INSTITUTION = "H99990000001"


class Rig:
    def __init__(self, where, *, node="", lease_s=15.0, beside=None, **policy):
        """``where`` is a url, or a folder for a file of SQLite's.

        ``node``: its name among others that share the database; ``beside``: such another one, whose edges it shares.
        """
        self.node, self.lease_s = node, lease_s
        self.stood_still_s = 0.0  # as if the process had been stopped for so long
        # By so much the clock of the database, which is one for all, is ahead.
        self.later_s = [0.0] if beside is None else beside.later_s
        self.url = where if isinstance(where, str) else f"sqlite:///{where}/y.db"
        self.centre, self.his, self.readers = FakeCentre(), FakeHis(), FakeReaders()
        self.policy = Policy(**{"first_check_s": 0.01, "repeat_s": 0.01, "processing_limit_s": 0.0, **policy})
        self.offset = dt.timedelta(0)
        if beside is not None:
            self.centre, self.his, self.readers = beside.centre, beside.his, beside.readers
        self.bank = None

    def now(self):
        return dt.datetime.now(dt.timezone(dt.timedelta(hours=8))) + self.offset

    def database_now(self, connection):
        return database_seconds(connection) + self.later_s[0]

    async def start(self, *, deliver=True):
        self.database = opened(self.url)
        self.vault = a_vault(self.database)
        self.reader = Reader(self.database, self.vault)
        shared = bool(self.node)
        membership = Membership(self.node or "node", self.lease_s, shared, self.database_now)
        writer = Writer(self.database, vault=self.vault, membership=membership)
        self.journal = Journal(reactor, writer)
        self.journal.start()
        self.pool = Pool(reactor, "readers", 2, 1000)
        self.pool.start()
        life = writer.life
        ids = MessageIds(INSTITUTION, life.newest_message_id, life.slot, membership.slots)
        terms = LeaseTerms(shared, self.lease_s, self.lease_s / 5)
        self.members = Members(self.journal, reactor, lambda: reactor.seconds() + self.stood_still_s, terms, ids)
        self.engine = Engine(
            Means(
                journal=self.journal, reader=self.reader, pool=self.pool,
                centre=FencedCentre(self.centre, self.members.lives), shared=shared, clock=reactor,
                now=self.now, next_message_id=lambda: ids.next(self.now()), jitter=lambda: 0.0, policy=self.policy,
                institution=INSTITUTION, bank=self.bank,
                traces=TraceNumbers(self.reader.meta(name_of(0))),
            )
        )  # fmt: skip
        self.members.forget = self.engine.forget
        self.members.take_over = lambda again: recover(self.engine, mine=again)
        self.outbox = Outbox(self.engine, self.his, ours=lambda: self.members.holds(OUTBOX), poll_s=0.02)
        self.desk = ManualDesk(self.engine, Doubts(self.database, self.vault))
        self.counter = CounterService(self.engine, self.readers, Waits(5, 5, 5))
        await self.members.begin()
        if deliver:
            self.outbox.start()
        return self

    async def stop(self):
        self.outbox.stop()
        await self.engine.stop(0.2)
        await self.members.stop()
        await self.journal.stop()
        self.pool.stop()
        self.database.dispose()

    def freeze(self):
        """It renews no more."""
        self.members._stopped = True
        if self.members._timer is not None and self.members._timer.active():
            self.members._timer.cancel()

    async def outlive(self, dead):
        """By the database's clock the other's lease has run out, and this node looks."""
        self.later_s[0] += dead.lease_s + 1
        await self.members._turn()

    async def crash(self):
        """As if killed: what was not durable is gone, what is in flight is forgotten, nothing is drained."""
        self.outbox.stop()
        self.freeze()
        self.engine._stopping = True
        self.engine._stop_timers()
        if self.engine._lookout is not None:
            self.engine._lookout.stop()
        self.engine._flying.clear()
        await self.journal.stop()
        self.pool.stop()
        self.database.dispose()
