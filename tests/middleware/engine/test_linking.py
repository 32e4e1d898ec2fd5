"""Old media and the one card: linked once, moved over, contradictions listed and decided by two persons, never guessed."""

from __future__ import annotations

import pytest
import pytest_twisted
from twisted.internet.defer import ensureDeferred, gatherResults

from middleware.domain.card import MediumRead, UnlinkedError
from middleware.domain.identity import IdNumber, MediumNumber, PersonName
from middleware.domain.registry import Matter
from middleware.engine.linking import LinkDesk
from middleware.engine.registry import RegistryDesk
from middleware.store import tables as t
from tests.middleware.engine.test_gate import LI, WANG, fault_of, journal
from tests.support.counter import rig, rows
from tests.support.fakes import HIS, id_number, register_order

JIA, YI = (id_number(1), PersonName("测试甲")), (id_number(3), PersonName("测试乙"))


class Desk:
    def __init__(self, r):
        self.r, self.links, self.desk = r, LinkDesk(r.engine.means), RegistryDesk(r.engine.means)

    async def link(self, number, person, *, moved=False, kind="treatment-card"):
        return await self.links.link(HIS, kind, MediumNumber(number), *person, moved=moved)

    async def whose(self, number, kind="treatment-card"):
        found = await self.links.whose(kind, MediumNumber(number))
        return IdNumber(found.id_number).reveal()

    async def conflicts(self, reason=""):
        return (await self.links.conflicts(LI, "", 100, reason))["conflicts"]

    async def decide(self, conflict_id, keep):
        made = await self.desk.propose(LI, Matter.CONFLICT, conflict_id, None, keep, "")
        return await self.desk.approve(WANG, made["proposal"])


@pytest_twisted.ensureDeferred
async def test_a_medium_is_its_persons_until_it_is_moved_over(store_url):
    async with rig(store_url) as r:
        d = Desk(r)
        assert (await fault_of(d.whose("0001"))).code == "medium.no_identity"
        first = await d.link("0001", JIA)
        assert (first["state"], first["conflicts"]) == ("linked", [])
        assert await d.whose("0001") == JIA[0].reveal()
        assert (await fault_of(d.whose("0001", "hospital-code"))).code == "medium.no_identity"

        again = await d.link("0001", JIA, moved=True)

        assert again["link_id"] == first["link_id"]
        assert (await fault_of(d.whose("0001"))).code == "link.moved"
        assert len(rows(r, t.medium_link)) == 1


