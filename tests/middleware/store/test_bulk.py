"""New rows reach either database as they are, whatever stands in them."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from middleware.store import tables as t
from middleware.store.bulk import TOGETHER, Bulk
from middleware.store.writer import _upsert
from tests.middleware.store.making import database

STRANGE = ["", "'", '"', "\\", "\\x41", "\\u0041", "{}", "%s", "?", ":name", "\r\n\t\x01\x7f", "张𠮷", "null", "a" * 199]


def row(sequence, text, ack):
    return {
        "sequence": sequence, "link": "his", "control_id": text, "type": "ADT", "why": "", "digest": "0" * 64, "bytes": 1,
        "at": "", "ack": ack, "sealed": text * 20,
    }  # fmt: skip


def test_text_bytes_and_numbers_come_back_as_they_went_in(store_url):
    acks = [b"", bytes(range(256)), b"\\x41", b"\x0bMSA\x1c\r"]
    rows = [row(2**62 + place, text, acks[place % 4]) for place, text in enumerate(STRANGE)]
    with database(store_url) as engine, engine.begin() as connection:
        Bulk(engine.dialect).execute(connection, sa.insert(t.inbox), rows)
        found = connection.execute(sa.select(t.inbox).order_by(t.inbox.c.sequence)).mappings().all()

        assert [dict(one) for one in found] == rows


def test_a_yes_is_a_yes_and_a_row_that_is_there_is_refused(store_url):
    rows = [
        {"visit_id": f"V{busy}", "state": "s", "person_ref": "", "busy": busy, "body": "{}", "sealed": "", "updated_at": "",
         "version": 1, "epoch": 1, "since": ""} for busy in (True, False)
    ]  # fmt: skip
    insert = sa.insert(t.visit)
    with database(store_url) as engine:
        bulk = Bulk(engine.dialect)
        with engine.begin() as connection:
            bulk.execute(connection, insert, rows)
            assert dict(connection.execute(sa.select(t.visit.c.visit_id, t.visit.c.busy)).all()) == {
                "VTrue": True,
                "VFalse": False,
            }
        with pytest.raises(sa.exc.IntegrityError), engine.begin() as connection:
            bulk.execute(connection, insert, rows[:1])


def test_a_value_that_the_database_cannot_hold_is_refused_and_not_changed(postgres_url):
    with database(postgres_url) as engine:
        for text in ("\x00", "x" * 200):
            with pytest.raises(sa.exc.DataError), engine.begin() as connection:
                Bulk(engine.dialect).execute(connection, sa.insert(t.inbox), [row(1, text, b"")])


def letter(number):
    return {
        "control_id": f"C{number}", "visit_id": "V1", "settlement_id": "", "matter": "settled", "created_at": "", "outcome": "",
        "destination": "his", "copy": False,
    }  # fmt: skip


def test_rows_get_their_numbers_in_the_order_in_which_they_were_given(store_url):
    letters = [letter(number) for number in range(6 * TOGETHER)]
    insert, left = sa.insert(t.outbox), list(letters)
    with database(store_url) as engine, engine.begin() as connection:
        bulk = Bulk(engine.dialect)
        for count in (1, TOGETHER - 1, TOGETHER, 2 * TOGETHER + 3, TOGETHER + 1):
            bulk.execute(connection, insert, left[:count])
            left = left[count:]
        found = connection.scalars(sa.select(t.outbox.c.control_id).order_by(t.outbox.c.sequence)).all()

        assert found == [one["control_id"] for one in letters[: -len(left)]]


def test_a_text_given_as_its_bytes_is_kept_as_text(store_url):
    texts = [text for text in STRANGE if text]
    lines = [
        {"sequence": place, "visit_id": "", "settlement_id": "", "event": "", "previous": "", "hash": "",
         "line": text.encode()} for place, text in enumerate(texts * 3)
    ]  # fmt: skip
    with database(store_url) as engine, engine.begin() as connection:
        Bulk(engine.dialect).execute(connection, sa.insert(t.journal), lines)

        assert connection.scalars(sa.select(t.journal.c.line).order_by(t.journal.c.sequence)).all() == texts * 3
        if engine.dialect.name == "sqlite":
            assert connection.scalars(sa.text("SELECT DISTINCT typeof(line) FROM journal")).all() == ["text"]


def test_a_row_that_is_there_is_written_over_also_among_new_ones(store_url):
    with database(store_url) as engine, engine.begin() as connection:
        put = _upsert(sqlite.insert if engine.dialect.name == "sqlite" else postgresql.insert, t.meta)
        bulk = Bulk(engine.dialect, distinct=(put,))
        bulk.execute(connection, put, [{"name": f"n{n}", "value": "before"} for n in range(3)])
        bulk.execute(connection, put, [{"name": f"n{n}", "value": "%s ?"} for n in range(2, 2 * TOGETHER)])
        query = sa.select(t.meta.c.name, t.meta.c.value).where(t.meta.c.name.like("n%"))

        assert dict(connection.execute(query).all()) == {
            f"n{n}": "before" if n < 2 else "%s ?" for n in range(2 * TOGETHER)
        }
