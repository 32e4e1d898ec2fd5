"""Our side of a comparison: the rows of a day, and what is in doubt, as the journal's state has them. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from middleware.domain.centre import CANCEL_CALLS, SETTLE_CALLS
from middleware.domain.money import Money
from middleware.domain.split import Split
from middleware.domain.statement import DetailRow, Slice
from middleware.domain.visit import Settlement, SettlementState, Visit
from middleware.flow.comparing import About, Booked, Doubt
from middleware.store.statements import Key, Message

# Nothing stands at the centre: the message was undone, or never done. So there is no row (statement).
_NONE_THERE = frozenset({SettlementState.REVERSED, SettlementState.REFUSED})
_IN_DOUBT = frozenset({SettlementState.UNKNOWN, SettlementState.MANUAL})


def booked(visits: Iterable[Visit], day: dt.date, zone: dt.tzinfo) -> list[Booked]:
    """Our rows of that day of the centre's calendar."""
    return _booked(visits, lambda _message_id, at: at.astimezone(zone).date() == day)


def booked_by(visits: Iterable[Visit], messages: Collection[str]) -> list[Booked]:
    """Our rows that these messages made."""
    return _booked(visits, lambda message_id, _at: message_id in messages)


def _booked(visits: Iterable[Visit], wanted: Callable[[str, dt.datetime], bool]) -> list[Booked]:
    return [row for visit in visits for s in visit.settlements for row in _rows(visit, s, wanted)]


def _rows(visit: Visit, s: Settlement, wanted: Callable[[str, dt.datetime], bool]) -> Iterator[Booked]:
    if s.settled is None or s.state in _NONE_THERE:
        return
    slice_ = Slice(visit.insurance, s.settled.clearing_type, s.settled.clearing_agency)
    if wanted(s.settle_message_id, s.settled.settled_at):
        row = _row(visit, s.settled.settlement_number, s.settled.split, s.settle_message_id, refund=False)
        yield Booked(row, slice_, about(visit, s))
    if s.cancelled is not None and wanted(s.cancel_message_id, s.cancelled.cancelled_at):
        row = _row(visit, s.cancelled.settlement_number, s.cancelled.split, s.cancel_message_id, refund=True)
        yield Booked(row, slice_, about(visit, s), s.settle_message_id)


def _row(visit: Visit, number: str, split: Split, message_id: str, *, refund: bool) -> DetailRow:
    return DetailRow(
        settlement_number=number,
        visit_number=visit.visit_number,
        person_number=visit.person_number,
        total=split.total,
        fund=split.fund,
        account=split.account,
        cash=split.cash,
        refund=refund,
        message_id=message_id,
        insurance=visit.insurance,
    )


def about(visit: Visit, s: Settlement, message_id: str | None = None, *, refund: bool = False) -> About:
    """The settlement as it is now. With a message: whether that is its newest of the kind."""
    newest = True
    if message_id is not None:
        newest = message_id == s.settle_message_id and not refund
        if refund and s.cancel_message_id:  # which id a refund carries no text says
            newest = message_id in {s.cancel_message_id, s.settle_message_id}
    doubts_refund = None
    if s.state in _IN_DOUBT and s.unknown_call is not None:
        doubts_refund = s.unknown_call in CANCEL_CALLS
    return About(s.settlement_id, visit.visit_id, s.state, s.seen, doubts_refund, newest)


def doubts(visits: Iterable[Visit], messages: Mapping[str, Message]) -> list[Doubt]:
    """What is in doubt, with the time of each message's own intent."""
    found = []
    for visit in visits:
        for s in visit.settlements:
            now = about(visit, s)
            if now.doubts_refund is None:
                continue
            message_id = s.cancel_message_id if now.doubts_refund else s.settle_message_id
            if (message := messages.get(message_id)) is not None:
                at = message.intended_at
                found.append(Doubt(now, message_id, now.doubts_refund, at, visit.insurance, visit.order.med_type))
    return found


def doubtful_ids(visits: Iterable[Visit]) -> set[str]:
    """The messages that ``doubts`` wants to know of."""
    return {one for visit in visits for s in visit.settlements for one in (s.settle_message_id, s.cancel_message_id) if one}


def is_refund(call: str) -> bool | None:
    """Whether a message of that call makes a refund's row, a settlement's, or none."""
    if call in {str(one) for one in CANCEL_CALLS}:
        return True
    return False if call in {str(one) for one in SETTLE_CALLS} else None


def keys_of(visits: Iterable[Visit], rows: Iterable[Booked]) -> set[Key]:
    """Under which keys these rows were cleared, and for what care."""
    care = {visit.visit_id: visit.order.med_type for visit in visits}
    return {Key(care[row.about.visit_id], row.slice) for row in rows}


def fen(amount: Money | None) -> int | None:
    """For a column."""
    return None if amount is None else amount.fen
