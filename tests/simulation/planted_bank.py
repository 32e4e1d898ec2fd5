"""Defects of the payer's leg to plant, as in ``planted.py``."""

from __future__ import annotations

from attrs import evolve

from middleware.domain import event as e
from middleware.domain.payment import BankCall, BankReply, LegState
from middleware.domain.payment_event import BankAgreed, BankRefused, BankUnanswered
from middleware.domain.visit import SettlementState as S
from middleware.engine import payments
from middleware.flow import payer, paying
from middleware.flow import visit as flow
from middleware.flow.step import Step

L = LegState
ROWS = flow.PAYER_ROWS


def _move(patch, event, states, move):
    for state in states:
        patch.setitem(ROWS[event].moves, state, move)


def a_hold_is_captured_before_the_2207(patch):
    real = payer.held

    def planted(leg, event, at, settlement):
        held = real(leg, event, at, settlement)
        return payer.take(held.state, held.state.hold.amount, at, settlement)

    _move(patch, BankAgreed, (L.HOLD_INTENDED,), planted)


def an_unanswered_hold_pays(patch):
    def planted(leg, event, at, settlement):
        return Step(evolve(leg, state=L.HELD, held=BankReply("1", "1")))

    _move(patch, BankUnanswered, (L.HOLD_INTENDED,), planted)


def an_unanswered_hold_is_asked_for_again(patch):
    def planted(leg, event, at, settlement):
        return payer.begin(evolve(settlement, legs=settlement.legs[:-1]), leg.hold.amount, leg.card_ref, at)

    _move(patch, BankUnanswered, (L.HOLD_INTENDED,), planted)


def an_unanswered_hold_is_no_hold(patch):
    def planted(leg, event, at, settlement):
        return Step(payer.certain(leg, L.NOT_HELD))

    _move(patch, BankUnanswered, (L.HOLD_INTENDED,), planted)


def a_hold_is_forgotten_when_nothing_is_settled(patch):
    real = paying._follow

    def planted(settlement, leg, at):
        if leg.state is L.HELD and settlement.state in {S.QUOTED, S.REVERSED, S.REFUSED}:
            return Step(payer.certain(leg, L.RELEASED))
        return real(settlement, leg, at)

    patch.setattr(paying, "_follow", planted)


def a_refund_without_an_answer_is_sent_again(patch):
    def planted(leg, event, at, settlement):
        return payer.give_back(leg, at, settlement)

    _move(patch, BankUnanswered, (L.REFUND_INTENDED,), planted)


def a_refund_does_not_wait_for_the_centre(patch):
    real = payer.taken

    def planted(leg, event, at, settlement):
        done = real(leg, event, at, settlement)
        if settlement.state is S.CANCEL_INTENDED or done.state.state is not L.CAPTURED:
            return done
        return payer.give_back(done.state, at, settlement)

    _move(patch, BankAgreed, (L.CAPTURE_INTENDED,), planted)


def a_cancel_is_not_refunded(patch):
    real = paying._follow

    def planted(settlement, leg, at):
        return Step(leg) if leg.state is L.CAPTURED else real(settlement, leg, at)

    patch.setattr(paying, "_follow", planted)


def a_repeated_capture_is_a_new_one(patch):
    real = payer._ask

    def planted(leg, call, at, settlement):
        if call is BankCall.CAPTURE and leg.capture is not None and leg.attempts:
            leg = evolve(leg, capture=evolve(leg.capture, trace=at.trace()))
        return real(leg, call, at, settlement)

    patch.setattr(payer, "_ask", planted)


def an_unanswered_capture_was_taken(patch):
    def planted(leg, event, at, settlement):
        return Step(payer.certain(leg, L.CAPTURED, captured=leg.held))

    _move(patch, BankUnanswered, (L.CAPTURE_INTENDED,), planted)


def not_found_ends_the_reversal_of_a_hold_at_once(patch):
    real = payer.release_refused

    def planted(leg, event, at, settlement):
        return real(leg, event, evolve(at, policy=evolve(at.policy, bank_limit_s=0)), settlement)

    _move(patch, BankRefused, (L.RELEASE_INTENDED,), planted)


def a_reversal_carries_another_amount(patch):
    real = payments.signed_amount
    patch.setattr(payments, "signed_amount", lambda command, leg: real(command, leg) + (command.call is BankCall.REVERSE))


def a_restart_calls_a_hold_in_flight_unsent(patch):
    def planted(leg, event, at, settlement):
        return Step(payer.certain(leg, L.NOT_HELD))

    _move(patch, e.DaemonRestarted, (L.HOLD_INTENDED,), planted)


def a_cards_number_is_kept_for_ever(patch):
    patch.setattr(payments.Payments, "forgotten", staticmethod(lambda before, after: ()))


def a_leg_moves_without_a_record(patch):
    from middleware.engine import writing

    patch.setattr(writing, "_with_legs", lambda body, before, after: body)


ALL = (
    a_hold_is_captured_before_the_2207,
    an_unanswered_hold_pays,
    an_unanswered_hold_is_asked_for_again,
    an_unanswered_hold_is_no_hold,
    a_hold_is_forgotten_when_nothing_is_settled,
    a_refund_without_an_answer_is_sent_again,
    a_refund_does_not_wait_for_the_centre,
    a_cancel_is_not_refunded,
    a_repeated_capture_is_a_new_one,
    an_unanswered_capture_was_taken,
    not_found_ends_the_reversal_of_a_hold_at_once,
    a_reversal_carries_another_amount,
    a_restart_calls_a_hold_in_flight_unsent,
    a_cards_number_is_kept_for_ever,
    a_leg_moves_without_a_record,
)
