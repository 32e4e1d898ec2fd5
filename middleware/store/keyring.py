"""Data keys: one for each period, made when first needed, wrapped by the master key, counted, and forgotten on purpose.

A key is durable before anything sealed by it is: its row goes into the same transaction as the first rows that need it
(``pending``), and stays pending until such a transaction is on disk. Safe to use from several threads.
"""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from attrs import define, field, frozen

from middleware.domain.fault import Fault
from middleware.store import tables as t
from middleware.store.ciphers import (
    DIGEST_KEY_BYTES,
    KEY_BYTES,
    MAX_VALUES,
    Aead,
    KeyedDigest,
    NotOpenedError,
    RandomBytes,
    aead,
)
from middleware.store.masters import Master, Masters
from middleware.store.periods import period_of

Row = dict[str, Any]
IN_USE, RETIRED, DESTROYED = "in use", "retired", "destroyed"
SEAL, SEARCH = "seal", "search"
STANDING = "standing"  # in a period's place: what registers hold lasts while the register says so, and is in no period
MAX_OPEN = 64  # keys held open at once; the one that was used longest ago is let go
REFRESH_S = 60.0  # so long another node's rotation or destruction may go unnoticed here
CHUNK = 1 << 16  # values reserved at once
_STANDING_SEARCH = sa.select(t.data_key.c.id).where(t.data_key.c.period == STANDING, t.data_key.c.purpose == SEARCH)


@frozen(slots=True)
class Sealing:
    """What the configuration says of keys; the bound is an argument so that a test can reach it."""

    algorithm: str = "aes-256-gcm"
    digest: str = "hmac-sm3"
    period: str = "month"
    max_values: int = MAX_VALUES


@define(repr=False)
class DataKey:
    """One key, open. The key itself is nowhere but inside ``cipher`` or ``digest``; our own copy of it was zeroed."""

    id: str
    period: str
    purpose: str
    algorithm: str
    checked: float
    reserved: int
    left: int = 0
    cipher: Aead | None = None
    digest: KeyedDigest | None = None

    def arm(self, secret: bytearray) -> DataKey:
        """Make it usable; ``secret`` is of no use afterwards."""
        if self.purpose == SEAL:
            self.cipher = aead(self.algorithm, secret)
        else:
            self.digest = KeyedDigest(self.algorithm, secret)
        secret[:] = bytes(len(secret))
        return self


@define
class Pending:
    """What the next transaction must write besides its rows: keys that are new, and reservations that were used up."""

    made: list[Row] = field(factory=list)
    reserved: list[Row] = field(factory=list)


