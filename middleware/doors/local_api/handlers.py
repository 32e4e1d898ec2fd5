"""One short function a method: parameters in, the business's answer out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

from attrs import frozen

from middleware.domain.card import CardEvent
from middleware.domain.health import PartHealth, asked, described, overall
from middleware.domain.order import Caller
from middleware.doors.local_api import mapping
from middleware.doors.local_api.message import notification_line
from middleware.doors.local_api.params import (
    AdmitParams,
    CancelParams,
    CardReadParams,
    ChangeParams,
    ChargeParams,
    DeskApproveParams,
    DeskListParams,
    DeskProposeParams,
    DeskRejectParams,
    DeskShowParams,
    DischargeParams,
    GetParams,
    NoParams,
    QuoteParams,
    RegisterParams,
    SettleParams,
    ShiftTotalsParams,
    VisitGetParams,
    VisitParams,
)
from middleware.doors.local_api.session import Session
from middleware.engine.card_sessions import CardSessions
from middleware.engine.catalogue_desk import CatalogueBusiness
from middleware.engine.counter import Answer, Counter, Desk, ErrandOrder, Reconciliation
from middleware.engine.debit_desk import Debits
from middleware.engine.destinations import Destinations
from middleware.engine.driver import Driver
from middleware.engine.enquiry import Enquiries
from middleware.engine.filing_desk import Filings
from middleware.engine.finding import Finding
from middleware.engine.inbox import Inboxes
from middleware.engine.keydesk import Keys
from middleware.engine.letters import Letters
from middleware.engine.media import Media
from middleware.engine.registries import Registry
from middleware.engine.told import HisTold
from middleware.ports import Clock, Readers


@frozen(slots=True)
class Business:
    """Whom the door asks."""

    counter: Counter
    readers: Readers
    health: Sequence[Callable[[], PartHealth]]
    clock: Clock
    now: Callable[[], dt.datetime]  # wall time, aware
    version: str
    desk: Desk
    reconciliation: Reconciliation
    keys: Keys | None = None
    registry: Registry | None = None
    inbox: Inboxes | None = None
    cards: CardSessions | None = None
    driver: Driver | None = None
    media: Media | None = None
    letters: Letters | None = None
    destinations: Destinations | None = None
    debits: Debits | None = None
    told: HisTold | None = None
    finding: Finding | None = None
    enquiries: Enquiries | None = None
    filings: Filings | None = None
    catalogues: CatalogueBusiness | None = None


@frozen(slots=True)
class Visit:
    """One request's surroundings: who asks, on which connection, and whom the door may ask."""

    business: Business
    session: Session
    caller: Caller


async def reader_list(visit: Visit, _params: NoParams) -> Answer:
    """What is known of each reader now."""
    return {
        "readers": [
            {"name": status.name, "state": status.state, "fault": status.fault}
            for status in visit.business.readers.statuses()
        ]
    }


async def reader_watch(visit: Visit, _params: NoParams) -> Answer:
    """Tell this connection of each card that comes or goes, until it closes. Asking twice watches once."""
    session = visit.session

    def tell(event: CardEvent) -> None:
        params = {"kind": event.kind, "reader": event.reader, "at": event.at.isoformat()}
        session.send(notification_line("reader.card", params, session.charset))

    if session.end_watch is None:
        session.end_watch = visit.business.readers.watch(tell)
    return {"watching": True}


async def card_read(visit: Visit, params: CardReadParams) -> Answer:
    """Read the card in one reader."""
    return await visit.business.counter.read_card(visit.caller, params.reader)


async def patient_register(visit: Visit, params: RegisterParams) -> Answer:
    """Register the holder of the card."""
    return await visit.business.counter.register(visit.caller, params.request_id, mapping.register_order(params))


async def inpatient_admit(visit: Visit, params: AdmitParams) -> Answer:
    """Begin a stay of the holder of the card."""
    return await visit.business.counter.register(visit.caller, params.request_id, mapping.admit_order(params))


async def inpatient_charge(visit: Visit, params: ChargeParams) -> Answer:
    """Charge a stay."""
    return await _errand(visit, params.request_id, "inpatient.charge", mapping.charge_order(params))


