"""The keys by command: the master key made, an old database sealed, a backup that no key opens refused."""

from __future__ import annotations

import base64
import sqlite3

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from config.load import load
from daemon.cli import main
from daemon.doctor import unusable
from daemon.opening import open_store
from daemon.settings import Settings
from middleware.domain.fault import Fault
from middleware.store import encrypting
from middleware.store import tables as t
from middleware.store.codec import encode
from middleware.store.database import open_database
from middleware.store.encrypting import encrypt
from middleware.store.reader import Reader
from tests.daemon.books import Books
from tests.support.fakes import NOW
from tests.support.vaults import a_vault, write_master

NAMES = ("张伟民", "999999197001010", "感冒", '"person_number":"P1"', "A12345678")


def settings_of(books):
    return load(Settings, books.config)


@pytest.fixture(scope="module")
def clear(written_file, tmp_path_factory):
    """A database as it was before personal data was sealed, with what each request answers."""
    folder = tmp_path_factory.mktemp("clear")
    books = Books(folder)
    source = sqlite3.connect(written_file / "y.db")
    source.execute("VACUUM INTO ?", (str(books.path),))
    source.close()
    engine = open_database(f"sqlite:///{books.path}")
    answers = _answers(engine)
    _uncover(engine)
    engine.dispose()
    return books.path, answers


def _answers(engine):
    reader = Reader(engine, a_vault(engine))
    with engine.connect() as connection:
        requests = connection.execute(sa.select(t.request.c.account, t.request.c.key)).all()
        visits = connection.scalars(sa.select(t.visit.c.visit_id)).all()
        bills = connection.scalars(sa.select(t.bill.c.settlement_id)).all()
    read = [reader.visit(one) for one in visits]
    return (
        [reader.request(*one) for one in requests], read, [reader.bill(one) for one in bills],
        [reader.holder(one.person_ref) for one in read],
    )  # fmt: skip


def _uncover(engine):
    """Write everything in clear, as the first version did."""
    vault = a_vault(engine)
    reader = Reader(engine, vault)
    with engine.begin() as connection:
        for table in (t.person, t.bill):
            (key,) = table.primary_key.columns
            for name, body in connection.execute(sa.select(key, table.c.body)).all():
                opened = vault.open(table.name, name, "body", body)
                connection.execute(sa.update(table).where(key == name).values(body=opened))
        connection.execute(sa.update(t.person).values(id_digest="", card_digest=""))
        for visit_id in connection.scalars(sa.select(t.visit.c.visit_id)).all():
            whole = encode(reader.visit(visit_id))
            connection.execute(sa.update(t.visit).where(t.visit.c.visit_id == visit_id).values(body=whole, sealed=""))
        for row in connection.execute(sa.select(t.request)).all():
            answer = reader.request(row.account, row.key).answer
            same = (t.request.c.account == row.account, t.request.c.key == row.key)
            connection.execute(sa.update(t.request).where(*same).values(answer=answer, sealed=""))
        connection.execute(sa.delete(t.data_key))
        connection.execute(sa.delete(t.meta).where(t.meta.c.name == encrypting.SEALED_MARK))


@pytest.fixture
def books(clear, tmp_path):
    made = Books(tmp_path)
    made.path.write_bytes(clear[0].read_bytes())
    made.path.chmod(0o600)
    return made


