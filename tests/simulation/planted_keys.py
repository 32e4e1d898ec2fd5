"""Defects of rotation, rewriting and destruction to plant; each is caught by what is known of every sealed value."""

from __future__ import annotations

import sqlalchemy as sa
from attrs import evolve

from middleware.engine import keydesk
from middleware.engine.keydesk import KeyDesk
from middleware.store import keyring, rotation
from middleware.store import tables as t
from middleware.store.ciphers import AES
from middleware.store.keyring import Keyring, unwrapped, wrapped
from middleware.store.masters import KeptMaster
from middleware.store.units import Unit

PRIVATE = b"a master key of one node alone..", b"a master key of another one....."


def the_rewriting_overwrites_what_is_newer(patch):
    """All values are read when a rewriting begins, and written whatever stands there by then."""
    seen, real_page, real_rows, real = {}, rotation.reseal_page, rotation._rows, rotation._resealed

    def page(vault, at, page):
        engine = vault.keys._engine
        with engine.connect() as connection:
            now = rotation.progress_of(connection)
            if now is not None and (id(engine) not in seen or not (now.column or now.after)):
                seen[id(engine)] = {place: real_rows(connection, place, [], 10_000) for place in rotation.SEALED}
        return real_page(vault, at, page)

    def rows(connection, place, after, page):
        return [row for row in seen[id(connection.engine)][place] if not after or list(row[:-1]) > after][:page]

    def resealed(connection, newest, place, row):
        same = [column == value for column, value in zip(place.key, row[:-1], strict=True)]
        connection.execute(sa.update(place.table).where(*same).values({place.name: row[-1]}))
        return real(connection, newest, place, row)

    patch.setattr(rotation, "reseal_page", page)
    patch.setattr(rotation, "_rows", rows)
    patch.setattr(rotation, "_resealed", resealed)


def it_is_sealed_in_the_period_of_today(patch):
    patch.setattr(Keyring, "newest_of", lambda self, period, at: self.for_sealing(at))


def it_is_sealed_under_the_name_of_another_row(patch):
    patch.setattr(rotation.Vault, "seal_with", _shifted(rotation.Vault.seal_with))


def _shifted(real):
    names = {}

    def seal_with(self, key, table, row, column, data):
        again = getattr(self, "_first", True) is False
        other = names.get((table, column), row) if again else row
        names[table, column] = row
        return real(self, key, table, other, column, data)

    return seal_with


def progress_is_written_before_the_page(patch):
    """The rows of a page are written with the next one: who dies between has skipped them."""
    real = rotation._resealed
    waiting = {}

    def resealed(connection, newest, place, row):
        mine = id(newest.vault)
        late, waiting[mine] = waiting.get(mine), (place, row)
        return real(connection, newest, *late) if late else 0

    patch.setattr(rotation, "_resealed", resealed)


def the_last_page_is_left_out_after_a_crash(patch):
    real = rotation.progress_of
    lives = set()

    def planted(connection):
        now = real(connection)
        if now is not None and id(connection.engine) not in lives:
            lives.add(id(connection.engine))
            if now.column or now.after:
                now.column, now.after = now.column + 1, []
        return now

    patch.setattr(rotation, "progress_of", planted)


def a_rewrap_skips_retired_keys(patch):
    def rewrap(vault, counted):
        def work(connection):
            master, c = vault.keys.masters.current(), t.data_key.c
            query = sa.select(t.data_key).where(c.state == rotation.IN_USE, c.master_id != master.id)
            for row in connection.execute(query).mappings().all():
                columns = wrapped(master, row, unwrapped(vault.keys.masters, row))
                connection.execute(sa.update(t.data_key).where(c.id == row["id"]).values(**columns))

        return work

    patch.setattr(rotation, "rewrap", rewrap)


def a_rewrap_by_a_master_key_that_one_node_has(patch):
    real = rotation.rewrap

    def rewrap(vault, counted):
        vault.keys.masters.kept.insert(0, KeptMaster(AES, PRIVATE[0], vault.random_bytes))
        return real(vault, counted)

    patch.setattr(rotation, "rewrap", rewrap)


