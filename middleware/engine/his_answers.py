"""What a destination makes of our messages, told over a connection that it opens to us: matched to the letter, once.

The letter is closed, with all that follows from it, before the answer itself is kept and acknowledged (CA): should this
life end between the two, the other side says it again and finds the letter closed by the same word.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping

from attrs import frozen

from middleware.domain.correction import letter_ids
from middleware.domain.fault import Fault
from middleware.domain.his import HisAccepted
from middleware.domain.outcome import Answered, Outcome, Refused
from middleware.engine.outbox import Outbox
from middleware.engine.pools import Pool
from middleware.store.letters import ACCEPTED, LetterRow, LettersReader
from middleware.store.units import Letter

UNKNOWN, LINK, CLOSED, STRAY = "hl7.ack_unknown", "hl7.ack_link", "hl7.ack_closed", "hl7.stray_ack"


@frozen(slots=True)
class Way:
    """Of one destination: over which link its answers come, who reads them, whose letters they are about.

    ``read`` gives MSA-2 and what the answer means, and raises ``Fault`` for what is none.
    """

    link: str
    read: Callable[[bytes], tuple[str, Outcome[HisAccepted]]]
    outbox: Outbox


class HisAnswers:
    """``take`` is what the door asks for each answer that came over one of ``links``."""

    def __init__(self, ways: Mapping[str, Way], reader: LettersReader, pool: Pool) -> None:
        self._ways = ways
        self._reader = reader
        self._pool = pool
        self.links = frozenset(way.link for way in ways.values())

    async def take(self, link: str, payload: bytes) -> str:
        """Close the letter that it answers; "" when that is durable, else the fault for which it is only kept.

        Raises ``Fault`` (``system.*``) when nothing could be written.
        """
        try:
            msh_10, _ = next(way.read for way in self._ways.values() if way.link == link)(payload)
        except Fault:
            return STRAY
        names, revision = letter_ids(msh_10)
        row = await self._pool.run(self._reader.one_of, names)
        if row is None:
            return UNKNOWN
        way = self._ways.get(row.destination)
        if way is None or way.link != link:
            return LINK
        if revision != row.revision:
            return CLOSED
        _, outcome = way.read(payload)
        if not isinstance(outcome, Answered | Refused) or (isinstance(outcome, Answered) and outcome.reply.committed):
            return STRAY
        if not row.outcome:
            try:
                await way.outbox.answered_elsewhere(row.sequence, _letter(row), outcome)
            except Fault as fault:
                if fault.code != "desk.stale":
                    raise
            else:
                return ""
        return await self._said_before(names, outcome)

    async def _said_before(self, names: tuple[str, ...], outcome: Answered[HisAccepted] | Refused) -> str:
        """The same word again is no news; another one is for a person."""
        row = await self._pool.run(self._reader.one_of, names)
        before = row.outcome if row is not None else ""
        said = before == ACCEPTED if isinstance(outcome, Answered) else before.startswith("refused")
        return "" if said else CLOSED


def _letter(row: LetterRow) -> Letter:
    at = dt.datetime.fromisoformat(row.created_at)
    to = (row.destination, row.copy, row.number, row.revision)
    return Letter(row.control_id, row.visit_id, row.settlement_id, row.matter, at, *to)
