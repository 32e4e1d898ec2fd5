"""Keys and persons through the real engine: rotation under load, rewriting that is killed, destruction, and what stays."""

from __future__ import annotations

import datetime as dt
import json

import pytest
import pytest_twisted
import sqlalchemy as sa
from attrs import evolve
from twisted.internet.defer import ensureDeferred, gatherResults

from middleware.domain.centre import Call
from middleware.domain.fault import Fault
from middleware.domain.identity import CardIdCode, CardNumber, IdNumber, PersonName
from middleware.domain.order import Caller, CancelOrder, Role
from middleware.domain.outcome import Refused
from middleware.engine.keydesk import KeyDesk
from middleware.engine.tasks import sleep
from middleware.store import rotation
from middleware.store import tables as t
from middleware.store.chain import first_break
from middleware.store.ciphers import AES
from middleware.store.doubts import Doubts
from middleware.store.encrypting import check_keys
from middleware.store.inspection import states_agree
from middleware.store.masters import KeptMaster
from middleware.store.personal import SEALED
from middleware.store.vault import key_of
from simulators.people import PEOPLE
from tests.support.counter import order_of, quoted, rig, rows, until
from tests.support.fakes import HIS, card_read, id_number
from tests.support.vaults import a_vault

LI, WANG = Caller(Role.OPERATOR, "desk-li"), Caller(Role.OPERATOR, "desk-wang")
LONG_AGO = dt.timedelta(days=-70)


def desk(r, keep_days=1):
    return KeyDesk(r.engine, r.database, r.vault, keep_days)


async def settled(r, key):
    done = await r.counter.settle(HIS, f"s-{key}", order_of(await quoted(r, key=key)))
    await until(r, done["settlement_id"], "Delivered")
    return done


async def fault_of(awaitable):
    with pytest.raises(Fault) as caught:
        await awaitable
    return caught.value.code


def values(r):
    """Every sealed value with the key that it is under, by column."""
    with r.database.connect() as connection:
        return {
            (place.table.name, place.name): [one for one in connection.scalars(sa.select(place.column)) if one]
            for place in SEALED
        }


def keys(r, **where):
    return [one for one in rows(r, t.data_key) if all(getattr(one, name) == value for name, value in where.items())]


def events(r):
    return [row.event for row in rows(r, t.journal) if not row.visit_id]


async def rewritten(r):
    while rotation.noted(r.database, rotation.RESEALING):
        await sleep(r.engine.means.clock, 0.01)


# -- nothing in clear


