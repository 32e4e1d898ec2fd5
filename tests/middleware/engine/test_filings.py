"""Filings through the real engine and store, on both databases: none is lost, none is made twice, none is guessed at."""

from __future__ import annotations

import contextlib
import datetime as dt
import json

import pytest
import pytest_twisted
import sqlalchemy as sa
from attrs import evolve
from twisted.internet.defer import Deferred, ensureDeferred, gatherResults

from middleware.domain import centre as c
from middleware.domain.centre import Call
from middleware.domain.charge import Disease
from middleware.domain.fault import FAULTS, Fault
from middleware.domain.filing import (
    About,
    Accident,
    ChronicDisease,
    Contact,
    File,
    Filed,
    OwnInstitution,
    Place,
    Referral,
    Span,
    Withdraw,
    call_of,
    shown,
)
from middleware.domain.order import Caller, Role
from middleware.domain.outcome import Answered, NotSent, Refused, Unknown
from middleware.domain.query import AskCentre, CentreRows
from middleware.doors.local_api.methods import METHODS
from middleware.engine.enquiry import EnquiryDesk
from middleware.engine.filing_desk import FilingDesk
from middleware.store import tables as t
from middleware.store.units import Unit
from tests.support.counter import registered, rows
from tests.support.fakes import HIS, FakeCentre
from tests.support.rig import INSTITUTION, Rig

DAY = dt.date(2026, 11, 20)
SPAN = Span(DAY, DAY + dt.timedelta(days=365))
OPERATOR = Caller(Role.OPERATOR, "li")
DISEASE = ChronicDisease(
    Disease("M03900", "高血压"), DAY, "D1", "测试医生", SPAN, contact=Contact("13800000000", "测试路1号")
)
REFERRAL = Referral(
    Place("H2", "上级医院"), "999900", "1", DAY, "病情需要", "同意", Disease("J18.900", "肺炎"), contact=Contact("1", "2")
)
OWN = OwnInstitution("08", "1", SPAN)
ACCIDENT = Accident("01", pays=True, span=SPAN, injured_on=DAY, place="测试地点", cause="摔伤")
SECRETS = ("13800000000", "测试路1号", "摔伤", "P1-secret", "M03900")


class Books(FakeCentre):
    """Holds filings by number. ``loses``: done, no answer; ``drops``: not done, no answer."""

    def __init__(self):
        super().__init__()
        self.held: dict[str, object] = {}
        self.loses: list[Call] = []
        self.drops: list[Call] = []
        self.numbers = 0

    def reply(self, request):
        match request:
            case AskCentre():
                return CentreRows(tuple(self.row(facts) for facts in self.held.values()))
            case File():
                self.numbers += 1
                self.held[f"B{self.numbers}"] = request.facts
                return Filed(f"B{self.numbers}")
            case Withdraw():
                del self.held[request.number]
                return Filed()
        return super().reply(request)

    def row(self, facts):
        match facts:
            case ChronicDisease():
                return {"disease_code": facts.disease.code}
            case OwnInstitution():
                return {"institution_code": facts.at.code, "order": facts.order}
            case Referral():
                return {"to_code": facts.to.code, "referred_on": facts.on.isoformat()}
        return {}

    async def send(self, call, on_first_byte, on_late_reply):
        if call.call in self.drops:
            self.drops.remove(call.call)
            self.sent.append((call.message_id, call.call, call.digest))
            on_first_byte()
            return Unknown("time-out")
        outcome = await super().send(call, on_first_byte, on_late_reply)
        if call.call in self.loses:
            self.loses.remove(call.call)
            return Unknown("connection-lost")
        return outcome


async def begin(where, books=None, **policy):
    r = Rig(where, **policy)
    r.centre = books or Books()
    await r.start()
    enquiries = EnquiryDesk(r.engine, r.counter)
    r.filings = FilingDesk(r.engine, enquiries)
    r.enquiries = enquiries
    return r


@contextlib.asynccontextmanager
async def desk(where, **policy):
    r = await begin(where, **policy)
    try:
        yield r
    finally:
        await r.stop()


async def about(r):
    return About(card_read_id=(await r.counter.read_card(HIS, "Virtual 00"))["card_read_id"])


async def refused(code, asking):
    with pytest.raises(Fault) as caught:
        await asking
    assert caught.value.code == code, (caught.value.code, caught.value.detail)
    return caught.value