@pytest.mark.parametrize(
    ("number", "person", "kind"),
    [
        ("0001", YI, "two-persons"),
        ("0002", JIA, "two-media"),
        ("0001", (JIA[0], PersonName("测试丙")), "name-differs"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_contradiction_is_listed_and_neither_is_answered_until_two_persons_decided(store_url, number, person, kind):
    async with rig(store_url) as r:
        d = Desk(r)
        await d.link("0001", JIA)
        made = await d.link(number, person)
        (conflict,) = await d.conflicts()

        assert (made["state"], made["conflicts"]) == ("disputed", [{"conflict_id": conflict["conflict_id"], "kind": kind}])
        assert {(await fault_of(d.whose(one))).code for one in {"0001", number}} == {"link.disputed"}
        proposed = await d.desk.propose(LI, Matter.CONFLICT, conflict["conflict_id"], None, "first", "")
        assert (await fault_of(d.desk.approve(LI, proposed["proposal"]))).code == "desk.same_person"

        await d.desk.approve(WANG, proposed["proposal"])

        assert await d.whose("0001") == JIA[0].reveal()
        assert await d.conflicts() == []
        if number != "0001":
            assert (await fault_of(d.whose(number))).code == "medium.no_identity"


@pytest_twisted.ensureDeferred
async def test_two_media_of_one_person_may_both_be_kept_but_one_medium_never_has_two_people(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        d = Desk(r)
        await d.link("0001", JIA)
        two_media = (await d.link("0002", JIA))["conflicts"][0]["conflict_id"]
        await d.decide(two_media, "both")
        assert {await d.whose(number) for number in ("0001", "0002")} == {JIA[0].reveal()}

        two_persons = (await d.link("0001", YI))["conflicts"][0]["conflict_id"]
        assert (await fault_of(d.decide(two_persons, "both"))).code == "desk.not_fitting"
        await d.decide(two_persons, "second")

        assert await d.whose("0001") == YI[0].reveal()
        assert await d.whose("0002") == JIA[0].reveal()
        assert (await fault_of(d.decide(two_persons, "first"))).code == "request.not_found"


@pytest_twisted.ensureDeferred
async def test_a_link_stays_disputed_while_anything_speaks_against_it(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        d = Desk(r)
        await d.link("0001", JIA)
        await d.link("0001", YI)
        await d.link("0002", YI)  # speaks against the second one
        by_kind = {one["kind"]: one["conflict_id"] for one in await d.conflicts()}
        assert set(by_kind) == {"two-persons", "two-media"}

        await d.decide(by_kind["two-media"], "both")
        assert (await fault_of(d.whose("0001"))).code == "link.disputed"
        assert await d.whose("0002") == YI[0].reveal()

        await d.decide(by_kind["two-persons"], "neither")
        assert (await fault_of(d.whose("0001"))).code == "medium.no_identity"


@pytest_twisted.ensureDeferred
async def test_what_speaks_against_a_link_that_ended_is_no_question_any_more(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        d = Desk(r)
        await d.link("0001", JIA)
        await d.link("0001", YI)
        await d.link("0002", YI)
        two_persons = next(one for one in await d.conflicts() if one["kind"] == "two-persons")

        await d.decide(two_persons["conflict_id"], "first")

        assert await d.conflicts() == []
        assert await d.whose("0001") == JIA[0].reveal()
        assert await d.whose("0002") == YI[0].reveal()


@pytest_twisted.ensureDeferred
async def test_two_desks_that_link_one_medium_at_once_do_not_miss_each_other(store_url):
    async with rig(store_url) as r:
        d = Desk(r)
        made = await gatherResults([ensureDeferred(d.link("0001", person)) for person in (JIA, YI)])

        assert sorted(one["state"] for one in made) == ["disputed", "linked"]
        assert len(await d.conflicts()) == 1
        assert (await fault_of(d.whose("0001"))).code == "link.disputed"


@pytest_twisted.ensureDeferred
async def test_invariant_21_conflicts_are_masked_unless_a_reason_is_journalled_and_nothing_lies_in_clear(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        d = Desk(r)
        await d.link("987650001", JIA)
        await d.link("987650001", YI)

        (masked,) = await d.conflicts()
        (clear,) = await d.conflicts("两人到窗口核对")

        assert (masked["first"]["number"], masked["first"]["id_number"]) == ("******001", "999999" + "*" * 12)
        assert clear["second"]["id_number"] == YI[0].reveal()
        assert len(journal(r, "ConflictsSeen")) == 2
        with r.database.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        raw = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        secrets = ["987650001", *(one.reveal() for person in (JIA, YI) for one in person), "两人到窗口核对"]
        assert [one for one in secrets if one.encode() in raw] == []


@pytest_twisted.ensureDeferred
async def test_a_medium_in_a_reader_is_its_persons_identity_once_it_is_linked(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        d = Desk(r)

        async def number_only(reader):
            raise UnlinkedError(MediumRead("treatment-card", MediumNumber("0001"), reader))

        r.readers.read_card = number_only
        with pytest.raises(UnlinkedError) as caught:
            await r.counter.read_card(HIS, "till")
        assert caught.value.medium.number.reveal() == "0001"

        await d.link("0001", JIA)
        read = await r.counter.read_card(HIS, "till")
        assert (read["card"]["kind"], read["holder"]["id_number"]) == ("treatment-card", JIA[0].reveal())
        assert (await r.counter.register(HIS, "r1", register_order(read["card_read_id"])))["status"] == "registered"

        await d.link("0001", JIA, moved=True)
        assert (await fault_of(r.counter.read_card(HIS, "till"))).code == "link.moved"
        assert [one["code"] for one in journal(r, "CardReadFailed")] == ["medium.no_identity", "link.moved"]
