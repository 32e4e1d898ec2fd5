"""PostgreSQL: what is not durable is refused, and a COMMIT that nobody answered is looked up before it is told."""

from __future__ import annotations

import contextlib
import random
import signal
import subprocess
import sys
import threading
from types import SimpleNamespace

import psycopg
import pytest
import sqlalchemy as sa

from middleware.domain.fault import Fault
from middleware.store import postgres
from middleware.store import tables as t
from middleware.store.database import open_database, ready, snapshot
from middleware.store.lock import hold_database
from middleware.store.reader import Reader
from middleware.store.units import Ending, FencedError, KeyTakenError, StoreError, Unit
from middleware.store.vault import Vault
from middleware.store.walk import CHAINS
from middleware.store.writer import Writer
from tests.middleware.store.making import counts, database, unit, writing
from tests.support.fakes import NOW
from tests.support.postgres import PASSWORD, USER
from tests.support.vaults import a_vault, masters


def name_of(url):
    return sa.make_url(url).database


def opened(url):
    engine = open_database(url)
    try:
        with engine.connect() as connection:
            return connection.scalar(sa.text("SELECT 1"))
    finally:
        engine.dispose()


def refusal(url):
    with pytest.raises(Fault) as caught:
        opened(url)
    assert caught.value.code == "system.journal"
    return caught.value.detail


# -- opening


@pytest.mark.parametrize("weak", ["off", "local", "remote_write"])
def test_invariant_30_a_session_whose_commit_may_be_lost_is_refused(cluster, postgres_url, weak):
    name = name_of(postgres_url)
    cluster.sql(f"ALTER DATABASE {name} SET synchronous_commit = {weak}")

    assert refusal(postgres_url) == f"synchronous_commit={weak}: not durable"


@pytest.mark.parametrize(
    ("host", "address", "tls", "taken"),
    [
        ("/run/postgresql", "", False, True),
        ("localhost", "127.0.0.1", False, True),
        ("db", "::1", False, True),
        ("db", "10.1.2.3", True, True),
        ("db", "10.1.2.3", False, False),
        ("127.0.0.1.example", "192.0.2.7", False, False),
    ],
)
def test_beyond_this_machine_only_with_tls(host, address, tls, taken):
    connection = SimpleNamespace(info=SimpleNamespace(host=host, hostaddr=address), pgconn=SimpleNamespace(ssl_in_use=tls))
    with contextlib.nullcontext() if taken else pytest.raises(Fault, match="only with TLS"):
        postgres._refuse_open_wire(connection)


@pytest.mark.parametrize("strong", ["on", "remote_apply"])
def test_a_session_whose_commit_is_durable_is_taken(cluster, postgres_url, strong):
    cluster.sql(f"ALTER DATABASE {name_of(postgres_url)} SET synchronous_commit = {strong}")

    assert opened(postgres_url) == 1


@pytest.mark.parametrize("name", ["fsync", "full_page_writes"])
def test_invariant_30_a_server_that_does_not_reach_the_disk_is_refused(cluster, name):
    cluster.stop()
    try:
        cluster.start(**{name: "off"})
        found = refusal(cluster.url("postgres"))
    finally:
        cluster.stop()
        cluster.start()

    assert found == f"{name}=off: not durable"


@pytest.mark.parametrize(
    "made", ["ENCODING 'SQL_ASCII' LOCALE 'C'", "ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'en' LOCALE 'C.UTF-8'"]
)
def test_a_database_whose_text_is_otherwise_than_sqlites_is_refused_with_what_to_do(cluster, made):
    cluster.sql(f"CREATE DATABASE otherwise TEMPLATE template0 {made}")
    try:
        found = refusal(cluster.url("otherwise"))
    finally:
        cluster.drop("otherwise")

    assert "ENCODING 'UTF8' LOCALE 'C'" in found


def test_a_password_stands_in_no_error_and_no_repr(cluster, capfd):
    wrong = cluster.tcp("postgres", password="Falsch-4711")
    engine = open_database(wrong)
    with pytest.raises(sa.exc.OperationalError) as caught, engine.connect():
        pass
    with pytest.raises(Fault) as told:
        ready(engine)
    with pytest.raises(Fault) as held:
        hold_database(wrong)
    engine.dispose()
    said = f"{caught.value!s}{caught.value!r}{told.value!s}{held.value!s}{engine!r}{''.join(capfd.readouterr())}"

    assert "4711" not in said
    assert opened(cluster.tcp("postgres")) == 1


