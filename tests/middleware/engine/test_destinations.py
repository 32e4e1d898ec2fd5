"""Several destinations: each is told each fact once and in order, one decides, and one that is down stops nobody else."""

from __future__ import annotations

import contextlib

import pytest
import pytest_twisted
import sqlalchemy as sa
from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred

from middleware.domain.command import HisMatter
from middleware.domain.destination import ALONE, Destination, addressed, copies
from middleware.domain.fault import Fault
from middleware.domain.his import HisAccepted
from middleware.domain.numbering import LinkState
from middleware.domain.order import Caller, CancelOrder, Role
from middleware.domain.outcome import Answered, Refused, Unknown
from middleware.doors.local_api.methods import METHODS
from middleware.engine.destinations import DestinationDesk
from middleware.engine.letters import LetterDesk
from middleware.engine.members import OUTBOX
from middleware.engine.outbox import Outbox
from middleware.engine.tasks import sleep
from middleware.store import tables as t
from middleware.store.destinations import DestinationsReader
from middleware.store.inspection import states_agree
from middleware.store.letters import LettersReader
from middleware.store.numbers import read_numbers
from tests.middleware.engine.test_numbering import box_of
from tests.support.counter import order_of, quoted, registered, rig, rows, until, until_refused_by_his
from tests.support.fakes import HIS, FakeHis

LI, WANG = Caller(Role.OPERATOR, "desk-li"), Caller(Role.OPERATOR, "desk-wang")
MONEY = frozenset((HisMatter.SETTLED, HisMatter.CANCELLED))
PHARMACY = Destination("pharmacy", "p", decides=frozenset())


class Told(FakeHis):
    """A destination that remembers whole messages."""

    def __init__(self):
        super().__init__()
        self.messages = []

    async def deliver(self, message):
        self.messages.append(message)
        return await super().deliver(message)

    @property
    def heard(self):
        return [one.control_id for one in self.messages]


@contextlib.asynccontextmanager
async def told(store_url, *others, first=None, **policy):
    """A rig whose engine tells [his] and the others; each with an outbox of its own."""
    async with rig(store_url, **policy) as r:
        names = (first or ALONE[0], *others)
        r.engine.means = evolve(r.engine.means, destinations=names)
        r.to = {one.name: Told() for one in names}
        r.outbox.stop()
        r.boxes = {
            one.name: Outbox(r.engine, r.to[one.name], ours=lambda: r.members.holds(OUTBOX), poll_s=0.02, name=one.name)
            for one in names
        }

        def kick():
            for box in r.boxes.values():
                box.kick()

        r.engine.letter_added = kick
        for box in r.boxes.values():
            box.start()
        try:
            yield r
        finally:
            for box in r.boxes.values():
                box.stop()


async def closed(r, count):
    """So many letters have an answer."""
    while len(done := [row for row in rows(r, t.outbox) if row.outcome]) < count:
        await sleep(reactor, 0.01)
    return {row.control_id: row for row in done}


async def one_day(r):
    """Registered, settled, cancelled; the settlement's id."""
    quote = await quoted(r)
    await r.counter.settle(HIS, "s1", order_of(quote))
    await r.counter.cancel(HIS, "c1", CancelOrder(quote["settlement_id"]))
    return quote["settlement_id"]


def test_a_registration_is_told_to_its_decider_and_copied_when_that_one_said_yes():
    both = (*ALONE, PHARMACY)

    assert [(one.destination, one.control_id, one.copy) for one in addressed(both, HisMatter.REGISTERED, "R1")] == [
        ("his", "R1", False)
    ]
    assert [(one.destination, one.control_id, one.copy) for one in copies(both, HisMatter.REGISTERED, "R1")] == [
        ("pharmacy", "R1p", True)
    ]
    assert [(one.destination, one.copy) for one in addressed(both, HisMatter.SETTLED, "P1")] == [
        ("his", False),
        ("pharmacy", True),
    ]


@pytest_twisted.ensureDeferred
async def test_each_destination_is_told_each_fact_once_in_order_and_a_copy_bears_the_number_that_the_his_gave(store_url):
    async with told(store_url, PHARMACY, Destination("platform", "f", wants=MONEY, decides=frozenset())) as r:
        settlement_id = await one_day(r)
        letters = await closed(r, 8)

        tail = settlement_id[1:]
        assert [one[0] for one in r.to["his"].heard] == ["R", "P", "C"]
        assert r.to["pharmacy"].heard[1:] == [f"P{tail}p", f"C{tail}p"]
        assert r.to["pharmacy"].messages[0].patient_number == "PAT1"
        assert r.to["platform"].heard == [f"P{tail}f", f"C{tail}f"]
        assert max(map(len, letters)) <= 20
        assert {row.outcome for row in letters.values()} == {"accepted"}
        states_agree(r.database)


