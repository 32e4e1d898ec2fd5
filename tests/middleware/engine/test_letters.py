"""Letters that the HIS refused: seen, sent again when what they say still holds, given up by two persons; all journalled."""

from __future__ import annotations

import msgspec
import pytest
import pytest_twisted
import sqlalchemy as sa
from twisted.internet import reactor

from middleware.domain.fault import Fault
from middleware.domain.his import HisAccepted
from middleware.domain.order import Caller, CancelOrder, Role
from middleware.domain.outcome import Answered, Refused
from middleware.doors.local_api.methods import METHODS
from middleware.engine.letters import LetterDesk
from middleware.engine.tasks import sleep
from middleware.store import tables as t
from middleware.store.inspection import states_agree
from middleware.store.letters import LettersReader
from tests.support.counter import order_of, quoted, rig, rows, until, until_refused_by_his
from tests.support.fakes import HIS

LI, WANG = Caller(Role.OPERATOR, "desk-li"), Caller(Role.OPERATOR, "desk-wang")


async def refused(r):
    """A settlement that stands and that the HIS refused; its letter's number."""
    r.his.script = [Answered(HisAccepted("PAT1")), Refused("AE", "收费项目未维护")]
    quote = await quoted(r)
    await r.counter.settle(HIS, "s1", order_of(quote))
    letter = "P" + quote["settlement_id"][1:]
    await became(r, letter, "refused AE")
    await until_refused_by_his(r, quote["settlement_id"])
    return quote["settlement_id"], letter


async def became(r, control_id, outcome):
    while {row.control_id: row.outcome for row in rows(r, t.outbox)}.get(control_id) != outcome:
        await sleep(reactor, 0.01)


def desk_of(r):
    return LetterDesk(r.engine, LettersReader(r.database, r.vault), r.outbox.look_again)


def journalled(r):
    acts = [msgspec.json.decode(row.line) for row in rows(r, t.journal) if row.event.startswith("Letter")]
    return [(act["event"], act["body"]["account"], act["body"]["control_id"]) for act in acts]


@pytest_twisted.ensureDeferred
async def test_a_refused_letter_is_listed_explained_and_sent_again_under_its_number(store_url):
    async with rig(store_url) as r:
        settlement_id, letter = await refused(r)
        desk = desk_of(r)
        page = await desk.list(0, 10, waiting=False)
        shown = await desk.show(letter)
        METHODS["letters.list"].check_result(page)
        METHODS["letters.show"].check_result(shown)
        assert [row["control_id"] for row in page["rows"]] == [letter]
        assert (shown["refusal"]["foreign"], shown["state"]) == ("收费项目未维护", "Settled")
        assert r.reader.held() == 1

        again = await desk.resend(LI, letter, "HIS 已维护该项目")
        METHODS["letters.resend"].check_result(again)
        await until(r, settlement_id, "Delivered")

        await became(r, letter, "accepted")
        assert [one for one, _ in r.his.delivered].count(letter) == 2
        assert journalled(r) == [("LetterSentAgain", "desk-li", letter)]
        assert (await desk.list(0, 10, waiting=False))["rows"] == []
        assert r.reader.held() == 0
        states_agree(r.database)


@pytest_twisted.ensureDeferred
async def test_nothing_is_sent_again_that_the_his_has_or_that_no_longer_holds(store_url):
    async with rig(store_url) as r:
        settlement_id, letter = await refused(r)
        desk = desk_of(r)
        registered = next(row.control_id for row in rows(r, t.outbox) if row.matter == "registered")
        for control_id, code in ((registered, "desk.not_fitting"), ("P404", "request.not_found")):
            with pytest.raises(Fault) as caught:
                await desk.resend(LI, control_id, "x")
            assert caught.value.code == code
        r.his.script = [Refused("AE", "no")]
        await r.counter.cancel(HIS, "c1", CancelOrder(settlement_id))
        await became(r, "C" + letter[1:], "refused AE")

        with pytest.raises(Fault) as caught:
            await desk.resend(LI, letter, "too late: it is cancelled")

        assert (caught.value.code, caught.value.detail) == ("desk.not_fitting", "the settlement is Cancelled")
        await desk.resend(LI, "C" + letter[1:], "the cancellation still holds")
        await became(r, "C" + letter[1:], "accepted")


@pytest_twisted.ensureDeferred
async def test_a_refused_registration_is_closed_and_made_anew_never_sent_again(store_url):
    async with rig(store_url) as r:
        r.his.script = [Refused("AE", "no")]
        with pytest.raises(Fault):
            await quoted(r)
        (row,) = (await desk_of(r).list(0, 10, waiting=False))["rows"]

        with pytest.raises(Fault) as caught:
            await desk_of(r).resend(LI, row["control_id"], "x")

        assert caught.value.code == "desk.not_fitting"