def test_a_password_may_stand_in_a_file_that_the_url_names(cluster, tmp_path):
    file = tmp_path / "pass"
    file.write_text(f"127.0.0.1:{cluster.port}:*:*:{PASSWORD}\n")
    file.chmod(0o600)
    url = cluster.tcp("postgres").replace(f":{PASSWORD}@", "@")

    assert opened(f"{url}?passfile={file}") == 1
    with pytest.raises(sa.exc.OperationalError, match="password"):
        opened(url)


def test_readers_have_a_time_limit_and_the_writer_has_none(postgres_url):
    with writing(postgres_url) as (writer, engine), engine.connect() as connection:
        limits = [
            (one.scalar(sa.text("SHOW statement_timeout")), one.scalar(sa.text("SHOW lock_timeout")))
            for one in (connection, writer._connection)
        ]
        writer._connection.rollback()

    assert limits == [("1min", "30s"), ("0", "30s")]


def test_what_is_read_in_a_snapshot_is_of_one_moment(store_url):
    with writing(store_url) as (writer, engine), snapshot(engine) as connection:
        before = connection.scalar(sa.select(sa.func.count()).select_from(t.journal))
        assert writer.write([unit(1)]) == [None]
        after = connection.scalar(sa.select(sa.func.count()).select_from(t.journal))

        assert (before, after) == (0, 0)


def test_one_process_at_a_time_holds_a_database(postgres_url):
    first = hold_database(postgres_url)
    with pytest.raises(Fault) as caught:
        hold_database(postgres_url)
    first.dispose()
    hold_database(postgres_url).dispose()

    assert caught.value.code == "system.in_use"


def test_two_nodes_that_find_an_empty_database_make_its_tables_one_after_the_other(cluster):
    name = cluster.create("template0")
    start = "import sys; from middleware.store.database import *; ready(open_database(sys.argv[1]))"
    lives = [subprocess.Popen([sys.executable, "-c", start, cluster.url(name)], stderr=subprocess.PIPE) for _ in range(2)]
    said = [life.communicate(timeout=60)[1] for life in lives]
    tables = cluster.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", database=name)
    cluster.drop(name)

    assert said == [b"", b""]
    assert tables == [(len(t.metadata.tables) + 1,)]


# -- both databases, one behaviour


def test_the_same_units_give_the_same_chains_and_the_same_feed_to_the_last_byte(tmp_path, postgres_url):
    found = []
    for where in (tmp_path, postgres_url):
        with database(where) as engine:
            writer = Writer(engine, vault=Vault(engine, masters(), random_bytes=random.Random(7).randbytes))
            assert writer.write([unit(n) for n in range(1, 6)]) == [None] * 5
            later = writer.write([unit(6), unit(7, key="k6"), unit(8)])
            assert [type(result) for result in later] == [type(None), KeyTakenError, type(None)]
            writer.close()
            with engine.connect() as connection:
                rows = [connection.execute(sa.select(table).order_by(table.c.sequence)).all() for table in CHAINS]
            pages = [Reader(engine).feed_page(after, 3) for after in range(0, 9, 3)]
            found.append(([[tuple(row) for row in chain] for chain in rows], pages))

    assert found[0] == found[1]
    assert len(found[0][0][0]) == 7


@pytest.mark.parametrize("table", [t.journal, t.feed], ids=str)
def test_a_number_of_a_chain_that_is_taken_is_no_key_of_the_callers(store_url, table):
    """Else a request would be answered as one that had been made before."""
    with writing(store_url) as (writer, engine):
        assert writer.write([unit(1)]) == [None]
        row = dict.fromkeys((column.name for column in table.c), "x") | {"sequence": 2}
        with engine.begin() as connection:
            connection.execute(sa.insert(table), row)
        (refused,) = writer.write([unit(2)])
        with engine.begin() as connection:
            connection.execute(sa.delete(table).where(table.c.sequence == 2))
        after = writer.write([unit(2)])

        assert isinstance(refused, StoreError)
        assert after == [None]


