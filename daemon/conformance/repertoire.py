"""What is done at a centre, part by part: each visit is registered, settled and taken back, as far as the profile goes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable

import attrs

from adapters.insurance.profile import Profile
from daemon.conformance.data import TestData
from daemon.conformance.money import Bill, Booked, cancel, quote, reverse, settle
from daemon.conformance.sandbox import Sandbox
from daemon.conformance.table import End, Note
from daemon.conformance.talk import Stopped, Talk
from daemon.policies import finish_of
from middleware.domain.centre import (
    Admit,
    Call,
    ChangeAdmission,
    Discharge,
    PersonKnown,
    QueryPerson,
    QueryVisits,
    RegisterVisit,
    Reverse,
    UploadCharges,
    UploadVisit,
    VisitFacts,
    VisitRegistered,
    VisitsFound,
    WithdrawCharges,
    WithdrawDischarge,
    WithdrawVisit,
)
from middleware.domain.charge import ChargeLine
from middleware.domain.kind import VisitKind
from middleware.domain.outcome import Refused
from middleware.domain.query import AskCentre, Insured, Question
from middleware.domain.split import Split
from middleware.domain.statement import DetailRow, Slice

MATERNITY = "510"  # pays for one thing only, never chosen for another
NOT_NAMED = Note("地区文件：services 未列", "not among services of the profile")
REST = Note("前一步未成功，本部分其余未做", "a step before was not answered: the rest of this part was not done")


async def _nothing(_desk: Desk, _visit: VisitFacts, _booked: Booked) -> None:
    """Nothing is asked about a settlement."""


@attrs.define(slots=True)
class Desk:
    """A counter at that centre. ``rows`` are the books of the run, by slice.

    ``by_phone``: whether its channel of mobile payment can be spoken to; ``sandbox``: that channel, where it is simulated.
    """

    talk: Talk
    profile: Profile
    data: TestData
    sign_number: str = ""
    person: PersonKnown | None = None
    rows: list[tuple[Slice, DetailRow]] = attrs.field(factory=list)
    when_settled: Callable[[Desk, VisitFacts, Booked], Awaitable[None]] = _nothing
    by_phone: bool = False
    sandbox: Sandbox | None = None

    @property
    def reversible(self) -> frozenset[str]:
        """What 2601 may name."""
        return frozenset(self.profile.reversible)

    async def part(self, name: Note, play: Callable[[Desk], Awaitable[object]]) -> None:
        """A part of the run; one that stops leaves a line that says so."""
        self.talk.part = name
        try:
            await play(self)
        except Stopped as stopped:
            self.talk.leave_out(Call(str(stopped)), REST, Note("其余", "the rest"))

    async def settle(self, bill: Bill, quoted: Split) -> Booked:
        """Settle it, with what must follow here."""
        return await settle(self.talk, bill, quoted, self.reversible, finish_of(self.profile))

    def number(self) -> str:
        """A number of ours, of digits, never used before: a visit's, a batch's or a line's."""
        return self.talk.ids.next(self.talk.now())[12:]

    def lines(self) -> tuple[ChargeLine, ...]:
        """A bill of one new line."""
        return self.data.lines(self.number(), self.talk.now())

    def facts(self, kind: VisitKind, med_type: str) -> VisitFacts:
        """The person as a visit of that kind has them. ``Stopped`` when the centre does not know them."""
        covers = [one for one in self.person.insurances if one.active] if self.person is not None else []
        if self.person is None or not covers:
            raise Stopped(Call.QUERY_PERSON.value)
        cover = next((one for one in covers if one.kind != MATERNITY), covers[0])
        began = self.talk.now() if kind is VisitKind.PHARMACY else None
        return VisitFacts(
            self.person.person_number, "", cover.kind, cover.person_type, cover.region, med_type, kind, begun_at=began
        )

    def book(self, booked: Booked) -> Booked:
        """Into the books of the run."""
        self.rows.append((booked.slice, booked.row()))
        return booked

    async def take_back(self, booked: Booked) -> None:
        """By its own transaction; both rows stay in the books."""
        refund = await cancel(self.talk, booked)
        self.rows.append((booked.slice, refund))


def services_here(desk: Desk, call: Call) -> bool:
    """Whether the profile names it; a line says so where it does not."""
    if call.value in desk.profile.services:
        return True
    desk.talk.leave_out(call, NOT_NAMED)
    return False


async def who(desk: Desk) -> None:
    """9001 and 1101."""
    if desk.profile.sign_in == "daily":
        _, reply = await desk.talk.must(desk.talk.centre.sign_in_request())
        desk.sign_number = reply.sign_number
    else:
        desk.talk.leave_out(Call.SIGN_IN, Note("地区文件：不签到", "the profile: no sign-in"))
    _, desk.person = await desk.talk.must(QueryPerson(desk.data.holder(), desk.talk.now()), judge=_same_person)


