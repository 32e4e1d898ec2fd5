"""A quote, or a stay's charges, of what the HIS charged: open lines of the patient of a visit, each in one bill only.

Whose charges they are is never guessed: the visit's person is the one whose card or voucher was read, and the charges are
that person's by their document, or by the HIS's own number of this visit.
"""

from __future__ import annotations

import datetime as dt

from attrs import frozen

from middleware.domain.charge import MAX_LINES
from middleware.domain.fault import Fault
from middleware.domain.identity import MediumNumber
from middleware.domain.kind import VisitKind
from middleware.domain.order import HisQuoteOrder, QuoteOrder
from middleware.domain.patients import is_the_holder
from middleware.domain.registry import LinkState
from middleware.domain.told import NumberKind
from middleware.domain.visit import Visit
from middleware.engine.counter import Answer
from middleware.engine.identifiers import new_id
from middleware.engine.linking import conflict_of
from middleware.engine.masters import filled_in
from middleware.engine.runner import Engine, Means
from middleware.store.codec import encode
from middleware.store.his_charges import Stored, check_lines, claim, still_held
from middleware.store.his_people import Known
from middleware.store.links import Found, Work, dispute
from middleware.store.units import Record, Unit


@frozen(slots=True)
class Taken:
    """The lines as a quote's order, and the work that makes them that settlement's."""

    order: QuoteOrder
    lines: tuple[Stored, ...]
    visit: Visit
    now: dt.datetime

    def claim(self, settlement_id: str) -> Work:
        """Done in the transaction that begins the settlement."""
        return claim(settlement_id, self.visit.visit_id, self.lines, self.now)


async def take(engine: Engine, visit: Visit, order: HisQuoteOrder) -> Taken:
    """Read what is open and judge whose it is; what a line lacks and the HIS's registers say is filled in.

    A stay is charged as often as needed, at most ``MAX_LINES`` at a time. Raises ``identity.mismatch``, ``charge.none`` and
    ``charge.incomplete``.
    """
    means = engine.means
    run, reader = means.pool.run, means.reader
    number = order.patient or visit.patient_number
    known: Known | None = await run(reader.his_people.of_number, number) if number else None
    same = await run(reader.his_people.same_as, number) if number else frozenset()
    holder = await engine.visits.holder(visit)
    facts = known.facts if known is not None else None
    if facts is None or not is_the_holder(facts, holder.id_number, visit.patient_number, same):
        raise Fault("identity.mismatch")
    said = [link for one in sorted(same) for link in await run(reader.links.of_medium, str(NumberKind.PATIENT), one)]
    if others := [link for link in said if link.id_number != holder.id_number.reveal()]:
        await _listed(means, [link for link in said if link not in others], others)
        raise Fault("identity.mismatch", "the patient's number is disputed: identity.list")
    most = MAX_LINES if visit.order.kind is VisitKind.INPATIENT else MAX_LINES + 1
    now = means.now()
    found = await run(reader.his_charges.to_charge, sorted(same), order.encounter, most)
    free = await run(filled_in, reader.his_masters, found, now)
    whole = check_lines(free)
    return Taken(QuoteOrder(visit.visit_id, order.diagnoses, whole, order.use_account), free, visit, now)


async def _listed(means: Means, mine: list[Found], others: list[Found]) -> None:
    """Who hears that a number is disputed finds it on the list: also that two numbers of one patient name two people."""
    unasked = [link.link_id for link in others if link.state is not LinkState.DISPUTED]
    if mine and unasked:
        now = means.now()
        work = dispute(conflict_of(new_id(means, "N")), mine[0].link_id, unasked, now)
        record = Record(now, "", "", "IdentityDisputed", "", "", encode({"first": mine[0].link_id, "others": unasked}))
        await means.journal.commit(Unit(records=(record,), now=now, work=work))


async def unchanged(engine: Engine, visit: Visit, *settlements: str) -> Work | None:
    """Nothing of these and of the visit's charges was changed by the HIS; the same question for a transaction.

    None where they hold no lines of the HIS. Raises ``settlement.quote_changed``.
    """
    holds = engine.means.reader.his_charges.holds
    charged = [one.errand_id for one in visit.charges]
    owners = []
    for owner in (*settlements, *charged):
        held = await engine.means.pool.run(holds, owner)
        if held is False:
            told = "inpatient.withdraw_charges, then charge anew" if owner in charged else "or it was quoted anew"
            raise Fault("settlement.quote_changed", f"the HIS changed a line, {told}")
        owners += [owner] if held else []
    return still_held(owners) if owners else None


class HisChargeDesk:
    """What a person sees of the HIS's charges."""

    def __init__(self, means: Means) -> None:
        self._means = means

    async def list(self, patient: MediumNumber, *, every: bool) -> Answer:
        """Lines of a patient by the HIS's number; without one, those that the HIS changed after they were taken."""
        run, reader = self._means.pool.run, self._means.reader
        if patient:
            same = await run(reader.his_people.same_as, patient.reveal())
            found = await run(reader.his_charges.of_patients, sorted(same), MAX_LINES, every=every)
        else:
            found = await run(reader.his_charges.late, MAX_LINES)
        return {"lines": [_view(one) for one in found]}


def _view(one: Stored) -> Answer:
    line = one.line
    return {
        "link": one.link,
        "line_id": line.line_id,
        "state": one.state,
        "encounter": one.encounter,
        "catalogue_code": line.catalogue_code,
        "hospital_code": line.hospital_code,
        "unit_price": str(line.unit_price),
        "quantity": str(line.quantity),
        "amount": line.amount.yuan,
        "charged_at": line.charged_at.isoformat(),
        "lacks": list(one.lacks),
        "version": one.version,
        "changed_late": one.late,
        "settlement_id": one.settlement_id,
        "inbox": one.sequence,
    }