def events(r):
    return [row.event for row in rows(r, t.journal) if row.event.startswith("Filing")]


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("facts", [DISEASE, REFERRAL, OWN], ids=["disease", "referral", "institution"])
async def test_what_is_filed_is_there_once_and_can_be_taken_back(store_url, facts):
    async with desk(store_url) as r:
        who = await about(r)
        made = await r.filings.file(HIS, "f1", who, facts)
        again = await r.filings.file(HIS, "f1", who, facts)
        METHODS["filing.disease"].check_result(made)
        gone = await r.filings.withdraw(HIS, "w1", made["filing_id"], "填错")
        assert gone == await r.filings.withdraw(HIS, "w1", made["filing_id"], "填错")

        assert again == made
        assert (made["state"], made["number"], made["withdrawn"]) == ("done", "B1", False)
        assert (gone["state"], gone["withdraws"]) == ("done", made["filing_id"])
        assert (await r.filings.get(HIS, request_id="f1"))["withdrawn"] is True
        assert r.centre.held == {}
        assert [call for _, call, _ in r.centre.sent].count(call_of(File(None, facts))) == 1
        assert events(r) == ["FilingIntended", "FilingDone", "FilingIntended", "FilingDone"]


@pytest_twisted.ensureDeferred
async def test_the_intent_is_durable_before_the_first_byte_and_nothing_of_the_person_is_in_the_clear(store_url):
    async with desk(store_url) as r:
        seen = []

        def look(call):
            if call.call is Call.FILE_DISEASE:
                with r.database.connect() as connection:
                    seen.append(connection.execute(sa.select(t.filing)).one())
                    seen.append(connection.execute(sa.select(t.message).where(t.message.c.call == "2503")).one())

        r.centre.before_send = look
        await r.filings.file(HIS, "f1", await about(r), DISEASE)
        row, message = seen
        text = "".join(json.dumps([str(cell) for cell in one]) for table in (t.filing, t.journal) for one in rows(r, table))

        assert (row.state, row.message_id, message.outcome) == ("sent", message.message_id, "")
        assert not [secret for secret in SECRETS if secret in text]
        assert "张伟民" not in text
        assert r.reader.filings.request(row.filing_id).facts == evolve(DISEASE, at=Place(INSTITUTION, ""))


@pytest_twisted.ensureDeferred
async def test_a_filing_without_an_answer_is_established_by_asking_and_not_made_twice(store_url):
    async with desk(store_url) as r:
        who = await about(r)
        r.centre.loses = [Call.FILE_DISEASE]
        await refused("filing.unknown", r.filings.file(HIS, "f1", who, DISEASE))
        assert (await r.filings.get(HIS, request_id="f1"))["state"] == "unknown"
        assert [row["state"] for row in (await r.filings.list("", 10, every=False))["rows"]] == ["unknown"]

        known = await r.filings.file(HIS, "f1", who, DISEASE)

        assert (known["state"], known["why"], known["number"], known["attempts"]) == ("done", "asked", "", 1)
        assert len(r.centre.calls(Call.FILE_DISEASE)) == 1
        assert len(r.centre.held) == 1
        fault = await refused("filing.no_number", r.filings.withdraw(HIS, "w1", known["filing_id"], "填错"))
        assert FAULTS[fault.code].do_en
        await r.filings.resolve(OPERATOR, known["filing_id"], "B1", "中心系统", done=True)
        assert (await r.filings.withdraw(HIS, "w1", known["filing_id"], "填错"))["state"] == "done"


@pytest_twisted.ensureDeferred
async def test_what_the_centre_does_not_have_is_sent_again_only_after_its_limit_whatever_the_wall_clock_says(store_url):
    async with desk(store_url, processing_limit_s=60.0) as r:
        who = await about(r)
        r.centre.drops = [Call.FILE_DISEASE]
        await refused("filing.unknown", r.filings.file(HIS, "f1", who, DISEASE))
        await refused("filing.unknown", r.filings.file(HIS, "f1", who, DISEASE))
        r.offset = dt.timedelta(hours=1)  # a step of the clock is no time that passed (22)
        await refused("filing.unknown", r.filings.file(HIS, "f1", who, DISEASE))
        assert len(r.centre.calls(Call.FILE_DISEASE)) == 1
        not_done = r.filings.resolve(
            OPERATOR, (await r.filings.get(HIS, request_id="f1"))["filing_id"], "", "x", done=False
        )
        await refused("filing.unknown", not_done)

        object.__setattr__(r.policy, "processing_limit_s", 0.0)  # now the limit is over
        made = await r.filings.file(HIS, "f1", who, DISEASE)

        assert (made["state"], made["number"], made["attempts"]) == ("done", "B1", 2)
        assert len(set(r.centre.calls(Call.FILE_DISEASE))) == 2
        assert len(r.centre.held) == 1


