"""An unknown outcome is established by one evidence after another, in the region's order; at its limits by persons."""

from __future__ import annotations

import datetime as dt

import hypothesis.strategies as st
import pytest
from attrs import evolve
from hypothesis import given, settings

from middleware.domain import event as e
from middleware.domain.centre import Call, FoundVisit
from middleware.domain.command import CallCentre, WakeAt
from middleware.domain.decision import Verdict
from middleware.domain.kind import VisitKind
from middleware.domain.pursuit import ORDER, Pursuit, Source
from middleware.domain.rules import CrossRules, KindRules
from middleware.domain.visit import SettlementState
from middleware.flow.pursuit import FILE_GRACE, MAX_QUERIES, waits
from middleware.flow.visit import step
from tests.middleware.flow.making import (
    EVIDENCE,
    MAKER,
    SETTLE_ID,
    SETTLED,
    SID,
    after,
    at,
    cancel_in_doubt,
    decision,
    settlement,
    visit,
)  # fmt: skip
from tests.support.fakes import NOW

S = SettlementState
NIGHT = dt.time(2, 30)
HOUR, DAY = 3600.0, 86400.0
FILE = {"file_at": NIGHT, "query_visits": True, "reversible": frozenset()}
TOMORROW = dt.datetime.combine(NOW.date() + dt.timedelta(days=1), NIGHT, NOW.tzinfo)
OURS = FoundVisit("M1", "V0001", "11", "", None)


def kinds(*evidence):
    return {"kinds": {VisitKind.OUTPATIENT: KindRules(evidence=evidence)}}


def lost(call=Call.SETTLE, when=NOW, **policy):
    """A settlement whose 2207, or whose cancel, has just got no answer."""
    before = settlement(S.SETTLE_SENT) if call is Call.SETTLE else cancel_in_doubt(S.CANCEL_SENT, unknown_call=None)
    event = e.SettleUnanswered(SID, SETTLE_ID, "time-out")
    if call is Call.CANCEL:
        event = e.CancelUnanswered(SID, "M-cancel", "time-out")
    return one(step(visit(before), event, at(when, **policy)))[0]


def one(done):
    return done.state.settlement(SID), done.commands


def due(s, when=None, **policy):
    return one(step(visit(s), e.DueTimePassed(SID), at(when or s.next_due, **policy)))


def sent(commands):
    return [c.call for c in commands if isinstance(c, CallCentre)]


@pytest.mark.parametrize("call", [Call.SETTLE, Call.CANCEL])
def test_what_2601_may_not_name_is_asked_by_5201_and_waits_for_the_days_file(call):
    s, commands = due(lost(call, **FILE), **FILE)
    assert (s.state, s.pursuit.asking, sent(commands)) == (S.UNKNOWN, Source.VISITS, [Call.QUERY_VISITS])
    assert s.next_due > NOW

    told = e.CentreShowedVisits(SID, s.pursuit.query_message_id, (OURS,))
    s, commands = one(step(visit(s), told, at(after(10), **FILE)))

    assert (s.state, s.pursuit.asking, s.next_due) == (S.UNKNOWN, Source.FILE, TOMORROW)
    assert commands == (WakeAt(SID, TOMORROW),)
    assert (s.shown.visits, s.shown.at, s.shown.message_id) == ((OURS,), after(10), told.message_id)


@pytest.mark.parametrize("visits", [(), (OURS,), (evolve(OURS, visit_number="M9", our_number=""),)])
def test_weak_evidence_decides_nothing_whatever_it_shows(visits):
    asked, _ = due(lost(**FILE), **FILE)

    s, _ = one(step(visit(asked), e.CentreShowedVisits(SID, asked.pursuit.query_message_id, visits), at(after(9), **FILE)))

    assert s.state is S.UNKNOWN
    assert (s.settled, s.unknown_call) == (None, Call.SETTLE)


def test_the_file_that_does_not_tell_is_waited_for_until_its_last_night_is_over_then_a_person():
    policy = FILE | {"query_visits": False}
    s, _ = due(lost(**policy), **policy)
    dues = [s.next_due]
    while s.state is S.UNKNOWN:
        s, _ = due(s, **policy)
        dues.append(s.next_due)

    assert dues == [TOMORROW, TOMORROW + FILE_GRACE, None]
    assert s.state is S.MANUAL
    assert s.trouble.code == "settlement.manual"
    assert "2207 may not be reversed in this region" in s.trouble.detail
    assert "file does not tell" in s.trouble.detail