@pytest_twisted.ensureDeferred
async def test_a_destination_that_is_silent_or_says_no_stops_neither_the_others_nor_the_settlement(store_url):
    async with told(store_url, PHARMACY) as r:
        silent: Deferred = Deferred()
        r.to["pharmacy"].script = [silent]
        quote = await quoted(r)
        await r.counter.settle(HIS, "s1", order_of(quote))
        await until(r, quote["settlement_id"], "Delivered")

        assert r.to["pharmacy"].heard == ["R" + r.to["his"].heard[0][1:] + "p"]
        r.to["pharmacy"].script = [Refused("AE", "没有这种药"), Answered(HisAccepted())]
        silent.callback(Unknown("time-out"))
        letters = await closed(r, 4)
        registration, posting = sorted((row for row in letters.values() if row.copy), key=lambda row: row.sequence)
        assert (registration.outcome, posting.outcome) == ("refused AE", "accepted")
        shown = await LetterDesk(r.engine, LettersReader(r.database, r.vault), lambda: None).show(registration.control_id)
        assert (shown["destination"], shown["refusal"]["foreign"]) == ("pharmacy", "没有这种药")
        events = [row.event for row in rows(r, t.journal)]
        assert (events.count("LetterRefused"), events.count("LetterAccepted")) == (1, 1)
        assert not any("没有这种药" in row.line for row in rows(r, t.journal))
        states_agree(r.database)


@pytest_twisted.ensureDeferred
async def test_who_decides_charges_is_believed_about_them_and_who_decides_registrations_gives_the_number(store_url):
    billing = Destination("billing", "b", decides=MONEY)
    first = Destination("his", "0", decides=frozenset((HisMatter.REGISTERED,)))
    async with told(store_url, billing, first=first) as r:
        r.to["billing"].script = [Answered(HisAccepted("NOT-A-NUMBER-OF-OURS")), Refused("AE", "无此项目")]
        quote = await quoted(r)
        await r.counter.settle(HIS, "s1", order_of(quote))
        letters = await closed(r, 4)

        posting = "P" + quote["settlement_id"][1:]
        assert (letters[posting].destination, letters[posting].outcome) == ("billing", "refused AE")
        assert (letters[posting + "0"].destination, letters[posting + "0"].copy) == ("his", True)
        settlement = await until_refused_by_his(r, quote["settlement_id"])
        assert (settlement.state, settlement.trouble.code) == ("Settled", "his.refused")
        assert r.reader.held() == 1
        assert (await r.engine.visits.visit(r.reader.visit_of(quote["settlement_id"]))).patient_number == "PAT1"


@pytest_twisted.ensureDeferred
async def test_a_refused_registration_is_copied_to_nobody(tmp_path):
    async with told(tmp_path, PHARMACY) as r:
        r.to["his"].script = [Refused("AE", "no")]
        with pytest.raises(Fault):
            await registered(r)
        await closed(r, 1)

        assert [row.destination for row in rows(r, t.outbox)] == ["his"]


@pytest_twisted.ensureDeferred
async def test_a_destination_added_later_starts_from_then_on_and_a_removed_ones_letters_are_kept(store_url):
    async with told(store_url) as r:
        await registered(r, key="before")
        r.engine.means = evolve(r.engine.means, destinations=(*ALONE, PHARMACY))
        await registered(r, key="after")
        while len(rows(r, t.outbox)) < 3:
            await sleep(reactor, 0.01)

        assert [row.destination for row in rows(r, t.outbox)].count("pharmacy") == 1
        assert r.reader.letters_waiting() == {"pharmacy": 1}  # nobody delivers to it here, and it is kept
        assert [one.letter.destination for one in r.reader.waiting_letters(0, 9, "pharmacy")] == ["pharmacy"]
        assert r.reader.waiting_letters(0, 9) == []


@pytest_twisted.ensureDeferred
async def test_a_refused_copy_goes_again_only_while_nothing_of_its_visit_overtook_it(store_url):
    async with told(store_url, PHARMACY) as r:
        r.to["pharmacy"].script = [Refused("AE", "no"), Refused("AE", "no")]
        quote = await quoted(r)
        await closed(r, 2)
        desk = LetterDesk(r.engine, LettersReader(r.database, r.vault), r.boxes["pharmacy"].look_again)
        copy = next(row.control_id for row in rows(r, t.outbox) if row.copy)
        await desk.resend(LI, copy, "维护了科室")
        while r.to["pharmacy"].heard.count(copy) < 2:
            await sleep(reactor, 0.01)
        while {row.control_id: row.outcome for row in rows(r, t.outbox)}[copy] != "refused AE":
            await sleep(reactor, 0.01)
        await r.counter.settle(HIS, "s1", order_of(quote))
        await closed(r, 4)

        with pytest.raises(Fault) as caught:
            await desk.resend(LI, copy, "too late")
        assert (caught.value.code, caught.value.detail) == (
            "desk.not_fitting",
            "pharmacy has 1 later messages of this visit",
        )