@pytest_twisted.ensureDeferred
async def test_after_a_crash_in_flight_the_filing_is_in_doubt_and_the_same_request_establishes_it(store_url):
    r = await begin(store_url)
    who = await about(r)
    r.centre.script[Call.FILE_REFERRAL] = [Deferred()]
    arrived = Deferred()
    r.centre.before_send = lambda call: arrived.callback(None) if call.call is Call.FILE_REFERRAL else None
    ensureDeferred(r.filings.file(HIS, "f1", who, REFERRAL)).addErrback(lambda _: None)
    await arrived
    r.centre.before_send = lambda _call: None
    await r.crash()

    books, books.held = (books := r.centre), {"B7": REFERRAL}  # it arrived, and was done
    r = await begin(store_url, books)
    assert r.reader.filings.in_doubt() == 1
    known = await r.filings.file(HIS, "f1", who, REFERRAL)  # without the card: its read is gone with the process

    assert (known["state"], known["why"]) == ("done", "asked")
    assert len(books.calls(Call.FILE_REFERRAL)) == 1
    assert r.reader.filings.in_doubt() == 0
    await r.stop()


@pytest_twisted.ensureDeferred
async def test_a_late_answer_counts_and_one_that_comes_too_late_is_only_written_down(store_url):
    async with desk(store_url) as r:
        who = await about(r)
        r.centre.drops = [Call.FILE_INSTITUTION]
        books_send = r.centre.send
        late = {}

        async def send(call, first, on_late):
            late[call.message_id] = on_late
            return await books_send(call, first, on_late)

        r.centre.send = send
        await refused("filing.unknown", r.filings.file(HIS, "f1", who, OWN))
        (first,) = r.centre.calls(Call.FILE_INSTITUTION)
        late[first](Answered(Filed("B9")))
        await gatherResults([ensureDeferred(settled(r, "f1", "done"))])
        assert (await r.filings.get(HIS, request_id="f1"))["number"] == "B9"

        late[first](Answered(Filed("B8")))
        await r.journal.commit(Unit())

        assert (await r.filings.get(HIS, request_id="f1"))["number"] == "B9"


async def settled(r, key, state):
    while (await r.filings.get(HIS, request_id=key))["state"] != state:
        await r.journal.commit(Unit())


@pytest_twisted.ensureDeferred
async def test_a_refusal_is_told_alike_each_time_and_leaves_nothing_of_the_person(store_url):
    async with desk(store_url) as r:
        who = await about(r)
        r.centre.script[Call.FILE_DISEASE] = [Refused("2531", "该病种已备案")]
        first = await refused("centre.refused", r.filings.file(HIS, "f1", who, DISEASE))
        second = await refused("centre.refused", r.filings.file(HIS, "f1", who, DISEASE))

        assert (first.detail, first.foreign) == (second.detail, second.foreign)
        assert first.foreign == "该病种已备案"
        assert [row.sealed for row in rows(r, t.filing)] == [""]
        assert "已备案" not in "".join(row.line for row in rows(r, t.journal))
        assert (await r.filings.file(HIS, "f2", who, DISEASE))["state"] == "done"  # mended: a new request


@pytest_twisted.ensureDeferred
async def test_what_never_left_is_sent_by_the_same_request_and_stands_in_nobodys_way(store_url):
    async with desk(store_url) as r:
        who = await about(r)
        r.centre.script[Call.FILE_DISEASE] = [("not-sent", NotSent("centre.unreachable"))]
        await refused("centre.unreachable", r.filings.file(HIS, "f1", who, DISEASE))
        assert r.reader.filings.in_doubt() == 0
        made = await r.filings.file(HIS, "f2", who, DISEASE)
        await refused("filing.already", r.filings.file(HIS, "f1", who, DISEASE))
        await r.filings.withdraw(HIS, "w", made["filing_id"], "填错")

        assert (await r.filings.file(HIS, "f1", who, DISEASE))["attempts"] == 2


@pytest_twisted.ensureDeferred
async def test_two_requests_at_one_time_make_one_filing(store_url):
    async with desk(store_url) as r:
        who = await about(r)

        async def ask(key):
            try:
                return (await r.filings.file(HIS, key, who, DISEASE))["state"]
            except Fault as fault:
                return fault.code

        first = await gatherResults([ensureDeferred(ask(key)) for key in ("f1", "f2", "f1")])
        later = await gatherResults([ensureDeferred(ask(key)) for key in ("f3", "f4")])

        assert (first[0], sorted(first[:2])) == (first[2], ["done", "filing.already"])
        assert later == ["filing.already"] * 2
        assert len(r.centre.held) == len(r.centre.calls(Call.FILE_DISEASE)) == 1


@pytest_twisted.ensureDeferred
async def test_a_filing_that_the_centre_has_from_elsewhere_is_not_made_again(store_url):
    async with desk(store_url) as r:
        r.centre.held["B5"] = DISEASE
        await refused("filing.already", r.filings.file(HIS, "f1", await about(r), DISEASE))

        assert r.centre.calls(Call.FILE_DISEASE) == []
        assert rows(r, t.filing) == []


