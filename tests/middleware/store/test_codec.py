"""What goes into the database comes out again the same, and the same value always gives the same text."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import attrs
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from middleware.domain.centre import Call, Holder, Settled, SettlementCancelled
from middleware.domain.charge import Bill, ChargeLine, Diagnosis
from middleware.domain.identity import CardIdCode, CardNumber, IdNumber, PersonName
from middleware.domain.money import MAX_FEN, Money
from middleware.domain.order import Caller, RegisterOrder, Role
from middleware.domain.split import FundLine, Split
from middleware.domain.visit import Settlement, SettlementState, Trouble, Visit, VisitState
from middleware.store.codec import decode_bill, decode_holder, decode_json, decode_visit, encode, encode_holder
from tests.middleware.flow.making import settlement, visit

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
ZONES = (dt.UTC, dt.timezone(dt.timedelta(hours=8)), dt.timezone(-dt.timedelta(hours=3, minutes=30)))
WHEN = st.builds(
    lambda micros, zone: dt.datetime.fromtimestamp(micros // 10**6, zone).replace(microsecond=micros % 10**6),
    st.integers(0, 4 * 10**15),
    st.sampled_from(ZONES),
)
MONEY = st.integers(-MAX_FEN, MAX_FEN).map(Money)
EXACT = st.decimals(-(10**6), 10**6, places=6, allow_nan=False)
SPLIT = st.builds(
    Split,
    **{one.name: MONEY for one in attrs.fields(Split) if one.name != "funds"},
    funds=st.lists(st.builds(FundLine, TEXT, TEXT, MONEY), max_size=2).map(tuple),
)
CALLER = st.builds(Caller, st.sampled_from(Role), TEXT, TEXT)
CALL = st.none() | st.sampled_from(Call)
TROUBLE = st.none() | st.builds(Trouble, TEXT, TEXT, TEXT)
SETTLEMENT = st.builds(
    Settlement, settlement_id=TEXT, state=st.sampled_from(SettlementState), owner=CALLER, total=MONEY, bill_digest=TEXT,
    diagnoses_digest=TEXT, use_account=st.booleans(), created_at=WHEN, batches=st.integers(0, 99), awaiting=CALL,
    quoted=st.none() | SPLIT, expires_at=st.none() | WHEN, settle_message_id=TEXT,
    settled=st.none() | st.builds(Settled, TEXT, WHEN, SPLIT, TEXT, TEXT, TEXT), unknown_call=CALL,
    unknown_since=st.none() | WHEN, next_due=st.none() | WHEN, reversal_attempts=st.integers(0, 9),
    reversal_intended_at=st.none() | WHEN, written_off=TEXT,
    cancelled=st.none() | st.builds(SettlementCancelled, TEXT, WHEN, SPLIT), delivered=st.booleans(),
    broken_identities=st.lists(st.integers(0, 5), max_size=3).map(tuple), trouble=TROUBLE,
)  # fmt: skip
VISIT = st.builds(
    Visit, visit_id=TEXT, state=st.sampled_from(VisitState), person_ref=TEXT, owner=CALLER,
    order=st.builds(RegisterOrder, *[TEXT] * 7, WHEN, TEXT, TEXT), awaiting=CALL, balance=MONEY,
    settlements=st.lists(SETTLEMENT, max_size=2).map(tuple), trouble=TROUBLE,
)  # fmt: skip
LINE = st.builds(ChargeLine, *[TEXT] * 4, EXACT, EXACT, MONEY, WHEN, *[TEXT] * 6)
BILL = st.builds(
    Bill, st.lists(LINE, max_size=2).map(tuple), st.lists(st.builds(Diagnosis, TEXT, TEXT, TEXT, st.integers(1, 9)), max_size=2).map(tuple)
)  # fmt: skip


@given(VISIT)
def test_a_visit_comes_back_as_it_was(made):
    assert decode_visit(encode(made)) == made
    assert encode(decode_visit(encode(made))) == encode(made)


@pytest.mark.parametrize("state", list(SettlementState))
def test_a_settlement_of_every_state_comes_back_as_it_was(state):
    made = visit(settlement(state))

    assert decode_visit(encode(made)) == made


@given(BILL)
def test_a_bill_comes_back_exactly_to_the_last_decimal(made):
    back = decode_bill(encode(made))

    assert back == made
    assert [str(line.unit_price) for line in back.lines] == [str(line.unit_price) for line in made.lines]


def test_a_price_is_kept_as_text_for_no_reader_may_make_a_float_of_it():
    made = Bill((evolve(visit_line(), unit_price=Decimal("0.100000")),), ())

    assert '"unit_price":"0.100000"' in encode(made)


def visit_line():
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    return ChargeLine("1", "X", "H", "药", Decimal(1), Decimal(1), Money(1), now, "1", "内科", "D", "医生")


@given(TEXT, TEXT, TEXT, TEXT, st.dates())
def test_a_person_comes_back_as_they_were(a, b, c, d, born):
    made = Holder(IdNumber(a), PersonName(b), CardNumber(c), CardIdCode(d), "1", "01", born)

    assert decode_holder(encode_holder(made)) == made


def test_a_row_written_before_a_field_was_added_is_still_read():
    old = decode_json(encode(visit(settlement(SettlementState.SETTLED))))
    for name in ("reversal_intended_at", "written_off"):
        del old["settlements"][0][name]

    assert decode_visit(encode(old)) == visit(settlement(SettlementState.SETTLED))
