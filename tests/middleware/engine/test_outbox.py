"""The outbox: what leaves when, who waits for whom, and what is repeated."""

from __future__ import annotations

import datetime as dt

import pytest_twisted
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred

from middleware.domain.his import HisAccepted
from middleware.domain.outcome import Answered, NotSent, Unknown
from middleware.engine.lanes import FAIR, Lanes
from middleware.engine.outbox import Outbox
from middleware.engine.runner import nothing_follows
from middleware.engine.tasks import sleep
from middleware.store.reader import Waiting
from middleware.store.units import Letter
from tests.support.counter import registered, rig

NOON = dt.datetime(2026, 11, 20, 4, tzinfo=dt.UTC)


def waiting(sequence, lane, matter="settled", also=()):
    return Waiting(sequence, Letter(f"P{sequence}", "V1", "S1", matter, NOON), lane, tuple(also))


class Desk:
    """An engine as far as the outbox needs one, with letters of its own."""

    def __init__(self, letters):
        self.letters = list(letters)
        self.applied = []
        self.means = self
        self.journal = self.pool = self.reader = self
        self.epoch, self.shared, self.clock = 1, False, reactor
        self.letter_added = None
        self.follows = nothing_follows

    async def run(self, read, *args):
        await sleep(reactor, 0)
        return read(*args)

    def waiting_letters(self, after, limit, _destination):
        return [one for one in self.letters if one.sequence > after][:limit]

    def jitter(self):
        return -3.9  # hardly any wait

    def now(self):
        return NOON

    async def apply(self, _visit_id, event, extra):
        await sleep(reactor, 0)
        self.letters = [one for one in self.letters if one.letter.control_id != extra.closed_letter[0]]
        self.applied.append(extra.closed_letter[0])


class Slow(Outbox):
    """Its letters are answered when the test says so."""

    def __init__(self, letters, width=8, script=None):
        self.desk, self.asked, self.script = Desk(letters), [], script or {}
        super().__init__(self.desk, None, width=width)

    async def _deliver(self, one):
        answer: Deferred = Deferred()
        self.asked.append(one.letter.control_id)
        self.open = getattr(self, "open", {}) | {one.letter.control_id: answer}
        script = self.script.get(one.letter.control_id)
        return script.pop(0) if script else await answer

    def answer(self, control_id, outcome=None):
        self.open.pop(control_id).callback(outcome or Answered(HisAccepted()))

    async def until(self, ready):
        for _ in range(2000):
            if ready():
                return
            await sleep(reactor, 0.005)
        raise AssertionError(self.asked)


OF = st.one_of(
    st.sampled_from("abc").map(lambda one: (one, ())), st.sampled_from(["ab", "ac", "bc"]).map(lambda two: ("G", two))
)


@given(st.lists(st.tuples(OF, st.booleans()), max_size=30), st.integers(0, 9), st.randoms(use_true_random=False))
def test_every_letter_leaves_once_and_in_order_of_its_patients_whatever_comes_between(letters, late, chance):
    """Those of two patients, as of a merge, among them; some were open again and come in late."""
    lanes, heard, out, at_rest, reopened = Lanes(), [], [], [], []
    every = [
        waiting(number, lane if lane != "G" else f"G{number}", "registered" if registers else "settled", also)
        for number, ((lane, also), registers) in enumerate(letters)
    ]
    chance.shuffle(every)
    late, prompt = every[:late], sorted(every[late:], key=lambda one: one.sequence)
    for one in prompt:
        lanes.add(one)
    while len(lanes) or late:
        if late and chance.random() < 0.2:
            reopened.append(late.pop())
            lanes.add(reopened[-1])
        one = lanes.take()
        assert one or out or at_rest or late, "letters wait for each other"
        if one is not None:
            assert not {*one.lanes} & {lane for other in (*out, *at_rest) for lane in other.lanes}
            out.append(one)
        if out and chance.random() < 0.6:
            one = out.pop(chance.randrange(len(out)))
            if chance.random() < 0.3:
                lanes.rest(one)
                at_rest.append(one)
            else:
                lanes.done(one)
                heard.append(one)
        if at_rest and chance.random() < 0.5:
            lanes.wake(at_rest.pop().lane)

    assert sorted(one.sequence for one in heard) == list(range(len(letters)))
    for lane in "abc":
        mine = [one.sequence for one in heard if lane in one.lanes and one not in reopened]
        assert mine == sorted(mine)


def test_a_merge_that_is_open_again_waits_for_what_is_out_and_holds_the_letters_of_both_numbers():
    lanes = Lanes()
    for number, lane in ((5, "a"), (6, "b"), (7, "a")):
        lanes.add(waiting(number, lane))
    out = lanes.take()
    lanes.add(waiting(3, "G1", "merged", "ab"))
    assert [out.sequence, lanes.take()] == [5, None]
    lanes.done(out)
    merge = lanes.take()
    lanes.rest(merge)
    assert [merge.sequence, lanes.take()] == [3, None]
    lanes.wake(merge.lane)
    assert lanes.take() is merge
    lanes.done(merge)
    assert sorted(lanes.take().sequence for _ in range(2)) == [6, 7]


