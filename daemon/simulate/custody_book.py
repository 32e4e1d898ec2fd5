"""What is known of everything sealed on a simulated day, judged at the moment of each transaction.

Of each value: a digest of what it said when it was first sealed there, its period, and the key that it is under now.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable

from attrs import define, field, frozen

from daemon.simulate.safe import Safe, ToldVault
from daemon.simulate.sealed import KEY_ID, Change, Key, Opener, all_keys, changes, is_of_keys, master_id
from daemon.simulate.story import Story
from middleware.domain.visit import MONEY_OPEN
from middleware.store.keyring import REFRESH_S
from middleware.store.units import Record, Unit
from middleware.store.vault import Vault

SLACK_S = 1.0
# What may change a data key or the note of a rewriting: the record of which it is part.
_RECORD_OF = {"retired": "KeysRotated", "destroyed": "PeriodDestroyed"}
_OPEN = sorted(str(state) for state in MONEY_OPEN)


@frozen(slots=True)
class Seal:
    """One sealing. ``again``: a rewriting, which must say what was there."""

    digest: str
    key_id: str
    at: float
    again: bool


@frozen(slots=True)
class Value:
    """What stands in a row, and what it must say for ever."""

    sealed: str
    seal: Seal
    digest: str
    period: str


@define
class CustodyBook:
    """``seconds`` is the world's clock, ``looker`` its own connection."""

    story: Story
    seconds: Callable[[], float]
    looker: sqlite3.Connection
    safe: Safe
    values: dict[tuple[tuple[str, str], str], Value] = field(factory=dict)
    retired: dict[str, float] = field(factory=dict)  # key -> when
    destroyed: set[str] = field(factory=set)  # periods
    forgotten: dict[tuple[tuple[str, str], str], Value] = field(factory=dict)  # as they stood when they were destroyed
    wrapped: list[str] = field(factory=list)  # what the keys of those periods were, wrapped
    rotated: dict[int, frozenset[str]] = field(factory=dict)  # epoch -> what was retired when it rotated last
    rewrapped: int = 0  # rank of the master key of the newest rewrap
    _masters: list[str] = field(factory=list)  # ids, the oldest first
    _seals: dict[str, Seal] = field(factory=dict)
    _replaced: frozenset[str] = frozenset()  # keys that the rewriting under way takes the place of
    _began: float = 0.0
    _keys: dict[str, Key] = field(factory=dict)
    _noted: int = 0

    # -- what happens

    def sealed(self, vault: Vault, sealed: str, key_id: str, data: bytes, again: bool) -> None:
        """Somebody seals: not under a key that it must know to be retired."""
        now = self.seconds()
        late_s = now - self.retired.get(key_id, now)
        self._require(f"sealed under {key_id}, retired {late_s:.0f} s ago", holds=late_s <= REFRESH_S + SLACK_S)
        barred = isinstance(vault, ToldVault) and key_id in vault.barred
        self._require(f"sealed under {key_id} by the node that said it is retired", holds=not barred)
        self._seals[sealed] = Seal(hashlib.sha256(data).hexdigest(), key_id, now, again)

    def rank(self, master: str) -> int:
        """Which master key that is, the first is 0; -1: one that was never in the safe."""
        for secret in reversed(self.safe.lines):
            if (known := master_id(secret)) not in self._masters:
                self._masters.append(known)
        return self._masters.index(master) if master in self._masters else -1

    def wrote(self, epoch: int, units: list[Unit]) -> None:
        """A transaction took effect: what it changed is in order, and is part of a record that says so."""
        records = [record for unit in units for record in unit.records]
        self.catch_up({record.event for record in records})
        for record in records:
            match record.event:
                case "KeysRotated":
                    self.rotated[epoch] = frozenset(self.retired)
                case "KeysRewrapped":
                    self._rewrapped()
                case "KeysResealing":
                    self._replaced, self._began = frozenset(self.retired), self.seconds()
                case "KeysResealed":
                    self._resealed()
                case "PeriodDestroyed":
                    self._destroyed(record)

    def catch_up(self, events: set[str] | None = None) -> None:
        """All that the database noted since."""
        self._noted, new = changes(self.looker, self._noted)
        if any(is_of_keys(change) for change in new):
            before, self._keys = self._keys, all_keys(self.looker)
            self._judge_keys(before)
        for change in new:
            if is_of_keys(change):
                self._judge_act(change, events)
            elif change.place[0] != "meta":
                self._value(change)
            else:
                self._recorded("KeysResealed", events)

    def _value(self, change: Change) -> None:
        about = f"{change.place} {change.key}"
        at = (change.place, change.key)
        if change.after is None:
            self.values.pop(at, None)
            return
        self._require(f"{about} was taken out of a row that stays", holds=bool(change.after))
        seal = self._seals.get(change.after)
        self._require(f"{about} was sealed by nobody", holds=seal is not None)
        if seal is None:
            return
        digest, period = seal.digest, self._keys[change.after[:KEY_ID]].period
        if seal.again:
            was = self.values[at]
            self._require(f"{about} says something else after a rewriting", holds=was.digest == digest)
            self._require(f"{about} of {was.period} is of {period} after a rewriting", holds=was.period == period)
        self.values[at] = Value(change.after, seal, digest, period)

    # -- what must hold

    def _judge_act(self, change: Change, events: set[str] | None) -> None:
        self._require(f"the data key {change.key} is gone", holds=change.after is not None)
        if change.place[1] == "state" and change.before and change.after:
            self.retired.setdefault(json.loads(change.key)[0], self.seconds())
            self._recorded(_RECORD_OF[change.after], events)
        elif change.before and change.after:
            self._recorded("KeysRewrapped", events)

    def _recorded(self, event: str, events: set[str] | None) -> None:
        self._require(f"{event} without its record", holds=events is not None and event in events)

    def _judge_keys(self, before: dict[str, Key]) -> None:
        for key in self._keys.values():
            if key.state == "destroyed":
                known = before.get(key.id)
                if known is not None and known.state != "destroyed":
                    self.wrapped.append(known.wrapped)
                continue
            rank = self.rank(key.master_id)
            self._require(f"{key.id} is wrapped by a master key that no safe has", holds=rank >= 0)
            before_that = key.id in before and before[key.id].master_id == key.master_id
            good = rank >= self.rewrapped or before_that
            self._require(f"{key.id} is wrapped by an older master key than all others", holds=good)

    def _rewrapped(self) -> None:
        ranks = {self.rank(key.master_id) for key in self._keys.values() if key.state != "destroyed"}
        self._require(f"a rewrap left keys under {len(ranks)} master keys", holds=len(ranks) <= 1)
        rank = min(ranks, default=self.rank(master_id(self.safe.lines[0])))  # the first key is still to be made
        self._require("a rewrap went back to an older master key", holds=rank >= self.rewrapped)
        self.rewrapped = rank

    def _resealed(self) -> None:
        for (place, key), value in self.values.items():
            left = value.seal.key_id in self._replaced and self._keys[value.seal.key_id].state != "destroyed"
            # Another node may not have heard yet: what it sealed since the rewriting began is the next one's.
            good = not left or (not value.seal.again and value.seal.at >= self._began)
            self._require(f"{place} {key} is under a retired key after a rewriting", holds=good)

    def _destroyed(self, record: Record) -> None:
        facts = json.loads(record.body)
        period = facts["period"]
        self._require("one person destroyed alone", holds=facts["account"] != facts["proposed_by"])
        self.destroyed.add(period)
        self.forgotten = {at: value for at, value in self.values.items() if value.period in self.destroyed}
        needed = self._people_with_open_money()
        for (place, key), value in self.forgotten.items():
            open_ = place == ("person", "body") and value.period == period and json.loads(key)[0] in needed
            self._require(f"{period} is destroyed, {key} has money open", holds=not open_)

    def _people_with_open_money(self) -> set[str]:
        states = ", ".join(f"'{state}'" for state in _OPEN)
        query = f"SELECT v.person_ref FROM visit v JOIN settlement s USING (visit_id) WHERE s.state IN ({states})"  # noqa: S608 - our own words
        return {row[0] for row in self.looker.execute(query)}

    def opener(self) -> Opener:
        """What a new life could open now."""
        return Opener(all_keys(self.looker), self.safe.lines)

    def _require(self, what: str, *, holds: bool) -> None:
        self.story.require("keys", what, holds=holds)
