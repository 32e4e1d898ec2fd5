"""Old media at the counter: what a front end hands in, and the number of what says no identity, for the HIS to look up."""

from __future__ import annotations

from typing import Protocol

from middleware.domain.audit import Act, CardAct
from middleware.domain.card import UnlinkedError
from middleware.domain.fault import Fault
from middleware.domain.order import Caller
from middleware.engine.audit import Audit
from middleware.engine.cards import CardDesk
from middleware.engine.counter import Answer
from middleware.ports import Hands, Readers

PRESENT, NUMBER = "card.present", "medium.read"


class Media(Protocol):
    """What the door asks."""

    async def present(self, caller: Caller, reader: str, text: str) -> Answer:
        """As ``Counter.read_card``, of what a keyboard wedge typed at that reader."""

    async def number(self, caller: Caller, reader: str, text: str) -> Answer:
        """The number of an old medium: kind, number, reader."""


class MediaDesk:
    """Every read, and every refused one, is in the journal without what was read, as reads of cards are."""

    def __init__(self, desk: CardDesk, readers: Readers, hands: Hands, audit: Audit) -> None:
        self._desk = desk
        self._readers = readers
        self._hands = hands
        self._audit = audit

    async def present(self, caller: Caller, reader: str, text: str) -> Answer:
        """As ``Counter.read_card``, of what a keyboard wedge typed at that reader."""
        return await self._desk.read_by(caller, reader, self._hands.present(reader, text), PRESENT)

    async def number(self, caller: Caller, reader: str, text: str) -> Answer:
        """The number of an old medium: kind, number, reader; the number is "" where an identity was shown instead.

        ``text`` is what was typed; without it the reader is read. Nobody is looked up by it.
        """
        reading = self._hands.present(reader, text) if text else self._readers.read_card(reader)
        number = ""
        try:
            kind = (await reading).kind
        except UnlinkedError as unlinked:
            kind, number = unlinked.medium.kind, unlinked.medium.number.reveal()
        except Fault as fault:
            await self._audit.note(caller, CardAct(Act.READ, reader, fault.code, why=NUMBER))
            raise
        await self._audit.note(caller, CardAct(Act.READ, reader, kind=kind, why=NUMBER))
        return {"reader": reader, "kind": kind, "number": number}
