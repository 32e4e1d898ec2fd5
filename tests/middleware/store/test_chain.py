"""Invariant 19: whatever is changed, taken away or swapped in the journal or the feed is found, and where."""

from __future__ import annotations

import hashlib

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from middleware.store import tables as t
from middleware.store.chain import GENESIS, Head, first_break, link
from middleware.store.reader import Reader
from tests.middleware.store.making import unit, writing

TABLES = [t.journal, t.feed]


@pytest.fixture
def filled(store_url):
    with writing(store_url) as (writer, engine):
        writer.write([unit(n) for n in range(1, 6)])
        yield engine


def change(engine, statement, **values):
    with engine.begin() as connection:
        connection.execute(sa.text(statement), values)


def flipped(engine, text, place, bit):
    """The text with one bit changed: of its bytes where SQLite keeps bytes, of a character where only text is taken."""
    if engine.dialect.name == "sqlite":
        raw = bytearray(text.encode())
        raw[place] ^= 1 << bit
        return bytes(raw)
    return text[:place] + chr(ord(text[place]) ^ 1 << bit) + text[place + 1 :]


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_what_nobody_touched_is_whole(filled, table):
    assert Reader(filled).broken(table) is None


@pytest.mark.parametrize("column", ["line", "hash", "previous"])
@pytest.mark.parametrize("bit", [0, 7])
@pytest.mark.parametrize("table", TABLES, ids=str)
def test_one_flipped_bit_anywhere_in_a_row_is_found(filled, table, column, bit):
    with filled.connect() as connection:
        text = connection.scalar(sa.select(table.c[column]).where(table.c.sequence == 3))
    step = max(1, len(text) // 25)
    for place in [*range(0, len(text), step), len(text) - 1]:
        value = flipped(filled, text, place, bit)
        change(filled, f"UPDATE {table.name} SET {column} = CAST(:value AS TEXT) WHERE sequence = 3", value=value)
        assert Reader(filled).broken(table)[0] == 3
    change(filled, f"UPDATE {table.name} SET {column} = :text WHERE sequence = 3", text=text)
    assert Reader(filled).broken(table) is None


@pytest.mark.parametrize("missing", [1, 2, 4])
@pytest.mark.parametrize("table", TABLES, ids=str)
def test_a_missing_row_is_found(filled, table, missing):
    change(filled, f"DELETE FROM {table.name} WHERE sequence = :n", n=missing)

    assert Reader(filled).broken(table) == (missing + 1, f"expected sequence {missing}")


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_a_missing_row_is_found_even_when_the_others_are_numbered_anew(filled, table):
    change(filled, f"DELETE FROM {table.name} WHERE sequence = 2")
    change(filled, f"UPDATE {table.name} SET sequence = sequence - 1 WHERE sequence > 2")

    assert Reader(filled).broken(table) == (2, "does not name the hash of the row before")


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_two_rows_changed_round_are_found(filled, table):
    for old, new in ((2, 99), (3, 2), (99, 3)):
        change(filled, f"UPDATE {table.name} SET sequence = :new WHERE sequence = :old", new=new, old=old)

    assert Reader(filled).broken(table)[0] == 2


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_a_row_rewritten_with_its_own_hash_is_found_at_the_next(filled, table):
    with filled.connect() as connection:
        previous, line = connection.execute(sa.select(table.c.previous, table.c.line).where(table.c.sequence == 3)).one()
    line = line.replace('"at":"20', '"at":"19')
    digest = link(previous, line)
    change(filled, f"UPDATE {table.name} SET line = :line, hash = :hash WHERE sequence = 3", line=line, hash=digest)

    assert Reader(filled).broken(table) == (4, "does not name the hash of the row before")


def test_the_hash_is_sm3_as_the_standard_has_it():
    # GB/T 32905-2016, A.1: the digest of "abc"
    assert hashlib.new("sm3", b"abc").hexdigest() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    assert link("a", "b") == hashlib.new("sm3", b"a\nb").hexdigest()


LINES = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=10), max_size=8)


def sealed(lines):
    rows, head = [], Head(0, GENESIS)
    for line in lines:
        digest = link(head.hash, line)
        rows.append((head.sequence + 1, head.hash, line, digest))
        head = Head(head.sequence + 1, digest)
    return rows


@given(LINES)
def test_a_chain_as_it_was_sealed_is_whole_and_so_is_each_end_of_it(lines):
    rows = sealed(lines)

    assert first_break(rows) is None
    for n, row in enumerate(rows):
        assert first_break(rows[n + 1 :], Head(row[0], row[3])) is None


@given(LINES.filter(lambda lines: len(lines) > 1), st.data())
def test_any_change_of_any_value_is_found_at_its_row(lines, data):
    rows = sealed(lines)
    place = data.draw(st.integers(0, len(rows) - 1))
    column = data.draw(st.integers(0, 3))
    row = list(rows[place])
    row[column] = row[column] + 1 if column == 0 else row[column] + "x"

    assert first_break([*rows[:place], tuple(row), *rows[place + 1 :]])[0] == row[0]


def test_a_page_of_the_feed_read_again_is_the_same_and_bounded(filled):
    """Invariant 24."""
    reader = Reader(filled)
    page = reader.feed_page(1, 2)

    assert [row.sequence for row in page.rows] == [2, 3]
    assert page.head_sequence == 5
    assert reader.feed_page(1, 2) == page
    assert reader.feed_page(5, 10).rows == reader.feed_page(0, 0).rows == reader.feed_page(0, -1).rows == ()
