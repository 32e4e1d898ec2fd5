"""Pharmacies, stays and taking back at the simulated centre, through the product's own adapter, on a real wire."""

from __future__ import annotations

import datetime as dt

import attrs
import pytest
import pytest_twisted

from middleware.domain.centre import (
    Admit,
    Discharge,
    Done,
    PreSettle,
    QueryPerson,
    QueryVisits,
    UploadCharges,
    VisitFacts,
    WithdrawCharges,
    WithdrawDischarge,
    WithdrawVisit,
)
from middleware.domain.charge import Diagnosis, Disease, bill_total
from middleware.domain.kind import Call, VisitKind
from middleware.domain.order import Maternity
from middleware.domain.outcome import Answered, Refused
from middleware.domain.split import broken_identities
from simulators.centre.ledger import State
from tests.simulators.centre.desk import LINES, china_now, holder, open_desk

DIAGNOSES = (Diagnosis("J18.900", "肺炎"), Diagnosis("I10.x00", "高血压", order=2))


async def facts(desk, key="employee", kind=VisitKind.PHARMACY, med_type="41", insurance="", **more) -> VisitFacts:
    if desk.centre.needs_sign_in(china_now()):
        await desk.sign_in()
    known = (await desk.call(QueryPerson(holder(key), china_now()))).reply
    cover = next(one for one in known.insurances if insurance in {"", one.kind})
    return VisitFacts(
        known.person_number, "", cover.kind, cover.person_type, cover.region, med_type, kind, begun_at=china_now(), **more
    )


async def admitted(desk, key="employee", **more):
    visit = await facts(desk, key, VisitKind.INPATIENT, **{"med_type": "2101", **more})
    request = Admit(
        visit, holder(key), china_now(), "V0001", "ZY0001", "咳嗽发热", "12", DIAGNOSES, "D1", "内科", "DR1", "测试医生"
    )
    outcome = await desk.call(request)
    return visit, outcome


async def stay(desk, key="employee", **more) -> VisitFacts:
    visit, outcome = await admitted(desk, key, **more)
    return attrs.evolve(visit, visit_number=outcome.reply.visit_number)


def discharge(visit, at=None) -> Discharge:
    return Discharge(visit, at or china_now(), "1", "12", DIAGNOSES, "D1", "内科", "DR1", "测试医生")


async def money(desk, visit, lines, key="employee", number="900000000000000", carried=()):
    from middleware.domain.centre import PreSettle, Settle

    quoted = await desk.call(PreSettle(visit, holder(key), "B", bill_total(lines), use_account=True, lines=carried))
    if not isinstance(quoted, Answered):
        return quoted
    split = quoted.reply.split
    assert broken_identities(split) == ()
    return await desk.call(
        Settle(visit, holder(key), "B", bill_total(lines), use_account=True, quoted=split, lines=carried)
    )


@pytest_twisted.ensureDeferred
async def test_a_sale_is_settled_without_a_registration_and_its_answer_names_the_visit():
    async with open_desk() as desk:
        visit = await facts(desk)
        settled = (await money(desk, visit, LINES, carried=LINES)).reply

        assert settled.visit_number
        assert settled.clearing_type == "41"
        undone = await desk.cancel(attrs.evolve(visit, visit_number=settled.visit_number), settled.settlement_number)
        assert undone.reply.split.total == -bill_total(LINES)
        assert [row.call for row in desk.simulator.ledger.receipts[-3:]] == ["2101", "2102", "2103"]


@pytest_twisted.ensureDeferred
async def test_a_sales_quote_says_of_each_line_what_no_fund_shares_and_its_sums_are_the_bills():
    async with open_desk() as desk:
        visit = await facts(desk)
        asked = PreSettle(visit, holder(), "B", bill_total(LINES), use_account=True, lines=LINES)
        told = (await desk.call(asked)).reply

        assert [one.line_id for one in told.cuts] == [one.line_id for one in LINES]
        for name in ("self_paid", "over_limit", "first_self_paid", "in_scope"):
            assert sum(getattr(one, name).fen for one in told.cuts) == getattr(told.split, name).fen
        assert any(one.first_self_paid for one in told.cuts)


@pytest_twisted.ensureDeferred
async def test_a_sales_line_numbers_are_used_once():
    async with open_desk() as desk:
        visit = await facts(desk)
        assert isinstance(await money(desk, visit, LINES, carried=LINES), Answered)

        assert (await money(desk, visit, LINES, carried=LINES)).code == "2042"


@pytest_twisted.ensureDeferred
async def test_a_2102_is_reversed_by_its_message_id():
    async with open_desk() as desk:
        visit = await facts(desk)
        await money(desk, visit, LINES, carried=LINES)
        message_id = desk.simulator.ledger.receipts[-1].message_id

        assert isinstance(await desk.reverse(visit, message_id, Call.PHARMACY_SETTLE), Answered)
        assert desk.simulator.ledger.by_message(message_id).state is State.REVERSED


