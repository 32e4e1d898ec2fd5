"""``python -m benchmarks.endurance DIRECTORY SETTLEMENTS``: memory while the engine and its store settle for long.

Centre, HIS and cards answer at once in this process, so that a million settlements take an hour and not a day; engine,
writer, vault, outbox and database are the daemon's own. Each visit has a few bills. Prints a line of JSON for each tenth:
settlements so far, resident kilobytes, settlements a second, and megabytes of database.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog
from attrs import define
from twisted.internet.defer import Deferred, ensureDeferred, gatherResults
from twisted.python.failure import Failure

from daemon.simulate.trade import KEYS, card_of, quote_of, quote_order, register_order
from middleware.domain import centre as c
from middleware.domain.card import CardEvent, CardRead, ReaderStatus
from middleware.domain.health import Condition, PartHealth
from middleware.domain.his import HisAccepted, HisMessage, RegisterPatient
from middleware.domain.message_id import MessageIds
from middleware.domain.money import Money
from middleware.domain.order import Caller, Role, SettleOrder
from middleware.domain.outcome import Answered, Outcome
from middleware.engine.journal import Journal
from middleware.engine.outbox import Outbox
from middleware.engine.pools import Pool
from middleware.engine.runner import Engine, Means
from middleware.engine.service import CounterService, Waits
from middleware.flow.step import Policy
from middleware.ports import PreparedCall
from middleware.store.ciphers import AES
from middleware.store.database import open_database, ready
from middleware.store.masters import KeptMaster, KeptMasters
from middleware.store.reader import Reader
from middleware.store.vault import Vault
from middleware.store.writer import Writer

INSTITUTION = "H99990000001"
CALLERS = 64
BILLS = 2  # so that the visits kept in memory (4,096) are reached early
LOOKS = 10
CHINA = dt.timezone(dt.timedelta(hours=8))
INSURED = c.Insurance("310", "11", "999900", Money(800_000), active=True)
HIS = Caller(Role.HIS, "his", "")


def now() -> dt.datetime:
    """The wall clock."""
    return dt.datetime.now(CHINA)


class InstantCentre:
    """Says yes to all, in the words of the port."""

    def __init__(self) -> None:
        self._numbers = 0

    def start(self) -> None:
        """Nothing to start."""

    async def stop(self) -> None:
        """Nothing to stop."""

    def health(self) -> PartHealth:
        """Good."""
        return PartHealth("centre", Condition.GOOD)

    def needs_sign_in(self, at: dt.datetime) -> bool:  # noqa: ARG002 - the port's
        """Never."""
        return False

    def sign_in_request(self) -> c.SignIn:
        """Never asked for."""
        raise AssertionError

    def clock_ahead_s(self) -> float | None:
        """It is the same clock."""
        return 0.0

    async def prepare(self, message_id: str, request: c.CentreRequest, at: dt.datetime) -> PreparedCall:  # noqa: ARG002
        """Bytes that nobody reads."""
        return PreparedCall(message_id, c.call_of(request), "0" * 64, request)

    async def send(
        self,
        call: PreparedCall,
        on_first_byte: Callable[[], None],
        on_late_reply: Callable[[Any], None],  # noqa: ARG002
    ) -> Outcome[c.CentreReply]:
        """At once."""
        on_first_byte()
        return Answered(self._answer(call.body))

    def _answer(self, request: c.CentreRequest) -> c.CentreReply:
        self._numbers += 1
        match request:
            case c.QueryPerson(holder):
                return c.PersonKnown(holder.card_number.reveal(), same_person=True, insurances=(INSURED,))
            case c.RegisterVisit():
                return c.VisitRegistered(f"M{self._numbers:010d}")
            case c.UploadVisit():
                return c.VisitUploaded()
            case c.UploadCharges():
                return c.ChargesTaken(())
            case c.PreSettle():
                return c.Quoted(quote_of(request.total, use_account=request.use_account))
            case c.Settle():
                return c.Settled(f"S{self._numbers:010d}", now(), request.quoted, "11", "1", "999900")
        raise AssertionError(type(request).__name__)


class InstantReaders:
    """The reader's name is the key of the person whose card lies in it."""

    def start(self) -> None:
        """Nothing to start."""

    async def stop(self) -> None:
        """Nothing to stop."""

    def health(self) -> PartHealth:
        """Good."""
        return PartHealth("readers", Condition.GOOD)

    def statuses(self) -> tuple[ReaderStatus, ...]:
        """None are watched."""
        return ()

    def watch(self, observer: Callable[[CardEvent], None]) -> Callable[[], None]:  # noqa: ARG002 - the port's
        """Nobody pulls a card here."""
        return lambda: None

    async def read_card(self, reader: str) -> CardRead:
        """At once."""
        return card_of(reader, reader)