def test_how_something_ended_is_kept_as_far_as_there_is_room(store_url):
    with writing(store_url) as (writer, engine):
        assert writer.write([unit(1)]) == [None]
        long = Unit(endings=(Ending("M0001", "x" * 500, NOW),), closed_letters=(("C0001", "y" * 500),))

        assert writer.write([long]) == [None]
        with engine.connect() as connection:
            assert connection.scalar(sa.select(t.message.c.outcome)) == "x" * 80


# -- the COMMIT that nobody answered


class Kill:
    """Ends the writer's session at the moment when COMMIT is about to be said."""

    def __init__(self, cluster, writer):
        self._cluster = cluster
        self._pid = writer._connection.connection.dbapi_connection.info.backend_pid
        sa.event.listen(writer._engine, "commit", self)

    def __call__(self, _connection):
        if self._pid:
            pid, self._pid = self._pid, 0
            self._cluster.sql("SELECT pg_terminate_backend(%s, 10000)", (pid,))


def whole(engine):
    return [Reader(engine).broken(table) for table in (t.journal, t.feed)] == [None, None]


def slow_commit(cluster, url, seconds):
    """From now on a COMMIT that adds to the journal takes so long, on the server."""
    body = f"BEGIN PERFORM pg_sleep({seconds}); RETURN NULL; END"
    when = "AFTER INSERT ON journal DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
    cluster.sql(f"CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS '{body}'", database=name_of(url))
    cluster.sql(f"CREATE CONSTRAINT TRIGGER slowly {when} EXECUTE FUNCTION slowly()", database=name_of(url))


def test_a_session_ended_before_commit_wrote_nothing_and_the_next_unit_is_written(cluster, postgres_url):
    with writing(postgres_url) as (writer, engine):
        writer.write([unit(1)])
        Kill(cluster, writer)
        (failed,) = writer.write([unit(2)])
        after = writer.write([unit(2)])

        assert isinstance(failed, StoreError)
        assert after == [None]
        assert set(counts(engine).values()) == {2}
        assert whole(engine)


def test_a_session_ended_between_two_units_is_made_anew(cluster, postgres_url):
    with writing(postgres_url) as (writer, engine):
        writer.write([unit(1)])
        Reader(engine, writer._vault).visit("V0001")  # a session for readers is in the pool now
        for pid in cluster.backends(name_of(postgres_url)):
            cluster.sql("SELECT pg_terminate_backend(%s, 10000)", (pid,))
        after = writer.write([unit(2)])
        read = Reader(engine, writer._vault).visit("V0001")
        limit = writer._connection.scalar(sa.text("SHOW statement_timeout"))
        writer._connection.rollback()

        assert read == unit(1).visit  # a reader finds out before it asks, a writer before it has written anything
        assert (after, limit) == ([None], "0")


def test_a_server_that_was_killed_has_all_that_was_acknowledged_and_the_writer_goes_on(cluster, postgres_url):
    with writing(postgres_url) as (writer, engine):
        acknowledged = writer.write([unit(n) for n in range(1, 9)])
        cluster.stop(signal.SIGQUIT)
        (failed,) = writer.write([unit(9)])
        cluster.start()
        after = writer.write([unit(9)])

        assert acknowledged == [None] * 8
        assert isinstance(failed, StoreError)
        assert after == [None]
        assert set(counts(engine).values()) == {9}
        assert whole(engine)


@pytest.mark.parametrize(("rule", "written"), [("swallow", True), ("cut", False)])
def test_a_commit_whose_answer_is_lost_is_told_as_the_database_has_it(through, rule, written):
    proxy, url = through
    with writing(url) as (writer, engine):
        writer.write([unit(1)])
        proxy.rule = rule
        results = writer.write([unit(2), unit(3)])
        after = writer.write([unit(4)])

        assert [type(result) for result in results] == [type(None) if written else StoreError] * 2
        assert after == [None]
        assert set(counts(engine).values()) == {4 if written else 2}
        assert whole(engine)


