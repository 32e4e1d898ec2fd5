from __future__ import annotations

import base64
import datetime as dt
import os
import stat

import attrs
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from middleware.domain.fault import Fault
from middleware.store import tables as t
from middleware.store.ciphers import AES, SM4
from middleware.store.keyring import CHUNK, MAX_OPEN, REFRESH_S, DataKey, Sealing
from middleware.store.masters import KeptMaster, KeptMasters, add_to_file, new_file, read_file
from middleware.store.periods import last_day, period_of
from middleware.store.reader import Reader
from middleware.store.units import Unit
from middleware.store.vault import NoVault, Vault, key_of, row_name
from middleware.store.writer import Writer
from tests.middleware.store.making import database, unit
from tests.support.fakes import NOW
from tests.support.vaults import SECRET, a_vault, masters, write_master

NEXT = NOW + dt.timedelta(days=31)


@pytest.fixture
def engine(store_url):
    with database(store_url) as made:
        yield made


def write(engine, vault, *units):
    writer = Writer(engine, vault=vault)
    results = writer.write(units)
    writer.close()
    return results


def refused(work, *arguments):
    with pytest.raises(Fault) as caught:
        work(*arguments)
    return caught.value


@pytest.mark.parametrize("algorithm", [AES, SM4])
def test_what_is_sealed_is_unreadable_and_opens_in_its_place_only(engine, algorithm):
    vault = a_vault(engine, algorithm=algorithm)
    sealed = vault.seal("person", "H1", "body", "张伟民", NOW)

    assert "张" not in sealed
    assert vault.open("person", "H1", "body", sealed) == "张伟民"
    for place in (("person", "H2", "body"), ("bill", "H1", "body"), ("person", "H1", "name")):
        fault = refused(vault.open, *place, sealed)
        assert (fault.code, fault.detail) == (
            "system.keys",
            f"{place[0]} {place[1]}: {place[2]} does not open: it was moved or changed",
        )


def test_each_value_has_a_nonce_of_its_own(engine):
    vault = a_vault(engine)

    assert len({vault.seal("person", "H1", "body", "x", NOW) for _ in range(100)}) == 100


def test_a_flipped_bit_anywhere_is_refused_with_the_row_named(engine):
    vault = a_vault(engine)
    key_id, _, text = vault.seal("person", "H1", "body", "张伟民", NOW).partition(".")
    box = bytearray(base64.urlsafe_b64decode(text))
    for bit in range(8 * len(box)):
        box[bit // 8] ^= 1 << bit % 8
        broken = f"{key_id}.{base64.urlsafe_b64encode(box).decode()}"
        assert refused(vault.open, "person", "H1", "body", broken).detail.startswith("person H1: body does not open")
        box[bit // 8] ^= 1 << bit % 8
    assert refused(vault.open, "person", "H1", "body", key_id + ".@@@").detail.startswith("person H1: body")


@pytest.mark.parametrize("text", ["", '{"name": "张伟民"}', "K", "K0123456789abcdef"])
def test_what_was_never_sealed_is_not_taken_for_sealed(engine, text):
    assert refused(a_vault(engine).open, "person", "H1", "body", text).detail == "person H1: body is not sealed"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text(alphabet="ab\x1b\x1f_", max_size=4), min_size=2, max_size=2),
    st.lists(st.text(alphabet="ab\x1b\x1f_", max_size=4), min_size=2, max_size=2),
)
def test_no_two_rows_have_one_name(one, other):
    assert (row_name(*one) == row_name(*other)) == (one == other)


# -- data keys


def test_each_period_has_a_key_of_its_own_and_all_open(engine):
    vault = a_vault(engine)
    values = [vault.seal("person", "H1", "body", month, at) for month, at in (("11", NOW), ("12", NEXT), ("11", NOW))]

    assert key_of(values[0]) == key_of(values[2]) != key_of(values[1])
    assert [vault.open("person", "H1", "body", value) for value in values] == ["11", "12", "11"]


@pytest.mark.parametrize(
    ("kind", "period", "last"),
    [
        ("month", "2026-11", dt.date(2026, 11, 30)),
        ("quarter", "2026-Q4", dt.date(2026, 12, 31)),
        ("year", "2026", dt.date(2026, 12, 31)),
    ],
)
def test_periods(kind, period, last):
    assert period_of(NOW, kind) == period
    assert last_day(period) == last