@pytest_twisted.ensureDeferred
async def test_invariant_21_the_raw_files_of_a_real_run_name_nobody(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        for key, person in PEOPLE.items():
            r.readers.read_card = lambda _reader, person=person: _card(person)
            r.centre.script[Call.SETTLE] = [Refused("E01", f"{person.name} {person.id_number}: 不予受理")]
            quote = await quoted(r, key=f"q-{key}")
            assert await fault_of(r.counter.settle(HIS, f"s-{key}", order_of(quote))) == "centre.refused"
            await r.counter.settle(HIS, f"t-{key}", order_of(quote))
            await until(r, quote["settlement_id"], "Delivered")
            await r.counter.cancel(HIS, f"c-{key}", CancelOrder(quote["settlement_id"], f"{person.name}退费"))
            await desk(r).find(LI, id_number=person.id_number, card_number="", reason=person.name, after="", limit=9)
        raw = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        texts = [text.encode() for p in PEOPLE.values() for text in (p.name, p.id_number, p.card_number, p.card_id_code)]
        numbers = [f'"person_number":"{n}'.encode() for n in ("P1",)]

        assert len(raw) > 100_000
        assert [text for text in (*texts, *numbers, "感冒".encode()) if text in raw] == []
        # and yet all of it can be asked for
        assert len({r.reader.holder(row.person_ref).name.reveal() for row in rows(r, t.person)}) == len(PEOPLE)


async def _card(person):
    return evolve(
        card_read(),
        id_number=IdNumber(person.id_number),
        name=PersonName(person.name),
        card_number=CardNumber(person.card_number),
        card_id_code=CardIdCode(person.card_id_code),
    )


@pytest_twisted.ensureDeferred
async def test_a_refusals_words_are_shown_but_the_chain_has_only_their_digest(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        r.centre.script[Call.SETTLE] = [Refused("E01", "张伟民不予受理")]
        quote = await quoted(r)
        with pytest.raises(Fault) as caught:
            await r.counter.settle(HIS, "s1", order_of(quote))
        shown = await r.desk.show(quote["settlement_id"])
        line = next(json.loads(row.line) for row in rows(r, t.journal) if row.event == "CentreRefusedSettle")

        assert caught.value.foreign == "张伟民不予受理"
        assert [one["foreign"] for one in shown["journal"] if one["foreign"]] == ["张伟民不予受理"]
        assert (line["body"]["code"], line["body"]["message"]) == ("E01", "")
        assert line["words"] == rows(r, t.words)[0].digest
        with pytest.raises(Fault, match="not those"):
            _forged(r, line["words"])


def _forged(r, digest):
    """Words of another row in the place of these: sealed rightly, by whoever has the keys, and still found."""
    sealed = r.vault.seal("words", digest, "sealed", json.dumps({"salt": "00" * 16, "text": "受理"}), r.now())
    with r.database.begin() as connection:
        connection.execute(sa.update(t.words).values(sealed=sealed))
    visit_id = rows(r, t.visit)[0].visit_id
    Doubts(r.database, r.vault).lines(visit_id, rows(r, t.settlement)[0].settlement_id)


# -- rotation


@pytest_twisted.ensureDeferred
async def test_keys_are_rotated_rewrapped_and_all_values_rewritten_while_counters_work(store_url):
    async with rig(store_url) as r:
        await settled(r, "before")
        old = {one.id for one in keys(r)}
        r.vault.keys.masters.kept.insert(0, KeptMaster(AES, b"a new master key of the hospital"))
        work = gatherResults([ensureDeferred(settled(r, f"q{n}")) for n in range(6)], consumeErrors=True)
        told = await desk(r).rotate(LI, rewrap=True, reseal=True)
        done = await work
        await rewritten(r)
        again = [await r.counter.settle(HIS, f"s-q{n}", order_of_answer(answer)) for n, answer in enumerate(done)]

        assert told == {"rewrapped": len(old), "resealing": True}
        assert again == done
        assert {one.master_id for one in keys(r)} == {r.vault.keys.masters.current().id}
        assert {one.state for one in keys(r, purpose="seal") if one.id in old} == {"retired"}
        used = {key_of(one) for column in values(r).values() for one in column}
        assert used == {one.id for one in keys(r, purpose="seal", state="in use")}
        assert {r.reader.holder(row.person_ref).name.reveal() for row in rows(r, t.person)} == {"张伟民"}
        assert [e for e in events(r) if e.startswith("Keys")] == [
            "KeysRewrapped", "KeysRotated", "KeysResealing", "KeysResealed",
        ]  # fmt: skip


def order_of_answer(answer):
    return order_of({"settlement_id": answer["settlement_id"], "split": answer["split"]})


@pytest_twisted.ensureDeferred
async def test_a_rewriting_that_is_killed_at_any_page_loses_nothing_and_goes_on(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        await settled(r, "q1")
        await r.journal.commit(unit(r, rotation.retire(r.now())))
        await r.journal.commit(unit(r, rotation.begin_resealing()))
        pages = 0
        while not rotation.progress_in(rotation.noted(r.database, rotation.RESEALING)).complete:
            r.vault.keys.forget()
            await r.journal.commit(unit(r, rotation.reseal_page(r.vault, r.now(), page=1)))
            pages += 1
            await r.crash()  # and another life
            await r.start()
            assert {r.reader.holder(row.person_ref).name.reveal() for row in rows(r, t.person)} == {"张伟民"}
            assert all(r.reader.bill(row.settlement_id).lines for row in rows(r, t.bill))

        assert pages > 4
        assert {key_of(one) for column in values(r).values() for one in column} == {
            one.id for one in keys(r, purpose="seal", state="in use")
        }


def unit(r, work):
    from middleware.store.units import Unit

    return Unit(now=r.now(), work=work)


@pytest_twisted.ensureDeferred
async def test_a_rewriting_that_is_asked_for_while_the_end_of_another_is_written_is_done_too(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        await settled(r, "q1")
        keydesk = desk(r)
        real, asked = keydesk._commit, []

        async def commit(caller, event, *rest, **more):
            await real(caller, event, *rest, **more)
            if event == "KeysResealed" and not asked:
                asked.append(await keydesk.rotate(LI, rewrap=False, reseal=True))

        keydesk._commit = commit
        await keydesk.rotate(LI, rewrap=False, reseal=True)
        await until_told(r, "KeysResealed", 2)

        assert {key_of(one) for column in values(r).values() for one in column} == {
            one.id for one in keys(r, purpose="seal", state="in use")
        }


async def until_told(r, event, times):
    while events(r).count(event) < times:
        await sleep(r.engine.means.clock, 0.01)


@pytest_twisted.ensureDeferred
async def test_a_start_after_the_last_page_records_the_end(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        await settled(r, "q1")
        await r.journal.commit(unit(r, rotation.begin_resealing()))
        while not rotation.progress_in(rotation.noted(r.database, rotation.RESEALING)).complete:
            await r.journal.commit(unit(r, rotation.reseal_page(r.vault, r.now())))
        await r.crash()
        await r.start()
        desk(r).start()
        await until_told(r, "KeysResealed", 1)

        assert rotation.noted(r.database, rotation.RESEALING) == ""


@pytest_twisted.ensureDeferred
async def test_a_rewriting_leaves_a_value_in_its_own_period(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        r.offset = LONG_AGO
        await settled(r, "old")
        r.offset = dt.timedelta(0)
        await settled(r, "new")
        await desk(r).rotate(LI, rewrap=False, reseal=True)
        await rewritten(r)
        period = {one.id: one.period for one in keys(r, purpose="seal", state="in use")}
        found = sorted(period[key_of(one)] for one in values(r)["person", "body"])

        assert found == sorted({(r.now() + LONG_AGO).strftime("%Y-%m"), r.now().strftime("%Y-%m")})


@pytest_twisted.ensureDeferred
async def test_a_missing_master_key_rewraps_nothing(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        await settled(r, "q1")
        before = {one.id: one.wrapped for one in keys(r)}
        r.vault.keys.masters.kept[:] = [KeptMaster(AES, b"a new master key of the hospital")]

        assert await fault_of(desk(r).rotate(LI, rewrap=True, reseal=False)) == "system.keys"
        assert {one.id: one.wrapped for one in keys(r)} == before
        assert "KeysRewrapped" not in events(r)


# -- destruction


async def old_and_new(r):
    """A settlement of a period that may go, one of now, and the old period's name."""
    r.offset = LONG_AGO
    period = r.now().strftime("%Y-%m")
    old = await settled(r, "old")
    r.centre.script[Call.SETTLE] = [Refused("E01", "旧话")]
    quote = await quoted(r, key="refused")
    assert await fault_of(r.counter.settle(HIS, "s-refused", order_of(quote))) == "centre.refused"
    r.offset = dt.timedelta(0)
    return period, old, quote, await settled(r, "new")


async def destroyed(r, period):
    proposal = (await desk(r).destroy(LI, period))["proposal"]
    return await desk(r).approve(WANG, period, proposal)


@pytest_twisted.ensureDeferred
async def test_a_destroyed_period_is_unreadable_and_everything_else_stays(store_url):
    async with rig(store_url) as r:
        period, old, quote, new = await old_and_new(r)
        old_ref, new_ref = (r.reader.visit(one["visit_id"]).person_ref for one in (old, new))
        wrapped = [one.wrapped for one in keys(r, period=period)]
        told = await destroyed(r, period)

        assert (told["period"], told["state"]) == (period, "destroyed")
        for again in (r.vault, a_vault(r.database)):
            r.reader.vault = again
            for read, name in ((r.reader.holder, old_ref), (r.reader.bill, old["settlement_id"])):
                with pytest.raises(Fault, match=r"person\.forgotten"):
                    read(name)
        assert r.reader.holder(new_ref).name.reveal() == "张伟民"
        # amounts, states, refusals and both chains stay; who it was and a stranger's words do not
        assert await r.counter.settle(HIS, "s-old", order_of_answer(old)) == old
        assert (await r.counter.get(HIS, settlement_id=old["settlement_id"]))["money"] == "charged"
        assert await fault_of(r.counter.settle(HIS, "s-refused", order_of(quote))) == "centre.refused"

        assert json.loads(r.reader.request(HIS.account, "r-old").answer)["fault"] == "person.forgotten"
        assert [one["foreign"] for one in (await r.desk.show(quote["settlement_id"]))["journal"] if one["foreign"]] == []
        for table in (t.journal, t.feed):
            lines = [(row.sequence, row.previous, row.line, row.hash) for row in rows(r, table)]
            assert first_break(lines) is None
        states_agree(r.database)
        assert [one.wrapped for one in keys(r, period=period) if one.wrapped in wrapped] == []
        # whoever is forgotten is not found, and cannot be cancelled any more; nothing moves
        sent = len(r.centre.sent)
        assert await fault_of(r.counter.cancel(HIS, "c", CancelOrder(old["settlement_id"], ""))) == "person.forgotten"
        assert len(r.centre.sent) == sent
        found = await desk(r).find(LI, id_number=id_number().reveal(), card_number="", reason="x", after="", limit=9)
        assert [visit["visit_id"] for visit in found["visits"]] == [new["visit_id"]]


@pytest_twisted.ensureDeferred
async def test_the_wrapped_keys_are_gone_from_the_files_too(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        period, *_ = await old_and_new(r)
        wrapped = [one.wrapped.encode() for one in keys(r, period=period)]
        before = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        told = await destroyed(r, period)
        after = b"".join(path.read_bytes() for path in tmp_path.iterdir())

        assert all(one in before for one in wrapped)
        assert told["log_cut"]
        assert [one for one in wrapped if one in after] == []


@pytest_twisted.ensureDeferred
async def test_a_log_that_could_not_be_cut_is_cut_by_the_next_start(tmp_path, monkeypatch):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        period, *_ = await old_and_new(r)
        wrapped = [one.wrapped.encode() for one in keys(r, period=period)]
        monkeypatch.setattr(rotation, "cut_log", lambda database: False)  # as while somebody reads, or after a kill
        assert (await destroyed(r, period))["log_cut"] is False
        monkeypatch.undo()
        assert rotation.noted(r.database, rotation.UNCUT) == period
        desk(r).start()
        while rotation.noted(r.database, rotation.UNCUT):
            await sleep(r.engine.means.clock, 0.01)

        after = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        assert [one for one in wrapped if one in after] == []


@pytest_twisted.ensureDeferred
async def test_invariant_27_destruction_takes_two_persons_and_the_proposal_that_was_shown(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        period, *_ = await old_and_new(r)
        keydesk = desk(r)
        proposal = (await keydesk.destroy(LI, period))["proposal"]

        assert (await keydesk.destroy(LI, period))["proposal"] == proposal
        assert await fault_of(keydesk.approve(LI, period, proposal)) == "desk.same_person"
        assert await fault_of(keydesk.approve(WANG, period, "0" * 32)) == "desk.stale"
        assert [one["proposal"] for one in (await keydesk.list())["proposals"]] == [proposal]
        assert await keydesk.reject(WANG, period, proposal) == {"period": period, "state": "kept"}
        assert await fault_of(keydesk.approve(WANG, period, proposal)) == "desk.stale"
        assert {one.state for one in keys(r)} == {"in use"}
        assert [e for e in events(r) if "estr" in e] == ["KeyDestructionProposed", "KeyDestructionRejected"]


@pytest_twisted.ensureDeferred
async def test_a_period_is_kept_as_long_as_the_law_says_and_while_something_open_needs_it(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db", max_attempts=1) as r:
        period, *_ = await old_and_new(r)

        assert await fault_of(desk(r, keep_days=365).destroy(LI, period)) == "keys.refused"
        assert await fault_of(desk(r).destroy(LI, "2001-01")) == "keys.refused"
        assert await fault_of(desk(r).destroy(LI, r.now().strftime("%Y-%m"))) == "keys.refused"
        # between the proposal and its approval an old visit becomes open again: looked at where it is destroyed
        proposal = (await desk(r).destroy(LI, period))["proposal"]
        with r.database.begin() as connection:
            old = sa.select(t.person.c.person_ref).where(
                t.person.c.body.startswith(keys(r, period=period, purpose="seal")[0].id)
            )
            connection.execute(sa.update(t.visit).where(t.visit.c.person_ref.in_(old)).values(busy=True))
        assert await fault_of(desk(r).approve(WANG, period, proposal)) == "keys.refused"
        assert {one.state for one in keys(r)} == {"in use"}
        assert "PeriodDestroyed" not in events(r)


@pytest_twisted.ensureDeferred
async def test_a_crash_around_a_destruction_leaves_it_done_or_not_done(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        period, *_ = await old_and_new(r)
        proposal = (await desk(r).destroy(LI, period))["proposal"]
        await r.crash()
        await r.start()
        assert {one.state for one in keys(r)} == {"in use"}
        await desk(r).approve(WANG, period, proposal)
        await r.crash()
        await r.start()

        assert {one.state for one in keys(r, period=period)} == {"destroyed"}
        check_keys(r.database, r.vault)
        assert await fault_of(desk(r).destroy(LI, period)) == "keys.refused"


# -- persons


@pytest_twisted.ensureDeferred
async def test_a_persons_visits_are_found_by_id_and_card_number_and_every_look_is_journalled_first(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        done = [await settled(r, f"q{n}") for n in range(3)]
        number, card = id_number().reveal(), card_read().card_number.reveal()
        keydesk, none = desk(r), {"after": "", "limit": 2}
        page = await keydesk.find(LI, id_number=number, card_number="", reason="本人要求", **none)
        rest = await keydesk.find(LI, id_number=number, card_number="", reason="x", after=page["next_after"], limit=2)
        by_card = await keydesk.find(LI, id_number="", card_number=card, reason="x", after="", limit=9)
        nobody = await keydesk.find(LI, id_number=id_number(2).reveal(), card_number="", reason="x", **none)

        found = [*page["visits"], *rest["visits"]]
        assert [visit["visit_id"] for visit in found] == sorted(one["visit_id"] for one in done)
        assert [visit["settlements"][0]["total"] for visit in found] == ["100.00"] * 3
        assert (page["complete"], rest["complete"], nobody["visits"]) == (False, True, [])
        assert by_card["visits"] == found
        looks = [json.loads(row.line) for row in rows(r, t.journal) if row.event == "PersonSought"]
        assert [(look["body"]["account"], look["body"]["by"], look["body"]["found"]) for look in looks] == [
            ("desk-li", "id_number", 2), ("desk-li", "id_number", 1), ("desk-li", "card_number", 3), ("desk-li", "id_number", 0),
        ]  # fmt: skip
        assert number not in str(looks)
