"""The rules of a settlement in doubt; each test names the invariant of the design that it holds."""

from __future__ import annotations

import itertools

import pytest
from attrs import evolve

from middleware.domain import event as e
from middleware.domain import outcome as o
from middleware.domain.centre import (
    CANCEL_CALLS,
    MONEY_CALLS,
    Call,
    ChargesTaken,
    Quoted,
    Reverse,
    SettlementCancelled,
    VisitUploaded,
)
from middleware.domain.command import CallCentre, WakeAt
from middleware.domain.fault import Fault
from middleware.domain.money import MAX_FEN, Money
from middleware.domain.visit import SettlementState as S
from middleware.flow.outcomes import event_of
from middleware.flow.requests import centre_request
from middleware.flow.step import IllegalEvent, Policy
from middleware.flow.visit import MAX_SETTLEMENTS, SETTLEMENT_ROWS, step
from tests.middleware.flow.making import (
    CANCEL_ID,
    CANCELLED,
    REVERSAL_ID,
    SETTLE_ID,
    SETTLED,
    SID,
    after,
    at,
    cancel_in_doubt,
    event,
    fit,
    settlement,
    visit,
)
from tests.support.fakes import HIS, NOW, split

LATE_SETTLED = e.CentreSettled(SID, SETTLE_ID, SETTLED, late=True)
LATE_CANCELLED = e.CentreCancelled(SID, CANCEL_ID, CANCELLED, late=True)


def moved(before, happened, when=None, *others):
    done = step(visit(before, *others), happened, when or at())
    return done.state.settlements[0], done.commands


# -- invariant 10: every Unknown has a next due time, and ends


def test_invariant_10_each_way_into_unknown_has_a_due_time_and_a_wake():
    seen = set()
    for state in S:
        for kind in SETTLEMENT_ROWS:
            try:
                s, commands = moved(fit(state, kind), event(kind, state))
            except (Fault, IllegalEvent):
                continue
            if s.state is S.UNKNOWN and state is not S.UNKNOWN:
                assert s.next_due is not None
                assert commands == (WakeAt(SID, s.next_due),)
                seen.add((state, kind))

    assert len(seen) >= 12


def test_invariant_10_a_due_time_that_came_too_early_is_asked_for_again():
    s, commands = moved(settlement(S.UNKNOWN, next_due=after(1)), e.DueTimePassed(SID))

    assert (s.state, commands) == (S.UNKNOWN, (WakeAt(SID, after(1)),))


def test_invariant_10_past_its_limit_an_unknown_is_with_a_person():
    s, commands = moved(settlement(S.UNKNOWN, reversal_attempts=8), e.DueTimePassed(SID), at(max_attempts=8))

    assert (s.state, s.next_due, commands) == (S.MANUAL, None, ())
    assert s.trouble.code == "settlement.manual"


def test_the_wait_between_reversals_doubles_and_has_a_ceiling():
    waits = []
    for attempts in range(1, 9):
        s, _ = moved(
            settlement(S.REVERSAL_SENT, reversal_attempts=attempts), event(e.ReversalUnanswered), at(repeat_max_s=300)
        )
        waits.append((s.next_due - NOW).total_seconds())

    assert waits == [10, 20, 40, 80, 160, 300, 300, 300]


def test_a_call_that_the_region_does_not_let_2601_name_goes_to_a_person():
    s, commands = moved(cancel_in_doubt(next_due=NOW), e.DueTimePassed(SID))

    assert (s.state, commands) == (S.MANUAL, ())


# -- invariant 11: a reversal names exactly one original


@pytest.mark.parametrize(
    ("before", "original", "call"),
    [(settlement(S.UNKNOWN), SETTLE_ID, Call.SETTLE), (cancel_in_doubt(next_due=NOW), CANCEL_ID, Call.CANCEL)],
)
def test_invariant_11_a_reversal_names_exactly_one_original(before, original, call):
    policy = at(reversible=frozenset({Call.SETTLE, Call.CANCEL}))
    done = step(visit(before), e.DueTimePassed(SID), policy)
    (command,) = done.commands

    assert command.call is Call.REVERSE
    assert command.message_id not in {SETTLE_ID, CANCEL_ID}
    request = centre_request(command, done.state, None, None, NOW)
    assert request == Reverse(done.state.facts, original, call)


def test_invariant_11_each_attempt_has_its_own_message_and_the_same_original():
    before = settlement(S.UNKNOWN, reversal_attempts=1, reversal_message_id=REVERSAL_ID)
    s, (command,) = moved(before, e.DueTimePassed(SID))

    assert command.message_id != REVERSAL_ID
    assert (s.reversal_message_id, s.reversal_attempts, s.settle_message_id) == (command.message_id, 2, SETTLE_ID)


