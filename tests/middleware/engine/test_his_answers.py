"""Enhanced mode over two connections: CA where our message went, AA or AE where the HIS connects to us. On real sockets."""

from __future__ import annotations

import contextlib

import pytest
import pytest_twisted
import sqlalchemy as sa
from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred

from adapters.his.hl7v2.adapter import Hl7His
from adapters.his.hl7v2.checker import InlineChecker
from adapters.his.hl7v2.options import Hl7Options
from middleware.doors.mllp.door import MllpDoor
from middleware.doors.mllp.options import MllpOptions
from middleware.engine.closing import Later
from middleware.engine.his_answers import HisAnswers, Way
from middleware.engine.inbox import Inbox
from middleware.engine.members import OUTBOX
from middleware.engine.outbox import Outbox
from middleware.engine.tasks import sleep
from middleware.store import tables as t
from middleware.store.inbox import InboxReader
from middleware.store.inspection import states_agree
from middleware.store.letters import LettersReader
from simulators.his import Fault, HisSimulator
from simulators.ports import free_port
from tests.support.counter import order_of, quoted, registered, rig, rows, until, until_refused_by_his
from tests.support.fakes import HIS

ADT, DFT = "ADT^A04", "DFT^P03"


@contextlib.asynccontextmanager
async def apart(store_url, *, asks="AL", timeout_s=30.0):
    """A rig whose HIS answers over a connection of its own to our door."""
    async with rig(store_url) as r:
        door_port = free_port()
        r.simulator = HisSimulator(reactor, free_port(), answers_to=door_port)
        options = Hl7Options(
            port=r.simulator.start(), application_ack=asks, ack_timeout_s=5.0, retry_first_s=0.02, retry_most_s=0.1
        )
        link = Hl7His(options, reactor, checker=InlineChecker(), chance=lambda: 0.5, elsewhere=True)
        r.outbox.stop()
        r.outbox = Outbox(
            r.engine, link, ours=lambda: r.members.holds(OUTBOX), poll_s=0.02, later=Later(timeout_s, asks == "ER")
        )
        ways = {"his": Way("back", link.read_answer, r.outbox), "pharmacy": Way("third", link.read_answer, r.outbox)}
        r.answers = answers = HisAnswers(ways, LettersReader(r.database), r.pool)
        inbox = Inbox(r.journal, r.pool, InboxReader(r.database, r.vault), r.now, reactor)
        ports = {"back": door_port, "other": free_port()}
        doors = {name: MllpOptions(port=port, stop_grace_s=0.0) for name, port in ports.items()}
        r.door = MllpDoor(doors, inbox, reactor, r.now, None, answers)
        r.door.start()
        link.start()
        r.outbox.start()
        try:
            yield r
        finally:
            r.outbox.stop()
            await r.simulator.stop()
            await link.stop()
            await r.door.stop()


async def until_true(look):
    while not look():
        await sleep(reactor, 0.01)


def counts(r):
    return r.door.links["back"].counts


@pytest_twisted.ensureDeferred
async def test_a_letter_is_closed_by_the_answer_that_comes_over_the_other_connection(store_url):
    async with apart(store_url) as r:
        quote = await quoted(r)
        await r.counter.settle(HIS, "s1", order_of(quote))
        await until(r, quote["settlement_id"], "Delivered")
        await until_true(lambda: len(r.simulator.second.answers) == 2)

        assert [row.outcome for row in rows(r, t.outbox)] == ["accepted", "accepted"]
        assert all(b"MSA|CA|" in one for one in r.simulator.second.answers)
        visit = await r.engine.visits.visit(r.reader.visit_of(quote["settlement_id"]))
        assert visit.patient_number == "P000000001"
        assert [row.type for row in rows(r, t.inbox)] == ["ACK", "ACK"]
        assert r.simulator.repeats == 0
        states_agree(r.database)


@pytest.mark.parametrize("knob", [Fault.ANSWER_FIRST, Fault.ANSWER_TWICE, Fault.ANSWER_OTHER])
@pytest_twisted.ensureDeferred
async def test_an_answer_before_ca_twice_or_for_nobody_changes_nothing_else(tmp_path, knob):
    async with apart(tmp_path) as r:
        r.simulator.knobs.turn(ADT, knob)
        await registered(r)
        await registered(r, key="r2")
        wanted = {Fault.ANSWER_FIRST: 2, Fault.ANSWER_TWICE: 3, Fault.ANSWER_OTHER: 3}[knob]
        await until_true(lambda: len(r.simulator.second.answers) == wanted)

        assert [row.outcome for row in rows(r, t.outbox)] == ["accepted", "accepted"]
        assert len(r.simulator.book.visits) == 2
        assert counts(r)["hl7.ack_unknown"] == (knob is Fault.ANSWER_OTHER)
        assert [one.split(b"MSA|")[1][:2] for one in r.simulator.second.answers].count(b"CR") == (
            knob is Fault.ANSWER_OTHER
        )


