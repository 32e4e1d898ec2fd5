"""What a caller is told, made from the journal's state and nothing else; shapes stand in ``counter.py``."""

from __future__ import annotations

from typing import Any

from middleware.domain.centre import FoundVisit, Holder
from middleware.domain.fault import FAULTS, Fault
from middleware.domain.mobile import STANDINGS, MobileOrder, Standing
from middleware.domain.order import References
from middleware.domain.payment import LegState, Means
from middleware.domain.pursuit import DOING, PERSON
from middleware.domain.remark import Remark
from middleware.domain.split import Split
from middleware.domain.visit import Settlement, SettlementState, Trouble, Visit, VisitState
from middleware.flow.guards import doing, not_now

Answer = dict[str, Any]
S = SettlementState

_MONEY = {
    S.SETTLED: "charged",
    S.DELIVERED: "charged",
    S.CANCEL_INTENDED: "charged",
    S.CANCEL_SENT: "charged",
    S.CANCELLED: "cancelled",
    S.REVERSED: "reversed",
    S.RECEIVED: "none",
    S.ITEMISED: "none",
    S.QUOTED: "none",
    S.REFUSED: "none",
}


def split_view(split: Split) -> Answer:
    """A split in yuan."""
    return {
        "total": split.total.yuan,
        "fund": split.fund.yuan,
        "account": split.account.yuan,
        "cash": split.cash.yuan,
        "hospital": split.hospital.yuan,
        "personal": split.personal.yuan,
        "family_account": split.family_account.yuan,
        "self_paid": split.self_paid.yuan,
        "over_limit": split.over_limit.yuan,
        "first_self_paid": split.first_self_paid.yuan,
        "in_scope": split.in_scope.yuan,
        "deductible": split.deductible.yuan,
        "balance_after": split.balance_after.yuan,
        "funds": [{"kind": f.kind, "name": f.name, "amount": f.amount.yuan} for f in split.funds],
    }


def _references(references: References) -> Answer:
    """What the hospital itself calls it, where somebody said so."""
    view: Answer = {"appointment": references.appointment} if references.appointment else {}
    return view | ({"order_numbers": list(references.orders)} if references.orders else {})


def registered_view(visit: Visit, holder: Holder) -> Answer:
    """patient.register's answer."""
    return {
        "visit_id": visit.visit_id,
        "status": "registered",
        "patient_number": visit.patient_number,
        "visit_number": visit.visit_number,
        "his": "untold" if visit.untold else "acknowledged",
        "holder": {
            "name": holder.name.masked,
            "id_number": holder.id_number.masked,
            "card_number": holder.card_number.masked,
        },
        "insurance": {
            "kind": visit.insurance,
            "person_type": visit.person_type,
            "region": visit.insured_region,
            "balance": visit.balance.yuan,
        },
        **_references(visit.order.references),
    }


def quoted_view(visit: Visit, s: Settlement) -> Answer:
    """settlement.quote's answer; what the catalogues say against its lines only when they do."""
    view: Answer = {
        "settlement_id": s.settlement_id,
        "visit_id": visit.visit_id,
        "state": "Quoted",
        "expires_at": s.expires_at.isoformat() if s.expires_at else "",
        "split": split_view(s.quoted) if s.quoted else {},
        **_references(s.references),
    }
    return view | ({"remarks": [remark_view(one) for one in s.remarks]} if s.remarks else {})


def remark_view(remark: Remark) -> Answer:
    """A remark as people read it."""
    zh, en = remark.texts
    return {
        "line_id": remark.line_id,
        "code": str(remark.kind),
        "catalogue": remark.catalogue,
        "value": remark.value,
        "zh": zh,
        "en": en,
    }


def settled_view(visit: Visit, s: Settlement) -> Answer:
    """settlement.settle's answer. ``certain`` is false when the centre's own amounts do not add up."""
    if s.settled is None:
        raise AssertionError("nothing was settled")
    return {
        "settlement_id": s.settlement_id,
        "visit_id": visit.visit_id,
        "state": "Settled",
        "settlement_number": s.settled.settlement_number,
        "settled_at": s.settled.settled_at.isoformat(),
        "message_id": s.settle_message_id,
        "certain": not s.broken_identities,
        "split": split_view(s.settled.split),
        **_references(s.references),
    }


def cancelled_view(visit: Visit, s: Settlement) -> Answer:
    """settlement.cancel's answer; amounts are negative."""
    if s.cancelled is None:
        raise AssertionError("nothing was cancelled")
    return {
        "settlement_id": s.settlement_id,
        "visit_id": visit.visit_id,
        "state": "Cancelled",
        "settlement_number": s.cancelled.settlement_number,
        "cancelled_at": s.cancelled.cancelled_at.isoformat(),
        "message_id": s.cancel_message_id,
        "split": split_view(s.cancelled.split),
        **_references(s.references),
    }


