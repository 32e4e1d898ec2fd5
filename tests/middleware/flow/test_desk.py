"""The manual desk's rules: who may decide what, on which evidence, and what becomes of it."""

from __future__ import annotations

import datetime as dt

import pytest
from attrs import evolve

from middleware.domain import event as e
from middleware.domain.centre import Call
from middleware.domain.command import HisMatter, TellHis
from middleware.domain.decision import Verdict
from middleware.domain.fault import Fault
from middleware.domain.money import Money
from middleware.domain.split import broken_identities
from middleware.domain.visit import SettlementState
from middleware.flow.desk import undoing
from middleware.flow.visit import step
from tests.middleware.flow.making import (
    CANCEL_ID,
    CHECKER,
    EVIDENCE,
    MAKER,
    REVERSAL_ID,
    SETTLE_ID,
    SID,
    after,
    amounts,
    at,
    cancel_in_doubt,
    decision,
    event,
    settlement,
    visit,
)
from tests.support.fakes import NOW, split

S = SettlementState
LATER = after(600)  # beyond the centre's processing limit


def take(before, happened, when=None):
    """The settlement and the commands after one event."""
    done = step(visit(before), happened, when or at(LATER))
    return done.state.settlements[0], done.commands


def propose(before, verdict=Verdict.REVERSED, *, by=MAKER, when=None, evidence=EVIDENCE, **changes):
    return take(before, e.ManualProposed(SID, by, decision(verdict, **changes), evidence), when)[0]


def approve(before, *, by=CHECKER, digest=None, when=None):
    return take(before, e.ManualApproved(SID, by, digest or before.proposal.digest), when)


def refusal(act, *args, **kwargs):
    with pytest.raises(Fault) as caught:
        act(*args, **kwargs)
    return caught.value.code


@pytest.mark.parametrize("state", [S.UNKNOWN, S.MANUAL])
@pytest.mark.parametrize(
    ("made", "verdict", "leads_to", "told"),
    [
        (settlement, Verdict.SETTLED, S.SETTLED, [HisMatter.SETTLED]),
        (settlement, Verdict.REVERSED, S.REVERSED, []),
        (cancel_in_doubt, Verdict.CANCELLED, S.CANCELLED, [HisMatter.CANCELLED]),
        (cancel_in_doubt, Verdict.STANDS, S.DELIVERED, []),
    ],
)
def test_two_persons_take_a_settlement_out_of_doubt_and_the_his_is_told(state, made, verdict, leads_to, told):
    waiting = propose(made(state), verdict)
    done, commands = approve(waiting)

    assert waiting.state is state
    assert done.state is leads_to
    assert (done.next_due, done.unknown_call, done.proposal) == (None, None, None)
    assert [c.matter for c in commands if isinstance(c, TellHis)] == told
    assert (done.decided.proposal.proposed_by, done.decided.approved_by) == ("li", "wang")
    assert done.decided.proposal.evidence == EVIDENCE


def test_a_proposal_on_an_outcome_still_pursued_stops_nothing_and_the_pursuit_withdraws_it():
    unknown = settlement(S.UNKNOWN, next_due=LATER)
    waiting = propose(unknown)
    pursued, commands = take(waiting, e.DueTimePassed(SID))

    assert evolve(waiting, proposal=None) == unknown
    assert pursued.state is S.REVERSAL_INTENDED
    assert [type(c).__name__ for c in commands] == ["CallCentre"]
    assert pursued.proposal is None
    assert refusal(approve, pursued, digest=waiting.proposal.digest) == "desk.stale"


def test_a_proposal_stays_good_when_the_tries_are_used_up_meanwhile():
    waiting = propose(settlement(S.UNKNOWN, reversal_attempts=8))
    handed_over, _ = take(waiting, e.DueTimePassed(SID), at(LATER, max_attempts=8))

    assert handed_over.state is S.MANUAL
    assert approve(handed_over)[0].state is S.REVERSED


@pytest.mark.parametrize("state", [S.UNKNOWN, S.MANUAL])
@pytest.mark.parametrize(
    "kind",
    [
        e.CentreSettled, e.CentreRefusedSettle, e.CentreReversed, e.CentreRefusedReversal, e.CentreCancelled,
        e.CentreRefusedCancel,
    ],
)  # fmt: skip
def test_any_late_word_of_the_centre_withdraws_a_proposal_that_did_not_know_of_it(state, kind):
    waiting = propose(settlement(state, reversal_attempts=1))

    told, _ = take(waiting, event(kind, state))

    assert told.proposal is None
    assert refusal(approve, told, digest=waiting.proposal.digest) == "desk.stale"