class InstantHis:
    """Takes every letter, and knows each person by one number."""

    async def deliver(self, message: HisMessage) -> Outcome[HisAccepted]:
        """At once."""
        return Answered(
            HisAccepted("P" + message.holder.id_number.reveal() if isinstance(message, RegisterPatient) else "")
        )


@define
class Endurance:
    """So many settlements, looked at now and then."""

    counter: CounterService
    path: Path
    wanted: int
    done: int = 0
    began: float = 0.0
    visits: int = 0

    async def run(self) -> None:
        """All callers, until it is enough."""
        self.began = time.perf_counter()
        await gatherResults([ensureDeferred(self._call(number)) for number in range(CALLERS)])

    async def _call(self, number: int) -> None:
        while self.done < self.wanted:
            self.visits += 1
            key = f"{number}-{self.visits}"
            read = await self.counter.read_card(HIS, KEYS[number % len(KEYS)])
            visit = await self.counter.register(HIS, f"r{key}", register_order(read["card_read_id"], now()))
            for bill in range(BILLS):
                order = quote_order(visit["visit_id"], (1500, 2000, 48_000 + bill, 10_940, 3_980), now())
                quote = await self.counter.quote(HIS, f"q{key}-{bill}", order)
                split = quote_of(sum_of(order), use_account=True)
                await self.counter.settle(
                    HIS, f"s{key}-{bill}", SettleOrder(quote["settlement_id"], split.total, split.cash)
                )
                self._count()

    def _count(self) -> None:
        self.done += 1
        step = max(1, self.wanted // LOOKS)
        if self.done % step == 0 and self.done <= self.wanted:
            took, self.began = time.perf_counter() - self.began, time.perf_counter()
            megabytes = sum(file.stat().st_size for file in self.path.parent.glob("*.db*")) >> 20
            look = {"settlements": self.done, "resident_kb": resident_kb(), "per_s": step / took, "database_mb": megabytes}
            print(json.dumps(look), flush=True)


def sum_of(order: Any) -> Any:
    """The bill's total."""
    return sum((line.amount for line in order.lines[1:]), order.lines[0].amount)


def resident_kb() -> int:
    """What the kernel counts as ours in memory."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1])


async def _measured(reactor: Any, directory: Path, wanted: int) -> None:
    path = directory / "endurance.db"
    database = open_database(f"sqlite:///{path}")
    ready(database)
    vault = Vault(database, KeptMasters([KeptMaster(AES, random.randbytes(32))]))
    journal = Journal(reactor, Writer(database, vault=vault))
    reader = Reader(database, vault)
    pool = Pool(reactor, "store-readers", 2, 2000)
    ids = MessageIds(INSTITUTION, "")
    means = Means(
        journal=journal, reader=reader, pool=pool, centre=InstantCentre(), clock=reactor, now=now,
        next_message_id=lambda: ids.next(now()), jitter=random.random, policy=Policy(), institution=INSTITUTION,
    )  # fmt: skip
    engine = Engine(means)
    pool.start()
    journal.start()
    outbox = Outbox(engine, InstantHis())  # type: ignore[arg-type]  # a port without a life
    outbox.start()
    await Endurance(CounterService(engine, InstantReaders(), Waits(600, 600, 600)), path, wanted).run()
    outbox.stop()
    await engine.stop(60)
    await journal.stop()
    pool.stop()
    database.dispose()


def main(directory: Path, wanted: int) -> int:
    """Measure; 0 when all were settled."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # the figures alone go to the output
    from twisted.internet import reactor as installed

    reactor: Any = installed
    status = 1

    def end(_: object) -> None:
        nonlocal status
        status = 0

    def tell(failure: Failure) -> None:
        print(failure.getTraceback(), file=sys.stderr, flush=True)
        os._exit(1)  # the threads of what was not stopped would keep the process

    def begin() -> None:
        done: Deferred[None] = ensureDeferred(_measured(reactor, directory, wanted))
        done.addCallback(end)
        done.addErrback(tell)
        done.addBoth(lambda _: reactor.stop())

    reactor.callWhenRunning(begin)
    reactor.run()
    return status


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
