"""Sequence numbers by HL7 2.5, 2.10.1: what each answer means for the message, for its number and for the link."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middleware.domain.his import HisAccepted
from middleware.domain.numbering import RESYNC, START, LinkState, Numbers, judge, judge_start
from middleware.domain.outcome import Answered, NotSent, Refused, Unknown

YES, NO = Answered(HisAccepted("P1")), Refused("AE", "no")
NUMBERS = st.one_of(st.none(), st.integers(-1, 12))


def judged(outcome, expected, *, repeated=False, committed=False):
    return judge(7, outcome, expected, repeated=repeated, committed=committed)


@pytest.mark.parametrize("expected", [None, 7, 8])
def test_a_yes_that_echoes_the_number_or_names_the_next_uses_it_up(expected):
    found = judged(YES, expected)

    assert (found.outcome, found.counted, found.frozen) == (YES, True, "")


def test_a_yes_that_expects_another_number_counts_for_the_message_and_freezes_the_link():
    found = judged(YES, 12)

    assert (found.outcome, found.counted, found.frozen) == (YES, True, "it took 7 and expects 12")


def test_a_no_to_a_repeat_that_expects_the_next_number_is_a_lost_yes():
    found = judged(NO, 8, repeated=True)

    assert isinstance(found.outcome, Answered)
    assert found.counted


def test_a_first_no_that_expects_the_next_number_is_a_no_that_used_the_number_up():
    found = judged(NO, 8)

    assert (found.outcome, found.counted, found.frozen) == (NO, True, "")


@pytest.mark.parametrize("expected", [None, 7])
def test_a_no_to_what_it_says_leaves_its_number_for_the_next(expected):
    found = judged(NO, expected)

    assert (found.outcome, found.counted, found.frozen) == (NO, False, "")


@pytest.mark.parametrize("expected", [-1, 0, 3, 9])
def test_a_no_to_the_number_freezes_the_link_and_is_no_word_about_the_message(expected):
    found = judged(NO, expected, repeated=True)

    assert isinstance(found.outcome, NotSent)
    assert found.frozen == f"7 was sent, {expected} is expected"


@given(st.sampled_from([YES, NO, Unknown("time-out"), NotSent("his.unreachable")]), NUMBERS, st.booleans())
def test_only_a_repeat_turns_a_no_into_a_yes_and_nothing_turns_silence_into_one(outcome, expected, repeated):
    found = judged(outcome, expected, repeated=repeated)

    if isinstance(found.outcome, Answered):
        assert isinstance(outcome, Answered) or (repeated and expected == 8)
    if isinstance(outcome, Unknown | NotSent):
        assert found.outcome == outcome


@pytest.mark.parametrize(
    ("open_", "expected", "state"),
    [
        ("", 7, LinkState.OPEN),
        ("", -1, LinkState.OPEN),
        ("", 6, LinkState.FROZEN),
        ("P1", 6, LinkState.OPEN),  # the letter that bears 6 did not arrive
        ("P1", 7, LinkState.OPEN),  # it did, and its answer was lost
        ("P1", 5, LinkState.FROZEN),
        ("", None, LinkState.FROZEN),
    ],
)
def test_a_start_opens_the_link_only_where_the_other_side_expects_what_is_sent_next(open_, expected, state):
    assert judge_start(START, Numbers(7, open_), YES, expected)[0] is state


def test_a_resynchronisation_is_answered_by_minus_one_and_silence_changes_nothing():
    stood = Numbers(7, "", LinkState.RESYNC, "gap")

    assert judge_start(RESYNC, stood, YES, -1) == (LinkState.OPEN, "")
    assert judge_start(RESYNC, stood, YES, 7)[0] is LinkState.FROZEN
    assert judge_start(RESYNC, stood, NO, -1)[0] is LinkState.FROZEN
    assert judge_start(RESYNC, stood, Unknown("time-out"), None) == (LinkState.RESYNC, "gap")
