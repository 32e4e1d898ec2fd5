"""The call that some regions want after a settle's yes: until its own yes nothing is settled, and it is sent once."""

from __future__ import annotations

import pytest
from attrs import evolve

from middleware.domain import event as e
from middleware.domain.centre import Call, Confirm, Confirmed
from middleware.domain.command import CallCentre, TellHis, WakeAt
from middleware.domain.fault import Fault
from middleware.domain.kind import FINISH_CALLS
from middleware.domain.money import Money
from middleware.domain.outcome import Answered, NotSent, Refused, Unknown
from middleware.domain.visit import IN_FLIGHT, MONEY_OPEN
from middleware.domain.visit import SettlementState as S
from middleware.flow.outcomes import event_of
from middleware.flow.requests import centre_request
from middleware.flow.shift import became_certain
from middleware.flow.step import Policy
from middleware.flow.visit import step
from tests.middleware.flow.making import CONFIRM_ID, HIS, SETTLE_ID, SETTLED, SID, after, at, event, settlement, visit
from tests.support.fakes import NOW

CONFIRMING = (S.CONFIRM_INTENDED, S.CONFIRM_SENT)


def moved(before, happened, when=None):
    done = step(visit(before), happened, when or at(finish=Call.CONFIRM))
    return done.state.settlements[0], done.commands


def in_doubt(**changes):
    """After a confirming call without an answer."""
    known, _ = moved(settlement(S.CONFIRM_SENT), event(e.ConfirmUnanswered))
    return evolve(known, **changes)


@pytest.mark.parametrize("finish", sorted(FINISH_CALLS))
@pytest.mark.parametrize("state", [S.SETTLE_INTENDED, S.SETTLE_SENT])
def test_a_yes_is_confirmed_before_anybody_hears_of_it(finish, state):
    before = visit(settlement(state))
    done = step(before, event(e.CentreSettled), at(finish=finish))
    (s,) = done.state.settlements

    assert (s.state, s.approved, s.settled) == (S.CONFIRM_INTENDED, SETTLED, None)
    assert done.commands == (CallCentre(finish, s.confirm_message_id, SID),)
    assert became_certain(before, done.state) == ()
    request = centre_request(done.commands[0], done.state, None, None, NOW)
    assert request == Confirm(done.state.facts, SETTLED.settlement_number, finish)


def test_where_nothing_must_follow_the_yes_is_enough():
    s, commands = moved(settlement(S.SETTLE_SENT), event(e.CentreSettled), at())

    assert s.state is S.SETTLED
    assert any(isinstance(one, TellHis) for one in commands)


@pytest.mark.parametrize("state", CONFIRMING)
def test_its_yes_settles_and_tells_the_his(state):
    s, commands = moved(settlement(state), event(e.CentreConfirmed))

    assert (s.state, s.settled) == (S.SETTLED, SETTLED)
    assert [type(one) for one in commands] == [TellHis]


@pytest.mark.parametrize("state", CONFIRMING)
@pytest.mark.parametrize("kind", [e.ConfirmUnanswered, e.ConfirmNotSent, e.DaemonRestarted])
def test_no_answer_is_a_doubt_about_the_settle_and_the_call_is_never_sent_again(state, kind):
    s, commands = moved(settlement(state), event(kind))

    assert (s.state, s.unknown_call, s.settled) == (S.UNKNOWN, Call.SETTLE, None)
    assert s.next_due is not None
    assert [type(one) for one in commands] == [WakeAt]
    s, commands = moved(s, event(e.DueTimePassed), at(s.next_due, finish=Call.CONFIRM))
    assert [one.call for one in commands if isinstance(one, CallCentre)] == [Call.REVERSE]


