"""What other kinds of visit send and hear: each request keeps the tables, each is written as zeep would, each answer is read."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import attrs
import pytest

from adapters.insurance.dictionaries import DICTIONARIES
from adapters.insurance.exchange.cells import Incomplete, NotOurs
from adapters.insurance.exchange.mapping import insured_region, to_input
from adapters.insurance.exchange.reading import to_reply
from adapters.insurance.schema import SiteRules, check_input
from adapters.insurance.soap import writer
from adapters.insurance.soap.envelope import Envelopes
from adapters.insurance.transactions import TRANSACTIONS
from middleware.domain.centre import (
    Admit,
    CancelSettlement,
    Discharge,
    PreSettle,
    QueryVisits,
    Settle,
    UploadCharges,
    UploadVisit,
    VisitFacts,
    WithdrawCharges,
    WithdrawDischarge,
    WithdrawVisit,
    call_of,
)
from middleware.domain.charge import Diagnosis, Disease
from middleware.domain.kind import CALLS, Call, VisitKind
from middleware.domain.money import Money
from middleware.domain.order import Maternity
from tests.adapters.insurance.requests import AT, MESSAGE_ID, holder, line, settled_output
from tests.support.fakes import split

PLACE = "999900"
SALE = VisitFacts("P1", "", "310", "11", "430100", "41", VisitKind.PHARMACY, begun_at=AT)
STAY = VisitFacts(
    "P1", "V1", "510", "11", "999900", "52", VisitKind.INPATIENT,
    disease=Disease("M03900", "高血压"), maternity=Maternity(dt.date(2026, 3, 1)), begun_at=AT, ended_at=AT,
)  # fmt: skip
CLINIC = VisitFacts("P1", "V1", "310", "11", "999900", "14", disease=Disease("M03900", "高血压"))
DIAGNOSES = (Diagnosis("O80.000", "顺产"), Diagnosis("I10.x00", "高血压", order=2))
WHERE = ("D1", "产科", "DR1", "测试医生")
LINES = (line(), line("L2"))
TOTAL = Money(12074)

REQUESTS = (
    PreSettle(SALE, holder(), "B", TOTAL, use_account=True, lines=LINES),
    Settle(SALE, holder(), "B", TOTAL, use_account=True, quoted=split(12074), lines=LINES),
    CancelSettlement(attrs.evolve(SALE, visit_number="V1"), "J1"),
    WithdrawVisit(CLINIC, "V0001"),
    WithdrawCharges(CLINIC),
    UploadCharges(STAY, "", LINES),
    WithdrawCharges(STAY),
    PreSettle(STAY, holder(), "B", TOTAL, use_account=False),
    Settle(STAY, holder(), "B", TOTAL, use_account=False, quoted=split(12074)),
    CancelSettlement(STAY, "J1"),
    Admit(attrs.evolve(STAY, visit_number=""), holder(), AT, "V0001", "ZY1", "待产", "12", DIAGNOSES, *WHERE),
    Discharge(STAY, AT, "1", "12", DIAGNOSES, *WHERE),
    WithdrawVisit(STAY, "V0001"),
    WithdrawDischarge(STAY),
    QueryVisits(STAY, AT, AT),
)
NAMED = [pytest.param(one, id=call_of(one).value) for one in REQUESTS]
_ENVELOPES = Envelopes()


def test_each_kinds_calls_have_a_request_here():
    of_kinds = {getattr(CALLS[kind], field.name) for kind in VisitKind for field in attrs.fields(type(CALLS[kind]))}
    shown = {call_of(one) for one in REQUESTS}

    assert of_kinds - shown - {None} == {
        Call.REGISTER_VISIT, Call.UPLOAD_VISIT, Call.UPLOAD_CHARGES, Call.PRE_SETTLE, Call.SETTLE, Call.CANCEL,
        Call.CHANGE_ADMISSION,  # test_services
    }  # fmt: skip


@pytest.mark.parametrize("request_", NAMED)
def test_a_request_keeps_every_rule_of_its_table(request_):
    nodes = to_input(request_, PLACE)
    table = TRANSACTIONS[call_of(request_).value]

    check_input(table, nodes, DICTIONARIES, SiteRules())
    for node in table.input:
        assert all(set(row) == {spec.name for spec in node.fields} for row in nodes[node.name])


@pytest.mark.parametrize("request_", NAMED)
def test_our_writer_and_zeep_write_the_same_bytes(request_):
    from tests.adapters.insurance.test_writer import HEAD

    code = call_of(request_).value
    head, nodes = {**HEAD, "infno": code}, to_input(request_, PLACE)
    first = _ENVELOPES.write(code, head, nodes)

    assert writer.write(code, head, nodes) == first
    assert _ENVELOPES.write(code, head, nodes) == first


def test_the_insured_region_goes_with_every_message_of_a_person():
    assert {insured_region(one) for one in REQUESTS[:3]} == {"430100"}
    row = to_input(attrs.evolve(REQUESTS[7], visit=attrs.evolve(STAY, insured_region="430100")), PLACE)["data"][0]
    assert (row["insuplc_admdvs"], row["mdtrtarea_admvs"]) == ("430100", PLACE)


def test_a_listed_disease_and_a_maternity_are_told():
    told = to_input(UploadVisit(CLINIC, AT, DIAGNOSES, "内科", "DR1", "测试医生"), PLACE)["mdtrtinfo"][0]
    lines = to_input(UploadCharges(CLINIC, "B1", LINES), PLACE)["feedetail"]
    admitted = to_input(REQUESTS[10], PLACE)

    assert (told["dise_codg"], told["dise_name"], told["med_type"]) == ("M03900", "高血压", "14")
    assert {row["dise_codg"] for row in lines} == {"M03900"}
    assert admitted["mdtrtinfo"][0]["birctrl_matn_date"] == "2026-03-01"
    assert [row["maindiag_flag"] for row in admitted["diseinfo"]] == ["1", "0"]


def test_a_sales_answer_gives_the_visit_its_number_and_a_stays_must_be_ours():
    sale, stay = REQUESTS[1], REQUESTS[8]
    output = settled_output(mdtrt_id="V9", psn_no="P1")

    assert to_reply(sale, MESSAGE_ID, output).visit_number == "V9"
    with pytest.raises(NotOurs):
        to_reply(stay, MESSAGE_ID, output)
    assert to_reply(stay, MESSAGE_ID, settled_output(mdtrt_id="V1", psn_no="P1")).visit_number == ""
    with pytest.raises(Incomplete):
        to_reply(sale, MESSAGE_ID, settled_output(mdtrt_id="", psn_no="P1"))


def test_a_cancel_of_a_stay_is_read_with_its_own_names():
    row = {"setl_id": "J2", "mdtrt_id": "V1", "setl_time": "2026-03-02 10:00:00", "psn_part_amt": None}
    row |= {
        "medfee_sumamt": Decimal(-60),
        "fund_pay_sumamt": Decimal(-40),
        "acct_pay": Decimal(-15),
        "psn_cash_pay": Decimal(-5),
    }
    undone = to_reply(REQUESTS[9], MESSAGE_ID, {"setlinfo": row, "setldetail": []})

    assert undone.split.personal == Money(-2000)


@pytest.mark.parametrize(
    "request_", [one for one in REQUESTS if isinstance(one, WithdrawVisit | WithdrawCharges | Discharge)]
)
def test_what_has_no_output_is_done_when_the_centre_says_so(request_):
    assert type(to_reply(request_, MESSAGE_ID, None)).__name__ == "Done"


def test_visits_of_another_person_are_no_evidence():
    with pytest.raises(NotOurs):
        to_reply(REQUESTS[14], MESSAGE_ID, {"mdtrtinfo": [{"mdtrt_id": "V1", "psn_no": "P2"}]})
    (found,) = to_reply(
        REQUESTS[14],
        MESSAGE_ID,
        {"mdtrtinfo": [{"mdtrt_id": "V1", "psn_no": "P1", "medrcdno": "V0001", "inhosp_stas": "0"}]},
    ).visits
    assert (found.our_number, found.in_hospital) == ("V0001", False)
