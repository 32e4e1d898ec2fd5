"""What belongs into a terminal's batch: each certainty once, in whatever way it came, and nothing else."""

from __future__ import annotations

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from middleware.domain.centre import SettlementCancelled
from middleware.domain.money import ZERO, Money
from middleware.domain.payment import BankCall, BankReply, Leg, LegState, Traced
from middleware.domain.visit import SettlementState as S
from middleware.flow.desk import undoing
from middleware.flow.shift import became_certain
from tests.middleware.flow.making import settlement, visit
from tests.support.fakes import NOW

L = LegState
STANDS = settlement(S.SETTLED)
UNDONE = evolve(STANDS, state=S.CANCELLED, cancelled=SettlementCancelled("S9", NOW, undoing(STANDS.settled.split)))
TRACED = Traced("000001", NOW, Money(4000))


def leg(state, *, taken=False):
    capture, reply = (TRACED, BankReply()) if taken else (None, None)
    return Leg(1, state, TRACED, "B1", "B1", BankCall.HOLD, capture=capture, captured=reply)


def rows(before, after):
    return became_certain(visit(before) if before else None, visit(after))


def test_a_settlement_that_came_to_stand_is_one_row_of_its_own_terminal():
    (row,) = rows(settlement(S.UNKNOWN), STANDS)
    split = STANDS.settled.split

    assert (row.account, row.terminal) == (STANDS.owner.account, STANDS.owner.terminal)
    assert (row.kind, row.total, row.fund) == ("settled", split.total, split.fund)
    assert (row.of_account, row.cash, row.bank) == (split.account, split.cash, ZERO)


def test_an_undoing_is_the_negative_of_what_was_settled():
    (up,), (down,) = rows(None, STANDS), rows(STANDS, UNDONE)

    assert down.kind == "cancelled"
    assert [up.total + down.total, up.fund + down.fund, up.of_account + down.of_account, up.cash + down.cash] == [ZERO] * 4


def test_what_is_unknown_or_known_already_makes_no_row():
    doubt = evolve(STANDS, state=S.UNKNOWN)

    for before, after in (
        (settlement(S.QUOTED), settlement(S.SETTLE_INTENDED)), (settlement(S.SETTLE_SENT), settlement(S.UNKNOWN)),
        (STANDS, doubt), (doubt, STANDS), (STANDS, evolve(STANDS, state=S.DELIVERED)), (UNDONE, evolve(UNDONE, state=S.REVERSED)),
        (settlement(S.UNKNOWN), settlement(S.REVERSED)),
    ):  # fmt: skip
        assert rows(before, after) == ()


def test_the_banks_part_is_a_row_when_the_bank_has_said_yes_and_when_it_gave_it_back():
    held, taken = evolve(STANDS, legs=(leg(L.HELD),)), evolve(STANDS, legs=(leg(L.CAPTURED, taken=True),))
    back = evolve(UNDONE, legs=(leg(L.REFUND_INTENDED, taken=True),))

    assert rows(held, evolve(held, legs=(leg(L.CAPTURE_INTENDED),))) == ()
    (up,) = rows(held, taken)
    assert (up.kind, up.bank, up.total) == ("captured", Money(4000), ZERO)
    assert [row.kind for row in rows(taken, back)] == ["cancelled"]
    (down,) = rows(back, evolve(back, legs=(leg(L.REFUNDED, taken=True),)))
    assert (down.kind, down.bank) == ("refunded", Money(-4000))


CAPTURED = (leg(L.CAPTURED, taken=True),)
_LADDER = (  # knowledge is only ever added
    settlement(S.QUOTED), settlement(S.UNKNOWN), STANDS, evolve(STANDS, state=S.DELIVERED, legs=(leg(L.HELD),)),
    evolve(STANDS, legs=CAPTURED), evolve(STANDS, state=S.MANUAL, legs=CAPTURED), evolve(UNDONE, legs=CAPTURED),
    evolve(UNDONE, legs=(leg(L.REFUNDED, taken=True),)),
)  # fmt: skip


@given(st.lists(st.integers(0, len(_LADDER) - 1), min_size=1, max_size=8).map(sorted))
def test_invariant_16_the_rows_of_any_history_of_knowledge_add_up_to_what_stands_at_its_end(steps):
    history = [_LADDER[step] for step in steps]
    found = [row for before, after in zip([None, *history], history, strict=False) for row in rows(before, after)]
    last = history[-1]
    stands = last.settled is not None and last.cancelled is None

    assert sum(row.total.fen for row in found) == (last.settled.split.total.fen if stands else 0)
    assert sum(row.bank.fen for row in found) == sum(one.charged.fen for one in last.legs)
    assert [row.kind for row in found].count("settled") == (last.settled is not None)
    assert [row.kind for row in found].count("cancelled") == (last.cancelled is not None)