def test_what_was_lost_before_midnight_may_be_of_either_day_and_waits_for_both_files():
    late = dt.datetime.combine(NOW.date(), dt.time(23, 50), NOW.tzinfo)
    policy = FILE | {"query_visits": False}
    s, _ = due(lost(when=late, **policy), **policy)
    dues = [s.next_due]
    while s.state is S.UNKNOWN:
        s, _ = due(s, **policy)
        dues.append(s.next_due)

    assert dues[:-1] == [TOMORROW, TOMORROW + dt.timedelta(days=1), TOMORROW + dt.timedelta(days=1) + FILE_GRACE]


def test_invariant_10_the_limit_in_time_hands_over_whatever_is_still_to_be_asked():
    policy = FILE | {"query_visits": False, "doubt_limit_s": 6 * HOUR}
    s, _ = due(lost(**policy), **policy)
    assert s.next_due == after(6 * HOUR)

    s, commands = due(s, **policy)

    assert (s.state, s.next_due, commands) == (S.MANUAL, None, ())
    assert "not established within 6 hours" in s.trouble.detail


def test_invariant_10_reversals_end_at_the_limit_in_time_though_attempts_are_left():
    policy = {"doubt_limit_s": 600, "max_attempts": 10**6}
    s, sends = lost(**policy), 0
    while s.state is not S.MANUAL:
        s, commands = due(s, **policy)
        sends += len(sent(commands))
        if commands and s.state is S.REVERSAL_INTENDED:
            unanswered = e.ReversalUnanswered(SID, s.reversal_message_id, "time-out")
            s, _ = one(step(visit(s), unanswered, at(s.reversal_intended_at, **policy)))
            assert s.next_due is not None

    assert 1 < sends < 20


def test_the_regions_order_is_followed_and_each_kind_has_its_own():
    policy = {"file_at": NIGHT, "query_visits": True, **kinds(Source.FILE, Source.REVERSAL)}
    s, commands = due(lost(**policy), **policy)
    assert (s.pursuit.asking, sent(commands)) == (Source.FILE, [])

    s, commands = due(s, TOMORROW + FILE_GRACE + dt.timedelta(seconds=1), **policy)

    assert (s.state, sent(commands)) == (S.REVERSAL_INTENDED, [Call.REVERSE])
    pharmacy = policy | {"kinds": {VisitKind.PHARMACY: KindRules(evidence=(Source.FILE,))}}
    s, commands = due(lost(**pharmacy), **pharmacy)
    assert sent(commands) == [Call.REVERSE]  # another kind has its own


def test_those_insured_elsewhere_have_the_order_of_their_own_rules():
    policy = {
        "file_at": NIGHT, "query_visits": True,
        "cross": CrossRules(reversible=frozenset({Call.SETTLE}), evidence=(Source.VISITS, Source.REVERSAL)),
    }  # fmt: skip
    s = lost(**policy)

    far = step(visit(s, cross_region=True), e.DueTimePassed(SID), at(s.next_due, **policy))

    assert sent(far.commands) == [Call.QUERY_VISITS]
    assert sent(due(s, **policy)[1]) == [Call.REVERSE]


def test_reversals_that_are_never_answered_lead_on_to_the_file():
    policy = {"file_at": NIGHT, "max_attempts": 2}
    s = lost(**policy)
    for _ in range(2):
        s, commands = due(s, **policy)
        assert sent(commands) == [Call.REVERSE]
        s, _ = one(step(visit(s), e.ReversalUnanswered(SID, s.reversal_message_id, "time-out"), at(NOW, **policy)))

    s, commands = due(s, **policy)

    assert (s.state, s.pursuit.asking, sent(commands)) == (S.UNKNOWN, Source.FILE, [])


def test_5201_without_an_answer_is_asked_a_few_times_and_the_order_goes_on():
    s = lost(**FILE)
    for number in range(MAX_QUERIES):
        s, commands = due(s, **FILE)
        assert sent(commands) == [Call.QUERY_VISITS]
        if number:  # a lost line of the journal: nothing was written, and the due time is there all the same
            s, _ = one(step(visit(s), e.VisitQueryFailed(SID, s.pursuit.query_message_id, "x"), at(s.next_due, **FILE)))

    s, commands = due(s, **FILE)

    assert (s.pursuit.asking, sent(commands), s.shown) == (Source.FILE, [], None)


