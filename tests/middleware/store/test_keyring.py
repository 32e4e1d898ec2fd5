"""Keys when several nodes change them: what one does the others know in time, and nothing is written that cannot be opened."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa

from middleware.domain.fault import Fault
from middleware.store import rotation
from middleware.store import tables as t
from middleware.store.keyring import REFRESH_S, SEAL
from middleware.store.masters import FileMasters
from middleware.store.reader import Reader
from middleware.store.units import Unit
from middleware.store.vault import Vault, key_of
from middleware.store.writer import Writer
from tests.middleware.store.making import database, unit
from tests.support.fakes import NOW
from tests.support.vaults import a_vault, masters, write_master

MORE = b"the master key after that one 11", b"the master key after both keys 2"


@pytest.fixture
def engine(store_url):
    with database(store_url) as made:
        yield made


@pytest.fixture
def path(tmp_path):
    write_master(tmp_path / "master.key")
    return tmp_path / "master.key"


def write(engine, vault, *units):
    writer = Writer(engine, vault=vault)
    results = writer.write(units)
    writer.close()
    return results


def retired_elsewhere(engine):
    with engine.begin() as connection:
        rotation.retire(NOW)(connection)


def test_another_nodes_rotation_is_known_within_a_minute_and_then_nothing_more_is_sealed_under_the_old_key(engine):
    now = [0.0]
    vault = Vault(engine, masters(), seconds=lambda: now[0])
    old = key_of(vault.seal("person", "H1", "body", "x", NOW))
    assert write(engine, vault, Unit(now=NOW)) == [None]
    retired_elsewhere(engine)

    assert key_of(vault.seal("person", "H2", "body", "x", NOW)) == old
    now[0] += REFRESH_S + 1
    assert key_of(vault.seal("person", "H3", "body", "x", NOW)) != old


def test_a_retired_key_that_was_let_go_does_not_seal_when_it_is_opened_again(engine):
    vault = a_vault(engine)
    sealed = vault.seal("person", "H1", "body", "x", NOW)
    assert write(engine, vault, Unit(now=NOW)) == [None]
    retired_elsewhere(engine)
    vault.keys._open.clear()  # as when many others were opened since

    assert vault.open("person", "H1", "body", sealed) == "x"
    assert key_of(vault.seal("person", "H2", "body", "x", NOW)) != key_of(sealed)


def test_a_rewriting_goes_by_the_newest_key_that_the_database_has(engine):
    vault = a_vault(engine)
    old = vault.keys.newest_of("2026-11", NOW).id
    assert write(engine, vault, Unit(now=NOW)) == [None]
    retired_elsewhere(engine)

    assert vault.keys.for_sealing(NOW).id == old
    assert vault.keys.newest_of("2026-11", NOW).id != old


def test_a_master_key_that_another_node_began_to_use_is_looked_for_in_the_file(engine, path):
    here, there = Vault(engine, FileMasters(path)), Vault(engine, FileMasters(path))
    assert write(engine, here, unit(1)) == [None]
    write_master(path, MORE[0])
    there.keys.masters.reload()
    with engine.begin() as connection:
        rotation.rewrap(there, rotation.Counted())(connection)
    here.keys.forget()

    assert Reader(engine, here).holder("P0001").name.reveal() == "张伟民"


def test_a_key_is_written_under_the_master_key_that_is_current_when_it_is_written(engine, path):
    vault = Vault(engine, FileMasters(path))
    vault.seal("person", "H1", "body", "x", NOW)  # the key is made, and is not on disk
    write_master(path, MORE[0])
    assert write(engine, vault, unit(1)) == [None]

    with engine.connect() as connection:
        assert set(connection.scalars(sa.select(t.data_key.c.master_id))) == {masters(MORE[0]).current().id}
    write_master(path, MORE[0])
    assert Reader(engine, Vault(engine, FileMasters(path))).holder("P0001").name.reveal() == "张伟民"


def test_a_new_key_whose_master_key_is_gone_is_dropped_and_the_next_value_has_another(engine, path, monkeypatch):
    vault = Vault(engine, FileMasters(path))
    lost = vault.keys.for_sealing(NOW).id
    monkeypatch.setattr("tests.support.vaults.SECRET", MORE[1])
    write_master(path)

    assert str(write(engine, vault, unit(1))[0]).endswith("which is not here")
    assert write(engine, vault, unit(1)) == [None]
    assert Reader(engine, Vault(engine, FileMasters(path))).holder("P0001").name.reveal() == "张伟民"
    assert lost not in vault.keys._open


def test_a_key_file_that_cannot_be_read_does_not_stop_what_goes_on(engine, path):
    vault = Vault(engine, FileMasters(path))
    path.unlink()

    assert write(engine, vault, unit(1)) == [None]
    with pytest.raises(Fault, match="cannot be opened"):
        vault.keys.masters.reload()


def test_the_end_of_a_rewriting_is_recorded_by_one_and_for_what_was_shown(engine):
    vault = a_vault(engine)
    assert write(engine, vault, unit(1), Unit(now=NOW, work=rotation.begin_resealing())) == [None, None]
    while not rotation.progress_in(rotation.noted(engine, rotation.RESEALING)).complete:
        assert write(engine, vault, Unit(now=NOW, work=rotation.reseal_page(vault, NOW))) == [None]
    shown = rotation.noted(engine, rotation.RESEALING)
    ended = Unit(now=NOW, work=rotation.end_resealing(shown))
    again = write(engine, vault, ended, ended)

    assert again[0] is None
    assert again[1].fault.code == "desk.stale"
    assert rotation.noted(engine, rotation.RESEALING) == ""


def test_standing_and_periods_have_keys_of_their_own_when_they_are_made_anew(engine):
    vault = a_vault(engine)
    later = NOW + dt.timedelta(days=31)
    ids = {vault.keys.standing(SEAL, NOW).id, vault.keys.for_sealing(NOW).id, vault.keys.for_sealing(later).id}
    assert write(engine, vault, Unit(now=NOW)) == [None]
    retired_elsewhere(engine)
    fresh = [vault.keys.newest_of(period, later) for period in ("standing", "2026-11", "2026-12")]

    assert [key.period for key in fresh] == ["standing", "2026-11", "2026-12"]
    assert not ids & {key.id for key in fresh}
