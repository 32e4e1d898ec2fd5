"""Acts on what was taken at the HL7 door: after it is durable and answered, in order, each message exactly once.

The answer to the HIS never waits for this: AA says that the message is durable and will be acted on, or shown to a person.
What cannot be acted on stays in the inbox with its reason, the next message goes on, and an operator may have it tried
again. A message's effect, its outcome and the cursor are one transaction; whoever starts goes on where another stopped.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import structlog

from middleware.domain.document import is_payable
from middleware.domain.fault import FAULTS, Fault
from middleware.domain.health import Condition, PartHealth
from middleware.domain.masters import MastersTold
from middleware.domain.order import Caller
from middleware.domain.told import LINKED, ChargesTold, MergeTold, NumberKind, PatientFacts, PatientTold, TheNumber, Told
from middleware.engine.counter import Answer
from middleware.engine.rounds import Rounds
from middleware.engine.runner import Means
from middleware.store import links
from middleware.store.codec import encode
from middleware.store.inbox import InboxReader
from middleware.store.intake import DONE, FAILED, Acted, acted, acted_again, passed, retried
from middleware.store.links import Made, Work
from middleware.store.units import Record, Unit

log = structlog.get_logger()

LOOK_S = 2.0  # at the latest after so long; a message that this node took is acted on at once
PAGE = 64
TOGETHER = 16  # messages acted on in one transaction; so long everybody else waits for the writer
BEHIND_S = 60.0
MAX_DETAIL = 200
Read = Callable[[str, bytes], Told]
_GOOD = ("", "")
_OURS = frozenset({"system.stopping", "system.journal", "system.node", "system.busy", "desk.stale"})


class Intake:
    """``read(link, bytes)`` says what a message tells; ``types`` (MSH-9.1) are those that can tell anything.

    ``holds()``: of several nodes on one database one acts, in the order of the inbox.
    """

    def __init__(
        self,
        means: Means,
        inbox: InboxReader,
        read: Read,
        types: tuple[str, ...],
        holds: Callable[[], bool] = lambda: True,
    ) -> None:
        self._means = means
        self._inbox = inbox
        self._read = read
        self._types = types
        self._holds = holds
        self._rounds = Rounds("intake", means.clock, self._round, LOOK_S)
        self._stopped = False
        self._oldest: dt.datetime | None = None  # when the first that waits was taken
        self.failed = self.disputed = 0

    # -- its life

    def start(self) -> None:
        """From now on."""
        self._rounds.start()

    def stop(self) -> None:
        """Begin no further message."""
        self._stopped = True
        self._rounds.stop()

    def kick(self) -> None:
        """There is something to act on."""
        self._rounds.kick()

    def health(self) -> PartHealth:
        """DEGRADED while messages could not be acted on or wait for long, or merges wait for two persons."""
        if self.failed:
            return PartHealth("intake", Condition.DEGRADED, "hl7.failed", str(self.failed))
        if self.disputed:
            return PartHealth("intake", Condition.DEGRADED, "identity.disputed", str(self.disputed))
        if (behind := self.behind_s()) > BEHIND_S:
            return PartHealth("intake", Condition.DEGRADED, "system.busy", f"{behind:.0f} s behind")
        return PartHealth("intake", Condition.GOOD)

    def behind_s(self) -> float:
        """How long ago the oldest message was taken that is not acted on yet; 0 while none waits."""
        return max(0.0, (self._means.now() - self._oldest).total_seconds()) if self._oldest is not None else 0.0

    async def _round(self) -> None:
        if self._holds():
            await self.look()

    # -- acting

    async def look(self) -> int:
        """Act on everything that waits; on how many messages that was."""
        run, intakes = self._means.pool.run, self._means.reader.intakes
        done = 0
        for row in await run(intakes.again, PAGE):
            await self._act(row, None)
            done += 1
        last = -1
        while last and self._more(last):
            cursor, rows, last = await run(intakes.waiting, self._types, PAGE)
            for start in range(0, len(rows), TOGETHER):
                if self._stopped:
                    return done
                part = rows[start : start + TOGETHER]
                self._oldest = dt.datetime.fromisoformat(part[0].at)
                await self._act_on(part, cursor)
                cursor, done = part[-1].sequence, done + len(part)
            self._oldest = None
            if last > cursor:  # what tells nothing is looked over again until it is a page: a commit each would cost more
                await self._write(Unit(now=self._means.now(), work=passed(cursor, last)))
        self.failed = await run(intakes.count_failed)
        self.disputed = await run(self._means.reader.his_people.count_disputed)
        return done

    def _more(self, last: int) -> bool:
        return last < 0 or self._holds()

    async def _act_on(self, rows: list[Any], cursor: int) -> None:
        """All of them in order, in one transaction; each in its own where anything of any goes wrong."""
        if len(rows) > 1 and await self._together(rows, cursor):
            return
        for row in rows:
            await self._act(row, cursor)
            cursor = row.sequence

    async def _together(self, rows: list[Any], cursor: int) -> bool:
        """Whether they were acted on. What went wrong is found, and told, when each is tried alone."""
        try:
            told = await self._means.pool.run(self._told_all, rows)
            made = [await self._acted(row, one) for row, one in zip(rows, told, strict=True)]
            await self._write(self._unit(made, cursor))
        except Fault as fault:
            if fault.code in _OURS and fault.code != "system.journal":  # that may be one value the database refuses
                raise
            return False
        except Exception:  # noqa: BLE001 - told by ``_act``
            return False
        self._warn(made)
        return True

    async def _act(self, row: Any, cursor: int | None) -> None:
        """One message. Only trouble of the whole house is raised; what is wrong with a message is its outcome."""
        try:
            made = await self._acted(row, await self._means.pool.run(self._told, row))
            await self._write(self._unit([made], cursor))
        except Fault as fault:
            if fault.code in _OURS:
                raise
            why = (fault.code, fault.detail[:MAX_DETAIL])
        except Exception as exc:  # noqa: BLE001 - a defect of ours in one message must not stop all the others
            # No traceback: its frames' words may be about somebody.
            log.error("intake.internal", inbox=row.sequence, error=type(exc).__name__)  # noqa: TRY400
            why = ("system.internal", type(exc).__name__)
        else:
            self._warn([made])
            return
        made = Acted(row.sequence, FAILED, why, None)
        self._warn([made])
        await self._write(self._unit([made], cursor))

    async def _acted(self, row: Any, told: Told) -> Acted:
        effect, why = await self._effect(told, row)
        return Acted(row.sequence, FAILED if why[0] else DONE, why, effect)

    def _warn(self, these: list[Acted]) -> None:
        for one in these:
            if one.state == FAILED:
                log.warning("intake.failed", inbox=one.sequence, code=one.why[0])

    def _unit(self, these: list[Acted], cursor: int | None) -> Unit:
        """``cursor`` None: one that is tried again."""
        now = self._means.now()
        bodies = [encode({"inbox": one.sequence, "state": one.state, "why": one.why[0]}) for one in these]
        records = tuple(Record(now, "", "", "Hl7ActedOn", "", "", body) for body in bodies)
        return Unit(
            now=now, records=records, work=acted_again(these[0], now) if cursor is None else acted(these, cursor, now)
        )

    async def _write(self, unit: Unit) -> None:
        await self._means.journal.commit(unit)

    async def _effect(self, told: Told, row: Any) -> tuple[Work | None, tuple[str, str]]:
        """What follows from a message; and what of it a person must see, where a part of it cannot be read."""
        match told:
            case PatientTold():
                return _all(await self._patient(told.facts, row.sequence)), _GOOD
            case MergeTold():
                ids = (_id("G", row.sequence), _id("P", row.sequence, 1), _id("P", row.sequence))
                people, now = self._means.reader.his_people, self._means.now()
                merged = people.merge(ids, told.prior.reveal(), told.facts, row.sequence, now)
                return _all([merged, *await self._links(told.facts, row.sequence)]), _GOOD
            case ChargesTold():
                return await self._charges(told, row), _GOOD
            case MastersTold():
                put = self._means.reader.his_masters.put(row.link, told.records, row.sequence, self._means.now())
                return put, _troubles(told)
        return None, _GOOD

    def _told_all(self, rows: list[Any]) -> list[Told]:
        return [self._told(row) for row in rows]

    def _told(self, row: Any) -> Told:
        _, raw = self._inbox.show(row.sequence)
        if raw is None:
            return None  # forgotten by rule
        return self._read(row.link, raw)

    async def _patient(self, facts: PatientFacts, sequence: int) -> list[Work]:
        put = self._means.reader.his_people.put(_id("P", sequence), facts, sequence, self._means.now())
        return [put, *await self._links(facts, sequence)]

    async def _charges(self, told: ChargesTold, row: Any) -> Work:
        charges, now = self._means.reader.his_charges, self._means.now()
        put = charges.put(row.link, told.lines, told.facts.number.reveal(), told.encounter, row.sequence, now)
        return _all([*await self._patient(told.facts, row.sequence), put])

    async def _links(self, facts: PatientFacts, sequence: int) -> list[Work]:
        """Each of the patient's numbers is that person's, where a document that has a check says who it is."""
        if not is_payable(facts.document) or not facts.name:
            return []
        means, works = self._means, []
        every = (TheNumber(NumberKind.PATIENT, facts.number), *facts.numbers)
        for place, one in enumerate(one for one in every if one.kind in LINKED):
            now, link_id = means.now(), _id("N", sequence, place)
            facts_of_link = {"link_id": link_id, "kind": str(one.kind), "account": "hl7", "terminal": "", "moved_at": ""}
            clear = (one.number.reveal(), facts.document.reveal(), facts.name.reveal())
            new = await means.pool.run(means.reader.links.new, facts_of_link, *clear, now)
            told: list[Made] = []
            works.append(links.add(new, _conflict_of(sequence, place), told))
        return works

    # -- the operator's

    async def failures(self, after: int, limit: int) -> Answer:
        """What could not be acted on, and why."""
        rows = await self._means.pool.run(self._means.reader.intakes.failed, after, limit)
        found = [
            {
                "sequence": row.sequence, "link": row.link, "type": row.type, "state": row.state, "code": row.why,
                "zh": FAULTS[row.why].zh if row.why in FAULTS else "", "detail": row.detail, "attempts": row.attempts,
                "at": row.at,
            }
            for row in rows
        ]  # fmt: skip
        return {"rows": found, "next_after": rows[-1].sequence if rows else after, "complete": len(rows) < limit}

    async def retry(self, caller: Caller, sequence: int) -> Answer:
        """Have it tried again, at once."""
        now = self._means.now()
        body = encode({"inbox": sequence, "account": caller.account})
        record = Record(now, "", "", "Hl7RetryAsked", "", "", body)
        await self._write(Unit(now=now, records=(record,), work=retried(sequence)))
        self.kick()
        return {"sequence": sequence, "state": "retry"}


def _troubles(told: MastersTold) -> tuple[str, str]:
    if not told.troubles:
        return _GOOD
    named = "; ".join(f"MFE[{one.place}] {one.rule}" for one in told.troubles)
    return "hl7.content", f"{len(told.troubles)} records: {named}"[:MAX_DETAIL]


def _id(letter: str, sequence: int, place: int = 0) -> str:
    """Of what a message makes: by the message's own number, for message ids are for the centre's messages."""
    return f"{letter}{sequence:019d}{place:04d}"


def _conflict_of(sequence: int, place: int) -> Callable[[int], str]:
    return lambda n: f"X{sequence:017d}{place:03d}{n:03d}"


def _all(works: list[Work]) -> Work:
    def work(connection: Any) -> None:
        for one in works:
            one(connection)

    return work
