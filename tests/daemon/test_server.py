"""The commands and the start on PostgreSQL: what is wrong is said, in one line, and never with a password or a row in it."""

from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa

from config.load import load
from daemon.opening import open_store
from daemon.settings import Settings, StoreOptions
from daemon.tools import guarded
from middleware.domain.fault import Fault
from middleware.store.database import open_database
from middleware.store.walk import read_meta, write_meta
from tests.support.postgres import PASSWORD


@pytest.fixture
def books(server_books):
    return server_books


def nowhere(books):
    """Nobody listens there."""
    books.url = books.cluster.tcp(books.name, port=1, password="Falsch-4711")
    books.write_config()


@pytest.mark.parametrize(
    ("url", "taken"),
    [
        ("postgresql+psycopg://u:Falsch-4711@h/db", True),
        ("postgresql+psycopg://u@/db?host=/run/postgresql", True),
        ("postgresql+psycopg://u@/db?host=a:5432&host=b:5432", True),
        ("postgresql+psycopg://u:Falsch-4711@h", False),
        ("postgresql://u:Falsch-4711@h/db", False),
        ("postgresql+asyncpg://u:Falsch-4711@h/db", False),
        ("mysql://u:Falsch-4711@h/db", False),
        ("postgresql+psycopg://u:Falsch-4711@h:port/db", False),
        ("u:Falsch-4711", False),
        ("sqlite://", False),
    ],
)
def test_a_url_is_taken_or_refused_without_showing_its_password(url, taken):
    if taken:
        assert "4711" not in repr(StoreOptions(url=url))
        return
    with pytest.raises(ValueError, match="must be sqlite") as caught:
        StoreOptions(url=url)

    assert "4711" not in str(caught.value)


def test_doctor_shows_what_server_it_is(books):
    _, said = books.run("doctor")

    (line,) = [line for line in said.splitlines() if "数据库 database" in line]
    assert "好 ok" in line
    assert "PostgreSQL 15" in line


def test_doctor_says_what_is_not_durable(books):
    books.cluster.sql(f"ALTER DATABASE {books.name} SET synchronous_commit = off")
    status, said = books.run("doctor")

    (line,) = [line for line in said.splitlines() if "数据库 database" in line]
    assert (status, "synchronous_commit=off" in line) == (1, True)


@pytest.mark.parametrize("command", ["doctor", "verify", "migrate", "backup", "restore", "reconciled", "anchor"])
def test_a_server_that_is_not_there_is_an_answer_and_shows_no_password(books, tmp_path, command):
    books.run("anchor", "--new-key", tmp_path / "k", config=False)
    (tmp_path / "b").write_bytes(b"PGDMP")
    nowhere(books)
    arguments = {
        "backup": ("backup", "--to", tmp_path / "x"),
        "restore": ("restore", "--from", tmp_path / "b"),
        "reconciled": ("restore", "--reconciled"),
        "anchor": ("anchor", "--to", tmp_path / "a", "--key", tmp_path / "k"),
    }.get(command, (command,))
    status, said = books.run(*arguments)

    assert (status, "4711" in said, "Traceback" in said) == (1, False, False)
    assert said != ""


def test_a_start_without_its_server_is_refused(books):
    nowhere(books)
    with pytest.raises(Fault) as caught:
        open_store(load(Settings, books.config))

    assert caught.value.code == "system.journal"
    assert "4711" not in str(caught.value)


def test_a_start_on_a_server_that_may_lose_what_was_acknowledged_is_refused(books):
    books.cluster.sql(f"ALTER DATABASE {books.name} SET synchronous_commit = off")
    with pytest.raises(Fault) as caught:
        open_store(load(Settings, books.config))

    assert caught.value.detail == "synchronous_commit=off: not durable"


def test_a_row_that_the_server_quotes_is_not_said(books):
    said = []

    def work():
        engine = open_database(books.url)
        with engine.begin() as connection:
            connection.execute(sa.text("INSERT INTO person (person_ref, body) VALUES ('x', NULL)"))
        return 0

    assert guarded(work, said.append) == 1
    assert len(said) == 1
    assert "NotNullViolation" in said[0]
    assert "x," not in said[0]


def test_two_nodes_that_start_in_the_same_moment_write_the_same_mark(books):
    one, other = open_database(books.url), open_database(books.url)
    failed = []

    def write():
        try:
            with other.begin() as connection:
                write_meta(connection, "institution", "second")
        except sa.exc.DBAPIError as exc:
            failed.append(exc)

    thread = threading.Thread(target=write)
    with one.begin() as connection:
        write_meta(connection, "institution", "first")
        thread.start()
        blocked = "SELECT 1 FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'"
        while not books.cluster.sql(blocked, (books.name,)):
            assert thread.is_alive()
    thread.join(30)
    with one.connect() as connection:
        found = read_meta(connection, "institution")
    one.dispose()
    other.dispose()

    assert (failed, found) == ([], "second")


def test_the_password_in_use_is_in_no_refusal_of_a_backup(books, tmp_path):
    books.url = books.cluster.tcp(books.name).replace(f"/{books.name}", "/nothing_of_that_name")
    books.write_config()
    status, said = books.run("backup", "--to", tmp_path / "x")

    assert (status, PASSWORD in said, "pg_dump: error: connection" in said) == (1, False, True)
