"""Evidence -> outcome and reply -> domain, without a wire."""

from __future__ import annotations

import contextlib
import datetime as dt
from decimal import Decimal

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.insurance.exchange.cells import BadValue, Incomplete, NotOurs
from adapters.insurance.exchange.faults import (
    Success,
    Switches,
    is_definite,
    of_code,
    of_gateway,
    of_lost,
    of_soap_fault,
    of_unusable,
)
from adapters.insurance.exchange.frame import GatewayRefusal, Unusable
from adapters.insurance.exchange.mapping import insured_region, to_input
from adapters.insurance.exchange.reading import to_reply
from middleware.domain.centre import (
    Call,
    ChargesTaken,
    Insurance,
    LineVerdict,
    PersonKnown,
    Quoted,
    Reversed,
    Settled,
    SettlementCancelled,
    SignedIn,
    VisitRegistered,
    VisitUploaded,
)
from middleware.domain.money import ZERO, Money
from middleware.domain.outcome import CAUSES, Answered, NotSent, Refused, Unknown
from middleware.domain.split import FundLine, broken_identities
from tests.adapters.insurance.requests import CHINA, MESSAGE_ID, REQUESTS, VISIT, line, settled_output


def read(code: str, output: dict | None):
    return to_reply(REQUESTS[code], MESSAGE_ID, output)


# -- the table of evidence


@pytest.mark.parametrize("code", ["0", "00", "0000"])
def test_zero_is_success_however_it_is_written(code: str) -> None:
    assert of_code(Call.SETTLE, code, "", has_settlement=True) == Success()


@pytest.mark.parametrize("code", ["-1", "1", "2072", "999999"])
def test_another_number_is_the_business_layers_no(code: str) -> None:
    assert of_code(Call.SETTLE, code, "不可", has_settlement=False) == Refused(code, "不可")


@pytest.mark.parametrize(
    ("code", "cause"),
    [("", "incomplete"), ("OK", "unreadable"), ("0x0", "unreadable"), ("0.0.", "unreadable"), ("１", "unreadable")],
)
def test_a_code_that_is_no_number_is_never_a_refusal(code: str, cause: str) -> None:
    outcome = of_code(Call.SETTLE, code, "", has_settlement=False)

    assert isinstance(outcome, Unknown)
    assert outcome.cause == cause


def test_a_refusal_of_a_money_call_that_carries_a_settlement_is_unknown() -> None:
    assert isinstance(of_code(Call.SETTLE, "-1", "", has_settlement=True), Unknown)
    assert isinstance(of_code(Call.PRE_SETTLE, "-1", "", has_settlement=True), Refused)


def test_a_refusals_text_is_bounded() -> None:
    outcome = of_code(Call.SETTLE, "-1", "长" * 100_000, has_settlement=False)

    assert len(outcome.message) == 1000


def test_a_gateways_401_is_a_refusal_only_where_the_site_confirmed_it() -> None:
    evidence = GatewayRefusal("401", "签名")

    assert of_gateway(evidence, Switches()) == Unknown("http-status", "a gateway's 401")
    assert of_gateway(evidence, Switches(gateway_401_is_refusal=True)) == Refused("401", "签名")


def test_a_soap_fault_is_unknown_unless_the_region_lists_its_code() -> None:
    assert of_soap_fault("", Switches()) == Unknown("fault-without-code")
    assert of_soap_fault("", Switches(refusing_fault_codes=frozenset({""}))) == Unknown("fault-without-code")
    assert of_soap_fault("Server", Switches()) == Unknown("soap-fault", "Server")
    assert of_soap_fault("Client", Switches(refusing_fault_codes=frozenset({"Client"}))) == Refused("Client")


def test_no_reply_is_not_sent_before_the_first_byte_and_unknown_after() -> None:
    assert of_lost(sent=False, cause="connection-lost", detail="x") == NotSent("centre.unreachable", "x")
    assert of_lost(sent=True, cause="connection-lost", detail="x") == Unknown("connection-lost", "x")
    assert of_unusable(Unusable("not-soap", "x")) == Unknown("not-soap", "x")


def test_only_answered_and_refused_are_definite() -> None:
    assert is_definite(Answered(Reversed()))
    assert is_definite(Refused("1"))
    assert not is_definite(Unknown("time-out"))
    assert not is_definite(NotSent("centre.unreachable"))