def test_a_letter_that_is_open_again_goes_before_those_written_after_it_but_not_before_one_that_is_out():
    waiting_lane, busy = Lanes(), Lanes()
    for lanes in (waiting_lane, busy):
        lanes.add(waiting(5, "a"))
        lanes.add(waiting(6, "a"))
    out = busy.take()
    for lanes in (waiting_lane, busy):
        lanes.add(waiting(3, "a"))
        lanes.add(waiting(2, "a"))

    assert waiting_lane.take().sequence == 2
    busy.done(out)
    second = busy.take()
    busy.done(second)
    assert [out.sequence, second.sequence, busy.take().sequence] == [5, 2, 3]


def test_registrations_go_first_and_do_not_starve_the_rest():
    lanes = Lanes()
    for number in range(8):
        lanes.add(waiting(number, f"charges {number}"))
        lanes.add(waiting(100 + number, f"registration {number}", "registered"))

    order = [lanes.take().letter.matter for _ in range(8)]

    assert order[: FAIR - 1] == ["registered"] * (FAIR - 1)
    assert order.count("settled") == 2


@pytest_twisted.ensureDeferred
async def test_a_registration_does_not_wait_behind_the_charges_of_other_patients_nor_overtake_its_own():
    held = [waiting(number, f"p{number}") for number in range(1, 4)]
    box = Slow([*held, waiting(4, "p9", "registered"), waiting(5, "p1", "registered")], width=4)
    box.start()
    await box.until(lambda: len(box.asked) == 4)

    assert box.asked[0] == "P4"
    assert "P5" not in box.asked  # its own patient's charges are out
    box.answer("P1")
    await box.until(lambda: "P5" in box.asked)
    for one in ("P2", "P3", "P4", "P5"):
        box.answer(one)
    await box.until(lambda: not box.desk.letters)
    assert sorted(box.desk.applied) == ["P1", "P2", "P3", "P4", "P5"]
    box.stop()


@pytest_twisted.ensureDeferred
async def test_silence_holds_one_patient_and_a_his_that_is_gone_holds_all():
    letters = [waiting(1, "a"), waiting(2, "a"), waiting(3, "b")]
    box = Slow(letters, width=1, script={"P1": [Unknown("time-out")]})
    box.start()
    await box.until(lambda: "P3" in box.asked)
    assert "P2" not in box.asked
    box.answer("P3", NotSent("his.unreachable"))
    await box.until(lambda: box.asked.count("P1") == 2 or box.asked.count("P3") == 2)
    while box.desk.letters:
        await box.until(lambda: box.open or not box.desk.letters)
        for one in list(box.open):
            box.answer(one)
        await sleep(reactor, 0)

    assert [one for one in box.desk.applied if one != "P3"] == ["P1", "P2"]
    box.stop()


@pytest_twisted.ensureDeferred
async def test_more_letters_than_are_held_at_a_time_all_leave_and_each_once(monkeypatch):
    monkeypatch.setattr("middleware.engine.outbox.PAGE", 4)
    monkeypatch.setattr("middleware.engine.outbox.HELD", 6)
    box = Slow([waiting(number, f"p{number % 3}") for number in range(1, 30)], width=3)
    box.start()
    while box.desk.letters:
        await box.until(lambda: getattr(box, "open", {}) or not box.desk.letters)
        for one in list(box.open):
            box.answer(one)
        await sleep(reactor, 0)

    assert sorted(box.asked) == sorted(set(box.asked))
    assert len(box.desk.applied) == 29
    box.stop()


@pytest_twisted.ensureDeferred
async def test_a_letter_that_is_opened_again_while_others_are_read_is_not_missed():
    box = Slow([waiting(5, "b")], width=2)
    read = box.desk.waiting_letters

    def reopened_meanwhile(after, limit, name):
        page = read(after, limit, name)
        if page and not any(one.sequence == 1 for one in box.desk.letters):
            box.desk.letters.insert(0, waiting(1, "a"))
            box.look_again()
        return page

    box.desk.waiting_letters = reopened_meanwhile
    box.start()
    await box.until(lambda: "P1" in box.asked)
    for one in list(box.open):
        box.answer(one)
    await box.until(lambda: not box.desk.letters)
    box.stop()


@pytest_twisted.ensureDeferred
async def test_another_node_s_letters_are_forgotten_and_read_anew_when_they_are_ours_again():
    box = Slow([waiting(1, "a"), waiting(2, "b")], width=1)
    mine = True
    box._ours = lambda: mine
    box.start()
    await box.until(lambda: box.asked == ["P1"])
    mine = False
    box.answer("P1")
    await box.until(lambda: box.desk.applied == ["P1"])
    await sleep(reactor, 0)
    assert box.stats.waiting == 0
    mine = True
    box.kick()
    await box.until(lambda: "P2" in box.asked)
    assert box.asked == ["P1", "P2"]
    box.answer("P2")
    await box.until(lambda: not box.desk.letters)
    box.stop()


@pytest_twisted.ensureDeferred
async def test_letters_of_one_id_number_are_one_lane_whatever_the_visit(store_url):
    async with rig(store_url) as r:
        silent: Deferred = Deferred()
        r.his.script = [silent]
        visits = [ensureDeferred(registered(r, key=key)) for key in ("r1", "r2")]
        while len(found := r.reader.waiting_letters(0, 9)) < 2:
            await sleep(reactor, 0.01)
        silent.callback(Answered(HisAccepted()))
        for visit in visits:
            await visit

        assert len({one.letter.visit_id for one in found}) == 2
        assert len({one.lane for one in found}) == 1
        assert "999999" not in found[0].lane