@pytest.mark.parametrize("text", ["", "26-11", "2026-13", "2026-Q5", "2026-1", "2026-11-01", "2026-11\n"])
def test_what_is_no_period(text):
    with pytest.raises(ValueError, match="YYYY"):
        last_day(text)


def test_a_key_is_durable_with_the_first_value_and_opens_for_another_process(engine):
    assert write(engine, a_vault(engine), unit(1)) == [None]

    assert Reader(engine, a_vault(engine)).holder("P0001").name.reveal() == "张伟民"
    with engine.connect() as connection:
        rows = connection.execute(sa.select(t.data_key)).all()
    assert sorted((row.purpose, row.period, row.state) for row in rows) == [
        ("seal", "2026-11", "in use"),
        ("search", "2026-11", "in use"),
    ]


def test_a_key_whose_transaction_failed_is_written_with_the_next_one(engine):
    vault = a_vault(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE bill RENAME TO gone")
    failed = write(engine, vault, unit(1))
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE gone RENAME TO bill")

    assert [type(result).__name__ for result in failed] == ["StoreError"]
    assert write(engine, vault, unit(2)) == [None]
    assert Reader(engine, a_vault(engine)).holder("P0002").name.reveal() == "张伟民"


def test_a_key_seals_no_more_values_than_it_may_and_another_takes_over(engine):
    vault = Vault(engine, masters(), Sealing(max_values=CHUNK))
    key = vault.keys.for_sealing(NOW)
    assert write(engine, vault, Unit(now=NOW)) == [None]  # the key is on disk
    key.left = 1
    ids = [vault.keys.for_sealing(NOW).id for _ in range(3)]

    assert ids[0] == key.id
    assert ids[1] == ids[2] != key.id


def test_many_values_at_once_are_counted_and_sealed_by_as_many_keys_as_they_need(engine):
    vault = Vault(engine, masters(), Sealing(max_values=CHUNK))
    key = vault.keys.for_sealing(NOW)
    assert write(engine, vault, Unit(now=NOW)) == [None]
    key.left = 3
    values = [(f"r{number}", f"v{number}".encode()) for number in range(8)]
    sealed = vault.seal_many("inbox", "sealed", values, NOW)

    assert [key_of(one) == key.id for one in sealed] == [True] * 3 + [False] * 5
    assert len({key_of(one) for one in sealed[3:]}) == 1
    opened = [vault.open_bytes("inbox", row, "sealed", one) for (row, _), one in zip(values, sealed, strict=True)]
    assert opened == [value for _, value in values]
    assert key.left == 0


def test_what_a_life_did_not_use_of_its_reservation_is_not_used_by_the_next(engine):
    for number in (1, 2, 3):
        assert write(engine, a_vault(engine), unit(number)) == [None]

    with engine.connect() as connection:
        query = sa.select(t.data_key.c.values_reserved).where(t.data_key.c.purpose == "seal")
        assert connection.scalars(query).all() == [3 * CHUNK]


def test_keys_held_open_are_bounded_and_the_key_itself_is_kept_nowhere(engine):
    secrets = []

    def random_bytes(count):
        made = os.urandom(count)
        secrets.extend([made] if count == 32 else [])
        return made

    vault = Vault(engine, masters(), random_bytes=random_bytes)
    for n in range(MAX_OPEN + 2):
        vault.keys.for_sealing(NOW + dt.timedelta(days=31 * n))
        assert write(engine, vault, Unit(now=NOW)) == [None]
    held = list(vault.keys._open.values())

    assert len(held) == MAX_OPEN
    assert len(secrets) == MAX_OPEN + 2
    assert not [key for key in held for value in (getattr(key, a.name) for a in attrs.fields(DataKey)) if value in secrets]
    vault.dispose()
    assert not vault.keys._open


def test_a_key_that_is_let_go_while_another_thread_uses_it_finishes_rightly(engine):
    vault = a_vault(engine)
    digest = vault.digest("id_number", "1", NOW)
    sealed = vault.seal("person", "H1", "body", "x", NOW)
    assert write(engine, vault, Unit(now=NOW)) == [None]
    mine, search = vault.keys.for_sealing(NOW), vault.keys.for_digests(NOW)
    vault.keys.forget()

    assert vault.open("person", "H1", "body", vault.seal_with(mine, "person", "H1", "body", b"x")) == "x"
    assert search.digest.of("id_number\n1") == digest == vault.digest("id_number", "1", NOW)
    assert vault.open("person", "H1", "body", sealed) == "x"


def test_another_nodes_destruction_is_seen_within_a_minute(engine):
    now = [0.0]
    vault = Vault(engine, masters(), seconds=lambda: now[0])
    sealed = vault.seal("person", "H1", "body", "x", NOW)
    assert write(engine, vault, Unit(now=NOW)) == [None]
    with engine.begin() as connection:
        connection.execute(sa.update(t.data_key).values(state="destroyed", wrapped="", destroyed_at="2041-01-01"))

    assert vault.open("person", "H1", "body", sealed) == "x"
    now[0] += REFRESH_S + 1
    assert refused(vault.open, "person", "H1", "body", sealed).code == "person.forgotten"
    assert refused(vault.seal, "person", "H2", "body", "x", NOW).detail.startswith("period 2026-11 was destroyed")


def test_a_data_key_row_that_was_changed_does_not_open(engine):
    assert write(engine, a_vault(engine), unit(1)) == [None]
    with engine.begin() as connection:
        connection.execute(sa.update(t.data_key).values(period="2020-01"))

    assert "its row was changed" in refused(Reader(engine, a_vault(engine)).holder, "P0001").detail


def test_without_the_master_key_nothing_is_read_and_its_name_is_told(engine):
    assert write(engine, a_vault(engine), unit(1)) == [None]
    stranger = Vault(engine, KeptMasters([KeptMaster(AES, b"another key of thirty-two bytes!")]))
    fault = refused(Reader(engine, stranger).holder, "P0001")

    assert fault.code == "system.keys"
    assert KeptMaster(AES, SECRET).id in fault.detail


def test_without_a_vault_nothing_about_a_person_is_written_or_read(engine):
    (failed,) = write(engine, None, unit(1))

    assert str(failed) == "no master key was opened here"
    assert refused(NoVault().open, "person", "H1", "body", "K0123456789abcdef.x").code == "system.keys"


# -- searching


def test_equal_numbers_are_found_and_digests_of_two_periods_cannot_be_joined(engine):
    vault = a_vault(engine)
    digests = {vault.digest("id_number", "1", at) for at in (NOW, NOW, NEXT)}
    assert write(engine, vault, Unit(now=NOW)) == [None]

    assert len(digests) == 2
    assert set(vault.digests("id_number", "1")) == digests
    assert not digests & {vault.digest("card_number", "1", NOW), vault.digest("id_number", "2", NOW)}


# -- master key files


def test_a_master_key_file_is_made_once_renewed_in_place_and_read_by_its_owner_alone(tmp_path):
    path = tmp_path / "master.key"
    first = new_file(path, AES)
    second = add_to_file(path, SM4)

    assert [one.id for one in read_file(path)] == [second.id, first.id]
    assert [one.algorithm for one in read_file(path)] == [SM4, AES]
    assert stat.S_IMODE(path.stat().st_mode) == 0o400
    assert "is there already" in refused(new_file, path, AES).detail
    path.chmod(0o440)
    assert "chmod 0400" in refused(read_file, path).detail


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "aes-256-gcm\n", "aes-256-gcm AAAA\n", "rot13 AAAA\n", "aes-256-gcm ¶¶¶\n"]
)
def test_a_file_that_holds_no_key_is_refused_and_not_quoted(tmp_path, text):
    path = tmp_path / "master.key"
    path.touch(0o600)
    path.write_text(text, encoding="utf-8")
    fault = refused(read_file, path)

    assert fault.code == "system.keys"
    assert "AAAA" not in fault.detail


def test_a_key_file_of_the_tests_is_one(tmp_path):
    write_master(tmp_path / "k")

    assert [one.id for one in read_file(tmp_path / "k")] == [masters().current().id]
