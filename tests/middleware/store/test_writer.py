"""One durable transaction for many units: all of a unit or nothing of it, and no unit hurts another."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import textwrap

import pytest
import sqlalchemy as sa
from attrs import evolve

from middleware.domain.fault import Fault
from middleware.domain.visit import MONEY_OPEN
from middleware.domain.visit import SettlementState as S
from middleware.store import tables as t
from middleware.store.batch import is_busy, stamp
from middleware.store.reader import Reader
from middleware.store.units import Ending, FencedError, KeyTakenError, StoreError, Unit, WorkRefusedError
from middleware.store.writer import Writer
from tests.middleware.flow.making import settlement, visit
from tests.middleware.store.making import BILL, HOLDER, counts, database, unit, writing
from tests.support.fakes import HIS, NOW
from tests.support.vaults import a_vault


def test_a_unit_is_written_with_all_that_belongs_to_it(store_url):
    with writing(store_url) as (writer, engine):
        assert writer.write([unit(1), unit(2)]) == [None, None]
        reader = Reader(engine, a_vault(engine))

        assert set(counts(engine).values()) == {2}
        assert reader.visit("V0001") == unit(1).visit
        assert reader.holder("P0001") == HOLDER
        assert reader.bill("S0002") == BILL
        assert reader.request("his-1", "k2") == unit(2).request
        assert reader.visit_of("S0002") == "V0002"
        assert [w.letter for w in reader.waiting_letters(0, 9)] == [*unit(1).letters, *unit(2).letters]
        assert reader.newest_message_id() == "M0002"
        assert [row.sequence for row in reader.feed_page(0, 9).rows] == [1, 2]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_invariant_6_a_taken_key_writes_nothing_and_hurts_no_neighbour(store_url, order):
    with writing(store_url) as (writer, engine):
        writer.write([unit(1, key="taken")])
        batch = [unit(2), unit(3, key="taken"), unit(4)]
        results = writer.write([batch[i] for i in order])

        assert [type(results[order.index(i)]) for i in range(3)] == [type(None), KeyTakenError, type(None)]
        assert set(counts(engine).values()) == {3}
        assert Reader(engine, a_vault(engine)).visit("V0003") is None
        assert Reader(engine, a_vault(engine)).broken(t.journal) is None
        assert Reader(engine, a_vault(engine)).broken(t.feed) is None


def test_the_same_key_twice_in_one_batch_is_taken_once(store_url):
    with writing(store_url) as (writer, engine):
        results = writer.write([unit(1, key="k"), unit(2, key="k")])

        assert [type(result) for result in results] == [type(None), KeyTakenError]
        assert set(counts(engine).values()) == {1}


@pytest.mark.parametrize("again", ["message_id", "control_id", "person", "bill"])
def test_whatever_must_be_new_is_not_written_over(store_url, again):
    first, second = unit(1), unit(2)
    taken = {
        "message_id": {"intents": first.intents},
        "control_id": {"letters": first.letters},
        "person": {"person": first.person},
        "bill": {"bill": first.bill},
    }
    with writing(store_url) as (writer, engine):
        writer.write([first])
        (result,) = writer.write([evolve(second, **taken[again])])

        assert isinstance(result, KeyTakenError)
        assert set(counts(engine).values()) == {1}


def test_a_unit_that_cannot_be_written_hurts_no_neighbour_and_never_ends_the_writer(store_url):
    bad = evolve(unit(2), answers=(("his-1", "k2", "\ud800"),))  # half a character: no UTF-8 can hold it
    worse = unit(3, body="\ud800")
    with writing(store_url) as (writer, engine):
        results = writer.write([unit(1), bad, worse, unit(4)])

        assert [type(result) for result in results] == [type(None), StoreError, StoreError, type(None)]
        assert set(counts(engine).values()) == {2}
        assert Reader(engine, a_vault(engine)).broken(t.journal) is None


def test_invariant_17_the_epoch_grows_at_each_opening_and_an_older_one_writes_nothing(store_url):
    with database(store_url) as engine:
        old = Writer(engine, vault=a_vault(engine))
        assert old.write([unit(1)]) == [None]
        new = Writer(engine, vault=a_vault(engine))
        (refused,) = old.write([unit(2)])
        taken = new.write([unit(3)])
        (again,) = old.write([unit(4)])
        found = [row["epoch"] for row in lines_of(engine, t.journal)]
        epochs = (old.epoch, new.epoch)
        old.close()
        new.close()

        assert epochs == (1, 2)
        assert isinstance(refused, FencedError)
        assert isinstance(again, FencedError)
        assert taken == [None]
        assert found == [1, 2]
        assert Reader(engine, a_vault(engine)).broken(t.journal) is None


def lines_of(engine, table):
    with engine.connect() as connection:
        return [json.loads(line) for line in connection.scalars(sa.select(table.c.line).order_by(table.c.sequence))]


def test_the_chain_goes_on_where_an_earlier_life_ended(store_url):
    for number in (1, 2, 3):
        with writing(store_url) as (writer, engine):
            assert writer.write([unit(number)]) == [None]
    with database(store_url) as engine:
        assert Reader(engine, a_vault(engine)).broken(t.journal) is None
        assert [row["epoch"] for row in lines_of(engine, t.journal)] == [1, 2, 3]


# -- failing


class Broken:
    """Fails the next COMMITs, before or after they took effect."""

    def __init__(self, engine, *, really: bool) -> None:
        self.left = 1
        self.really = really
        sa.event.listen(engine, "commit", self)

    def __call__(self, connection):
        if self.left:
            self.left -= 1
            if self.really:
                connection.connection.dbapi_connection.commit()
            raise sa.exc.OperationalError("COMMIT", None, OSError("the disk said something"))


@pytest.mark.parametrize("really", [False, True])
def test_after_a_failed_commit_what_is_on_disk_decides_what_was_written_and_where_the_chain_goes_on(store_url, really):
    with writing(store_url) as (writer, engine):
        writer.write([unit(1)])
        Broken(engine, really=really)
        (failed,) = writer.write([unit(2)])
        after = writer.write([unit(3)])

        assert type(failed) is (type(None) if really else StoreError)
        assert after == [None]
        assert set(counts(engine).values()) == {3 if really else 2}
        assert Reader(engine, a_vault(engine)).broken(t.journal) is None
        assert Reader(engine, a_vault(engine)).broken(t.feed) is None


def test_a_connection_that_died_is_replaced_and_the_heads_are_read_anew(store_url):
    with writing(store_url) as (writer, engine):
        writer.write([unit(1)])
        writer._connection.connection.dbapi_connection.close()
        after = [writer.write([unit(n)]) for n in (2, 3)]

        assert after == [[None], [None]]  # nobody at a counter hears of a session that died while nobody wrote
        assert Reader(engine, a_vault(engine)).broken(t.journal) is None


def test_while_the_database_cannot_be_opened_each_write_fails_and_later_ones_succeed(tmp_path):
    with writing(tmp_path) as (writer, engine):
        writer.write([unit(1)])
        writer._connection.connection.dbapi_connection.close()
        hidden = tmp_path / "hidden"
        engine.dispose()
        (tmp_path / "y.db").rename(hidden)
        (tmp_path / "y.db").mkdir()
        failures = [writer.write([unit(n)])[0] for n in (2, 3, 4)]
        (tmp_path / "y.db").rmdir()
        hidden.rename(tmp_path / "y.db")
        after = writer.write([unit(5)])

        assert [type(failure) for failure in failures] == [StoreError] * 3
        assert after == [None]
        assert set(counts(engine).values()) == {2}


def test_a_full_disk_writes_nothing_of_a_unit_and_writing_goes_on_once_there_is_room(tmp_path):
    with writing(tmp_path) as (writer, engine):
        writer.write([unit(1)])
        raw = writer._connection.connection.dbapi_connection
        pages = raw.execute("PRAGMA page_count").fetchone()[0]
        raw.execute(f"PRAGMA max_page_count={pages}")
        big = unit(2, body=json.dumps("x" * 100_000))
        results = writer.write([big, unit(3)])
        full = counts(engine)
        raw.execute("PRAGMA max_page_count=1000000")
        after = writer.write([big])

        assert isinstance(results[0], StoreError)
        assert set(full.values()) <= {1, 2}
        assert len(set(full.values())) == 1, "a unit is there whole or not at all"
        assert after == [None]
        assert Reader(engine, a_vault(engine)).broken(t.journal) is None


LIMITED = """
    import resource, sys
    from pathlib import Path
    from middleware.store import tables as t
    from middleware.store.database import open_database, ready
    from middleware.store.reader import Reader
    from middleware.store.writer import Writer
    from tests.middleware.store.making import counts, unit
    from tests.support.vaults import a_vault

    engine = open_database(sys.argv[1])
    ready(engine)
    writer = Writer(engine, vault=a_vault(engine))
    assert writer.write([unit(1)]) == [None]
    size = max(p.stat().st_size for p in Path(sys.argv[2]).iterdir())
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 8192, resource.RLIM_INFINITY))
    kinds = [type(writer.write([unit(n, body='"' + "x" * 9000 + '"')])[0]).__name__ for n in range(2, 12)]
    assert "StoreError" in kinds, kinds
    assert set(counts(engine).values()) == {1 + kinds.count("NoneType")}
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert writer.write([unit(99)]) == [None]
    assert Reader(engine, a_vault(engine)).broken(t.journal) is None
    print("went on")
