"""Backup and restore on PostgreSQL keep the promises that they keep on SQLite."""

from __future__ import annotations

import datetime as dt
import stat
import threading

import pytest
import sqlalchemy as sa

from middleware.domain.fault import Fault
from middleware.store import dump
from middleware.store.database import open_database
from middleware.store.writer import Writer
from tests.daemon.test_backup import load_unit
from tests.middleware.store.making import unit
from tests.support.vaults import a_vault

INSTITUTION = "H99990000001"


@pytest.fixture
def books(server_books):
    return server_books


@pytest.fixture
def backup(books, tmp_path):
    target = tmp_path / "backup.dump"
    status, said = books.run("backup", "--to", target)
    assert status == 0, said
    return target


def databases(books):
    """Those of this test."""
    own = books.cluster.sql("SELECT datname FROM pg_database WHERE datname LIKE %s", (f"{books.name}%",))
    return sorted(name for (name,) in own if name.partition("_")[0] == books.name)


def everything(books):
    names = [name for (name,) in books.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    return databases(books), {name: sorted(books.sql(f"SELECT * FROM {name}"), key=str) for name in names}


def refused(books, *arguments):
    before = everything(books)
    status, said = books.run("restore", *arguments)
    assert (status, everything(books)) == (1, before), said
    return said


def grow(books):
    """One more journal row, as after the backup."""
    engine = open_database(books.url)
    writer = Writer(engine, vault=a_vault(engine))
    assert writer.write([unit(1)]) == [None]
    writer.close()
    engine.dispose()


def test_a_backup_is_whole_private_leaves_nothing_and_says_its_heads(books, backup):
    status, said = books.run("backup", "--to", books.folder / "second.dump")

    assert status == 0
    assert [digest for ((_, digest),) in books.heads() if digest not in said] == []
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert sorted(p.name for p in books.folder.glob("*.dump*")) == ["backup.dump", "second.dump"]
    assert databases(books) == [books.name]


def test_a_backup_overwrites_nothing(books, backup):
    before = backup.read_bytes()
    status, said = books.run("backup", "--to", backup)

    assert (status, "there already" in said, backup.read_bytes() == before) == (1, True, True)


@pytest.mark.parametrize("damage", ["chain", "state"])
def test_a_backup_of_a_database_that_could_not_be_restored_is_none(books, damage):
    if damage == "chain":
        books.flip("journal", 3)
    else:
        books.sql("UPDATE settlement SET state = 'Settled' WHERE state = 'Unknown'")
    status, said = books.run("backup", "--to", books.folder / "bad.dump")

    assert (status, "system.backup" in said) == (1, True)
    assert list(books.folder.glob("bad*")) == []
    assert databases(books) == [books.name]


def test_a_backup_under_load_is_consistent_and_loses_no_commit(books):
    engine = open_database(books.url)
    writer = Writer(engine, vault=a_vault(engine))
    stop, results, began = threading.Event(), [], threading.Event()

    def load():
        number = 0
        while not stop.is_set():
            results.extend(writer.write([load_unit(number + n) for n in range(20)]))
            number += 20
            began.set()

    thread = threading.Thread(target=load)
    thread.start()
    try:
        assert began.wait(30)
        at_least = writer.journal.sequence
        findings = dump.back_up(books.url, books.folder / "load.dump", INSTITUTION)
        at_most = writer.journal.sequence
    finally:
        stop.set()
        thread.join()
        writer.close()
        engine.dispose()

    assert [result for result in results if result is not None] == []
    assert at_least <= findings.journal.sequence < at_most


def test_a_restore_puts_the_backup_in_place_and_keeps_what_was_there(books, backup):
    heads = books.heads()
    (epoch,) = books.sql("SELECT value FROM meta WHERE name = 'epoch'")
    books.flip("journal", 4)
    status, said = books.run("restore", "--from", backup, "--accept-loss")

    assert status == 0, said
    assert books.heads() == heads
    assert books.run("verify")[0] == 0
    aside, own = sorted(databases(books), key=len, reverse=True)
    assert (own, aside.startswith(f"{books.name}_before_"), aside in said) == (books.name, True, True)
    assert books.heads(aside) == heads
    (now,) = books.sql("SELECT value FROM meta WHERE name = 'epoch'")
    assert int(now[0]) > int(epoch[0])  # an epoch of a lost life is never given again
    assert len(books.sql("SELECT value FROM meta WHERE name = 'restored'")) == 1
    assert "Compare every settlement" in said


def test_a_restore_on_an_empty_server(books, backup):
    books.lose()
    status, said = books.run("restore", "--from", backup)

    assert (status, "unknown" in said) == (0, True), said
    assert books.run("verify")[0] == 0


def test_a_restore_that_was_cut_short_is_done_by_running_it_again(books, backup):
    books.cluster.sql(f"CREATE DATABASE {books.name}_restoring TEMPLATE template0")
    status, said = books.run("restore", "--from", backup)

    assert status == 0, said
    assert f"{books.name}_restoring" not in databases(books)


def test_another_backup_under_way_is_told(books):
    books.cluster.sql(f"CREATE DATABASE {books.name}_check TEMPLATE template0")
    status, said = books.run("backup", "--to", books.folder / "b.dump")

    assert (status, "cut short" in said, f"{books.name}_check" in databases(books)) == (1, True, True)


@pytest.mark.parametrize("when", ["before", "at the swap"])
def test_nothing_is_restored_while_anybody_is_connected(books, backup, monkeypatch, when):
    session = sa.create_engine(books.url).connect()
    session.exec_driver_sql("SELECT 1")
    if when != "before":
        monkeypatch.setattr(dump, "_refuse_in_use", lambda _url: None)
    before = databases(books)
    status, said = books.run("restore", "--from", backup)
    after = databases(books)
    session.close()
    session.engine.dispose()

    assert (status, "system.in_use" in said, after) == (1, True, before)


def test_a_clock_behind_what_was_sent_refuses_the_restore_for_ids_would_come_again(books, backup):
    before = everything(books)
    with pytest.raises(Fault) as caught:
        dump.restore(books.url, backup, INSTITUTION, dt.datetime(2020, 1, 1, tzinfo=dt.UTC), accept_loss=True)

    assert "clock is behind" in caught.value.detail
    assert everything(books) == before


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        ("UPDATE journal SET line = line || ' ' WHERE sequence = 3", "journal, row 3"),
        ("UPDATE feed SET kind = 'x' WHERE sequence = 2", "feed, row 2: its columns"),
        ("DELETE FROM journal WHERE sequence = 2", "expected sequence 2"),
        ("UPDATE alembic_version SET version_num = '9999'", "schema 9999"),
        ("UPDATE settlement SET total_fen = total_fen + 1", "rows do not say"),
        ("DELETE FROM visit", "the visits do not"),
        ("DROP TABLE person", "not a database of Yikatong"),
        ("DELETE FROM meta WHERE name = 'institution'; INSERT INTO meta VALUES ('institution', 'H12345678901')", "another institution"),
    ],
)  # fmt: skip
def test_a_broken_or_foreign_backup_is_refused_before_anything_is_touched(books, backup, damage, why):
    with books.altering(backup) as path:
        books.sql(damage, path=path)

    assert why in refused(books, "--from", backup, "--accept-loss")


