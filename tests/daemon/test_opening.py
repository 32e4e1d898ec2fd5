"""A start refuses a broken journal, another's journal, a half restore and a second daemon; nothing is repaired in silence."""

from __future__ import annotations

import pytest
import pytest_twisted
from twisted.internet import reactor, task

from config.load import load
from daemon.anchoring import Anchoring
from daemon.chain_watch import EVERY_S, PAUSE_S, ChainWatch
from daemon.opening import open_store
from daemon.settings import AnchorOptions, Settings
from middleware.domain.fault import Fault
from middleware.domain.health import Condition
from middleware.engine.journal import Journal
from middleware.engine.pools import Pool
from middleware.store.anchors import load_public, new_key, read_anchors
from middleware.store.places import FilePlace
from middleware.store.walk import CHAINS, read_mark
from middleware.store.writer import Writer
from tests.middleware.store.making import unit
from tests.support.fakes import NOW
from tests.support.vaults import a_vault


def opened(books, **clock):
    return open_store(load(Settings, books.config), **clock)


def close(life):
    life.database.dispose()
    life.hold.dispose()


def refusal(books):
    with pytest.raises(Fault) as caught:
        opened(books)
    books.hold().dispose()  # nobody is kept out by a start that failed
    return caught.value


def marks(engine):
    with engine.connect() as connection:
        return [read_mark(connection, table).sequence for table in CHAINS]


class Ticks:
    """A clock by which each look costs a second."""

    def __init__(self):
        self.at = 0

    def __call__(self):
        self.at += 1
        return self.at


def test_a_whole_journal_opens_and_remembers_how_far_it_was_whole(books):
    life = opened(books)
    found, heads = marks(life.database), books.heads()
    close(life)

    assert found == [sequence for ((sequence, _),) in heads]
    assert (life.rest, life.restored) == ((), "")


@pytest.mark.parametrize("before", [0, 1])
@pytest.mark.parametrize("table", ["journal", "feed"])
def test_one_flipped_byte_refuses_the_start_and_names_the_row(books, table, before):
    for _ in range(before):  # also in a row that an earlier start has walked
        close(opened(books))
    books.flip(table, 2)
    tables = ("meta", "journal", "feed", "settlement")
    everything = [books.sql(f"SELECT * FROM {name}") for name in tables if name != table]

    fault = refusal(books)

    assert (fault.code, f"{table}, row 2" in fault.detail) == ("system.chain", True)
    assert "verify" in fault.spec.do_en
    assert "restore" in fault.spec.do_en
    assert [books.sql(f"SELECT * FROM {name}") for name in tables if name != table] == everything


@pytest.mark.parametrize(
    ("table", "column"), [("journal", "visit_id"), ("journal", "event"), ("feed", "kind"), ("feed", "settlement_id")]
)
def test_a_copied_column_that_does_not_say_what_its_line_says_is_found(books, table, column):
    books.sql(f"UPDATE {table} SET {column} = 'other' WHERE sequence = 2")
    status, said = books.run("verify")

    assert f"{table}, row 2" in refusal(books).detail
    assert (status, f"{table}: 断链 / BROKEN at row 2: its columns" in said) == (1, True)


def test_a_tail_cut_off_since_the_last_start_refuses_the_start(books):
    close(opened(books))
    ((newest, _),) = books.heads()[0]
    books.sql("DELETE FROM journal WHERE sequence = ?", newest)

    assert f"journal, row {newest}: it was there" in refusal(books).detail


def test_a_chain_written_anew_since_the_last_start_refuses_the_start(books):
    close(opened(books))
    books.forge(2)

    assert "it was there and whole" in refusal(books).detail


@pytest.mark.parametrize("mark", ["nonsense", "-1:x", "99999999999:" + "0" * 64, "²:x"])
def test_a_mark_that_somebody_wrote_never_hides_a_break(books, mark):
    close(opened(books))
    books.sql("UPDATE meta SET value = ? WHERE name = 'verified.journal'", mark)
    books.flip("journal", 2)

    assert refusal(books).code == "system.chain"


def test_another_institutions_database_is_refused(books):
    close(opened(books))
    books.write_config(institution="H12345678901")

    assert "belongs to the institution H99990000001" in refusal(books).detail


def test_a_second_daemon_on_the_same_file_is_refused_before_it_changes_anything(file_books):
    life = opened(file_books)
    before = file_books.sql("SELECT * FROM meta")
    with pytest.raises(Fault) as caught:
        opened(file_books)

    assert (caught.value.code, file_books.sql("SELECT * FROM meta")) == ("system.in_use", before)
    close(life)
    close(opened(file_books))


def test_a_second_node_on_the_same_server_is_taken_and_neither_is_migrated_under(server_books):
    first, second = opened(server_books), opened(server_books)
    status, said = server_books.run("migrate")
    close(first)
    close(second)

    assert (status, "system.in_use" in said) == (1, True)
    assert server_books.run("migrate")[0] == 0


def test_a_restore_that_was_cut_short_refuses_the_start(file_books):
    (file_books.folder / "y.db.restoring").touch()

    assert "run it again" in refusal(file_books).detail


# -- beside the work


