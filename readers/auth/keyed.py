"""Readers with keys: the same port, and a third-generation card read through the PSAM, and cards that are held open."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from attrs import evolve

from middleware.domain.card import CardEvent, CardRead, ReaderStatus
from middleware.domain.fault import Fault
from middleware.domain.health import PartHealth
from readers.auth.health_session import read_health_card
from readers.auth.holding import Usable
from readers.auth.options import CardKeyOptions
from readers.auth.psam_link import Psam
from readers.auth.session import KeyedSession
from readers.cards.social_security_read import NeedsReadKeyError

if TYPE_CHECKING:
    from middleware.ports import KeyedReaders

PRESENT = "card-present"


class Plain(Usable, Protocol):
    """What it is made of: a whole port of readers, whose cards any procedure can use."""

    def start(self) -> None:
        """See ``Part``."""

    async def stop(self) -> None:
        """See ``Part``."""

    def health(self) -> PartHealth:
        """See ``Part``."""

    def statuses(self) -> tuple[ReaderStatus, ...]:
        """See ``Readers``."""

    async def read_card(self, reader: str) -> CardRead:
        """See ``Readers``."""


class ReadersWithKeys:
    """Implements ``middleware.ports.KeyedReaders``."""

    def __init__(self, readers: Plain, options: CardKeyOptions, reactor: Any) -> None:
        self._readers = readers
        self._options = options
        self._reactor = reactor
        self.psam = Psam(options, readers, reactor)

    def start(self) -> None:
        """Start the readers; the PSAM is looked for when it is first needed."""
        self._readers.start()

    async def stop(self) -> None:
        """The PSAM first: its reader is one of them."""
        await self.psam.stop()
        await self._readers.stop()

    def health(self) -> PartHealth:
        """Of the readers; the PSAM is a part of its own."""
        return self._readers.health()

    def statuses(self) -> tuple[ReaderStatus, ...]:
        """See the port. The PSAM's slot is none of them: nobody is to take it for a counter's reader."""
        return tuple(one for one in self._readers.statuses() if not self.psam.is_its(one.name))

    def watch(self, observer: Callable[[CardEvent], None]) -> Callable[[], None]:
        """See the port."""
        return self._readers.watch(lambda event: None if self.psam.is_its(event.reader) else observer(event))

    async def read_card(self, reader: str) -> CardRead:
        """See the port. A card that wants a proof first is read once more, held, with the PSAM's proof."""
        self._refuse_its(reader)
        try:
            return await self._readers.read_card(reader)
        except NeedsReadKeyError:
            if not self.psam.configured:
                raise
            return await read_health_card(self._readers, reader, self._reactor, self.psam, self._options.session_s)
        except Fault as fault:
            if fault.code != "card.needs_authentication" or not self.psam.configured:
                raise
        session = await self.open_card(reader)
        try:
            found = await session.identity()
            return evolve(found.read, psam=found.psam)
        finally:
            await session.closed()

    async def open_card(self, reader: str) -> KeyedSession:
        """See the port."""
        self._refuse_its(reader)
        return await KeyedSession.open(self._readers, reader, self._reactor, self.psam, self._options)

    def choose(self) -> str:
        """See the port."""
        with_card = [one.name for one in self.statuses() if one.state == PRESENT]
        if not with_card:
            raise Fault("card.absent")
        if len(with_card) > 1:
            raise Fault("reader.unknown", f"{len(with_card)} readers have a card: name one")
        return with_card[0]

    def _refuse_its(self, reader: str) -> None:
        if self.psam.is_its(reader):
            raise Fault("reader.unknown", "it is the PSAM's")

    async def terminal_numbers(self) -> tuple[str, str]:
        """See the port. Never zeros for what nobody said."""
        return self._options.terminal_number or await self.psam.terminal(), self._options.device_number


if TYPE_CHECKING:
    _KEEPS_THE_PORT: type[KeyedReaders] = ReadersWithKeys
