"""What came over HL7, on both databases: once per link and id, byte for byte, proved by the chain, sealed."""

from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa
from attrs import evolve

from middleware.domain.fault import Fault
from middleware.store import tables as t
from middleware.store.inbox import InboxReader, TakenIds, inbox_agrees
from middleware.store.nodes import Membership
from middleware.store.reader import Reader
from middleware.store.units import Incoming, RepeatedError
from middleware.store.writer import Writer
from tests.middleware.store.making import database, writing
from tests.support.fakes import NOW
from tests.support.vaults import a_vault

RAW = "MSH|^~\\&|HIS|||||张伟民\r".encode("gb18030") + b"\x00\xff"
ONE = Incoming("his", "C1", "ADT^A04", "", RAW, b"\x0bMSA|AA|C1\x1c\r", NOW)


def came(*messages):
    return list(messages)


def test_a_message_is_kept_byte_for_byte_and_its_answer_with_it(store_url):
    with writing(store_url) as (writer, engine):
        assert writer.write(came(ONE)) == [None]
        taken = InboxReader(engine, a_vault(engine)).taken("his", "C1")

        assert (taken.raw, taken.ack) == (RAW, ONE.ack)


def test_of_one_id_on_one_link_only_the_first_message_is_taken_in_a_batch_and_after_it(store_url):
    other = evolve(ONE, raw=b"another")
    elsewhere = evolve(ONE, link="lab")
    with writing(store_url) as (writer, engine):
        together = writer.write(came(ONE, other, elsewhere, ONE))
        later = writer.write(came(other, evolve(ONE, control_id="C2")))

        assert [type(result) for result in together] == [type(None), RepeatedError, type(None), RepeatedError]
        assert [type(result) for result in later] == [RepeatedError, type(None)]
        assert InboxReader(engine, a_vault(engine)).taken("his", "C1").raw == RAW
        with engine.connect() as connection:
            assert connection.scalar(sa.select(sa.func.count()).select_from(t.inbox)) == 3
            assert connection.scalar(sa.select(sa.func.count()).select_from(t.journal)) == 3


def test_what_an_earlier_life_took_is_found_among_new_messages_and_costs_those_nothing(store_url):
    three = [evolve(ONE, control_id=f"C{number}") for number in range(3)]
    with writing(store_url) as (writer, engine):
        assert writer.write(came(three[1])) == [None]
        later = Writer(engine, vault=a_vault(engine))  # remembers nothing
        refused = []
        sa.event.listen(engine, "handle_error", lambda context: refused.append(type(context.sqlalchemy_exception)))
        together = later.write(came(*three))
        again = later.write(came(three[1], evolve(ONE, control_id="C3")))
        later.close()

        assert [type(result) for result in together] == [type(None), RepeatedError, type(None)]
        assert [type(result) for result in again] == [RepeatedError, type(None)]
        assert refused == [sa.exc.IntegrityError]  # the unique key told it once; then the table was asked
        assert Reader(engine).broken(t.journal) is None
        inbox_agrees(engine)


def test_a_life_knows_by_heart_what_it_took_and_no_more_of_it_than_it_may(store_url):
    with writing(store_url) as (writer, engine):
        writer._taken = ids = TakenIds(remembered=2)
        three = [evolve(ONE, control_id=f"C{number}") for number in range(3)]
        assert writer.write(came(*three)) == [None] * 3
        with engine.connect() as connection:
            assert ids.among(connection, three) == {("his", "C1"), ("his", "C2")}
        assert [type(result) for result in writer.write(came(*three))] == [RepeatedError] * 3


def test_what_is_only_kept_takes_no_id(store_url):
    bad = evolve(ONE, why="hl7.charset", raw=b"bad")
    with writing(store_url) as (writer, engine):
        assert writer.write(came(bad, bad, ONE)) == [None, None, None]
        page = InboxReader(engine, a_vault(engine)).page(0, 10, kept_only=True)

        assert [(row.control_id, row.why) for row in page] == [("C1", "hl7.charset")] * 2


def test_two_nodes_take_an_id_once(postgres_url):
    with database(postgres_url) as engine:
        writers = [Writer(engine, vault=a_vault(engine), membership=Membership(name, 15, shared=True)) for name in "ab"]
        results = []
        threads = [threading.Thread(target=lambda w=w: results.extend(w.write(came(ONE)))) for w in writers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        for writer in writers:
            writer.close()

        assert sorted(type(result).__name__ for result in results) == ["NoneType", "RepeatedError"]


def test_the_chain_proves_the_bytes_and_holds_none_of_them(tmp_path):
    with writing(tmp_path) as (writer, engine):
        writer.write(came(ONE))
        with engine.connect() as connection:
            line = connection.scalar(sa.select(t.journal.c.line))
            row = connection.execute(sa.select(t.inbox)).one()

        assert row.digest in line
        assert "C1" not in line
        assert "张伟民".encode("gb18030") not in str(tuple(row)).encode("gb18030")
        assert Reader(engine).broken(t.journal) is None
        inbox_agrees(engine)


@pytest.mark.parametrize("column", ["why", "link", "digest", "bytes"])
def test_a_row_that_was_changed_behind_the_journal_is_found(tmp_path, column):
    with writing(tmp_path) as (writer, engine):
        writer.write(came(ONE, evolve(ONE, control_id="C2")))
        with engine.begin() as connection:
            connection.execute(sa.update(t.inbox).where(t.inbox.c.sequence == 2).values({column: 7}))

        with pytest.raises(Fault, match="inbox 2"):
            inbox_agrees(engine)


def test_a_row_that_is_gone_and_one_that_nobody_wrote_are_found(tmp_path):
    with writing(tmp_path) as (writer, engine):
        writer.write(came(ONE))
        with engine.begin() as connection:
            row = dict(connection.execute(sa.select(t.inbox)).mappings().one())
            connection.execute(sa.delete(t.inbox))
        with pytest.raises(Fault, match="journal row 1"):
            inbox_agrees(engine)
        with engine.begin() as connection:
            connection.execute(sa.insert(t.inbox), [row, row | {"sequence": 9, "control_id": "X"}])
        with pytest.raises(Fault, match="inbox 9"):
            inbox_agrees(engine)


def test_bytes_that_are_not_those_of_the_chain_are_not_given(tmp_path):
    with writing(tmp_path) as (writer, engine):
        writer.write(came(ONE))
        vault = a_vault(engine)
        forged = vault.seal_bytes("inbox", "1", "sealed", b"s" * 16 + b"other", NOW)
        with engine.begin() as connection:
            connection.execute(sa.update(t.inbox).values(sealed=forged))

        with pytest.raises(Fault) as caught:
            InboxReader(engine, vault).taken("his", "C1")
        assert caught.value.code == "system.keys"
