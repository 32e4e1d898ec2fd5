"""A card, a PSAM and an HSM without a reader: the pure steps over virtual cards."""

from __future__ import annotations

import datetime as dt

import attrs

from middleware.domain.card_key import HOLDER_KEY, KeyAsk, KeyProof, OpenedCard
from readers.atr import historical_bytes
from readers.auth import card as steps
from readers.auth import commands, psam
from readers.cards.social_security_read import CardContext
from simulators.card.psam import PsamCard, PsamFaults
from simulators.card.secure import KeyFaults, SecureCard
from simulators.people import PEOPLE

TODAY = dt.date(2026, 3, 2)


def secure(
    person: str = "third-generation", faults: KeyFaults | None = None, version: str = "", seed: int = 1
) -> SecureCard:
    who = PEOPLE[person]
    if version:
        who = attrs.evolve(who, spec_version=version)
    return SecureCard(who, faults, seed=seed)


def context(card: SecureCard) -> CardContext:
    return CardContext("reader", historical_bytes(card.atr).hex().upper(), TODAY)


def opened(card: SecureCard) -> OpenedCard:
    card.reset()
    return steps.opened(card.answer, context(card))


def psam_proof(asked: steps.Asked, faults: PsamFaults | None = None) -> KeyProof:
    return psam.proof(PsamCard(faults).answer, asked.challenge, psam.Terms())


def authenticated(card: SecureCard, ask: KeyAsk = HOLDER_KEY, faults: PsamFaults | None = None) -> OpenedCard:
    known = opened(card)
    asked = steps.challenged(card.answer, known, ask)
    answer = psam_proof(asked, faults)
    steps.check_internal(asked, answer)
    commands.prove_to(card.answer, ask.reference, answer.external)
    return known
