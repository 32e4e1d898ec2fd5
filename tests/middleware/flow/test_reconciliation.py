"""What a comparison does to a settlement: the file is the surest evidence, of the moment when it was asked."""

from __future__ import annotations

import datetime as dt

import pytest
from attrs import evolve

from middleware.domain import event as e
from middleware.domain.centre import Call
from middleware.domain.command import HisMatter, TellHis, WakeAt
from middleware.domain.decision import Verdict
from middleware.domain.fault import Fault
from middleware.domain.money import Money
from middleware.domain.reconciliation import Difference
from middleware.domain.visit import SettlementState as S
from middleware.flow.visit import step
from tests.middleware.flow.making import (
    CANCEL_ID,
    CHECKER,
    EVIDENCE,
    FINDING,
    LISTING,
    MAKER,
    PROOF,
    SETTLE_ID,
    SID,
    after,
    at,
    cancel_in_doubt,
    decision,
    settlement,
    visit,
)
from tests.support.fakes import NOW, split

BOTH = frozenset({Call.SETTLE, Call.CANCEL})
REFUND = evolve(LISTING, total=-split().total, fund=-split().fund, account=-split().account)
LATER = after(3600)


def listed(before, *, message_id=SETTLE_ID, refund=False, listing=LISTING):
    return e.CentreListed(SID, message_id, refund, listing, before.seen)


def otherwise(before, difference=Difference.AMOUNTS, **changes):
    return e.CentreListedOtherwise(SID, evolve(FINDING, difference=difference, **changes), before.seen)


def absent(before, *, message_id=SETTLE_ID, refund=False, asked_at=LATER, intended_at=NOW):
    return e.CentreListedAbsent(SID, message_id, refund, (PROOF,), intended_at, asked_at, before.seen)


def moved(before, happened, **policy):
    done = step(visit(before), happened, at(LATER, **{"reversible": BOTH, **policy}))
    return done.state.settlements[0], done.commands


@pytest.mark.parametrize("state", [S.UNKNOWN, S.MANUAL])
def test_a_listed_unknown_is_reversed_at_once_where_the_region_does_not_adopt(state):
    before = settlement(state)
    now, commands = moved(before, listed(before))

    assert (now.state, now.next_due, now.reversal_attempts) == (S.UNKNOWN, LATER, 0)
    assert commands == (WakeAt(SID, LATER),)
    assert now.finding.listing.proof == PROOF


def test_a_listed_unknown_is_adopted_where_the_region_says_so_and_the_amounts_are_the_quotes():
    before = settlement(S.UNKNOWN)
    now, commands = moved(before, listed(before), adopt_listed=True)

    assert now.state is S.SETTLED
    assert (now.settled.settlement_number, now.settled.split) == ("SETL1", split())
    assert now.settled.settled_at.date() == PROOF.day
    assert commands == (TellHis(HisMatter.SETTLED, "P0001", SID),)


@pytest.mark.parametrize(
    "listing",
    [evolve(LISTING, settlement_number=""), evolve(LISTING, total=Money(1)), evolve(LISTING, account=None)],
)
def test_what_lacks_a_number_or_has_other_amounts_is_not_adopted(listing):
    before = settlement(S.UNKNOWN)

    assert moved(before, listed(before, listing=listing), adopt_listed=True)[0].state is S.UNKNOWN


def test_invariant_13_what_was_written_off_or_ever_reversed_is_not_adopted():
    for changes in ({"written_off": SETTLE_ID}, {"reversal_attempts": 1}, {"reversal_message_id": "M-reversal"}):
        before = settlement(S.UNKNOWN, **changes)

        assert moved(before, listed(before), adopt_listed=True)[0].state is S.UNKNOWN


def test_a_listed_unknown_waits_for_a_person_with_the_row_as_evidence_where_2601_may_not_name_it():
    before = settlement(S.UNKNOWN)
    now, commands = moved(before, listed(before), reversible=frozenset())

    assert (now.state, now.finding.listing, commands) == (S.MANUAL, LISTING, ())


