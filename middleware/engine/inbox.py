"""What comes over HL7: written before it is answered, found again when it comes again, shown to whoever may see it."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from middleware.domain.fault import Fault
from middleware.domain.order import Caller
from middleware.engine.counter import Answer
from middleware.engine.journal import MAX_BATCH, Journal
from middleware.engine.pools import Pool
from middleware.ports import Clock
from middleware.store.codec import encode
from middleware.store.inbox import InboxReader, Taken
from middleware.store.units import Incoming, Record, RepeatedError, Unit

PIECE_BYTES = 64 * 1024
Told = Callable[[bool | Exception], None]


class Inboxes(Protocol):
    """What an operator asks; raises ``Fault`` and does not block the reactor."""

    async def list(self, after: int, limit: int, *, kept_only: bool) -> Answer:
        """What came, without its content; ``kept_only``: what was refused or is no message."""

    async def show(self, caller: Caller, sequence: int, offset: int) -> Answer:
        """At most ``PIECE_BYTES`` of one of them as it came, and what was answered; the look is journalled."""


class Inbox:
    """The one way in for messages. Implements ``Inboxes``."""

    def __init__(
        self, journal: Journal, pool: Pool, reader: InboxReader, now: Callable[[], dt.datetime], clock: Clock
    ) -> None:
        self._clock = clock
        self._came: list[tuple[Incoming, Told]] = []  # in this turn of the reactor
        self._journal = journal
        self._pool = pool
        self._reader = reader
        self._now = now

    @property
    def epoch(self) -> int:
        """The number of this life: no two nodes have the same."""
        return self._journal.epoch

    def keep(self, incoming: Incoming) -> Deferred[bool]:
        """``take`` for one that waits: fires with True or False, fails with ``Fault``."""
        done: Deferred[bool] = Deferred()

        def told(result: bool | Exception) -> None:
            (done.errback if isinstance(result, Exception) else done.callback)(result)  # type: ignore[arg-type]

        self.take(incoming, told)
        return done

    def take(self, incoming: Incoming, told: Told) -> None:
        """Write it. ``told`` is called once, and raises nothing.

        With True when it is durable; with False when its link took that control id before, and nothing was written; with a
        ``Fault``: nothing was written then. What comes in one turn of the reactor is handed over together: waking the
        writer for the first of them would leave all others to the next transaction.
        """
        self._came.append((incoming, told))
        if len(self._came) == 1:
            self._clock.callLater(0, self._hand_over)

    def _hand_over(self) -> None:
        came, self._came = self._came, []
        for start in range(0, len(came), MAX_BATCH):
            part = came[start : start + MAX_BATCH]
            messages = [incoming for incoming, _ in part]
            self._journal.receive(messages).addBoth(_tell, [told for _, told in part])

    async def taken(self, link: str, control_id: str) -> Taken | None:
        """What was taken under that id, and what was answered."""
        return await self._pool.run(self._reader.taken, link, control_id)

    async def list(self, after: int, limit: int, *, kept_only: bool) -> Answer:
        """See ``Inboxes.list``."""
        rows = await self._pool.run(self._reader.page, after, limit, kept_only=kept_only)
        return {
            "rows": [_facts(row) for row in rows],
            "next_after": rows[-1].sequence if rows else after,
            "complete": len(rows) < limit,
        }

    async def show(self, caller: Caller, sequence: int, offset: int) -> Answer:
        """See ``Inboxes.show``."""
        row, raw = await self._pool.run(self._reader.show, sequence)
        now = self._now()
        body = encode({"inbox": sequence, "account": caller.account})
        await self._journal.commit(Unit(now=now, records=(Record(now, "", "", "Hl7LookedAt", "", "", body),)))
        if raw is None:
            raise Fault("person.forgotten", f"inbox {sequence}")
        return _facts(row) | {
            "content": base64.b64encode(raw[offset : offset + PIECE_BYTES]).decode(),
            "next_offset": min(len(raw), offset + PIECE_BYTES),
            "complete": offset + PIECE_BYTES >= len(raw),
            "answered": base64.b64encode(row.ack).decode(),
        }


def _tell(results: list[Exception | None] | Failure, those: list[Told]) -> None:
    if isinstance(results, Failure):
        why: Any = results.value
        results = [why] * len(those)
    for told, result in zip(those, results, strict=True):
        if result is None:
            told(True)
        else:
            told(False if isinstance(result, RepeatedError) else result)


def _facts(row: Any) -> Answer:
    return {
        "sequence": row.sequence,
        "link": row.link,
        "control_id": row.control_id,
        "type": row.type,
        "why": row.why,
        "digest": row.digest,
        "bytes": row.bytes,
        "at": row.at,
    }
