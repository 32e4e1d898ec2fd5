"""Queries, filings and changes: every request keeps its table, every answer is told in our words and names nobody."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal

import attrs
import pytest
import pytest_twisted
from twisted.internet import reactor

from adapters.insurance.dictionaries import DICTIONARIES
from adapters.insurance.exchange import mapping
from adapters.insurance.exchange.cells import Incomplete, NotOurs
from adapters.insurance.exchange.services import House, is_told, to_input, to_reply, words_of
from adapters.insurance.national import reading
from adapters.insurance.profile import load_profile, mistakes
from adapters.insurance.schema import SiteRules, check_input
from adapters.insurance.soap.contract import wsdl
from adapters.insurance.soap.envelope import Envelopes
from adapters.insurance.transactions import DECLARED, SERVICES, TRANSACTIONS
from config.load import ConfigError
from daemon.conformance.stand import stand
from daemon.policies import kinds_of
from middleware.domain.centre import Call, ChangeAdmission, UploadVisit, call_of
from middleware.domain.charge import Diagnosis, Disease
from middleware.domain.credential import Document
from middleware.domain.fault import Fault
from middleware.domain.filing import (
    FILING_CALLS,
    Accident,
    Agent,
    ChronicDisease,
    Contact,
    Documents,
    File,
    Filed,
    FilingKind,
    OwnInstitution,
    Place,
    Referral,
    Span,
    Withdraw,
)
from middleware.domain.kind import VisitKind
from middleware.domain.query import QUESTIONS, AskCentre, CentreRows, Insured, Question
from tests.adapters.insurance.requests import AT, INSTITUTION, MESSAGE_ID, SECRETS, VISIT, holder

HOUSE = House("999900", INSTITUTION, "测试医院")
WHO = Insured("P1", "999900", "310")
DAY = dt.date(2026, 3, 2)
SPAN, CONTACT = Span(DAY, DAY), Contact("13800000000", "测试路1号")
AGENT = Agent("代办人", "01", "999999197405123114", "13900000000", "测试路2号", "1")
DOCUMENTS = Documents(Document.CITIZEN, "999999197405123114", "张伟民", "1")
FILED = {
    "2501": File(WHO, Referral(Place("H2", "上级医院"), "430100", "2", DAY, "病情需要", "同意", Disease("J18", "肺炎"))),
    "2503": File(WHO, ChronicDisease(Disease("M03900", "高血压"), DAY, "D1", "测试医生", SPAN, contact=CONTACT)),
    "2505": File(WHO, OwnInstitution("08", "1", SPAN, contact=CONTACT, agent=AGENT)),
    "2507": File(WHO, Accident("01", pays=True, span=SPAN, injured_on=DAY, cause="摔伤", agent=AGENT), DOCUMENTS),
    "2502": Withdraw(WHO, FilingKind.REFERRAL, "B1", "填错"),
    "2504": Withdraw(WHO, FilingKind.DISEASE, "B1", "填错"),
    "2506": Withdraw(WHO, FilingKind.INSTITUTION, "B1", "填错"),
}
ASKED = {
    call.value: AskCentre(question, WHO, "V1", "J1", AT, AT, "202603", "03", "14", "M03900", "高血压")
    for question, call in QUESTIONS.items()
}
REQUESTS = {**FILED, **ASKED}
CHANGE = ChangeAdmission(
    attrs.evolve(VISIT, kind=VisitKind.INPATIENT, med_type="2101"), holder(), AT, "ZY1", "V9", "肺炎", "12",
    (Diagnosis("J18.900", "肺炎"), Diagnosis("I10", "高血压", order=2)), "D1", "内科", "DR1", "测试医生",
)  # fmt: skip
AT_PHARMACY = UploadVisit(VISIT, AT, (Diagnosis("J06.900", "感冒"),), "药店", "DR1", "测试医生", Call.UPLOAD_PHARMACY_VISIT)


def test_each_service_has_a_request_here() -> None:
    assert {*REQUESTS, "2403", "2203A"} == SERVICES
    assert {call.value for call in FILING_CALLS} == set(FILED)


@pytest.mark.parametrize("code", sorted(REQUESTS))
def test_a_request_keeps_every_rule_of_its_table(code: str) -> None:
    request = REQUESTS[code]
    nodes = to_input(request, HOUSE)

    assert call_of(request).value == code
    check_input(TRANSACTIONS[code], nodes, DICTIONARIES, SiteRules())
    (rows,) = nodes.values()
    assert rows[0].get("psn_no", "P1") == "P1"
    assert mapping.insured_region(request) == "999900"


@pytest.mark.parametrize("request_", [CHANGE, AT_PHARMACY], ids=["2403", "2203A"])
def test_a_change_and_a_pharmacys_visit_keep_theirs(request_) -> None:
    nodes = mapping.to_input(request_, "999900")

    check_input(TRANSACTIONS[call_of(request_).value], nodes, DICTIONARIES, SiteRules())
    flags = [row["maindiag_flag"] for row in nodes["diseinfo"] if "maindiag_flag" in row]
    assert flags in ([], ["1", "0"])


def test_a_filing_without_another_institution_names_this_one() -> None:
    (row,) = to_input(FILED["2505"], HOUSE)["data"]
    (elsewhere,) = to_input(attrs.evolve(FILED["2505"], facts=OwnInstitution("03", "1", SPAN, Place("H9", "别处"))), HOUSE)[
        "data"
    ]

    assert (row["fixmedins_code"], row["fixmedins_name"], row["agnter_certno"]) == (INSTITUTION, "测试医院", AGENT.number)
    assert (elsewhere["fixmedins_code"], elsewhere["fixmedins_name"]) == ("H9", "别处")


@pytest.mark.parametrize("change", [{"reason": ""}, {"reason": "x" * 501}, {"number": ""}])
def test_a_field_that_breaks_a_rule_is_named_and_never_quoted(change) -> None:
    nodes = to_input(attrs.evolve(FILED["2504"], **change), HOUSE)

    with pytest.raises(Fault, match=r"2504 data\.(memo|trt_dcla_detl_sn)") as caught:
        check_input(TRANSACTIONS["2504"], nodes, DICTIONARIES, SiteRules())
    assert "xxx" not in caught.value.detail


def test_nothing_of_a_person_shows_itself() -> None:
    shown = " ".join(repr(one) for one in REQUESTS.values()) + repr(AGENT) + repr(CONTACT) + repr(DOCUMENTS)

    assert not [secret for secret in (*SECRETS, "13800000000", "测试路", "代办人", "摔伤") if secret in shown]


@pytest.mark.parametrize("question", Question)
def test_a_column_has_one_word_and_none_of_a_person(question: Question) -> None:
    for node in TRANSACTIONS[QUESTIONS[question].value].output:
        words = words_of(node)
        assert len(set(words.values())) == len(words), node.name
        assert len(words) > 1
        assert all(word.isidentifier() and word.islower() for word in words.values())
        assert not {"psn_no", "psn_name", "certno", "brdy", "tel", "addr", "emp_name"} & set(words)
        assert not [spec.name for spec in node.fields if is_told(spec) and spec.personal]


def test_an_answer_is_told_whole_amounts_by_their_digits_unknown_codes_as_they_came() -> None:
    output = {
        "setlinfo": {
            "setl_id": "J1", "mdtrt_id": "V1", "psn_no": "P1", "psn_name": "张伟民", "certno": "999999197405123114",
            "insutype": "99Z", "medfee_sumamt": Decimal("60.370"), "fund_pay_sumamt": Decimal("-1E+1"), "memo": "null",
        },
        "setldetail": [{"fund_pay_type": "777777", "fund_payamt": Decimal("38.79")}],
    }  # fmt: skip
    reply = to_reply(ASKED["5203"], output)

    assert isinstance(reply, CentreRows)
    settlement, fund = reply.rows
    assert settlement == {
        "part": "settlement", "settlement_number": "J1", "visit_number": "V1", "insurance": "99Z", "total": "60.370", "fund": "-10",
    }  # fmt: skip
    assert fund == {"part": "fund", "kind": "777777", "amount": "38.79"}
    assert "张伟民" not in repr(reply)


@pytest.mark.parametrize(
    ("code", "output", "error"),
    [
        ("5301", {"feedetail": [{"opsp_dise_code": "M1"}, {"psn_no": "P2"}]}, NotOurs),
        ("5202", {"diseinfo": [{"mdtrt_id": "V2", "psn_no": "P1"}]}, NotOurs),
        ("5203", {"setldetail": []}, Incomplete),
        ("2503", {"result": {"trt_dcla_detl_sn": ""}}, Incomplete),
        ("2503", None, Incomplete),
    ],
)
def test_another_persons_row_or_half_an_answer_is_none(code, output, error) -> None:
    with pytest.raises(error):
        to_reply(REQUESTS[code], output)


def test_a_filings_number_and_a_withdrawals_silence_are_answers() -> None:
    assert to_reply(FILED["2501"], {"result": {"trt_dcla_detl_sn": "B7"}}) == Filed("B7")
    assert to_reply(FILED["2502"], None) == Filed()
    assert to_reply(ASKED["5301"], None) == CentreRows(())


ROW = {"mdtrt_id": "V1", "setl_id": "J1", "feedetl_sn": "L1", "cnt": "3"}


@pytest.mark.parametrize(
    "output",
    [[ROW, ROW], [ROW], ROW, {"feedetail": [ROW, ROW]}, {"data": ROW}, json.dumps([ROW])],
    ids=["list", "one", "object", "list-in-object", "object-in-object", "text"],
)
def test_an_output_that_is_a_list_is_read_however_a_centre_wraps_it(output) -> None:
    given = json.dumps({"infcode": 0, "output": output})
    tokens = reading.read(DECLARED["5204"], given)
    rows = to_reply(ASKED["5204"], tokens.output).rows

    assert [row["line_id"] for row in rows] == ["L1"] * len(rows)
    assert len(rows) in {1, 2}
    assert rows[0]["quantity"] == "3"


@pytest.mark.parametrize("output", [None, "", [], "null", {}, "[]"])
def test_no_rows_are_no_rows(output) -> None:
    tokens = reading.read(DECLARED["5304"], json.dumps({"infcode": "0", "output": output}))

    assert to_reply(ASKED["5304"], tokens.output) == CentreRows(())


@pytest_twisted.ensureDeferred
async def test_what_the_profile_does_not_name_is_never_sent() -> None:

    bare = attrs.evolve(load_profile("999900-test"), services=("5301",))
    async with stand(reactor, bare) as ends:
        with pytest.raises(Fault) as caught:
            await ends.centre.prepare(MESSAGE_ID, FILED["2503"], AT)
        await ends.centre.prepare(MESSAGE_ID, ASKED["5301"], AT)

        assert (caught.value.code, ends.simulator.ledger.receipts) == ("centre.not_offered", [])


def test_a_contract_needs_the_operations_of_the_services_that_are_named_and_of_no_others(tmp_path) -> None:

    path = tmp_path / "centre.wsdl"
    path.write_text(wsdl().replace('name="call2503"', 'name="other"'), encoding="utf-8")

    Envelopes(path, services=frozenset({"5301"}))
    with pytest.raises(ConfigError):
        Envelopes(path, services=frozenset({"2503"}))


def wrong(**keys) -> list[str]:
    return [one.path for one in mistakes({"name": "x", "region": "999900", "reversible": [], **keys})]


def test_a_profile_names_services_that_there_are_and_uses_only_those() -> None:
    assert wrong(services=["2207"]) == ["services"]
    assert wrong(services=["2001", "2001"]) == ["services"]
    assert wrong(outpatient={"upload_visit": "2203A"}) == ["outpatient.upload_visit"]
    assert wrong(outpatient={"upload_visit": "2203A"}, services=["2203A"]) == []
    pharmacy = attrs.evolve(load_profile("999900-test").outpatient, upload_visit="2203A")
    rules = kinds_of(attrs.evolve(load_profile("999900-test"), outpatient=pharmacy))
    assert rules[VisitKind.OUTPATIENT].upload_visit is Call.UPLOAD_PHARMACY_VISIT
    assert rules[VisitKind.INPATIENT].upload_visit is Call.UPLOAD_VISIT