def test_a_manual_one_is_pursued_once_by_a_listing_then_it_is_a_persons():
    before = settlement(S.MANUAL)
    again, _ = moved(before, listed(before))
    given_up = evolve(again, state=S.MANUAL, next_due=None)

    assert moved(given_up, listed(given_up))[0].state is S.MANUAL


@pytest.mark.parametrize("state", [S.REVERSED, S.REFUSED, S.QUOTED])
def test_invariant_13_an_orphan_is_reversed_and_never_adopted(state):
    before = settlement(state, settle_message_id=SETTLE_ID)
    now, commands = moved(before, listed(before), adopt_listed=True)

    assert (now.state, now.unknown_call, now.written_off) == (S.UNKNOWN, Call.SETTLE, SETTLE_ID)
    assert commands == (WakeAt(SID, LATER),)


def test_an_orphan_that_was_undone_for_that_reason_before_is_shown_to_a_person():
    before = settlement(S.REVERSED, written_off=SETTLE_ID)
    now, commands = moved(before, listed(before))

    assert (now.state, now.finding.difference, commands) == (S.REVERSED, Difference.ONLY_THERE, ())


def test_an_orphan_of_an_older_message_changes_nothing_by_itself():
    before = settlement(S.QUOTED, settle_message_id=SETTLE_ID)

    assert moved(before, listed(before, message_id="M-older"))[0] == before


def test_the_end_of_its_pursuit_ends_the_finding():
    before = settlement(S.REVERSED)
    doubtful, _ = moved(before, listed(before))
    sent = evolve(doubtful, state=S.REVERSAL_SENT, reversal_message_id="M-reversal")
    now, _ = moved(sent, e.CentreReversed(SID, "M-reversal"))

    assert (now.state, now.finding) == (S.REVERSED, None)


def test_a_listed_cancel_is_adopted_or_reversed_as_a_settlement_is():
    before = cancel_in_doubt()
    happened = listed(before, message_id=CANCEL_ID, refund=True, listing=REFUND)

    assert moved(before, happened)[0].state is S.UNKNOWN
    now, commands = moved(before, happened, adopt_listed=True)
    assert (now.state, now.cancelled.split.total) == (S.CANCELLED, -split().total)
    assert commands[0].matter is HisMatter.CANCELLED


def test_a_cancel_that_we_call_not_done_and_the_centre_lists_is_reversed():
    before = settlement(S.DELIVERED, cancel_message_id=CANCEL_ID)
    now, _ = moved(before, listed(before, message_id=CANCEL_ID, refund=True, listing=REFUND))

    assert (now.state, now.unknown_call, now.written_off) == (S.UNKNOWN, Call.CANCEL, CANCEL_ID)


def test_what_no_complete_file_lists_was_never_done():
    before, cancel = settlement(S.MANUAL), cancel_in_doubt(S.MANUAL)

    assert moved(before, absent(before))[0].state is S.REVERSED
    assert moved(cancel, absent(cancel, message_id=CANCEL_ID, refund=True))[0].state is S.DELIVERED


def test_a_file_about_the_other_half_proves_nothing():
    before, cancel = settlement(S.MANUAL), cancel_in_doubt(S.MANUAL)

    assert moved(before, absent(before, message_id=CANCEL_ID, refund=True))[0] == before
    assert moved(cancel, absent(cancel))[0] == cancel


def test_invariant_12_absent_before_the_centres_own_limit_proves_nothing():
    before = settlement(S.UNKNOWN)

    assert moved(before, absent(before, asked_at=after(119)))[0] == before
    assert moved(before, absent(before, asked_at=after(121)))[0].state is S.REVERSED


def test_invariant_22_absent_by_a_clock_that_stepped_proves_nothing_before_the_limit_has_surely_passed():
    before = settlement(S.UNKNOWN)

    def under(trusted):
        when = evolve(at(LATER), trusted_since=trusted)
        return step(visit(before), absent(before), when).state.settlements[0].state

    assert under(after(3500)) is S.UNKNOWN
    assert under(after(3400)) is S.REVERSED
    long_ago = NOW - dt.timedelta(days=1)
    happened = absent(before, intended_at=long_ago)
    done = step(visit(before), happened, evolve(at(LATER), trusted_since=after(3599)))
    assert done.state.settlements[0].state is S.REVERSED