def _same_person(reply: PersonKnown) -> Note:
    return (
        Note() if reply.same_person else Note("应答的证件号码不是所查的", "the centre's id number is not the one asked for")
    )


async def registered(desk: Desk) -> tuple[VisitFacts, str]:
    """2201 and 2203: an outpatient visit, and our number of it."""
    talk, data, ours = desk.talk, desk.data, desk.number()
    facts = desk.facts(VisitKind.OUTPATIENT, data.outpatient)
    at = talk.now()
    reply: VisitRegistered
    _, reply = await talk.must(
        RegisterVisit(
            data.holder(), facts.person_number, facts.insurance, facts.person_type, facts.insured_region, at, ours,
            data.department_code, data.department_name, data.specialty, data.doctor_code, data.doctor_name,
        )
    )  # fmt: skip
    visit = attrs.evolve(facts, visit_number=reply.visit_number)
    call = Call(desk.profile.outpatient.upload_visit)
    await talk.must(
        UploadVisit(visit, at, data.diagnoses(), data.department_name, data.doctor_code, data.doctor_name, call)
    )
    return visit, ours


async def charged(desk: Desk, visit: VisitFacts) -> Bill:
    """2204 or 2301: one line, ready to be settled."""
    batch, lines = desk.number(), desk.lines()
    await desk.talk.must(UploadCharges(visit, batch, lines))
    return Bill(visit, desk.data.holder(), batch, lines, password=desk.data.password())


async def settled(desk: Desk, bill: Bill) -> Booked:
    """Quoted and settled, in the books."""
    return desk.book(await desk.settle(bill, await quote(desk.talk, bill)))


async def outpatient(desk: Desk) -> None:
    """A visit from its registration to its settlement, and back again."""
    if not desk.profile.outpatient.allowed:
        desk.talk.leave_out(Call.REGISTER_VISIT, Note("地区文件：不办理", "the profile: not done here"))
        return
    visit, ours = await registered(desk)
    await _as_a_pharmacy(desk, visit)
    await _look(desk, visit, ours)
    booked = await settled(desk, await charged(desk, visit))
    await desk.when_settled(desk, visit, booked)
    await desk.take_back(booked)
    await desk.talk.say(WithdrawCharges(visit))
    await desk.talk.say(WithdrawVisit(visit, ours))
    await _again(desk, WithdrawVisit(visit, ours))


async def _as_a_pharmacy(desk: Desk, visit: VisitFacts) -> None:
    """2203A beside 2203: a profile that names it has both kinds of institution; one that uploads by it did so before."""
    call, data = Call.UPLOAD_PHARMACY_VISIT, desk.data
    if desk.profile.outpatient.upload_visit != call and services_here(desk, call):
        request = UploadVisit(
            visit, desk.talk.now(), data.diagnoses(), data.department_name, data.doctor_code, data.doctor_name, call
        )
        await desk.talk.say(request)


async def _look(desk: Desk, visit: VisitFacts, ours: str) -> None:
    if not desk.profile.query_visits:
        desk.talk.leave_out(Call.QUERY_VISITS, Note("地区文件：query_visits = false", "the profile does not ask it"))
        return

    def found(reply: VisitsFound) -> Note:
        if any(one.our_number == ours for one in reply.visits):
            return Note()
        return Note("查不到刚登记的就诊", "the visit that was just registered is not there: query_visits = false")

    at = desk.talk.now()
    await desk.talk.say(QueryVisits(visit, at.replace(hour=0, minute=0, second=0), at), judge=found)


async def _again(desk: Desk, request: WithdrawVisit) -> None:
    """The same errand a second time: the code that means "done before"."""
    _, outcome = await desk.talk.say(request, End.ANY_ANSWER, Note("重发，看应答代码", "once more, for its code"))
    _say_code(desk, outcome, {"already_done_codes": desk.profile.already_done_codes})


def _say_code(desk: Desk, outcome: object, keys: dict[str, tuple[str, ...]]) -> None:
    """Whether the profile knows a refusal's code; a person decides while it does not."""
    if not isinstance(outcome, Refused):
        return
    known = [key for key, codes in keys.items() if outcome.code in codes]
    if known:
        desk.talk.remark(Note(f"{outcome.code} 在 {known[0]} 中", f"{outcome.code} stands in {known[0]}"))
    else:
        names = " | ".join(keys)
        desk.talk.remark(Note(f"{outcome.code} 未列入 {names}：转人工", f"{outcome.code} is not listed: a person decides"))


async def pharmacy(desk: Desk) -> None:
    """A sale and its return."""
    if not desk.profile.pharmacy.allowed:
        desk.talk.leave_out(Call.PHARMACY_SETTLE, Note("地区文件：不办理", "the profile: not done here"))
        return
    lines = desk.lines()
    visit = desk.facts(VisitKind.PHARMACY, desk.data.pharmacy)
    bill = Bill(visit, desk.data.holder(), desk.number(), lines, lines, desk.data.password())
    await desk.take_back(await settled(desk, bill))


