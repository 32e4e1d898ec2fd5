"""What lies sealed in the simulated node's database, opened by another hand than the product's.

SQLite itself notes each change of a sealed column and of a data key, inside the transaction that makes it: nothing is
missed, and nothing is noted that was never committed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import sqlite3

from attrs import frozen
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from middleware.store.personal import SEALED

KEY_ID = 17
_NONCE = slice(1, 13)
_KEYS = "data_key"


@frozen(slots=True)
class Change:
    """One value that became another; "" is none, and ``after`` is None when the row went.

    ``place``: table and column; ``key``: the row's primary key as JSON.
    """

    place: tuple[str, str]
    key: str
    before: str
    after: str | None


@frozen(slots=True)
class Key:
    """A row of ``data_key``."""

    id: str
    period: str
    purpose: str
    algorithm: str
    wrapped: str
    master_id: str
    state: str


def watch_changes(connection: sqlite3.Connection) -> None:
    """From now on every change is noted in this database."""
    connection.execute("CREATE TABLE watched (n INTEGER PRIMARY KEY, t TEXT, c TEXT, k TEXT, before TEXT, after TEXT)")
    places = [(place.table.name, place.name, [column.name for column in place.key]) for place in SEALED]
    for number, (table, column, keys) in enumerate([*places, (_KEYS, "state", ["id"]), (_KEYS, "master_id", ["id"])]):
        for event, before, after, who in (
            ("INSERT", "''", f"NEW.{column}", "NEW"),
            ("UPDATE", f"OLD.{column}", f"NEW.{column}", "NEW"),
            ("DELETE", f"OLD.{column}", "NULL", "OLD"),
        ):
            key = f"json_array({', '.join(f'{who}.{name}' for name in keys)})"
            connection.execute(
                f"CREATE TRIGGER watched_{number}_{event} AFTER {event} ON {table} WHEN {before} IS NOT {after} BEGIN "  # noqa: S608 - our own names
                f"INSERT INTO watched VALUES (NULL, '{table}', '{column}', {key}, {before}, {after}); END"
            )
    connection.execute(
        "CREATE TRIGGER watched_end AFTER DELETE ON meta WHEN OLD.name = 'resealing' BEGIN "
        "INSERT INTO watched (t, c, k, before, after) VALUES ('meta', 'value', '', OLD.value, NULL); END"
    )


def changes(connection: sqlite3.Connection, since: int) -> tuple[int, list[Change]]:
    """What changed after that number, in order, and the number to go on from."""
    rows = connection.execute("SELECT n, t, c, k, before, after FROM watched WHERE n > ? ORDER BY n", (since,)).fetchall()
    return (rows[-1][0] if rows else since), [Change((t, c), k, before, after) for _, t, c, k, before, after in rows]


def is_of_keys(change: Change) -> bool:
    """Whether it is a data key's, not a value's."""
    return change.place[0] == _KEYS


def all_keys(connection: sqlite3.Connection) -> dict[str, Key]:
    """The data keys by their id."""
    rows = connection.execute(f"SELECT id, period, purpose, algorithm, wrapped, master_id, state FROM {_KEYS}")  # noqa: S608 - our own name
    return {row[0]: Key(*row) for row in rows}


def master_id(secret: bytes) -> str:
    """What a data key says that it is wrapped by."""
    return "file:" + hashlib.sha256(b"yikatong master key\n" + secret).hexdigest()[:16]


class Opener:
    """Opens with the data keys that are there now and the master keys that are in the safe now."""

    def __init__(self, keys: dict[str, Key], masters: list[bytes]) -> None:
        self._keys = keys
        self._masters = {master_id(secret): secret for secret in masters}
        self._secrets: dict[str, bytes | None] = {}

    def secret(self, key_id: str) -> bytes | None:
        """A data key in clear; None when it is destroyed, or wrapped by what is not in the safe."""
        if key_id not in self._secrets:
            self._secrets[key_id] = self._unwrapped(self._keys.get(key_id))
        return self._secrets[key_id]

    def _unwrapped(self, key: Key | None) -> bytes | None:
        if key is None or key.master_id not in self._masters:
            return None
        context = f"{_KEYS}\x1f{key.id}\x1f{key.period}\x1f{key.purpose}\x1f{key.algorithm}".encode()
        try:
            return _box_opened(self._masters[key.master_id], base64.b64decode(key.wrapped), context)
        except ValueError:
            return None  # what destroyed it wrote no base64

    def value(self, place: tuple[str, str], key: str, sealed: str) -> bytes | None:
        """What is sealed there, None when it does not open."""
        (table, column), key_id = place, sealed[:KEY_ID]
        secret = self.secret(key_id)
        if secret is None:
            return None
        box = base64.urlsafe_b64decode(sealed[KEY_ID + 1 :])
        row = "\x1f".join(str(part) for part in json.loads(key))
        return _box_opened(secret, box, f"{key_id}\x1f{table}\x1f{column}\x1f{row}".encode())

    def digests(self, period: str, kind: str, number: str) -> set[str]:
        """What equality is asked by in that period."""
        search = [key.id for key in self._keys.values() if (key.period, key.purpose) == (period, "search")]
        secrets = [secret for one in search if (secret := self.secret(one)) is not None]
        return {hmac.new(secret, f"{kind}\n{number}".encode(), "sm3").hexdigest() for secret in secrets}


def _box_opened(secret: bytes, box: bytes, context: bytes) -> bytes | None:
    try:
        return AESGCM(secret).decrypt(box[_NONCE], box[13:], box[:1] + context)
    except InvalidTag:
        return None
