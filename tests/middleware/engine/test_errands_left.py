"""What the flow began by itself and could not do: shown at the desk and by health until the centre was put right."""

from __future__ import annotations

import datetime as dt

import pytest
import pytest_twisted
from twisted.internet import reactor

from daemon.desk import errand_line
from daemon.watch import Watch
from middleware.domain import centre as c
from middleware.domain.centre import Call
from middleware.domain.command import WakeAt
from middleware.domain.errand import Matter
from middleware.domain.event import DueTimePassed
from middleware.domain.fault import Fault
from middleware.domain.health import Condition
from middleware.domain.outcome import Answered, Refused
from middleware.doors.local_api.methods import METHODS
from middleware.store import tables as t
from middleware.store.inspection import states_agree
from tests.middleware.engine.test_errands import WITHDRAWS
from tests.support.counter import rig, rows
from tests.support.fakes import HIS, register_order


async def left(r):
    """A visit that the HIS refused, and whose registration the centre does not take back."""
    r.his.script = [Refused("AE", "无此科室")]
    r.centre.script[Call.WITHDRAW_VISIT] = [Refused("2221", "就诊已有费用")]
    read = await r.counter.read_card(HIS, "Virtual 00")
    with pytest.raises(Fault, match=r"his\.refused"):
        await r.counter.register(HIS, "r1", register_order(read["card_read_id"]))
    (row,) = rows(r, t.visit)
    return await ended(r, row.visit_id, "Left")


async def ended(r, visit_id, state):
    visit = await r.engine.visits.visit(visit_id)
    done, _ = r.engine.visits.wait(visit, lambda seen: [str(one.state) for one in seen.errands] == [state])
    return await done


async def health(r):
    watch = Watch(r.engine, reactor, r.now)
    await watch._count()
    return watch.errands_health()


@pytest_twisted.ensureDeferred
async def test_a_person_sees_which_registration_is_to_be_taken_back_and_why_it_was_not(store_url):
    async with rig(store_url, **WITHDRAWS) as r:
        visit = await left(r)
        listed = await r.desk.list("", 100)
        (row,) = listed["errands"]

        assert (row["visit_number"], row["matter"]) == (visit.errands[0].visit_number, str(Matter.WITHDRAW_VISIT))
        assert (row["why"]["code"], row["why"]["foreign"]) == ("centre.refused", "就诊已有费用")
        assert "就诊已有费用" in errand_line(row)
        METHODS["desk.list"].check_result(listed)
        assert "errands" not in await r.desk.list("S0", 100)
        assert ((await health(r)).condition, (await health(r)).fault) == (Condition.DEGRADED, "visit.errand_left")
        states_agree(r.database)


@pytest_twisted.ensureDeferred
async def test_once_it_was_taken_back_at_the_centre_the_next_days_try_ends_it(store_url):
    async with rig(store_url, **WITHDRAWS) as r:
        visit = await left(r)
        errand = visit.errands[0]
        r.centre.script[Call.WITHDRAW_VISIT] = [Answered(c.Done())]
        written = len(rows(r, t.journal))
        await r.engine._apply_due(visit.visit_id, WakeAt("", r.now(), errand.errand_id))  # too early: nothing is written
        early = await r.engine.apply(visit.visit_id, DueTimePassed(errand_id=errand.errand_id))
        assert len(rows(r, t.journal)) == written + 1  # of the event that the test itself brought
        r.offset = dt.timedelta(days=1, minutes=1)
        await r.engine.apply(visit.visit_id, DueTimePassed(errand_id=errand.errand_id))
        visit = await ended(r, visit.visit_id, "Done")

        assert early.errands[0].state == "Left"
        assert (await r.desk.list("", 100))["errands"] == []
        assert (await health(r)).condition is Condition.GOOD
        assert len(r.centre.calls(Call.WITHDRAW_VISIT)) == 2
