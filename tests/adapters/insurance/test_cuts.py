"""What a pharmacy's quote says of each line explains the amounts: what cannot be used of it is left out, nothing fails by it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from adapters.insurance.exchange.reading import to_reply
from middleware.domain.centre import PreSettle, VisitFacts
from middleware.domain.charge import bill_total
from middleware.domain.kind import VisitKind
from middleware.domain.money import Money
from tests.adapters.insurance.requests import holder, line

LINES = (line("1"), line("2"))
ASKED = PreSettle(
    VisitFacts("P1", "", "310", "11", "999900", "41", VisitKind.PHARMACY), holder(), "B", bill_total(LINES),
    use_account=True, lines=LINES,
)  # fmt: skip
ONE = Decimal(1)
SUMS: dict[str, object] = {
    "mdtrt_id": "V1", "psn_no": "P1", "medfee_sumamt": ONE, "fund_pay_sumamt": Decimal(0), "acct_pay": Decimal(0),
    "psn_cash_pay": ONE, "psn_part_amt": ONE,
}  # fmt: skip


def cut(number: str, **more: object) -> dict[str, object]:
    told = {"feedetl_sn": number, "det_item_fee_sumamt": ONE, "fulamt_ownpay_amt": Decimal("0.4"), "chrgitm_lv": "02"}
    return told | more


def told(*rows: dict[str, object]):
    return to_reply(ASKED, "M1", {"setlinfo": SUMS, "detlcutinfo": list(rows)}).cuts


def test_the_lines_come_in_our_order_with_what_is_ones_own():
    first, second = told(cut("2"), cut("1", fulamt_ownpay_amt=Decimal(0)))

    assert (first.line_id, second.line_id) == ("1", "2")
    assert (first.borne, second.self_paid, second.level) == (False, Money(40), "02")


@pytest.mark.parametrize(
    "rows",
    [
        (),
        (cut("1"),),
        (cut("1"), cut("3")),
        (cut("1"), cut("2"), cut("3")),
        (cut("1"), cut("2", det_item_fee_sumamt="a lot")),
        (cut("1"), cut("2", overlmt_amt=Decimal("0.001"))),
        (cut("1"), cut("")),
    ],
)
def test_what_is_not_of_our_lines_or_cannot_be_read_tells_nothing_and_the_quote_stands(rows):
    assert told(*rows) is None
