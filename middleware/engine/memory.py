"""Visits in memory: what the journal holds of each, one event at a time, and who waits for what becomes of it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager

from attrs import define, field
from twisted.internet.defer import Deferred, DeferredLock

from middleware.domain.centre import Holder
from middleware.domain.charge import Bill
from middleware.domain.fault import Fault
from middleware.domain.visit import Visit
from middleware.engine.pools import Pool
from middleware.engine.writing import Work
from middleware.store.reader import Reader, Stored

MAX_VISITS = 4096
MAX_LINES = 100_000  # charge lines kept in all: a bill may have 500


@define
class Entry:
    """One visit. ``visit`` is what the journal holds, never more; ``users`` keep it from being forgotten.

    ``version``, ``epoch`` and ``since`` stand beside it on the disk (``Stored``); another node may have written since.
    """

    lock: DeferredLock = field(factory=DeferredLock)
    visit: Visit | None = None
    version: int = 0
    epoch: int = 0
    since: str = ""
    holder: Holder | None = None
    bills: dict[str, Bill] = field(factory=dict)
    waiters: list[Callable[[Visit], None]] = field(factory=list)
    users: int = 0

    @property
    def lines(self) -> int:
        """How many charge lines it holds."""
        return sum(len(bill.lines) for bill in self.bills.values())

    def tell(self, visit: Visit) -> None:
        """Tell whoever waits."""
        for look in tuple(self.waiters):
            look(visit)


class Visits:
    """The visits that were used last, read from the store when they are not here.

    ``shared``: other nodes write too, so that whoever asks hears what is on the disk now. ``waited`` is called when
    somebody begins to wait.
    """

    def __init__(self, pool: Pool, reader: Reader, *, shared: bool = False) -> None:
        self._pool = pool
        self._reader = reader
        self._shared = shared
        self.waited: Callable[[], None] = lambda: None
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._lines = 0
        self._visit_of: dict[str, str] = {}  # settlement -> visit, of the visits in memory; it never changes

    # -- asking

    async def visit_of(self, settlement_id: str) -> str:
        """The visit that a settlement belongs to, or ""."""
        if (known := self._visit_of.get(settlement_id)) is not None:
            return known
        return await self._pool.run(self._reader.visit_of, settlement_id)

    async def visit(self, visit_id: str) -> Visit:
        """The visit as the journal holds it. Raises ``Fault("request.not_found")``."""
        with self._using(visit_id) as entry:
            if self._shared and entry.visit is not None:
                await self.refresh(visit_id, entry)
            return await self.loaded(visit_id, entry)

    async def holder(self, visit: Visit) -> Holder:
        """The visit's person."""
        with self._using(visit.visit_id) as entry:
            return await self.holder_of(entry, visit)

    async def bill(self, visit_id: str, settlement_id: str) -> Bill:
        """The lines of one settlement."""
        with self._using(visit_id) as entry:
            return await self.bill_of(entry, settlement_id)

    async def owned(self, visit_id: str, epoch: int) -> int | None:
        """The visit's version if that life wrote it last, else None."""
        with self._using(visit_id) as entry:
            if self._shared and entry.visit is not None:
                await self.refresh(visit_id, entry)
            await self.loaded(visit_id, entry)
            return entry.version if entry.epoch == epoch or not self._shared else None

    async def reload(self, visit_ids: Collection[str]) -> dict[str, tuple[Visit, int]]:
        """The visits and their versions as they are on the disk, whatever was here; read together, for they may be many."""
        found: dict[str, Stored] = await self._pool.run(self._reader.stored_all, visit_ids)
        read = {}
        for visit_id, stored in found.items():
            async with self.alone(visit_id) as entry:
                if entry.visit is None or stored.version >= entry.version:
                    entry.visit = None
                    self._adopt(entry, stored)
                read[visit_id] = (stored.visit, stored.version)
        return read

    def wait(self, visit: Visit, ready: Callable[[Visit], bool]) -> tuple[Deferred[Visit], Callable[[], None]]:
        """Fires when ``ready`` holds for the visit; the second value ends the wait without firing."""
        done: Deferred[Visit] = Deferred()
        entry = self._enter(visit.visit_id)
        left = False

        def end() -> None:
            nonlocal left
            if not left:
                left = True
                entry.waiters.remove(look)
                entry.users -= 1

        def look(seen: Visit) -> None:
            if ready(seen):
                end()
                done.callback(seen)

        entry.waiters.append(look)
        look(entry.visit or visit)
        self.waited()
        return done, end

    def waited_for(self) -> dict[str, int]:
        """The visits that somebody waits for, and the version that is here."""
        return {visit_id: entry.version for visit_id, entry in self._entries.items() if entry.waiters}

    async def look_again(self, visit_id: str) -> None:
        """Another node wrote it: whoever waits hears of it."""
        async with self.alone(visit_id) as entry:
            await self.refresh(visit_id, entry)
            if entry.visit is not None:
                entry.tell(entry.visit)

    # -- for the engine, which alone changes an entry

    @asynccontextmanager
    async def alone(self, visit_id: str) -> AsyncIterator[Entry]:
        """The entry, and nobody else's event until the block ends."""
        with self._using(visit_id) as entry:
            await entry.lock.acquire()
            try:
                yield entry
            finally:
                entry.lock.release()

    async def loaded(self, visit_id: str, entry: Entry) -> Visit:
        """The entry's visit, read when it is not here."""
        if entry.visit is None:
            found = await self._pool.run(self._reader.stored, visit_id)
            if found is None:
                raise Fault("request.not_found", "visit")
            return self._adopt(entry, found)
        return entry.visit

    async def refresh(self, visit_id: str, entry: Entry) -> bool:
        """Read the entry's visit again if there is a newer one; whether there was."""
        known = entry.version
        found = await self._pool.run(self._reader.stored, visit_id, known)
        if found is not None:
            self._adopt(entry, found)
        return entry.version != known

    def _adopt(self, entry: Entry, found: Stored) -> Visit:
        """What was read, unless an event or another read made it older meanwhile."""
        if entry.visit is not None and found.version <= entry.version:
            return entry.visit
        entry.version, entry.epoch, entry.since = found.version, found.epoch, found.since
        self._holds(entry, found.visit)
        return found.visit

    async def holder_of(self, entry: Entry, visit: Visit) -> Holder:
        """The entry's person, read when not here."""
        if entry.holder is None:
            entry.holder = await self._pool.run(self._reader.holder, visit.person_ref)
        return entry.holder

    async def bill_of(self, entry: Entry, settlement_id: str) -> Bill:
        """One bill of the entry, read when not here."""
        if settlement_id not in entry.bills:
            self.keep_bill(entry, settlement_id, await self._pool.run(self._reader.bill, settlement_id))
        return entry.bills[settlement_id]

    def keep_bill(self, entry: Entry, settlement_id: str, bill: Bill) -> None:
        """Remember a bill."""
        self._lines += len(bill.lines) if settlement_id not in entry.bills else 0
        entry.bills[settlement_id] = bill

    def became(self, entry: Entry, work: Work) -> None:
        """The journal holds this now."""
        entry.version, entry.epoch, entry.since = work.version + 1, work.epoch, work.since
        self._holds(entry, work.state)

    def forget_people(self) -> None:
        """A period was destroyed: who it was, and what they had, is read again before it is used."""
        for entry in self._entries.values():
            self._lines -= entry.lines
            entry.holder, entry.bills = None, {}

    def forget_all(self) -> None:
        """This node's life ended: what it knew is read again before it is used."""
        for entry in self._entries.values():
            entry.visit, entry.version, entry.epoch, entry.since = None, 0, 0, ""

    def _holds(self, entry: Entry, visit: Visit) -> None:
        entry.visit = visit
        for settlement in visit.settlements:
            self._visit_of[settlement.settlement_id] = visit.visit_id

    # -- remembering and forgetting

    def _enter(self, visit_id: str) -> Entry:
        entry = self._entries.get(visit_id)
        if entry is None:
            entry = self._entries[visit_id] = Entry()
            self._forget()
        else:
            self._entries.move_to_end(visit_id)
        entry.users += 1
        return entry

    def _using(self, visit_id: str) -> _Use:
        return _Use(self._enter(visit_id))

    def _forget(self) -> None:
        """Let go of the oldest that nobody uses, while there are too many or their bills are too long."""
        if not self._too_much():
            return
        for visit_id in tuple(self._entries):
            if not self._too_much():
                return
            if self._entries[visit_id].users == 0:
                self._drop(self._entries.pop(visit_id))

    def _too_much(self) -> bool:
        return len(self._entries) > MAX_VISITS or self._lines > MAX_LINES

    def _drop(self, entry: Entry) -> None:
        self._lines -= entry.lines
        for settlement in entry.visit.settlements if entry.visit else ():
            self._visit_of.pop(settlement.settlement_id, None)


@define
class _Use:
    """An entry that must not be forgotten until the block ends."""

    entry: Entry

    def __enter__(self) -> Entry:
        return self.entry

    def __exit__(self, *_: object) -> None:
        self.entry.users -= 1
