"""``python -m benchmarks.fill CONFIG NUMBER STATE``: the configured database with so many visits, by the real writer.

Each visit has a person, a bill, a settlement in that state and its 2207, sealed as the daemon would. The process then ends
as one that was killed: ``SettleSent`` leaves that many calls in flight for which nobody waits any more.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from pathlib import Path

from attrs import evolve

from benchmarks.journal import NOW, units
from config.load import load
from daemon.opening import open_store
from daemon.settings import Settings
from middleware.domain.centre import Holder
from middleware.domain.charge import Bill, ChargeLine, Diagnosis
from middleware.domain.identity import CardIdCode, CardNumber, IdNumber, PersonName
from middleware.domain.money import Money
from middleware.domain.visit import SettlementState
from middleware.store.units import Unit
from middleware.store.writer import Writer
from simulators.people import PEOPLE

TOGETHER = 256
_PERSON = next(iter(PEOPLE.values()))
_HOLDER = Holder(
    IdNumber(_PERSON.id_number), PersonName(_PERSON.name), CardNumber(_PERSON.card_number),
    CardIdCode(_PERSON.card_id_code), _PERSON.sex, _PERSON.nation, _PERSON.birth_date,
)  # fmt: skip
_LINES = tuple(
    ChargeLine(
        line_id=str(number), catalogue_code="X01", hospital_code="L01", name="示例", unit_price=Decimal("147.8"),
        quantity=Decimal(1), amount=Money(14_780), charged_at=NOW, department_code="0301", department_name="呼吸内科",
        doctor_code="D3301001", doctor_name="李医生",
    )
    for number in range(1, 6)
)  # fmt: skip
_BILL = Bill(_LINES, (Diagnosis("J06.900", "急性上呼吸道感染"),))


def whole(state: SettlementState) -> Iterator[Unit]:
    """One visit after the other, each with all that belongs to it."""
    for unit in units():
        visit = unit.visit
        assert visit is not None
        (before,) = visit.settlements
        settlement = evolve(before, state=state, settled=before.settled if state is SettlementState.SETTLED else None)
        person_ref = "H" + visit.visit_id[1:]
        yield evolve(
            unit,
            records=(evolve(unit.records[0], event="FirstByteLeft", after=str(state), body="{}"),),
            visit=evolve(visit, person_ref=person_ref, settlements=(settlement,)),
            person=(person_ref, _HOLDER),
            bill=(settlement.settlement_id, _BILL),
        )


def main(config: Path, number: int, state: SettlementState) -> None:
    """Fill it and leave without a word to the database."""
    settings = load(Settings, config)
    opened = open_store(settings)
    writer = Writer(opened.database, membership=settings.store.membership, vault=opened.vault)
    made = whole(state)
    for start in range(0, number, TOGETHER):
        results = writer.write(tuple(islice(made, min(TOGETHER, number - start))))
        assert results.count(None) == len(results), results
    print(f"{number} visits in {state}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), SettlementState(sys.argv[3]))