@pytest_twisted.ensureDeferred
async def test_of_an_accident_nothing_can_be_asked_so_that_a_person_says_what_is_true(store_url):
    async with desk(store_url) as r:
        who = await about(r)
        r.centre.drops = [Call.FILE_ACCIDENT]
        await refused("filing.unknown", r.filings.file(HIS, "f1", who, ACCIDENT))
        await refused("filing.unknown", r.filings.file(HIS, "f1", who, ACCIDENT))
        known = await r.filings.get(HIS, request_id="f1")
        assert len(r.centre.calls(Call.FILE_ACCIDENT)) == 1

        await r.filings.resolve(OPERATOR, known["filing_id"], "", "电话核实 A1", done=False)
        await refused("centre.refused", r.filings.file(HIS, "f1", who, ACCIDENT))
        await refused("desk.stale", r.filings.resolve(OPERATOR, known["filing_id"], "", "x", done=True))
        made = await r.filings.file(HIS, "f2", who, ACCIDENT)
        await refused("request.bad_params", r.filings.withdraw(HIS, "w1", made["filing_id"], "填错"))

        assert made["state"] == "done"
        request = r.centre.requests[r.centre.calls(Call.FILE_ACCIDENT)[-1]]
        assert request.documents.name == "张伟民"
        assert "张伟民" not in repr(request)
        assert "电话核实" not in "".join(row.line for row in rows(r, t.journal))


@pytest_twisted.ensureDeferred
async def test_a_withdrawal_without_an_answer_is_established_too(store_url):
    async with desk(store_url) as r:
        who = await about(r)
        made = await r.filings.file(HIS, "f1", who, DISEASE)
        r.centre.loses = [Call.WITHDRAW_DISEASE]
        await refused("filing.unknown", r.filings.withdraw(HIS, "w1", made["filing_id"], "填错"))
        done = await r.filings.withdraw(HIS, "w1", made["filing_id"], "填错")

        assert (done["state"], done["why"]) == ("done", "asked")
        assert len(r.centre.calls(Call.WITHDRAW_DISEASE)) == 1
        assert (await r.filings.get(HIS, filing_id=made["filing_id"]))["withdrawn"] is True
        again = await r.filings.file(HIS, "f2", who, DISEASE)
        r.centre.drops = [Call.WITHDRAW_DISEASE]
        await refused("filing.unknown", r.filings.withdraw(HIS, "w2", again["filing_id"], "填错"))
        assert (await r.filings.withdraw(HIS, "w2", again["filing_id"], "填错"))["attempts"] == 2
        assert r.centre.held == {}


@pytest_twisted.ensureDeferred
async def test_a_region_without_the_query_leaves_an_unknown_filing_to_a_person(store_url):
    async with desk(store_url) as r:
        who = await about(r)
        prepare = r.centre.prepare

        async def none(message_id, request, at):
            if isinstance(request, AskCentre):
                raise Fault("centre.not_offered", "5301")
            return await prepare(message_id, request, at)

        r.centre.prepare = none
        r.centre.drops = [Call.FILE_DISEASE]
        for _ in range(2):
            await refused("filing.unknown", r.filings.file(HIS, "f1", who, DISEASE))

        assert len(r.centre.calls(Call.FILE_DISEASE)) == 1


@pytest_twisted.ensureDeferred
async def test_a_key_has_one_meaning_and_a_visits_person_can_be_filed_for(store_url):
    async with desk(store_url) as r:
        visit = await registered(r)
        made = await r.filings.file(HIS, "f1", About(visit_id=visit["visit_id"]), OWN)
        await refused("request.key_reused", r.filings.file(HIS, "f1", About(visit_id=visit["visit_id"]), DISEASE))
        await refused("request.bad_params", r.filings.file(HIS, "f2", About(), DISEASE))
        await refused("request.not_found", r.filings.get(HIS, filing_id="F0"))
        await refused("request.bad_params", r.filings.get(HIS))

        assert made["visit_id"] == visit["visit_id"]
        request = r.centre.requests[r.centre.calls(Call.FILE_INSTITUTION)[0]]
        assert (request.who.person_number, request.facts.at.code) == ("P1", INSTITUTION)


def test_a_row_of_another_filing_is_not_this_one():
    assert shown(DISEASE, ({"disease_code": "M03900"},))
    assert not shown(DISEASE, ({"disease_code": "M01600"}, {}))
    assert not shown(evolve(OWN, at=Place("H1")), ({"institution_code": "H1", "order": "2"},))
    assert not shown(REFERRAL, ({"to_code": "H2", "referred_on": "2026-11-21"},))
    assert not shown(ACCIDENT, ({},))
    assert isinstance(c.call_of(Withdraw(None, "disease", "B1", "x")), Call)
