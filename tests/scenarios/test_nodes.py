"""Two daemons, one PostgreSQL, real wires: one is killed or stands still with money on its way, the other takes over."""

from __future__ import annotations

import signal

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred, gatherResults

from simulators.centre.ledger import State
from simulators.stage import Stage
from tests.scenarios import invariants
from tests.scenarios.hospital import Hospital, bounded, gone, until

pytestmark = [pytest.mark.pcsc, pytest.mark.slow]

SETTINGS = {
    "centre": {"total_deadline_s": 60.0},
    "engine": {"max_attempts": 50},
    "store": {"lease_s": 2.0, "lease_margin_s": 0.5},
}


@pytest_twisted.async_yield_fixture(scope="module")
async def both(tmp_path_factory, cluster):
    url = cluster.url(cluster.create())
    one = Stage(reactor, tmp_path_factory.mktemp("n1"), settings=_named("n1", url))
    two = Stage(reactor, tmp_path_factory.mktemp("n2"), settings=_named("n2", url), beside=one)
    try:
        await one.start()
        await two.start()
        first, second = Hospital(one, url), Hospital(two, url)
        second._keys = 5000  # the same account at both doors: a key is a request's, wherever it is asked
        await first.insert("employee")
        await second.until_reader("card-present")
        yield first, second
    finally:
        await two.stop()
        await one.stop()


def _named(name, url):
    return SETTINGS | {"store": SETTINGS["store"] | {"url": url, "node_name": name}}


def epoch_of(hospital, name):
    return next(row["epoch"] for row in hospital.rows("node") if row["name"] == name and not row["ended"])


async def until_living(hospital, count):
    await until(lambda: sum(not row["ended"] for row in hospital.rows("node")) == count, f"never {count} nodes")


def settled_for(hospital, quote):
    return [s for s in invariants.settlements_of(_Centre(hospital), quote["settlement_id"]) if s.state is State.APPROVED]


class _Centre:
    def __init__(self, hospital):
        self.centre = hospital.stage.centre
        self.of = hospital.rows


@pytest_twisted.ensureDeferred
async def test_invariant_6_one_key_at_two_doors_at_once_is_one_2207_and_one_answer(both):
    first, second = both
    quote = await first.quote()
    hold = first.stage.centre.holds.next("2207", "processed")
    wish = first.confirmation(quote)
    asked = [h.call("settlement.settle", wish) for h in (first, second, second)]
    await bounded(hold.reached)
    hold.release()
    answers = await bounded(gatherResults(asked))
    late = await second.call("settlement.settle", wish)

    assert answers == [late] * 3
    assert len([r for r in first.stage.centre.ledger.receipts if r.call == "2207"]) == 1
    assert len(settled_for(first, quote)) == 1


@pytest_twisted.ensureDeferred
async def test_a_node_killed_with_a_2207_in_flight_is_taken_over_and_the_money_given_back(both):
    first, second = both
    quote = await first.quote()
    wish = first.confirmation(quote)
    hold = first.stage.centre.holds.next("2207", "processed")
    caller = first.call("settlement.settle", wish)
    await bounded(hold.reached)
    dead = epoch_of(first, "n1")
    await first.kill()
    hold.lose()
    await bounded(gone(caller))
    undone = await second.until(quote["settlement_id"], "Reversed")
    error = await second.fault("settlement.settle", wish)
    _, metrics = await second.get("/metrics")
    await first.restart()
    await until_living(second, 2)
    await second.until_quiet()

    assert undone["money"] == "reversed"
    assert error.code == "settlement.reversed"
    assert b"yikatong_nodes_living 1.0" in metrics
    assert next(row["ended"] for row in second.rows("node") if row["epoch"] == dead) == "lost"
    assert settled_for(first, quote) == []
    await invariants.check(second)


@pytest_twisted.ensureDeferred
async def test_invariants_17_and_18_a_node_that_stood_still_past_its_lease_overwrites_and_sends_nothing(both):
    first, second = both
    quote, other = await first.quote(), await first.quote()
    hold = first.stage.centre.holds.next("2207", "processed")
    caller = ensureDeferred(first.end("settlement.settle", first.confirmation(quote)))
    await bounded(hold.reached)
    old = epoch_of(first, "n1")
    await first.freeze()
    asleep = ensureDeferred(first.end("settlement.settle", first.confirmation(other)))  # in the frozen node's socket
    hold.release()  # the answer lies in its kernel
    undone = await second.until(quote["settlement_id"], "Reversed")
    held = settled_for(second, quote)
    before = len(first.stage.centre.ledger.receipts)
    first.stage.daemon.signal(signal.SIGCONT)
    await until_living(second, 2)
    ends = [await bounded(one) for one in (caller, asleep)]
    await first.end("settlement.settle", first.confirmation(other))
    await second.until_quiet()

    receipts = first.stage.centre.ledger.receipts[before:]
    epochs = {row["message_id"]: row["epoch"] for row in second.rows("message")}
    assert undone["money"] == "reversed"
    assert held == settled_for(second, quote) == []
    assert old not in {epochs[receipt.message_id] for receipt in receipts}
    assert epoch_of(second, "n1") > old
    assert all(isinstance(end, tuple) or end["state"] == "Settled" for end in ends)
    await invariants.check(second)


@pytest_twisted.ensureDeferred
async def test_a_node_that_stops_in_order_leaves_at_once_and_all_books_agree(both):
    first, second = both
    await first.stage.kill(signal.SIGTERM)
    ended = max(second.rows("node"), key=lambda row: row["epoch"] if row["name"] == "n1" else 0)["ended"]
    await second.settled()
    await second.until_quiet()
    books = await invariants.check(second)

    assert ended == "left"
    invariants.all_books_agree(books)
    await first.restart()
