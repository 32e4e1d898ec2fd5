"""Letters under sequence numbers: given durably, one at a time, over restarts; a gap freezes the link until two persons look."""

from __future__ import annotations

from functools import partial

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred

from middleware.domain.fault import Fault
from middleware.domain.health import Condition
from middleware.domain.his import HisAccepted, Told
from middleware.domain.numbering import LinkState
from middleware.domain.outcome import Answered, NotSent, Refused, Unknown
from middleware.engine.members import OUTBOX
from middleware.engine.numbering import Numbering
from middleware.engine.outbox import Outbox
from middleware.engine.tasks import sleep
from middleware.store import tables as t
from middleware.store.inspection import states_agree
from middleware.store.numbers import answered, give, read_numbers
from middleware.store.units import Record, Unit
from tests.support.counter import order_of, quoted, registered, rig, rows, until
from tests.support.fakes import HIS, FakeHis

YES = Answered(HisAccepted("PAT1"))


class Counting(FakeHis):
    """A destination that counts, or answers as its script says: (outcome, expected) pairs."""

    def __init__(self):
        super().__init__()
        self.told, self.asked, self.starts = [], [], []

    async def tell(self, message, number):
        self.told.append((message.control_id, number))
        outcome, expected = self.script.pop(0) if self.script else (YES, number)
        return Told(outcome, expected)

    async def ask_number(self, control_id, created_at, number):
        assert created_at.tzinfo is not None
        self.asked.append((len(control_id), number))
        outcome, expected = self.starts.pop(0) if self.starts else (YES, -1)
        return Told(outcome, expected)


async def box_of(r, his=None, *, ask=False):
    """An outbox with numbers in the place of the rig's own."""
    r.outbox.stop()
    r.his = his or Counting()
    r.outbox = Outbox(r.engine, r.his, ours=lambda: r.members.holds(OUTBOX), poll_s=0.02)
    read = partial(read_numbers, r.database)
    r.outbox.numbering = Numbering(r.engine, r.his, "his", read, ask=ask, committed=False)
    r.outbox.start()
    return r.his


async def until_true(look):
    while not look():
        await sleep(reactor, 0.01)


@pytest_twisted.ensureDeferred
async def test_letters_bear_rising_numbers_and_a_repeat_the_number_it_had(store_url):
    async with rig(store_url) as r:
        his = await box_of(r)
        his.script = [(YES, 1), (Unknown("time-out"), None), (Refused("AE", "sequence"), 3)]
        quote = await quoted(r)
        await r.counter.settle(HIS, "s1", order_of(quote))
        await until(r, quote["settlement_id"], "Delivered")

        posting = "P" + quote["settlement_id"][1:]
        assert [number for _, number in his.told] == [1, 2, 2]
        assert [one for one, _ in his.told][1:] == [
            posting,
            posting,
        ]  # the second answer: it had it, the first yes was lost
        assert read_numbers(r.database, "his").next == 3
        assert [row.number for row in rows(r, t.outbox)] == [1, 2]
        states_agree(r.database)


@pytest_twisted.ensureDeferred
async def test_the_number_of_what_was_refused_or_never_left_is_the_next_ones(store_url):
    async with rig(store_url) as r:
        his = await box_of(r)
        his.script = [(NotSent("his.unreachable"), None), (YES, 1), (Refused("AE", "no such item"), 2)]
        quote = await quoted(r)
        await r.counter.settle(HIS, "s1", order_of(quote))
        await until_true(lambda: rows(r, t.outbox)[-1].outcome == "refused AE")
        await registered(r, key="r2")

        assert [number for _, number in his.told] == [1, 1, 2, 2]
        assert read_numbers(r.database, "his").next == 3


@pytest_twisted.ensureDeferred
async def test_numbers_go_on_after_a_restart_and_what_may_have_left_keeps_its_own(store_url):
    async with rig(store_url) as r:
        his = await box_of(r)
        his.script = [(YES, 1), *[(Unknown("time-out"), None)] * 50]
        quote = await quoted(r)
        await r.counter.settle(HIS, "s1", order_of(quote))
        await until_true(lambda: len(his.told) > 1)
        await r.crash()
        await r.start(deliver=False)
        again = Counting()
        again.script = [(Refused("AE", "sequence"), 3)]
        await box_of(r, again)
        await until(r, quote["settlement_id"], "Delivered")

        assert again.told == [("P" + quote["settlement_id"][1:], 2)]


@pytest_twisted.ensureDeferred
async def test_a_gap_freezes_the_link_durably_and_tells_the_operator(tmp_path):
    async with rig(tmp_path) as r:
        his = await box_of(r)
        his.script = [(YES, 1), (Refused("AE", "sequence"), 9)]
        quote = await quoted(r)
        await r.counter.settle(HIS, "s1", order_of(quote))
        await until_true(lambda: read_numbers(r.database, "his").state is LinkState.FROZEN)
        await until_true(lambda: r.outbox.stats.last == "his.sequence")

        assert len(his.told) == 2
        health = r.outbox.health()
        assert (health.condition, health.fault, health.detail) == (
            Condition.DOWN,
            "his.sequence",
            "2 was sent, 9 is expected",
        )
        assert [row.event for row in rows(r, t.journal)].count("HisLinkFrozen") == 1
        assert rows(r, t.outbox)[-1].outcome == ""  # the settlement's letter waits, and is not lost


@pytest_twisted.ensureDeferred
async def test_a_link_that_asks_starts_with_a_zero_once_a_life_and_waits_for_its_answer(tmp_path):
    async with rig(tmp_path) as r:
        his = Counting()
        his.starts = [(NotSent("his.unreachable"), None), (YES, -1)]
        await box_of(r, his, ask=True)
        await registered(r)
        await registered(r, key="r2")

        assert his.asked == [(20, 0), (20, 0)]
        assert [number for _, number in his.told] == [1, 2]


@pytest_twisted.ensureDeferred
async def test_no_number_is_given_while_another_letter_waits_for_its_answer_or_the_link_is_frozen(store_url):
    async with rig(store_url) as r:
        r.outbox.stop()
        waiting = [ensureDeferred(registered(r, key=key)) for key in ("r1", "r2")]
        await until_true(lambda: len(rows(r, t.outbox)) == 2)
        first, second = (row.control_id for row in rows(r, t.outbox))
        now, given = r.now(), []

        async def commit(work):
            record = Record(now, "", "", "LetterNumbered", "", "", "{}")
            await r.journal.commit(Unit(records=(record,), now=now, work=work))

        await commit(give("his", first, now, given))
        await commit(give("his", first, now, given))
        assert given == [(1, True), (1, False)]
        with pytest.raises(Fault) as caught:
            await commit(give("his", second, now, given))
        assert (caught.value.code, caught.value.detail) == ("desk.stale", f"{first} has no answer")
        await commit(answered("his", first, now, counted=True, frozen="2 was sent, 9 is expected"))
        with pytest.raises(Fault) as caught:
            await commit(give("his", second, now, given))
        assert (caught.value.code, len(given)) == ("his.sequence", 2)
        for one in waiting:
            one.addErrback(lambda _gone: None)
