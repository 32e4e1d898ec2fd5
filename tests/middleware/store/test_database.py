"""An acknowledged commit survives a power cut, a schema changes only when told to, and nobody else reads the file."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import stat

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from middleware.domain.fault import Fault
from middleware.store import database as db
from middleware.store import tables as t
from middleware.store.database import migrate, open_database, ready, revisions
from middleware.store.writer import Writer
from tests.middleware.store.making import counts, database, unit
from tests.support.vaults import a_vault


def pragma(connection, name):
    return connection.exec_driver_sql(f"PRAGMA {name}").scalar()


def test_invariant_30_every_connection_of_the_pool_is_wal_and_full(tmp_path):
    engine = open_database(f"sqlite:///{tmp_path}/y.db", readers=3)
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(engine.connect()) for _ in range(engine.pool.size())]
        raw = {id(connection.connection.dbapi_connection) for connection in connections}
        found = [(pragma(c, "journal_mode"), pragma(c, "synchronous"), pragma(c, "foreign_keys")) for c in connections]

    engine.dispose()
    assert len(raw) == len(connections) == 5
    assert found == [("wal", 2, 1)] * 5


def test_a_connection_that_cannot_be_durable_is_refused():
    plain = sqlite3.connect(":memory:")
    with contextlib.closing(plain), pytest.raises(Fault) as caught:
        db._make_durable(plain, None)

    assert caught.value.code == "system.journal"


def test_a_file_that_keeps_texts_in_another_encoding_is_refused(tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / "y.db")) as other:
        other.execute("PRAGMA encoding = 'UTF-16'")
        other.execute("CREATE TABLE t (a)")
    engine = open_database(f"sqlite:///{tmp_path}/y.db")

    with pytest.raises(Fault, match="UTF-16"):
        engine.connect()
    engine.dispose()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///"])
def test_a_database_in_memory_keeps_nothing_and_is_refused(url):
    with pytest.raises(Fault) as caught:
        open_database(url)

    assert caught.value.code == "system.config"


@pytest.mark.parametrize("before", [None, 0o644, 0o666])
def test_only_the_owner_reads_the_file_even_one_that_was_there_before(tmp_path, before):
    path = tmp_path / "y.db"
    if before is not None:
        path.touch()
        path.chmod(before)
    with database(tmp_path) as engine:
        Writer(engine, vault=a_vault(engine)).close()
        modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in tmp_path.iterdir()}

    assert set(modes) >= {"y.db", "y.db-wal"}
    assert set(modes.values()) == {0o600}


def test_a_place_that_cannot_hold_a_file_is_a_fault(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(Fault) as caught:
        open_database(f"sqlite:///{tmp_path}/file/y.db")

    assert caught.value.code == "system.journal"


def test_a_file_that_is_no_database_is_a_fault(tmp_path):
    (tmp_path / "y.db").write_bytes(b"not a database at all" * 100)
    engine = open_database(f"sqlite:///{tmp_path}/y.db")
    with pytest.raises(Fault) as caught:
        ready(engine)
    engine.dispose()

    assert caught.value.code == "system.journal"


# -- the schema


def test_an_empty_database_is_migrated_to_what_the_program_needs(empty_url):
    engine = open_database(empty_url)
    before = revisions(engine)
    ready(engine)
    after = revisions(engine)
    ready(engine)
    engine.dispose()

    assert before[0] == ""
    assert after[0] == after[1] == before[1] != ""


def test_the_migrations_give_exactly_the_tables_of_the_program(store_url, empty_url):
    with database(store_url) as engine, engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, t.metadata)
        migrated = described(connection)
    plain = sa.create_engine(empty_url.replace("y.db", "plain.db"))
    t.metadata.create_all(plain)
    with plain.connect() as connection:
        declared = described(connection)
    plain.dispose()

    assert differences == []
    assert migrated == declared


def described(connection):
    """Columns with their types, nullness, defaults and keys, and indexes with their conditions, as the database has them."""
    names = {table.name for table in t.metadata.sorted_tables}
    if connection.dialect.name == "postgresql":
        ours = "table_schema = 'public' AND table_name <> 'alembic_version'"
        facts = "column_name, data_type, character_maximum_length, is_nullable, column_default"
        asked = (
            f"SELECT table_name, {facts} FROM information_schema.columns WHERE {ours}",
            "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'",
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype <> 'n' "  # noqa: ISC004 - one statement
            "AND connamespace = 'public'::regnamespace AND conrelid::regclass::text <> 'alembic_version'",
        )
        return [sorted(map(tuple, connection.exec_driver_sql(statement).all()), key=str) for statement in asked]
    columns = {name: sorted(connection.exec_driver_sql(f"PRAGMA table_info({name})").all(), key=str) for name in names}
    rows = connection.exec_driver_sql("SELECT tbl_name, name, sql FROM sqlite_master WHERE type = 'index'").all()
    return columns, sorted((table, name, sql) for table, name, sql in rows if table in names and sql)


def set_revision(engine, revision):
    with engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{revision}'")


def test_a_database_of_another_schema_is_refused_with_what_to_do(store_url):
    with database(store_url) as engine:
        set_revision(engine, "0000")
        with pytest.raises(Fault) as caught:
            ready(engine)

    assert caught.value.code == "system.journal"
    assert "0000" in caught.value.detail
    assert "run migrate" in caught.value.detail


def test_a_database_of_a_newer_program_is_left_alone_with_what_to_do(store_url):
    with database(store_url) as engine:
        set_revision(engine, "9999")
        with pytest.raises(Fault) as caught:
            migrate(engine)
        at, _ = revisions(engine)

    assert at == "9999"
    assert caught.value.code == "system.journal"
    assert "install" in caught.value.detail


def test_a_migration_that_fails_half_way_leaves_nothing_behind(empty_url):
    engine = open_database(empty_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE settlement (x integer)")  # in the way of the migration's own
    with pytest.raises(Fault) as caught:
        migrate(engine)
    with engine.connect() as connection:
        names = sa.inspect(connection).get_table_names()
    engine.dispose()

    assert caught.value.code == "system.journal"
    assert names == ["settlement"]


def test_what_was_acknowledged_is_in_the_files_as_they_lie_on_the_disk(tmp_path):
    """A copy taken without closing anything, as a power cut would leave it, holds the commit."""
    with database(tmp_path) as engine:
        writer = Writer(engine, vault=a_vault(engine))
        assert writer.write([unit(1)]) == [None]
        (tmp_path / "after").mkdir()
        for name in ("y.db", "y.db-wal"):
            shutil.copy(tmp_path / name, tmp_path / "after" / name)
        writer.close()
    with database(tmp_path / "after") as engine:
        assert set(counts(engine).values()) == {1}
