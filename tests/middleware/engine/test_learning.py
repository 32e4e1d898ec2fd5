"""A registration's answer teaches the HIS's number of the card's holder: once, never by guess, and it is taken back with it."""

from __future__ import annotations

import pytest
import pytest_twisted

from middleware.domain.his import HisAccepted
from middleware.domain.order import VisitOrder
from middleware.domain.outcome import Answered
from middleware.domain.registry import LinkState
from middleware.domain.told import NumberKind
from middleware.engine.learning import learn
from middleware.store import tables as t
from tests.middleware.engine.test_errands import WITHDRAWS
from tests.middleware.engine.test_intake import YI, His, of_the_card, pid
from tests.support.counter import registered, rig, rows
from tests.support.fakes import HIS


def links_of(r):
    return [(row.kind, row.state) for row in rows(r, t.medium_link)]


def learnings(r):
    return [row.event for row in rows(r, t.journal)].count("HisNumberLearned")


async def took_back(r, visit, key="w1"):
    return await r.counter.errand(HIS, key, "visit.withdraw", VisitOrder(visit["visit_id"]))


@pytest_twisted.ensureDeferred
async def test_the_answer_to_a_registration_links_the_cards_holder_to_the_hiss_number_once(store_url):
    async with rig(store_url) as r:
        his = His(r)
        _, holder = await of_the_card(r)
        await registered(r, key="r2")
        await registered(r, key="r3")
        assert links_of(r) == [("his-patient", "linked")]
        assert learnings(r) == 2  # the second confirmed it, the third was no news
        (one,) = await his.known("PAT1")
        assert (one["id_number"], one["name"]) == (holder.id_number.reveal(), holder.name.reveal())
        (same,) = await his.known(holder.card_number.reveal(), NumberKind.INSURANCE)
        assert same["number"] == "PAT1"
        for row in rows(r, t.journal) + rows(r, t.medium_link) + rows(r, t.his_person):
            assert not any(secret in str(row) for secret in (holder.id_number.reveal(), holder.name.reveal()))


@pytest_twisted.ensureDeferred
async def test_a_number_that_the_his_gave_to_somebody_else_is_listed_and_registers_all_the_same(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        his = His(r)
        await his.tell("ADT^A04", pid("PAT1", document=YI, name="测试乙"))
        visit, _ = await of_the_card(r)
        assert visit["status"] == "registered"
        (matter,) = await his.matters()
        assert (matter["kind"], matter["speaks_against"]) == ("two-persons", ["document", "name"])
        assert [one["id_number"] for one in await his.known("PAT1")] == [YI]
        assert [state for _, state in links_of(r)] == ["disputed", "disputed"]


@pytest_twisted.ensureDeferred
async def test_two_numbers_of_one_person_are_a_question_and_the_first_of_them_is_not_changed(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        his = His(r)
        r.his.script = [Answered(HisAccepted("PAT1")), Answered(HisAccepted("PAT2"))]
        await registered(r)
        await registered(r, key="r2")
        (matter,) = await his.matters()
        assert matter["kind"] == "two-media"


@pytest_twisted.ensureDeferred
async def test_a_registration_that_is_taken_back_takes_its_knowledge_along(store_url):
    async with rig(store_url, **WITHDRAWS) as r:
        visit = await registered(r)
        await took_back(r, visit)
        assert links_of(r) == [("his-patient", "ended")]
        await registered(r, key="r2")
        assert sorted(links_of(r)) == [("his-patient", "ended"), ("his-patient", "linked")]


@pytest.mark.parametrize("who", ["another registration", "the his itself"])
@pytest_twisted.ensureDeferred
async def test_what_somebody_else_said_too_stays_when_the_registration_is_taken_back(tmp_path, who):
    async with rig(f"sqlite:///{tmp_path}/y.db", **WITHDRAWS) as r:
        visit, holder = await of_the_card(r)
        if who == "another registration":
            await registered(r, key="r2")
        else:
            person = pid("PAT1", document=holder.id_number.reveal(), name=holder.name.reveal())
            await His(r).tell("ADT^A04", person)
        await took_back(r, visit)
        assert links_of(r) == [("his-patient", "linked")]


@pytest_twisted.ensureDeferred
async def test_a_dispute_that_a_registration_opened_ends_with_it(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db", **WITHDRAWS) as r:
        his = His(r)
        await his.tell("ADT^A04", pid("PAT1", document=YI, name="测试乙"))
        visit = await registered(r)
        assert len(await his.matters()) == 1
        await took_back(r, visit)
        assert await his.matters() == []
        assert sorted(state for _, state in links_of(r)) == [LinkState.ENDED, LinkState.LINKED]


@pytest.mark.parametrize("number", ["", "有号", "P" * 65])
@pytest_twisted.ensureDeferred
async def test_a_number_that_cannot_be_one_teaches_nothing(tmp_path, number):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        visit, _ = await of_the_card(r)
        before = learnings(r)
        await learn(r.engine, visit["visit_id"], number, r.journal.epoch)
        assert learnings(r) == before