# -- invariant 12: "not found" proves something only after the centre's own limit

NOT_FOUND = event(e.CentreRefusedReversal)


def test_invariant_12_not_found_before_the_limit_proves_nothing():
    s, _ = moved(settlement(S.REVERSAL_SENT), NOT_FOUND, at(after(10), processing_limit_s=120))

    assert s.state is S.UNKNOWN
    assert s.next_due > after(10)


def test_invariant_12_what_not_found_proves_is_of_the_moment_it_was_asked_at():
    asked_early = settlement(S.REVERSAL_SENT, reversal_intended_at=after(100))
    asked_late = settlement(S.REVERSAL_SENT, reversal_intended_at=after(120))

    assert moved(asked_early, NOT_FOUND, at(after(130), processing_limit_s=120))[0].state is S.UNKNOWN
    assert moved(asked_late, NOT_FOUND, at(after(130), processing_limit_s=120))[0].state is S.REVERSED


def test_invariant_12_a_late_not_found_of_an_earlier_reversal_decides_nothing():
    before = settlement(S.REVERSAL_SENT, reversal_intended_at=after(300), reversal_attempts=2)
    stale = evolve(NOT_FOUND, message_id="M-earlier")

    assert moved(before, stale, at(after(400)))[0] == before


def test_a_reversal_refused_for_another_reason_goes_to_a_person():
    s, _ = moved(settlement(S.REVERSAL_SENT), evolve(NOT_FOUND, not_found=False, message="other"))

    assert (s.state, s.trouble.foreign) == (S.MANUAL, "other")


@pytest.mark.parametrize("kind", [e.ReversalUnanswered, e.ReversalNotSent])
@pytest.mark.parametrize("ended", [S.REVERSED, S.UNKNOWN, S.MANUAL, S.SETTLED, S.DELIVERED])
def test_a_reversal_overtaken_by_an_earlier_ones_late_answer_ends_without_a_mistake_of_ours(ended, kind):
    before = settlement(ended)

    assert moved(before, event(kind))[0] == before


def test_a_late_answer_to_the_reversal_of_an_earlier_cancel_says_nothing_of_the_next_one():
    """Found by test_machine_against_a_centre: the second cancel was held for undone, and the centre had done it."""
    numbers = itertools.count(1)

    def then(before, happened):
        numbered = evolve(at(reversible=CANCEL_CALLS), message_id=lambda: f"N{next(numbers)}")
        return moved(before, happened, numbered)[0]

    doubtful = cancel_in_doubt(S.UNKNOWN)
    asked = then(doubtful, e.DueTimePassed(SID))
    first = asked.undoings[-1]
    stands = then(asked, e.CentreReversed(SID, first.message_id))
    again = then(stands, e.CancelConfirmed(SID, HIS, ""))
    overtaken = then(again, e.FirstByteLeft(SID, first.message_id))
    lost = then(overtaken, e.CancelUnanswered(SID, again.cancel_message_id, "time-out"))
    told = then(lost, e.CentreReversed(SID, first.message_id))
    asking = then(evolve(lost, next_due=NOW), e.DueTimePassed(SID))
    quiet = then(asking, e.ReversalUnanswered(SID, first.message_id, "time-out"))
    done = then(asking, e.CentreReversed(SID, asking.reversal_message_id))

    assert first.original == doubtful.cancel_message_id != again.cancel_message_id
    assert overtaken == again
    assert told == lost, "it is evidence of another message"
    assert quiet == asking
    assert asking.undoings[-1].original == again.cancel_message_id
    assert done.state is stands.state is S.DELIVERED


def test_a_reversed_cancel_leaves_the_settlement_as_it_stood():
    s, commands = moved(cancel_in_doubt(S.REVERSAL_SENT, reversal_message_id=REVERSAL_ID), event(e.CentreReversed))

    assert (s.state, s.unknown_call, s.next_due, commands) == (S.DELIVERED, None, None, ())


# -- invariant 13: a late approval of what was written off is undone, never adopted


@pytest.mark.parametrize("state", [S.REVERSED, S.REFUSED])
def test_invariant_13_a_late_approval_starts_a_reversal(state):
    s, commands = moved(settlement(state), LATE_SETTLED)

    assert (s.state, s.next_due, commands) == (S.UNKNOWN, NOW, (WakeAt(SID, NOW),))
    s, (command,) = moved(s, e.DueTimePassed(SID))
    assert (s.state, command.call) == (S.REVERSAL_INTENDED, Call.REVERSE)


@pytest.mark.parametrize("state", [S.REVERSED, S.REFUSED])
def test_invariant_13_a_late_approval_heard_twice_is_still_not_adopted(state):
    once, _ = moved(settlement(state), LATE_SETTLED)
    twice, _ = moved(once, LATE_SETTLED)

    assert twice == once


