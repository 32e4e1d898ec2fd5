"""What may be concluded from two looks at one card, and what a caller's text asks for."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from middleware.domain.card_debit import Accounts, DebitOrder, DebitState, judged, order_of, record_of
from middleware.domain.fault import Fault
from tests.readers.attempts import attempt

AT, TERMINAL = "20260302101500", "999900000007"
ORDER = DebitOrder(1230, 405, AT)
BEFORE = Accounts(10000, "2026", 100, 7, ("999900000001", "2026-03-01T09:00:00", "1.00", "0.00"))
DONE = Accounts(8770, "2026", 505, 8, record_of(ORDER, TERMINAL, AT))


def test_nothing_changed_is_not_done_and_exactly_this_change_is_done() -> None:
    assert judged(ORDER, TERMINAL, AT, BEFORE, BEFORE) is DebitState.NOT_DONE
    assert judged(ORDER, TERMINAL, AT, BEFORE, DONE) is DebitState.DONE
    first = attrs.evolve(BEFORE, last=-1, record=())
    assert judged(ORDER, TERMINAL, AT, first, DONE) is DebitState.DONE
    last = attrs.evolve(BEFORE, last=0xFFFF)
    assert judged(ORDER, TERMINAL, AT, last, attrs.evolve(DONE, last=0)) is DebitState.DONE


@pytest.mark.parametrize(
    "change",
    [
        {"balance_fen": 8769}, {"year": "2027"}, {"pooled_fen": 504}, {"last": 9}, {"last": 7},
        {"record": ("999900000008", *DONE.record[1:])}, {"record": (*DONE.record[:2], "12.31", "4.05")},
    ],
)  # fmt: skip
def test_whatever_else_happened_is_a_persons(change) -> None:
    assert judged(ORDER, TERMINAL, AT, BEFORE, attrs.evolve(DONE, **change)) is None


@given(st.builds(Accounts, st.integers(0, 20000), st.just("2026"), st.integers(0, 600), st.integers(-1, 9)))
def test_no_other_state_of_the_accounts_is_taken_for_done(after: Accounts) -> None:
    assert judged(ORDER, TERMINAL, AT, BEFORE, after) is None


@given(st.integers(0, 0xFFFFFFFF), st.integers(1, 0xFFFFFFFF), st.datetimes())
def test_amounts_and_time_are_read_exactly(individual, pooled, at) -> None:
    moment = f"{at:%m%d%H%M%S}"
    text = f"{individual // 100}.{individual % 100:02d}|{pooled // 100}.{pooled % 100:02d}||{at.year:04d}{moment}|"
    assert order_of(text) == DebitOrder(individual, pooled, f"{at.year:04d}{moment}")


@pytest.mark.parametrize(
    "text",
    [
        "", f"1|2|{AT}|", f"12.3|0.00|{AT}|", f"0.00|0.00|{AT}|", f"-1.00|0.00|{AT}|", "1.00|0.00|20260231101500|",
        f"1.00|0.00|5.00|{AT}|", f"1.00|{AT}|", f"42949672.96|0.00|{AT}|", f"１.00|0.00|{AT}|", "1.00|0.00|2026030210150|",
    ],
)  # fmt: skip
def test_what_could_be_read_in_two_ways_is_refused(text: str) -> None:
    with pytest.raises(Fault, match=r"params\.pPayInfo"):
        order_of(text)


@given(st.text(max_size=60))
def test_no_text_ends_in_anything_but_an_order_or_a_fault(text: str) -> None:
    made = attempt(lambda: order_of(text))
    assert isinstance(made, DebitOrder) or made.code == "request.bad_params"
