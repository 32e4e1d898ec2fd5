"""What callers ask the centre: about whom, within which bounds, journalled, and nothing of a person in the journal."""

from __future__ import annotations

import datetime as dt
import json

import pytest
import pytest_twisted

from middleware.domain import centre as c
from middleware.domain.centre import Call
from middleware.domain.fault import Fault
from middleware.domain.filing import About
from middleware.domain.outcome import Answered, NotSent, Refused, Unknown
from middleware.domain.query import NEEDS, QUESTIONS, CentreRows, Fact, Question
from middleware.doors.local_api.centre import CentreQueryParams
from middleware.doors.local_api.methods import METHODS
from middleware.engine.enquiry import Enquiry
from middleware.store import tables as t
from tests.middleware.engine.test_filings import about, desk, refused
from tests.support.counter import order_of, quoted, registered, rows
from tests.support.fakes import HIS, NOW

ROWS = tuple({"line_id": str(number)} for number in range(7))


def ask(r, enquiry, after=0, limit=200):
    return r.enquiries.ask(HIS, enquiry, after, limit)


def request_of(r, call):
    return r.centre.requests[r.centre.calls(call)[-1]]


@pytest_twisted.ensureDeferred
async def test_a_question_about_a_settlement_carries_the_centres_own_numbers_and_is_paged(store_url):
    async with desk(store_url) as r:
        quote = await quoted(r)
        await r.counter.settle(HIS, "s1", order_of(quote))
        r.centre.script[Call.QUERY_CHARGES] = [Answered(CentreRows(ROWS)), Answered(CentreRows(ROWS))]
        enquiry = Enquiry(Question.CHARGES, settlement_id=quote["settlement_id"])
        first = await ask(r, enquiry, 0, 4)
        last = await ask(r, enquiry, first["next_after"], 4)
        METHODS["centre.query"].check_result(first)

        assert [row["line_id"] for row in first["rows"] + last["rows"]] == [row["line_id"] for row in ROWS]
        assert (first["complete"], last["complete"]) == (False, True)
        asked = request_of(r, Call.QUERY_CHARGES)
        assert (asked.who.person_number, asked.visit_number, asked.settlement_number) == ("P1", "M1", "SETL1")
        looks = [json.loads(row.line) for row in rows(r, t.journal) if row.event == "CentreAsked"]
        assert [look["body"]["query"] for look in looks] == ["charges", "charges"]
        assert "P1" not in "".join(row.line for row in rows(r, t.journal) if row.event == "CentreAsked")
        messages = [row for row in rows(r, t.message) if row.call == "5204"]
        assert [row.outcome.split()[0] for row in messages] == ["answered"] * 2


@pytest_twisted.ensureDeferred
async def test_a_visit_a_card_or_nobody_says_who_is_meant(store_url):
    async with desk(store_url) as r:
        visit = await registered(r)
        await ask(r, Enquiry(Question.BENEFITS, About(visit_id=visit["visit_id"])))
        benefits = request_of(r, Call.CHECK_BENEFITS)
        await ask(r, Enquiry(Question.DIAGNOSES, About(visit_id=visit["visit_id"])))
        await ask(r, Enquiry(Question.DISEASES, await about(r)))
        await ask(r, Enquiry(Question.STAYS, since=NOW, until=NOW + dt.timedelta(days=1)))

        assert (benefits.who.insurance, benefits.med_type, benefits.visit_number) == ("310", "11", "")
        assert request_of(r, Call.QUERY_DIAGNOSES).visit_number == "M1"
        assert request_of(r, Call.QUERY_DISEASES).who.region == "999900"
        assert request_of(r, Call.QUERY_STAYS).who.person_number == ""
        await refused("request.bad_params", ask(r, Enquiry(Question.BENEFITS, await about(r))))
        await refused("request.bad_params", ask(r, Enquiry(Question.DISEASES)))


@pytest_twisted.ensureDeferred
async def test_another_person_at_the_centre_or_no_insurance_is_nobody(store_url):
    async with desk(store_url) as r:
        nobody = c.PersonKnown("P2", same_person=False, insurances=())
        r.centre.script[Call.QUERY_PERSON] = [Answered(nobody), Answered(c.PersonKnown("P1", True, ()))]
        await refused("centre.person_differs", ask(r, Enquiry(Question.DISEASES, await about(r))))
        await refused("centre.not_insured", ask(r, Enquiry(Question.DISEASES, await about(r))))

        assert r.centre.calls(Call.QUERY_DISEASES) == []


@pytest_twisted.ensureDeferred
async def test_a_lost_answer_is_asked_for_once_more_and_a_no_is_told_as_the_centres(store_url):
    async with desk(store_url) as r:
        who = await about(r)
        r.centre.script[Call.QUERY_DISEASES] = [Unknown("time-out"), Answered(CentreRows(ROWS[:1]))]
        assert len((await ask(r, Enquiry(Question.DISEASES, who)))["rows"]) == 1
        r.centre.script[Call.QUERY_DISEASES] = [Refused("1011", "未查询到")]
        fault = await refused("centre.refused", ask(r, Enquiry(Question.DISEASES, who)))
        r.centre.script[Call.QUERY_DISEASES] = [NotSent("centre.unreachable"), Unknown("time-out")]
        await refused("centre.no_answer", ask(r, Enquiry(Question.DISEASES, who)))

        assert fault.foreign == "未查询到"


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("days", [-1, 367])
async def test_a_span_is_at_most_a_year_and_not_backwards(days, tmp_path):
    async with desk(tmp_path) as r:
        enquiry = Enquiry(Question.STAYS, since=NOW, until=NOW + dt.timedelta(days=days))
        await refused("request.bad_params", ask(r, enquiry))


@pytest.mark.parametrize("question", Question)
def test_each_question_has_its_call_its_needs_and_its_name_at_the_door(question):
    assert question in QUESTIONS
    needs, may = NEEDS[question]
    assert not needs & may
    assert needs | may <= set(Fact)
    assert METHODS["centre.query"].read({"query": str(question)}) == CentreQueryParams(query=str(question))


@pytest_twisted.ensureDeferred
async def test_what_a_question_has_no_use_for_is_refused_and_what_it_needs_is_named(tmp_path):
    async with desk(tmp_path) as r:
        with pytest.raises(Fault, match="month"):
            await ask(r, Enquiry(Question.DISEASES, About(visit_id="V1"), month="202611"))
        with pytest.raises(Fault, match="settlement_id"):
            await ask(r, Enquiry(Question.CHARGES))
