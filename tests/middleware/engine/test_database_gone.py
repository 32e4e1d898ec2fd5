"""The database goes away for a while: what the centre said meanwhile is not lost, and nothing is asked of it twice."""

from __future__ import annotations

import pytest
import pytest_twisted
import sqlalchemy as sa
from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred

from middleware.domain.centre import Call
from middleware.domain.fault import Fault
from middleware.domain.health import Condition
from middleware.engine.tasks import sleep
from middleware.store import tables as t
from tests.support.counter import order_of, quoted, rig, until
from tests.support.fakes import HIS


@pytest_twisted.ensureDeferred
async def test_an_answer_that_comes_while_the_database_is_gone_is_written_once_it_is_back(through):
    proxy, url = through
    async with rig(url) as r:
        quote = await quoted(r)

        def go(call):
            if call.call is Call.SETTLE:
                proxy.refuse()
                reactor.callLater(0.3, proxy.open)

        r.centre.before_send = go
        settled = await r.counter.settle(HIS, "s1", order_of(quote))
        await until(r, settled["settlement_id"], "Delivered")

        assert settled["settlement_number"] == "SETL1"
        assert len(r.centre.calls(Call.SETTLE)) == 1
        assert len(r.reader.feed_page(0, 9).rows) == 1
        assert r.reader.broken(t.journal) is None


@pytest_twisted.ensureDeferred
async def test_while_the_database_is_gone_readers_hear_a_fault_and_letters_wait(through):
    proxy, url = through
    async with rig(url) as r:
        quote = await quoted(r)
        proxy.refuse()
        with pytest.raises(Fault) as caught:
            await r.pool.run(r.reader.busy_visits)
        r.outbox.kick()
        while r.outbox.stats.last != "system.journal":
            await sleep(reactor, 0.01)
        with pytest.raises(Fault) as refused:
            await r.counter.settle(HIS, "s1", order_of(quote))
        proxy.open()
        settled = await r.counter.settle(HIS, "s1", order_of(quote))  # as the fault said: the same request again
        await until(r, settled["settlement_id"], "Delivered")

        assert refused.value.code == "system.journal"
        assert len(r.centre.calls(Call.SETTLE)) == 1
        assert caught.value.code == "system.journal"


@pytest_twisted.ensureDeferred
async def test_while_nobody_knows_whether_a_commit_took_effect_health_says_so_and_the_caller_waits(through):
    proxy, url = through
    async with rig(url) as r:
        quote = await quoted(r)
        sa.event.listen(r.database, "invalidate", lambda *_: proxy.refuse())
        proxy.rule = "swallow"
        settling = ensureDeferred(r.counter.settle(HIS, "s1", order_of(quote)))
        while r.journal.health().condition is not Condition.DOWN:
            await sleep(reactor, 0.01)
        health, answered, sent = r.journal.health(), settling.called, r.centre.calls(Call.SETTLE)
        proxy.open()
        settled = await settling
        await until(r, settled["settlement_id"], "Delivered")

        assert "COMMIT is not known" in health.detail
        assert (answered, sent) == (False, [])  # the intent may be on the disk or not: nothing leaves
        assert len(r.centre.calls(Call.SETTLE)) == 1
        assert r.journal.health().condition is Condition.GOOD


@pytest_twisted.ensureDeferred
async def test_a_stop_does_not_wait_for_a_database_that_never_comes_back(through):
    proxy, url = through
    async with rig(url) as r:
        quote = await quoted(r)
        sa.event.listen(r.database, "invalidate", lambda *_: proxy.refuse())
        proxy.rule = "swallow"
        settling = ensureDeferred(r.counter.settle(HIS, "s1", order_of(quote)))
        while r.journal.health().condition is not Condition.DOWN:
            await sleep(reactor, 0.01)
        await r.journal.stop()
        with pytest.raises(Fault) as caught:
            await settling

        assert caught.value.code in {"system.journal", "system.stopping"}
        assert r.centre.calls(Call.SETTLE) == []
