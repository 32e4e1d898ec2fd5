"""From an act at a counter to a flag that the bureau can verify: once, without a number, and across a restart."""

from __future__ import annotations

import datetime as dt
import json

import pytest_twisted
from attrs import evolve

from middleware.domain.audit import Act, CardAct
from middleware.domain.health import Condition
from middleware.domain.identity import CardIdCode
from middleware.domain.order import Caller, Role
from middleware.domain.registry import Matter
from middleware.engine.flagging import Flagging
from middleware.engine.flags import FlagDesk, StoredFlags
from middleware.engine.registry import RegistryDesk
from middleware.flow.audit_rules import Limits
from middleware.store import rotation
from middleware.store import tables as t
from middleware.store.audit_window import prune
from middleware.store.chain import first_break
from middleware.store.units import Unit
from middleware.store.walk import Walk
from tests.middleware.engine.test_gate import LI, WANG, fault_of, journal, listed
from tests.readers.waiting import until
from tests.support.counter import rig, rows
from tests.support.fakes import HIS, POS, card_read

DESK_A, DESK_B = Caller(Role.HIS, "his-1", "window-a"), Caller(Role.HIS, "his-1", "window-b")
WRONG = CardAct(Act.PIN_VERIFY, "Virtual 00", "card.pin_wrong", card_read(), why="card.verify_pin", tries_left=2)


def judging(r, **limits):
    return Flagging(r.engine.means, Limits(**limits))


async def terminals(r):
    desk = RegistryDesk(r.engine.means)
    for key, latitude in (("window-a", 30.0), ("window-b", 30.09)):
        entry = {"desk": f"窗口{key[-1]}", "latitude": latitude, "longitude": 120.0}
        made = await desk.propose(LI, Matter.TERMINAL, key, entry, "", "")
        await desk.approve(WANG, made["proposal"])


def lines(r):
    return [json.loads(row.line) for row in rows(r, t.flag)]


@pytest_twisted.ensureDeferred
async def test_one_card_at_two_desks_is_flagged_with_the_desks_and_without_the_card(store_url):
    async with rig(store_url) as r:
        await terminals(r)
        await r.counter.read_card(DESK_A, "Virtual 00")
        await r.counter.read_card(DESK_B, "Virtual 00")

        assert await judging(r).look() == 2

        (flag,) = lines(r)
        assert (flag["rule"], [act["desk"] for act in flag["acts"]]) == ("two-desks", ["窗口a", "窗口b"])
        assert flag["zh"]
        assert int(flag["facts"]["metres"]) > 9000
        text = json.dumps(flag, ensure_ascii=False)
        read = card_read()
        assert not [one for one in (read.card_number, read.id_number, read.name, read.card_id_code) if one.reveal() in text]
        assert journal(r, "FlagRaised")[0]["subject"] == flag["subject"]


