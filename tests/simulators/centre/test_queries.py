"""The centre's books asked by its own transactions, and what was filed there: every cell keeps the published tables."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.web.client import Agent, readBody

from adapters.insurance.dictionaries import DICTIONARIES
from adapters.insurance.schema import SiteRules, check_row
from adapters.insurance.transactions import DECLARED
from adapters.insurance.transactions_filing import FILING_TRANSACTIONS
from adapters.insurance.transactions_query import QUERY_TRANSACTIONS
from middleware.domain.money import Money
from simulators.centre.insured import everybody
from simulators.centre.national import JsonSpeech
from simulators.centre.refusals import Refusal
from simulators.centre.server import CentreSimulator
from simulators.centre.wire import Request
from tests.simulators.centre.desk import INSTITUTION, LINES, china_now, open_desk
from tests.simulators.centre.test_kinds import stay

SPAN = {"begntime": "2000-01-01 00:00:00", "endtime": "2099-12-31 23:59:59"}
_SITE = SiteRules(extra_codes={"naty": frozenset({"01"})})  # as 1101 has it, and real centres
SAMPLES = {"C": "1", "N": "1", "D": "2026-11-20", "DT": "2026-11-20 10:00:00", "B": ""}


def ask(simulator: CentreSimulator, call: str, **given: str) -> Any:
    """Asked of the books, and the answer held to the tables and read back from JSON."""
    business = simulator.business
    business.require_sign_in = False
    head = {
        "infno": call, "msgid": "M1", "mdtrtarea_admvs": "999900", "recer_sys_code": "99", "infver": "V1.0", "opter_type": "1",
        "opter": "1", "opter_name": "操作员", "inf_time": "2026-11-20 10:00:00", "fixmedins_code": INSTITUTION,
        "fixmedins_name": "测试医院",
    }  # fmt: skip
    table = DECLARED[call]
    nodes = {}
    for node in table.input:
        row = {spec.name: SAMPLES[spec.type] for spec in node.fields if spec.need} | SPAN
        names = {spec.name for spec in node.fields}
        nodes[node.name] = [{name: cell for name, cell in (row | given).items() if name in names}]
    output = business.handle(head, nodes)
    for node in table.output:
        rows = output if not node.name else output[node.name]
        loose = tuple(attrs.evolve(spec, need=False) for spec in node.fields)
        for row in rows if isinstance(rows, list) else [rows]:
            check_row(loose, row, call, DICTIONARIES, _SITE)
    written = JsonSpeech().write(Request(call, head, nodes), {"infcode": "0"}, output)
    return json.loads(written)["output"]


def number_of(key: str) -> str:
    return next(person.person_number for person in everybody() if person.key == key)


def total(rows: list[dict[str, Any]], name: str) -> int:
    return round(sum(row[name] for row in rows) * 100)


@pytest_twisted.ensureDeferred
async def test_a_settlement_and_its_refund_are_found_and_their_sums_agree_in_every_direction():
    async with open_desk() as desk:
        visit, outcome = await desk.settled()
        number = outcome.reply.settlement_number
        about = {"psn_no": visit.person_number, "mdtrt_id": visit.visit_number}

        found = ask(desk.simulator, "5203", setl_id=number, **about)
        lines = ask(desk.simulator, "5204", setl_id=number, **about)
        row = found["setlinfo"]

        assert row["refd_setl_flag"] == "0"
        assert row["medfee_sumamt"] * 100 == pytest.approx(outcome.reply.split.total.fen)
        assert round((row["fund_pay_sumamt"] + row["acct_pay"] + row["cash_payamt"]) * 100) == round(
            row["medfee_sumamt"] * 100
        )
        assert len(lines) == len(LINES)
        for name in ("fulamt_ownpay_amt", "preselfpay_amt", "inscp_scp_amt"):
            assert total(lines, name) == round(row[name] * 100)

        undone = (await desk.cancel(visit, number)).reply
        refund = ask(desk.simulator, "5203", setl_id=undone.settlement_number, **about)
        assert refund["setlinfo"]["refd_setl_flag"] == "1"
        assert refund["setlinfo"]["medfee_sumamt"] == -row["medfee_sumamt"]
        assert total(refund["setldetail"], "fund_payamt") == -total(found["setldetail"], "fund_payamt")
        with pytest.raises(Refusal, match="2081"):
            ask(desk.simulator, "5203", setl_id="nothing", **about)


@pytest_twisted.ensureDeferred
async def test_the_year_is_used_up_bill_by_bill_changes_the_split_and_is_given_back_by_a_refund():
    async with open_desk() as desk:
        who = number_of("employee")
        dear = (LINES[1],)

        def used() -> dict[str, float]:
            rows = ask(desk.simulator, "5206", psn_no=who)["cuminfo"]
            return {row["cum_type_code"]: row["cum"] for row in rows}

        assert set(used().values()) == {0.0}
        visit, first = await desk.settled(lines=dear)
        after_first = used()
        _, second = await desk.settled(lines=(attrs.evolve(dear[0], line_id="L9"),))

        assert first.reply.split.fund < second.reply.split.fund
        assert first.reply.split.deductible == Money(30_000)
        assert second.reply.split.deductible == Money(0)
        assert used()["S02"] > after_first["S02"] > 0
        await desk.cancel(visit, first.reply.settlement_number)
        assert used()["S01"] == 0.0
        assert used()["S02"] == pytest.approx(second.reply.split.pool.fen / 100)


@pytest_twisted.ensureDeferred
async def test_diagnoses_and_stays_are_found_while_they_last():
    async with open_desk() as desk:
        visit = await stay(desk)
        about = {"psn_no": visit.person_number, "mdtrt_id": visit.visit_number}

        assert [row["diag_code"] for row in ask(desk.simulator, "5202", **about)["diseinfo"]] == ["J18.900", "I10.x00"]
        assert [row["mdtrt_id"] for row in ask(desk.simulator, "5303", psn_no=visit.person_number)] == [visit.visit_number]
        changed = {
            **about,
            "diag_code": "J06.900",
            "med_type": "2101",
            "begntime": "2026-11-19 08:00:00",
            "ipt_otp_no": "ZY9",
        }
        ask(desk.simulator, "2403", **changed)
        assert [row["diag_code"] for row in ask(desk.simulator, "5202", **about)["diseinfo"]] == ["J06.900"]
        assert ask(desk.simulator, "5303", psn_no=visit.person_number)[0]["ipt_otp_no"] == "ZY9"
        assert ask(desk.simulator, "5303", psn_no=number_of("resident")) == []


def test_a_filing_of_a_chronic_disease_opens_its_category_and_closes_it_again_when_taken_back():
    simulator = CentreSimulator(reactor)
    who = {"psn_no": number_of("employee"), "insutype": "310"}
    wanted = {**who, "med_type": "14", "dise_codg": "M03900"}

    def allowed() -> set[str]:
        return {row["trt_enjymnt_flag"] for row in ask(simulator, "2001", **wanted)["trtinfo"]}

    assert allowed() == {"0"}
    number = ask(simulator, "2503", **who, opsp_dise_code="M03900", opsp_dise_name="高血压")["result"]["trt_dcla_detl_sn"]
    assert allowed() == {"1"}
    assert [row["opsp_dise_code"] for row in ask(simulator, "5301", **who)["feedetail"]] == ["M03900"]
    with pytest.raises(Refusal, match="2531"):
        ask(simulator, "2503", **who, opsp_dise_code="M03900")
    with pytest.raises(Refusal, match="2532"):
        ask(simulator, "2504", psn_no=number_of("resident"), trt_dcla_detl_sn=number)
    ask(simulator, "2504", **who, trt_dcla_detl_sn=number)
    assert allowed() == {"0"}
    with pytest.raises(Refusal, match="2532"):
        ask(simulator, "2504", **who, trt_dcla_detl_sn=number)


def test_institutions_referrals_and_accidents_are_filed_found_and_taken_back():
    simulator = CentreSimulator(reactor)
    who = {"psn_no": number_of("resident")}
    number = ask(simulator, "2505", **who, biz_appy_type="03", fixmedins_code=INSTITUTION)["result"]["trt_dcla_detl_sn"]
    referral = ask(simulator, "2501", **who, refl_date="2026-11-20", reflin_medins_name="省医院")["result"][
        "trt_dcla_detl_sn"
    ]
    assert ask(simulator, "2507", **who)["result"]["trt_dcla_detl_sn"] not in {number, referral}

    assert [row["fixmedins_code"] for row in ask(simulator, "5302", **who, biz_appy_type="03")["psnfixmedin"]] == [
        INSTITUTION
    ]
    assert ask(simulator, "5302", **who, biz_appy_type="04")["psnfixmedin"] == []
    assert [row["reflin_medins_name"] for row in ask(simulator, "5304", **who)] == ["省医院"]
    ask(simulator, "2502", **who, trt_dcla_detl_sn=referral)
    ask(simulator, "2506", **who, trt_dcla_detl_sn=number)
    assert ask(simulator, "5304", **who) == []
    assert ask(simulator, "5302", **who, biz_appy_type="03")["psnfixmedin"] == []


@pytest_twisted.ensureDeferred
async def test_drugs_of_a_filed_disease_are_found_and_those_of_an_ordinary_visit_are_not():
    async with open_desk() as desk:
        visit, _ = await desk.settled("chronic")
        about = {"psn_no": visit.person_number}
        assert ask(desk.simulator, "5205", **about)["feedetail"] == []

        desk.simulator.ledger.settlements[-1].med_type = "14"

        assert {row["list_type"] for row in ask(desk.simulator, "5205", **about)["feedetail"]} == {"101"}


def test_somebody_is_insured_in_every_kind_and_funds_of_each_are_told():
    people = everybody()
    covers = [cover for person in people for cover in person.covers]

    assert {"310", "340", "390", "392", "410", "510"} <= {cover.kind for cover in covers}
    assert any(cover.civil_servant for cover in covers)
    assert any(cover.assisted for cover in covers)
    assert any(person.filings for person in people)
    simulator = CentreSimulator(reactor)
    found = {
        row["fund_pay_type"]
        for person in people
        for cover in person.covers
        for row in ask(simulator, "2001", psn_no=person.person_number, insutype=cover.kind, med_type="11")["trtinfo"]
    }
    assert {"310100", "320100", "330100", "340100", "390100", "390200", "410100", "510100", "610100"} <= found


def test_every_filing_and_every_question_is_answered():
    simulator = CentreSimulator(reactor)
    unknown = set()
    for transaction in (*FILING_TRANSACTIONS, *QUERY_TRANSACTIONS):
        call = transaction.code
        try:
            ask(simulator, call)
        except Refusal as refusal:
            unknown |= {call} if refusal.code == "0103" else set()
        except (KeyError, ValueError):
            pass
    assert unknown == set()


@pytest_twisted.ensureDeferred
async def test_the_admin_page_tells_what_each_account_has_left_and_has_used():
    async with open_desk() as desk:
        visit, outcome = await desk.settled()
        url = desk.simulator.url.removesuffix("/centre") + "/admin/ledger"
        response = await Agent(reactor).request(b"GET", url.encode())
        page = json.loads(await readBody(response))

        (account,) = page["accounts"]
        assert account["person_number"] == visit.person_number
        assert account["balance"] == outcome.reply.split.balance_after.yuan
        assert account["pool"] == outcome.reply.split.pool.yuan
        assert account["year"] == str(china_now().year)