@pytest.mark.parametrize("make", [listed, absent, otherwise])
def test_what_was_learned_after_the_centre_was_asked_overtakes_the_file(make):
    before = settlement(S.UNKNOWN)
    happened = make(before)
    since = evolve(before, reversal_message_id="M-later")

    assert moved(since, happened)[0] == since


@pytest.mark.parametrize("state", [S.SETTLED, S.DELIVERED, S.CANCEL_SENT, S.CANCELLED])
def test_a_difference_is_never_overwritten_and_stands_until_the_centre_agrees(state):
    before = settlement(state)
    shown, commands = moved(before, otherwise(before))

    assert (evolve(shown, finding=None), commands) == (before, ())
    again, _ = moved(shown, otherwise(shown, found_at=LATER))
    assert again == shown
    assert moved(shown, e.CentreListedEqual(SID, "M-other", PROOF))[0] == shown
    assert moved(shown, e.CentreListedEqual(SID, SETTLE_ID, PROOF))[0] == before


def test_invariant_13_what_we_call_cancelled_and_the_centre_still_holds_is_reversed():
    before = settlement(S.CANCELLED)
    lacking = otherwise(before, Difference.REFUND_MISSING, message_id=CANCEL_ID, refund=True)
    now, _ = moved(before, lacking)

    assert (now.state, now.unknown_call, now.written_off) == (S.UNKNOWN, Call.SETTLE, SETTLE_ID)
    kept, _ = moved(before, lacking, reversible=frozenset())
    assert (kept.state, kept.finding.difference) == (S.CANCELLED, Difference.REFUND_MISSING)


# -- two persons decide


def decided(before, verdict, **policy):
    shown, _ = moved(before, e.ManualProposed(SID, MAKER, decision(verdict), EVIDENCE), **policy)
    return moved(shown, e.ManualApproved(SID, CHECKER, shown.proposal.digest))


@pytest.mark.parametrize("state", [S.SETTLED, S.DELIVERED, S.CANCELLED, S.REVERSED, S.REFUSED])
def test_two_persons_close_a_difference_that_the_centre_corrects(state):
    before = settlement(state, finding=FINDING)
    now, commands = decided(before, Verdict.STANDS)

    assert (now.state, now.finding, commands) == (state, None, ())
    assert now.decided.approved_by == CHECKER.account


def test_two_persons_undo_here_what_the_centre_does_not_hold_and_the_his_hears_of_it():
    before = settlement(S.DELIVERED, finding=evolve(FINDING, difference=Difference.ONLY_HERE))
    now, commands = decided(before, Verdict.CANCELLED)

    assert (now.state, now.finding, now.cancelled.settlement_number) == (S.CANCELLED, None, "SETL2")
    assert commands == (TellHis(HisMatter.CANCELLED, "C0001", SID),)


def test_nothing_is_proposed_on_a_settlement_without_a_difference_nor_what_does_not_fit():
    for before, verdict, code in (
        (settlement(S.DELIVERED), Verdict.STANDS, "settlement.wrong_state"),
        (settlement(S.DELIVERED, finding=FINDING), Verdict.REVERSED, "desk.not_fitting"),
        (settlement(S.CANCELLED, finding=FINDING), Verdict.CANCELLED, "desk.not_fitting"),
    ):
        with pytest.raises(Fault) as caught:
            moved(before, e.ManualProposed(SID, MAKER, decision(verdict), EVIDENCE))
        assert caught.value.code == code


def test_a_proposal_on_a_difference_is_withdrawn_when_the_centre_agrees_by_itself():
    before = settlement(S.DELIVERED, finding=FINDING)
    shown, _ = moved(before, e.ManualProposed(SID, MAKER, decision(Verdict.STANDS), EVIDENCE))

    assert shown.proposal is not None
    assert moved(shown, e.CentreListedEqual(SID, SETTLE_ID, PROOF))[0].proposal is None
