"""The payer's leg: its whole matrix, and what a settlement and its leg mean for each other."""

from __future__ import annotations

import itertools

import pytest
from attrs import evolve

from middleware.domain import event as e
from middleware.domain.centre import Call
from middleware.domain.command import AskBank, CallCentre, WakePayer
from middleware.domain.decision import Decided, Decision, Proposal, Verdict
from middleware.domain.fault import Fault
from middleware.domain.money import Money
from middleware.domain.payment import LEG_OPEN, BankCall, BankReply, Leg, LegState, Means, RefusalReason, Traced
from middleware.domain.payment_event import BankAgreed, BankNotAsked, BankRefused, BankUnanswered, PaymentDue
from middleware.domain.visit import SettlementState
from middleware.flow.step import IllegalEvent, cell
from middleware.flow.visit import PAYER_ROWS, step
from tests.middleware.flow import making
from tests.middleware.flow.making import CHECKER, EVIDENCE, MAKER, SHOWN, SID, after, settlement, visit
from tests.support.fakes import NOW

L, C, S = LegState, BankCall, SettlementState
HOLD, REPLY = Traced("000001", NOW, Money(1000)), BankReply("R1", "A1", "1121")
HELD = {L.HELD, L.CAPTURE_INTENDED, L.CAPTURED, L.REFUND_INTENDED, L.REFUNDED}
CALLS = {
    L.CAPTURE_INTENDED: C.CAPTURE, L.CAPTURED: C.CAPTURE, L.RELEASE_INTENDED: C.REVERSE, L.RELEASED: C.REVERSE,
    L.REFUND_INTENDED: C.REFUND, L.REFUNDED: C.REFUND, L.COLLECT: C.RELEASE, L.COLLECTED: C.RELEASE,
}  # fmt: skip
WHERE = {
    **dict.fromkeys(L, S.QUOTED), L.HELD: S.SETTLE_SENT,
    **dict.fromkeys((L.CAPTURE_INTENDED, L.CAPTURED, L.COLLECT, L.COLLECTED), S.SETTLED),
    **dict.fromkeys((L.REFUND_INTENDED, L.REFUNDED), S.CANCELLED),
}  # fmt: skip


def leg(state, **changes):
    """A leg as the machine leaves it in that state; an unknown one is of its hold."""
    call = CALLS.get(state, C.HOLD)
    taken = state in {L.CAPTURED, L.REFUND_INTENDED, L.REFUNDED}
    made = Leg(
        number=1, state=state, hold=HOLD, hold_id="B-hold", message_id="B-hold" if call is C.HOLD else "B-2", call=call,
        card_ref="K1", attempts=1, asked_at=NOW, held=REPLY if state in HELD else None,
        capture=Traced("000002", NOW, Money(1000)) if taken or state is L.CAPTURE_INTENDED else None,
        captured=REPLY if taken else None,
        giving_back=Traced("000003", NOW, Money(1000)) if state is L.REFUND_INTENDED else None,
        unknown_since=NOW if state is L.UNKNOWN else None, next_due=NOW if state is L.UNKNOWN else None,
    )  # fmt: skip
    return evolve(made, **changes)


def paid(state, where=None, **changes):
    """A visit whose bill is paid by card, its leg in that state."""
    return visit(settlement(where or WHERE[state], means=Means.BANK_CARD, legs=(leg(state, **changes),)))


def at(now=NOW, **policy):
    numbers = itertools.count(100)
    return evolve(making.at(now, **policy), trace=lambda: f"{next(numbers):06d}")


def event(kind, state):
    call = CALLS.get(state, C.HOLD)
    mid = "B-hold" if call is C.HOLD else "B-2"
    made = {
        BankAgreed: BankAgreed(SID, 1, mid, call, REPLY),
        BankRefused: BankRefused(SID, 1, mid, call, "51", RefusalReason.FUNDS, "余额不足"),
        BankNotAsked: BankNotAsked(SID, 1, mid, call, "payment.unreachable", ""),
        BankUnanswered: BankUnanswered(SID, 1, mid, call, "time-out"),
        PaymentDue: PaymentDue(SID, 1),
        e.ManualProposed: e.ManualProposed(SID, MAKER, Decision(Verdict.PAYMENT_RELEASED), EVIDENCE),
    }
    return made.get(kind) or making.event(kind)