@pytest_twisted.ensureDeferred
async def test_giving_up_takes_two_persons_and_the_proposal_that_was_seen(store_url):
    async with rig(store_url) as r:
        _, letter = await refused(r)
        desk = desk_of(r)
        first = (await desk.discard(LI, letter, "entered-by-hand", "T-17"))["proposal"]
        assert (await desk.discard(LI, letter, "entered-by-hand", "T-17"))["proposal"] == first
        for caller, proposal, code in ((LI, first["proposal"], "desk.same_person"), (WANG, "0" * 32, "desk.stale")):
            with pytest.raises(Fault) as caught:
                await desk.approve(caller, letter, proposal)
            assert caught.value.code == code
        kept = await desk.reject(WANG, letter, first["proposal"])
        assert "proposal" not in kept
        second = (await desk.discard(LI, letter, "already-there", "T-18"))["proposal"]

        gone = await desk.approve(WANG, letter, second["proposal"])

        METHODS["letters.approve"].check_result(gone)
        assert gone["outcome"] == "discarded"
        assert r.reader.held() == 0
        events = ["LetterDiscardProposed", "LetterDiscardRejected", "LetterDiscardProposed", "LetterDiscarded"]
        assert [event for event, _, _ in journalled(r)] == events
        with pytest.raises(Fault):
            await desk.resend(LI, letter, "x")
        states_agree(r.database)


@pytest_twisted.ensureDeferred
async def test_sending_again_ends_a_proposal_to_give_up(store_url):
    async with rig(store_url) as r:
        _, letter = await refused(r)
        desk = desk_of(r)
        proposal = (await desk.discard(LI, letter, "not-wanted", "T-1"))["proposal"]["proposal"]
        await desk.resend(WANG, letter, "mended")

        with pytest.raises(Fault) as caught:
            await desk.approve(WANG, letter, proposal)

        assert caught.value.code == "desk.stale"
        await became(r, letter, "accepted")


def test_the_list_of_the_refused_uses_its_index(tmp_path):
    """On SQLite; a server's planner takes what it likes of a small table."""
    engine = sa.create_engine(f"sqlite:///{tmp_path}/plan.db")
    t.metadata.create_all(engine)
    query = sa.select(t.outbox).where(t.REFUSED_LETTER, t.outbox.c.sequence > 5).order_by(t.outbox.c.sequence).limit(9)
    text = str(query.compile(engine, compile_kwargs={"literal_binds": True}))
    with engine.connect() as connection:
        plan = " ".join(str(row[-1]) for row in connection.exec_driver_sql("EXPLAIN QUERY PLAN " + text))

    assert "outbox_refused" in plan


@pytest_twisted.ensureDeferred
async def test_a_corrected_letter_goes_again_under_an_id_of_its_own_and_every_correction_is_journalled(store_url):
    async with rig(store_url) as r:
        settlement_id, letter = await refused(r)
        desk = desk_of(r)
        shown = await desk.show(letter)
        assert {"field": "line.1.hospital_code", "value": "H1"} in shown["content"]
        r.his.script = [Refused("AE", "still no"), Answered(HisAccepted())]

        fixed = await desk.fix(LI, letter, {"line.1.hospital_code": "H2"}, "项目编码写错")
        METHODS["letters.fix"].check_result(fixed)
        await became(r, letter, "refused AE")
        await desk.fix(WANG, letter, {"line.1.doctor_code": "D2"}, "医生编码写错")
        await until(r, settlement_id, "Delivered")

        wire = [control_id for control_id, _ in r.his.delivered][-3:]
        assert wire[0] == letter
        assert wire[1:] == [letter[:1] + letter[3:] + ".1", letter[:1] + letter[3:] + ".2"]
        assert [event for event, _, _ in journalled(r)] == ["LetterFixed", "LetterFixed"]
        assert not any(
            "H2" in row.line or "项目编码" in row.line for row in rows(r, t.journal) if row.event == "LetterFixed"
        )
        assert [one["state"] for one in (await desk.show(letter))["corrections"]] == ["applied", "applied"]
        states_agree(r.database)


@pytest_twisted.ensureDeferred
async def test_who_the_patient_is_is_corrected_by_two_persons_and_an_amount_by_none(store_url):
    async with rig(store_url) as r:
        _, letter = await refused(r)
        desk = desk_of(r)
        with pytest.raises(Fault) as caught:
            await desk.fix(LI, letter, {"line.1.amount": "1.00"}, "x")
        assert caught.value.code == "letter.field"

        proposed = (await desk.fix(LI, letter, {"patient_number": "PAT9"}, "病人号码"))["corrections"][0]
        assert (proposed["state"], proposed["fields"]) == ("proposed", [{"field": "patient_number", "value": "PAT9"}])
        assert (await desk.show(letter))["outcome"] == "refused AE"
        with pytest.raises(Fault) as caught:
            await desk.approve(LI, letter, proposed["proposal"])
        assert caught.value.code == "desk.same_person"
        await desk.approve(WANG, letter, proposed["proposal"])
        await became(r, letter, "accepted")

        assert r.his.delivered[-1][0] == letter[:1] + letter[3:] + ".1"
        with pytest.raises(Fault):
            await desk.approve(WANG, letter, proposed["proposal"])
        assert not any("PAT9" in str(row) for row in rows(r, t.letter_note))


@pytest_twisted.ensureDeferred
async def test_a_rejected_correction_changes_nothing(tmp_path):
    async with rig(tmp_path) as r:
        _, letter = await refused(r)
        desk = desk_of(r)
        proposed = (await desk.fix(LI, letter, {"patient_name": "测试乙"}, "x"))["corrections"][0]
        shown = await desk.reject(WANG, letter, proposed["proposal"])

        assert (shown["corrections"][0]["state"], shown["outcome"]) == ("rejected", "refused AE")
        await desk.resend(LI, letter, "HIS 已补")
        await became(r, letter, "accepted")
        assert r.his.delivered[-1][0] == letter