def test_invariant_13_a_late_approval_after_a_reversal_was_tried_is_only_evidence():
    before = settlement(S.UNKNOWN, reversal_attempts=1)

    assert moved(before, LATE_SETTLED)[0] == before


def test_a_late_approval_while_nothing_was_tried_yet_is_the_answer():
    s, _ = moved(settlement(S.UNKNOWN), LATE_SETTLED)

    assert (s.state, s.next_due, s.unknown_call) == (S.SETTLED, None, None)


@pytest.mark.parametrize("state", [S.SETTLED, S.DELIVERED])
def test_invariant_13_holds_for_a_cancel_that_was_done_after_all(state):
    before = settlement(state, cancel_message_id=CANCEL_ID)
    s, commands = moved(before, LATE_CANCELLED)

    assert (s.state, s.unknown_call, commands) == (S.UNKNOWN, Call.CANCEL, (WakeAt(SID, NOW),))
    assert moved(s, LATE_CANCELLED)[0] == s


@pytest.mark.parametrize("happened", [LATE_CANCELLED, event(e.CentreRefusedCancel)])
@pytest.mark.parametrize("state", [S.CANCEL_INTENDED, S.CANCEL_SENT, S.DELIVERED, S.UNKNOWN])
def test_a_late_answer_to_an_earlier_cancel_does_not_answer_the_newest(state, happened):
    made = cancel_in_doubt(next_due=NOW) if state is S.UNKNOWN else settlement(state)
    before = evolve(made, cancel_message_id="M-newer")

    assert moved(before, happened)[0] == before


@pytest.mark.parametrize("kind", [e.CentreSettled, e.CentreRefusedSettle, e.SettleNotSent])
def test_an_outcome_of_another_2207_is_a_mistake_of_ours(kind):
    with pytest.raises(IllegalEvent):
        moved(settlement(S.SETTLE_INTENDED), evolve(event(kind), message_id="M-other"))


# -- calls that move no money


@pytest.mark.parametrize("call", [call for call in Call if call not in MONEY_CALLS])
def test_a_late_answer_to_a_call_without_money_is_evidence_for_the_repeat_answers_for_itself(call):
    replies = {Call.UPLOAD_CHARGES: ChargesTaken(()), Call.UPLOAD_VISIT: VisitUploaded(), Call.PRE_SETTLE: Quoted(split())}
    command = CallCentre(call, "M1", SID)
    happened = event_of(command, o.Answered(replies.get(call, VisitUploaded())), Policy(), late=True)
    # batch 1 was lost, batch 2 is under way: the late answer is about batch 1
    before = settlement(S.RECEIVED, batches=2)

    assert happened == e.CallAnsweredLate(call, SID)
    assert moved(before, happened)[0] == before


def test_a_late_answer_with_money_says_that_it_is_late():
    command = CallCentre(Call.SETTLE, SETTLE_ID, SID)

    assert event_of(command, o.Answered(SETTLED), Policy(), late=True) == LATE_SETTLED


def test_an_answer_of_the_wrong_kind_is_no_answer():
    for call in MONEY_CALLS:
        happened = event_of(CallCentre(call, "M1", SID), o.Answered(VisitUploaded()), Policy())
        assert type(happened).__name__.endswith("Unanswered")


@pytest.mark.parametrize(("call", "kind"), [(Call.SETTLE, e.CentreRefusedSettle), (Call.CANCEL, e.CentreRefusedCancel)])
def test_a_money_call_refused_for_want_of_a_sign_in_is_refused_not_unsent(call, kind):
    policy = Policy(sign_in_again_codes=frozenset({"9"}))

    assert isinstance(event_of(CallCentre(call, "M1", SID), o.Refused("9"), policy), kind)
    assert isinstance(event_of(CallCentre(Call.PRE_SETTLE, "M1", SID), o.Refused("9"), policy), e.CallNotSent)
    assert isinstance(event_of(CallCentre(Call.REVERSE, "M1", SID), o.Refused("9"), policy), e.ReversalNotSent)


def test_a_lost_upload_is_repeated_under_a_new_batch_number():
    lost, _ = moved(settlement(S.RECEIVED), evolve(event(e.CallUnanswered), call=Call.UPLOAD_CHARGES))
    done = step(visit(lost, diagnoses_digest="d"), e.RequestRepeated(SID), at())

    assert done.state.settlements[0].batch != lost.batch
    assert [c.call for c in done.commands] == [Call.UPLOAD_CHARGES]


# -- amounts


def test_a_quote_that_does_not_add_up_stops_before_money_moves():
    bad = evolve(split(), cash=Money(1))
    s, commands = moved(settlement(S.ITEMISED), e.CentreQuoted(SID, bad))

    assert (s.state, s.quoted, commands) == (S.ITEMISED, None, ())
    assert s.trouble.code == "centre.identity_broken"