def a_new_key_is_wrapped_by_the_master_key_of_yesterday(patch):
    patch.setattr(Keyring, "_under_the_current_master", lambda self: None)


def a_node_knows_the_master_keys_of_its_start(patch):
    patch.setattr(Keyring, "_look_again", lambda self: None)


def a_node_never_hears_that_a_key_is_retired(patch):
    patch.setattr(keyring, "REFRESH_S", float("inf"))


def who_rotates_goes_on_with_what_it_retired(patch):
    patch.setattr(Keyring, "forget", lambda self: None)


def what_is_retired_seals_once_more(patch):
    def of_period(self, period, purpose, at):
        key_id = self._current.get((period, purpose)) or self._newest(period, purpose)
        if key_id is None:
            return self._make(period, purpose, at)
        self._current[period, purpose] = key_id
        return self.by_id(key_id)

    patch.setattr(Keyring, "_of_period", of_period)


def a_page_believes_what_this_node_knew(patch):
    patch.setattr(Keyring, "newest_of", lambda self, period, at: self._of_period(period, rotation.SEAL, at))


def the_end_of_a_rewriting_is_not_recorded_with_it(patch):
    real = KeyDesk._commit

    async def commit(self, caller, event, facts, work, *meta, words=""):
        if event == "KeysResealed":
            await self._engine.means.journal.commit(Unit(now=self._engine.means.now(), work=work))
            work = None
        await real(self, caller, event, facts, work, *meta, words=words)

    patch.setattr(KeyDesk, "_commit", commit)


def nobody_looks_for_what_is_open(patch):
    patch.setattr(rotation, "_open_in", lambda connection, keys: iter(()))


def a_rewriting_does_not_stop_a_destruction(patch):
    real = rotation.refusal

    def refusal(*args):
        with_it = rotation.progress_of
        rotation.progress_of = lambda _connection: None
        try:
            return real(*args)
        finally:
            rotation.progress_of = with_it

    patch.setattr(rotation, "refusal", refusal)


def one_person_destroys(patch):
    real = KeyDesk._shown

    async def shown(self, period, proposal):
        return evolve(await real(self, period, proposal), by="somebody-else")

    patch.setattr(KeyDesk, "_shown", shown)


def a_destroyed_key_is_marked_only(patch):
    def destroy(period, now, keep_days, proposed):
        def work(connection):
            done = {"state": rotation.DESTROYED, "destroyed_at": now.isoformat()}
            connection.execute(sa.update(t.data_key).where(t.data_key.c.period == period).values(**done))

        return work

    patch.setattr(keydesk.rotation, "destroy", destroy)


def the_log_is_not_cut_after_a_crash(patch):
    patch.setattr(KeyDesk, "_cut_if_noted", lambda self: _nothing())


async def _nothing():
    return None


def search_keys_go_with_a_rotation(patch):
    real = rotation.retire

    def retire(at):
        def work(connection):
            real(at)(connection)
            connection.execute(sa.delete(t.data_key).where(t.data_key.c.purpose == keyring.SEARCH))

        return work

    patch.setattr(rotation, "retire", retire)


ALL = (
    the_rewriting_overwrites_what_is_newer,
    it_is_sealed_in_the_period_of_today,
    it_is_sealed_under_the_name_of_another_row,
    progress_is_written_before_the_page,
    the_last_page_is_left_out_after_a_crash,
    a_rewrap_skips_retired_keys,
    a_rewrap_by_a_master_key_that_one_node_has,
    a_new_key_is_wrapped_by_the_master_key_of_yesterday,
    a_node_knows_the_master_keys_of_its_start,
    a_node_never_hears_that_a_key_is_retired,
    who_rotates_goes_on_with_what_it_retired,
    what_is_retired_seals_once_more,
    a_page_believes_what_this_node_knew,
    the_end_of_a_rewriting_is_not_recorded_with_it,
    nobody_looks_for_what_is_open,
    a_rewriting_does_not_stop_a_destruction,
    one_person_destroys,
    a_destroyed_key_is_marked_only,
    the_log_is_not_cut_after_a_crash,
    search_keys_go_with_a_rotation,
)
