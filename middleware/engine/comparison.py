"""One comparison of a day: totals by 3201, files where they differ or something is in doubt, every row with its class.

Nothing is applied here. A file that is refused, or that does not answer what was sent, ends the whole comparison.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import structlog
from attrs import define, evolve, field, frozen

from middleware.domain.centre import (
    CompareDetail,
    CompareTotals,
    DetailCompared,
    DownloadFile,
    FileDownloaded,
    FileRefused,
    FileUploaded,
    TotalsCompared,
    UploadFile,
)
from middleware.domain.fault import Fault
from middleware.domain.reconciliation import Difference, Proof
from middleware.domain.statement import Period, Refunds, ResultRow, Slice, StatementRules, Totals, Verdict, totals_of
from middleware.domain.visit import Settlement, Visit
from middleware.engine.asking import Asker
from middleware.engine.books import about, booked, doubtful_ids, doubts, keys_of
from middleware.engine.journal import Journal
from middleware.engine.runner import Engine
from middleware.flow.comparing import About, Booked, Compared, Doubt, asked, days_of, joined, unlisted
from middleware.store.codec import encode
from middleware.store.statements import Key, Statements
from middleware.store.units import Put, Record, Unit

log = structlog.get_logger()

MAX_SLICES = 500
MAX_ROWS = 200_000  # of one day; a file's own bound is statement.MAX_STATEMENT_ROWS


@frozen(slots=True)
class Rules:
    """What a comparison goes by. ``slices`` are keys that are asked each day whether rows are known of them or not."""

    zone: dt.tzinfo
    statement: StatementRules
    slices: tuple[Slice, ...] = ()
    days_back: int = 7


@define
class Run:
    """One run of one day, and how far it is."""

    run_id: str
    day: dt.date
    account: str  # who asked for it; "" = the clock
    begun_at: dt.datetime
    state: str
    round: int = 0
    step: str = ""  # totals, detail, resolving, waiting
    done: int = 0
    of: int = 0
    differences: int = 0
    resolved: int = 0
    fault: str = ""
    detail: str = ""
    ended_at: dt.datetime | None = None
    numbers: Counter[str] = field(factory=Counter)

    def next(self, what: str) -> int:
        """The next number of that kind of row."""
        self.numbers[what] += 1
        return self.numbers[what]


@define
class Found:
    """What one comparison gave. ``rows`` are those that are not equal; ``proofs`` and ``asked_at`` of each day's files."""

    equal: bool = True
    rows: list[Compared] = field(factory=list)
    proofs: dict[dt.date, list[Proof]] = field(factory=dict)
    asked_at: dt.datetime | None = None
    unlisted: list[tuple[Compared, Doubt, tuple[Proof, ...]]] = field(factory=list)
    whole: bool = False  # every slice's file was compared, so that what is not listed is not there
    under_way: list[About] = field(factory=list)  # of cycles: what may yet be done, or was done and is not known yet
    moved: bool = False  # something came into a cycle while it was compared


@define
class _File:
    """One file's rows with their classes."""

    proof: Proof
    rows: list[Compared]


@define
class _Day:
    """What the centre says of one day: every file, and the slices whose totals it does not call equal."""

    files: list[_File]
    unequal: set[Slice]

    def is_whole(self, insurance: str) -> bool:
        """Whether nothing of that kind of insurance can be there that we do not have."""
        if any(slice_.insurance == insurance for slice_ in self.unequal):
            return False
        rows = [row for file in self.files for row in file.rows]
        strange = [row for row in rows if row.difference is not Difference.EQUAL]
        return all(row.ours is not None and row.ours.insurance != insurance for row in strange)


