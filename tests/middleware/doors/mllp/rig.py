"""The real door, engine inbox, journal and store on a scratch database; and a sender that speaks MLLP by its own hand."""

from __future__ import annotations

import datetime as dt

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Protocol

from middleware.doors.mllp.door import MllpDoor
from middleware.doors.mllp.options import MllpOptions
from middleware.engine.inbox import Inbox
from middleware.engine.journal import Journal
from middleware.engine.pools import Pool
from middleware.store.inbox import InboxReader
from middleware.store.writer import Writer
from simulators.ports import free_port
from tests.support.scratch import opened
from tests.support.vaults import a_vault

ZONE = dt.timezone(dt.timedelta(hours=8))


def hl7(
    control_id="C1", *, body="PID|1||C000123^^^^IDCard\r", kind="ADT^A04", version="2.4", modes="", charset="UNICODE UTF-8"
):
    """A message as text. ``modes``: MSH-15 and 16, as "AL|NE"."""
    head = f"MSH|^~\\&|HIS|H1|YKT|H1|20261121090000||{kind}|{control_id}|P|{version}|||{modes or '|'}|CHN|{charset}\r"
    return head + body


def framed(text, codec="utf-8"):
    return b"\x0b" + (text if isinstance(text, bytes) else text.encode(codec)) + b"\x1c\r"


class Sender(Protocol):
    """Waits for answers, never for time."""

    def __init__(self):
        self.received = b""
        self.closed = False
        self._awaited = []

    def send(self, *pieces):
        for piece in pieces:
            self.transport.write(piece)

    def dataReceived(self, data):
        self.received += data
        self._look()

    def connectionLost(self, reason=None):
        self.closed = True
        self._look()

    async def acks(self, count):
        """The next ``count`` answers, as lists of lines; fewer when the door closes before."""
        await self._when(lambda: self.received.count(b"\x1c\r") >= count)
        taken = []
        while len(taken) < count and b"\x1c\r" in self.received:
            block, _, self.received = self.received.partition(b"\x1c\r")
            assert block.startswith(b"\x0bMSH")
            taken.append(block[1:].decode("gb18030", "replace").rstrip("\r").split("\r"))
        return taken

    async def codes(self, count):
        """MSA-1 and MSA-2 of the next answers."""
        return [tuple(lines[1].split("|")[1:3]) for lines in await self.acks(count)]

    async def end(self):
        """Until the door has closed."""
        await self._when(lambda: self.closed)

    async def _when(self, true):
        if not true() and not self.closed:
            done = Deferred()
            self._awaited.append((true, done))
            await done

    def _look(self):
        due = [one for one in self._awaited if one[0]() or self.closed]
        self._awaited = [one for one in self._awaited if one not in due]
        for _, done in due:
            done.callback(None)


class Site:
    """One door with one link "his" (or as many as ``links`` names), until ``stop``."""

    def __init__(self, folder, *, url="", **options):
        self.url = url or f"sqlite:///{folder}/y.db"
        self.port = free_port()
        self.options = MllpOptions(port=self.port, **options)
        self.ahead = dt.timedelta(0)

    def now(self):
        return dt.datetime.now(ZONE) + self.ahead

    def start(self):
        self.database = opened(self.url)
        self.vault = a_vault(self.database)
        self.journal = Journal(reactor, Writer(self.database, vault=self.vault))
        self.journal.start()
        self.pool = Pool(reactor, "readers", 2, 1000)
        self.pool.start()
        self.reader = InboxReader(self.database, self.vault)
        self.inbox = Inbox(self.journal, self.pool, self.reader, self.now, reactor)
        self.door = MllpDoor({"his": self.options}, self.inbox, reactor, self.now)
        self.door.start()
        self.link = self.door.links["his"]
        return self

    async def stop(self):
        await self.door.stop()
        await self.journal.stop()
        self.pool.stop()
        self.database.dispose()

    async def connect(self):
        return await connectProtocol(TCP4ClientEndpoint(reactor, "127.0.0.1", self.port), Sender())

    def rows(self, *, kept_only=False):
        """What is in the inbox: facts, and the bytes as they came."""
        return [(row, self.reader.show(row.sequence)[1]) for row in self.reader.page(0, 1000, kept_only=kept_only)]

    def whys(self):
        return [row.why for row, _ in self.rows()]
