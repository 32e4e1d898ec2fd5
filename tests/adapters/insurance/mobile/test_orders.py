"""Mobile payment: what is written keeps the tables, what comes back is whole and ours, and both fit a centre with books."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from adapters.insurance.exchange.cells import BadValue, Incomplete, NotOurs
from adapters.insurance.mobile.messages import acknowledgement, notice, read, written
from adapters.insurance.mobile.tables import MOBILE
from adapters.insurance.schema import SiteRules
from adapters.insurance.signing.openssl import OpenSslSigningKey, OpenSslVerifyingKey
from adapters.insurance.signing.voucher import Voucher
from middleware.domain.charge import Diagnosis, bill_total
from middleware.domain.fault import Fault
from middleware.domain.mobile import (
    CALLS,
    Amounts,
    OrderOpened,
    OrderRequest,
    OrderStands,
    PlaceOrder,
    QueryOrder,
    Refund,
    RefundOrder,
    Standing,
    UploadBill,
)
from middleware.domain.money import ZERO, Money
from simulators.centre.business import Business
from simulators.centre.insured import everybody
from simulators.centre.ledger import Ledger, State
from simulators.centre.mobile import MobileOrders
from simulators.centre.refusals import Refusal
from simulators.centre.rules import Year
from simulators.centre.visits import Visit
from simulators.ecode.keys import private_pem, public_pem
from tests.adapters.insurance.requests import AT, INSTITUTION, SECRETS, VISIT, holder, line

SITE = SiteRules()
EMPLOYEE = next(person for person in everybody() if person.key == "employee")
LINES = (
    line("1"),
    line("2", catalogue_code="S210200001", unit_price=Decimal(600), quantity=Decimal(1), amount=Money(60_000)),
)
BILL = UploadBill(
    evolve(VISIT, person_number=EMPLOYEE.person_number), holder(), "EC-TOKEN", "OUR-1", "B1", AT, "V0001",
    LINES, (Diagnosis("J06.900", "上呼吸道感染"),), bill_total(LINES), use_account=False, department_code="D1",
    department_name="内科", specialty="A03", doctor_code="DR1", doctor_name="测试医生", fee_type="01",
)  # fmt: skip


class Channel:
    """Both sides of the sealed channel; the far one holds the centre's books."""

    def __init__(self) -> None:
        self.business = Business(everybody(), Ledger(), lambda: dt.datetime(2026, 3, 2, 9, 31, tzinfo=AT.tzinfo))
        person = self.business.people[EMPLOYEE.person_number]
        self.business.keep(Visit(VISIT.visit_number, person, person.covers[0]))
        self.centre = MobileOrders(self.business)
        keys = OpenSslSigningKey(private_pem(), ""), OpenSslVerifyingKey(public_pem(), "")
        self.voucher = Voucher("1G7SIC7HV02Q3F60C80A0000", "the-app-secret", *keys, b"1234567812345678")

    def ask(self, request: OrderRequest) -> Any:
        sealed = self.voucher.seal(written(request, INSTITUTION, SITE), AT)
        answer = self.centre.handle(CALLS[type(request)], self.voucher.unseal(sealed))
        return read(request, self.voucher.unseal(self.voucher.seal(answer, AT)))

    def placed(self) -> tuple[OrderOpened, OrderStands]:
        opened = self.ask(BILL)
        return opened, self.ask(PlaceOrder(opened.order_number, opened.token, "TRACE-1", "V1"))

    def stands(self, opened: OrderOpened) -> OrderStands:
        return self.ask(QueryOrder(opened.order_number, opened.token, holder(), BILL.our_number))

    def year(self) -> Year:
        return self.business.year(EMPLOYEE.person_number, "310", 2026)


def refund(order: OrderStands, what: Refund, number: str = "RF-1") -> RefundOrder:
    paid = order.amounts
    insurance, cash = what is not Refund.CASH, what is not Refund.INSURANCE
    fund, account = (paid.fund, paid.account) if insurance else (ZERO, ZERO)
    own = paid.cash if cash else ZERO
    return RefundOrder(order.order_number, number, AT, what, Amounts(fund + account + own, fund, account, own), "EC-TOKEN")