def test_what_the_centre_certainly_holds_is_reversed_and_nothing_else_is_asked():
    policy = {"file_at": NIGHT, "query_visits": True, **kinds(Source.FILE, Source.VISITS, Source.REVERSAL)}
    gone = settlement(S.REVERSED, reversal_message_id="M-reversal", reversal_attempts=1)

    s, _ = one(step(visit(gone), e.CentreSettled(SID, SETTLE_ID, SETTLED, late=True), at(NOW, **policy)))
    _, commands = due(s, **policy)

    assert sent(commands) == [Call.REVERSE]


def test_a_late_answer_ends_the_pursuit_and_leaves_nothing_of_it():
    s, _ = due(lost(**FILE), **FILE)
    done, _ = one(step(visit(s), e.CentreSettled(SID, SETTLE_ID, SETTLED, late=True), at(after(60), **FILE)))
    late, _ = one(step(visit(done), e.CentreShowedVisits(SID, s.pursuit.query_message_id, ()), at(after(61), **FILE)))

    assert (done.state, done.pursuit) == (S.SETTLED, None)
    assert late == done


def test_what_5201_shows_withdraws_a_proposal_that_was_made_without_it():
    s, _ = due(lost(**FILE), **FILE)
    proposed = e.ManualProposed(SID, MAKER, decision(Verdict.REVERSED), EVIDENCE)
    waiting, _ = one(step(visit(s), proposed, at(after(3000), **FILE)))
    assert waiting.proposal is not None

    told = e.CentreShowedVisits(SID, s.pursuit.query_message_id, ())
    assert one(step(visit(waiting), told, at(after(3001), **FILE)))[0].proposal is None


def test_invariant_22_a_limit_that_a_wrong_clock_gave_is_counted_anew():
    policy = FILE | {"query_visits": False}
    s = evolve(lost(**policy), pursuit=Pursuit(until=after(1000 * DAY)))

    s, _ = due(s, **policy)

    assert after(72 * HOUR) <= s.pursuit.until <= after(72 * HOUR + 60)


def test_a_visit_of_an_older_version_has_no_pursuit_and_gets_one():
    s, commands = due(settlement(S.UNKNOWN), NOW, **FILE)

    assert sent(commands) == [Call.QUERY_VISITS]
    assert s.pursuit.until > NOW


ORDERS = st.lists(st.sampled_from(ORDER), unique=True, min_size=0, max_size=3).map(tuple)


@settings(max_examples=100, deadline=None)
@given(
    evidence=ORDERS,
    file_at=st.sampled_from([None, NIGHT]),
    query=st.booleans(),
    reversible=st.sampled_from([frozenset(), frozenset({Call.SETTLE})]),
    limit_s=st.sampled_from([60.0, 6 * HOUR, 72 * HOUR, 720 * HOUR]),
    ends=st.lists(st.sampled_from(["lost", "failed", "told"]), max_size=12),
)
def test_invariant_10_every_order_comes_to_its_end_in_time(evidence, file_at, query, reversible, limit_s, ends):
    policy = {
        "file_at": file_at, "query_visits": query, "reversible": reversible, "doubt_limit_s": limit_s, "max_attempts": 4,
        **kinds(*evidence),
    }  # fmt: skip
    s, now = lost(**policy), NOW
    for turn in range(200):
        if s.state is S.MANUAL:
            break
        assert s.next_due is not None
        now = max(now, s.next_due)
        assert not waits(s, now, at(now, **policy).policy)
        s, commands = due(s, now, **policy)
        end = ends[turn] if turn < len(ends) else "lost"
        calls = sent(commands)
        while calls:
            if calls.pop() is Call.REVERSE:
                happened = e.ReversalUnanswered(SID, s.reversal_message_id, "x")
            elif end == "lost":
                continue
            else:
                mid = s.pursuit.query_message_id
                happened = e.CentreShowedVisits(SID, mid, ()) if end == "told" else e.VisitQueryFailed(SID, mid, "x")
            s, commands = one(step(visit(s), happened, at(now, **policy)))
            calls += sent(commands)

    assert s.state is S.MANUAL
    assert now <= after(limit_s + 600)
