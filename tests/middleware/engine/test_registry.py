"""Registers change by two persons, lists are taken whole or not at all, and nothing of a list stands in clear."""

from __future__ import annotations

import pytest
import pytest_twisted
import sqlalchemy as sa
from twisted.internet.defer import ensureDeferred, gatherResults

from middleware.domain.audit import Act, CardAct
from middleware.domain.registry import MAX_PROPOSALS, ListReason, Matter
from middleware.engine.card_lists import CardLists
from middleware.engine.registry import RegistryDesk
from middleware.store import tables as t
from middleware.store.registers import clear_ended
from middleware.store.units import Unit
from tests.middleware.engine.test_gate import LI, WANG, fault_of, journal
from tests.support.counter import rig, rows
from tests.support.fakes import HIS

PSAM = {"place": "SAM1", "terminal": "window-3", "issuer": "999900", "key_version": "01", "valid_to": "2030-01-01"}


def desk(r):
    return RegistryDesk(r.engine.means)


async def put(r, matter, key, entry):
    made = await desk(r).propose(LI, matter, key, entry, "", "")
    return await desk(r).approve(WANG, made["proposal"])


# -- two persons


@pytest_twisted.ensureDeferred
async def test_invariant_27_an_entry_is_there_when_a_second_person_approved_it(store_url):
    async with rig(store_url) as r:
        made = await desk(r).propose(LI, Matter.PSAM, "P1", PSAM, "", "新领")
        assert (await desk(r).entries(Matter.PSAM, "", 9))["entries"] == []
        assert (await fault_of(desk(r).approve(LI, made["proposal"]))).code == "desk.same_person"
        assert [one["proposal"] for one in (await desk(r).proposals())["proposals"]] == [made["proposal"]]

        await desk(r).approve(WANG, made["proposal"])

        (entry,) = (await desk(r).entries(Matter.PSAM, "", 9))["entries"]
        assert (entry["key"], entry["entry"]["status"], entry["failures"]) == ("P1", "in-use", 0)
        assert (await desk(r).proposals())["proposals"] == []
        told = journal(r, "RegistryApproved")[0]
        assert (told["account"], told["proposed_by"], told["key"]) == ("desk-wang", "desk-li", "P1")
        assert (await fault_of(desk(r).approve(WANG, made["proposal"]))).code == "desk.stale"


@pytest_twisted.ensureDeferred
async def test_two_who_approve_at_once_change_it_once(store_url):
    async with rig(store_url) as r:
        made = await desk(r).propose(LI, Matter.TERMINAL, "window-3", {"desk": "收费三窗"}, "", "")
        asked = [ensureDeferred(desk(r).approve(WANG, made["proposal"])) for _ in range(2)]
        ends = list(await gatherResults([d.addErrback(lambda f: f.value.code) for d in asked]))

        assert sorted(isinstance(end, str) for end in ends) == [False, True]
        assert "desk.stale" in ends
        assert [row.version for row in rows(r, t.register_entry)] == [1]