def test_an_order_is_opened_paid_found_told_and_given_back_and_the_books_agree_at_each_step():
    channel = Channel()
    opened, placed = channel.placed()
    (booked,) = channel.business.ledger.settlements

    assert placed.standing is Standing.INSURANCE_PAID
    assert placed.amounts.agree
    assert (placed.amounts.total, placed.amounts.account) == (bill_total(LINES), booked.bill.account)
    assert placed.amounts.fund == booked.bill.fund + booked.bill.hospital
    assert channel.year() != Year()

    channel.centre.pay(opened.order_number)
    found = channel.stands(opened)
    told = notice(channel.centre.notice(opened.order_number))
    assert found.standing is Standing.SETTLED
    assert told.amounts == found.amounts == placed.amounts
    assert (told.our_number, told.standing) == (BILL.our_number, Standing.UNDECIDED)
    assert told == notice(channel.centre.notice(opened.order_number))

    back = channel.ask(refund(found, Refund.ALL))
    assert back == channel.ask(refund(found, Refund.ALL))
    assert channel.stands(opened).standing is Standing.CANCELLED
    assert booked.state is State.CANCELLED
    assert channel.year() == Year()


def test_what_the_account_pays_wholly_is_settled_at_once_and_goes_back_to_the_account():
    channel = Channel()
    opened = channel.ask(evolve(BILL, use_account=True))
    placed = channel.ask(PlaceOrder(opened.order_number, opened.token, "TRACE-1", "V1"))
    full = EMPLOYEE.covers[0].balance

    assert (placed.standing, placed.amounts.cash) == (Standing.SETTLED, ZERO)
    assert channel.business.balance(EMPLOYEE.person_number, "310") == full - placed.amounts.account
    channel.ask(refund(placed, Refund.ALL))
    assert channel.business.balance(EMPLOYEE.person_number, "310") == full


def test_the_two_parts_go_back_one_by_one_in_either_order():
    for first, second in ((Refund.CASH, Refund.INSURANCE), (Refund.INSURANCE, Refund.CASH)):
        channel = Channel()
        opened, _ = channel.placed()
        channel.centre.pay(opened.order_number)
        order = channel.stands(opened)

        channel.ask(refund(order, first, "RF-1"))
        assert channel.stands(opened).standing is not Standing.CANCELLED
        channel.ask(refund(order, second, "RF-2"))
        assert channel.stands(opened).standing is Standing.CANCELLED


def test_no_order_is_paid_twice_and_no_part_goes_back_twice():
    channel = Channel()
    opened, placed = channel.placed()
    with pytest.raises(Refusal, match="0102"):
        channel.ask(BILL)
    with pytest.raises(Refusal, match="2072"):
        channel.ask(PlaceOrder(opened.order_number, opened.token, "TRACE-2", "V1"))
    with pytest.raises(Refusal, match="2081"):
        channel.ask(PlaceOrder(opened.order_number, "guessed", "TRACE-3", "V1"))
    more = refund(placed, Refund.INSURANCE)
    with pytest.raises(Refusal, match="2071"):
        channel.ask(
            evolve(more, amounts=Amounts(more.amounts.total + Money(1), more.amounts.fund + Money(1), more.amounts.account))
        )
    channel.ask(more)
    with pytest.raises(Refusal, match="2082"):
        channel.ask(evolve(more, refund_number="RF-9"))
    with pytest.raises(Refusal, match="0102"):
        channel.ask(evolve(more, what=Refund.ALL))
    assert len(channel.business.ledger.settlements) == 1