def test_a_quote_of_another_total_stops_before_money_moves():
    s, _ = moved(settlement(S.ITEMISED), e.CentreQuoted(SID, split(9999, 6000, 3000)))

    assert (s.state, s.trouble.code) == (S.ITEMISED, "centre.identity_broken")


def test_a_settlement_that_does_not_add_up_is_recorded_and_raised_for_the_money_has_moved():
    absurd = evolve(split(), fund=Money(MAX_FEN), personal=Money(MAX_FEN), pool=Money(MAX_FEN), other_fund=Money(MAX_FEN))
    s, _ = moved(settlement(S.SETTLE_SENT), e.CentreSettled(SID, SETTLE_ID, evolve(SETTLED, split=absurd)))

    assert s.state is S.SETTLED
    assert s.broken_identities == (1, 2, 3, 5)
    assert s.trouble.code == "centre.identity_broken"


@pytest.mark.parametrize(("total", "cash"), [(10001, 1000), (10000, 999)])
def test_only_what_was_quoted_can_be_confirmed(total, cash):
    with pytest.raises(Fault) as caught:
        moved(settlement(S.QUOTED), e.SettleConfirmed(SID, HIS, Money(total), Money(cash)))

    assert caught.value.code == "settlement.quote_changed"


def test_a_quote_holds_until_its_expiry_and_not_at_it():
    assert moved(settlement(S.QUOTED), event(e.SettleConfirmed), at(after(1799.9)))[0].state is S.SETTLE_INTENDED
    with pytest.raises(Fault) as caught:
        moved(settlement(S.QUOTED), event(e.SettleConfirmed), at(after(1800)))
    assert caught.value.code == "settlement.quote_expired"


# -- the HIS


def test_a_his_refusal_does_not_hide_that_the_outcome_is_unknown():
    before = settlement(S.UNKNOWN, settled=SETTLED)

    assert moved(before, event(e.HisRefusedCharges))[0] == before


def test_a_his_refusal_is_cancelled_where_the_region_says_so_but_never_while_the_visit_is_locked():
    policy = at(cancel_on_his_refusal=True)
    other = settlement(S.UNKNOWN, settlement_id="S0002")

    assert moved(settlement(S.SETTLED), event(e.HisRefusedCharges), policy)[0].state is S.CANCEL_INTENDED
    s, commands = moved(settlement(S.SETTLED), event(e.HisRefusedCharges), policy, other)
    assert (s.state, s.trouble.code, commands) == (S.SETTLED, "his.refused", ())


# -- the clock (invariant 22)


@pytest.mark.parametrize("ahead_s", [-301.0, 301.0, 3600.0])
def test_invariant_22_no_money_is_begun_while_the_clock_differs_from_the_centre_s(ahead_s):
    wrong = evolve(at(), clock_ahead_s=ahead_s)
    for state, wish in ((S.QUOTED, e.SettleConfirmed), (S.SETTLED, e.CancelConfirmed)):
        with pytest.raises(Fault) as caught:
            moved(settlement(state), event(wish), wrong)
        assert caught.value.code == "system.clock_skew"


@pytest.mark.parametrize("ahead_s", [None, -300.0, 0.0, 300.0])
def test_a_clock_within_the_limit_or_one_that_nobody_can_compare_stops_nothing(ahead_s):
    assert (
        moved(settlement(S.QUOTED), event(e.SettleConfirmed), evolve(at(), clock_ahead_s=ahead_s))[0].state
        is S.SETTLE_INTENDED
    )


def test_what_was_begun_is_pursued_whatever_the_clock_says():
    wrong = evolve(at(after(9999)), clock_ahead_s=3600.0)
    assert moved(settlement(S.UNKNOWN), event(e.DueTimePassed), wrong)[0].state is S.REVERSAL_INTENDED


# -- bounds


def test_a_visit_has_a_bounded_number_of_bills():
    full = visit(*(settlement(S.REFUSED, settlement_id=f"S{n:04d}") for n in range(MAX_SETTLEMENTS)))
    with pytest.raises(Fault) as caught:
        step(full, e.QuoteRequested("S9999", HIS, Money(1), "b", "d", use_account=True), at())

    assert caught.value.code == "system.busy"


def test_amounts_of_a_cancel_may_be_negative():
    reply = SettlementCancelled("SETL2", NOW, evolve(split(), total=Money(-10000)))
    s, _ = moved(settlement(S.CANCEL_SENT), e.CentreCancelled(SID, CANCEL_ID, reply))

    assert (s.state, s.cancelled.split.total) == (S.CANCELLED, Money(-10000))
