"""Defects of debits on cards: what is made of no answer, and of what the card shows afterwards."""

from __future__ import annotations

from middleware.domain.card_debit import DebitState
from middleware.engine import card_debit
from middleware.engine.card_debit import CardDebiting
from middleware.store import card_debits


def _ended(patch, unanswered):
    """What nobody knows is called this instead."""
    real = CardDebiting._end

    async def end(self, caller, debit_id, state, **facts):
        await real(self, caller, debit_id, unanswered if state is DebitState.UNKNOWN else state, **facts)

    patch.setattr(CardDebiting, "_end", end)


def an_unanswered_debit_is_done(patch):
    _ended(patch, DebitState.DONE)


def an_unanswered_debit_was_not_done(patch):
    _ended(patch, DebitState.NOT_DONE)


def whatever_changed_on_the_card_was_our_debit(patch):
    def judged(order, terminal, at, before, after):
        return DebitState.NOT_DONE if after == before else DebitState.DONE

    patch.setattr(card_debit, "judged", judged)


def a_card_that_cannot_be_judged_did_nothing(patch):
    real = card_debit.judged
    patch.setattr(card_debit, "judged", lambda *seen: real(*seen) or DebitState.NOT_DONE)


def an_open_debit_does_not_stop_the_next(patch):
    def intend(row):
        return lambda connection: connection.execute(card_debits.sa.insert(card_debits.t.card_debit).values(**row))

    patch.setattr(card_debits, "intend", intend)
    patch.setattr(card_debits.CardDebits, "of_card", lambda self, card: [])


# With the seed on which each shows first.
ALL = {
    an_unanswered_debit_is_done: 3,
    an_unanswered_debit_was_not_done: 3,
    whatever_changed_on_the_card_was_our_debit: 9,
    a_card_that_cannot_be_judged_did_nothing: 3,
    an_open_debit_does_not_stop_the_next: 3,
}