async def stay(desk: Desk) -> None:
    """A stay from its admission to its settlement, and back again."""
    if not desk.profile.inpatient.allowed:
        desk.talk.leave_out(Call.ADMIT, Note("地区文件：不办理", "the profile: not done here"))
        return
    talk, data, ours = desk.talk, desk.data, desk.number()
    facts = desk.facts(VisitKind.INPATIENT, data.inpatient)
    reply: VisitRegistered
    _, reply = await talk.must(
        Admit(
            facts, data.holder(), talk.now(), ours, desk.number(), data.diagnosis_name, data.bed, data.diagnoses(),
            data.department_code, data.department_name, data.doctor_code, data.doctor_name,
        )
    )  # fmt: skip
    visit = attrs.evolve(facts, visit_number=reply.visit_number)
    await _change(desk, visit, ours)
    bill = await charged(desk, visit)
    when = desk.profile.inpatient.discharge
    if when == "before-quote":
        bill = await _discharged(desk, bill)
    quoted = await quote(talk, bill)
    if when == "before-settle":
        bill = await _discharged(desk, bill)
    booked = desk.book(await desk.settle(bill, quoted))
    if when == "after-settle":
        await _discharged(desk, bill)
    await desk.take_back(booked)
    for errand in (WithdrawDischarge(visit), WithdrawCharges(visit), WithdrawVisit(visit, ours)):
        await talk.say(errand)


async def _change(desk: Desk, visit: VisitFacts, ours: str) -> None:
    """2403 and 5303: another bed, and the stay is found."""
    talk, data = desk.talk, desk.data
    if services_here(desk, Call.CHANGE_ADMISSION):
        await talk.say(
            ChangeAdmission(
                visit, data.holder(), talk.now(), desk.number(), ours, data.diagnosis_name, f"{data.bed}A",
                data.diagnoses(), data.department_code, data.department_name, data.doctor_code, data.doctor_name,
            )
        )  # fmt: skip
    if services_here(desk, Call.QUERY_STAYS):
        day = dt.timedelta(days=1)
        who_ = Insured(visit.person_number, visit.insured_region, visit.insurance)
        await talk.say(AskCentre(Question.STAYS, who_, since=talk.now() - day, until=talk.now() + day))


async def _discharged(desk: Desk, bill: Bill) -> Bill:
    data, at = desk.data, desk.talk.now()
    await desk.talk.must(
        Discharge(
            bill.visit, at, "1", data.bed, data.diagnoses(), data.department_code, data.department_name,
            data.doctor_code, data.doctor_name,
        )
    )  # fmt: skip
    return attrs.evolve(bill, visit=attrs.evolve(bill.visit, ended_at=at))


async def reversals(desk: Desk) -> None:
    """2601: of a message that never was, of a settlement, of a cancel; and both codes that a region must know."""
    if Call.SETTLE.value not in desk.reversible:
        desk.talk.leave_out(Call.REVERSE, Note("地区文件：不冲正 2207", "the profile reverses no 2207: a person decides"))
        return
    visit, ours = await registered(desk)
    never = Reverse(visit, desk.talk.ids.next(desk.talk.now()), Call.SETTLE)
    _, outcome = await desk.talk.say(never, End.REFUSED, Note("冲正从未发出的交易", "of a message that never was"))
    _say_code(desk, outcome, {"not_found_codes": desk.profile.not_found_codes})
    bill = await charged(desk, visit)
    booked = await desk.settle(bill, await quote(desk.talk, bill))
    await reverse(desk.talk, visit, booked.message_id, Call.SETTLE)
    again = Reverse(visit, booked.message_id, Call.SETTLE)
    _, outcome = await desk.talk.say(again, End.ANY_ANSWER, Note("再次冲正", "once more, for its code"))
    _say_code(desk, outcome, {"already_reversed_codes": desk.profile.already_reversed_codes})
    if Call.CANCEL.value in desk.reversible:
        await _cancel_reversed(desk, visit)
    await desk.talk.say(WithdrawCharges(visit), End.ANY_ANSWER)
    await desk.talk.say(WithdrawVisit(visit, ours), End.ANY_ANSWER)


async def _cancel_reversed(desk: Desk, visit: VisitFacts) -> None:
    """A 2208 undone: the settlement stands again, and is taken back for good."""
    booked = await settled(desk, await charged(desk, visit))
    refund = await cancel(desk.talk, booked)
    what = Note("冲正退费", "of a cancel")
    _, outcome = await desk.talk.say(Reverse(visit, refund.message_id, Call.CANCEL), End.ANSWERED, what)
    if isinstance(outcome, Refused):
        desk.rows.append((booked.slice, refund))
        return
    desk.talk.left[booked.message_id] = f"{Call.SETTLE} {booked.reply.settlement_number} {booked.message_id}"
    await desk.take_back(booked)
