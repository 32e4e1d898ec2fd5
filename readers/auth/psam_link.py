"""The PSAM of this machine: found in its reader, kept powered, one question at a time, the others in turn."""

from __future__ import annotations

import fnmatch
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeVar

import structlog

from middleware.domain.card import ReaderStatus
from middleware.domain.card_debit import DebitChallenge
from middleware.domain.card_key import KeyChallenge, KeyProof
from middleware.domain.fault import Fault
from middleware.domain.health import Condition, PartHealth
from middleware.ports import DebitKeys
from readers.auth import debit, health, psam
from readers.auth.health import HealthChallenge
from readers.auth.holding import HeldCard, Procedure, Usable, ends
from readers.auth.options import CardKeyOptions
from readers.turns import Turns

log = structlog.get_logger()
T = TypeVar("T")

PART = "psam"
KEPT_S = 86_400.0  # far more than it is ever kept
REST_S = 300.0  # let go when nobody asked for so long: then its reader is free for whoever looks at it
RENEW_S = 3600.0  # and taken anew after so long, however often it is asked


class PsamReaders(Usable, Protocol):
    """What the PSAM's slot is looked for in."""

    def statuses(self) -> tuple[ReaderStatus, ...]:
        """What is known of each reader."""


class Psam:
    """Proves keys. ``allowed`` is asked with the serial before each proof; it raises for a PSAM that may not be used."""

    allowed: Callable[[str], Awaitable[object]]

    def __init__(
        self,
        options: CardKeyOptions,
        readers: PsamReaders,
        reactor: Any,
    ) -> None:
        self._options = options
        self._readers = readers
        self._reactor = reactor
        self.allowed = _anybody
        self._turns = Turns(reactor, options.psam_wait_s)
        self._held: HeldCard | None = None
        self._facts: psam.PsamFacts | None = None
        self._trouble: Fault | None = None
        self._since = 0.0
        self._rest: Any = None

    @property
    def configured(self) -> bool:
        """Whether this site has one at all."""
        return bool(self._options.psam_reader)

    async def terminal(self) -> str:
        """The terminal's number that it says; "" without a PSAM, or from one that cannot be asked now."""
        if not self.configured:
            return ""
        try:
            await self._turns.take()
        except Fault:
            return ""
        try:
            facts, _ = await self._ready()
        except Fault as fault:
            self._trouble = _as_psam(fault)
            return ""
        finally:
            self._turns.give()
        return facts.terminal

    def is_its(self, reader: str) -> bool:
        """Whether that reader is the PSAM's: no person's card is looked for there."""
        return self.configured and fnmatch.fnmatchcase(reader, self._options.psam_reader)

    async def prove(self, challenge: KeyChallenge) -> tuple[KeyProof, str]:
        """The proof of that key for that card, and the serial of the PSAM that made it.

        Raises ``psam.absent``, ``psam.no_algorithm``, ``psam.no_key``, ``psam.key_level``, ``psam.failed``.
        """
        async with self._mine():
            made, serial, _ = await self._made(lambda exchange, _: psam.proof(exchange, challenge, self._options.terms))
        return made, serial

    async def prove_health(self, challenge: HealthChallenge) -> tuple[bytes, str]:
        """The same of a read key of a resident health card: what EXTERNAL AUTHENTICATE takes."""
        async with self._mine():
            made, serial, _ = await self._made(
                lambda exchange, _: health.psam_proof(exchange, challenge, self._options.terms)
            )
        return made, serial

    @asynccontextmanager
    async def debit(self, challenge: DebitChallenge) -> AsyncIterator[DebitKeys]:
        """MAC1 for that card, and afterwards the check of its MAC2: nobody else asks the PSAM in between.

        Raises what ``prove`` raises.
        """
        async with self._mine():
            proof, serial, held = await self._made(lambda exchange, _: debit.psam_proof(exchange, challenge))

            async def check(mac2: str) -> None:
                try:
                    await held.run(lambda exchange, _: debit.psam_check(exchange, mac2))
                except Fault as fault:
                    if fault.code == "card.mac":
                        raise  # the card's trouble, not the PSAM's
                    self._trouble = _as_psam(fault)
                    raise self._trouble from None

            yield DebitKeys(proof, serial, check)

    async def stop(self) -> None:
        """Let it go."""
        self._awake()
        self._turns.end(Fault("system.stopping"))
        if self._held is not None:
            await self._held.closed()

    def health(self) -> PartHealth:
        """How the last proof went."""
        if not self.configured:
            return PartHealth(PART, Condition.GOOD, detail="none configured")
        if self._trouble is not None:
            return PartHealth(PART, Condition.DEGRADED, self._trouble.code, self._trouble.detail)
        if self._facts is None:
            return PartHealth(PART, Condition.GOOD, detail="not asked yet")
        return PartHealth(PART, Condition.GOOD, detail=f"serial {self._facts.serial}")

    @asynccontextmanager
    async def _mine(self) -> AsyncIterator[None]:
        """Ours alone, in turn."""
        if not self.configured:
            raise Fault("psam.absent", "[card_keys] psam_reader is not set")
        await self._turns.take()
        self._awake()
        try:
            yield
        finally:
            self._awake()
            self._rest = self._reactor.callLater(REST_S, self._let_go)
            self._turns.give()

    async def _made(self, work: Procedure[T]) -> tuple[T, str, HeldCard]:
        """What an allowed PSAM answers, its serial, and the power session in which it did."""
        serial = ""
        try:
            facts, held = await self._ready()
            serial = facts.serial
            await self.allowed(serial)
            made = await held.run(work)
        except Fault as fault:
            self._trouble = _as_psam(fault)
            self._trouble.psam = serial
            raise self._trouble from None
        self._trouble = None
        return made, serial, held

    def _awake(self) -> None:
        if self._rest is not None and self._rest.active():
            self._rest.cancel()

    def _let_go(self) -> None:
        if self._held is not None:
            self._held.close("resting")

    async def _ready(self) -> tuple[psam.PsamFacts, HeldCard]:
        """The PSAM as it lies powered in its slot; after any loss it is found anew, by its serial."""
        if self._held is not None and self._held.gone is None and self._facts is not None:
            if self._reactor.seconds() - self._since < RENEW_S:
                return self._facts, self._held
            await self._held.closed()
        names = [one.name for one in self._readers.statuses() if self.is_its(one.name) and one.state != "absent"]
        if not names:
            raise Fault("psam.absent", "no reader of [card_keys] psam_reader is there")
        held = HeldCard(names[0], self._reactor)
        facts = await held.begin(self._readers, lambda exchange, _: psam.facts(exchange), KEPT_S)
        self._held, self._facts, self._since = held, facts, self._reactor.seconds()
        log.info("psam_found", reader=held.reader, serial=facts.serial)
        return facts, held


async def _anybody(_serial: str) -> None:
    """Where nobody keeps a register."""


def _as_psam(fault: Fault) -> Fault:
    """What is wrong with the PSAM's own reader is not said of the holder's card."""
    if fault.code in {"card.absent", "reader.unknown", "reader.gone", "card.unsupported"}:
        return Fault("psam.absent", f"{fault.code} {fault.detail}".strip())
    if ends(fault) or fault.code in {"card.malformed", "card.status_word"}:
        return Fault("psam.failed", f"{fault.code} {fault.detail}".strip())
    return fault
