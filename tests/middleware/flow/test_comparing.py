"""Joining by message id, the classes, and what follows from class and state: no cell is undefined."""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from middleware.domain.fault import Fault
from middleware.domain.money import Money
from middleware.domain.reconciliation import Difference, Proof, Resolution
from middleware.domain.statement import DetailRow, ResultRow, Slice, Verdict
from middleware.domain.visit import SettlementState as S
from middleware.flow import reconciliation
from middleware.flow.comparing import RESOLUTIONS, About, Booked, Doubt, asked, days_of, joined, resolution, unlisted
from tests.support.fakes import NOW, TZ

D, R = Difference, Resolution
PROOF = Proof("R1", NOW.date(), "f" * 64)
SLICE = Slice("", "11", "999900")


def about(n=1, state=S.DELIVERED, **changes):
    return evolve(About(f"S{n}", f"V{n}", state, "seen"), **changes)


def booked(n=1, *, refund=False, fen=10000, state=None, **changes):
    sign = -1 if refund else 1
    row = DetailRow(
        f"SETL{n}{'C' * refund}", f"MDT{n}", f"P{n}", Money(sign * fen), Money(sign * 6000), Money(0), Money(0),
        refund=refund, message_id=f"M{n}{'C' * refund}", insurance="310",
    )  # fmt: skip
    state = state or (S.CANCELLED if refund else S.DELIVERED)
    return Booked(evolve(row, **changes), evolve(SLICE, insurance="310"), about(n, state), f"M{n}" if refund else "")


def answered(mine, verdict=Verdict.EQUAL, **changes):
    r = mine.row
    row = ResultRow(
        r.person_number, r.visit_number, r.settlement_number, r.message_id, verdict, "0", r.refund, "", r.total, r.fund,
        r.account,
    )  # fmt: skip
    return evolve(row, **changes)


def only_there(message_id="M9", **changes):
    row = ResultRow(
        "P9", "", "", message_id, Verdict.ONLY_THERE, "1", refund=False, memo="", total=Money(5), fund=None, account=None
    )
    return evolve(row, **changes)


def classes(ours, theirs, known=()):
    return [(one.difference, one.resolution) for one in joined(ours, theirs, PROOF, SLICE, dict(known))]


@pytest.mark.parametrize(("difference", "refund", "state"), [*itertools.product(D, (False, True), S)])
def test_every_class_and_state_has_a_resolution_and_it_can_be_carried_out(difference, refund, state):
    what = RESOLUTIONS[difference, refund][state]
    rows = reconciliation.ROWS
    carried = {
        R.REVERSE_OR_ADOPT: reconciliation.CentreListed,
        R.REVERSE: reconciliation.CentreListedOtherwise if difference is D.REFUND_MISSING else reconciliation.CentreListed,
        R.ABSENT: reconciliation.CentreListedAbsent,
    }.get(what)

    assert isinstance(what, Resolution)
    assert carried is None or state in rows[carried].moves


def test_the_table_has_no_class_that_is_not_one_and_lacks_none():
    assert set(RESOLUTIONS) == set(itertools.product(D, (False, True)))
    assert all(set(row) == set(S) for row in RESOLUTIONS.values())


def test_equal_rows_are_equal_and_ask_for_nothing():
    ours = [booked(1), booked(2), booked(2, refund=True)]

    assert classes(ours, [answered(one) for one in reversed(ours)]) == [(D.EQUAL, R.NONE)] * 3


@pytest.mark.parametrize(
    "changes",
    [{"total": Money(1)}, {"fund": Money(1)}, {"account": Money(1)}, {"settlement_number": "OTHER"}],
)
def test_an_equal_verdict_is_believed_only_as_far_as_its_own_cells(changes):
    mine = booked(1)

    assert classes([mine], [answered(mine, **changes)]) == [(D.AMOUNTS, R.PERSON)]


@pytest.mark.parametrize("verdict", [Verdict.AMOUNTS, Verdict.DIFFERS, Verdict.ONLY_THERE])
def test_a_row_that_the_centre_holds_otherwise_waits_for_a_person(verdict):
    mine = booked(1)

    assert classes([mine], [answered(mine, verdict)]) == [(D.AMOUNTS, R.PERSON)]


def test_what_only_we_have_is_never_taken_back_by_itself_and_a_lacking_refund_is():
    settled, refund = booked(1), booked(2, refund=True)
    theirs = [answered(settled, Verdict.ONLY_HERE, message_id=""), answered(refund, Verdict.ONLY_HERE, message_id="")]

    assert classes([settled, refund], theirs) == [(D.ONLY_HERE, R.PERSON), (D.REFUND_MISSING, R.REVERSE)]


