"""Whom the HIS has: one, several or none, a no or no answer; and a registration that asks first guesses nobody."""

from __future__ import annotations

import msgspec
import pytest_twisted
from attrs import evolve

from middleware.domain.his import FindBy, HisFound
from middleware.domain.identity import IdNumber, MediumNumber, PersonName
from middleware.domain.outcome import Answered, NotSent, Refused, Unknown
from middleware.domain.told import PatientFacts
from middleware.doors.local_api.methods import METHODS
from middleware.engine.finding import Finding, FindRules, judged, known_by, person_of
from middleware.store import tables as t
from tests.middleware.engine.test_gate import LI, fault_of
from tests.support.counter import registered, rig, rows
from tests.support.fakes import HIS, id_number, register_order

OWN, OTHER = id_number(1), id_number(3)


def patient(number, document=OWN, name="张伟民", born="19700101"):
    return PatientFacts(MediumNumber(number), PersonName(name), document, born, "1")


def unproven(number):
    return patient(number, IdNumber(""))


class Index:
    """A HIS that is asked."""

    def __init__(self, outcome):
        self.outcome, self.asked = outcome, []

    async def find(self, query):
        self.asked.append(query)
        return self.outcome


def answered(*patients, more=False):
    return Answered(HisFound(patients, more))


ANSWERS = [
    (answered(patient("P1")), "one", ["P1"]),
    (answered(patient("P1"), patient("P2")), "several", ["P1", "P2"]),
    (answered(patient("P1"), unproven("P2")), "several", ["P1", "P2"]),
    (answered(unproven("P2")), "several", ["P2"]),
    (answered(patient("P1"), more=True), "several", ["P1"]),
    (answered(patient("P3", OTHER)), "none", ["P3"]),
    (answered(), "none", []),
    (Refused("AE", "无此查询"), "refused", []),
    (Unknown("time-out"), "no_answer", []),
    (Unknown("unreadable", "charset"), "no_answer", []),
    (NotSent("his.unreachable"), "no_answer", []),
]


@pytest_twisted.ensureDeferred
async def test_each_answer_of_the_his_has_a_word_and_nobody_is_guessed(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        read = await r.counter.read_card(HIS, "Virtual 00")
        person = person_of(r.counter.holder(HIS, read["card_read_id"]))
        for outcome, word, numbers in ANSWERS:
            finding = Finding(r.engine.means, Index(outcome))
            answer = await finding.look(HIS, person, FindBy.PERSON)
            METHODS["patient.find_in_his"].check_result(answer)
            assert (answer["outcome"], [one["number"] for one in answer["patients"]]) == (word, numbers)

            masked = await finding.look(LI, person, FindBy.PERSON)
            assert all(one["name"].endswith("*") and not one["birth_date"] for one in masked["patients"])
        looks = [row for row in rows(r, t.journal) if row.event == "PatientSoughtInHis"]
        accounts = [msgspec.json.decode(row.line)["body"]["account"] for row in looks]
        assert accounts == ["his-1", "desk-li"] * len(ANSWERS)
        assert not any(secret in row.line for row in looks for secret in (OWN.reveal(), "张伟民", "无此查询"))


def test_what_is_found_by_the_number_itself_is_the_persons_unless_its_document_says_no():
    person = patient("")
    assert judged(HisFound((unproven("P1"),)), person, FindBy.NUMBER).outcome == "one"
    assert judged(HisFound((patient("P1", OTHER),)), person, FindBy.NUMBER).outcome == "none"
    assert judged(HisFound((patient("P1"),)), known_by(MediumNumber("P1")), FindBy.NUMBER).outcome == "one"


async def order_of(r):
    return register_order((await r.counter.read_card(HIS, "Virtual 00"))["card_read_id"])


@pytest_twisted.ensureDeferred
async def test_a_registration_uses_the_number_that_the_his_has_and_asks_once_for_a_repeat(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        index = Index(answered(patient("P0007")))
        r.counter.find_first = Finding(r.engine.means, index, FindRules(FindBy.NUMBER)).before_registration
        order = await order_of(r)
        visit = await r.counter.register(HIS, "r1", order)
        again = await r.counter.register(HIS, "r1", order)

        assert again == visit
        state = await r.engine.visits.visit(visit["visit_id"])
        assert (state.order.patient_number, len(index.asked)) == ("P0007", 1)
        assert index.asked[0].id_number == OWN
        told = evolve(await order_of(r), patient_number="P0009")
        await r.counter.register(HIS, "r2", told)
        assert len(index.asked) == 1  # the counter knows it


UNCERTAIN = [
    (answered(patient("P1"), patient("P2")), "his.several"),
    (answered(unproven("P2")), "his.several"),
    (Refused("AE", "无此查询"), "his.refused"),
    (Unknown("time-out"), "his.no_answer"),
    (NotSent("his.unreachable"), "his.no_answer"),
]


@pytest_twisted.ensureDeferred
async def test_a_registration_that_cannot_know_makes_nobody_and_the_read_stays_good(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        index = Index(None)
        r.counter.find_first = Finding(r.engine.means, index, FindRules(FindBy.PERSON)).before_registration
        order = await order_of(r)
        for outcome, code in UNCERTAIN:
            index.outcome = outcome
            assert (await fault_of(r.counter.register(HIS, "r1", order))).code == code
        assert (rows(r, t.visit), r.centre.sent, r.his.delivered) == ([], [], [])

        index.outcome = answered(patient("P3", OTHER))  # somebody else of that name: this one is new
        await r.counter.register(HIS, "r1", order)
        assert [row.state for row in rows(r, t.visit)] == ["Registered"]


@pytest_twisted.ensureDeferred
async def test_a_site_may_register_when_the_his_does_not_answer_and_never_when_it_has_several(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        index = Index(Unknown("time-out"))
        rules = FindRules(FindBy.NUMBER, register_anyway=True)
        r.counter.find_first = Finding(r.engine.means, index, rules).before_registration
        await registered(r)
        index.outcome = answered(patient("P1"), patient("P2"))
        assert (await fault_of(registered(r, key="r2"))).code == "his.several"


@pytest_twisted.ensureDeferred
async def test_where_a_his_is_not_asked_a_look_says_so_and_a_registration_goes_on(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        finding = Finding(r.engine.means, Index(NotSent("his.find_off")))
        assert (await fault_of(finding.look(HIS, known_by(MediumNumber("P1")), FindBy.NUMBER))).code == "his.find_off"
        r.counter.find_first = finding.before_registration
        await registered(r)
