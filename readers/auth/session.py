"""A card that a caller has open: every step on the same powered card, what was proved and what not, and its end."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, TypeVar

import structlog
from attrs import evolve

from middleware.domain.card import CardRead
from middleware.domain.card_debit import Accounts, DebitChallenge, DebitOrder, DebitProof, DebitReceipt
from middleware.domain.card_key import (
    HOLDER_KEY,
    FileAsk,
    IdentityRead,
    KeyAsk,
    KeyChallenge,
    KeyProof,
    OpenedCard,
    Pin,
)
from middleware.domain.fault import Fault
from middleware.ports import DebitKeys
from readers.auth import card as steps
from readers.auth import commands, debit
from readers.auth.holding import HeldCard, Procedure, Usable
from readers.auth.options import CardKeyOptions
from readers.auth.pin_pad import ask_pad
from readers.auth.psam_link import Psam
from readers.cards.catalogue import SOCIAL_SECURITY
from readers.cards.declaration import Access
from readers.cards.social_security_read import generation_of

if TYPE_CHECKING:
    from middleware.ports import CardSession
    from readers.apdu import Exchange
    from readers.cards.social_security_read import CardContext

log = structlog.get_logger()
T = TypeVar("T")

FREE = frozenset({Access.FREE})
LOG_FILE = 0xEF08
MEDICAL = "DF04"


class KeyedSession:
    """Implements ``middleware.ports.CardSession``. Made by :meth:`open`, ended by ``close`` or by the card."""

    def __init__(self, held: HeldCard, card: OpenedCard, psam: Psam, options: CardKeyOptions) -> None:
        self._held = held
        self._psam = psam
        self._options = options
        self._asked: steps.Asked | None = None
        self._proved: KeyAsk | None = None
        self.card = card

    @classmethod
    async def open(cls, readers: Usable, reader: str, reactor: Any, psam: Psam, options: CardKeyOptions) -> KeyedSession:
        """Power the card and find out which it is."""
        held = HeldCard(reader, reactor)
        card = await held.begin(readers, steps.opened, options.session_s)
        return cls(held, evolve(card, reader=reader), psam, options)

    @property
    def gone(self) -> Fault | None:
        """Why it is over."""
        return self._held.gone

    async def challenge(self, ask: KeyAsk) -> KeyChallenge:
        """See the port."""
        self._asked = self._proved = None
        made = await self._held.run(lambda exchange, _: steps.challenged(exchange, self.card, ask))
        self._asked = made
        return made.challenge

    async def prove(self, proof: KeyProof) -> None:
        """See the port. The challenge is used up, whatever comes of it."""
        asked, self._asked = self._asked, None
        if asked is None:
            raise Fault("card.session_gone", "there is no challenge to answer")
        steps.check_internal(asked, proof)
        reference = asked.challenge.ask.reference
        await self._held.run(lambda exchange, _: commands.prove_to(exchange, reference, proof.external))
        self._proved = asked.challenge.ask

    async def authenticate(self, ask: KeyAsk) -> str:
        """See the port."""
        challenge = await self.challenge(ask)
        proof, serial = await self._psam.prove(challenge)
        await self.prove(proof)
        return serial

    async def identity(self, *, psam: bool = True) -> IdentityRead:
        """See the port."""
        serial = ""
        if self.card.needs_key and self._proved is None and psam:
            serial = await self.authenticate(HOLDER_KEY)
        granted = steps.WITH_KEY if self._proved is not None else FREE

        def work(exchange: Exchange, context: CardContext) -> CardRead:
            reading = steps.identity(exchange, context, self.card, granted)
            if reading.warnings:
                log.warning("card_odd", reader=self.card.reader, warnings=list(reading.warnings))
            return reading.card

        read = await self._held.run(work)
        return IdentityRead(evolve(read, reader=self.card.reader), serial)

    def key_for(self, asks: tuple[FileAsk, ...]) -> KeyAsk | None:
        """See the port."""
        generation = generation_of(self.card.spec_version)
        keys = {steps.key_of(steps.declared(ask, generation), generation) for ask in asks} - {None}
        if len(keys) > 1:
            raise Fault("request.bad_params", "these files need different keys: ask for them one after the other")
        return keys.pop() if keys else None

    async def files(self, asks: tuple[FileAsk, ...]) -> tuple[tuple[str, ...], ...]:
        """See the port."""
        keep = self._proved.application if self._proved is not None else ""

        def work(exchange: Exchange, _: CardContext) -> tuple[tuple[str, ...], ...]:
            found = steps.read_files(exchange, self.card, asks, keep=keep)
            steps.same_card(exchange, self.card)
            return found

        self._proved = None  # the SELECT that looks whether it is the same card may have taken the right away
        return await self._held.run(work)

    async def records(self, first: int, count: int, *, psam: bool) -> tuple[tuple[tuple[str, ...], ...], str]:
        """See the port."""
        generation = generation_of(self.card.spec_version)
        medical = next(one for one in SOCIAL_SECURITY if one.label == MEDICAL)
        file = next(one for one in medical.files_of(generation) if one.file_id == LOG_FILE)
        ask = steps.key_of(file, generation)
        serial = await self.authenticate(ask) if psam and ask is not None else ""

        def work(exchange: Exchange, _: CardContext) -> tuple[tuple[str, ...], ...]:
            if not psam:
                steps.select(exchange, MEDICAL)
            found = steps.read_records(exchange, file, first, count)
            steps.same_card(exchange, self.card)
            return found

        self._proved = None
        return await self._held.run(work), serial

    async def verify_pin(self, pin: Pin | None) -> None:
        """See the port."""
        if pin is None:
            await self._held.run(lambda _, context: ask_pad(context, self._options.pin_entry_s))
            return
        await self._secret(lambda exchange, _: commands.verify_pin(exchange, pin), pin)

    async def change_pin(self, old: Pin, new: Pin) -> None:
        """See the port."""
        await self._secret(lambda exchange, _: commands.change_pin(exchange, old, new), old, new)

    async def unblock_challenge(self) -> bytes:
        """See the port."""
        return await self._held.run(lambda exchange, _: commands.challenge(exchange, "PIN unblock factor"))

    async def unblock_pin(self, data: bytes, *, reload: bool) -> None:
        """See the port."""
        p2 = commands.RELOAD if reload else commands.UNBLOCK
        await self._held.run(lambda exchange, _: commands.unblock_pin(exchange, p2, data))

    async def accounts(self) -> Accounts:
        """See the port."""
        self._proved = None
        return await self._held.run(lambda exchange, _: debit.accounts(exchange, self.card))

    async def debit_challenge(self, order: DebitOrder, terminal: str, known: Accounts) -> DebitChallenge:
        """See the port."""
        return await self._held.run(lambda exchange, _: debit.begin(exchange, self.card, order, terminal, known))

    def debit_keys(self, challenge: DebitChallenge) -> AbstractAsyncContextManager[DebitKeys]:
        """See the port."""
        return self._psam.debit(challenge)

    async def debit(self, proof: DebitProof) -> DebitReceipt:
        """See the port."""
        return await self._held.run(lambda exchange, _: debit.debit(exchange, proof))

    def close(self, why: str = "closed") -> None:
        """See the port."""
        self._held.close(why)

    async def closed(self) -> None:
        """See the port."""
        await self._held.closed()

    async def _secret(self, step: Procedure[None], *pins: Pin) -> None:
        """One step with PINs, which are wiped when it is over, however it ends."""
        try:
            await self._held.run(step)
        finally:
            for pin in pins:
                pin.wipe()


if TYPE_CHECKING:
    _KEEPS_THE_PORT: type[CardSession] = KeyedSession
