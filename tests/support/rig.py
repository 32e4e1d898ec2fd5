"""The real engine, journal and store on a scratch database, with fakes at the edges. It can crash and start again."""

from __future__ import annotations

import datetime as dt

from twisted.internet import reactor

from middleware.domain.message_id import MessageIds
from middleware.engine.desk import ManualDesk
from middleware.engine.journal import Journal
from middleware.engine.outbox import Outbox
from middleware.engine.pools import Pool
from middleware.engine.recovery import recover
from middleware.engine.runner import Engine, Means
from middleware.engine.service import CounterService, Waits
from middleware.flow.step import Policy
from middleware.store.database import open_database, ready
from middleware.store.doubts import Doubts
from middleware.store.reader import Reader
from middleware.store.writer import Writer
from tests.support.fakes import FakeCentre, FakeHis, FakeReaders
from tests.support.vaults import a_vault

INSTITUTION = "H99990000001"


class Rig:
    def __init__(self, where, **policy):
        """``where`` is a url, or a folder for a file of SQLite's."""
        self.url = where if isinstance(where, str) else f"sqlite:///{where}/y.db"
        self.centre, self.his, self.readers = FakeCentre(), FakeHis(), FakeReaders()
        self.policy = Policy(**{"first_check_s": 0.01, "repeat_s": 0.01, "processing_limit_s": 0.0, **policy})
        self.offset = dt.timedelta(0)

    def now(self):
        return dt.datetime.now(dt.timezone(dt.timedelta(hours=8))) + self.offset

    async def start(self, *, deliver=True):
        self.database = open_database(self.url)
        ready(self.database)
        self.vault = a_vault(self.database)
        self.reader = Reader(self.database, self.vault)
        writer = Writer(self.database, vault=self.vault)
        self.journal = Journal(reactor, writer)
        self.journal.start()
        self.pool = Pool(reactor, "readers", 2, 1000)
        self.pool.start()
        ids = MessageIds(INSTITUTION, self.reader.newest_message_id())
        self.engine = Engine(
            Means(
                journal=self.journal, reader=self.reader, pool=self.pool, centre=self.centre, clock=reactor,
                now=self.now, next_message_id=lambda: ids.next(self.now()), jitter=lambda: 0.0, policy=self.policy,
                institution=INSTITUTION,
            )
        )  # fmt: skip
        self.outbox = Outbox(self.engine, self.his)
        self.desk = ManualDesk(self.engine, Doubts(self.database, self.vault))
        self.counter = CounterService(self.engine, self.readers, Waits(5, 5, 5))
        await recover(self.engine)
        if deliver:
            self.outbox.start()
        return self

    async def stop(self):
        self.outbox.stop()
        await self.engine.stop(0.2)
        await self.journal.stop()
        self.pool.stop()
        self.database.dispose()

    async def crash(self):
        """As if killed: what was not durable is gone, what is in flight is forgotten, nothing is drained."""
        self.outbox.stop()
        self.engine._stopping = True
        for timer in self.engine._timers.values():
            if timer.active():
                timer.cancel()
        self.engine._flying.clear()
        await self.journal.stop()
        self.pool.stop()
        self.database.dispose()