def keys(books, command, *arguments):
    done = CliRunner().invoke(main, ["keys", command, "--config", str(books.config), *arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def raw(books):
    return b"".join(path.read_bytes() for path in books.folder.iterdir() if path.name.startswith("y.db"))


def named(books):
    text = raw(books)
    return [name for name in NAMES if name.encode() in text]


# -- an old database


def test_a_database_in_clear_is_refused_at_the_start_and_told_what_to_do(books):
    with pytest.raises(Fault) as caught:
        open_store(settings_of(books))

    assert caught.value.code == "system.keys"
    assert "keys encrypt" in caught.value.detail


def test_encrypt_leaves_nothing_in_clear_and_changes_no_answer(books, clear):
    assert set(named(books)) == set(NAMES)
    status, said = keys(books, "encrypt")
    assert (status, named(books)) == (0, []), said
    opened = open_store(settings_of(books))
    after = _answers(opened.database)
    opened.database.dispose()
    opened.hold.dispose()

    assert after == clear[1]
    assert "person: 3" in said
    assert "sealed: 0 rows" in keys(books, "encrypt")[1]  # nothing is sealed twice
    assert books.run("verify")[0] == 0


@pytest.mark.parametrize("page", range(0, 14, 3))
def test_encrypt_may_be_killed_at_any_page(books, clear, monkeypatch, page):
    monkeypatch.setattr(encrypting, "PAGE", 1)
    engine = open_database(f"sqlite:///{books.path}")
    left = [page]

    def progress(_table, _rows):
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1

    with pytest.raises(KeyboardInterrupt):
        encrypt(engine, a_vault(engine), NOW, progress)
    engine.dispose()
    engine = open_database(f"sqlite:///{books.path}")
    encrypt(engine, a_vault(engine), NOW, lambda *_: None)
    after = _answers(engine)
    engine.dispose()

    assert after == clear[1]
    assert named(books) == []


# -- the master key


def test_without_its_master_key_the_daemon_does_not_start_and_check_config_says_so(books):
    keys(books, "encrypt")
    before = raw(books)
    books.master_key.unlink()
    with pytest.raises(Fault, match=r"system\.keys"):
        open_store(settings_of(books))
    (told,) = [problem for problem in unusable(settings_of(books)) if problem.startswith("keys")]

    assert str(books.master_key) in told
    assert "keys init" in told
    keys(books, "init")  # another key: it is not the one
    with pytest.raises(Fault, match=r"wrapped by the master key"):
        open_store(settings_of(books))
    write_master(books.master_key)
    opened = open_store(settings_of(books))
    opened.database.dispose()
    opened.hold.dispose()
    assert before[:100] == raw(books)[:100]


def test_init_makes_a_key_once_and_a_new_one_beside_the_old(books):
    books.master_key.unlink()

    assert keys(books, "init")[0] == 0
    assert keys(books, "init")[0] == 1
    assert keys(books, "init", "--new")[0] == 0
    lines = [line for line in books.master_key.read_text().splitlines() if not line.startswith("#")]
    assert [len(base64.b64decode(line.split()[1])) for line in lines] == [32, 32]


def test_list_shows_keys_and_nothing_of_them(books):
    keys(books, "encrypt")
    status, said = keys(books, "list")
    wrapped = [row[0] for row in books.sql("SELECT wrapped FROM data_key")]

    assert status == 0
    assert said.count("in use") == len(wrapped) >= 2
    assert not [one for one in wrapped if one in said]


# -- backup and restore


def test_a_backup_that_the_master_key_does_not_open_is_refused_before_anything_is_moved(books):
    keys(books, "encrypt")
    backup = books.folder / "backup.db"
    assert books.run("backup", "--to", backup)[0] == 0
    before = books.path.read_bytes()
    write_master(books.master_key)
    books.master_key.write_text("aes-256-gcm " + base64.b64encode(b"another key of thirty-two bytes!").decode())
    status, said = books.run("restore", "--from", backup, "--accept-loss")

    assert status == 1
    assert "wrapped by the master key" in said
    assert books.path.read_bytes() == before
    write_master(books.master_key)
    status, said = books.run("restore", "--from", backup, "--accept-loss")
    assert status == 0, said


def test_no_page_of_the_project_shows_a_key(books):
    """Whatever the commands say, no line of the key file is in it."""
    secret = books.master_key.read_text().split()[1]
    said = "".join(keys(books, *words)[1] for words in (("encrypt",), ("list",), ("init",)))

    assert secret not in said