@pytest_twisted.ensureDeferred
async def test_a_stay_is_charged_in_parts_discharged_settled_and_cancelled():
    async with open_desk() as desk:
        visit = await stay(desk)
        more = tuple(attrs.evolve(one, line_id=f"9{one.line_id}") for one in LINES)
        assert isinstance(await desk.call(UploadCharges(visit, "", LINES)), Answered)
        assert isinstance(await desk.call(UploadCharges(visit, "", more)), Answered)
        early = await money(desk, visit, LINES + more)
        assert (await desk.call(discharge(visit))).reply == Done()
        late = attrs.evolve(visit, ended_at=china_now())
        settled = (await money(desk, late, LINES + more)).reply
        undone = await desk.cancel(visit, settled.settlement_number)

        assert early.code == "2253"
        assert (settled.clearing_type, settled.split.total) == ("21", bill_total(LINES + more))
        assert isinstance(undone, Answered)
        assert (await desk.call(WithdrawDischarge(visit))).reply == Done()
        assert (await desk.call(UploadCharges(visit, "", LINES))).code == "2042"


@pytest_twisted.ensureDeferred
async def test_the_order_of_a_stay_is_kept():
    async with open_desk() as desk:
        visit = await stay(desk)
        _, again = await admitted(desk)
        await desk.call(UploadCharges(visit, "", LINES))
        with_charges = await desk.call(WithdrawVisit(visit, "V0001"))
        not_out = await desk.call(WithdrawDischarge(visit))
        await desk.call(discharge(visit))
        twice = await desk.call(discharge(visit))
        late = await desk.call(UploadCharges(visit, "", LINES))

        assert [one.code for one in (again, with_charges, not_out, twice, late)] == ["2241", "2221", "2252", "2242", "2231"]


@pytest_twisted.ensureDeferred
async def test_an_admission_is_withdrawn_once_its_charges_are():
    async with open_desk() as desk:
        visit = await stay(desk)
        await desk.call(UploadCharges(visit, "", LINES))

        assert (await desk.call(WithdrawCharges(visit))).reply == Done()
        assert (await desk.call(WithdrawCharges(visit))).code == "2061"
        assert (await desk.call(WithdrawVisit(visit, "V0001"))).reply == Done()
        assert (await desk.call(WithdrawVisit(visit, "V0001"))).code == "2261"


@pytest_twisted.ensureDeferred
async def test_5201_shows_a_visit_under_the_number_that_we_gave():
    async with open_desk() as desk:
        visit = await stay(desk)
        day = dt.timedelta(days=1)
        asked = QueryVisits(visit, china_now() - day, china_now() + day)
        before = (await desk.call(asked)).reply.visits
        await desk.call(discharge(visit))
        after = (await desk.call(asked)).reply.visits
        elsewhen = await desk.call(QueryVisits(visit, china_now() - 3 * day, china_now() - 2 * day))

        assert [(one.visit_number, one.our_number, one.in_hospital) for one in before] == [
            (visit.visit_number, "V0001", True)
        ]
        assert after[0].in_hospital is False
        assert elsewhen.reply.visits == ()


@pytest_twisted.ensureDeferred
async def test_an_outpatients_registration_is_withdrawn():
    async with open_desk() as desk:
        visit = await desk.register()
        await desk.charge(visit, LINES)

        assert (await desk.call(WithdrawVisit(visit, "OP1"))).code == "2221"
        assert (await desk.call(WithdrawCharges(visit))).reply == Done()
        assert (await desk.call(WithdrawVisit(visit, "OP1"))).reply == Done()


@pytest.mark.parametrize(
    ("key", "insurance", "more", "code"),
    [
        ("chronic", "", {"med_type": "2102", "disease": Disease("M03900", "高血压")}, ""),
        ("chronic", "", {"med_type": "2102", "disease": Disease("M99999", "无")}, "2034"),
        ("employee", "", {"med_type": "2102", "disease": Disease("M03900", "高血压")}, "2034"),
        ("maternity", "510", {"med_type": "52", "maternity": Maternity(dt.date(2026, 11, 1))}, ""),
        ("maternity", "510", {"med_type": "52"}, "2033"),
        ("maternity", "510", {"med_type": "2101"}, "2032"),
        ("cadre", "340", {"med_type": "2101"}, ""),
        ("employee", "", {"med_type": "11"}, "2031"),
        ("injured", "410", {"med_type": "22"}, "2032"),
        ("injured", "310", {"med_type": "22"}, ""),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_category_is_refused_to_whom_it_does_not_fit(key, insurance, more, code):
    async with open_desk() as desk:
        _, outcome = await admitted(desk, key, insurance=insurance, **more)

        assert (outcome.code if isinstance(outcome, Refused) else "") == code


@pytest_twisted.ensureDeferred
async def test_a_cadres_bill_is_paid_whole():
    async with open_desk() as desk:
        visit = await facts(desk, "cadre")
        covered = LINES[:1]
        settled = (await money(desk, visit, covered, "cadre", carried=covered)).reply

        assert settled.split.account.fen == 0
        assert next(line.kind for line in settled.split.funds) == "340100"