class Keyring:
    """All data keys of one database. ``seconds`` is monotonic time."""

    def __init__(
        self,
        engine: sa.Engine,
        masters: Masters,
        sealing: Sealing,
        random_bytes: RandomBytes,
        seconds: Callable[[], float],
    ) -> None:
        self._engine = engine
        self.masters = masters
        self.sealing = sealing
        self._random = random_bytes
        self._seconds = seconds
        self._lock = threading.RLock()
        self._open: OrderedDict[str, DataKey] = OrderedDict()
        self._current: dict[tuple[str, str], str] = {}  # (period, purpose) -> id
        self._made: dict[str, Row] = {}
        self._reserved: dict[str, int] = {}

    # -- keys

    def for_sealing(self, at: dt.datetime) -> DataKey:
        """The key of that moment's period, good for one value more. Raises ``Fault("system.keys")``."""
        with self._lock:
            return self.counted(self._of_period(period_of(at, self.sealing.period), SEAL, at), at)

    def for_sealing_many(self, at: dt.datetime, wanted: int) -> tuple[DataKey, int]:
        """The same, and for how many values of those ``wanted`` the key is good: one at least; so many are counted."""
        with self._lock:
            key = self.for_sealing(at)
            more = min(wanted - 1, key.left)
            key.left -= more
            return key, 1 + more

    def newest_of(self, period: str, at: dt.datetime) -> DataKey:
        """The key by which values of that period are sealed anew, made now when there is none in use.

        The database is asked: another node may have retired since what this one goes on sealing by for a minute.
        """
        with self._lock:
            if self._current.get((period, SEAL)) not in self._made:
                self._current.pop((period, SEAL), None)
            return self._of_period(period, SEAL, at)

    def counted(self, key: DataKey, at: dt.datetime) -> DataKey:
        """The key, one value counted; another one of its period when it has sealed as many as it may."""
        with self._lock:
            if key.left == 0:
                if key.reserved + CHUNK > self.sealing.max_values:
                    # As many random nonces as one key may see: the next value has a key of its own.
                    key = self._make(key.period, SEAL, at)
                else:
                    key.reserved += CHUNK
                    key.left += CHUNK
                    self._reserved[key.id] = self._reserved.get(key.id, 0) + CHUNK
            key.left -= 1
            return key

    def for_digests(self, at: dt.datetime) -> DataKey:
        """The search key of that moment's period."""
        with self._lock:
            return self._of_period(period_of(at, self.sealing.period), SEARCH, at)

    def all_for_digests(self) -> list[DataKey]:
        """The search keys of all periods that are not destroyed."""
        c = t.data_key.c
        return self._by_query(sa.select(c.id).where(c.purpose == SEARCH, c.state != DESTROYED, c.period != STANDING))

    def standing(self, purpose: str, at: dt.datetime) -> DataKey:
        """The key of what is in no period; one to seal by is good for one value more."""
        with self._lock:
            key = self._of_period(STANDING, purpose, at)
            return self.counted(key, at) if purpose == SEAL else key

    def standing_for_digests(self) -> list[DataKey]:
        """All search keys of what is in no period: one, or those that two nodes made in the same moment."""
        return self._by_query(_STANDING_SEARCH)

    def _by_query(self, query: Any) -> list[DataKey]:
        with self._engine.connect() as connection:
            ids = sorted(connection.scalars(query))
        return [self.by_id(one) for one in ids]

    def by_id(self, key_id: str) -> DataKey:
        """That key. Raises ``Fault("person.forgotten")`` when it was destroyed, ``Fault("system.keys")`` otherwise."""
        with self._lock:
            key = self._open.get(key_id)
            if key is None or (key_id not in self._made and self._seconds() - key.checked > REFRESH_S):
                key = self._load(key_id)
            self._open.move_to_end(key_id)
            return key

    def _of_period(self, period: str, purpose: str, at: dt.datetime) -> DataKey:
        key_id = self._current.get((period, purpose))
        if key_id is None:
            key_id = self._newest(period, purpose)
        if key_id is None:
            return self._make(period, purpose, at)
        self._current[period, purpose] = key_id
        try:
            key = self.by_id(key_id)
        except Fault as fault:
            del self._current[period, purpose]
            if fault.code == "person.forgotten":
                raise _closed(period) from fault
            raise
        if (period, purpose) in self._current:
            return key
        return self._of_period(period, purpose, at)  # the look showed that it is retired: it seals nothing more

    def _newest(self, period: str, purpose: str) -> str | None:
        """The newest key in use; a destroyed period never gets another one, for it would be a period twice forgotten."""
        c = t.data_key.c
        query = sa.select(c.id, c.state, c.algorithm).where(c.period == period, c.purpose == purpose)
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(c.made_at.desc(), c.id.desc())).all()
        if any(row.state == DESTROYED for row in rows):
            raise _closed(period)
        wanted = self.sealing.algorithm if purpose == SEAL else self.sealing.digest
        return next((row.id for row in rows if row.state == IN_USE and row.algorithm == wanted), None)

    def _make(self, period: str, purpose: str, at: dt.datetime) -> DataKey:
        row, secret = self.new_row(period, purpose, at)
        key = DataKey(row["id"], period, purpose, row["algorithm"], self._seconds(), row["values_reserved"]).arm(secret)
        key.left = key.reserved
        self._made[key.id] = row
        self._current[period, purpose] = key.id
        self._keep(key)
        return key

    def new_row(self, period: str, purpose: str, at: dt.datetime) -> tuple[Row, bytearray]:
        """A new key as the row to write, and open."""
        sealing = purpose == SEAL
        algorithm = self.sealing.algorithm if sealing else self.sealing.digest
        secret = bytearray(self._random(KEY_BYTES[algorithm] if sealing else DIGEST_KEY_BYTES))
        row: Row = {
            "id": "K" + self._random(8).hex(),
            "period": period,
            "purpose": purpose,
            "algorithm": algorithm,
            "state": IN_USE,
            "made_at": at.isoformat(),
            "retired_at": "",
            "destroyed_at": "",
            "values_reserved": min(CHUNK, self.sealing.max_values) if sealing else 0,
        }
        row |= wrapped(self.masters.current(), row, bytes(secret))
        return row, secret

    def _load(self, key_id: str) -> DataKey:
        row = self._row(key_id)
        place = row["period"], row["purpose"]
        if row["state"] != IN_USE and self._current.get(place) == key_id:
            del self._current[place]
        known = self._open.get(key_id)
        if known is not None:
            known.checked = self._seconds()
            return known
        if self.masters.of(row["master_id"]) is None:
            self._look_again()  # another node found a new master key where they are kept, and wrapped by it
        secret = bytearray(unwrapped(self.masters, row))
        names = {name: row[name] for name in ("id", "period", "purpose", "algorithm")}
        key = DataKey(**names, checked=self._seconds(), reserved=row["values_reserved"]).arm(secret)
        self._keep(key)
        return key

    def _row(self, key_id: str) -> Mapping[Any, Any]:
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(t.data_key).where(t.data_key.c.id == key_id)).mappings().one_or_none()
        if row is None:
            raise Fault("system.keys", f"the data key {key_id} is not there")
        if row["state"] == DESTROYED:
            self._open.pop(key_id, None)
            raise Fault("person.forgotten", f"period {row['period']}, destroyed {row['destroyed_at']}")
        return row

    def _keep(self, key: DataKey) -> None:
        self._open[key.id] = key
        while len(self._open) > MAX_OPEN:
            oldest = next(one for one in self._open if one not in self._made)
            del self._open[oldest]

    # -- with the writer's transactions

    def pending(self) -> Pending:
        """What the transaction that is being made must write too."""
        with self._lock:
            if self._made:
                self._under_the_current_master()
            reserved = [{"b_id": key_id, "b_count": count} for key_id, count in self._reserved.items()]
            return Pending([dict(row) for row in self._made.values()], reserved)

    def _under_the_current_master(self) -> None:
        """A key is written under the master key that is current when it is written, or the old one could never go.

        Whoever wrapped all keys anew, here or at another node, saw only those that were written by then.
        """
        self._look_again()
        current, lost = self.masters.current(), None
        for key_id, row in list(self._made.items()):
            if row["master_id"] == current.id:
                continue
            try:
                self._made[key_id] = row | wrapped(current, row, unwrapped(self.masters, row))
            except Fault as fault:
                # Its master key is gone, and nothing that it sealed is on disk: what comes next gets another key.
                lost = fault
                del self._made[key_id], self._open[key_id]
                self._current = {place: one for place, one in self._current.items() if one != key_id}
        if lost is not None:
            raise lost

    def _look_again(self) -> None:
        """Where that fails what is known goes on counting: ``rotate`` says what is wrong with the file."""
        with contextlib.suppress(Fault):
            self.masters.reload()

    def saved(self, pending: Pending) -> None:
        """It is on disk."""
        with self._lock:
            for row in pending.made:
                self._made.pop(row["id"], None)
            for one in pending.reserved:
                left = self._reserved.pop(one["b_id"], 0) - one["b_count"]
                if left > 0:
                    self._reserved[one["b_id"]] = left

    def forget(self) -> None:
        """Drop every key that is on disk; each is unwrapped again when it is needed. Who holds one ends what it began."""
        with self._lock:
            for key_id in [one for one in self._open if one not in self._made]:
                del self._open[key_id]
            self._current = {place: one for place, one in self._current.items() if one in self._made}

    def close(self) -> None:
        """Drop all keys."""
        with self._lock:
            self._open.clear()
            self._current.clear()
            self.masters.close()


def _closed(period: str) -> Fault:
    return Fault("system.keys", f"period {period} was destroyed and is closed; is this machine's clock right?")


def _context(row: Mapping[Any, Any]) -> bytes:
    return "\x1f".join(("data_key", row["id"], row["period"], row["purpose"], row["algorithm"])).encode()


def wrapped(master: Master, row: Mapping[Any, Any], secret: bytes) -> Row:
    """The two columns that say how a key is wrapped."""
    return {"wrapped": base64.b64encode(master.wrap(secret, _context(row))).decode(), "master_id": master.id}


def unwrapped(masters: Masters, row: Mapping[Any, Any]) -> bytes:
    """A row's key in clear. Raises ``Fault("system.keys")`` that names the key and the master it wants."""
    key_id, master_id = row["id"], row["master_id"]
    found = masters.of(master_id)
    if found is None:
        raise Fault("system.keys", f"data key {key_id} is wrapped by the master key {master_id}, which is not here")
    try:
        return found.unwrap(base64.b64decode(row["wrapped"]), _context(row))
    except (NotOpenedError, ValueError) as exc:
        raise Fault("system.keys", f"data key {key_id} does not open: its row was changed") from exc
