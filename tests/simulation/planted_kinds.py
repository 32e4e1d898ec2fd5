"""Defects of the other kinds of visit to plant, as in ``planted``."""

from __future__ import annotations

from attrs import evolve

from middleware.domain import event as e
from middleware.domain.centre import Call
from middleware.domain.command import CallCentre
from middleware.domain.errand import ErrandState, Matter
from middleware.domain.visit import SettlementState as S
from middleware.flow import errand, registration, requests
from middleware.flow import visit as flow
from middleware.flow.step import Step

SENT = (S.SETTLE_INTENDED, S.SETTLE_SENT)
CANCELLING = (S.CANCEL_INTENDED, S.CANCEL_SENT)


def _where(patch, event, states, call, move):
    """In those states the event of such a call does this instead."""
    moves = flow.SETTLEMENT_ROWS[event].moves
    for state in states:
        real = moves[state]

        def planted(s, happened, at, visit, real=real):
            which = visit.calls.settle if event is e.SettleUnanswered else visit.calls.cancel
            return (move if which is call else real)(s, happened, at, visit)

        patch.setitem(moves, state, planted)


def _again(call):
    def planted(s, event, at, visit):
        message_id = at.message_id()
        return Step(evolve(s, settle_message_id=message_id), (CallCentre(call, message_id, s.settlement_id),))

    return planted


def a_2102_is_treated_as_repeatable(patch):
    _where(patch, e.SettleUnanswered, SENT, Call.PHARMACY_SETTLE, _again(Call.PHARMACY_SETTLE))


def a_2304_is_treated_as_repeatable(patch):
    _where(patch, e.SettleUnanswered, SENT, Call.STAY_SETTLE, _again(Call.STAY_SETTLE))


def a_2305_without_an_answer_is_resolved_as_settled(patch):
    _where(
        patch,
        e.CancelUnanswered,
        CANCELLING,
        Call.STAY_CANCEL,
        lambda s, event, at, visit: Step(evolve(s, state=s.standing)),
    )


def a_2103_without_an_answer_is_resolved_as_settled(patch):
    _where(
        patch,
        e.CancelUnanswered,
        CANCELLING,
        Call.PHARMACY_CANCEL,
        lambda s, event, at, visit: Step(evolve(s, state=s.standing)),
    )


def a_discharge_is_sent_twice(patch):
    real = errand.did

    def planted(one, event, at, visit):
        if one.matter is Matter.DISCHARGE and one.attempts == 1:
            return errand._send(one, at, visit)
        return real(one, event, at, visit)

    patch.setitem(flow.ERRAND_ROWS[e.CentreDidErrand].moves, ErrandState.ASKED, planted)


def a_lost_registration_is_not_in_doubt(patch):
    real = registration._in_doubt
    patch.setattr(registration, "_in_doubt", lambda visit, what: Step(evolve(real(visit, what).state, doubtful=False)))


def _only(done, at):
    return done


def orphans_are_not_looked_for(patch):
    patch.setattr(registration, "_looking", _only)


def a_withdrawal_is_forgotten_by_the_books(patch):
    patch.setattr(
        flow, "_step_errand",
        lambda visit, errand_id, event, at, real=flow._step_errand: _unmarked(real(visit, errand_id, event, at)),
    )  # fmt: skip


def _unmarked(step):
    errands = tuple(evolve(one, withdrawn=False) for one in step.state.errands)
    return Step(evolve(step.state, errands=errands), step.commands)


def a_reversal_names_another_call(patch):
    real = requests._reverse

    def planted(visit, s):
        return evolve(real(visit, s), original_call=Call.SETTLE)

    patch.setattr(requests, "_reverse", planted)


def the_first_insurance_is_taken_whatever_it_pays_for(patch):
    patch.setattr(registration, "preferred", lambda _row, insurances: list(insurances))


def whoever_is_insured_elsewhere_is_told_as_insured_here(patch):
    real = registration._choose

    def planted(order, insurances, at):
        chosen = real(order, insurances, at)
        return evolve(chosen, region="999900") if chosen else None

    patch.setattr(registration, "_choose", planted)


def a_disease_is_not_told(patch):
    real = registration.begin
    patch.setattr(registration, "begin", lambda event, at: _without_disease(real(event, at)))


def _without_disease(step):
    return Step(evolve(step.state, order=evolve(step.state.order, disease=None)), step.commands)


KINDS = (
    the_first_insurance_is_taken_whatever_it_pays_for,
    whoever_is_insured_elsewhere_is_told_as_insured_here,
    a_disease_is_not_told,
    a_2102_is_treated_as_repeatable,
    a_2304_is_treated_as_repeatable,
    a_2305_without_an_answer_is_resolved_as_settled,
    a_2103_without_an_answer_is_resolved_as_settled,
    a_discharge_is_sent_twice,
    a_lost_registration_is_not_in_doubt,
    orphans_are_not_looked_for,
    a_withdrawal_is_forgotten_by_the_books,
    a_reversal_names_another_call,
)