def asked(done):
    return [command.call for command in done.commands if isinstance(command, AskBank)]


def newest(done):
    return done.state.settlements[0].leg


@pytest.mark.parametrize(("state", "kind"), list(itertools.product(L, PAYER_ROWS)), ids=str)
def test_every_cell_is_a_move_or_has_a_reason_and_step_does_what_it_says(state, kind):
    row, words = PAYER_ROWS[kind], cell(PAYER_ROWS, state, kind)
    before = paid(state, proposal=Proposal(SHOWN, Decision(Verdict.PAYMENT_RELEASED), EVIDENCE, MAKER.account, NOW))

    assert words.removeprefix("ignored: ").removeprefix("illegal: ").strip()
    try:
        done = step(before, event(kind, state), at(after(9999)))
    except Fault:
        assert state in row.moves
        return
    except IllegalEvent:
        assert state not in row.moves or kind in {BankAgreed, BankRefused, BankNotAsked, BankUnanswered}
        return
    changed = newest(done)
    assert (changed.next_due is not None) == (changed.state is L.UNKNOWN), "invariant 10"
    assert changed.card_ref == "K1" or changed.state in {
        L.CAPTURED, L.RELEASED, L.REFUNDED, L.NOT_HELD, L.COLLECT, L.COLLECTED, *({state} & {L.HELD}), L.REFUND_INTENDED, L.UNKNOWN,
        L.RELEASE_INTENDED,
    }  # fmt: skip
    for command in done.commands:
        if isinstance(command, AskBank):
            assert changed.message_id == command.message_id, "the intent is in the state"
    if state in row.ignored:
        assert changed.state in {state, L.COLLECT, L.RELEASED, L.RELEASE_INTENDED, L.CAPTURE_INTENDED, L.REFUND_INTENDED}


def confirmed(means=Means.BANK_CARD):
    made = making.EVENTS[e.SettleConfirmed]
    return evolve(made, means=means, card_ref="K1" if means is Means.BANK_CARD else "")


def test_by_card_the_own_share_is_held_first_and_the_2207_waits():
    done = step(visit(settlement(S.QUOTED)), confirmed(), at())

    assert (done.state.settlements[0].state, asked(done)) == (S.QUOTED, [C.HOLD])
    assert newest(done).hold.amount == done.state.settlements[0].quoted.cash
    told = step(done.state, BankAgreed(SID, 1, newest(done).hold_id, C.HOLD, REPLY), at())
    assert told.state.settlements[0].state is S.SETTLE_INTENDED
    assert [command.call for command in told.commands if isinstance(command, CallCentre)] == [Call.SETTLE]


@pytest.mark.parametrize("means", Means)
def test_by_cash_or_without_an_own_share_nothing_goes_to_the_bank(means):
    nothing = (
        evolve(settlement(S.QUOTED).quoted, cash=Money(0)) if means is Means.BANK_CARD else settlement(S.QUOTED).quoted
    )
    ready = settlement(S.QUOTED, quoted=nothing)
    done = step(visit(ready), evolve(confirmed(means), cash=nothing.cash), at())

    assert (done.state.settlements[0].state, asked(done)) == (S.SETTLE_INTENDED, [])


def test_a_hold_that_comes_after_the_quote_expired_is_given_back():
    done = step(paid(L.HOLD_INTENDED), event(BankAgreed, L.HOLD_INTENDED), at(after(9999)))

    assert asked(done) == [C.RELEASE]
    assert done.state.settlements[0].trouble.code == "settlement.quote_expired"


@pytest.mark.parametrize("state", sorted(LEG_OPEN - {L.HELD}))
def test_while_a_leg_is_open_its_bill_and_its_visit_take_no_money(state):
    held = paid(state, WHERE[state] if WHERE[state] is S.QUOTED else S.SETTLED)
    two = evolve(held, settlements=(*held.settlements, settlement(S.QUOTED, settlement_id="S0002")))
    wish = e.CancelConfirmed(SID, MAKER, "") if held.settlements[0].state is S.SETTLED else confirmed()

    with pytest.raises(Fault) as caught:
        step(held, wish, at())
    assert caught.value.code.startswith("payment.")
    with pytest.raises(Fault) as caught:
        step(two, evolve(confirmed(), settlement_id="S0002"), at())
    assert caught.value.code == "visit.locked"