async def inpatient_withdraw_charges(visit: Visit, params: VisitParams) -> Answer:
    """Take back what was charged and is not settled."""
    return await _errand(visit, params.request_id, "inpatient.withdraw_charges", mapping.visit_order(params))


async def inpatient_discharge(visit: Visit, params: DischargeParams) -> Answer:
    """End a stay."""
    return await _errand(visit, params.request_id, "inpatient.discharge", mapping.discharge_order(params))


async def inpatient_change(visit: Visit, params: ChangeParams) -> Answer:
    """Another ward, bed, doctor or diagnosis."""
    return await _errand(visit, params.request_id, "inpatient.change", mapping.change_order(params))


async def inpatient_undo_discharge(visit: Visit, params: VisitParams) -> Answer:
    """Let it go on."""
    return await _errand(visit, params.request_id, "inpatient.undo_discharge", mapping.visit_order(params))


async def visit_withdraw(visit: Visit, params: VisitParams) -> Answer:
    """Take a registration or an admission back."""
    return await _errand(visit, params.request_id, "visit.withdraw", mapping.visit_order(params))


async def visit_get(visit: Visit, params: VisitGetParams) -> Answer:
    """What is known of a visit now."""
    return await visit.business.counter.visit(visit.caller, params.visit_id)


async def _errand(visit: Visit, key: str, method: str, order: ErrandOrder) -> Answer:
    return await visit.business.counter.errand(visit.caller, key, method, order)


async def settlement_quote(visit: Visit, params: QuoteParams) -> Answer:
    """How would this bill split."""
    return await visit.business.counter.quote(visit.caller, params.request_id, mapping.quote_order(params))


async def settlement_settle(visit: Visit, params: SettleParams) -> Answer:
    """Settle what was quoted."""
    return await visit.business.counter.settle(visit.caller, params.request_id, mapping.settle_order(params))


async def settlement_cancel(visit: Visit, params: CancelParams) -> Answer:
    """Undo a finished settlement."""
    return await visit.business.counter.cancel(visit.caller, params.request_id, mapping.cancel_order(params))


async def settlement_get(visit: Visit, params: GetParams) -> Answer:
    """What is known of a settlement now."""
    mapping.check_get(params)
    return await visit.business.counter.get(
        visit.caller, settlement_id=params.settlement_id, request_id=params.request_id
    )  # fmt: skip


async def settlement_explain(visit: Visit, params: GetParams) -> Answer:
    """The split of a bill as people are told it."""
    mapping.check_get(params)
    return await visit.business.counter.explain(
        visit.caller, settlement_id=params.settlement_id, request_id=params.request_id
    )  # fmt: skip


async def shift_totals(visit: Visit, params: ShiftTotalsParams) -> Answer:
    """Sums of the caller's own terminal."""
    mapping.check_shift(params)
    return await visit.business.counter.shift_totals(visit.caller, params.since, params.until)


async def desk_list(visit: Visit, params: DeskListParams) -> Answer:
    """What is in doubt."""
    return await visit.business.desk.list(params.after, params.limit)


async def desk_show(visit: Visit, params: DeskShowParams) -> Answer:
    """All that is known of one."""
    return await visit.business.desk.show(params.settlement_id)


async def desk_propose(visit: Visit, params: DeskProposeParams) -> Answer:
    """Propose what is true."""
    decision, evidence = mapping.decision(params), mapping.evidence(params.evidence)
    return await visit.business.desk.propose(visit.caller, params.settlement_id, decision, evidence)


async def desk_approve(visit: Visit, params: DeskApproveParams) -> Answer:
    """Approve what another person proposed."""
    return await visit.business.desk.approve(visit.caller, params.settlement_id, params.proposal)


async def desk_reject(visit: Visit, params: DeskRejectParams) -> Answer:
    """Reject it, or take it back."""
    mapping.check_reason(params)
    return await visit.business.desk.reject(visit.caller, params.settlement_id, params.proposal, params.reason)


async def system_status(visit: Visit, _params: NoParams) -> Answer:
    """How every part is."""
    business = visit.business
    parts = asked(business.health)
    answer: dict[str, Any] = {
        "version": business.version,
        "at": business.now().isoformat(),
        "condition": overall(parts).value,
        "parts": [described(part) for part in parts],
    }
    return answer
