from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from middleware.domain.fault import Fault
from middleware.domain.message_id import SERIALS_A_SECOND, MessageIds

INSTITUTION = "H99990000001"
AT = dt.datetime(2026, 3, 2, 9, 30, 15, tzinfo=dt.timezone(dt.timedelta(hours=8)))


def test_an_id_is_institution_time_and_serial() -> None:
    ids = MessageIds(INSTITUTION, None)

    assert ids.next(AT) == "H99990000001202603020930150000"
    assert ids.next(AT) == "H99990000001202603020930150001"
    assert ids.next(AT + dt.timedelta(seconds=1)) == "H99990000001202603020930160000"


def test_the_ten_thousand_and_first_in_a_second_waits_for_the_clock() -> None:
    ids = MessageIds(INSTITUTION, None)
    made = [ids.next(AT) for _ in range(SERIALS_A_SECOND)]

    assert len(set(made)) == SERIALS_A_SECOND
    with pytest.raises(Fault) as caught:
        ids.next(AT)
    assert caught.value.code == "system.clock"
    assert ids.next(AT + dt.timedelta(seconds=1)) > made[-1]


def test_a_clock_that_steps_back_an_hour_repeats_nothing() -> None:
    ids = MessageIds(INSTITUTION, None)
    before = [ids.next(AT) for _ in range(3)]
    after = [ids.next(AT - dt.timedelta(hours=1)) for _ in range(3)]

    assert before + after == sorted({*before, *after})


def test_a_restart_within_the_second_goes_on_after_the_last_durable_id() -> None:
    last = [MessageIds(INSTITUTION, None).next(AT)][-1]

    assert MessageIds(INSTITUTION, last).next(AT) == "H99990000001202603020930150001"
    assert MessageIds(INSTITUTION, last).next(AT - dt.timedelta(days=1)) > last


def test_a_restart_with_the_second_used_up_still_waits() -> None:
    ids = MessageIds(INSTITUTION, f"{INSTITUTION}202603020930159999")

    with pytest.raises(Fault, match=r"system\.clock"):
        ids.next(AT)


def test_the_last_id_of_another_institution_is_no_bound() -> None:
    ids = MessageIds(INSTITUTION, "H99990000002299901010000000000")

    assert ids.next(AT) == "H99990000001202603020930150000"


@pytest.mark.parametrize("institution", ["", "H9999000000", "H999900000011", "H9999000000 ", "医9999000001"])
def test_a_wrong_institution_code_is_refused_at_once(institution: str) -> None:
    with pytest.raises(ValueError, match="twelve"):
        MessageIds(institution, None)


@pytest.mark.parametrize("last", [INSTITUTION, INSTITUTION + "20260302093015000", INSTITUTION + "2026030209301500x0"])
def test_a_last_id_that_is_none_of_ours_is_refused(last: str) -> None:
    with pytest.raises(ValueError, match="not one of ours"):
        MessageIds(INSTITUTION, last)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(-7200, 7200), st.booleans()), min_size=1, max_size=200))
def test_whatever_the_clock_and_restarts_do_ids_only_rise(steps: list[tuple[int, bool]]) -> None:
    ids, last, now = MessageIds(INSTITUTION, None), "", AT
    for offset, restart in steps:
        if restart:
            ids = MessageIds(INSTITUTION, last or None)
        now += dt.timedelta(seconds=offset)
        made = ids.next(now)

        assert made > last
        assert len(made) == 30
        last = made


@pytest.mark.parametrize(("slot", "slots"), [(0, 1), (3, 10)])
def test_invariant_22_while_the_clock_is_set_back_a_second_whose_ids_are_used_up_is_not_waited_out(
    slot: int, slots: int
) -> None:
    """Found by chaos: a node has 1,000 ids a second, and after an hour's step back all money waited for that hour."""
    part = SERIALS_A_SECOND // slots
    ids = MessageIds(INSTITUTION, None, slot, slots)
    ahead = ids.next(AT)
    back = AT - dt.timedelta(hours=1)
    made = [ids.next(back) for _ in range(2 * part)]

    assert made == sorted({*made, ahead})[1:]
    assert all(slot * part <= int(one[26:]) < (slot + 1) * part for one in made)
    assert made[-1][:26] == f"{INSTITUTION}20260302093017"
    assert MessageIds(INSTITUTION, made[-1], slot, slots).next(back) > made[-1]
    assert ids.next(AT + dt.timedelta(seconds=9)) > made[-1]