@pytest.mark.parametrize("state", CONFIRMING)
def test_what_the_centre_does_not_stand_by_is_undone_and_never_adopted(state):
    s, _ = moved(settlement(state), event(e.CentreRefusedConfirm))

    assert (s.state, s.written_off, s.next_due) == (S.UNKNOWN, SETTLE_ID, NOW)
    assert moved(s, event(e.CentreConfirmed))[0] == s
    undone, _ = moved(s, event(e.DueTimePassed))
    assert undone.state is S.REVERSAL_INTENDED


def test_amounts_that_do_not_add_up_are_not_confirmed():
    unsound = evolve(SETTLED, split=evolve(SETTLED.split, total=SETTLED.split.total + Money(1)))
    s, commands = moved(settlement(S.SETTLE_SENT), e.CentreSettled(SID, SETTLE_ID, unsound))

    assert (s.state, s.written_off) == (S.UNKNOWN, SETTLE_ID)
    assert not any(isinstance(one, CallCentre) for one in commands)


def test_a_late_yes_settles_unless_a_reversal_was_tried():
    assert moved(in_doubt(), event(e.CentreConfirmed))[0].state is S.SETTLED
    tried = in_doubt(reversal_attempts=1, reversal_message_id="M-reversal")
    assert moved(tried, event(e.CentreConfirmed))[0] == tried


def test_invariant_13_what_was_called_undone_and_is_confirmed_after_all_is_reversed():
    s, commands = moved(settlement(S.REVERSED), event(e.CentreConfirmed))

    assert (s.state, s.written_off, s.next_due) == (S.UNKNOWN, SETTLE_ID, NOW)
    assert [type(one) for one in commands] == [WakeAt]


def test_a_settle_answered_late_is_confirmed_as_well():
    unknown = settlement(S.UNKNOWN)
    s, commands = moved(unknown, evolve(event(e.CentreSettled), late=True))

    assert (s.state, s.next_due, s.unknown_call, s.pursuit) == (S.CONFIRM_INTENDED, None, None, None)
    assert [one.call for one in commands] == [Call.CONFIRM]


def test_money_is_open_until_it_is_confirmed():
    assert set(CONFIRMING) <= MONEY_OPEN & IN_FLIGHT
    for state in CONFIRMING:
        with pytest.raises(Fault, match=r"settlement\.busy"):
            moved(settlement(state), e.SettleConfirmed(SID, HIS, Money(1), Money(1)))


def test_invariant_12_that_no_file_lists_it_proves_nothing_before_the_limit_after_the_confirming_call():
    late = 9000
    doubtful = in_doubt(unknown_since=after(late))
    absent = evolve(event(e.CentreListedAbsent), intended_at=NOW, asked_at=after(late + 1), seen=doubtful.seen)

    kept, _ = moved(doubtful, absent, at(after(late + 2), finish=Call.CONFIRM))
    assert kept.state is S.UNKNOWN
    gone, _ = moved(doubtful, evolve(absent, asked_at=after(late + 121)), at(after(late + 122), finish=Call.CONFIRM))
    assert gone.state is S.REVERSED


@pytest.mark.parametrize("call", sorted(FINISH_CALLS))
def test_each_end_of_the_call_is_its_event(call):
    command = CallCentre(call, CONFIRM_ID, SID)
    ends = {
        Answered(Confirmed()): e.CentreConfirmed(SID, CONFIRM_ID),
        Refused("1", "no"): e.CentreRefusedConfirm(SID, CONFIRM_ID, "1", "no"),
        NotSent("centre.unreachable", ""): e.ConfirmNotSent(SID, CONFIRM_ID, "centre.unreachable", ""),
        Unknown("time-out"): e.ConfirmUnanswered(SID, CONFIRM_ID, "time-out"),
        Answered(SETTLED): e.ConfirmUnanswered(SID, CONFIRM_ID, "unreadable"),
    }

    for outcome, happened in ends.items():
        assert event_of(command, outcome, Policy()) == happened
    assert event_of(command, Answered(Confirmed()), Policy(), late=True) == e.CentreConfirmed(SID, CONFIRM_ID, late=True)
