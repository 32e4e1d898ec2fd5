"""A backup is whole or is not there; a restore refuses before anything is touched, and keeps what it replaces."""

from __future__ import annotations

import datetime as dt
import shutil
import sqlite3
import stat
import threading

import pytest

from middleware.domain.fault import Fault
from middleware.store.backup import back_up, restore
from middleware.store.database import open_database, ready
from middleware.store.inspection import inspect
from middleware.store.lock import Hold
from middleware.store.writer import Writer
from tests.middleware.store.making import unit
from tests.support.vaults import a_vault

INSTITUTION = "H99990000001"


@pytest.fixture
def books(file_books):
    return file_books


@pytest.fixture
def backup(books, tmp_path):
    target = tmp_path / "backup.db"
    status, said = books.run("backup", "--to", target)
    assert status == 0, said
    return target


def everything(folder):
    """Every database file's bytes, but for the lock and SQLite's shared memory."""
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.suffix != ".lock" and not p.name.endswith("-shm")}


def grow(path):
    """One more journal row, as after the backup."""
    engine = open_database(f"sqlite:///{path}")
    writer = Writer(engine, vault=a_vault(engine))
    assert writer.write([unit(1)]) == [None]
    writer.close()
    engine.dispose()


def refused(books, *arguments):
    before = everything(books.folder)
    status, said = books.run("restore", *arguments)
    assert (status, everything(books.folder)) == (1, before), said
    return said


def test_a_backup_is_whole_private_and_says_its_heads(books, backup):
    status, said = books.run("backup", "--to", books.folder / "second.db")

    assert status == 0
    assert books.heads(backup) == books.heads()
    assert [digest for ((_, digest),) in books.heads() if digest not in said] == []
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert sorted(p.name for p in books.folder.glob("backup*")) == ["backup.db"]


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
    status, said = books.run("backup", "--to", books.folder / "bad.db")

    assert (status, "system.backup" in said) == (1, True)
    assert list(books.folder.glob("bad*")) == []


def test_a_backup_under_load_is_consistent_and_loses_no_commit(tmp_path):
    path = tmp_path / "y.db"
    engine = open_database(f"sqlite:///{path}")
    ready(engine)
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
        made = []
        for name in ("one", "two", "three"):
            at_least = writer.journal.sequence
            findings = back_up(path, tmp_path / name, INSTITUTION)
            made.append((at_least, findings.journal.sequence))
    finally:
        stop.set()
        thread.join()
        writer.close()
        engine.dispose()

    assert [result for result in results if result is not None] == []
    assert all(before <= held for before, held in made)
    assert len({held for _, held in made}) == 3  # the load went on meanwhile


def load_unit(number):
    """As the daemon writes it: message ids are the institution's, each visit has its own record."""
    from attrs import evolve

    made = unit(number)
    visit_record = evolve(
        made.records[0], settlement_id="", event="CentreTookVisit", before="", after=str(made.visit.state)
    )
    (intent,) = made.intents
    return evolve(
        made,
        records=(visit_record, *made.records),
        intents=(evolve(intent, message_id=f"{INSTITUTION}{number:018d}"),),
    )


def test_a_restore_puts_the_backup_in_place_and_keeps_what_was_there(books, backup):
    heads = books.heads()
    (epoch,) = books.sql("SELECT value FROM meta WHERE name = 'epoch'")
    books.flip("journal", 4)
    status, said = books.run("restore", "--from", backup, "--accept-loss")

    assert status == 0, said
    assert books.heads() == heads
    assert books.run("verify")[0] == 0
    (kept,) = [p for p in books.folder.glob("y.db.before-*") if not p.name.endswith(("-wal", "-shm"))]
    assert "BROKEN" not in said
    assert str(kept) in said
    assert books.heads(kept) == heads
    assert stat.S_IMODE(books.path.stat().st_mode) == 0o600
    (now,) = books.sql("SELECT value FROM meta WHERE name = 'epoch'")
    assert int(now[0]) > int(epoch[0])  # an epoch of a lost life is never given again
    assert "Compare every settlement" in said