def test_what_the_his_says_of_an_earlier_letter_leaves_a_proposal_alone():
    waiting = propose(cancel_in_doubt(S.MANUAL), Verdict.STANDS)

    told, _ = take(waiting, e.HisAcceptedCharges(SID, cancelled=False))

    assert told.proposal == waiting.proposal


def test_invariant_27_who_proposed_does_not_approve():
    waiting = propose(settlement(S.MANUAL))

    assert refusal(approve, waiting, by=MAKER) == "desk.same_person"


def test_a_newer_proposal_takes_the_place_of_the_older_which_can_no_longer_be_approved():
    older = propose(settlement(S.MANUAL))
    newer = propose(older, Verdict.SETTLED, by=CHECKER)

    assert refusal(approve, newer, digest=older.proposal.digest) == "desk.stale"
    assert refusal(approve, newer, by=CHECKER) == "desk.same_person"
    assert approve(newer, by=MAKER)[0].state is S.SETTLED


@pytest.mark.parametrize(
    "other",
    [
        {"evidence": evolve(EVIDENCE, note="another")},
        {"by": CHECKER},
        {"when": at(after(601)), "evidence": evolve(EVIDENCE, sha256="0" * 64)},
    ],
)
def test_the_digest_is_of_all_that_is_shown(other):
    first = propose(settlement(S.MANUAL))

    assert propose(first, **other).proposal.digest != first.proposal.digest


def test_the_same_proposal_asked_again_after_a_lost_answer_is_the_same():
    waiting = propose(settlement(S.MANUAL))

    assert propose(waiting, when=at(after(900))).proposal == waiting.proposal


def test_the_same_approval_asked_again_after_a_lost_answer_changes_nothing():
    waiting = propose(settlement(S.MANUAL), Verdict.SETTLED)
    done, _ = approve(waiting)

    again, commands = approve(done, digest=waiting.proposal.digest)

    assert (again, commands) == (done, ())
    assert refusal(approve, done, by=MAKER, digest=waiting.proposal.digest) == "desk.stale"


@pytest.mark.parametrize("by", [MAKER, CHECKER])
def test_a_proposal_may_be_rejected_or_taken_back_and_the_settlement_waits_on(by):
    waiting = propose(settlement(S.MANUAL))

    back, _ = take(waiting, e.ManualRejected(SID, by, waiting.proposal.digest, "no"))

    assert back == settlement(S.MANUAL)
    assert refusal(approve, back, digest=waiting.proposal.digest) == "desk.stale"
    assert refusal(take, back, e.ManualRejected(SID, by, waiting.proposal.digest, "no")) == "desk.stale"


@pytest.mark.parametrize("state", [s for s in S if s not in {S.UNKNOWN, S.MANUAL}])
def test_nothing_is_decided_by_hand_that_the_machine_knows_or_is_asking(state):
    known = settlement(state)

    assert refusal(propose, known) not in {"desk.stale", "system.internal"}
    assert refusal(approve, known, digest="p" * 32) == "desk.stale"
    assert refusal(take, known, event(e.ManualRejected)) == "desk.stale"


@pytest.mark.parametrize(
    ("made", "verdict", "changes"),
    [
        (settlement, Verdict.CANCELLED, {}),
        (settlement, Verdict.STANDS, {}),
        (cancel_in_doubt, Verdict.SETTLED, {}),
        (cancel_in_doubt, Verdict.REVERSED, {}),
        (settlement, Verdict.SETTLED, {"centre_number": ""}),
        (settlement, Verdict.SETTLED, {"centre_time": None}),
        (settlement, Verdict.SETTLED, {"amounts": None}),
        (settlement, Verdict.SETTLED, {"centre_time": NOW - dt.timedelta(hours=26)}),
        (settlement, Verdict.SETTLED, {"centre_time": LATER + dt.timedelta(hours=2)}),
        (settlement, Verdict.REVERSED, {"centre_number": "SETL1"}),
        (settlement, Verdict.REVERSED, {"clearing_type": "11"}),
        (cancel_in_doubt, Verdict.CANCELLED, {"amounts": amounts()}),
        (cancel_in_doubt, Verdict.CANCELLED, {"centre_number": ""}),
    ],
)
def test_a_decision_must_fit_what_is_in_doubt_and_carry_its_facts(made, verdict, changes):
    assert refusal(propose, made(S.MANUAL), verdict, **changes) == "desk.not_fitting"


