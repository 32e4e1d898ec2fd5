"""What is asked and filed beside a visit: each where the profile names it; what was filed is taken back."""

from __future__ import annotations

import datetime as dt

from adapters.insurance.profile import Profile
from daemon.conformance.money import Booked
from daemon.conformance.repertoire import Desk, services_here
from daemon.conformance.table import End, Note
from middleware.domain.centre import Call, VisitFacts, call_of
from middleware.domain.charge import Disease
from middleware.domain.filing import (
    CALLS,
    KIND_OF,
    Accident,
    ChronicDisease,
    Documents,
    Facts,
    File,
    Filed,
    OwnInstitution,
    Place,
    Referral,
    Span,
    Withdraw,
    question_about,
    shown,
)
from middleware.domain.kind import VisitKind
from middleware.domain.outcome import Answered
from middleware.domain.query import AskCentre, CentreRows, Insured, Question

APPLICATION = "03"
LEFT = Note("真实中心不做：备案不能撤销", "not at a real centre: there is no way to take it back")


async def asked(desk: Desk) -> None:
    """2001, 5205, 5206, 5301, 5302, 5304: about the person."""
    facts = desk.facts(VisitKind.OUTPATIENT, desk.data.outpatient)
    who = Insured(facts.person_number, facts.insured_region, facts.insurance)
    now = desk.talk.now()
    year = now - dt.timedelta(days=365)
    for request in (
        AskCentre(Question.BENEFITS, who, since=now, med_type=desk.data.outpatient),
        AskCentre(Question.MEDICATION, who, since=year, until=now),
        AskCentre(Question.ACCUMULATIONS, who, month=f"{now:%Y%m}"),
        AskCentre(Question.DISEASES, who),
        AskCentre(Question.INSTITUTIONS, who, application=APPLICATION),
        AskCentre(Question.REFERRALS, who, since=year, until=now),
    ):
        if services_here(desk, call_of(request)):
            await desk.talk.say(request)


async def of_settlement(desk: Desk, visit: VisitFacts, booked: Booked) -> None:
    """5202, 5203, 5204: about a visit that was just settled."""
    who = Insured(visit.person_number, visit.insured_region, visit.insurance)
    number, settled = visit.visit_number, booked.reply.settlement_number

    def as_booked(reply: CentreRows) -> Note:
        if any(row.get("settlement_number") == settled for row in reply.rows):
            return Note()
        return Note("查不到刚完成的结算", "the settlement that was just made is not there")

    if services_here(desk, Call.QUERY_DIAGNOSES):
        await desk.talk.say(AskCentre(Question.DIAGNOSES, who, visit_number=number))
    for question in (Question.SETTLEMENT, Question.CHARGES):
        request = AskCentre(question, who, visit_number=number, settlement_number=settled)
        if services_here(desk, call_of(request)):
            await desk.talk.say(request, judge=as_booked)


async def filed(desk: Desk) -> None:
    """2501-2507: filed, found, taken back, found no more."""
    facts = desk.facts(VisitKind.OUTPATIENT, desk.data.outpatient)
    who = Insured(facts.person_number, facts.insured_region, facts.insurance)
    for one in _filings(desk):
        calls = CALLS[KIND_OF[type(one)]]
        if not services_here(desk, calls.make):
            continue
        if desk.talk.real and not _can_undo(desk.profile, calls.undo):
            desk.talk.leave_out(calls.make, LEFT)
            continue
        await _filed(desk, who, one)


def _can_undo(profile: Profile, undo: Call | None) -> bool:
    return undo is not None and undo.value in profile.services


async def _filed(desk: Desk, who: Insured, facts: Facts) -> None:
    talk, kind = desk.talk, KIND_OF[type(facts)]
    person = desk.data.holder()
    documents = None
    if isinstance(facts, Accident):
        documents = Documents(person.credential.document, person.id_number.reveal(), person.name.reveal(), person.sex)
    message_id, outcome = await talk.say(File(who, facts, documents))
    if not isinstance(outcome, Answered) or not isinstance(outcome.reply, Filed):
        return
    number = outcome.reply.number
    calls = CALLS[kind]
    if calls.undo is None:
        return
    talk.left[message_id] = f"{calls.make} {number} {message_id}"
    await _look(desk, who, facts, there=True)
    if not services_here(desk, calls.undo):
        return
    _, undone = await talk.say(Withdraw(who, kind, number, "测试"))
    if isinstance(undone, Answered):
        talk.left.pop(message_id)
        await _look(desk, who, facts, there=False)


async def _look(desk: Desk, who: Insured, facts: Facts, *, there: bool) -> None:
    request = question_about(who, facts, desk.talk.now())
    if request is None or call_of(request).value not in desk.profile.services:
        return

    def as_filed(reply: CentreRows) -> Note:
        if shown(facts, reply.rows) is there:
            return Note()
        return Note("查询与备案不符", "the query does not show what was filed, or shows what was taken back")

    what = Note("查到刚备案的", "what was just filed") if there else Note("查不到已撤销的", "no more what was taken back")
    await desk.talk.say(request, End.ANSWERED, what, as_filed)


def _filings(desk: Desk) -> tuple[Facts, ...]:
    data, today = desk.data, desk.talk.now().date()
    institution = desk.talk.ids.next(desk.talk.now())[:12]
    span = Span(today, today + dt.timedelta(days=30))
    place = Place(institution, "")
    return (
        Referral(
            Place("H99990000002", "测试上级医院"), desk.profile.region, "1", today, "病情需要", "同意转院",
            Disease(data.diagnosis_code, data.diagnosis_name),
        ),
        ChronicDisease(
            Disease(data.disease_code, data.disease_name), today, data.doctor_code, data.doctor_name, span, place
        ),
        OwnInstitution(APPLICATION, "1", span, place),
        Accident("01", pays=True, span=span, injured_on=today, place="测试地点", cause="摔伤"),
    )  # fmt: skip
