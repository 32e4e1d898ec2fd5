"""Several lives on one database, on both kinds: epochs, leases, versions, what the dead leave, and who seals."""

from __future__ import annotations

import contextlib
import threading
import time

import pytest
import sqlalchemy as sa

from middleware.domain.fault import Fault
from middleware.domain.message_id import MessageIds
from middleware.domain.visit import SettlementState as S
from middleware.store import nodes
from middleware.store import tables as t
from middleware.store.nodes import MAX_NODES, Membership, database_seconds
from middleware.store.reader import Reader
from middleware.store.units import Ending, FencedError, Intent, KeyTakenError, StaleError, Unit
from middleware.store.writer import Writer
from tests.middleware.store.making import a_vault, database, unit
from tests.support.fakes import NOW

LEASE_S = 15.0


class Seconds:
    """The database's clock, as the test wants it."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self, _connection):
        return self.now


@contextlib.contextmanager
def lives(store_url, *names, lease_s=LEASE_S, seconds=None):
    """Writers of nodes with these names, each with an engine of its own; the clock that they share; a reader."""
    clock = seconds or Seconds()
    with database(store_url) as engine, contextlib.ExitStack() as stack:
        made = []
        for name in names:
            own = stack.enter_context(database(store_url))
            writer = Writer(own, vault=a_vault(own), membership=Membership(name, lease_s, True, clock))
            stack.callback(writer.close)
            made.append(writer)
        yield (*made, clock, Reader(engine, a_vault(engine)))


def again(number, version, state=S.SETTLED, **more):
    """The visit of ``unit(number)`` written once more, and nothing that must be new."""
    first = unit(number, state=state)
    return Unit(records=first.records, visit=first.visit, now=NOW, version=version, **more)


def test_nodes_write_in_turn_and_the_chains_have_one_row_after_the_other(store_url):
    with lives(store_url, "a", "b") as (a, b, _, reader):
        for number in range(1, 7):
            assert (a, b)[number % 2].write([unit(number)]) == [None]

        assert reader.broken(t.journal) is reader.broken(t.feed) is None
        assert [row.sequence for row in reader.feed_page(0, 9).rows] == [1, 2, 3, 4, 5, 6]
        assert (a.epoch, b.epoch) == (1, 2)


def test_invariant_24_nodes_that_write_at_the_same_time_leave_no_gap_and_no_fork(store_url):
    with lives(store_url, "a", "b") as (a, b, _, reader):
        failed = []

        def work(writer, first):
            results = [writer.write([unit(number)]) for number in range(first, first + 40)]
            failed.extend(result for result in results if result != [None])

        threads = [threading.Thread(target=work, args=(writer, n)) for writer, n in ((a, 100), (b, 200))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert failed == []
        assert reader.head(t.journal).sequence == reader.head(t.feed).sequence == 80
        assert reader.broken(t.journal) is reader.broken(t.feed) is None


def test_invariant_7_a_step_from_an_older_visit_writes_nothing_and_hurts_no_neighbour(store_url):
    with lives(store_url, "a", "b") as (a, b, _, reader):
        a.write([unit(1)])
        assert b.write([again(1, 1, S.CANCELLED)]) == [None]
        results = a.write([again(1, 1), unit(2), again(1, 2, S.DELIVERED)])

        assert [type(r) for r in results] == [StaleError, type(None), type(None)]
        assert reader.stored("V0001").version == 3
        assert reader.visit("V0001").settlements[0].state == S.DELIVERED
        assert (reader.stored("V0001").epoch, reader.stored("V0001", 3)) == (a.epoch, None)
        assert reader.broken(t.journal) is None


def test_invariant_6_a_key_that_another_node_took_writes_nothing(store_url):
    with lives(store_url, "a", "b") as (a, b, _, reader):
        a.write([unit(1, key="k")])
        (taken,) = b.write([unit(2, key="k")])

        assert isinstance(taken, KeyTakenError)
        assert reader.visit("V0002") is None


def test_the_first_answer_of_a_request_is_its_answer_for_ever(store_url):
    with lives(store_url, "a", "b") as (a, b, _, reader):
        a.write([unit(1)])
        a.write([Unit(answers=(("his-1", "k1", '{"result":1}'),))])
        b.write([Unit(answers=(("his-1", "k1", '{"result":2}'),))])

        assert reader.request("his-1", "k1").answer == '{"result":1}'


def test_a_lease_goes_on_while_it_is_renewed_and_is_taken_by_whoever_sees_that_it_ran_out(store_url):
    with lives(store_url, "a", "b") as (a, b, clock, _):
        clock.now += LEASE_S - 1
        assert a.renew().renewed
        clock.now += LEASE_S - 1
        seen = b.renew()  # b's own ran out, and nobody has taken it

        assert seen.renewed
        assert not seen.to_take
        clock.now += 2
        assert b.renew().to_take
        assert not a.renew().renewed
        assert b.renew().peers[0].ended == "lost"


def test_invariant_17_a_life_that_another_ended_writes_nothing_until_it_joins_again(store_url):
    with lives(store_url, "a", "b") as (a, b, clock, reader):
        a.write([unit(1)])
        clock.now += LEASE_S + 1
        b.renew()
        old = a.epoch
        (refused,) = a.write([again(1, 1)])
        with pytest.raises(FencedError):
            a.claim("", "", 9, mine=False)
        life = a.rejoin()
        late, new = a.write([again(1, 1, epoch=old), again(1, 1, epoch=life.epoch)])

        assert isinstance(refused, FencedError)
        assert (isinstance(late, FencedError), new) == (True, None)
        assert life.epoch == 3
        assert reader.stored("V0001").epoch == 3


def test_the_same_name_again_ends_the_life_before_at_once_and_is_not_taken_back(store_url):
    with lives(store_url, "a", "a") as (old, new, _, _reader):
        assert not old.renew().renewed
        assert new.renew().renewed
        with pytest.raises(Fault, match="calls itself a"):
            old.rejoin()


def test_alone_a_start_ends_every_life_before_whatever_its_name_was(store_url):
    with database(store_url) as engine:
        first = Writer(engine, membership=Membership("a"))
        second = Writer(engine, membership=Membership("another-name"))
        (refused,) = first.write([unit(1)])

        assert isinstance(refused, FencedError)
        assert second.life.slot == 0
        first.close()
        second.close()


def test_there_are_as_many_nodes_as_parts_of_the_message_ids(store_url):
    with database(store_url) as engine, engine.begin() as connection:
        found = [nodes.join(connection, Membership(f"n{n}", shared=True)).slot for n in range(MAX_NODES)]
        with pytest.raises(Fault, match="10 nodes"):
            nodes.join(connection, Membership("one-more", shared=True))

        assert found == list(range(MAX_NODES))


def test_a_node_has_the_same_part_again_though_a_new_one_came_while_it_was_away(store_url):
    with lives(store_url, "a", "b") as (a, b, clock, _):
        slots = (a.life.slot, b.life.slot)
        clock.now += LEASE_S + 1
        with database(store_url) as engine, engine.begin() as connection:
            new = nodes.join(connection, Membership("c", LEASE_S, True, clock)).slot

        assert (a.rejoin().slot, b.rejoin().slot) == slots == (0, 1)
        assert new == 2


def test_invariant_23_no_two_nodes_give_the_same_message_id_and_a_part_goes_on_where_it_stood(store_url):
    code = "H99990000001"
    with lives(store_url, "a", "b") as (a, b, clock, _):
        ids = {w: MessageIds(code, w.life.newest_message_id, w.life.slot, MAX_NODES) for w in (a, b)}
        given = [ids[w].next(NOW) for _ in range(1000) for w in (a, b)]
        with pytest.raises(Fault, match="1000 message ids"):
            ids[a].next(NOW)
        intents = tuple(Intent(m, "V1", "", "1101", "d", 0, NOW) for m in given[::2])
        assert a.write([Unit(intents=intents[:7])]) == [None]
        clock.now += LEASE_S + 1
        b.renew()
        life = a.rejoin()
        ids[a].resume(life.newest_message_id, life.slot)

        assert len(set(given)) == 2000
        assert life.newest_message_id == given[12]
        later = NOW.replace(second=1)
        assert ids[a].next(later) > max(given[::2])


def test_what_a_dead_life_had_in_hand_is_claimed_once_and_nothing_of_the_living(store_url):
    with lives(store_url, "a", "b", "c") as (a, b, c, clock, reader):
        a.write([unit(1, state=S.SETTLE_SENT), unit(2, state=S.UNKNOWN), unit(3, state=S.SETTLED)])
        b.write([unit(4, state=S.SETTLE_SENT)])
        b.write([again(2, 1, S.UNKNOWN)])  # b wrote it last, a's message is still out
        assert c.claim("t", "", 9, mine=False) == []
        clock.now += LEASE_S - 1
        assert b.renew().renewed
        clock.now += 2
        assert c.rejoin().epoch == 4  # its own lease ran out as a's did: whoever begins a life ends both
        (first,) = c.claim("t", "", 1, mine=False)
        rest = c.claim("t", first.visit_id, 9, mine=False)

        assert (first.visit_id, first.version, first.dead, first.flying) == ("V0001", 1, {"S0001": ("M0001",)}, frozenset())
        assert [(one.visit_id, one.dead) for one in rest] == [("V0002", {"S0002": ("M0002",)})]
        assert (reader.stored("V0001").epoch, reader.stored("V0001").since) == (c.epoch, "t")
        assert not c.clear("now"), "the messages of the dead are still open"
        done = c.write(
            [again(n, v, S.REVERSED, endings=(Ending(f"M{n:04d}", "unknown crash", NOW),)) for n, v in ((1, 1), (2, 2))]
        )
        assert done == [None, None]
        assert c.clear("now")
        assert not c.renew().to_take
        assert b.claim("t", "", 9, mine=False) == []
        assert [one.visit_id for one in b.claim("t", "", 9, mine=True)] == ["V0004"]


def test_a_task_is_one_nodes_at_a_time_and_goes_on_elsewhere_when_its_node_is_gone(store_url):
    with lives(store_url, "a", "b") as (a, b, clock, _):
        assert a.renew(["outbox"]).tasks == {"outbox"}
        assert b.renew(["outbox"]).tasks == frozenset()
        clock.now += LEASE_S - 1
        b.renew()
        clock.now += 2
        assert b.renew(["outbox"]).tasks == {"outbox"}
        a.rejoin()
        assert a.renew(["outbox"]).tasks == frozenset()
        b.leave()
        assert a.renew(["outbox"]).tasks == {"outbox"}


def test_the_databases_own_clock_goes_forward(store_url):
    with database(store_url) as engine, engine.connect() as connection:
        before = database_seconds(connection)
        time.sleep(0.002)
        assert 0 < database_seconds(connection) - before < 60
        assert abs(before - time.time()) < 60


def test_a_node_that_hangs_inside_a_transaction_is_ended_by_the_server(postgres_url):
    with lives(postgres_url, "a", "b", lease_s=1.5, seconds=database_seconds) as (a, b, _, reader):
        a._connection.begin()
        a._lock()
        done = b.write([unit(1)])
        (broken,) = a.write([unit(2)])

        assert done == [None]
        assert broken is not None
        assert a.write([unit(3)])[0] is None
        assert reader.broken(t.journal) is None


def test_a_claim_leaves_what_a_persons_session_has_locked_for_the_next_look(postgres_url):
    with lives(postgres_url, "a", "b") as (a, b, clock, reader):
        a.write([unit(1, state=S.SETTLE_SENT), unit(2, state=S.SETTLE_SENT)])
        clock.now += LEASE_S + 1
        b.renew()
        with reader._engine.connect() as person, person.begin():
            person.execute(sa.select(t.visit).where(t.visit.c.visit_id == "V0001").with_for_update())
            assert [one.visit_id for one in b.claim("t", "", 9, mine=False)] == ["V0002"]
            assert not b.clear("now")
        assert [one.visit_id for one in b.claim("t", "", 9, mine=False)] == ["V0001", "V0002"]


def test_a_visit_that_nobody_wrote_is_not_stale(store_url):
    with lives(store_url, "a") as (a, _, reader):
        (stale,) = a.write([again(1, 1)])

        assert isinstance(stale, StaleError)
        assert reader.stored("V0001") is None
