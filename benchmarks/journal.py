"""``python -m benchmarks.journal WHERE SECONDS [CALLERS...]``: the real Journal and Writer, a settlement's own units.

WHERE is a folder for a file of SQLite's, or ``postgresql``: a private cluster, made for it and removed again.

Every unit is what one step of a settlement writes: the visit with its settlement, a chained journal row, the settlement's
row and a message's intent. A caller commits the next one when the last is durable, as a visit does. Units are made before
the clock starts, as the yardstick's row is: to make one is the flow's business and costs as much as to write it.
"""

from __future__ import annotations

import datetime as dt
import gc
import json
import os
import random
import sys
import time
from collections.abc import Iterator
from itertools import count, islice
from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred, ensureDeferred, gatherResults
from twisted.python.failure import Failure

from benchmarks.machine import cpu_s, percentile
from daemon.paced import install
from middleware.domain.centre import Settled
from middleware.domain.event import CentreSettled
from middleware.domain.money import ZERO, Money
from middleware.domain.order import Caller, RegisterOrder, Role
from middleware.domain.split import FundLine, Split
from middleware.domain.visit import Settlement, SettlementState, Visit, VisitState
from middleware.engine.journal import Journal
from middleware.store import tables
from middleware.store.ciphers import AES
from middleware.store.codec import encode
from middleware.store.database import open_database, ready
from middleware.store.masters import KeptMaster, KeptMasters
from middleware.store.reader import Reader
from middleware.store.units import Intent, Record, Unit
from middleware.store.vault import Vault
from middleware.store.writer import Writer
from simulators.postgres import Cluster

CALLERS = (1, 8, 64, 512)
MADE_PER_S = 8_000  # units made for each second that is to be measured; when all are used the measuring ends
NOW = dt.datetime(2026, 11, 21, 9, 0, tzinfo=dt.timezone(dt.timedelta(hours=8)))
_CALLER = Caller(Role.HIS, "his", "")
_FUND, _ACCOUNT, _CASH = Money(51_020), Money(20_000), Money(2_880)
_ALL = Money(73_900)
_SPLIT = Split(
    total=_ALL, fund=_FUND, account=_ACCOUNT, cash=_CASH, hospital=ZERO, personal=Money(22_880), family_account=ZERO,
    self_paid=Money(3_980), over_limit=ZERO, first_self_paid=Money(4_800), in_scope=Money(65_120), pool=_FUND,
    civil_servant=ZERO, supplementary=ZERO, serious_illness=ZERO, large_sum=ZERO, assistance=ZERO, disabled_soldier=ZERO,
    other_fund=ZERO, balance_after=Money(300_000), deductible=ZERO, funds=(FundLine("310100", "统筹基金", _FUND),),
)  # fmt: skip
_SETTLED = Settled("S" + "0" * 20, NOW, _SPLIT, "11", "1", "999900")
_ORDER = RegisterOrder("D1", "", "0301", "呼吸内科", "A03", "D3301001", "李医生", NOW)
_VISIT = Visit(
    visit_id="", state=VisitState.REGISTERED, person_ref="H1", owner=_CALLER, order=_ORDER, insurance="310",
    person_number="9999000000000000001", person_type="11", insured_region="999900", visit_number="M1", patient_number="P1",
)  # fmt: skip
_SETTLEMENT = Settlement(
    settlement_id="", state=SettlementState.SETTLED, owner=_CALLER, total=_ALL, bill_digest="0" * 64,
    diagnoses_digest="0" * 64, use_account=True, created_at=NOW, batches=1, quoted=_SPLIT, expires_at=NOW,
    settle_message_id="0" * 30, settled=_SETTLED,
)  # fmt: skip


