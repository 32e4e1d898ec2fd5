"""Looking at everything at the moment when it happens, by a connection to the database that is the looker's own."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from typing import TYPE_CHECKING

from daemon.simulate.checks import the_his_hears_only_what_the_centre_holds
from daemon.simulate.night import absent_is_what_is_not_there
from middleware.domain.centre import MONEY_CALLS, SETTLE_CALLS, Call
from middleware.domain.his import HisMessage, PostCharges
from middleware.store.units import Record, Unit

if TYPE_CHECKING:
    from daemon.simulate.world import World

SKEW_S = 600  # the limit of 300 s, and the longest commit between an intent and its first byte
GRACE_S, GRACE_SHARED_S = 20.0, 400.0  # from a last look at the lines to the confirmation's commit; a node may stand still


class Watch:
    """What the world's parts tell of themselves, judged at once. ``left`` and ``originals`` are of what left."""

    def __init__(self, world: World, looker: sqlite3.Connection) -> None:
        self._world = world
        self._looker = looker
        self._story = world.story
        self._ledger = world.exchange.ledger
        self.left: dict[str, float] = {}
        self.originals: dict[str, tuple[str, str]] = {}
        self._late: dict[tuple[str, int], float] = {}  # line and version -> since when it is known to differ

    def leaves(self, message_id: str, call: str, digest: str, original: tuple[str, str] | None) -> None:
        """A message's first byte: its intent is there, it is the first time, and whoever sends it may."""
        query = "SELECT call, digest, intended_at FROM message WHERE message_id = ?"
        found = self._looker.execute(query, (message_id,)).fetchone()
        good = found is not None and found[:2] == (call, digest)
        self._story.require("4", f"{call} {message_id} leaves without its intent", holds=good, about=message_id)
        self._story.require("5", f"{call} {message_id} leaves twice", holds=message_id not in self.left, about=message_id)
        if (
            self._world.dials.tells_time
            and call == Call.SETTLE
            and found is not None
            and not self._after_a_hold(message_id)
        ):
            ahead = (dt.datetime.fromisoformat(found[2]) - self._world.day()).total_seconds()
            self._story.require("22", f"{call} begun {ahead:+.0f} s off", holds=abs(ahead) < SKEW_S, about=message_id)
        self._has_a_lease("18", "SELECT epoch FROM message WHERE message_id = ?", message_id)
        if call in SETTLE_CALLS:
            self._world.witness.settles(message_id)
        self.left[message_id] = self._world.clock.seconds()
        if original is not None:
            self.originals[message_id] = original
        if Call(call) in MONEY_CALLS:
            self._world.strike()
        if self._world.custody is not None and call in {Call.REGISTER_VISIT, Call.ADMIT}:
            self._world.custody.registers()

    def _has_a_lease(self, number: str, query: str, about: str) -> None:
        """Whoever does this now is a life that goes on, and whose lease has not run out."""
        lease = f"SELECT ended, lease_until FROM node WHERE epoch = ({query})"  # noqa: S608 - our own words
        row = self._looker.execute(lease, (about,)).fetchone()
        good = row is not None and not row[0] and (not self._world.shared or row[1] > self._world.clock.seconds())
        self._story.require(number, f"{about} by a node that has no lease: {row}", holds=good, about=about)

    def delivers(self, life: object, control_id: str) -> None:
        """Letters leave in order because one node at a time delivers them."""
        if self._world.shared:
            epoch = next(node.journal.epoch for node in self._world.nodes.values() if node.life is life)
            row = self._looker.execute("SELECT epoch FROM task_lease WHERE name = 'outbox'").fetchone()
            good = row is not None and row[0] == epoch
            self._story.require("18", f"{control_id} by {epoch}, the outbox is {row}'s", holds=good, about=control_id)

    def wrote(self, epoch: int, units: list[Unit]) -> None:
        """Invariant 17: it was written by a life that goes on; and what it took over was a dead one's."""
        row = self._looker.execute("SELECT ended FROM node WHERE epoch = ?", (epoch,)).fetchone()
        self._story.require("17", f"epoch {epoch} writes though it is over", holds=row is not None and not row[0])
        if self._world.custody is not None:
            self._world.custody.book.wrote(epoch, units)
        for unit in units:
            for record in unit.records:
                if record.event == "CentreListedAbsent" and record.before != record.after:
                    absent_is_what_is_not_there(self._ledger, self._story, json.loads(record.body))
                if self._world.dials.told:
                    self._of_charges(record)
            if any(record.event == "DaemonRestarted" for record in unit.records):
                for ending in unit.endings:
                    self._took_over(ending.message_id)

    def _of_charges(self, record: Record) -> None:
        """Nobody confirms a bill of which the HIS said something else before, unless it was judged at that very moment."""
        now = self._world.clock.seconds()
        if record.event == "Hl7ActedOn":
            for line in self._looker.execute("SELECT line_id, version FROM his_charge WHERE late"):
                self._late.setdefault(line, now)
        elif record.event == "SettleConfirmed" and record.before != record.after:
            sid = record.settlement_id
            lines = self._looker.execute("SELECT line_id, version FROM his_charge WHERE late AND settlement_id = ?", (sid,))
            for line in lines:
                known_s = now - self._late[line]
                what = f"{sid} is confirmed {known_s:.0f} s after {line[0]} was changed"
                grace_s = GRACE_SHARED_S if self._world.shared else GRACE_S
                self._story.require("charge", what, holds=known_s <= grace_s, about=sid)

    def _took_over(self, message_id: str) -> None:
        query = "SELECT ended, lease_until FROM node WHERE epoch = (SELECT epoch FROM message WHERE message_id = ?)"
        row = self._looker.execute(query, (message_id,)).fetchone()
        good = row is not None and (
            row[0] in {"left", "superseded"} or (row[0] == "lost" and row[1] <= self._world.clock.seconds())
        )
        self._story.require("17", f"{message_id} is taken over from {row}", holds=good, about=message_id)

    def his_hears(self, message: HisMessage) -> None:
        """Invariant 20: nothing that the centre does not hold."""
        if isinstance(message, PostCharges):
            the_his_hears_only_what_the_centre_holds(self._ledger, self._story, message)

    def _after_a_hold(self, message_id: str) -> bool:
        """Whether it goes on what a hold at the bank began: what was begun goes on, whatever the clock does meanwhile."""
        mine = "SELECT settlement_id FROM message WHERE message_id = ?"
        query = f"SELECT 1 FROM message WHERE call = 'hold' AND settlement_id = ({mine})"  # noqa: S608 - our own words
        return self._looker.execute(query, (message_id,)).fetchone() is not None
