"""One step of the flow as what is written: records, intents, feed rows. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from typing import Any

import sqlalchemy as sa
from attrs import define, evolve, field, frozen

from middleware.domain.centre import Holder
from middleware.domain.charge import Bill
from middleware.domain.command import AskBank, CallCentre, TellHis, WakeAt, WakePayer
from middleware.domain.destination import Addressed
from middleware.domain.errand import ErrandState, Matter
from middleware.domain.event import CancelConfirmed, CentreKnewPerson, Event
from middleware.domain.outcome import Answered, NotSent, Outcome, Refused, Unknown
from middleware.domain.payment import BankCard
from middleware.domain.visit import Settlement, Visit
from middleware.engine.views import feed_body
from middleware.ports import PreparedCall, PreparedPayment
from middleware.store.codec import decode_json, encode
from middleware.store.links import unlearn
from middleware.store.units import Ending, FeedEntry, Intent, Letter, Record, Request

Write = Callable[[sa.Connection], None]


@frozen(slots=True)
class Extra:
    """What an event brings to be written beside it."""

    person: tuple[str, Holder] | None = None
    bill: tuple[str, Bill] | None = None
    request: Request | None = None
    ending: Ending | None = None
    closed_letter: tuple[str, str] | None = None
    card: tuple[str, BankCard] | None = None  # its reference, and the card as the terminal read it
    work: Write | None = None  # of the same transaction; it may refuse


NOTHING = Extra()


@define
class Work:
    """One step while it is being made."""

    state: Visit
    records: list[Record] = field(factory=list)
    intents: list[Intent] = field(factory=list)
    letters: list[Letter] = field(factory=list)
    calls: list[tuple[CallCentre | AskBank, PreparedCall | PreparedPayment]] = field(factory=list)
    wakes: list[WakeAt | WakePayer] = field(factory=list)
    before: Visit | None = None
    version: int = 0  # of the visit that it was computed from
    epoch: int = 0  # the life in which that was
    since: str = ""  # from when on that life's clock tells the visit's times


def record_of(before: Visit | None, after: Visit, event: Event, now: dt.datetime) -> Record:
    """The journal record of one event (invariant 20)."""
    settlement_id = getattr(event, "settlement_id", "") or getattr(event, "errand_id", "")
    return Record(
        at=now,
        visit_id=after.visit_id,
        settlement_id=settlement_id,
        event=type(event).__name__,
        before=_state(before, settlement_id),
        after=_state(after, settlement_id),
        body=_with_legs(encode(_impersonal(event)), _legs(before, settlement_id), _legs(after, settlement_id)),
        words=getattr(event, _WORDS.get(type(event), "message"), ""),
    )


def _legs(visit: Visit | None, settlement_id: str) -> dict[int, str]:
    found = (s for s in visit.settlements if s.settlement_id == settlement_id) if visit else iter(())
    return {leg.number: str(leg.state) for s in found for leg in s.legs}


def _with_legs(body: str, before: dict[int, str], after: dict[int, str]) -> str:
    """The record says which payer's legs moved, and from where to where (invariant 20 holds for them too)."""
    moved = {f"{number}": [before.get(number, ""), state] for number, state in after.items() if before.get(number) != state}
    return encode(decode_json(body) | {"legs": moved}) if moved else body


# The member of an event that holds words of somebody else; of all others it is ``message``.
_WORDS: dict[type, str] = {CancelConfirmed: "reason"}
_AS_GOOD_AS_MONEY = ("voucher", "token", "cashier")  # of mobile payment: they lie in the visit, sealed


def _impersonal(event: Event) -> Event:
    """The event as the journal keeps it: whom it is about stands in the visit and the person table, never in the chain.

    A chain cannot be made to forget, so nothing goes into it that somebody may one day have the right to have erased. A
    stranger's words and a caller's may hold a name: they go beside the chain, sealed, and the chain names their digest.
    """
    if isinstance(event, CentreKnewPerson):
        return CentreKnewPerson(evolve(event.reply, person_number=""))
    members = (_WORDS.get(type(event), "message"), *_AS_GOOD_AS_MONEY)
    said = {member: "" for member in members if getattr(event, member, "")}
    silent: Event = evolve(event, **said) if said else event  # type: ignore[arg-type]  # not every event has them
    return silent


def _state(visit: Visit | None, settlement_id: str) -> str:
    if visit is None:
        return ""
    if not settlement_id:
        return str(visit.state)
    settled = (str(s.state) for s in visit.settlements if s.settlement_id == settlement_id)
    return next(settled, next((str(one.state) for one in visit.errands if one.errand_id == settlement_id), ""))


def begun_by_itself(before: Visit | None, after: Visit, event: Event, now: dt.datetime) -> list[Record]:
    """The first records of errands that no caller asked for: the step of another machine began them."""
    known = {one.errand_id for one in before.errands} if before else set()
    asked = getattr(event, "errand_id", "")
    return [
        Record(now, after.visit_id, one.errand_id, "ErrandBegun", "", str(one.state), encode({"matter": str(one.matter)}))
        for one in after.errands
        if one.errand_id not in known and one.errand_id != asked
    ]


def letters_of(command: TellHis, visit_id: str, to: Iterable[Addressed], now: dt.datetime) -> list[Letter]:
    """The command as letters, one a destination."""
    what = (visit_id, command.settlement_id, str(command.matter), now)
    return [Letter(one.control_id, *what, one.destination, one.copy) for one in to]


def published(before: Visit | None, after: Visit, institution: str, now: dt.datetime) -> tuple[FeedEntry, ...]:
    """The bureau's rows that this step gives: a settlement that came to stand, a cancel that was done."""
    known = {s.settlement_id: s for s in before.settlements} if before else {}
    return tuple(
        FeedEntry(kind, s.settlement_id, now, feed_body(after, s, institution, cancelled=kind == "cancelled"))
        for s in after.settlements
        for kind in _news(known.get(s.settlement_id), s)
    )


def _news(before: Settlement | None, after: Settlement) -> list[str]:
    news = []
    if after.settled is not None and (before is None or before.settled is None):
        news.append("settled")
    if after.cancelled is not None and (before is None or before.cancelled is None):
        news.append("cancelled")
    return news


def beside(before: Visit | None, after: Visit, work: Write | None, now: dt.datetime) -> Write | None:
    """What is done in the same transaction: what the event brought, and what a registration that was taken back undoes."""
    if before is None or _is_taken_back(before) or not _is_taken_back(after):
        return work
    undone = unlearn(after.visit_id, now)
    if work is None:
        return undone

    def both(connection: sa.Connection) -> None:
        work(connection)
        undone(connection)

    return both


def _is_taken_back(visit: Visit) -> bool:
    """The centre knows the registration no more that the visit has."""
    gone = ((one.matter, one.state, one.visit_number) for one in visit.errands)
    return (Matter.WITHDRAW_VISIT, ErrandState.DONE, visit.visit_number) in gone


def label(outcome: Outcome[Any]) -> str:
    """An outcome in one bounded word or two, for the journal and the metrics."""
    match outcome:
        case Answered():
            return "answered"
        case Refused():
            return "refused"
        case NotSent(fault):
            return f"not-sent {fault}"
        case Unknown(cause):
            return f"unknown {cause}"
