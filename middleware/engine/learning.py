"""What a registration's answer teaches: the HIS's number of the person whose card or voucher was read.

It is a link and a patient as the HIS's own messages make them: what contradicts another is listed for two persons and never
guessed away, and registering goes on. A registration that is taken back takes it along, unless somebody else said the same.
"""

from __future__ import annotations

import re
from typing import Any

import structlog

from middleware.domain.centre import Holder
from middleware.domain.document import is_payable
from middleware.domain.fault import Fault
from middleware.domain.identity import MediumNumber
from middleware.domain.told import NumberKind, PatientFacts, TheNumber
from middleware.engine.identifiers import new_id
from middleware.engine.linking import conflict_of
from middleware.engine.runner import Engine
from middleware.store import links
from middleware.store.codec import encode
from middleware.store.links import Made
from middleware.store.units import Record, Unit, WorkRefusedError

log = structlog.get_logger()

_NUMBER = re.compile(r"[!-~]{1,64}\Z")


async def learn(engine: Engine, visit_id: str, patient_number: str, epoch: int) -> None:
    """Remember that the visit's person is that patient of the HIS. Raises only trouble of the house (``system.*``).

    ``epoch``: the life that heard it; one that is over teaches nothing.
    """
    if not _NUMBER.match(patient_number):
        return
    means = engine.means
    holder = await engine.visits.holder(await engine.visits.visit(visit_id))
    if not is_payable(holder.id_number):
        return
    run, reader, now = means.pool.run, means.reader, means.now()
    clear = (patient_number, holder.id_number.reveal(), holder.name.reveal())
    kind = str(NumberKind.PATIENT)
    if await run(reader.links.is_known, kind, *clear, visit_id):
        return
    link_id = new_id(means, "N")
    facts = {"link_id": link_id, "kind": kind, "account": links.LEARNED, "terminal": visit_id, "moved_at": ""}
    new = await run(reader.links.new, facts, *clear, now)
    told: list[Made] = []
    works = (
        reader.his_people.put(new_id(means, "P"), _facts(holder, patient_number), 0, now),
        links.add(new, conflict_of(link_id), told),
    )

    def work(connection: Any) -> None:
        try:
            for one in works:
                one(connection)
        except Fault as fault:  # of what is stored already, and no trouble of the database's
            raise WorkRefusedError(fault) from None

    body = encode({"visit_id": visit_id, "link_id": link_id})
    record = Record(now, "", "", "HisNumberLearned", "", "", body)
    try:
        await means.journal.commit(Unit(records=(record,), now=now, work=work, epoch=epoch))
    except Fault as fault:
        if fault.code.startswith("system."):
            raise
        log.warning("his.number_not_linked", visit_id=visit_id, code=fault.code)
        return
    if told[-1].conflicts:
        log.warning("his.number_disputed", visit_id=visit_id, conflicts=len(told[-1].conflicts))


def _facts(holder: Holder, patient_number: str) -> PatientFacts:
    """As the card says it: the card's number finds the patient, too. A message of the HIS is worth more (sequence 0)."""
    card = holder.card_number.reveal()
    return PatientFacts(
        MediumNumber(patient_number),
        holder.name,
        holder.id_number,
        f"{holder.birth_date:%Y%m%d}",
        holder.sex if holder.sex in {"1", "2"} else "",
        numbers=(TheNumber(NumberKind.INSURANCE, MediumNumber(card)),) if card else (),
    )
