"""What a comparison with the centre asks of the store. Each function is one short read, in the reader pool's threads."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from attrs import frozen

from middleware.domain.statement import Slice
from middleware.domain.visit import Visit
from middleware.store import tables as t
from middleware.store.batch import stamp
from middleware.store.cycles import Cycles
from middleware.store.doubts import STATES
from middleware.store.reader import Reader
from middleware.store.vault import row_name

PAGE = 200
MAX_DOUBTS = 2000
RUNNING, BALANCED, OPEN, FAILED = "running", "balanced", "open", "failed"


@frozen(slots=True)
class Key:
    """One key under which settlements of this hospital were ever cleared, and for what care."""

    med_type: str
    slice: Slice


@frozen(slots=True)
class Message:
    """One message that was to leave for the centre."""

    message_id: str
    call: str
    visit_id: str
    settlement_id: str
    intended_at: dt.datetime


class Statements:
    """Reads; safe to use from several threads."""

    def __init__(self, engine: sa.Engine, reader: Reader) -> None:
        self._engine = engine
        self._reader = reader
        self.cycles = Cycles(engine, reader)  # of an old centre

    # -- our side of a day

    def settled_visits(self, since: dt.datetime, until: dt.datetime, after: str) -> list[Visit]:
        """At most ``PAGE`` visits with a settlement or a cancel in [since, until) of the centre's clock, by id."""
        s = t.settlement.c
        first, last = stamp(since), stamp(until)
        found = sa.union(
            *(
                sa.select(s.visit_id).where(when != "", when >= first, when < last, s.visit_id > after)
                for when in (s.settled_at, s.cancelled_at)
            )
        ).subquery()
        return self._visits(sa.select(found.c.visit_id).order_by(found.c.visit_id).limit(PAGE))

    def insurances_sent(self, since: dt.datetime, until: dt.datetime) -> set[str]:
        """The kinds of insurance for which a settlement was asked in [since, until), whatever became of it.

        At most ``MAX_DOUBTS`` visits are looked at: those without a settlement that stands, the newest.
        """
        m, s = t.message.c, t.settlement.c
        standing = sa.select(s.settlement_id).where(s.settlement_id == m.settlement_id, s.settled_at != "").exists()
        asked = sa.select(m.visit_id).where(
            t.SETTLES, m.intended_at >= stamp(since), m.intended_at < stamp(until), ~standing
        )
        visits = self._visits(asked.order_by(m.intended_at.desc()).limit(MAX_DOUBTS))
        return {visit.insurance for visit in visits} - {""}

    def doubtful_visits(self) -> list[Visit]:
        """Visits with a settlement in doubt, the oldest ``MAX_DOUBTS``."""
        s = t.settlement.c
        return self._visits(sa.select(s.visit_id).where(s.state.in_(STATES)).order_by(s.visit_id).limit(MAX_DOUBTS))

    def visits_with_findings(self) -> list[Visit]:
        """Visits with a difference that stands, the oldest ``MAX_DOUBTS``."""
        s = t.settlement.c
        return self._visits(sa.select(s.visit_id).where(s.finding != "").order_by(s.visit_id).limit(MAX_DOUBTS))

    def _visits(self, query: Any) -> list[Visit]:
        with self._engine.connect() as connection:
            ids = list(dict.fromkeys(connection.scalars(query)))
        return [found for visit_id in ids if (found := self._reader.visit(visit_id)) is not None]

    def messages(self, ids: Collection[str]) -> dict[str, Message]:
        """Those of these messages that are ours."""
        found: dict[str, Message] = {}
        every = sorted(set(ids) - {""})
        with self._engine.connect() as connection:
            for at in range(0, len(every), PAGE):
                some = every[at : at + PAGE]
                rows = connection.execute(sa.select(t.message).where(t.message.c.message_id.in_(some)))
                for row in rows:
                    when = dt.datetime.fromisoformat(row.intended_at)
                    found[row.message_id] = Message(row.message_id, row.call, row.visit_id, row.settlement_id, when)
        return found

    def changed_since(self, visit_id: str, settlement_id: str, mark: int) -> bool:
        """Whether the journal learned anything of that settlement after its row ``mark``."""
        j = t.journal.c
        query = sa.select(j.sequence).where(j.visit_id == visit_id, j.settlement_id == settlement_id, j.sequence > mark)
        with self._engine.connect() as connection:
            return connection.scalar(query.limit(1)) is not None

    def keys(self) -> list[Key]:
        """Every key that a comparison ever met."""
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(t.reconcile_key)).all()
        return [Key(row.med_type, Slice(row.insurance, row.clearing_type, row.agency)) for row in rows]

    def first_day(self, zone: dt.tzinfo) -> dt.date | None:
        """The day of the first message that ever was to leave: what was before is not ours to compare."""
        query = sa.select(t.message.c.intended_at).order_by(t.message.c.message_id).limit(1)
        with self._engine.connect() as connection:
            found = connection.scalar(query)
        return dt.datetime.fromisoformat(found).astimezone(zone).date() if found else None

    # -- earlier runs

    def newest_run(self, day: dt.date) -> Any | None:
        """The newest run of that day."""
        r = t.reconcile_run
        query = sa.select(r).where(r.c.day == day.isoformat()).order_by(r.c.run_id.desc()).limit(1)
        with self._engine.connect() as connection:
            return connection.execute(query).one_or_none()

    def run(self, run_id: str) -> Any | None:
        """A run by its id; "" is the newest."""
        r = t.reconcile_run
        query = sa.select(r).order_by(r.c.run_id.desc()).limit(1)
        if run_id:
            query = sa.select(r).where(r.c.run_id == run_id)
        with self._engine.connect() as connection:
            return connection.execute(query).one_or_none()

    def running(self) -> Sequence[Any]:
        """Runs that have not ended, as far as the books say."""
        r = t.reconcile_run
        with self._engine.connect() as connection:
            return connection.execute(sa.select(r).where(r.c.state == RUNNING).order_by(r.c.run_id)).all()

    def states_of(self, days: Collection[dt.date]) -> dict[dt.date, str]:
        """How the newest run of each of these days ended; a day without one is not there."""
        r = t.reconcile_run
        query = sa.select(r.c.day, r.c.state).where(r.c.day.in_([day.isoformat() for day in days])).order_by(r.c.run_id)
        with self._engine.connect() as connection:
            return {dt.date.fromisoformat(row.day): row.state for row in connection.execute(query)}

    def balanced_since(self) -> dt.date | None:
        """The last day whose newest run balanced."""
        r = t.reconcile_run
        newest = sa.select(sa.func.max(r.c.run_id)).group_by(r.c.day)
        query = sa.select(sa.func.max(r.c.day)).where(r.c.run_id.in_(newest), r.c.state == BALANCED)
        with self._engine.connect() as connection:
            found = connection.scalar(query)
        return dt.date.fromisoformat(found) if found else None

    def rows(self, run_id: str, last_round: int, after: int, limit: int) -> Sequence[Any]:
        """Differences of a run's last round with a number greater than ``after``."""
        r = t.reconcile_row
        query = (
            sa.select(r)
            .where(r.c.run_id == run_id, r.c.round == last_round, r.c.number > after)
            .order_by(r.c.number)
            .limit(limit)
        )
        with self._engine.connect() as connection:
            return connection.execute(query).all()

    def totals(self, run_id: str, last_round: int) -> Sequence[Any]:
        """What was said by 3201 in that round, and the answers."""
        r = t.reconcile_totals
        query = sa.select(r).where(r.c.run_id == run_id, r.c.round == last_round)
        with self._engine.connect() as connection:
            return connection.execute(query.order_by(*r.primary_key.columns)).all()

    def content(self, run_id: str, number: int) -> bytes:
        """The ZIP itself. Raises ``KeyError``."""
        r = t.reconcile_file.c
        with self._engine.connect() as connection:
            sealed = connection.scalar(sa.select(r.sealed).where(r.run_id == run_id, r.number == number))
        if sealed is None:
            raise KeyError(f"{run_id} {number}")
        return self._reader.vault.open_bytes("reconcile_file", row_name(run_id, number), "sealed", sealed)

    def files(self, run_id: str) -> Sequence[Any]:
        """The files of a run: which way, of what, digest; without their content."""
        r = t.reconcile_file
        columns = [column for column in r.c if column.name != "sealed"]
        with self._engine.connect() as connection:
            return connection.execute(sa.select(*columns).where(r.c.run_id == run_id).order_by(r.c.number)).all()