def test_the_index_of_what_waits_begins_with_the_destination(store_url):
    from middleware.store.database import open_database, ready

    database = open_database(store_url)
    ready(database)
    index = {one["name"]: one["column_names"] for one in sa.inspect(database).get_indexes("outbox")}
    database.dispose()

    assert index["outbox_waiting"] == ["destination", "sequence"]


def desk_of(r, *configured):
    return DestinationDesk(r.engine, DestinationsReader(r.database), configured, lambda: None)


def proposal_of(answer, name):
    return next(row for row in answer["rows"] if row["destination"] == name)["proposal"]["proposal"]


@pytest_twisted.ensureDeferred
async def test_what_waits_for_a_removed_destination_is_handed_over_or_given_up_by_two_persons(store_url):
    async with told(store_url) as r:
        r.engine.means = evolve(r.engine.means, destinations=(*ALONE, PHARMACY))
        await registered(r, key="one")
        await registered(r, key="two")
        while len(rows(r, t.outbox)) < 4:
            await sleep(reactor, 0.01)
        await closed(r, 2)
        desk = desk_of(r, *ALONE, Destination("platform", "f", decides=frozenset()))
        answer = await desk.list()
        METHODS["destinations.list"].check_result(answer)
        left = next(row for row in answer["rows"] if row["destination"] == "pharmacy")
        assert (left["configured"], left["waiting"]) == (False, 2)

        with pytest.raises(Fault) as caught:
            await desk.propose(LI, "his", "discard", "", "T-1")
        assert caught.value.code == "desk.not_fitting"
        proposed = await desk.propose(LI, "pharmacy", "hand-over", "platform", "T-1")
        METHODS["destinations.propose"].check_result(proposed)
        with pytest.raises(Fault) as caught:
            await desk.approve(LI, "pharmacy", proposal_of(proposed, "pharmacy"))
        assert caught.value.code == "desk.same_person"
        await desk.approve(WANG, "pharmacy", proposal_of(proposed, "pharmacy"))
        assert r.reader.letters_waiting() == {"platform": 2}

        r.boxes["platform"] = Outbox(r.engine, r.to.setdefault("platform", Told()), name="platform")
        r.boxes["platform"].start()
        await closed(r, 4)
        assert len(r.to["platform"].heard) == 2
        assert [row.event for row in rows(r, t.journal)].count("DestinationDecided") == 1


@pytest_twisted.ensureDeferred
async def test_nothing_is_handed_over_to_somebody_who_knows_the_visit_already_and_the_rest_is_given_up(store_url):
    async with told(store_url) as r:
        r.engine.means = evolve(r.engine.means, destinations=(*ALONE, PHARMACY))
        await registered(r)
        while len(rows(r, t.outbox)) < 2:
            await sleep(reactor, 0.01)
        await closed(r, 1)
        desk = desk_of(r, *ALONE)
        over = await desk.propose(LI, "pharmacy", "hand-over", "his", "T-1")
        await desk.approve(WANG, "pharmacy", proposal_of(over, "pharmacy"))
        assert r.reader.letters_waiting() == {"pharmacy": 1}  # [his] was told of that visit: in order is not possible

        away = await desk.propose(LI, "pharmacy", "discard", "", "T-2")
        with pytest.raises(Fault):
            await desk.approve(WANG, "pharmacy", proposal_of(over | away, "pharmacy")[::-1])
        await desk.approve(WANG, "pharmacy", proposal_of(away, "pharmacy"))

        assert r.reader.letters_waiting() == {}
        assert [row.outcome for row in rows(r, t.outbox) if row.copy] == ["discarded"]


@pytest_twisted.ensureDeferred
async def test_a_frozen_link_goes_on_after_two_persons_resynchronised_it(store_url):
    async with rig(store_url) as r:
        his = await box_of(r)
        his.script = [(Refused("AE", "sequence"), 9)]
        waiting = ensureDeferred(registered(r))
        while read_numbers(r.database, "his").state is not LinkState.FROZEN:
            await sleep(reactor, 0.01)
        desk = desk_of(r, evolve(ALONE[0], numbered=True))
        row = (await desk.list())["rows"][0]
        assert (row["numbers"]["state"], row["numbers"]["why"]) == ("frozen", "1 was sent, 9 is expected")
        proposed = await desk.propose(LI, "his", "resynchronise", "", "T-1")
        await desk.approve(WANG, "his", proposal_of(proposed, "his"))
        await waiting

        assert his.asked == [(20, -1)]
        assert [number for _, number in his.told] == [1, 1]
        assert (await desk.list())["rows"][0]["numbers"]["state"] == "open"
