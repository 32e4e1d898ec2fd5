"""Units as rows: what one transaction writes, by table, sealed into both chains."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

import msgspec
from attrs import asdict, define, field

from middleware.domain.payment import LEG_IN_DOUBT, LEG_IN_FLIGHT, LEG_OPEN
from middleware.domain.shift import ShiftRow
from middleware.domain.visit import IN_FLIGHT, Settlement, Visit
from middleware.store import tables as t
from middleware.store.chain import Head, Line, link, link_bytes, write_line
from middleware.store.codec import encode, encode_card, encode_holder
from middleware.store.keyring import Pending
from middleware.store.personal import SALT_BYTES, commitment, part_answer, part_visit, words_box
from middleware.store.received import received
from middleware.store.units import FeedEntry, Incoming, Put, Record, Request, Unit
from middleware.store.vault import Vault, row_name

Row = dict[str, Any]
MAX_OUTCOME = 80
_STAMP = len("2026-11-22T09:00:00")


def stamp(when: dt.datetime) -> str:
    """A time as text that sorts: UTC, whole seconds."""
    return when.astimezone(dt.UTC).isoformat(timespec="seconds")[:_STAMP] + "Z"


def is_busy(visit: Visit) -> bool:
    """Whether a restart must look at this visit: something is in flight, awaited, or due."""
    if visit.awaiting is not None:
        return True
    for errand in visit.errands:
        if errand.awaiting is not None or errand.next_due is not None:
            return True
    for s in visit.settlements:
        if s.awaiting is not None or s.next_due is not None or s.state in IN_FLIGHT:
            return True
        for leg in s.legs:
            if leg.next_due is not None or leg.state in LEG_IN_FLIGHT:
                return True
    return False


@define
class Batch:
    """The rows of many units, by table, so that each table is one executemany. ``journal`` and ``feed`` grow with it.

    Here, in the writer's thread, personal data is sealed: what leaves this class for the database is rows without it.
    """

    epoch: int
    journal: Head
    feed: Head
    vault: Vault
    requests: list[Row] = field(factory=list)
    persons: list[Row] = field(factory=list)
    bills: list[Row] = field(factory=list)
    words: list[Row] = field(factory=list)
    journal_rows: list[Row] = field(factory=list)
    feed_rows: list[Row] = field(factory=list)
    visits: dict[str, Row] = field(factory=dict)
    settlements: dict[str, Row] = field(factory=dict)
    intents: list[Row] = field(factory=list)
    endings: list[Row] = field(factory=list)
    letters: list[Row] = field(factory=list)
    closed: list[Row] = field(factory=list)
    answers: list[Row] = field(factory=list)
    meta: dict[str, Row] = field(factory=dict)
    cards: list[Row] = field(factory=list)
    forgotten: list[Row] = field(factory=list)
    keys: Pending = field(factory=Pending)
    puts: dict[str, list[Row]] = field(factory=dict)
    shift_rows: list[Row] = field(factory=list)
    closed_shifts: list[Row] = field(factory=list)
    incoming: list[Row] = field(factory=list)
    _personal: list[tuple[Row, bytes, dt.datetime]] = field(factory=list)  # of visits: the row that is to have it sealed
    _now: tuple[dt.datetime | None, str] = None, ""  # a time that was just written: most of a unit's times are one

    def add(self, unit: Unit) -> None:
        """The unit's rows, after those of the units before it."""
        for record in unit.records:
            self._seal_record(record)
        for entry in unit.feed:
            self._seal_entry(entry)
        self._people(unit)
        if unit.request is not None:
            self.requests.append(self._request(unit.request))
        if unit.visit is not None:
            self._state(unit.visit, unit)
        self._messages(unit)
        self._letters(unit)
        for account, key, text in unit.answers:
            self.answers.append(self._answer(account, key, text, lambda: _moment(unit)))
        for name, value in unit.meta:
            self.meta[name] = {"name": name, "value": value}
        for place, one in enumerate(unit.shift_rows):
            self.shift_rows.append(shift_row(one, self.journal.sequence, place, _moment(unit)))
        if unit.closed_shift is not None:
            self.closed_shifts.append(asdict(unit.closed_shift))
        for put in unit.puts:
            self.puts.setdefault(put.table, []).append(self._put(put, unit))

    def close(self) -> None:
        """After the last unit: what all visits hold of persons is sealed together, and what keys that took is told."""
        for _month, part in groupby(self._personal, lambda one: (one[2].year, one[2].month)):
            some = list(part)  # no period is shorter than a month
            values = [(row["visit_id"], personal) for row, personal, _at in some]
            for (row, _personal, _at), sealed in zip(
                some, self.vault.seal_many("visit", "sealed", values, some[0][2]), strict=True
            ):
                row["sealed"] = sealed
        self._personal = []
        self.keys = self.vault.pending()  # after all was sealed: a value and its key are durable together

    def receive(self, messages: Sequence[Incoming]) -> None:
        """The rows of messages, after those of the units before them."""
        came = received(self.vault, self.epoch, self.journal, messages)
        self.journal_rows += came.journal
        self.incoming += came.inbox
        self.journal = came.head

    def _put(self, put: Put, unit: Unit) -> Row:
        if not put.content:
            return put.row
        name = row_name(*(put.row[column.name] for column in t.metadata.tables[put.table].primary_key))
        sealed = self.vault.seal_bytes(put.table, name, "sealed", put.content, _moment(unit))
        return put.row | {"sealed": sealed}

    def _people(self, unit: Unit) -> None:
        """Who it is, and what the bill shows of them."""
        if unit.person is not None:
            (ref, holder), at, vault = unit.person, _moment(unit), self.vault
            self.persons.append(
                {
                    "person_ref": ref,
                    "body": vault.seal("person", ref, "body", encode_holder(holder), at),
                    "id_digest": vault.digest("id_number", holder.id_number.reveal(), at),
                    "card_digest": vault.digest("card_number", holder.card_number.reveal(), at),
                }
            )
        if unit.bill is not None:
            settlement_id, bill = unit.bill
            sealed = self.vault.seal("bill", settlement_id, "body", encode(bill), _moment(unit))
            self.bills.append({"settlement_id": settlement_id, "body": sealed})
        if unit.card is not None:
            reference, card = unit.card
            body = self.vault.seal("payer", reference, "body", encode_card(card), _moment(unit))
            self.cards.append({"card_ref": reference, "body": body})
        for reference in unit.forgotten:
            self.forgotten.append({"b_card_ref": reference})

    def _request(self, r: Request) -> Row:
        answer = self._answer(r.account, r.key, r.answer, lambda: r.created_at)
        return {
            "account": r.account,
            "key": r.key,
            "method": r.method,
            "digest": r.digest,
            "visit_id": r.visit_id,
            "settlement_id": r.settlement_id,
            "created_at": r.created_at.isoformat(),
            "answer": answer["answer"],
            "sealed": answer["sealed"],
        }

    def _answer(self, account: str, key: str, text: str, at: Callable[[], dt.datetime]) -> Row:
        clear, personal = part_answer(text)
        sealed = self.vault.seal("request", row_name(account, key), "sealed", personal, at()) if personal else ""
        return {"b_account": account, "b_key": key, "answer": clear, "sealed": sealed}

    def _messages(self, unit: Unit) -> None:
        for i in unit.intents:
            self.intents.append(
                {
                    "message_id": i.message_id,
                    "visit_id": i.visit_id,
                    "settlement_id": i.settlement_id,
                    "call": i.call,
                    "digest": i.digest,
                    "amount_fen": i.amount_fen,
                    "epoch": self.epoch,
                    "intended_at": self._written(i.intended_at),
                    "sign_number": i.sign_number,
                    "outcome": "",
                    "ended_at": "",
                }
            )
        for e in unit.endings:
            ended = {
                "b_message_id": e.message_id,
                "outcome": e.outcome[:MAX_OUTCOME],
                "ended_at": self._written(e.ended_at),
            }
            self.endings.append(ended)

    def _letters(self, unit: Unit) -> None:
        for letter in unit.letters:
            self.letters.append(
                {
                    "control_id": letter.control_id,
                    "visit_id": letter.visit_id,
                    "settlement_id": letter.settlement_id,
                    "matter": letter.matter,
                    "created_at": self._written(letter.created_at),
                    "outcome": "",
                    "destination": letter.destination,
                    "copy": letter.copy,
                }
            )
        for control_id, how in unit.closed_letters:
            self.closed.append({"b_control_id": control_id, "outcome": how[:MAX_OUTCOME]})

    def _written(self, when: dt.datetime) -> str:
        known, text = self._now
        if when is known:
            return text
        text = when.isoformat()
        self._now = when, text
        return text

    def _seal_record(self, record: Record) -> None:
        sequence, previous = self.journal.sequence + 1, self.journal.hash
        line = write_line(
            Line(
                sequence,
                self._written(record.at),
                self.epoch,
                record.visit_id,
                record.settlement_id,
                record.event,
                record.before,
                record.after,
                msgspec.Raw(record.body.encode()),
                self._words(record) if record.words else msgspec.UNSET,
            )
        )
        digest = link_bytes(previous, line)
        self.journal_rows.append(
            {
                "sequence": sequence,
                "visit_id": record.visit_id,
                "settlement_id": record.settlement_id,
                "event": record.event,
                "previous": previous,
                "hash": digest,
                "line": line,
            }
        )
        self.journal = Head(sequence, digest)

    def _seal_entry(self, entry: FeedEntry) -> None:
        sequence = self.feed.sequence + 1
        line = encode({"sequence": sequence, "kind": entry.kind, "at": entry.at.isoformat(), **entry.body})
        digest = link(self.feed.hash, line)
        self.feed_rows.append(
            {
                "sequence": sequence,
                "settlement_id": entry.settlement_id,
                "kind": entry.kind,
                "previous": self.feed.hash,
                "hash": digest,
                "line": line,
            }
        )
        self.feed = Head(sequence, digest)

    def _words(self, record: Record) -> str:
        """The digest of the record's words, which are sealed beside it."""
        salt = self.vault.random_bytes(SALT_BYTES)
        digest = commitment(salt, record.words)
        sealed = self.vault.seal("words", digest, "sealed", words_box(salt, record.words), record.at)
        self.words.append({"digest": digest, "visit_id": record.visit_id, "sealed": sealed})
        return digest

    def _state(self, visit: Visit, unit: Unit) -> None:
        clear, personal = part_visit(visit)
        at = _moment(unit)
        row: Row = {
            "visit_id": visit.visit_id,
            "state": str(visit.state),
            "person_ref": visit.person_ref,
            "busy": is_busy(visit),
            "body": clear,
            "sealed": "",
            "updated_at": self._written(at),
            "version": unit.version + 1,
            "epoch": self.epoch,
            "since": unit.since,
        }
        self.visits[visit.visit_id] = row
        if personal:
            self._personal.append((row, personal, at))
        for settlement in visit.settlements:
            self.settlements[settlement.settlement_id] = settlement_row(visit.visit_id, settlement)