"""


def test_a_file_that_may_not_grow_is_a_store_error_and_not_the_end(tmp_path):
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(LIMITED), f"sqlite:///{tmp_path}/y.db", str(tmp_path)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.stderr == ""
    assert done.stdout == "went on\n"


# -- read models


@pytest.mark.parametrize("state", list(S))
def test_a_visit_is_busy_exactly_when_a_restart_must_look_at_it(state):
    assert is_busy(visit(settlement(state))) == (
        state in {S.RECEIVED, S.ITEMISED, S.ORDERED, S.UNKNOWN} or state.value.endswith(("Intended", "Sent"))
    )
    assert is_busy(visit(settlement(state, awaiting=None, next_due=NOW)))


def test_only_busy_visits_are_looked_at_after_a_restart(store_url):
    with writing(store_url) as (writer, engine):
        writer.write([unit(1, state=S.UNKNOWN), unit(2, state=S.SETTLED), unit(3, state=S.SETTLE_SENT)])
        assert [v.visit_id for v in Reader(engine, a_vault(engine)).busy_visits()] == ["V0001", "V0003"]
        assert writer.write(
            [Unit(visit=evolve(unit(1).visit, settlements=(settlement(S.REVERSED),)), now=NOW, version=1)]
        ) == [None]
        assert [v.visit_id for v in Reader(engine, a_vault(engine)).busy_visits()] == ["V0003"]


def test_invariant_20_the_read_models_say_what_the_journal_says(store_url):
    with writing(store_url) as (writer, engine):
        for n, state in enumerate(S, 1):
            assert writer.write([unit(n, state=state)]) == [None]
        with engine.connect() as connection:
            rows = {r.settlement_id: r.state for r in connection.execute(sa.select(t.settlement))}

        assert rows == {line["settlement"]: line["after"] for line in lines_of(engine, t.journal)}
        assert Reader(engine, a_vault(engine)).states() == dict.fromkeys(S, 1)
        for settlement_id, state in rows.items():
            stored = Reader(engine, a_vault(engine)).visit(Reader(engine, a_vault(engine)).visit_of(settlement_id))
            assert stored.settlements[0].state == state


def test_a_shift_counts_what_is_settled_cancelled_and_in_doubt(store_url):
    with writing(store_url) as (writer, engine):
        for n, state in enumerate(S, 1):
            writer.write([unit(n, state=state)])
        found = Reader(engine, a_vault(engine)).shift(HIS.account, HIS.terminal, NOW, NOW.replace(hour=10))
        elsewhere = Reader(engine, a_vault(engine)).shift(HIS.account, "window-9", NOW, NOW.replace(hour=10))
        earlier = Reader(engine, a_vault(engine)).shift(HIS.account, HIS.terminal, NOW.replace(hour=8), NOW)

    assert found["settled"] == {"count": 5, "total": 50000, "fund": 30000, "account": 15000, "cash": 5000, "bank": 0}
    assert found["cancelled"]["count"] == 1
    assert found["unknown"] == len(MONEY_OPEN)
    assert elsewhere["settled"]["count"] == elsewhere["unknown"] == earlier["settled"]["count"] == 0


def test_how_a_message_ended_and_what_was_answered_stand_beside_what_was_asked(store_url):
    with writing(store_url) as (writer, engine):
        writer.write([unit(1)])
        later = Unit(
            endings=(Ending("M0001", "answered", NOW),),
            answers=(("his-1", "k1", "{}"),),
            closed_letters=(("C0001", "accepted"),),
        )
        assert writer.write([later]) == [None]
        with engine.connect() as connection:
            outcome = connection.scalar(sa.select(t.message.c.outcome))

        assert outcome == "answered"
        assert Reader(engine, a_vault(engine)).request("his-1", "k1").answer == "{}"
        assert Reader(engine, a_vault(engine)).waiting_letters(0, 9) == []


def test_times_sort_as_text_whatever_their_offset():
    assert stamp(NOW) == "2026-11-21T01:00:00Z"


def test_a_unit_with_work_is_alone_and_those_around_it_share_their_transactions(store_url):
    def refuses(_connection):
        raise WorkRefusedError(Fault("desk.stale"))

    with writing(store_url) as (writer, engine):
        commits = []
        sa.event.listen(engine, "commit", lambda _connection: commits.append(1))
        assert writer.write([unit(1), unit(2), Unit(work=lambda _connection: None), unit(3), unit(4)]) == [None] * 5
        assert len(commits) == 3
        results = writer.write([unit(5), Unit(work=refuses), unit(6)])

        assert [type(result) for result in results] == [type(None), WorkRefusedError, type(None)]
        assert set(counts(engine).values()) == {6}