@pytest.mark.parametrize(
    ("request_", "rule"),
    [
        (evolve(BILL, our_number="x" * 41), "6201 data.medOrgOrd: longer than 40 characters"),
        (evolve(BILL, voucher=""), "6201 data.ecToken: is required"),
        (evolve(BILL, lines=()), "6201 feedetailList: is required"),
        (evolve(BILL, lines=(line("1", catalogue_code=""),)), r"6201 feedetailList\[0\].medListCodg: is required"),
        (PlaceOrder("", "T", "1", "V"), "6202 data.payOrdId: is required"),
        (PlaceOrder("O", "T", "1", ""), "6202 data.mdtrtId: is required"),
        (QueryOrder("O", "", holder()), "6301 data.payToken: is required"),
        (RefundOrder("O", "R", AT, Refund.ALL, Amounts(Money(5), Money(4)), "E"), "6203 data.totlRefdAmt: is not the sum"),
        (RefundOrder("O", "R", AT, Refund.CASH, Amounts(ZERO), "E"), "6203 data.totlRefdAmt: is not the sum"),
    ],
)
def test_a_message_that_breaks_a_rule_is_refused_by_transaction_field_and_rule_and_tells_no_value(request_, rule):
    with pytest.raises(Fault, match=rule) as caught:
        written(request_, INSTITUTION, SITE)
    assert not any(secret in str(caught.value) for secret in (*SECRETS, "EC-TOKEN"))


ORDER = PlaceOrder("O1", "T1", "1", "V1")
WHOLE = {
    "payOrdId": "O1",
    "ordStas": "6",
    "feeSumamt": "10.00",
    "fundPay": "6.00",
    "psnAcctPay": "1.00",
    "ownPayAmt": "3.00",
}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"payOrdId": "O2"}, NotOurs),
        ({"payOrdId": None}, Incomplete),
        ({"ordStas": ""}, Incomplete),
        ({"fundPay": None}, Incomplete),
        ({"fundPay": "6.001"}, BadValue),
        ({"fundPay": "six"}, BadValue),
        ({"fundPay": "1E+999999999"}, BadValue),
        ({"fundPay": "NaN"}, BadValue),
        ({"ownPayAmt": "3.01"}, BadValue),
    ],
)
def test_an_answer_that_is_not_whole_not_ours_or_does_not_add_up_is_none(changes, says):
    with pytest.raises(says):
        read(ORDER, WHOLE | changes)


def test_an_answer_for_another_bill_of_ours_is_none():
    with pytest.raises(NotOurs):
        read(QueryOrder("O1", "T1", holder(), "OUR-1"), WHOLE | {"medOrgOrd": "OUR-2"})


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9), st.booleans())
def test_amounts_come_to_the_fen_as_texts_or_as_numbers(fund, account, cash, as_numbers):
    parts = {"feeSumamt": fund + account + cash, "fundPay": fund, "psnAcctPay": account, "ownPayAmt": cash}
    cells: dict[str, Any] = {name: Money(fen).yuan for name, fen in parts.items()}
    if as_numbers:
        cells = {name: float(cell) for name, cell in cells.items()}

    told = read(ORDER, WHOLE | cells)

    assert told.amounts == Amounts(Money(fund + account + cash), Money(fund), Money(account), Money(cash))


@pytest.mark.parametrize("state", [str(number) for number in range(18)] + ["?", "SETTLED"])
def test_only_states_of_a_known_meaning_mean_anything_and_each_is_kept(state):
    told = read(ORDER, WHOLE | {"ordStas": state})
    known = {"4": "insurance-paid", "6": "settled", "12": "cancelled", "13": "cancelled", "14": "broken", "16": "broken"}

    assert (told.state, told.standing) == (state, Standing(known.get(state, "undecided")))


def test_no_token_and_nobodys_name_is_shown():
    shown = [repr(BILL), repr(OrderOpened("O1", "TOKEN", "URL")), repr(QueryOrder("O1", "TOKEN", holder()))]
    shown += [repr(PlaceOrder("O1", "TOKEN", "1", "V")), repr(notice(WHOLE | {"ownpayAmt": "3.00", "revsToken": "TOKEN"}))]

    assert not any(secret in text for text in shown for secret in (*SECRETS, "TOKEN", "URL"))


def test_a_notice_is_acknowledged_by_a_truth_value():
    fields = {spec.name for spec in MOBILE["6302"].output[0].fields}

    assert acknowledgement(taken=True) == {"success": True, "message": "成功"}
    assert acknowledgement(taken=False, message="稍后") == {"success": False, "message": "稍后"}
    assert fields == {"success", "message"}