def test_every_cause_that_is_used_is_in_the_domains_list() -> None:
    used = {"time-out", "connection-lost", "http-status", "not-soap", "not-json", "too-long", "unreadable", "fault-without-code",
            "soap-fault", "incomplete", "not-ours", "crash", "stopping"}  # fmt: skip

    of_the_bank = {"bank-code"}
    assert used == set(CAUSES) - of_the_bank


# -- replies


def test_a_settlement_is_read_whole_and_exact() -> None:
    reply = read("2207", settled_output())

    assert isinstance(reply, Settled)
    assert reply.settlement_number == "J1"
    assert reply.settled_at == dt.datetime(2026, 3, 2, 9, 30, 16, tzinfo=CHINA)
    assert (reply.clearing_type, reply.clearing_way, reply.clearing_agency) == ("11", "1", "999900")
    assert (reply.split.total, reply.split.fund, reply.split.account, reply.split.cash) == (
        Money(6037), Money(3879), Money(2000), Money(158),
    )  # fmt: skip
    assert reply.split.funds == (FundLine("310100", "统筹", Money(3879)), FundLine("310200", "账户", Money(2000)))
    assert broken_identities(reply.split) == ()


@pytest.mark.parametrize(
    "missing",
    [
        "setl_id",
        "setl_time",
        "mdtrt_id",
        "psn_no",
        "medfee_sumamt",
        "fund_pay_sumamt",
        "acct_pay",
        "psn_cash_pay",
        "psn_part_amt",
    ],
)
@pytest.mark.parametrize("empty", [None, ""])
def test_a_success_without_an_indispensable_part_is_incomplete(missing: str, empty: object) -> None:
    with pytest.raises(Incomplete):
        read("2207", settled_output(**{missing: empty}))


@pytest.mark.parametrize("output", [None, {}, {"setlinfo": None}, {"setlinfo": []}])
def test_a_success_without_its_output_is_incomplete(output: dict | None) -> None:
    for code in ("2206", "2207", "2208"):
        with pytest.raises(Incomplete):
            read(code, output)


@pytest.mark.parametrize(
    "missing",
    [
        "hifes_pay",
        "hifdm_pay",
        "act_pay_dedc",
        "balc",
        "acct_mulaid_pay",
        "hosp_part_amt",
        "clr_way",
        "clr_optins",
        "medins_setl_id",
    ],
)
def test_what_is_marked_required_is_only_advice_where_nobody_pays_by_it(missing: str) -> None:
    assert isinstance(read("2207", settled_output(**{missing: None})), Settled)


@pytest.mark.parametrize(
    ("field", "value"),
    [("psn_no", "other"), ("mdtrt_id", "other"), ("medins_setl_id", MESSAGE_ID[:-1] + "9")],
)
def test_a_reply_that_names_another_person_visit_or_message_is_not_ours(field: str, value: str) -> None:
    with pytest.raises(NotOurs, match=field):
        read("2207", settled_output(**{field: value}))


def test_a_settlement_id_of_the_centres_own_making_is_no_contradiction() -> None:
    assert isinstance(read("2207", settled_output(medins_setl_id="CENTRE-OWN-1")), Settled)


@pytest.mark.parametrize(
    "value",
    [
        Decimal("NaN"),
        Decimal("Infinity"),
        Decimal("1.234"),
        Decimal("1E+999999999"),
        Decimal("1E-999999"),
        Decimal(10) ** 20,
        4.52,
        "x",
    ],
)
def test_an_amount_that_is_not_whole_fen_is_unreadable(value: object) -> None:
    with pytest.raises(BadValue):
        read("2207", settled_output(acct_pay=value))


@pytest.mark.parametrize(
    ("text", "fen"),
    [("0", 0), ("0.0", 0), ("4.52", 452), ("18785.39", 1878539), ("0E-10", 0), ("1E+3", 100000), ("-0.05", -5)],
)
def test_an_amount_is_exact_however_it_is_written(text: str, fen: int) -> None:
    assert read("2207", settled_output(balc=Decimal(text))).split.balance_after == Money(fen)


@pytest.mark.parametrize(
    "time", ["2026-03-02 09:30:16", "2026-03-02T09:30:16", "20260302093016", "2026-03-02 09:30:16.123"]
)
def test_the_centres_time_is_read_in_its_usual_forms(time: str) -> None:
    assert read("2207", settled_output(setl_time=time)).settled_at.second == 16


