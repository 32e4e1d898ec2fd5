"""Proving the holder's key on the way: an ``Exchange`` for whoever reads a whole card and knows nothing of keys."""

from __future__ import annotations

from middleware.domain.card_key import HOLDER_KEY
from readers.apdu import Exchange, select_by_name, transmit
from readers.auth import card as steps
from readers.auth import commands, psam
from readers.cards import social_security as ss
from readers.cards.declaration import Access
from readers.cards.social_security_read import FREE_ONLY, CardContext


def proving(
    exchange: Exchange, context: CardContext, psam_exchange: Exchange, terms: psam.Terms
) -> tuple[Exchange, frozenset[Access]]:
    """The exchange to read by, and what it grants.

    On a card whose holder is behind RKSSSE each SELECT of the environment is followed by the proof, since a SELECT may take
    rights away. Raises what opening a card and asking a PSAM raise.
    """
    known = steps.opened(exchange, context)
    if not known.needs_key:
        return exchange, FREE_ONLY
    select = select_by_name(ss.SSSE.name).encode()

    def proved(command: bytes) -> bytes:
        if command != select:
            return exchange(command)
        # The whole answer at once: a card of T=0 would forget what it has still to give during the proof.
        answer = transmit(exchange, select_by_name(ss.SSSE.name)).encode()
        asked = steps.challenged(exchange, known, HOLDER_KEY)
        proof = psam.proof(psam_exchange, asked.challenge, terms)
        steps.check_internal(asked, proof)
        commands.prove_to(exchange, HOLDER_KEY.reference, proof.external)
        return answer

    return proved, steps.WITH_KEY
