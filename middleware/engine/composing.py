"""A letter as the message that it is: from what stands, with what people corrected."""

from __future__ import annotations

from attrs import evolve

from middleware.domain.command import WRITTEN, HisMatter, TellHis
from middleware.domain.correction import corrected, wire_id
from middleware.domain.his import HisMessage, RegisterPatient
from middleware.engine.his_news import content_of
from middleware.engine.runner import Engine
from middleware.flow.requests import his_message
from middleware.store.units import Letter


async def message_of(engine: Engine, letter: Letter) -> HisMessage:
    """The message; the same on each repeat. Raises ``Fault``, ``his.message`` when it can never be made."""
    message = await _as_it_stands(engine, letter)
    if not letter.revision:
        return message
    means = engine.means
    fields = await means.pool.run(means.reader.corrections, letter.control_id, letter.revision)
    made: HisMessage = evolve(corrected(message, fields), control_id=wire_id(letter.control_id, letter.revision))
    return made


async def _as_it_stands(engine: Engine, letter: Letter) -> HisMessage:
    if letter.matter in WRITTEN:
        return await content_of(engine.means, letter)
    # The disk may show a letter a moment before its visit is here: what is being written is waited for.
    async with engine.visits.alone(letter.visit_id):
        visit = await engine.visits.visit(letter.visit_id)
    holder = await engine.visits.holder(visit)
    bill = await engine.visits.bill(visit.visit_id, letter.settlement_id) if letter.settlement_id else None
    command = TellHis(HisMatter(letter.matter), letter.control_id, letter.settlement_id)
    message = his_message(command, visit, holder, bill, letter.created_at)
    if letter.copy and isinstance(message, RegisterPatient):
        # The number that its own HIS has given meanwhile: a copy leaves only after that.
        message = evolve(message, patient_number=visit.patient_number)
    return message