@pytest_twisted.ensureDeferred
async def test_a_proposal_of_what_was_changed_since_takes_no_effect(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        await put(r, Matter.PSAM, "P1", PSAM)
        old = await desk(r).propose(LI, Matter.PSAM, "P1", None, "", "收回")
        await put(r, Matter.PSAM, "P1", PSAM | {"status": "lost"})

        assert (await fault_of(desk(r).approve(WANG, old["proposal"]))).code == "desk.stale"
        (entry,) = (await desk(r).entries(Matter.PSAM, "", 9))["entries"]
        assert entry["entry"]["status"] == "lost"

        now = await desk(r).propose(WANG, Matter.PSAM, "P1", None, "", "")
        await desk(r).approve(LI, now["proposal"])
        assert (await desk(r).entries(Matter.PSAM, "", 9))["entries"] == []
        assert (await fault_of(desk(r).propose(LI, Matter.PSAM, "P1", None, "", ""))).code == "request.not_found"


@pytest_twisted.ensureDeferred
async def test_a_rejected_proposal_is_gone_and_its_note_is_sealed(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        made = await desk(r).propose(LI, Matter.PSAM, "P1", PSAM, "", "")
        await desk(r).reject(WANG, made["proposal"])
        await desk(r).propose(
            LI, Matter.ISSUER, "999900", {"name": "x", "since": "2015-01-01", "specs": ["2.00"]}, "", "王某的卡"
        )

        assert (await fault_of(desk(r).approve(WANG, made["proposal"]))).code == "desk.stale"
        lines = [row.line for row in rows(r, t.journal)]
        assert not any("王某" in line for line in lines)
        assert any('"words"' in line for line in lines)


@pytest_twisted.ensureDeferred
async def test_only_so_many_proposals_wait(tmp_path, monkeypatch):
    assert MAX_PROPOSALS == 200
    monkeypatch.setattr("middleware.store.registers.MAX_PROPOSALS", 2)
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        for n in range(2):
            await desk(r).propose(LI, Matter.TERMINAL, f"t{n}", {"desk": ""}, "", "")

        assert (await fault_of(desk(r).propose(LI, Matter.TERMINAL, "t2", {"desk": ""}, "", ""))).code == "system.busy"


@pytest_twisted.ensureDeferred
async def test_a_psams_last_success_and_its_failures_since_are_counted(store_url):
    async with rig(store_url) as r:
        await put(r, Matter.PSAM, "P1", PSAM)
        for code in ("psam.failed", "", "psam.failed", "psam.failed"):
            await r.counter.audit.note(HIS, CardAct(Act.AUTHENTICATE, "SAM1", code, psam="P1"))

        (entry,) = (await desk(r).entries(Matter.PSAM, "", 9))["entries"]
        assert entry["failures"] == 2
        assert entry["used_at"]
        assert entry["entry"]["status"] == "in-use"
        assert [one["psam"] for one in journal(r, "CardAuthenticationFailed")] == ["P1"] * 3


# -- lists

NUMBERS = [f"card_number,B{n:08d},999900,lost,2026-11-20" for n in range(25)]


async def load(r, lines, mode="add", source="bureau", lists=None, part=10):
    lists = lists or CardLists(r.engine.means, 100)
    begun = await lists.begin(LI, source, mode, len(lines))
    for first in range(0, len(lines), part):
        await lists.part(LI, begun["list_id"], first + 1, lines[first : first + part])
    return await lists.end(LI, begun["list_id"])


def counted(r):
    with r.database.connect() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(t.listed_card))


def is_listed(r, number):
    return r.reader.registers.listing("999900" + "0" * 26, number)


@pytest_twisted.ensureDeferred
async def test_a_list_is_loaded_in_parts_with_its_progress_and_counts_when_all_is_there(store_url):
    async with rig(store_url) as r:
        lists = CardLists(r.engine.means, 100)
        begun = await lists.begin(LI, "bureau", "add", 25)
        half = await lists.part(LI, begun["list_id"], 1, NUMBERS[:20])
        assert (half["rows"], half["expected"], half["state"]) == (20, 25, "loading")
        assert await lists.part(LI, begun["list_id"], 11, NUMBERS[10:20]) == half  # a lost answer: the part came already
        assert is_listed(r, "B00000001") is None
        (shown,) = (await lists.all())["lists"]
        assert (shown["rows"], shown["state"]) == (20, "loading")

        await lists.part(LI, begun["list_id"], 21, NUMBERS[20:])
        done = await lists.end(LI, begun["list_id"])

        assert (done["state"], done["rows"], len(done["sha256"])) == ("current", 25, 64)
        assert is_listed(r, "b00000001").reason is ListReason.LOST
        assert is_listed(r, "B00000099") is None
        assert r.reader.registers.listed() == 25


@pytest.mark.parametrize(
    ("part", "line"),
    [
        ([NUMBERS[0], "card_number,B1,999900,lost,2026-11-20", NUMBERS[1]], "line 12: a card_number"),
        (NUMBERS[:16], "line 11: line 11 of 25 comes next"),
    ],
    ids=["a bad line", "more than announced"],
)
@pytest_twisted.ensureDeferred
async def test_one_bad_line_refuses_all_of_the_list_and_names_it(store_url, part, line):
    async with rig(store_url) as r:
        await load(r, NUMBERS[:1], source="before")
        lists = CardLists(r.engine.means, 100)
        begun = await lists.begin(LI, "bureau", "add", 25)
        await lists.part(LI, begun["list_id"], 1, NUMBERS[5:15])

        fault = await fault_of(lists.part(LI, begun["list_id"], 11, part))

        assert (fault.code, fault.detail[: len(line)]) == ("registry.list_refused", line)
        assert is_listed(r, "B00000005") is None
        assert is_listed(r, "B00000000") is not None
        assert (await fault_of(lists.end(LI, begun["list_id"]))).code == "request.not_found"
        await r.journal.commit(Unit(now=r.now(), work=clear_ended([])))
        assert counted(r) == 1


@pytest.mark.parametrize(("first", "announced"), [(2, 25), (1, 26)], ids=["a part is missing", "the end is missing"])
@pytest_twisted.ensureDeferred
async def test_a_list_with_a_gap_is_refused(tmp_path, first, announced):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        lists = CardLists(r.engine.means, 100)
        begun = await lists.begin(LI, "bureau", "add", announced)
        if first == 1:
            await lists.part(LI, begun["list_id"], first, NUMBERS)
            fault = await fault_of(lists.end(LI, begun["list_id"]))
        else:
            fault = await fault_of(lists.part(LI, begun["list_id"], first, NUMBERS))

        assert fault.code == "registry.list_refused"
        assert r.reader.registers.listed() == 0


@pytest_twisted.ensureDeferred
async def test_a_list_that_is_too_long_or_somebody_elses_is_refused(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        lists = CardLists(r.engine.means, 24)
        assert (await fault_of(lists.begin(LI, "bureau", "add", 25))).code == "registry.list_refused"
        begun = await lists.begin(LI, "bureau", "add", 24)

        assert (await fault_of(lists.part(WANG, begun["list_id"], 1, NUMBERS[:1]))).code == "request.not_found"
        assert (await fault_of(CardLists(r.engine.means, 24).end(LI, begun["list_id"]))).code == "request.not_found"


@pytest_twisted.ensureDeferred
async def test_a_list_that_was_broken_off_ends_with_the_next_one(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        lists = CardLists(r.engine.means, 100)
        await lists.part(LI, (await lists.begin(LI, "bureau", "add", 25))["list_id"], 1, NUMBERS[:10])

        await load(r, NUMBERS[20:])  # after a restart, or by another node
        told = [1]
        while told[-1]:
            await r.journal.commit(Unit(now=r.now(), work=clear_ended(told)))

        assert sorted(row.state for row in rows(r, t.card_list)) == ["current", "ended"]
        assert counted(r) == 5


@pytest_twisted.ensureDeferred
async def test_what_refuses_fewer_cards_needs_two_persons(store_url):
    async with rig(store_url) as r:
        await load(r, NUMBERS[:10])
        await load(r, NUMBERS[:5], source="hospital")
        new = await load(r, NUMBERS[8:12], mode="replace")
        assert new["state"] == "waiting"
        assert is_listed(r, "B00000007") is not None
        assert is_listed(r, "B00000011") is None
        proposal = new["proposal"]["proposal"]
        assert (await fault_of(desk(r).approve(LI, proposal))).code == "desk.same_person"

        await desk(r).approve(WANG, proposal)

        assert [is_listed(r, f"B{n:08d}") is not None for n in (3, 7, 8, 11)] == [True, False, True, True]
        assert (
            await fault_of(desk(r).propose(LI, Matter.LIST, new["list_id"], None, "install", ""))
        ).code == "desk.not_fitting"


@pytest_twisted.ensureDeferred
async def test_a_replacement_that_is_rejected_is_gone_and_the_old_list_counts(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        await load(r, NUMBERS[:2])
        new = await load(r, NUMBERS[2:4], mode="replace")

        await desk(r).reject(WANG, new["proposal"]["proposal"])

        assert [is_listed(r, f"B{n:08d}") is not None for n in range(4)] == [True, True, False, False]
        assert sorted(row.state for row in rows(r, t.card_list)) == ["current", "ended"]


@pytest_twisted.ensureDeferred
async def test_invariant_21_the_raw_files_name_no_listed_card(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        await load(r, NUMBERS)
        with r.database.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        raw = b"".join(path.read_bytes() for path in tmp_path.iterdir())

        assert [n for n in range(25) if f"B{n:08d}".encode() in raw] == []
        assert len({row.digest for row in rows(r, t.listed_card)}) == 25


@pytest_twisted.ensureDeferred
async def test_a_list_survives_a_restart_and_the_end_of_every_period(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        await load(r, NUMBERS)
        await r.stop()
        await r.start()

        assert is_listed(r, "B00000001") is not None
        periods = {row.period for row in rows(r, t.data_key)}
        assert periods == {"standing"}