def test_what_was_made_while_our_clock_was_hours_ahead_can_still_be_decided():
    """Found by the simulator (hostile, seed 996): nobody can type another time than the centre's paper shows."""
    assert propose(settlement(S.MANUAL), Verdict.SETTLED, centre_time=NOW - dt.timedelta(hours=3)).proposal


def test_invariant_13_what_was_called_undone_is_never_adopted_by_hand_either():
    undone_once = settlement(S.MANUAL, written_off=SETTLE_ID)

    assert refusal(propose, undone_once, Verdict.SETTLED) == "desk.not_fitting"
    assert approve(propose(undone_once, Verdict.REVERSED))[0].state is S.REVERSED


@pytest.mark.parametrize(
    ("last", "changes"),
    [("2207", {"reversal_intended_at": None}), ("2601", {"unknown_since": NOW - dt.timedelta(hours=1)})],
)
def test_invariant_12_evidence_counts_only_after_the_centres_own_limit(last, changes):
    doubtful = settlement(S.MANUAL, **changes)

    assert refusal(propose, doubtful, when=at(after(119), processing_limit_s=120)) == "desk.too_early", last
    assert propose(doubtful, when=at(after(120), processing_limit_s=120)).proposal


@pytest.mark.parametrize("seconds", [-3600, 3600])
def test_invariant_22_a_clock_that_stepped_an_hour_makes_no_evidence_count_earlier(seconds):
    doubtful = settlement(S.MANUAL, unknown_since=after(seconds), reversal_intended_at=None)
    stepped = NOW  # the clock is trusted from here on

    for waited, code in ((119, "desk.too_early"), (120, "")):
        when = evolve(at(after(waited), processing_limit_s=120), trusted_since=stepped)
        if code:
            assert refusal(propose, doubtful, when=when) == code
        else:
            assert propose(doubtful, when=when).proposal


def test_amounts_as_quoted_are_certain_and_others_never_are():
    as_quoted, _ = approve(propose(settlement(S.MANUAL), Verdict.SETTLED))
    fund = Money(split().fund.fen - 100)
    cash = Money(split().cash.fen + 100)
    otherwise, _ = approve(propose(settlement(S.MANUAL), Verdict.SETTLED, amounts=amounts(fund=fund, cash=cash)))
    larger, _ = approve(propose(settlement(S.MANUAL), Verdict.SETTLED, amounts=amounts(total=Money(10001))))

    assert (as_quoted.broken_identities, as_quoted.trouble) == ((), None)
    assert as_quoted.settled.split == split()
    assert otherwise.broken_identities
    assert otherwise.trouble.code == "centre.identity_broken"
    assert (otherwise.settled.split.fund, otherwise.settled.split.cash) == (fund, cash)
    assert 0 in larger.broken_identities


def test_a_cancel_by_hand_gives_back_every_amount_of_the_settlement():
    undone = undoing(split())

    assert (undone.total, undone.fund, undone.cash) == (-split().total, -split().fund, -split().cash)
    assert broken_identities(undone) == broken_identities(split())
    assert sum(line.amount.fen for line in undone.funds) == -sum(line.amount.fen for line in split().funds)


@pytest.mark.parametrize(
    ("made", "verdict", "late", "call"),
    [
        (settlement, Verdict.REVERSED, e.CentreSettled, Call.SETTLE),
        (cancel_in_doubt, Verdict.STANDS, e.CentreCancelled, Call.CANCEL),
    ],
)
def test_a_late_approval_of_what_was_decided_not_done_is_pursued_and_never_adopted(made, verdict, late, call):
    decided, _ = approve(propose(made(S.MANUAL), verdict))

    pursued, _ = take(decided, event(late))

    assert (pursued.state, pursued.unknown_call) == (S.UNKNOWN, call)
    assert pursued.written_off == {Call.SETTLE: SETTLE_ID, Call.CANCEL: CANCEL_ID}[call]


def test_a_late_refusal_of_an_old_reversal_changes_no_decision():
    decided, _ = approve(propose(settlement(S.MANUAL), Verdict.SETTLED))

    same, _ = take(decided, e.CentreRefusedReversal(SID, REVERSAL_ID, "2611", "no", not_found=True))

    assert same == decided
