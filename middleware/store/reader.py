"""What is asked of the store. Each function is one short read; they run in the reader pool's threads."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from attrs import frozen

from middleware.domain.centre import Holder, LineVerdict
from middleware.domain.charge import Bill
from middleware.domain.command import MERGES
from middleware.domain.destination import HIS
from middleware.domain.payment import LEG_OPEN, BankCard, LegState
from middleware.domain.told import NumberKind
from middleware.domain.visit import MONEY_OPEN, Visit
from middleware.store import tables as t
from middleware.store.audit_window import Window
from middleware.store.batch import stamp
from middleware.store.card_debits import CardDebits
from middleware.store.chain import Head
from middleware.store.codec import decode_bill, decode_card, decode_holder, decode_json, decode_verdicts
from middleware.store.database import snapshot
from middleware.store.doubts import with_errand_left
from middleware.store.feed import FeedPage, FeedRow
from middleware.store.filings import Filings
from middleware.store.his_charges import HisCharges
from middleware.store.his_masters import HisMasters
from middleware.store.his_notices import HisNotices
from middleware.store.his_people import HisPeople
from middleware.store.intake import Intakes
from middleware.store.letter_notes import read_correction
from middleware.store.links import Links
from middleware.store.nodes import versions
from middleware.store.personal import VISIT, open_answer, open_visit
from middleware.store.prepared import Prepared
from middleware.store.registers import Registers
from middleware.store.shifts import Shifts
from middleware.store.units import Letter, Request
from middleware.store.vault import NoVault, Vault
from middleware.store.walk import Walk
from middleware.store.writer import read_head

MAX_PAGE = 1000
# Letters not yet answered, in order; those of one id number are one lane, and without one each visit's own.
_WAITING_LETTERS = Prepared(
    sa.select(t.outbox, sa.func.coalesce(sa.func.nullif(t.person.c.id_digest, ""), t.outbox.c.visit_id).label("lane"))
    .select_from(
        t.outbox.outerjoin(t.visit, t.visit.c.visit_id == t.outbox.c.visit_id).outerjoin(
            t.person, t.person.c.person_ref == t.visit.c.person_ref
        )
    )
    .where(
        t.outbox.c.outcome == "",
        t.outbox.c.destination == sa.bindparam("destination"),
        t.outbox.c.sequence > sa.bindparam("after"),
    )
    .order_by(t.outbox.c.sequence)
    .limit(sa.bindparam("most"))
)


@frozen(slots=True)
class Waiting:
    """A letter that the HIS has not answered yet."""

    sequence: int
    letter: Letter
    lane: str = ""  # whose letters must stay in order: a patient's
    also: tuple[str, ...] = ()  # and of whom else: a merge is about two

    @property
    def lanes(self) -> tuple[str, ...]:
        """All lanes in which it stands."""
        return (self.lane, *self.also)


@frozen(slots=True)
class Stored:
    """A visit as it is on the disk: how often it was written, by which life last, and since when by that life's clock."""

    visit: Visit
    version: int
    epoch: int
    since: str


