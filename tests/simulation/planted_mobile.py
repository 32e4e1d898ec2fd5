"""Defects of mobile payment to plant, as in ``planted``."""

from __future__ import annotations

from attrs import evolve

from middleware.domain import event as e
from middleware.domain.visit import SettlementState as S
from middleware.flow import cancel, mobile, ordering, settlement
from middleware.flow import visit as flow
from middleware.flow.step import Step

ROWS = flow.SETTLEMENT_ROWS


def an_order_whose_time_is_over_is_forgotten(patch):
    def planted(s, event, at, visit):
        return Step(evolve(s, state=S.REVERSED, next_due=None, unknown_call=None))

    patch.setattr(mobile, "_give_back", planted)


def a_lost_refund_is_asked_for_again_at_once(patch):
    for state in (S.CANCEL_INTENDED, S.CANCEL_SENT):
        patch.setitem(ROWS[e.CancelUnanswered].moves, state, lambda s, event, at, visit: cancel.intend(s, "", at, visit))


def while_an_order_waits_the_window_settles_too(patch):
    def planted(s, event, at, visit):
        return settlement.send(evolve(s, mobile=None, next_due=None), at, visit)

    patch.setitem(ROWS[e.SettleConfirmed].moves, S.ORDERED, planted)


def an_order_that_rests_wakes_nobody(patch):
    patch.setattr(ordering, "rest", lambda s, when, real=ordering.rest: Step(real(s, when).state))


def an_order_without_an_answer_is_called_unpaid(patch):
    def planted(s, event, at, visit):
        return Step(evolve(ordering.dropped(s), state=S.QUOTED))

    for state in (S.SETTLE_INTENDED, S.SETTLE_SENT):
        patch.setitem(ROWS[e.SettleUnanswered].moves, state, planted)


# With the seed that is tried first.
ALL = {
    an_order_whose_time_is_over_is_forgotten: 3,
    while_an_order_waits_the_window_settles_too: 4,
    an_order_that_rests_wakes_nobody: 1,
    an_order_without_an_answer_is_called_unpaid: 1,
    a_lost_refund_is_asked_for_again_at_once: 1,
}