class Comparison:
    """Compares one day once."""

    def __init__(self, engine: Engine, store: Statements, rules: Rules, asker: Asker, run: Run) -> None:
        self._engine = engine
        self._means = engine.means
        self._store = store
        self._rules = rules
        self._asker = asker
        self._run = run
        self._asked_at: dt.datetime | None = None

    async def compare(self) -> Found:
        """All of it. Raises ``Fault``."""
        run, pool = self._run, self._means.pool
        visits = await self._visits_of(run.day)
        rows = booked(visits, run.day, self._rules.zone)
        open_doubts = await self._doubts()
        keys = set(await pool.run(self._store.keys)) | keys_of(visits, rows)
        await keep(self._means.journal, keys_of(visits, rows))
        slices = sorted({*(key.slice for key in keys), *self._rules.slices})
        if len(slices) > MAX_SLICES or len(rows) > MAX_ROWS:
            raise Fault("statement.too_many", f"{len(slices)} slices, {len(rows)} rows in one day")
        found = Found()
        unequal = await self._totals(slices, self._parts(), rows, run.day)
        unequal |= await self._guessed(slices, rows)
        found.equal = not unequal
        if not self._rules.statement.detail:
            run.differences = len(unequal)
            return found
        near = [doubt for doubt in open_doubts if run.day in self._days(doubt)]
        found.whole = bool(near) or await self._has_findings()
        due = [doubt for doubt in open_doubts if self._is_due(doubt)]
        wanted = self._wanted(slices, unequal, whole=found.whole or bool(due))
        files = await self._details(run.day, wanted, rows, unequal)
        found.equal = not unequal
        found.rows = [row for file in files for row in file.rows if row.difference is not Difference.EQUAL]
        found.proofs[run.day] = [file.proof for file in files]
        await self._unlisted(found, due, slices, keys, _Day(files, {slice_ for slice_, _ in unequal}))
        found.asked_at = self._asked_at
        return found

    # -- our side

    async def _visits_of(self, day: dt.date) -> list[Visit]:
        since = dt.datetime.combine(day, dt.time.min, self._rules.zone)
        until = since + dt.timedelta(days=1)
        visits: list[Visit] = []
        after = ""
        while True:
            page = await self._means.pool.run(self._store.settled_visits, since, until, after)
            if not page:
                return visits
            visits += page
            after = page[-1].visit_id

    async def _doubts(self) -> list[Doubt]:
        pool = self._means.pool
        visits = await pool.run(self._store.doubtful_visits)
        messages = await pool.run(self._store.messages, doubtful_ids(visits))
        return doubts(visits, messages)

    def _days(self, doubt: Doubt) -> tuple[dt.date, ...]:
        return days_of(doubt.intended_at, self._means.policy.processing_limit_s, self._rules.zone)

    def _is_due(self, doubt: Doubt) -> bool:
        """Whether all its days are over by now, and not longer ago than is looked back."""
        days = self._days(doubt)
        return days[-1] <= self._run.day and days[0] >= self._run.day - dt.timedelta(days=self._rules.days_back)

    async def _has_findings(self) -> bool:
        return bool(await self.findings())

    async def findings(self) -> list[tuple[Visit, Settlement]]:
        """The settlements with a difference that stands of this day."""
        visits = await self._means.pool.run(self._store.visits_with_findings)
        every = [(visit, s) for visit in visits for s in visit.settlements]
        return [(v, s) for v, s in every if s.finding is not None and s.finding.listing.proof.day == self._run.day]

    # -- totals

    async def _totals(
        self, slices: Sequence[Slice], parts: Sequence[Refunds], rows: Sequence[Booked], day: dt.date
    ) -> set[tuple[Slice, Refunds]]:
        """Ask 3201 of every slice; those that the centre does not call equal."""
        run = self._run
        run.step, run.done, run.of = "totals", 0, len(slices) * len(parts)
        unequal = set()
        for slice_ in slices:
            for part in parts:
                mine = totals_of(row.row for row in rows if row.slice == slice_ and _is_in(row, part))
                question = CompareTotals(slice_, Period(day, day), mine, part)
                answer = await self._asker.ask(question, TotalsCompared)
                if not answer.equal:
                    unequal.add((slice_, part))
                await self._note_totals(day, slice_, part, mine, answer)
                run.done += 1
        return unequal

    async def _guessed(self, slices: Sequence[Slice], rows: Sequence[Booked]) -> set[tuple[Slice, Refunds]]:
        """Kinds of insurance that no known slice has, of settlements that were asked for and stand nowhere here.

        Such a one can be carried out at the centre after all, beyond its own limit, when no day knows its kind of insurance
        yet. It is looked for under each clearing type and agency that is known; a centre that has no such slice may say so.
        """
        day = dt.datetime.combine(self._run.day, dt.time.min, self._rules.zone)
        of_a_day = dt.timedelta(days=1)
        sent = await self._means.pool.run(self._store.insurances_sent, day - of_a_day, day + of_a_day)
        strange = sent - {slice_.insurance for slice_ in slices}
        unequal: set[tuple[Slice, Refunds]] = set()
        for slice_ in sorted({evolve(slice_, insurance=one) for one in strange for slice_ in slices})[:MAX_SLICES]:
            try:
                unequal |= await self._totals((slice_,), self._parts(), rows, self._run.day)
            except Fault as fault:
                if fault.code != "centre.refused":
                    raise
                log.info("reconcile.no_such_slice", run=self._run.run_id, insurance=slice_.insurance)
        return unequal

    def _parts(self) -> tuple[Refunds, ...]:
        return (Refunds.LEFT_OUT, Refunds.ALONE) if self._rules.statement.refunds_apart else (Refunds.TOGETHER,)

    async def _note_totals(self, day: dt.date, slice_: Slice, part: Refunds, mine: Totals, answer: TotalsCompared) -> None:
        run = self._run
        sums = {
            "total_fen": mine.total.fen,
            "fund_fen": mine.fund.fen,
            "account_fen": mine.account.fen,
            "count": mine.count,
        }
        row = {"run_id": run.run_id, "round": run.round, "refunds": str(part), "cycle": "", **_columns(slice_), **sums}
        row |= {"equal": answer.equal, "code": answer.code[:32]}
        event = "SliceEqual" if answer.equal else "SliceDiffered"
        if day == run.day:
            await self._journal(event, row, Put("reconcile_totals", row))
        else:  # of another day, to which something in doubt can belong: its own runs keep its totals
            await self._journal(event, row | {"day": day.isoformat()}, None)

    # -- files

    def _wanted(
        self, slices: Iterable[Slice], unequal: Collection[tuple[Slice, Refunds]], *, whole: bool
    ) -> list[tuple[Slice, Refunds]]:
        """Which files to ask for: of what differs, or of everything when something in doubt may stand in any."""
        if whole:
            return sorted({(slice_.of_detail, part) for slice_ in slices for part in self._parts()})
        return sorted({(slice_.of_detail, part) for slice_, part in unequal})

    async def _details(
        self,
        day: dt.date,
        wanted: Sequence[tuple[Slice, Refunds]],
        rows: Sequence[Booked],
        unequal: set[tuple[Slice, Refunds]],
    ) -> list[_File]:
        """Each wanted file. What turns out to be equal after all is taken out of ``unequal``."""
        run = self._run
        run.step, run.done, run.of = "detail", 0, len(wanted)
        differ = {(slice_.of_detail, part) for slice_, part in unequal}
        files = []
        for slice_, part in wanted:
            mine = [row for row in rows if row.slice.of_detail == slice_ and _is_in(row, part)]
            file = await self._detail(day, slice_, part, mine)
            if (slice_, part) in differ and all(row.difference is Difference.EQUAL for row in file.rows):
                await self._totals_again(day, (slice_, part), rows, unequal)
                run.step = "detail"
            files.append(file)
            run.done, run.of = len(files), len(wanted)
        return files

    async def _totals_again(
        self, day: dt.date, of: tuple[Slice, Refunds], rows: Sequence[Booked], unequal: set[tuple[Slice, Refunds]]
    ) -> None:
        """The totals differed and no row does: what was in doubt may have moved between the two questions."""
        stale = {(slice_, part) for slice_, part in unequal if (slice_.of_detail, part) == of}
        if await self._totals(sorted(slice_ for slice_, _ in stale), (of[1],), rows, day):
            raise Fault("reconcile.incomplete", "the totals differ and no row does")
        unequal -= stale

    async def _detail(self, day: dt.date, slice_: Slice, part: Refunds, mine: Sequence[Booked]) -> _File:
        run, means, ask = self._run, self._means, self._asker.ask
        mark = means.journal.head_sequence
        asked_at = means.now()
        self._asked_at = min(self._asked_at or asked_at, asked_at)
        rows = tuple(one.row for one in mine)
        name = f"{run.run_id}-{run.next('name')}"
        sent = await ask(UploadFile(name, rows), FileUploaded)
        digest = hashlib.sha256(sent.content).hexdigest()
        await self._note_file("DetailSent", "sent", (day, slice_, part), digest, len(rows), sent.content)
        question = CompareDetail(slice_, Period(day, day), totals_of(rows), sent.file_number, part)
        compared = await ask(question, DetailCompared)
        result = await ask(DownloadFile(compared.file_number, compared.file_name), (FileDownloaded, FileRefused))
        if isinstance(result, FileRefused):
            await self._note_file("ResultRefused", "refused", (day, slice_, part), result.digest, 0, result.content)
            raise Fault(result.fault, result.detail)
        assert isinstance(result, FileDownloaded)  # noqa: S101 - ask gives one of the two
        number = (day, slice_, part)
        await self._note_file("ResultReceived", "received", number, result.digest, len(result.rows), result.content)
        proof = Proof(run.run_id, day, result.digest)
        return _File(proof, joined(mine, result.rows, proof, slice_, await self._known(result.rows, mark)))

    async def _known(self, rows: Iterable[ResultRow], mark: int) -> dict[str, About]:
        """Whose the messages are that only the centre has. What was learned of one since ``mark`` makes it nobody's yet."""
        pool = self._means.pool
        strange = [row for row in rows if row.verdict is Verdict.ONLY_THERE and row.message_id]
        messages = await pool.run(self._store.messages, {row.message_id for row in strange})
        known: dict[str, About] = {}
        for row in strange:
            message = messages.get(row.message_id)
            if message is None or not message.settlement_id:
                continue
            visit = await self._engine.visits.visit(message.visit_id)
            one = about(visit, visit.settlement(message.settlement_id), row.message_id, refund=row.refund)
            since = await pool.run(self._store.changed_since, message.visit_id, message.settlement_id, mark)
            known[asked(row)] = evolve(one, seen="") if since else one
        return known

    # -- what no file lists

    async def _unlisted(
        self, found: Found, due: Sequence[Doubt], slices: Sequence[Slice], keys: Collection[Key], today: _Day
    ) -> None:
        """The doubts that are in no complete file of any of their days.

        Complete is a file when the centre also calls the totals of that kind of insurance equal: the counts are the same
        and each row of ours is there, so there is no room for another. Until then the next comparison tells.
        """
        of_day = {self._run.day: today}
        for doubt in due:
            if not self._is_covered(doubt, keys):
                continue
            for day in self._days(doubt):
                if day not in of_day:
                    of_day[day] = await self._other_day(day, slices)
            if not all(of_day[day].is_whole(doubt.insurance) for day in self._days(doubt)):
                continue
            mine = [file for day in self._days(doubt) for file in of_day[day].files]
            proofs = tuple(file.proof for file in mine)
            row = unlisted(doubt, [one for file in mine for one in file.rows], proofs)
            if row is not None:
                found.unlisted.append((row, doubt, proofs))

    async def _other_day(self, day: dt.date, slices: Sequence[Slice]) -> _Day:
        rows = booked(await self._visits_of(day), day, self._rules.zone)
        unequal = await self._totals(slices, self._parts(), rows, day)
        files = await self._details(day, self._wanted(slices, (), whole=True), rows, unequal)
        return _Day(files, {slice_ for slice_, _ in unequal})

    def _is_covered(self, doubt: Doubt, keys: Collection[Key]) -> bool:
        """Whether it is known under which keys such care is cleared here: else a file of them proves nothing."""
        named = any(slice_.insurance == doubt.insurance for slice_ in self._rules.slices)
        return named or any((key.slice.insurance, key.med_type) == (doubt.insurance, doubt.med_type) for key in keys)

    # -- what is written

    async def _note_file(
        self, event: str, way: str, of: tuple[dt.date, Slice, Refunds], digest: str, rows: int, content: bytes
    ) -> None:
        day, slice_, part = of
        row: dict[str, Any] = {
            "run_id": self._run.run_id,
            "number": self._run.next("file"),
            "way": way,
            "day": day.isoformat(),
            "refunds": str(part),
            "clearing_type": slice_.clearing_type,
            "agency": slice_.agency,
            "digest": digest,
            "rows": rows,
            "at": self._means.now().isoformat(),
        }
        put = Put("reconcile_file", row | {"sealed": ""}, content)  # the writer seals the content
        await self._journal(event, row, put)

    async def _journal(self, event: str, body: dict[str, Any], put: Put | None) -> None:
        puts = () if put is None else (put,)
        await self._means.journal.commit(Unit(records=(record(self._means.now(), event, body),), puts=puts))


async def keep(journal: Journal, keys: Collection[Key]) -> None:
    """Remember them: each day they are asked for again, whether rows are known of them or not."""
    puts = tuple(Put("reconcile_key", {"med_type": key.med_type, **_columns(key.slice)}) for key in sorted(keys, key=str))
    if puts:
        await journal.commit(Unit(puts=puts))


def record(now: dt.datetime, event: str, body: dict[str, Any]) -> Record:
    """A record of a run; it is about no visit."""
    return Record(now, "", "", event, "", "", encode(body))


def _columns(slice_: Slice) -> dict[str, str]:
    return {"insurance": slice_.insurance, "clearing_type": slice_.clearing_type, "agency": slice_.agency}


def _is_in(row: Booked, part: Refunds) -> bool:
    return part is Refunds.TOGETHER or row.row.refund is (part is Refunds.ALONE)