def test_a_restore_on_an_empty_machine(books, backup):
    for path in books.folder.glob("y.db*"):
        path.unlink()
    status, said = books.run("restore", "--from", backup)

    assert (status, "unknown" in said) == (0, True)
    assert books.run("verify")[0] == 0


def test_after_a_restore_somebody_must_say_that_it_was_compared(books, backup):
    books.run("restore", "--from", backup)
    marked = books.sql("SELECT value FROM meta WHERE name = 'restored'")
    first = books.run("restore", "--reconciled")
    second = books.run("restore", "--reconciled")

    assert len(marked) == 1
    assert (first[0], marked[0][0] in first[1]) == (0, True)
    assert (second[0], "no restore waits" in second[1]) == (0, True)


def test_a_second_restore_before_anybody_compared_goes_back_to_the_start_of_the_first(books, backup):
    books.run("restore", "--from", backup)
    ((first,),) = books.sql("SELECT value FROM meta WHERE name = 'restored'")
    books.run("backup", "--to", books.folder / "later.db")
    status, said = books.run("restore", "--from", books.folder / "later.db")
    ((second,),) = books.sql("SELECT value FROM meta WHERE name = 'restored'")

    assert status == 0, said
    assert second.partition(" .. ")[0] == first.partition(" .. ")[0]
    assert second > first


def test_a_restore_that_a_power_cut_interrupted_is_done_by_running_it_again(books, backup):
    heads = books.heads()
    books.path.rename(books.folder / "y.db.before-x")
    (books.folder / "y.db.restoring").write_bytes(b"half")
    status, said = books.run("restore", "--from", backup)

    assert status == 0, said
    assert books.heads() == heads
    assert not (books.folder / "y.db.restoring").exists()