@pytest_twisted.ensureDeferred
async def test_another_persons_card_at_the_other_desk_is_no_flag(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        await terminals(r)
        await r.counter.read_card(DESK_A, "Virtual 00")
        other = evolve(card_read(), card_id_code=CardIdCode("999900D1560000050000112233445577"))
        await r.counter.audit.note(DESK_B, CardAct(Act.READ, "Virtual 00", card=other))

        await judging(r).look()

        assert lines(r) == []


@pytest_twisted.ensureDeferred
async def test_a_row_of_failed_pins_is_one_flag_a_day_and_the_window_survives_a_restart(store_url):
    async with rig(store_url) as r:
        for _ in range(2):
            await r.counter.audit.note(HIS, WRONG)
        assert await judging(r).look() == 2
        assert lines(r) == []

        await r.stop()
        await r.start()
        await r.counter.audit.note(HIS, WRONG)
        await judging(r).look()
        assert [(flag["rule"], flag["facts"]) for flag in lines(r)] == [("pin-failures", {"times": "3"})]
        await r.counter.audit.note(HIS, WRONG)
        await judging(r).look()
        assert len(lines(r)) == 1
        assert len(journal(r, "FlagRaised")) == 1

        r.offset = dt.timedelta(days=1)
        for _ in range(3):
            await r.counter.audit.note(HIS, WRONG)
        await judging(r).look()
        assert [flag["sequence"] for flag in lines(r)] == [1, 2]


@pytest_twisted.ensureDeferred
async def test_an_act_that_nobody_had_judged_when_the_daemon_stopped_is_judged_after_its_start(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        for _ in range(3):
            await r.counter.audit.note(HIS, WRONG)
        await r.stop()
        await r.start()

        assert await judging(r).look() == 3
        assert len(lines(r)) == 1
        assert await judging(r).look() == 0


@pytest_twisted.ensureDeferred
async def test_a_lost_card_that_is_tried_is_flagged_and_so_is_one_used_before_the_list_came(store_url):
    async with rig(store_url) as r:
        await r.counter.read_card(HIS, "Virtual 00")  # it was reported lost on the 20th; nobody had told us
        await judging(r).look()
        assert lines(r) == []

        await listed(r)
        await judging(r).look()

        assert [(flag["rule"], flag["facts"]["refused"]) for flag in lines(r)] == [("after-loss", "no")]
        r.offset = dt.timedelta(days=1)
        assert (await fault_of(r.counter.read_card(HIS, "Virtual 00"))).code == "card.lost"
        await judging(r).look()
        assert lines(r)[1]["facts"]["refused"] == "yes"


@pytest_twisted.ensureDeferred
async def test_a_card_that_contradicts_its_id_number_and_a_busy_pharmacy_card_are_flagged(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        odd = evolve(card_read(), sex="2")
        await r.counter.audit.note(HIS, CardAct(Act.READ, "Virtual 00", card=odd))
        for _ in range(4):
            await r.counter.audit.note(POS, CardAct(Act.READ, "Virtual 00", card=odd))

        await judging(r, pharmacy_uses=4).look()

        assert {flag["rule"]: flag["facts"] for flag in lines(r)} == {
            "id-mismatch": {"differs": "sex"}, "pharmacy-frequency": {"times": "4", "pharmacies": "1"},
        }  # fmt: skip


@pytest_twisted.ensureDeferred
async def test_a_lost_psam_that_is_used_is_reported_under_its_serial(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        await r.counter.audit.note(HIS, CardAct(Act.AUTHENTICATE, "SAM1", "psam.lost", psam="P1"))
        await judging(r).look()

        assert [(flag["rule"], flag["subject"]) for flag in lines(r)] == [("psam-refused", "P1")]


@pytest_twisted.ensureDeferred
async def test_flags_are_a_chain_that_the_bureau_and_verify_can_walk(store_url):
    async with rig(store_url) as r:
        for day in range(3):
            r.offset = dt.timedelta(days=day)
            await r.counter.audit.note(HIS, CardAct(Act.READ, "Virtual 00", card=evolve(card_read(), sex="2")))
            await judging(r).look()

        page = await StoredFlags(r.pool, r.reader).page(1, 10)

        assert [row.sequence for row in page.rows] == [2, 3]
        whole = [(row.sequence, row.previous, row.line, row.hash) for row in rows(r, t.flag)]
        assert first_break(whole) is None
        assert (page.head_sequence, page.head_hash) == (3, whole[-1][3])
        assert Walk(r.database, t.flag).whole()
        with r.database.begin() as connection:
            connection.execute(t.flag.update().where(t.flag.c.sequence == 2).values(rule="two-desks"))
        walk = Walk(r.database, t.flag)
        assert not walk.whole()
        assert walk.broken.sequence == 2


@pytest_twisted.ensureDeferred
async def test_health_counts_what_nobody_looked_at_and_whoever_asks_whose_card_it_is_is_journalled(store_url):
    async with rig(store_url) as r:
        flagging = judging(r)
        flags = FlagDesk(r.engine.means)
        for _ in range(3):
            await r.counter.audit.note(HIS, WRONG)
        await flagging.look()
        await flagging._count()
        assert (flagging.health().condition, flagging.health().fault) == (Condition.DEGRADED, "audit.flags")
        assert "密码" in flagging.health().detail

        shown = await flags.whose(LI, 1, "病人来电核实")
        assert shown["card_number"] == card_read().card_number.reveal()
        assert journal(r, "FlagOpened") == [{"role": "operator", "account": "desk-li", "flag": 1}]
        await flags.seen(LI, 1, "已联系本人")
        await flagging._count()

        assert flagging.health().condition is Condition.GOOD
        assert (await fault_of(flags.seen(WANG, 1, "再看"))).code == "request.not_found"
        assert (await fault_of(flags.whose(LI, 2, "x"))).code == "request.not_found"
        assert (await flags.list(0, 10, unseen=True))["flags"] == []
        assert (await flags.list(0, 10, unseen=False))["flags"][0]["seen_by"] == "desk-li"


@pytest_twisted.ensureDeferred
async def test_what_no_rule_needs_is_taken_away_and_what_nobody_judged_is_not(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        await r.counter.read_card(HIS, "Virtual 00")
        await judging(r).look()
        await r.counter.read_card(HIS, "Virtual 00")
        pruned = []
        await r.journal.commit(Unit(now=r.now(), work=prune(r.now() + dt.timedelta(days=9), pruned)))

        assert pruned == [1]
        assert [row.waiting for row in rows(r, t.audit_event)] == [True]


@pytest_twisted.ensureDeferred
async def test_a_flag_whose_period_was_destroyed_names_nobody_any_more(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        r.offset = dt.timedelta(days=-70)
        for _ in range(3):
            await r.counter.audit.note(HIS, WRONG)
        await judging(r).look()
        period = f"{r.now():%Y-%m}"
        r.offset = dt.timedelta(0)
        proposed = ("destroy." + period, "x")
        await r.journal.commit(Unit(now=r.now(), meta=(proposed,)))
        await r.journal.commit(Unit(now=r.now(), work=rotation.destroy(period, r.now(), 1, proposed)))
        r.vault.keys.forget()

        assert (await fault_of(FlagDesk(r.engine.means).whose(LI, 1, "核实"))).code == "person.forgotten"
        assert len(lines(r)) == 1


@pytest_twisted.ensureDeferred
async def test_it_runs_by_itself_after_an_act_and_stops(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        flagging = judging(r)
        r.counter.audit.noted = flagging.kick
        flagging.start()
        for _ in range(3):
            await r.counter.audit.note(HIS, WRONG)
        await until(lambda: flagging.unseen == 1, lambda: "the flag")

        flagging.stop()