class Life:
    """A start that had no time for old rows, and its watch on a clock of ours."""

    def __init__(self, books):
        self.opened = opened(books, seconds=Ticks())
        self.clock = task.Clock()
        self.journal = Journal(reactor, Writer(self.opened.database, vault=a_vault(self.opened.database)))
        self.journal.start()
        self.pool = Pool(reactor, "readers", 1, 10)
        self.pool.start()
        self.watch = ChainWatch(self.opened, self.journal, self.pool, self.clock)
        self.watch.start()

    async def turn(self, seconds):
        """Let the timer pass and the step that it begins end."""
        self.clock.advance(seconds)
        while not self.clock.getDelayedCalls() and self.watch.health().condition is not Condition.DOWN:
            await task.deferLater(reactor, 0.005, lambda: None)

    async def stop(self):
        self.watch.stop()
        await self.journal.stop()
        self.pool.stop()
        close(self.opened)


@pytest.fixture
def hurried(books):
    """The configuration of a start that may look at no old row."""
    close(opened(books))
    text = books.config.read_text(encoding="utf-8")
    books.config.write_text(text.replace("[store]\n", "[store]\nstart_check_s = 0\n"), encoding="utf-8")
    return books


@pytest_twisted.ensureDeferred
async def test_old_rows_for_which_the_start_had_no_time_are_walked_beside_the_work(hurried):
    hurried.flip("journal", 2)
    life = Life(hurried)
    assert [walk.table.name for walk in life.opened.rest] == ["journal", "feed"]
    await life.turn(PAUSE_S)
    health = life.watch.health()
    await life.journal.stop()
    found = marks(life.opened.database)
    life.watch.stop()
    life.pool.stop()
    close(life.opened)

    assert (health.condition, health.fault, "journal, row 2" in health.detail) == (Condition.DOWN, "system.chain", True)
    assert found[0] == 1  # before the broken row, so that no later start lacks the time for it
    assert "journal, row 2" in refusal(hurried).detail


@pytest_twisted.ensureDeferred
async def test_new_rows_are_walked_now_and_then_so_that_the_next_start_is_short(hurried):
    life = Life(hurried)
    await life.turn(PAUSE_S)
    await life.turn(PAUSE_S)
    before = marks(life.opened.database)
    await life.journal.commit(unit(1))
    await life.turn(EVERY_S)
    await life.turn(PAUSE_S)
    after = marks(life.opened.database)
    health = life.watch.health()
    await life.stop()

    assert after == [number + 1 for number in before]
    assert health.condition is Condition.GOOD


@pytest_twisted.ensureDeferred
async def test_after_a_restore_the_chain_is_degraded_until_somebody_has_compared(books):
    books.run("backup", "--to", books.folder / "b.db")
    books.run("restore", "--from", books.folder / "b.db")
    life = Life(books)
    health = life.watch.health()
    await life.stop()
    books.run("restore", "--reconciled")
    later = opened(books)
    close(later)

    assert (health.condition, health.fault) == (Condition.DEGRADED, "system.restored")
    assert later.restored == ""


# -- anchors by the clock


@pytest_twisted.ensureDeferred
async def test_the_daemon_anchors_by_the_clock_and_says_when_it_cannot(books, tmp_path):
    public = load_public(new_key(tmp_path / "k"))
    life = opened(books)
    clock = task.Clock()
    written = []

    def tell(function, *args):
        reactor.callFromThread(lambda: (function(*args), written.append(args)))

    clock.callFromThread = tell
    options = AnchorOptions(path=tmp_path / "anchors", key_file=tmp_path / "k", every_s=60.0)
    part = Anchoring(options, life.database, "H99990000001", clock, lambda: NOW)

    async def until(count):
        while len(written) < count:
            await task.deferLater(reactor, 0.005, lambda: None)

    part.start()
    await until(1)
    clock.advance(60)
    await until(2)
    good = part.health()
    count = len(list(read_anchors(FilePlace(tmp_path / "anchors"), public)))
    books.forge(2)
    clock.advance(60)
    await until(3)
    bad = part.health()
    part.stop()
    close(life)

    assert (good.condition, count, good.detail) == (Condition.GOOD, 2, f"anchor 2 at row {books.heads()[0][0][0]}")
    assert (bad.condition, bad.fault, "written anew" in bad.detail) == (Condition.DOWN, "system.anchor", True)
    assert clock.getDelayedCalls() == []


def test_an_anchor_file_that_hangs_holds_nobody_and_is_told(books, tmp_path, monkeypatch):
    new_key(tmp_path / "k")
    life = opened(books)
    clock = task.Clock()
    begun = []
    monkeypatch.setattr("threading.Thread.start", lambda thread: begun.append(thread.name))
    options = AnchorOptions(path=tmp_path / "anchors", key_file=tmp_path / "k", every_s=60.0)
    part = Anchoring(options, life.database, "H99990000001", clock, lambda: NOW)
    part.start()
    for _ in range(4):
        clock.advance(60)
    health = part.health()
    part.stop()
    close(life)

    assert begun == ["anchor"]  # never a second one while the first has not ended
    assert health.condition is Condition.DEGRADED


def test_a_path_without_a_key_is_a_wrong_configuration():
    with pytest.raises(ValueError, match="belong together"):
        AnchorOptions(path="x")


def test_without_a_path_nothing_is_anchored(books):
    life = opened(books)
    part = Anchoring(AnchorOptions(), life.database, "H99990000001", task.Clock(), lambda: NOW)
    part.start()
    health = part.health()
    close(life)

    assert (health.condition, health.detail) == (Condition.GOOD, "off")
