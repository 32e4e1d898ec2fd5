"""The simulated centre's side of reconciliation: totals and rows by its own books, and files that end too early."""

from __future__ import annotations

import datetime as dt
import hashlib
import random
from collections.abc import Collection, Iterator

from attrs import define, field, frozen

from daemon.simulate.dials import Dials
from daemon.simulate.ledger import Held, Ledger
from daemon.simulate.story import Story
from middleware.domain import centre as c
from middleware.domain.money import Money
from middleware.domain.outcome import Answered, Outcome, Refused
from middleware.domain.statement import DetailRow, ResultRow, Slice, Totals, Verdict

NOT_READY = "4205"
CLEARING, AGENCY = "11", "999900"


@frozen(slots=True)
class Entry:
    """One row of the centre's books."""

    message_id: str
    number: str
    person_number: str
    insurance: str
    refund: bool
    total: Money
    fund: Money
    account: Money
    at: dt.datetime
    cycle: str  # the sign-in under which an old centre did it


def every_entry(ledger: Ledger) -> Iterator[Entry]:
    """All rows: what was reversed is in none, what was cancelled is in two."""
    for held in ledger.settlements.values():
        if held.state in {"reversed", "pending"}:
            continue
        if held.settled_at is not None:
            yield _entry(held, held.settled_at, held.cycle, refund=False)
        if held.state == "cancelled" and held.cancelled_at is not None:
            yield _entry(held, held.cancelled_at, held.cancel_cycle, refund=True)


def entries(ledger: Ledger, day: dt.date) -> Iterator[Entry]:
    """The rows of that day."""
    return (entry for entry in every_entry(ledger) if entry.at.date() == day)


def _entry(held: Held, at: dt.datetime, cycle: str, *, refund: bool) -> Entry:
    split, visit = held.request.quoted, held.request.visit
    total, fund, account = split.total, split.fund, split.account
    if refund:
        total, fund, account = -total, -fund, -account
    message_id = held.cancel_message_id if refund else held.message_id
    number = held.cancel_number if refund else held.number
    return Entry(message_id, number, visit.person_number, visit.insurance, refund, total, fund, account, at, cycle)


def is_in(entry: Entry, slice_: Slice) -> bool:
    """Whether that row is cleared under that key."""
    return (slice_.clearing_type, slice_.agency) == (CLEARING, AGENCY) and slice_.insurance in {"", entry.insurance}


def agree(mine: Collection[Entry], totals: Totals) -> bool:
    """Whether what was told are the sums of these rows."""
    sums = (sum(e.total.fen for e in mine), sum(e.fund.fen for e in mine), sum(e.account.fen for e in mine))
    return sums == (totals.total.fen, totals.fund.fen, totals.account.fen) and totals.count == len(mine)


@define
class Office:
    """Answers 3201, 9101, 3202 and 9102."""

    ledger: Ledger
    rng: random.Random
    story: Story
    uploads: dict[str, tuple[DetailRow, ...]] = field(factory=dict)
    results: dict[str, tuple[ResultRow, ...]] = field(factory=dict)

    def does(self, request: object, dials: Dials) -> Outcome[c.CentreReply] | None:
        """The answer, or None when it is no question of a comparison."""
        match request:
            case c.CompareTotals(slice_, period, totals):
                equal = agree([e for e in entries(self.ledger, period.first) if is_in(e, slice_)], totals)
                return Answered(c.TotalsCompared(equal, "0" if equal else "1", ""))
            case c.UploadFile(name, rows):
                self.uploads[name] = rows
                return Answered(c.FileUploaded(name, name.encode()))
            case c.CompareDetail():
                self.results[request.file_number] = self._compare(request)
                return Answered(c.DetailCompared(request.file_number, "result", None))
            case c.DownloadFile(number):
                return self._result(number, dials)
        return None

    def _result(self, number: str, dials: Dials) -> Outcome[c.CentreReply]:
        rows = self.results[number]
        if self.rng.random() < dials.not_ready:
            self.story.fault("not-ready", number)
            return Refused(NOT_READY, "结果尚未生成")
        if rows and self.rng.random() < dials.half_file:
            rows = rows[: self.rng.randrange(len(rows))]
            self.story.fault("half-file", f"{number} {len(rows)} rows")
        content = repr(rows).encode()
        return Answered(c.FileDownloaded(rows, hashlib.sha256(content).hexdigest(), content))

    def _compare(self, request: c.CompareDetail) -> tuple[ResultRow, ...]:
        left = {(e.refund, e.number): e for e in entries(self.ledger, request.period.first) if is_in(e, request.slice)}
        said = [
            _said(row, left.pop((row.refund, row.settlement_number), None)) for row in self.uploads[request.file_number]
        ]
        only_there = [
            ResultRow(
                e.person_number, "", "", e.message_id, Verdict.ONLY_THERE, "1", e.refund, "", e.total, e.fund, e.account
            )
            for e in left.values()
        ]
        return (*said, *only_there)


def _said(row: DetailRow, entry: Entry | None) -> ResultRow:
    verdict, message_id, amounts = Verdict.ONLY_HERE, "", (row.total, row.fund, row.account)
    if entry is not None:
        same = amounts == (entry.total, entry.fund, entry.account)
        verdict, message_id = (Verdict.EQUAL if same else Verdict.AMOUNTS), entry.message_id
        amounts = (entry.total, entry.fund, entry.account)
    return ResultRow(
        row.person_number, row.visit_number, row.settlement_number, message_id, verdict, "0", row.refund, "", *amounts
    )