def test_a_time_that_is_none_is_unreadable() -> None:
    with pytest.raises(BadValue):
        read("2207", settled_output(setl_time="yesterday"))


def test_a_quote_has_neither_number_nor_time() -> None:
    output = settled_output(setl_id=None, setl_time=None, clr_way=None, clr_optins=None)

    assert isinstance(read("2206", output), Quoted)


# The public cancel of insurance.md 1.7: -3379.26 = -2039.39 - 1307.01 - 32.86.
CANCEL = {
    "mdtrt_id": VISIT.visit_number, "psn_no": None, "setl_id": "J2", "setl_time": "2026-03-02 10:00:00",
    "medfee_sumamt": Decimal("-3379.26"), "fund_pay_sumamt": Decimal("-2039.39"), "hifp_pay": Decimal("-2039.39"),
    "psn_part_amt": None, "hosp_part_amt": None, "acct_mulaid_pay": None, "acct_pay": Decimal("-307.01"),
    "fulamt_ownpay_amt": Decimal("-379.26"), "overlmt_selfpay": Decimal(0), "preselfpay_amt": Decimal(0),
    "inscp_scp_amt": Decimal(-3000), "balc": Decimal("307.01"),
}  # fmt: skip
CANCEL_DETAIL = [
    {"fund_pay_type": kind, "fund_payamt": Decimal(amount)}
    for kind, amount in (("310100", "-2039.39"), ("310200", "-307.01"), ("999996", "-32.86"))
]


@pytest.mark.parametrize(
    "names",
    [
        {"pdn_cash_pay": Decimal(-1000), "ownpay_hosp_part": Decimal("-32.86")},
        {"psn_cash_pay": Decimal(-1000), "hosp_part_amt": Decimal("-32.86"), "psn_pay": Decimal("-1307.01")},
        {"pdn_cash_pay": Decimal(-1000), "psn_part_amt": Decimal("-1307.01"), "ownpay_hosp_part": Decimal("-32.86")},
    ],
    ids=["hunan", "elsewhere", "with-personal-part"],
)
def test_a_cancel_is_negative_and_its_nulls_and_other_names_are_read_right(names: dict) -> None:
    reply = read("2208", {"setlinfo": CANCEL | names, "setldetail": CANCEL_DETAIL})

    assert isinstance(reply, SettlementCancelled)
    assert reply.settlement_number == "J2"
    split = reply.split
    assert (split.total, split.personal, split.cash, split.hospital, split.account) == (
        Money(-337926), Money(-130701), Money(-100000), Money(-3286), Money(-30701),
    )  # fmt: skip
    assert broken_identities(split) == ()


def test_a_cancel_of_another_visit_is_not_ours() -> None:
    with pytest.raises(NotOurs):
        read("2208", {"setlinfo": CANCEL | {"pdn_cash_pay": Decimal(0), "mdtrt_id": "V2"}})


def test_a_cancel_without_any_cash_amount_is_incomplete() -> None:
    with pytest.raises(Incomplete):
        read("2208", {"setlinfo": CANCEL})


def test_a_person_is_known_by_number_and_compared_by_id() -> None:
    base = {"psn_no": "P1", "certno": "999999197405123114"}
    row = {
        "insutype": "310", "psn_type": "11", "balc": Decimal("3200.00"), "psn_insu_stas": "1", "insuplc_admdvs": "999900",
        "cvlserv_flag": "1",
    }  # fmt: skip
    insurance = Insurance("310", "11", "999900", Money(320000), active=True, civil_servant=True)

    assert read("1101", {"baseinfo": base, "insuinfo": [row]}) == PersonKnown("P1", True, (insurance,))
    # an object instead of a list (insurance.md 1.3)
    assert read("1101", {"baseinfo": base, "insuinfo": row}) == PersonKnown("P1", True, (insurance,))
    assert read("1101", {"baseinfo": base | {"certno": "999999198809234229"}, "insuinfo": []}) == PersonKnown(
        "P1", False, ()
    )
    assert read("1101", {"baseinfo": base | {"certno": None}}) == PersonKnown("P1", False, ())


