"""The vault: personal data goes into the database sealed, and comes out where it was put, or not at all.

A sealed value is text: ``<data key id>.<base64url of a box>`` (``ciphers``). Its associated data is key, table, row and
column, so that a value moved to another row or column does not open. Whoever stores anything about a person - a file of
the centre with person numbers, an account - seals it here, in a column that ``tables.py`` marks with ``info=SEALED``.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import os
import time
from collections.abc import Callable, Sequence

import sqlalchemy as sa

from middleware.domain.fault import Fault
from middleware.store.ciphers import NONCE_BYTES, NotOpenedError, RandomBytes, disclose, enclose_with
from middleware.store.keyring import SEAL, SEARCH, DataKey, Keyring, Pending, Sealing
from middleware.store.masters import Masters

_KEY_CHARACTERS = 17


class Vault:
    """Seals and opens. Any thread may call; a value sealed must be written by the writer, which writes its key with it.

    ``row`` is the row's primary key as text, several columns joined by :func:`row_name`.
    """

    def __init__(
        self,
        engine: sa.Engine,
        masters: Masters,
        sealing: Sealing | None = None,
        *,
        random_bytes: RandomBytes = os.urandom,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self.keys = Keyring(engine, masters, sealing or Sealing(), random_bytes, seconds)
        self.random_bytes = random_bytes

    def seal(self, table: str, row: str, column: str, text: str, at: dt.datetime) -> str:
        """``text`` sealed under the key of the period that ``at`` lies in. Raises ``Fault("system.keys")``."""
        return self.seal_bytes(table, row, column, text.encode(), at)

    def seal_bytes(self, table: str, row: str, column: str, data: bytes, at: dt.datetime) -> str:
        """The same for bytes, as a file's."""
        return self.seal_with(self.keys.for_sealing(at), table, row, column, data)

    def seal_many(self, table: str, column: str, values: Sequence[tuple[str, bytes]], at: dt.datetime) -> list[str]:
        """The same for many rows of one table and one period, each value with its row's name.

        One look for the key, one draw of randomness.
        """
        sealed: list[str] = []
        drawn = self.random_bytes(NONCE_BYTES * len(values))
        while len(sealed) < len(values):
            key, count = self.keys.for_sealing_many(at, len(values) - len(sealed))
            done = len(sealed)
            for place, (row, data) in enumerate(values[done : done + count], done):
                nonce = drawn[place * NONCE_BYTES : (place + 1) * NONCE_BYTES]
                sealed.append(_sealed(nonce, key, table, row, column, data))
        return sealed

    def seal_with(self, key: DataKey, table: str, row: str, column: str, data: bytes) -> str:
        """The same under a key already chosen: what a rewriting does, which leaves a value in its own period."""
        return _sealed(self.random_bytes(NONCE_BYTES), key, table, row, column, data)

    def open(self, table: str, row: str, column: str, sealed: str) -> str:
        """What was sealed there.

        Raises ``Fault("person.forgotten")`` when its period was destroyed, and ``Fault("system.keys")`` naming table, row
        and column when it does not open: moved from another place, changed, or never sealed.
        """
        return self.open_bytes(table, row, column, sealed).decode()

    def open_bytes(self, table: str, row: str, column: str, sealed: str) -> bytes:
        """The same for bytes."""
        key_id = key_of(sealed)
        if not key_id:
            raise Fault("system.keys", f"{table} {row}: {column} is not sealed")
        key = self.keys.by_id(key_id)
        if key.cipher is None:
            raise Fault("system.keys", f"{table} {row}: {column} is not sealed")
        try:
            box = base64.b64decode(sealed[_KEY_CHARACTERS + 1 :], altchars=b"-_", validate=True)
            return disclose(key.cipher, box, _context(key_id, table, row, column))
        except (NotOpenedError, binascii.Error) as exc:
            raise Fault("system.keys", f"{table} {row}: {column} does not open: it was moved or changed") from exc

    def digest(self, kind: str, value: str, at: dt.datetime) -> str:
        """What equality is asked by, for a value stored at that moment; each period has a search key of its own."""
        return _digest(self.keys.for_digests(at), kind, value)

    def digests(self, kind: str, value: str) -> list[str]:
        """The digests that this value may be stored under, of all periods that are not destroyed."""
        return [_digest(key, kind, value) for key in self.keys.all_for_digests()]

    def seal_standing(self, table: str, row: str, column: str, text: str, at: dt.datetime) -> str:
        """``text`` sealed for a register: no end of a period destroys it, only whoever takes the row away."""
        return self.seal_with(self.keys.standing(SEAL, at), table, row, column, text.encode())

    def standing_digest(self, kind: str, value: str, at: dt.datetime) -> str:
        """What equality is asked by, for a value of a register: the same in every period."""
        return _digest(self.keys.standing(SEARCH, at), kind, value)

    def standing_digests(self, *names: tuple[str, str]) -> list[str]:
        """The digests that a register may have these values (kind, value) under; none while no register has one."""
        return [_digest(key, kind, value) for key in self.keys.standing_for_digests() for kind, value in names]

    def pending(self) -> Pending:
        """The writer's: what must be in the transaction that is being made, so that what was sealed can be opened."""
        return self.keys.pending()

    def saved(self, pending: Pending) -> None:
        """The writer's: that is on disk."""
        self.keys.saved(pending)

    def dispose(self) -> None:
        """Let go of the keys: ciphers wipe their copies when they are freed; those of the interpreter nobody reaches."""
        self.keys.close()


class NoVault(Vault):
    """Where there is no master key, nothing about a person is written or read."""

    def __init__(self) -> None:
        self.random_bytes = os.urandom

    @property
    def keys(self) -> Keyring:  # type: ignore[override]
        """Raises ``Fault("system.keys")``."""
        raise Fault("system.keys", "no master key was opened here")

    def pending(self) -> Pending:
        """Nothing was sealed."""
        return Pending()

    def saved(self, pending: Pending) -> None:
        """Nothing was sealed."""

    def dispose(self) -> None:
        """Nothing is open."""


def key_of(sealed: str) -> str:
    """The id of the key that a value is sealed under, "" for what is no sealed value."""
    is_sealed = sealed[:1] == "K" and sealed[_KEY_CHARACTERS : _KEY_CHARACTERS + 1] == "."
    return sealed[:_KEY_CHARACTERS] if is_sealed else ""


def row_name(*keys: object) -> str:
    """A row's primary key as one text; no two different keys give the same."""
    return "\x1f".join(str(key).replace("\x1b", "\x1b\x1b").replace("\x1f", "\x1b_") for key in keys)


def _sealed(nonce: bytes, key: DataKey, table: str, row: str, column: str, data: bytes) -> str:
    if key.cipher is None:
        raise Fault("system.keys", f"data key {key.id} does not seal")
    box = enclose_with(nonce, key.cipher, data, _context(key.id, table, row, column))
    return f"{key.id}.{base64.urlsafe_b64encode(box).decode()}"


def _context(key_id: str, table: str, row: str, column: str) -> bytes:
    return f"{key_id}\x1f{table}\x1f{column}\x1f{row}".encode()


def _digest(key: DataKey, kind: str, value: str) -> str:
    if key.digest is None:
        raise Fault("system.keys", f"data key {key.id} does not digest")
    return key.digest.of(f"{kind}\n{value}")
