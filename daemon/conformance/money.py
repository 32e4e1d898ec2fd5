"""Settling at a centre so that nothing stays behind: whatever was settled is undone, or named in the list of what is left.

The order is the product's own: a call whose outcome nobody knows is never sent again; it is reversed (2601) where the
region lets that be, and what could not be undone stands in the list with its message id.
"""

from __future__ import annotations

import attrs

from daemon.conformance.table import End, Note
from daemon.conformance.talk import Stopped, Talk
from middleware.domain.centre import (
    Call,
    CancelSettlement,
    Confirm,
    Holder,
    PreSettle,
    Quoted,
    Reverse,
    Settle,
    Settled,
    SettlementCancelled,
    VisitFacts,
    call_of,
)
from middleware.domain.charge import ChargeLine, bill_total
from middleware.domain.identity import Password
from middleware.domain.outcome import Answered, NotSent, Refused
from middleware.domain.split import IDENTITIES, Split, broken_identities
from middleware.domain.statement import DetailRow, Slice


@attrs.frozen(slots=True)
class Bill:
    """What is settled: of a pharmacy ``carried`` holds the lines, of everything else they were uploaded before."""

    visit: VisitFacts
    holder: Holder
    batch: str
    lines: tuple[ChargeLine, ...]
    carried: tuple[ChargeLine, ...] = ()
    password: Password | None = None  # the person's, where the region wants it
    use_account: bool = True


@attrs.frozen(slots=True)
class Booked:
    """A settlement that the centre holds, and that must not stay there."""

    message_id: str
    visit: VisitFacts
    reply: Settled

    @property
    def slice(self) -> Slice:
        """Where it is compared."""
        return Slice(self.visit.insurance, self.reply.clearing_type, self.reply.clearing_agency)

    def row(self) -> DetailRow:
        """As the books have it."""
        return _row(self, self.reply.settlement_number, self.message_id, self.reply.split, refund=False)

    def refund(self, message_id: str, reply: SettlementCancelled) -> DetailRow:
        """Its cancel as the books have it."""
        return _row(self, reply.settlement_number, message_id, reply.split, refund=True)


def _row(booked: Booked, number: str, message_id: str, split: Split, *, refund: bool) -> DetailRow:
    return DetailRow(
        number, booked.visit.visit_number, booked.visit.person_number, split.total, split.fund, split.account,
        split.cash, refund, message_id, booked.visit.insurance,
    )  # fmt: skip


def sound(split: Split) -> Note:
    """Which identities of a split do not hold; nothing when all do."""
    broken = broken_identities(split)
    return Note(f"金额恒等式不成立：{broken}", "; ".join(IDENTITIES[number] for number in broken)) if broken else Note()


async def quote(talk: Talk, bill: Bill) -> Split:
    """The centre's split, or ``Stopped``."""
    request = PreSettle(
        bill.visit, bill.holder, bill.batch, bill_total(bill.lines), use_account=bill.use_account, lines=bill.carried
    )
    quoted: Quoted
    _, quoted = await talk.must(request, judge=lambda reply: sound(reply.split))
    return quoted.split


async def settle(talk: Talk, bill: Bill, quoted: Split, reversible: frozenset[str], finish: Call | None = None) -> Booked:
    """Settle it, or ``Stopped`` with all that could be undone undone."""
    request = Settle(
        bill.visit, bill.holder, bill.batch, bill_total(bill.lines), use_account=bill.use_account, quoted=quoted,
        lines=bill.carried, password=bill.password,
    )  # fmt: skip
    call = call_of(request)
    message_id, outcome = await talk.say(request, judge=lambda reply: _as_quoted(reply, quoted))
    match outcome:
        case Answered(reply) if isinstance(reply, Settled):
            talk.left[message_id] = f"{call} {reply.settlement_number} {message_id}"
            visit = attrs.evolve(bill.visit, visit_number=reply.visit_number or bill.visit.visit_number)
            booked = Booked(message_id, visit, reply)
            if finish is not None:
                await _finish(talk, booked, finish, call, reversible)
            return booked
        case Refused() | NotSent():
            raise Stopped(call.value)
        case _:
            talk.left[message_id] = f"{call} 结果不明 / outcome unknown {message_id}"
            if call.value in reversible:
                await reverse(talk, bill.visit, message_id, call, End.ANY_ANSWER)
            raise Stopped(call.value)


async def _finish(talk: Talk, booked: Booked, finish: Call, call: Call, reversible: frozenset[str]) -> None:
    """What the region wants after the yes; without its own yes the settlement is undone."""
    _, outcome = await talk.say(Confirm(booked.visit, booked.reply.settlement_number, finish))
    if not isinstance(outcome, Answered):
        if call.value in reversible:
            await reverse(talk, booked.visit, booked.message_id, call, End.ANY_ANSWER)
        raise Stopped(finish.value)


def _as_quoted(reply: Settled, quoted: Split) -> Note:
    if reply.split.total != quoted.total or reply.split.fund != quoted.fund:
        return Note("与预结算不一致", "not as quoted")
    return sound(reply.split)


async def reverse(talk: Talk, visit: VisitFacts, message_id: str, call: Call, expected: End = End.ANSWERED) -> bool:
    """2601 of that message, once; whether it was done. What it undid is left no more."""
    _, outcome = await talk.say(Reverse(visit, message_id, call), expected)
    if isinstance(outcome, Answered):
        talk.left.pop(message_id, None)
    return isinstance(outcome, Answered)


async def cancel(talk: Talk, booked: Booked) -> DetailRow:
    """The settlement is taken back by its own transaction; its row in the books, or ``Stopped``."""
    reply: SettlementCancelled
    request = CancelSettlement(booked.visit, booked.reply.settlement_number)
    message_id, reply = await talk.must(request, judge=lambda undone: _is_refund(undone, booked))
    talk.left.pop(booked.message_id, None)
    return booked.refund(message_id, reply)


def _is_refund(undone: SettlementCancelled, booked: Booked) -> Note:
    if undone.split.total != -booked.reply.split.total:
        return Note("退费金额不是原金额的负数", "the amounts are not those of the settlement, negative")
    return Note()