@pytest.mark.parametrize(
    ("status", "suspended", "active"),
    [
        ("1", None, True),
        (None, None, True),
        ("2", None, False),
        ("1", "2026-03-02", False),
        ("1", "2026-03-03", True),
        ("1", "soon", False),
    ],
)
def test_an_insurance_is_active_when_insured_and_not_suspended(
    status: str | None, suspended: str | None, active: bool
) -> None:
    row = {"insutype": "310", "psn_insu_stas": status, "paus_insu_date": suspended}

    assert read("1101", {"baseinfo": {"psn_no": "P1"}, "insuinfo": [row]}).insurances[0].active is active


def test_the_small_replies() -> None:
    assert read("9001", {"signinoutb": {"sign_no": "S1"}}) == SignedIn("S1")
    assert read("2201", {"data": {"mdtrt_id": "V1", "psn_no": VISIT.person_number}}) == VisitRegistered("V1")
    assert read("2203", None) == VisitUploaded()
    assert read("2601", None) == Reversed()
    with pytest.raises(Incomplete):
        read("9001", {"signinoutb": {"sign_no": " null "}})
    with pytest.raises(NotOurs):
        read("2201", {"data": {"mdtrt_id": "V1", "psn_no": "other"}})


def test_every_line_gets_its_verdict_in_our_order() -> None:
    request = attrs.evolve(REQUESTS["2204"], lines=(line("L1"), line("L2")))
    rows = [
        {
            "feedetl_sn": name,
            "det_item_fee_sumamt": Decimal("60.37"),
            "inscp_scp_amt": Decimal("55.50"),
            "overlmt_amt": Decimal("4.87"),
            "chrgitm_lv": "01",
        }
        for name in ("L2", "L1")
    ]
    verdicts = tuple(LineVerdict(name, Money(6037), ZERO, Money(487), ZERO, Money(5550), "01") for name in ("L1", "L2"))

    assert to_reply(request, MESSAGE_ID, {"result": rows}) == ChargesTaken(verdicts)
    with pytest.raises(Incomplete):
        to_reply(request, MESSAGE_ID, {"result": rows[:1]})
    with pytest.raises(NotOurs):
        to_reply(request, MESSAGE_ID, {"result": [*rows, {"feedetl_sn": "L3"}]})


_CELLS = st.one_of(st.none(), st.text(max_size=20), st.decimals(), st.just(Decimal("1E+999999999")))
_ROWS = st.dictionaries(
    st.sampled_from(sorted({*settled_output()["setlinfo"], "pdn_cash_pay", "feedetl_sn", "fund_payamt"})), _CELLS
)


@settings(deadline=None)
@given(
    st.sampled_from(sorted(REQUESTS)),
    st.dictionaries(
        st.sampled_from(["setlinfo", "setldetail", "data", "result", "baseinfo", "insuinfo", "signinoutb"]),
        st.one_of(st.none(), _ROWS, st.lists(_ROWS, max_size=3)),
    ),
)
def test_no_output_whatever_raises_anything_but_the_three(code: str, output: dict) -> None:
    with contextlib.suppress(Incomplete, NotOurs, BadValue):
        read(code, output)


# -- requests


def test_an_empty_number_is_zero_and_any_other_empty_is_empty() -> None:
    row = to_input(REQUESTS["2204"])["feedetail"][0]

    assert (row["prd_days"], row["memo"], row["dise_codg"]) == ("0", "", "")


def test_numbers_are_sent_plain_and_with_all_their_decimals() -> None:
    request = attrs.evolve(REQUESTS["2204"], lines=(line(quantity=Decimal("1E+1"), unit_price=Decimal("0.000001")),))
    row = to_input(request)["feedetail"][0]

    assert (row["cnt"], row["pric"], row["det_item_fee_sumamt"]) == ("10", "0.000001", "60.37")


def test_the_settlement_takes_back_the_four_amounts_of_the_quote() -> None:
    row = to_input(REQUESTS["2207"])["data"][0]

    assert [row[name] for name in ("fulamt_ownpay_amt", "overlmt_selfpay", "preselfpay_amt", "inscp_scp_amt")] == [
        "1.00", "4.87", "0.00", "54.50",
    ]  # fmt: skip


def test_where_the_person_is_insured_is_told_once_it_is_known() -> None:
    assert insured_region(REQUESTS["9001"]) == insured_region(REQUESTS["1101"]) == ""
    assert {insured_region(REQUESTS[code]) for code in ("2201", "2203", "2204", "2206", "2207", "2208", "2601")} == {
        "999900"
    }
