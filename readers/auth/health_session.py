"""A resident health card read through the PSAM: held powered from step to step, identity first, then emergency data."""

from __future__ import annotations

from typing import Any

import structlog
from attrs import evolve

from middleware.domain.card import CardRead, Emergency
from middleware.domain.fault import Fault
from readers.apdu import Exchange
from readers.auth import commands, health
from readers.auth.holding import HeldCard, Procedure, T, Usable, ends
from readers.auth.psam_link import Psam
from readers.cards import health_read
from readers.cards.declaration import Environment
from readers.cards.health import CLINICAL, DDF1
from readers.cards.social_security_read import CardContext

log = structlog.get_logger()


async def read_health_card(readers: Usable, reader: str, reactor: Any, psam: Psam, limit_s: float) -> CardRead:
    """One checked identity with the serial of the PSAM that opened it; the card is let go, reset, whatever comes.

    Emergency data that cannot be read keeps nobody from an identity: its ``fault`` says why. Raises what opening a card, a
    PSAM and a reading raise; ``card.session_gone`` when the card is lost on the way.
    """
    held = HeldCard(reader, reactor)
    card = await held.begin(readers, health_read.opened, limit_s)
    try:

        def whole(exchange: Exchange, context: CardContext) -> CardRead:
            reading = health_read.identity(exchange, context, card)
            if reading.warnings:
                log.warning("card_odd", reader=reader, warnings=list(reading.warnings))
            return reading.card

        read, serial = await _proved(held, psam, card, DDF1, whole)
        try:
            found, _ = await _proved(held, psam, card, CLINICAL, lambda exchange, _: health_read.emergency(exchange))
        except Fault as fault:
            if ends(fault):
                raise
            log.warning("card_emergency_unread", reader=reader, fault=fault.code)
            found = Emergency(fault=fault.code)
        return evolve(read, reader=reader, psam=serial, emergency=found)
    finally:
        await held.closed()


async def _proved(
    held: HeldCard, psam: Psam, card: health_read.OpenedHealth, environment: Environment, work: Procedure[T]
) -> tuple[T, str]:
    """Prove the key of that application, then do the work in the same step, and by whose proof."""
    challenge = await held.run(lambda exchange, _: health.challenged(exchange, card, environment))
    made, serial = await psam.prove_health(challenge)

    def step(exchange: Exchange, context: CardContext) -> T:
        commands.prove_to(exchange, challenge.reference, made)
        return work(exchange, context)

    return await held.run(step), serial
