"""2403 and 2203A through the real engine and store: an admission is told anew; a pharmacy's visit by its own transaction."""

from __future__ import annotations

import pytest
import pytest_twisted
from attrs import evolve

from middleware.domain import centre as c
from middleware.domain.centre import Call
from middleware.domain.charge import Diagnosis
from middleware.domain.fault import Fault
from middleware.domain.kind import VisitKind
from middleware.domain.order import ChangeOrder
from middleware.domain.outcome import Answered, Refused, Unknown
from middleware.domain.rules import KIND_RULES
from middleware.store import tables as t
from tests.middleware.engine.test_errands import admitted, ask, charged, out
from tests.support.counter import quoted, rig, rows

OTHERS = (Diagnosis("I10", "高血压"), Diagnosis("E11", "糖尿病", order=2))


def change(visit_id, **said):
    empty = dict.fromkeys(("department_code", "department_name", "bed", "doctor_code", "doctor_name"), "")
    return ChangeOrder(visit_id, **{**empty, **said}, diagnoses=OTHERS)


def sent(r, call):
    return r.centre.requests[r.centre.calls(call)[-1]]


@pytest_twisted.ensureDeferred
async def test_what_a_change_does_not_say_stays_and_what_it_said_counts_from_then_on(store_url):
    async with rig(store_url) as r:
        visit_id = (await admitted(r))["visit_id"]
        await ask(r, "x1", "inpatient.change", change(visit_id, bed="7", doctor_code="D9", doctor_name="王医生"))
        first = sent(r, Call.CHANGE_ADMISSION)
        done = await ask(r, "x2", "inpatient.change", change(visit_id, department_code="09", department_name="外科"))
        second = sent(r, Call.CHANGE_ADMISSION)
        await charged(r, visit_id, 10000)
        await out(r, visit_id)
        left = sent(r, Call.DISCHARGE)

        assert (first.bed, first.department_code, first.doctor_name, first.stay_number) == ("7", "01", "王医生", "ZY1")
        assert (second.bed, second.department_name, second.doctor_code) == ("7", "外科", "D9")
        assert (left.department_code, left.department_name, left.doctor_code) == ("09", "外科", "D9")
        assert (first.description, first.diagnoses) == ("高血压；糖尿病", OTHERS)
        assert done["matter"] == "change-admission"
        assert "高血压" not in "".join(row.line for row in rows(r, t.journal))


@pytest_twisted.ensureDeferred
async def test_a_change_without_an_answer_is_told_again_and_one_that_was_refused_changes_nothing(store_url):
    async with rig(store_url) as r:
        visit_id = (await admitted(r))["visit_id"]
        r.centre.script[Call.CHANGE_ADMISSION] = [Unknown("time-out"), Answered(c.Done()), Refused("2242", "已出院")]
        with pytest.raises(Fault) as lost:
            await ask(r, "x1", "inpatient.change", change(visit_id, bed="7"))
        again = await ask(r, "x1", "inpatient.change", change(visit_id, bed="7"))
        with pytest.raises(Fault) as no:
            await ask(r, "x2", "inpatient.change", change(visit_id, bed="8"))
        await ask(r, "x3", "inpatient.change", change(visit_id))

        assert (lost.value.code, again["state"], no.value.code) == ("centre.no_answer", "done", "centre.refused")
        assert sent(r, Call.CHANGE_ADMISSION).bed == "7"
        await out(r, visit_id)
        with pytest.raises(Fault, match=r"visit\.order"):
            await ask(r, "x4", "inpatient.change", change(visit_id))


@pytest_twisted.ensureDeferred
async def test_a_pharmacy_that_treats_as_outpatients_are_uploads_its_visits_by_2203a(tmp_path):
    outpatient = evolve(KIND_RULES[VisitKind.OUTPATIENT], upload_visit=Call.UPLOAD_PHARMACY_VISIT)
    async with rig(tmp_path, kinds={**KIND_RULES, VisitKind.OUTPATIENT: outpatient}) as r:
        quote = await quoted(r)

        assert quote["state"] == "Quoted"
        assert len(r.centre.calls(Call.UPLOAD_PHARMACY_VISIT)) == 1
        assert r.centre.calls(Call.UPLOAD_VISIT) == []
        assert {row.call for row in rows(r, t.message)} >= {"2203A", "2204"}