@pytest_twisted.ensureDeferred
async def test_a_no_over_the_other_connection_refuses_the_letter_and_the_contrary_later_is_for_a_person(store_url):
    async with apart(store_url) as r:
        r.simulator.knobs.turn(DFT, Fault.COMMIT_THEN_AE)
        quote = await quoted(r)
        await r.counter.settle(HIS, "s1", order_of(quote))
        await until_true(lambda: rows(r, t.outbox)[-1].outcome == "refused AE")
        posting = rows(r, t.outbox)[-1].control_id
        settlement = await until_refused_by_his(r, quote["settlement_id"])
        assert (settlement.state, settlement.trouble.code) == ("Settled", "his.refused")

        r.simulator.second.say(f"MSH|^~\\&|HIS||YIKATONG||20261122||ACK|Z1|P|2.5\rMSA|AA|{posting}\r".encode())
        await until_true(lambda: counts(r)["hl7.ack_closed"] == 1)

        await until_true(lambda: "hl7.ack_closed" in [row.why for row in rows(r, t.inbox)])
        assert rows(r, t.outbox)[-1].outcome == "refused AE"


@pytest_twisted.ensureDeferred
async def test_ca_without_an_answer_sends_the_letter_again_and_the_his_books_it_once(tmp_path):
    async with apart(tmp_path, timeout_s=0.2) as r:
        r.simulator.knobs.turn(ADT, Fault.COMMIT_ONLY)
        await registered(r)

        (letter,) = rows(r, t.outbox)
        assert letter.outcome == "accepted"
        bodies = r.simulator.bodies_of(letter.control_id)
        assert len(bodies) >= 2
        assert len(set(bodies)) == 1
        assert len(r.simulator.book.visits) == 1


@pytest_twisted.ensureDeferred
async def test_where_only_errors_are_told_silence_after_ca_is_a_yes(tmp_path):
    async with apart(tmp_path, asks="ER", timeout_s=0.2) as r:
        r.simulator.knobs.turn(DFT, Fault.COMMIT_THEN_AE)
        quote = await quoted(r)
        await r.counter.settle(HIS, "s1", order_of(quote))
        await until_true(lambda: rows(r, t.outbox)[-1].outcome)

        assert [row.outcome for row in rows(r, t.outbox)] == ["accepted", "refused AE"]
        assert len(r.simulator.bodies_of(rows(r, t.outbox)[0].control_id)) == 1


@pytest_twisted.ensureDeferred
async def test_an_answer_over_another_link_is_a_stray_and_closes_nothing(store_url):
    async with apart(store_url) as r:
        r.simulator.knobs.turn(ADT, Fault.COMMIT_ONLY)
        waiting = ensureDeferred(registered(r))
        await until_true(lambda: rows(r, t.outbox) and r.simulator.received)
        letter = rows(r, t.outbox)[0].control_id
        answered = []
        answer = f"MSH|^~\\&|HIS||YIKATONG||20261122||ACK|Z1|P|2.5\rMSA|AA|{letter}\rPID|1||P7^^^^PI\r".encode()
        r.door.links["other"].block(answer, answered.append)
        await until_true(lambda: answered)
        assert (answered, rows(r, t.outbox)[0].outcome) == ([b""], "")

        r.door.links["back"].block(answer, answered.append)
        await waiting
        await until_true(lambda: len(answered) > 1)
        assert b"MSA|CA|Z1" in answered[-1]
        with r.database.connect() as connection:
            assert connection.scalar(sa.select(sa.func.count()).select_from(t.inbox).where(t.inbox.c.why == "")) == 1


@pytest_twisted.ensureDeferred
async def test_an_answer_after_a_restart_closes_the_letter_that_still_waits(tmp_path):
    async with apart(tmp_path) as r:
        r.simulator.knobs.turn(ADT, Fault.COMMIT_ONLY)
        waiting = ensureDeferred(registered(r))
        await until_true(lambda: r.outbox._committed)
        r.outbox._committed.clear()  # as a life that knows nothing of CA
        r.outbox._lanes.clear()
        letter = rows(r, t.outbox)[0].control_id
        r.simulator.second.say(f"MSH|^~\\&|HIS||YIKATONG||20261122||ACK|Z9|P|2.5\rMSA|AA|{letter}\r".encode())
        await waiting

        assert rows(r, t.outbox)[0].outcome == "accepted"


def said(code, msa_2):
    return f"MSH|^~\\&|HIS||YIKATONG||20261122||ACK|Z1|P|2.5\rMSA|{code}|{msa_2}\r".encode()


@pytest_twisted.ensureDeferred
async def test_an_answer_that_fits_no_letter_of_its_link_closes_none_and_is_told_why(store_url):
    async with apart(store_url) as r:
        r.simulator.knobs.turn(ADT, Fault.COMMIT_ONLY)
        waiting = ensureDeferred(registered(r))
        await until_true(lambda: r.outbox._committed)
        letter = rows(r, t.outbox)[0].control_id
        take = r.answers.take

        assert await take("third", said("AA", letter)) == "hl7.ack_link"  # the letter is another destination's
        assert await take("back", said("AA", letter[:1] + letter[3:] + ".1")) == "hl7.ack_closed"  # never corrected
        assert await take("back", said("AA", "R404")) == "hl7.ack_unknown"
        assert await take("back", said("CA", letter)) == "hl7.stray_ack"  # says nothing of what was made of it
        assert await take("back", said("XX", letter)) == "hl7.stray_ack"
        assert await take("back", b"HELLO") == "hl7.stray_ack"
        assert rows(r, t.outbox)[0].outcome == ""

        assert await take("back", said("AA", letter)) == ""
        await waiting
        assert await take("back", said("AA", letter)) == ""
        assert await take("back", said("AE", letter)) == "hl7.ack_closed"