def money_of(s: Settlement) -> str:
    """Where the money is: none, charged, unknown, reversed or cancelled."""
    known = _MONEY.get(s.state, "unknown")
    return "unknown" if known in {"none", "reversed"} and s.is_open else known


def payment_view(s: Settlement) -> Answer:
    """How the own share is paid: what the bank has of it now."""
    leg = s.leg if s.means is Means.BANK_CARD else None
    if leg is None:
        return {"means": str(s.means)}
    kept = leg.state in {LegState.HELD, LegState.CAPTURE_INTENDED}
    view: Answer = {
        "means": str(s.means),
        "state": str(leg.state),
        "held": leg.hold.amount.yuan if kept else "0.00",
        "charged": leg.charged.yuan,
        "tries": leg.number,
    }
    if leg.held is not None:
        view |= {"reference": leg.held.reference, "authorisation": leg.held.authorisation}
    if leg.fault:
        spec = FAULTS[leg.fault]
        view["fault"] = {"code": spec.code, "zh": spec.zh, "en": spec.en, "detail": leg.detail}
        if leg.foreign:
            view["fault"]["foreign"] = leg.foreign
    if leg.next_due is not None:
        view["next_check_at"] = leg.next_due.isoformat()
    return view


def pursuit_view(visit: Visit, s: Settlement) -> Answer | None:
    """What is being done about an outcome that is not known, and what was shown meanwhile; None when none is in doubt."""
    if not (code := doing(s)):
        return None
    zh, en = DOING[code]
    view: Answer = {"doing": code, "zh": zh, "en": en, "attempts": s.reversal_attempts}
    if s.unknown_since is not None:
        view["since"] = s.unknown_since.isoformat()
    if s.pursuit is not None:
        view["asked"] = [str(one) for one in s.pursuit.through]
        if code != PERSON:
            view["person_at"] = s.pursuit.until.isoformat()
    if s.shown is not None:
        view["shown"] = {
            "at": s.shown.at.isoformat(),
            "message_id": s.shown.message_id,
            "visits": [_shown_view(visit, one) for one in s.shown.visits],
        }
    return view


def _shown_view(visit: Visit, found: FoundVisit) -> Answer:
    ours = found.visit_number == visit.visit_number or found.our_number == visit.visit_id
    view: Answer = {
        "visit_number": found.visit_number,
        "ours": ours,
        "med_type": found.med_type,
        "begun_at": found.begun_at,
    }
    return view | ({} if found.in_hospital is None else {"in_hospital": found.in_hospital})


def whole_view(visit: Visit, s: Settlement) -> Answer:
    """settlement.get's answer: all that is known now."""
    view: Answer = {
        "settlement_id": s.settlement_id,
        "visit_id": visit.visit_id,
        "state": str(s.state),
        "money": money_of(s),
        "delivered": s.delivered,
        "total": s.total.yuan,
    }
    if s.quoted is not None:
        view["quote"] = quoted_view(visit, s)
    if s.settled is not None:
        view["settled"] = settled_view(visit, s)
    if s.cancelled is not None:
        view["cancelled"] = cancelled_view(visit, s)
    if s.trouble is not None:
        spec = FAULTS[s.trouble.code]
        view["fault"] = {"code": spec.code, "zh": spec.zh, "en": spec.en, "detail": s.trouble.detail}
        if s.trouble.foreign:
            view["fault"]["foreign"] = s.trouble.foreign
    if s.next_due is not None:
        view["next_check_at"] = s.next_due.isoformat()
    if (pursued := pursuit_view(visit, s)) is not None:
        view["pursuit"] = pursued
    if s.legs:
        view["payment"] = payment_view(s)
    if s.mobile is not None:
        view["order"] = order_view(s.mobile)
    return view


def order_view(order: MobileOrder) -> Answer:
    """An order of mobile payment, without what is as good as money."""
    standing = STANDINGS.get(order.state, Standing.UNDECIDED) if order.state else Standing.UNDECIDED
    view: Answer = {
        "our_number": order.our_number,
        "order_number": order.number,
        "state": order.state,
        "standing": str(standing),
        "called_off": order.unwanted,
        "notices": order.noticed,
    }
    if order.expires_at is not None:
        view["expires_at"] = order.expires_at.isoformat()
    if (paid := order.amounts) is not None:
        view["amounts"] = {name: getattr(paid, name).yuan for name in ("total", "fund", "account", "cash")}
    return view