@pytest.mark.parametrize("place", ["journal", "message"])
def test_a_clock_behind_what_was_sent_refuses_the_restore_for_ids_would_come_again(books, backup, place):
    if place == "message":
        books.sql(
            "UPDATE message SET message_id = 'H99990000001' || '20990101000000' || substr(message_id, 27)"
            " WHERE message_id = (SELECT min(message_id) FROM message WHERE call = '1101')"
        )
        early = dt.datetime.now(dt.UTC)
    else:
        early = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    before = everything(books.folder)
    with pytest.raises(Fault) as caught:
        restore(books.path, backup, INSTITUTION, early, accept_loss=True)

    assert "clock is behind" in caught.value.detail
    assert everything(books.folder) == before


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda b, p: b.flip("journal", 3, p), "journal, row 3"),
        (lambda b, p: b.flip("feed", 1, p), "feed, row 1"),
        (lambda b, p: b.sql("UPDATE journal SET event = 'Nothing' WHERE sequence = 5", path=p), "row 5: its columns"),
        (lambda b, p: b.sql("UPDATE feed SET kind = 'x' WHERE sequence = 2", path=p), "feed, row 2: its columns"),
        (lambda b, p: b.sql("DELETE FROM journal WHERE sequence = 2", path=p), "expected sequence 2"),
        (lambda b, p: b.sql("UPDATE alembic_version SET version_num = '9999'", path=p), "schema 9999"),
        (lambda b, p: b.sql("UPDATE settlement SET state = 'Settled' WHERE state = 'Unknown'", path=p), "rows do not say"),
        (lambda b, p: b.sql("UPDATE settlement SET total_fen = total_fen + 1", path=p), "rows do not say"),
        (lambda b, p: b.sql("UPDATE settlement SET next_due = '' WHERE state = 'Unknown'", path=p), "rows do not say"),
        (lambda b, p: b.sql("UPDATE visit SET state = 'Refused'", path=p), "row does not say"),
        (lambda b, p: b.sql("UPDATE visit SET body = 'x'", path=p), "body is no visit"),
        (lambda b, p: b.sql("DELETE FROM visit", path=p), "the visits do not"),
        (lambda b, p: b.sql("DROP TABLE person", path=p), "not a database of Yikatong"),
        (lambda b, p: b.sql("INSERT INTO meta VALUES ('institution', 'H12345678901')", path=p), "another institution"),
        (lambda b, p: b.sql("UPDATE message SET message_id = 'X' || message_id", path=p), "another institution"),
        (lambda _, p: p.write_bytes(p.read_bytes()[: p.stat().st_size // 2]), "system.backup"),
        (lambda _, p: p.write_bytes(b"somebody's minutes" * 500), "cannot be read as a database"),
        (lambda _, p: p.write_bytes(b""), "not a database of Yikatong"),
        (lambda _, p: p.unlink(), "there is no file"),
        (lambda _, p: p.with_name(p.name + "-wal").write_bytes(b"x"), "no finished backup"),
    ],
)  # fmt: skip
def test_a_broken_or_foreign_backup_is_refused_before_anything_is_touched(books, backup, damage, why):
    damage(books, backup)

    assert why in refused(books, "--from", backup, "--accept-loss")


def test_a_state_that_the_journal_does_not_know_is_refused_though_tables_agree(books, backup):
    """The body, its row and the settlement's row changed together: only the journal tells."""
    for table in ("visit", "settlement"):
        books.sql(f"UPDATE {table} SET state = 'Manual' WHERE state = 'Unknown'", path=backup)
    books.sql("""UPDATE visit SET body = replace(body, '"state":"Unknown"', '"state":"Manual"')""", path=backup)

    said = refused(books, "--from", backup)

    assert "its last journal row says Unknown" in said


def test_a_backup_older_than_the_database_in_place_needs_the_loss_accepted(books, backup):
    grow(books.path)

    said = refused(books, "--from", backup)
    status, told = books.run("restore", "--from", backup, "--accept-loss")

    assert "has 1 journal rows that the backup has not" in said
    assert (status, "lost: 1" in told) == (0, True)


def test_a_backup_of_another_history_needs_the_loss_accepted(books, backup):
    books.forge(3, backup)

    assert "another history" in refused(books, "--from", backup)


def test_the_database_itself_is_no_backup(books):
    assert "the database itself" in refused(books, "--from", books.path)


def test_nothing_is_restored_under_a_running_daemon(books, backup):
    with Hold(books.path):
        said = refused(books, "--from", backup)
        migrated, _ = books.run("migrate")

    assert "system.in_use" in said
    assert migrated == 1


def test_a_restore_that_cannot_be_finished_leaves_no_copy(books, backup, monkeypatch):
    def fail(*_args, **_keys):
        raise Fault("system.backup", "as if")

    monkeypatch.setattr("middleware.store.backup._mark", fail)
    with pytest.raises(Fault):
        restore(books.path, backup, INSTITUTION, dt.datetime.now(dt.UTC))

    assert not (books.folder / "y.db.restoring").exists()


def test_what_a_restore_gives_is_what_the_inspection_finds_good(books, backup):
    copy = books.folder / "other" / "y.db"
    copy.parent.mkdir()
    done = restore(copy, backup, INSTITUTION, dt.datetime.now(dt.UTC))
    engine = open_database(f"sqlite:///{copy}")
    again = inspect(engine, INSTITUTION)
    engine.dispose()

    assert (again.journal, again.feed) == (done.findings.journal, done.findings.feed)
    assert done.kept == ()


def test_a_backup_made_by_sqlites_own_tool_can_be_restored(books):
    target = books.folder / "own.db"
    source, made = sqlite3.connect(books.path), sqlite3.connect(target)
    source.backup(made)
    source.close()
    made.close()

    assert books.run("restore", "--from", target)[0] == 0


def test_a_partial_file_of_a_killed_backup_is_told_and_left(books):
    (books.folder / "b.db.partial").touch()
    status, said = books.run("backup", "--to", books.folder / "b.db")

    assert (status, "cut short" in said, (books.folder / "b.db.partial").exists()) == (1, True, True)


def test_a_backup_into_a_place_that_is_not_there_is_a_fault(books):
    status, said = books.run("backup", "--to", books.folder / "no" / "b.db")

    assert (status, "cannot be written" in said) == (1, True)


def test_a_copy_made_by_cp_of_the_closed_file_is_a_backup(books):
    shutil.copy(books.path, books.folder / "cp.db")

    assert books.run("restore", "--from", books.folder / "cp.db")[0] == 0