def test_each_way_in_which_a_settlement_comes_to_nothing_gives_the_hold_back():
    ways = {
        S.SETTLE_SENT: making.EVENTS[e.CentreRefusedSettle],
        S.SETTLE_INTENDED: making.EVENTS[e.SettleNotSent],
        S.REVERSAL_SENT: making.EVENTS[e.CentreReversed],
    }
    for state, happened in ways.items():
        assert asked(step(paid(L.HELD, state), happened, at())) == [C.RELEASE], state
    for kind in (e.SettleUnanswered, e.DaemonRestarted):
        assert asked(step(paid(L.HELD, S.SETTLE_SENT), making.EVENTS[kind], at())) == [], "the outcome is not known yet"


def test_a_hold_in_doubt_is_reversed_and_what_is_not_found_too_early_proves_nothing():
    unsure = step(paid(L.HOLD_INTENDED), event(BankUnanswered, L.HOLD_INTENDED), at())
    early = step(unsure.state, PaymentDue(SID, 1), at(after(10)))
    nothing = evolve(event(BankRefused, L.RELEASE_INTENDED), message_id=newest(early).message_id, not_found=True)

    assert [type(command) for command in unsure.commands] == [WakePayer]
    assert asked(early) == [C.REVERSE]
    assert newest(step(early.state, nothing, at(after(11)))).state is L.UNKNOWN
    late = step(unsure.state, PaymentDue(SID, 1), at(after(121)))
    proof = evolve(nothing, message_id=newest(late).message_id)
    assert newest(step(late.state, proof, at(after(122)))).state is L.RELEASED
    stepped = evolve(at(after(122)), trusted_since=after(100))
    assert newest(step(late.state, proof, stepped)).state is L.UNKNOWN, "invariant 22"


def test_the_tries_are_bounded_and_then_a_person_decides():
    tired = paid(L.UNKNOWN, attempts=8)

    assert newest(step(tired, PaymentDue(SID, 1), at())).state is L.MANUAL


def test_a_duplicate_is_a_yes_only_for_what_left_before():
    sure = evolve(event(BankRefused, L.CAPTURE_INTENDED), done_before=True)

    assert newest(step(paid(L.CAPTURE_INTENDED), sure, at())).state is L.MANUAL
    assert newest(step(paid(L.CAPTURE_INTENDED, doubtful=True), sure, at())).state is L.CAPTURED


@pytest.mark.parametrize(("wanted", "states"), [
    (Verdict.PAYMENT_RELEASED, (L.RELEASED,)), (Verdict.PAYMENT_CAPTURED, ()), (Verdict.PAYMENT_COLLECTED, ()),
])  # fmt: skip
def test_a_person_decides_only_what_is_in_doubt(wanted, states):
    doubtful = paid(L.MANUAL)
    proposed = e.ManualProposed(SID, MAKER, Decision(wanted), EVIDENCE)
    if not states:
        with pytest.raises(Fault) as caught:
            step(doubtful, proposed, at(after(9999)))
        assert caught.value.code == "desk.not_fitting"
        return
    with pytest.raises(Fault) as caught:
        step(doubtful, proposed, at(after(1)))
    assert caught.value.code == "desk.too_early"
    shown = step(doubtful, proposed, at(after(9999))).state
    digest = shown.settlements[0].leg.proposal.digest
    with pytest.raises(Fault) as caught:
        step(shown, e.ManualApproved(SID, MAKER, digest), at(after(9999)))
    assert caught.value.code == "desk.same_person"
    done = step(shown, e.ManualApproved(SID, CHECKER, digest), at(after(9999)))
    assert newest(done).state in states
    assert newest(done).decided.approved_by == CHECKER.account


def test_the_same_approval_again_changes_nothing_though_what_followed_from_it_is_in_doubt_itself():
    proposal = Proposal(SHOWN, Decision(Verdict.PAYMENT_RELEASED), EVIDENCE, MAKER.account, NOW)
    doubtful = paid(L.UNKNOWN, decided=Decided(proposal, CHECKER.account, NOW))

    again = step(doubtful, e.ManualApproved(SID, CHECKER, SHOWN), at())

    assert (newest(again), again.commands) == (doubtful.settlements[0].leg, ())
    with pytest.raises(Fault) as caught:
        step(doubtful, e.ManualApproved(SID, MAKER, SHOWN), at())
    assert caught.value.code == "desk.stale"