def ordered_view(visit: Visit, s: Settlement, order: MobileOrder) -> Answer:
    """mobile.order's answer: where the person pays. The page's address is as good as money, so it is kept sealed."""
    answer: Answer = {
        "settlement_id": s.settlement_id,
        "visit_id": visit.visit_id,
        "state": "Ordered" if order.handed else "Settled",
        "order_number": order.number,
        "expires_at": order.expires_at.isoformat() if order.expires_at else "",
        "pay": {"url": order.cashier} if order.handed else {},
    }
    if (paid := order.amounts) is not None:
        answer["amounts"] = {name: getattr(paid, name).yuan for name in ("total", "fund", "account", "cash")}
    return answer


def _fault(trouble: Trouble | None) -> Fault | None:
    return Fault(trouble.code, trouble.detail, foreign=trouble.foreign) if trouble else None


def register_answer(visit: Visit, holder: Holder) -> Answer | Fault | None:
    """The answer, the fault, or None while it is not known yet."""
    if visit.state is VisitState.REGISTERED:
        return registered_view(visit, holder)
    if visit.awaiting is None:
        return _fault(visit.trouble)
    return None


def quote_answer(visit: Visit, s: Settlement) -> Answer | Fault | None:
    """The same for a quote."""
    if s.quoted is not None:
        return quoted_view(visit, s)
    return _fault(s.trouble) if s.awaiting is None else None


def settle_answer(visit: Visit, s: Settlement) -> Answer | Fault | None:
    """The same for a settlement."""
    if s.settled is not None:
        return settled_view(visit, s)
    if s.state in {S.SETTLE_INTENDED, S.SETTLE_SENT, S.CONFIRM_INTENDED, S.CONFIRM_SENT}:
        return None
    if s.leg is not None and s.leg.state is LegState.HOLD_INTENDED:
        return None
    if s.state in {S.QUOTED, S.REFUSED}:
        return _fault(s.trouble)
    return not_now(s)


def order_answer(visit: Visit, s: Settlement) -> Answer | Fault | None:
    """The same for an order of mobile payment; it is final once the person was told where to pay."""
    if s.mobile is not None and (s.mobile.handed or s.mobile.own_paid):
        return ordered_view(visit, s, s.mobile)
    if s.awaiting is not None or s.state in {S.SETTLE_INTENDED, S.SETTLE_SENT}:
        return None
    if s.state in {S.QUOTED, S.REFUSED}:
        return _fault(s.trouble)
    return not_now(s)


def cancel_answer(visit: Visit, s: Settlement) -> Answer | Fault | None:
    """The same for a cancel."""
    if s.cancelled is not None:
        return cancelled_view(visit, s)
    if s.state in {S.CANCEL_INTENDED, S.CANCEL_SENT} or (s.state is S.ORDERED and s.mobile and s.mobile.unwanted):
        return None
    if s.state in {S.SETTLED, S.DELIVERED}:
        return _fault(s.trouble)
    return not_now(s)


def feed_body(visit: Visit, s: Settlement, institution: str, *, cancelled: bool) -> Answer:
    """A bureau row: numbers that the centre knows, and amounts; no personal data."""
    number, split, when, message_id = ("", s.quoted, None, "")
    if cancelled and s.cancelled is not None:
        number, split, when = s.cancelled.settlement_number, s.cancelled.split, s.cancelled.cancelled_at
        message_id = s.cancel_message_id
    elif s.settled is not None:
        number, split, when = s.settled.settlement_number, s.settled.split, s.settled.settled_at
        message_id = s.settle_message_id
    body: Answer = {
        "institution": institution,
        "settlement": s.settlement_id,
        "visit": visit.visit_id,
        "settlement_number": number,
        "visit_number": visit.visit_number or (s.settled.visit_number if s.settled else ""),
        "message_id": message_id,
        "transaction": str(visit.cancel_call(s) if cancelled else visit.settle_call(s)),
        "insurance": visit.insurance,
        "insured_region": visit.insured_region,
        "med_type": visit.order.med_type,
        "clearing_type": s.settled.clearing_type if s.settled else "",
        "centre_time": when.isoformat() if when else "",
        "certain": not s.broken_identities,  # false: the centre's own amounts do not add up
    }
    if split is not None:
        body |= {name: getattr(split, name).yuan for name in ("total", "fund", "account", "cash", "hospital")}
    if s.means is not Means.CASH:
        body["payment"] = str(s.means)
    if cancelled and s.settled is not None:
        body["corrects"] = s.settled.settlement_number
    return body
