"""New rows reach either database as they are, whatever stands in them."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from middleware.store import tables as t
from middleware.store.bulk import Bulk
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