class Reader:
    """Reads; safe to use from several threads, each with its own connection from the pool."""

    def __init__(self, engine: sa.Engine, vault: Vault | None = None) -> None:
        self._engine = engine
        self.vault = vault or NoVault()
        self.shifts = Shifts(engine)
        self.registers = Registers(engine, self.vault)
        self.links = Links(engine, self.vault)
        self.debits = CardDebits(engine, self.vault)
        self.filings = Filings(engine, self.vault)
        self.window = Window(engine, self.vault)
        self.intakes = Intakes(engine)
        self.his_people = HisPeople(engine, self.vault)
        self.his_notices = HisNotices(engine, self.vault, self.his_people)
        self.his_charges = HisCharges(engine, self.vault)
        self.his_masters = HisMasters(engine, self.vault)

    def stored(self, visit_id: str, newer_than: int = 0) -> Stored | None:
        """A visit by its id with what stands beside it; None when there is none, or none newer than that version."""
        query = sa.select(t.visit).where(t.visit.c.visit_id == visit_id, t.visit.c.version > newer_than)
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        return Stored(open_visit(self.vault, row), row.version, row.epoch, row.since) if row else None

    def stored_all(self, visit_ids: Collection[str]) -> dict[str, Stored]:
        """Several visits by their ids; one that is not there is missing."""
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(t.visit).where(t.visit.c.visit_id.in_(visit_ids))).all()
        return {row.visit_id: Stored(open_visit(self.vault, row), row.version, row.epoch, row.since) for row in rows}

    def versions(self, visit_ids: Collection[str]) -> dict[str, int]:
        """The visits' versions."""
        with self._engine.connect() as connection:
            return versions(connection, visit_ids)

    def visit(self, visit_id: str) -> Visit | None:
        """A visit by its id; when its period was destroyed, without what was personal in it."""
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(*VISIT).where(t.visit.c.visit_id == visit_id)).one_or_none()
        return open_visit(self.vault, row) if row is not None else None

    def visit_of(self, settlement_id: str) -> str:
        """The visit that a settlement belongs to, or ""."""
        query = sa.select(t.settlement.c.visit_id).where(t.settlement.c.settlement_id == settlement_id)
        with self._engine.connect() as connection:
            return connection.scalar(query) or ""

    def holder(self, person_ref: str) -> Holder:
        """The person, in clear. Raises ``KeyError``, or ``Fault("person.forgotten")`` when the period was destroyed."""
        with self._engine.connect() as connection:
            body = connection.scalar(sa.select(t.person.c.body).where(t.person.c.person_ref == person_ref))
        if body is None:
            raise KeyError(person_ref)
        return decode_holder(self.vault.open("person", person_ref, "body", body))

    def bill(self, settlement_id: str) -> Bill:
        """The lines of a settlement. Raises ``KeyError``, or ``Fault("person.forgotten")``."""
        with self._engine.connect() as connection:
            body = connection.scalar(sa.select(t.bill.c.body).where(t.bill.c.settlement_id == settlement_id))
        if body is None:
            raise KeyError(settlement_id)
        return decode_bill(self.vault.open("bill", settlement_id, "body", body))

    def verdicts(self, visit_id: str, owners: Collection[str]) -> dict[str, tuple[LineVerdict, ...]]:
        """What the centre's newest answer to an upload of charges made of its lines, by settlement or errand."""
        query = (
            sa.select(t.journal.c.settlement_id, t.journal.c.line)
            .where(t.journal.c.visit_id == visit_id, t.journal.c.settlement_id.in_(owners))
            .order_by(t.journal.c.sequence)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        told = ((row.settlement_id, decode_json(row.line)["body"]) for row in rows)
        return {owner: decode_verdicts(body["borne"]) for owner, body in told if body.get("borne") is not None}

    def card(self, card_ref: str) -> BankCard | None:
        """A payer's card: number and expiry; None when it was forgotten."""
        with self._engine.connect() as connection:
            body = connection.scalar(sa.select(t.payer.c.body).where(t.payer.c.card_ref == card_ref))
        return decode_card(self.vault.open("payer", card_ref, "body", body)) if body else None

    def meta(self, name: str) -> str:
        """A value of the meta table, or ""."""
        with self._engine.connect() as connection:
            return connection.scalar(sa.select(t.meta.c.value).where(t.meta.c.name == name)) or ""

    def legs(self) -> dict[str, int]:
        """How many payers' legs stand in each state, of settlements that have one."""
        query = sa.select(t.settlement.c.leg, sa.func.count()).where(t.settlement.c.leg != "").group_by(t.settlement.c.leg)
        with self._engine.connect() as connection:
            return {state: count for state, count in connection.execute(query).all()}  # noqa: C416 - rows are not tuples

    def request(self, account: str, key: str) -> Request | None:
        """A request by its key."""
        query = sa.select(t.request).where(t.request.c.account == account, t.request.c.key == key)
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        return Request(
            account=row.account,
            key=row.key,
            method=row.method,
            digest=row.digest,
            visit_id=row.visit_id,
            settlement_id=row.settlement_id,
            created_at=dt.datetime.fromisoformat(row.created_at),
            answer=open_answer(self.vault, row),
        )

    def busy_visits(self) -> list[Visit]:
        """What a restart must look at."""
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(*VISIT).where(t.visit.c.busy)).all()
        return [open_visit(self.vault, row) for row in rows]

    def unended_messages(self, epoch: int) -> list[str]:
        """Messages of the lives before ``epoch`` of which nobody will ever hear again."""
        query = sa.select(t.message.c.message_id).where(t.message.c.outcome == "", t.message.c.epoch < epoch)
        with self._engine.connect() as connection:
            return list(connection.scalars(query))

    def waiting_letters(self, after: int, limit: int, destination: str = HIS) -> list[Waiting]:
        """Letters not yet answered, in order; those of one id number are one lane, and without one each visit's own.

        A merge stands in its own lane, in those of both its patients, and in those of the id numbers known of them.
        """
        with self._engine.connect() as connection:
            rows = _WAITING_LETTERS.rows(connection, destination=destination, after=after, most=limit)
        return [
            Waiting(row.sequence, _letter(row), row.lane, self._both(row.visit_id) if row.matter in MERGES else ())
            for row in rows
        ]

    def _both(self, merge_id: str) -> tuple[str, ...]:
        patients = self.his_people.of_merge(merge_id)
        documents = {one.facts.document.reveal() for one in patients}
        for one in patients:
            documents |= {link.id_number for link in self.links.of_medium(NumberKind.PATIENT, one.facts.number.reveal())}
        digests = [digest for one in documents if one for digest in self.vault.digests("id_number", one)]
        return tuple(sorted({*digests, *(one.person_id for one in patients)}))

    def numbered_letters(self, destination: str) -> list[Waiting]:
        """Of those the one that bears a sequence number and has no answer, if there is one."""
        o = t.outbox.c
        query = sa.select(t.outbox).where(o.outcome == "", o.destination == destination, o.number > 0).order_by(o.number)
        with self._engine.connect() as connection:
            return [Waiting(row.sequence, _letter(row)) for row in connection.execute(query.limit(1))]

    def corrections(self, control_id: str, revision: int) -> dict[str, str]:
        """What people corrected in a letter, by field. Raises ``Fault("system.keys")`` or ``Fault("person.forgotten")``."""
        return read_correction(self._engine, self.vault, control_id, revision).values

    def letter_waits(self, control_id: str) -> bool:
        """Whether it has no answer yet."""
        with self._engine.connect() as connection:
            return connection.scalar(sa.select(t.outbox.c.outcome).where(t.outbox.c.control_id == control_id)) == ""

    def letters_waiting(self) -> dict[str, int]:
        """How many letters have no answer yet, by destination: also of those that are not configured any more."""
        waits = sa.select(t.outbox.c.destination, sa.func.count()).where(t.outbox.c.outcome == "")
        with self._engine.connect() as connection:
            rows = connection.execute(waits.group_by(t.outbox.c.destination)).all()
        return {row[0]: row[1] for row in rows}

    def newest_message_id(self) -> str | None:
        """The largest message id that was ever made durable."""
        with self._engine.connect() as connection:
            newest: str | None = connection.scalar(sa.select(sa.func.max(t.message.c.message_id)))
        return newest

    def feed_page(self, after: int, limit: int) -> FeedPage:
        """Rows after a cursor and the head, from one snapshot."""
        rows_query = (
            sa.select(t.feed)
            .where(t.feed.c.sequence > after)
            .order_by(t.feed.c.sequence)
            .limit(max(0, min(limit, MAX_PAGE)))
        )
        with snapshot(self._engine) as connection:
            head = read_head(connection, t.feed)
            rows = connection.execute(rows_query).all()
        return FeedPage(
            rows=tuple(FeedRow(row.sequence, row.previous, row.hash, row.line) for row in rows),
            head_sequence=head.sequence,
            head_hash=head.hash,
        )

    def shift(self, account: str, terminal: str, since: dt.datetime, until: dt.datetime) -> dict[str, Any]:
        """Counts and sums in fen of one terminal's settlements and cancels in [since, until)."""
        mine = sa.and_(t.settlement.c.account == account, t.settlement.c.terminal == terminal)
        with snapshot(self._engine) as connection:
            settled = connection.execute(
                _sums(mine, t.settlement.c.settled_at, t.settlement.c.bank_fen, since, until)
            ).one()
            cancelled = connection.execute(
                _sums(mine, t.settlement.c.cancelled_at, t.settlement.c.refunded_fen, since, until)
            ).one()
            in_doubt = t.settlement.c.state.in_(sorted(map(str, MONEY_OPEN))) | t.settlement.c.leg.in_(_OPEN_LEGS)
            unknown = connection.scalar(sa.select(sa.func.count()).where(mine, in_doubt))
        return {"settled": settled._asdict(), "cancelled": cancelled._asdict(), "unknown": unknown or 0}

    def states(self) -> dict[str, int]:
        """How many settlements stand in each state."""
        query = sa.select(t.settlement.c.state, sa.func.count()).group_by(t.settlement.c.state)
        with self._engine.connect() as connection:
            return {state: count for state, count in connection.execute(query).all()}  # noqa: C416 - rows are not tuples

    def open_questions(self) -> tuple[int, int, dt.datetime | None]:
        """(outcomes unknown, outcomes that wait for a person, since when the oldest is unknown)."""
        counts = self.states()
        unknown = sum(counts.get(state, 0) for state in ("Unknown", "ReversalIntended", "ReversalSent"))
        manual = counts.get("Manual", 0)
        legs = self.legs()
        unknown += legs.get(str(LegState.UNKNOWN), 0)
        manual += legs.get(str(LegState.MANUAL), 0) + legs.get(str(LegState.COLLECT), 0)
        if not unknown:
            return 0, manual, None
        bills = [s for visit in self.busy_visits() for s in visit.settlements]
        since = [s.unknown_since for s in bills if s.unknown_since]
        since += [leg.unknown_since for s in bills for leg in s.legs if leg.unknown_since]
        return unknown, manual, min(since, default=None)

    def resting(self, until: dt.datetime) -> int:
        """Settlements in doubt whose next step comes after ``until``, as those that wait for the day's file."""
        query = sa.select(sa.func.count()).where(
            t.settlement.c.state == "Unknown", t.settlement.c.next_due > until.isoformat()
        )
        with self._engine.connect() as connection:
            return connection.scalar(query) or 0

    def errands_left(self) -> int:
        """Visits with an errand that was left to a person."""
        with self._engine.connect() as connection:
            return connection.scalar(sa.select(sa.func.count()).select_from(t.visit).where(with_errand_left())) or 0

    def held(self) -> int:
        """Settlements that stand at the centre and that the HIS refused: they wait for a person."""
        # By the letter's number (flow.settlement), which is indexed: this is asked every few seconds.
        letter = t.outbox.c.control_id == sa.literal("P").concat(sa.func.substr(t.settlement.c.settlement_id, 2))
        query = (
            sa.select(sa.func.count())
            .select_from(t.settlement.join(t.outbox, letter))
            .where(t.settlement.c.state == "Settled", t.outbox.c.outcome.startswith("refused"))
        )
        with self._engine.connect() as connection:
            return connection.scalar(query) or 0

    def head(self, table: sa.Table) -> Head:
        """The newest row of a chain."""
        with self._engine.connect() as connection:
            return read_head(connection, table)

    def broken(self, table: sa.Table) -> tuple[int, str] | None:
        """Walk a whole chain; the first broken row and why, or None."""
        walk = Walk(self._engine, table)
        walk.whole()
        return (walk.broken.sequence, walk.broken.why) if walk.broken else None


def _letter(row: Any) -> Letter:
    at = dt.datetime.fromisoformat(row.created_at)
    to = (row.destination, row.copy, row.number, row.revision)
    return Letter(row.control_id, row.visit_id, row.settlement_id, row.matter, at, *to)


_OPEN_LEGS = sorted(str(state) for state in LEG_OPEN)


def _sums(mine: Any, when: Any, paid: Any, since: dt.datetime, until: dt.datetime) -> Any:
    s = t.settlement.c

    def total(column: Any) -> Any:
        # PostgreSQL's sum of whole numbers is a decimal; fen are whole.
        return sa.cast(sa.func.coalesce(sa.func.sum(column), 0), sa.BigInteger)

    return sa.select(
        sa.func.count().label("count"),
        total(s.total_fen).label("total"),
        total(s.fund_fen).label("fund"),
        total(s.account_fen).label("account"),
        total(s.cash_fen).label("cash"),
        total(paid).label("bank"),
    ).where(mine, when >= stamp(since), when < stamp(until))