def test_a_commit_that_still_runs_when_its_connection_breaks_is_waited_for(cluster, through):
    """Whoever only looks whether the row is there finds nothing, and a moment later it is."""
    proxy, url = through
    with writing(url) as (writer, engine):
        writer.write([unit(1)])
        slow_commit(cluster, url, 0.5)
        proxy.rule = "part"
        (result,) = writer.write([unit(2)])

        assert result is None
        assert set(counts(engine).values()) == {2}
        assert writer.write([unit(3)]) == [None]
        assert whole(engine)


def test_a_session_ended_inside_commit_wrote_nothing(cluster, postgres_url):
    with writing(postgres_url) as (writer, engine):
        writer.write([unit(1)])
        slow_commit(cluster, postgres_url, 20)
        results = []
        thread = threading.Thread(target=lambda: results.extend(writer.write([unit(2)])))
        thread.start()
        inside = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s AND query = 'COMMIT' AND state = 'active'"
        while not cluster.sql(inside, (name_of(postgres_url),)):
            assert thread.is_alive()
        cluster.sql("DROP TRIGGER slowly ON journal", database=name_of(postgres_url))
        thread.join(30)

        assert [type(result) for result in results] == [StoreError]
        assert writer.write([unit(2)]) == [None]
        assert set(counts(engine).values()) == {2}
        assert whole(engine)


def test_what_was_written_is_found_though_another_has_gone_on_since(through, postgres_url):
    proxy, url = through
    with database(postgres_url) as direct, database(url) as engine:
        waits = []

        def pause(seconds):
            waits.append(seconds)
            if len(waits) == 1:
                other = Writer(direct, vault=a_vault(direct))
                assert other.write([unit(3)]) == [None]
                other.close()
                proxy.open()
            return False

        writer = Writer(engine, pause, vault=a_vault(engine))
        writer.write([unit(1)])
        sa.event.listen(engine, "invalidate", lambda *_: waits or proxy.refuse())
        proxy.rule = "swallow"
        results = writer.write([unit(2)])
        (stale,) = writer.write([unit(4)])
        writer.close()

        assert waits != []
        assert results == [None]
        assert isinstance(stale, FencedError)  # the other's epoch has the database now
        assert set(counts(direct).values()) == {3}
        assert whole(direct)


def test_while_nobody_can_tell_nothing_is_told_until_the_process_ends(through, postgres_url):
    proxy, url = through
    with database(url) as engine:
        writer = Writer(engine, vault=a_vault(engine))
        writer.write([unit(1)])
        sa.event.listen(engine, "invalidate", lambda *_: proxy.refuse())
        proxy.rule = "swallow"
        results = []
        thread = threading.Thread(target=lambda: results.extend(writer.write([unit(2)])))
        thread.start()
        while not writer.trouble:
            assert thread.is_alive()
        told, trouble = list(results), writer.trouble
        writer.give_up()
        thread.join(30)
        writer.close()

    assert (told, "COMMIT is not known" in trouble) == ([], True)
    assert [type(result) for result in results] == [StoreError]


def test_a_commit_that_takes_long_is_not_cancelled_by_anybody(through):
    proxy, url = through
    limits = "-c statement_timeout=1500 -c lock_timeout=1500 -c idle_in_transaction_session_timeout=1500"
    with writing(f"{url}?options={limits}") as (writer, engine):
        proxy.rule = "hold"
        results = []
        thread = threading.Thread(target=lambda: results.extend(writer.write([unit(1)])))
        thread.start()
        assert proxy.held.wait(30), results
        thread.join(2)  # longer than each of the limits
        waiting = thread.is_alive()
        proxy.go_on.set()
        thread.join(30)

        assert waiting
        assert results == [None]
        assert set(counts(engine).values()) == {1}


def test_no_time_limit_of_the_servers_ends_a_commit(cluster, postgres_url):
    """What the module's first lines say of PostgreSQL, asked of PostgreSQL."""
    slow_commit(cluster, postgres_url, 0.4)
    name = name_of(postgres_url)
    made = f"host={cluster.folder} port={cluster.port} user={USER} dbname={name}"
    with psycopg.connect(made) as connection:
        for limit in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
            connection.execute(f"SET {limit} = 100")
        connection.execute("INSERT INTO journal VALUES (1, 'v', 's', 'e', 'p', 'h', 'l')")
        connection.commit()
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute("SELECT pg_sleep(1)")

    assert cluster.sql("SELECT count(*) FROM journal", database=name) == [(1,)]
