"""What a HIS is told of persons beside visits: each change once, in the person's order, never before its registration."""

from __future__ import annotations

import datetime as dt

import pytest_twisted
from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred

from middleware.domain.card import CardRead
from middleware.domain.command import NOTICES, HisMatter
from middleware.domain.correction import letter_ids, wire_id
from middleware.domain.destination import Destination
from middleware.domain.fault import Fault
from middleware.domain.his import ChangeAccount, HisAccepted, MergePatients, UpdatePatient
from middleware.domain.identity import MediumNumber, PersonName
from middleware.domain.kind import VisitKind
from middleware.domain.order import CancelOrder, Contact, References
from middleware.domain.outcome import Answered, Refused, Unknown
from middleware.domain.patients import MergeState
from middleware.doors.local_api.methods import METHODS
from middleware.engine.his_news import HisNews
from middleware.engine.linking import LinkDesk
from middleware.engine.merges import Merges
from middleware.engine.tasks import sleep
from middleware.store import tables as t
from middleware.store.personal import SEALED
from tests.middleware.engine.test_gate import LI, WANG, fault_of
from tests.middleware.engine.test_intake import His, pid
from tests.middleware.engine.test_letters import became, desk_of
from tests.support.counter import order_of, quoted, registered, rig, rows
from tests.support.fakes import HIS, card_read, quote_order, register_order

EVERYTHING = frozenset(HisMatter)


class Hospital:
    """A HIS that is told notices, and keeps every message it was told."""

    def __init__(self, r, *, wants=EVERYTHING, accounts=(), old_cards=True):
        self.r, self.heard, self.script = r, [], []
        decides = EVERYTHING - (NOTICES - wants)
        r.engine.means = evolve(r.engine.means, destinations=(Destination(wants=wants, decides=decides),))
        modes = {"his": dict(accounts)}
        self.news = HisNews(r.engine, modes, old_cards=old_cards)
        r.counter.card_desk.seen_again = self.news.seen
        r.his.deliver = self.deliver
        self.card = card_read()
        r.readers.read_card = self.read

    async def read(self, _reader) -> CardRead:
        return self.card

    async def deliver(self, message):
        outcome = self.script.pop(0) if self.script else Answered(HisAccepted("PAT1"))
        if isinstance(outcome, Deferred):
            outcome = await outcome
        self.heard.append((message, outcome))
        return outcome

    def of(self, kind):
        return [message for message, outcome in self.heard if isinstance(message, kind) and isinstance(outcome, Answered)]

    async def until(self, kind, count):
        while len(self.of(kind)) < count or any(row.outcome == "" for row in rows(self.r, t.outbox)):
            await sleep(reactor, 0.005)
        return self.of(kind)

    async def shown(self, **changes):
        self.card = evolve(self.card, **changes)
        await self.r.counter.read_card(HIS, "Virtual 00")


@pytest_twisted.ensureDeferred
async def test_a_change_is_told_once_with_all_that_is_known_and_nothing_of_it_stands_in_clear(store_url):
    async with rig(store_url) as r:
        his = Hospital(r)
        await his.shown(name=PersonName("张伟"))
        assert his.of(UpdatePatient) == []  # never before a registration was taken
        await registered(r)
        await his.shown()
        await his.shown(name=PersonName("张·伟民"), nation="02")
        await his.shown()
        (update,) = await his.until(UpdatePatient, 1)

        known = update.patient
        assert (known.holder.name.reveal(), known.holder.nation, known.insurance) == ("张·伟民", "02", "310")
        assert known.patient_number.reveal() == "PAT1"
        await his.shown(name=PersonName("张伟"))
        assert [one.patient.holder.name.reveal() for one in await his.until(UpdatePatient, 2)] == ["张·伟民", "张伟"]
        for row in (*rows(r, t.his_standing), *rows(r, t.his_notice), *rows(r, t.journal), *rows(r, t.outbox)):
            assert not any(secret in str(tuple(row)) for secret in ("伟", his.card.id_number.reveal()))
        assert {"his_standing", "his_notice"} <= {one.table.name for one in SEALED}