@pytest.mark.parametrize(
    ("state", "what"),
    [(S.UNKNOWN, R.REVERSE_OR_ADOPT), (S.MANUAL, R.REVERSE_OR_ADOPT), (S.REVERSED, R.REVERSE), (S.REFUSED, R.REVERSE),
     (S.QUOTED, R.REVERSE), (S.SETTLE_SENT, R.WAIT), (S.REVERSAL_SENT, R.WAIT), (S.DELIVERED, R.PERSON)],
)  # fmt: skip
def test_what_only_the_centre_has_follows_our_state(state, what):
    row = only_there()
    known = {asked(row): about(9, state, doubts_refund=False)}

    assert classes([], [row], known.items()) == [(D.ONLY_THERE, what)]


def test_a_strangers_row_and_an_older_message_wait_for_a_person():
    row = only_there()

    assert classes([], [row]) == [(D.ONLY_THERE, R.PERSON)]
    assert classes([], [row], [(asked(row), about(9, S.REVERSED, newest=False))]) == [(D.ONLY_THERE, R.PERSON)]


def test_while_the_other_half_is_in_doubt_a_listed_half_waits():
    row = only_there(refund=True)

    assert classes([], [row], [(asked(row), about(9, S.UNKNOWN, doubts_refund=False))]) == [(D.ONLY_THERE, R.WAIT)]


def test_a_person_is_no_key():
    """Two settlements of one person and one visit: each is joined by its own message."""
    one, two = booked(1), booked(2, person_number="P1", visit_number="MDT1")
    theirs = [answered(two), answered(one)]

    assert classes([one, two], theirs) == [(D.EQUAL, R.NONE)] * 2
    stranger = only_there(person_number="P1", visit_number="MDT1")
    assert classes([one], [answered(one), stranger]) == [(D.EQUAL, R.NONE), (D.ONLY_THERE, R.PERSON)]


def test_a_refund_may_carry_its_own_message_or_the_originals():
    refund = booked(1, refund=True)

    assert classes([refund], [answered(refund, message_id="M1")]) == [(D.EQUAL, R.NONE)]


def test_half_a_file_is_refused_whole():
    ours = [booked(1), booked(2)]

    with pytest.raises(Fault) as caught:
        classes(ours, [answered(ours[0])])

    assert caught.value.code == "reconcile.incomplete"


@pytest.mark.parametrize("verdict", [Verdict.EQUAL, Verdict.AMOUNTS, Verdict.ONLY_HERE, Verdict.DIFFERS])
def test_a_verdict_on_a_row_that_was_not_sent_refuses_the_file(verdict):
    with pytest.raises(Fault) as caught:
        classes([], [only_there(verdict=verdict)])

    assert caught.value.code == "reconcile.incomplete"


def test_two_words_on_one_row_of_ours_are_a_difference():
    mine = booked(1)

    assert classes([mine], [answered(mine), answered(mine)]) == [(D.AMOUNTS, R.PERSON)]


@given(
    st.lists(st.tuples(st.integers(1, 6), st.booleans()), unique=True, max_size=8),
    st.lists(st.tuples(st.integers(1, 8), st.booleans(), st.sampled_from(Verdict)), max_size=10),
)
def test_whatever_the_file_says_each_row_of_ours_has_one_class_or_the_file_is_refused(mine, said):
    ours = [booked(n, refund=refund) for n, refund in mine]
    theirs = [answered(booked(n, refund=refund), verdict) for n, refund, verdict in said]
    found = []
    with contextlib.suppress(Fault):
        found = joined(ours, theirs, PROOF, SLICE, {})

    assert not found or [one.ours for one in found if one.ours] == [one.row for one in ours]
    assert all(one.difference is D.ONLY_THERE for one in found if one.ours is None)


def test_a_message_belongs_to_every_day_on_which_it_can_have_been_done():
    noon = dt.datetime(2026, 11, 21, 12, 0, tzinfo=TZ)
    day = noon.date()

    assert days_of(noon, 600, TZ) == (day,)
    assert days_of(noon.replace(hour=23, minute=59), 600, TZ) == (day, day + dt.timedelta(days=1))
    assert days_of(noon.replace(hour=1), 600, TZ) == (day - dt.timedelta(days=1), day)
    assert days_of(noon.astimezone(dt.UTC), 600, TZ) == (day,)


def test_a_doubt_is_unlisted_only_when_no_row_of_its_days_is_it():
    doubt = Doubt(
        about(9, S.UNKNOWN, doubts_refund=False), "M9", refund=False, intended_at=NOW, insurance="310", med_type="11"
    )
    row = only_there()
    listed = joined([], [row], PROOF, SLICE, {asked(row): doubt.about})

    assert unlisted(doubt, listed, [PROOF]) is None
    found = unlisted(doubt, [], [PROOF])
    assert (found.difference, found.resolution) == (D.UNLISTED, R.ABSENT)
    assert resolution(D.UNLISTED, evolve(doubt.about, state=S.REVERSAL_SENT), refund=False) is R.NONE