def units() -> Iterator[Unit]:
    """One after the other, no two alike."""
    for number in count(1):
        at = NOW + dt.timedelta(microseconds=number)
        visit_id, settlement_id, message_id = f"V{number:018d}", f"S{number:018d}", f"H99990000001{number:018d}"
        settlement = evolve(_SETTLEMENT, settlement_id=settlement_id, settle_message_id=message_id)
        event = CentreSettled(settlement_id, message_id, _SETTLED)
        yield Unit(
            records=(Record(at, visit_id, settlement_id, "CentreSettled", "SettleSent", "Settled", encode(event)),),
            visit=evolve(_VISIT, visit_id=visit_id, settlements=(settlement,)),
            now=at,
            intents=(Intent(message_id, visit_id, settlement_id, "2207", "0" * 64, _ALL.fen, at),),
        )


class Load:
    """So many callers on one journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._units = units()
        self._made: Iterator[Unit] = iter(())
        self._took: list[float] = []
        self.committed = 0

    async def measure(self, callers: int, seconds: float) -> dict[str, float]:
        """commits_per_s, units_per_batch, p50_ms, p99_ms, and cpu_us: of the whole process, a commit."""
        self._took = []
        self._made = iter(list(islice(self._units, int(seconds * MADE_PER_S))))
        gc.collect()
        gc.freeze()  # what was made is not walked again and again while it is used
        stats = self._journal.stats
        batches, spent, began = stats.batches, cpu_s(os.getpid()), time.perf_counter()
        await gatherResults([ensureDeferred(self._call(began + seconds)) for _ in range(callers)])
        took, number = time.perf_counter() - began, len(self._took)
        self.committed += number
        return {
            "callers": float(callers),
            "commits_per_s": number / took,
            "units_per_batch": number / (stats.batches - batches),
            "p50_ms": percentile(self._took, 0.5) * 1e3,
            "p99_ms": percentile(self._took, 0.99) * 1e3,
            "cpu_us": (cpu_s(os.getpid()) - spent) / number * 1e6,
        }

    async def _call(self, end: float) -> None:
        while (began := time.perf_counter()) < end:
            if (unit := next(self._made, None)) is None:
                return
            await self._journal.commit(unit)
            self._took.append(time.perf_counter() - began)


async def _measured(reactor: Any, url: str, seconds: float, callers: tuple[int, ...]) -> list[dict[str, float]]:
    database = open_database(url)
    ready(database)
    vault = Vault(database, KeptMasters([KeptMaster(AES, random.randbytes(32))]))
    journal = Journal(reactor, Writer(database, vault=vault))
    journal.start()
    load = Load(journal)
    results = [await load.measure(number, seconds / len(callers)) for number in callers]
    await journal.stop()
    reader = Reader(database)
    # What was counted is on the disk, and chained: a batch that lost a unit would show here.
    assert reader.head(tables.journal).sequence == load.committed
    assert reader.broken(tables.journal) is None
    database.dispose()
    return results


def main(where: str, seconds: float, callers: tuple[int, ...]) -> int:
    """Measure on that database, print the figures as one line of JSON; 0 when all that was counted is in the database."""
    reactor: Any = install()
    done: Deferred[list[dict[str, float]]] = Deferred()
    status = 1

    def end(results: list[dict[str, float]]) -> None:
        nonlocal status
        print(json.dumps(results), flush=True)
        status = 0

    def tell(failure: Failure) -> None:
        failure.printTraceback()  # type: ignore[no-untyped-call]  # Twisted's

    def begin() -> None:
        ensureDeferred(_measured(reactor, where, seconds, callers)).chainDeferred(done)

    done.addCallback(end)
    done.addErrback(tell)
    done.addBoth(lambda _: reactor.stop())
    reactor.callWhenRunning(begin)
    reactor.run()
    return status


def run(where: str, seconds: float, callers: tuple[int, ...]) -> int:
    """See the module."""
    if where != "postgresql":
        return main(f"sqlite:///{where}/journal.db", seconds, callers)
    cluster = Cluster()
    try:
        cluster.make()
        return main(cluster.url(cluster.create()), seconds, callers)
    finally:
        cluster.remove()


if __name__ == "__main__":
    sys.exit(run(sys.argv[1], float(sys.argv[2]), tuple(map(int, sys.argv[3:])) or CALLERS))