def _moment(unit: Unit) -> dt.datetime:
    """When it is: the period that what it holds of persons belongs to."""
    return unit.now if unit.now is not None else unit.records[0].at


def shift_row(one: ShiftRow, sequence: int, place: int, at: dt.datetime) -> Row:
    """A row of a terminal's batch, under the journal's number of what made it certain."""
    return {
        "sequence": sequence,
        "place": place,
        "account": one.account,
        "terminal": one.terminal,
        "settlement_id": one.settlement_id,
        "kind": str(one.kind),
        "total_fen": one.total.fen,
        "fund_fen": one.fund.fen,
        "account_fen": one.of_account.fen,
        "cash_fen": one.cash.fen,
        "bank_fen": one.bank.fen,
        "at": at.isoformat(),
    }


def settlement_row(visit_id: str, s: Settlement) -> Row:
    """What the settlement table shows of a settlement."""
    split = s.settled.split if s.settled else s.quoted
    return {
        "settlement_id": s.settlement_id,
        "visit_id": visit_id,
        "state": str(s.state),
        "account": s.owner.account,
        "terminal": s.owner.terminal,
        "message_id": s.settle_message_id,
        "settlement_number": s.settled.settlement_number if s.settled else "",
        "total_fen": s.total.fen,
        "fund_fen": split.fund.fen if split else 0,
        "account_fen": split.account.fen if split else 0,
        "cash_fen": split.cash.fen if split else 0,
        "settled_at": stamp(s.settled.settled_at) if s.settled else "",
        "cancelled_at": stamp(s.cancelled.cancelled_at) if s.cancelled else "",
        "next_due": s.next_due.isoformat() if s.next_due else "",
        "finding": str(s.finding.difference) if s.finding else "",
        **_leg_columns(s),
    }


def _leg_columns(s: Settlement) -> Row:
    """The payer's side: the leg that is in doubt, else one that is open, else the newest; and what the bank took."""
    if not s.legs:
        return {"leg": "", "bank_fen": 0, "refunded_fen": 0}
    ranked = sorted(s.legs, key=lambda leg: (leg.state in LEG_IN_DOUBT, leg.state in LEG_OPEN, leg.number))
    taken = [leg for leg in s.legs if leg.captured is not None and leg.capture is not None]
    return {
        "leg": str(ranked[-1].state),
        "bank_fen": sum(leg.capture.amount.fen for leg in taken if leg.capture is not None),
        "refunded_fen": sum(leg.capture.amount.fen for leg in taken if leg.capture is not None and not leg.charged),
    }