@pytest.mark.parametrize("content", [b"", b"somebody's minutes" * 500, "half", "none"])
def test_a_file_that_is_no_whole_dump_is_refused(books, backup, content):
    whole = backup.read_bytes()
    if content == "none":
        backup.unlink()
    else:
        backup.write_bytes(whole[: len(whole) // 2] if content == "half" else content)

    assert "system.backup" in refused(books, "--from", backup, "--accept-loss")


def test_a_backup_older_than_the_database_in_place_needs_the_loss_accepted(books, backup):
    grow(books)

    said = refused(books, "--from", backup)
    status, told = books.run("restore", "--from", backup, "--accept-loss")

    assert "has 1 journal rows that the backup has not" in said
    assert (status, "lost: 1" in told) == (0, True)


def test_without_postgresqls_programs_it_is_said_what_to_install(books, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda _name: None)
    status, said = books.run("backup", "--to", books.folder / "b.dump")

    assert (status, "apt-get install postgresql-client-15" in said) == (1, True)


def test_an_account_that_may_not_make_databases_is_told_what_it_needs_and_no_password(books):
    books.cluster.sql(f"CREATE ROLE {books.name}_small LOGIN PASSWORD 'Klein-0417'")
    books.cluster.sql(f"GRANT {books.cluster.user} TO {books.name}_small")
    books.url = books.cluster.tcp(books.name, password="Klein-0417").replace(books.cluster.user, f"{books.name}_small")
    books.write_config()
    status, said = books.run("backup", "--to", books.folder / "b.dump")
    books.cluster.sql(f"DROP OWNED BY {books.name}_small; DROP ROLE {books.name}_small")

    assert (status, "CREATEDB" in said, "0417" in said) == (1, True, False)


def test_a_backup_goes_over_the_network_with_a_password_that_no_argument_shows(books, monkeypatch):
    seen = []
    run = dump.subprocess.run
    monkeypatch.setattr(dump.subprocess, "run", lambda words, **more: (seen.extend(words), run(words, **more))[1])
    books.url = books.cluster.tcp(books.name)
    books.write_config()
    status, said = books.run("backup", "--to", books.folder / "b.dump")

    assert status == 0, said
    assert seen != []
    assert [word for word in seen if "Geheim" in word] == []