@pytest_twisted.ensureDeferred
async def test_a_phone_said_at_the_next_registration_is_told_and_an_unchanged_registration_tells_nothing(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        his = Hospital(r)
        await registered(r, key="r1")
        await registered(r, key="r2")
        assert his.of(UpdatePatient) == []
        read = await r.counter.read_card(HIS, "Virtual 00")
        order = evolve(register_order(read["card_read_id"]), contact=Contact("13900000000", "测试单位"))
        await r.counter.register(HIS, "r3", order)
        (update,) = await his.until(UpdatePatient, 1)

        assert (update.patient.holder.phone, update.patient.holder.employer) == ("13900000000", "测试单位")
        assert not any("13900000000" in str(tuple(row)) for row in rows(r, t.journal))
        assert not any("13900000000" in str(tuple(row)) for row in rows(r, t.visit))


@pytest_twisted.ensureDeferred
async def test_what_an_id_card_or_a_voucher_leaves_out_takes_nothing_away(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        his = Hospital(r)
        await registered(r)
        await his.shown(kind="id-card", card_number=type(his.card.card_number)(""), nation="", sex="0")
        assert rows(r, t.his_notice) == []


@pytest_twisted.ensureDeferred
async def test_an_update_waits_for_the_persons_letters_before_it_and_is_told_again_by_the_next_life(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        his = Hospital(r)
        await registered(r)
        silence: Deferred = Deferred()
        his.script = [silence]
        await his.shown(nation="02")
        await his.shown(nation="03")
        while not any(row.matter == "updated" for row in rows(r, t.outbox)):
            await sleep(reactor, 0.005)
        silence.callback(Unknown("time-out"))
        first, second = await his.until(UpdatePatient, 2)

        assert [one.patient.holder.nation for one in (first, second)] == ["02", "03"]
        tries = [message for message, _ in his.heard if isinstance(message, UpdatePatient)]
        assert [one.control_id for one in tries] == [first.control_id, first.control_id, second.control_id]
        assert tries[0] == tries[1]


@pytest_twisted.ensureDeferred
async def test_a_refused_update_moves_nothing_and_is_not_sent_again_once_a_newer_one_says_it(store_url):
    async with rig(store_url) as r:
        his = Hospital(r)
        visit = await registered(r)
        his.script = [Refused("AE", "民族代码未维护")]
        await his.shown(nation="02")
        (letter,) = [row.control_id for row in rows(r, t.outbox) if row.matter == "updated"]
        await became(r, letter, "refused AE")
        desk = desk_of(r)
        shown = await desk.show(letter)
        METHODS["letters.show"].check_result(shown)
        assert (shown["matter"], shown["state"], shown["refusal"]["foreign"]) == ("updated", "Registered", "民族代码未维护")
        assert (await r.counter.visit(HIS, visit["visit_id"]))["state"] == "Registered"
        await registered(r, key="unchanged")
        await desk.resend(LI, letter, "HIS 已补字典")
        await became(r, letter, "accepted")

        his.script = [Refused("AE", "民族代码未维护")]
        await his.shown(nation="04")
        (dead,) = [row.control_id for row in rows(r, t.outbox) if row.matter == "updated" and row.control_id != letter]
        await became(r, dead, "refused AE")
        r.offset += dt.timedelta(seconds=2)
        await his.shown(nation="05")
        await his.until(UpdatePatient, 2)
        assert (await fault_of(desk.resend(LI, dead, ""))).code == "desk.not_fitting"


@pytest_twisted.ensureDeferred
async def test_refused_notices_are_corrected_as_any_letter_is_words_by_one_person_names_by_two(tmp_path):
    async with rig(tmp_path) as r:
        his = Registry(r)
        await registered(r)
        his.script = [Refused("AE", "民族代码未维护")]
        await his.shown(nation="02")
        (letter,) = [row.control_id for row in rows(r, t.outbox) if row.matter == "updated"]
        await became(r, letter, "refused AE")
        desk = desk_of(r)
        shown = await desk.show(letter)
        assert {"field": "nation", "value": ""} in shown["content"]
        assert (await fault_of(desk.fix(LI, letter, {"insurance": "390"}, "x"))).code == "letter.field"
        METHODS["letters.fix"].check_result(await desk.fix(LI, letter, {"nation": "99"}, "HIS 无此代码"))
        (update,) = await his.until(UpdatePatient, 1)
        assert (update.patient.holder.nation, update.control_id) == ("99", wire_id(letter, 1))
        assert letter in letter_ids(update.control_id)[0]

        await his.told.tell("ADT^A04", pid("P001"))
        await his.told.tell("ADT^A04", pid("P002", document=""))
        his.script = [Refused("AE", "姓名不符")]
        await his.merge()
        (letter,) = [row.control_id for row in rows(r, t.outbox) if row.matter == "merged"]
        await became(r, letter, "refused AE")
        proposed = (await desk.fix(LI, letter, {"prior_name": "测试乙"}, "x"))["corrections"][0]
        await desk.approve(WANG, letter, proposed["proposal"])
        (merge,) = await his.until(MergePatients, 1)
        assert (merge.prior.name.reveal(), merge.control_id) == ("测试乙", wire_id(letter, 1))


@pytest_twisted.ensureDeferred
async def test_an_old_card_that_is_linked_or_moved_is_told_and_a_disputed_one_is_not(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        his = Hospital(r)
        await registered(r)
        links = LinkDesk(r.engine.means)
        links.linked = his.news.linked
        person = (his.card.id_number, PersonName("张伟民"))
        for moved in (False, False, True, True):
            await links.link(HIS, "treatment-card", MediumNumber("C1"), *person, moved=moved)
        first, second = await his.until(UpdatePatient, 2)
        assert [one.patient.media[0].moved_on is not None for one in (first, second)] == [False, True]

        await links.link(HIS, "treatment-card", MediumNumber("C2"), *person, moved=False)
        assert len(rows(r, t.his_notice)) == 2  # one person, two cards: two persons decide


@pytest_twisted.ensureDeferred
async def test_accounts_are_opened_ended_and_opened_again_beside_the_charges(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        his = Hospital(r, accounts=[(VisitKind.OUTPATIENT, "besides")])
        quote = await quoted(r)
        await r.counter.settle(HIS, "s1", order_of(quote))
        await his.until(ChangeAccount, 2)
        await r.counter.cancel(HIS, "c1", CancelOrder(quote["settlement_id"], ""))
        accounts = await his.until(ChangeAccount, 3)

        assert [one.ended for one in accounts] == [False, True, False]
        order = [row.matter for row in rows(r, t.outbox)]
        assert order == ["registered", "account-opened", "settled", "account-ended", "cancelled", "account-opened"]


@pytest_twisted.ensureDeferred
async def test_what_stands_in_place_of_the_charges_is_the_settlements_own_letter(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        his = Hospital(r, accounts=[(VisitKind.OUTPATIENT, "instead")])
        quote = await quoted(r)
        await r.counter.settle(HIS, "s1", order_of(quote))
        await his.until(ChangeAccount, 1)
        assert [row.matter for row in rows(r, t.outbox)] == ["registered", "account-opened", "settled"]


@pytest_twisted.ensureDeferred
async def test_references_of_registration_and_quote_come_back_and_reach_the_his(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        his = Hospital(r)
        read = await r.counter.read_card(HIS, "Virtual 00")
        order = evolve(register_order(read["card_read_id"]), references=References("AP1", ("O1",)))
        visit = await r.counter.register(HIS, "r1", order)
        METHODS["patient.register"].check_result(visit)
        asked = evolve(quote_order(visit["visit_id"], 10000), references=References("", ("O2",)))
        quote = await r.counter.quote(HIS, "q1", asked)
        settled = await r.counter.settle(HIS, "s1", order_of(quote))
        METHODS["settlement.settle"].check_result(settled)

        assert (visit["appointment"], visit["order_numbers"]) == ("AP1", ["O1"])
        assert (settled["appointment"], settled["order_numbers"]) == ("AP1", ["O1", "O2"])
        while len(his.heard) < 2:
            await sleep(reactor, 0.005)
        assert his.heard[1][0].references == References("AP1", ("O1", "O2"))


class Registry(Hospital):
    """With the desk of identities."""

    def __init__(self, r, **more):
        super().__init__(r, **more)
        self.told = His(r)
        self.told.desk.merges = Merges(r.engine.means, self.news)

    async def two_persons(self):
        """P001, and P002 whose document nobody knows."""
        await self.told.tell("ADT^A04", pid("P001"))
        await self.told.tell("ADT^A04", pid("P002", document=""))

    async def merge(self, prior="P002", kept="P001"):
        made = await self.told.told.identities.merge(LI, MediumNumber(prior), MediumNumber(kept), "本人到场")
        METHODS["identity.merge"].check_result(made)
        assert (await fault_of(self.told.desk.approve(LI, made["proposal"]))).code == "desk.same_person"
        await self.told.desk.approve(WANG, made["proposal"])
        return made["key"]


@pytest_twisted.ensureDeferred
async def test_two_numbers_that_two_persons_made_one_are_told_once_and_their_undoing_too(store_url):
    async with rig(store_url) as r:
        his = Registry(r)
        await his.two_persons()
        key = await his.merge()
        (merge,) = await his.until(MergePatients, 1)
        assert (merge.prior.number.reveal(), merge.kept.number.reveal(), merge.undone) == ("P002", "P001", False)
        assert [one["number"] for one in await his.told.known("P002")] == ["P001"]
        assert isinstance(await fault_of(his.merge()), Fault)

        await his.told.decide(key, "undo")
        _, undone = await his.until(MergePatients, 2)
        assert undone.undone
        assert [one["number"] for one in await his.told.known("P002")] == ["P002"]
        shown = await desk_of(r).show(undone.control_id)
        METHODS["letters.show"].check_result(shown)
        assert (shown["matter"], shown["state"]) == ("unmerged", "undone")


@pytest_twisted.ensureDeferred
async def test_a_merge_keeps_its_place_among_the_letters_of_both_its_numbers(store_url):
    async with rig(store_url) as r:
        his = Registry(r)
        await registered(r)  # its person is PAT1 of the HIS
        await his.told.tell("ADT^A04", pid("P002", document=""))
        silence: Deferred = Deferred()
        his.script = [silence]
        await his.shown(nation="02")
        await his.merge(kept="PAT1")
        await his.shown(nation="03")
        found = r.reader.waiting_letters(0, 9)
        assert [one.letter.matter for one in found] == ["updated", "merged", "updated"]
        assert found[0].lane == found[2].lane
        assert found[0].lane in found[1].also
        assert not any(number in lane for one in found for lane in one.lanes for number in ("PAT1", "P002", "999999"))
        silence.callback(Unknown("time-out"))
        await his.until(UpdatePatient, 2)

        assert [type(one) for one, told in his.heard if isinstance(told, Answered)][1:] == [
            UpdatePatient, MergePatients, UpdatePatient,
        ]  # fmt: skip


async def refused_merge(r):
    """A HIS that takes no undoing refuses a merge of two persons of its own: the HIS, the merge's key, the letter."""
    his = Registry(r, wants=EVERYTHING - {HisMatter.UNMERGED})
    await his.two_persons()
    his.script = [Refused("AE", "不能合并")]
    key = await his.merge()
    (letter,) = [row.control_id for row in rows(r, t.outbox)]
    await became(r, letter, "refused AE")
    return his, key, letter


@pytest_twisted.ensureDeferred
async def test_what_the_his_was_told_is_not_undone_here_when_it_takes_no_undoing(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        his, key, letter = await refused_merge(r)
        await his.told.decide(key, "undo")  # it never heard of it
        await his.told.decide(key, "follow")
        await his.until(MergePatients, 1)

        assert (await fault_of(his.told.told.identities.resolve(LI, key, "undo", ""))).code == "his.no_unmerge"
        assert (await fault_of(desk_of(r).resend(LI, letter, ""))).code == "desk.not_fitting"


@pytest_twisted.ensureDeferred
async def test_an_undoing_that_was_proposed_before_the_his_heard_of_it_is_judged_when_it_is_approved(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        his, key, letter = await refused_merge(r)
        made = await his.told.told.identities.resolve(LI, key, "undo", "")
        await desk_of(r).resend(LI, letter, "")
        await became(r, letter, "accepted")
        assert (await fault_of(his.told.desk.approve(WANG, made["proposal"]))).code == "his.no_unmerge"
        assert [one["number"] for one in await his.told.known("P002")] == ["P001"]


@pytest_twisted.ensureDeferred
async def test_a_merge_of_the_his_itself_is_never_told_back_and_a_rejected_one_is_undone(store_url):
    async with rig(store_url) as r:
        his = Registry(r)
        await his.told.tell("ADT^A04", pid("P001"))
        await his.told.tell("ADT^A40", pid("P002", document=""), "MRG|P001^^^^PI")
        (merge,) = await his.told.matters(every=True)
        await his.told.decide(merge["key"], "undo")
        await his.told.decide(merge["key"], "follow")
        await his.told.decide(merge["key"], "undo")
        assert rows(r, t.outbox) == []

        made = await his.told.told.identities.merge(LI, MediumNumber("P002"), MediumNumber("P001"), "")
        assert [one["key"] for one in await his.told.matters()] == [made["key"]]
        await his.told.desk.reject(WANG, made["proposal"])
        assert await his.told.matters() == []
        assert r.reader.his_people.merge_state(made["key"]) == MergeState.UNDONE


@pytest_twisted.ensureDeferred
async def test_two_numbers_of_one_document_become_one_when_two_persons_say_that_both_are_the_persons(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        his = Registry(r)
        await his.told.tell("ADT^A04", pid("P001"))
        await his.told.tell("ADT^A04", pid("P002"))
        (matter,) = await his.told.matters(reason="核对")
        assert (matter["kind"], matter["first"]["number"]) == ("two-media", "P001")
        await his.told.decide(matter["key"], "both")
        (merge,) = await his.until(MergePatients, 1)

        assert (merge.prior.number.reveal(), merge.kept.number.reveal()) == ("P002", "P001")
        assert [one["number"] for one in await his.told.known("P002")] == ["P001"]
