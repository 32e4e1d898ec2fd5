"""What asking the registers costs: a card against a long list, when it is read and before a settlement.

python -m benchmarks.gate [cards]     a list of so many cards, 100,000 by default
"""

from __future__ import annotations

import datetime as dt
import random
import statistics
import sys
import tempfile
import time

import sqlalchemy as sa

from middleware.domain.card_list import ListedCard
from middleware.domain.registry import ListReason, ListState
from middleware.store import tables as t
from middleware.store.ciphers import AES
from middleware.store.database import open_database, ready
from middleware.store.masters import KeptMaster, KeptMasters
from middleware.store.registers import Registers, add_to_list, begin_list, finish_list
from middleware.store.units import Unit
from middleware.store.vault import Vault
from middleware.store.writer import Writer

CARDS, PART, LOOKS = 100_000, 1000, 3000
_CODE = "999900D15600000500"


def main() -> int:
    """Print the figures; 0."""
    cards = int(sys.argv[1]) if len(sys.argv) > 1 else CARDS
    now = dt.datetime.now(dt.UTC)
    with tempfile.TemporaryDirectory() as folder:
        engine = open_database(f"sqlite:///{folder}/y.db")
        ready(engine)
        vault = Vault(engine, KeptMasters([KeptMaster(AES, b"a master key of the benchmark 00")]))
        writer, registers = Writer(engine, vault=vault), Registers(engine, vault)
        loading = _load(writer, registers, cards, now)
        _say("list", f"{cards:,} cards in {loading:.1f} s, {cards / loading:,.0f} a second, in parts of {PART}")
        for what, known in (("listed", True), ("not listed", False)):
            took = [_look(registers, number, known=known) for number in _numbers(cards)]
            p99 = statistics.quantiles(took, n=100)[98]
            _say(what, f"p50 {statistics.median(took) * 1e6:.0f} us, p99 {p99 * 1e6:.0f} us for one card")
        bare = [_bare(engine) for _ in range(LOOKS)]
        _say("bare", f"p50 {statistics.median(bare) * 1e6:.0f} us for one SELECT by key on the same engine")
        writer.close()
        engine.dispose()
    return 0


def _load(writer: Writer, registers: Registers, cards: int, now: dt.datetime) -> float:
    row = {
        "list_id": "L1", "source": "bench", "mode": "add", "state": str(ListState.LOADING), "rows": 0, "expected": cards,
        "file_digest": "", "by": "bench", "begun_at": now.isoformat(), "ended_at": "",
    }  # fmt: skip
    began = time.perf_counter()
    works = [begin_list(row)]
    for first in range(0, cards, PART):
        part = [ListedCard(("card_id_code", f"{_CODE}{n:014d}"), ListReason.LOST, now) for n in range(first, first + PART)]
        works.append(add_to_list("L1", registers.rows_of(part, "L1", now), len(part)))
        _write(writer, works, now)
    works.append(finish_list("L1", "", ListState.CURRENT, None))
    _write(writer, works, now)
    return time.perf_counter() - began


def _write(writer: Writer, works: list[object], now: dt.datetime) -> None:
    while works:
        (result,) = writer.write([Unit(now=now, work=works.pop(0))])  # type: ignore[arg-type]
        if result is not None:
            raise result


def _numbers(cards: int) -> list[int]:
    return random.Random(1).choices(range(cards), k=LOOKS)


def _look(registers: Registers, number: int, *, known: bool) -> float:
    code = f"{_CODE}{number:014d}" if known else f"110000{number:026d}"
    began = time.perf_counter()
    found = registers.listing(code, "A12345678")
    took = time.perf_counter() - began
    if (found is not None) is not known:
        raise AssertionError("the list says otherwise")
    return took


def _bare(engine: sa.Engine) -> float:
    began = time.perf_counter()
    with engine.connect() as connection:
        connection.execute(sa.select(t.card_list.c.state).where(t.card_list.c.list_id == "L1")).one()
    return time.perf_counter() - began


def _say(what: str, told: str) -> None:
    sys.stdout.write(f"{what:12} {told}\n")


if __name__ == "__main__":
    sys.exit(main())
