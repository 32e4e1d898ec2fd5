"""Defects of the adapters' pure parts, of the cards and of the desk to plant, as in ``planted``."""

from __future__ import annotations

import contextlib
import datetime as dt
import re

from attrs import evolve

from adapters.his.hl7v2.faults import outcome_of
from adapters.insurance.exchange import faults, reading
from middleware.domain import event as e
from middleware.domain.fault import Fault
from middleware.domain.order import Caller, Role
from middleware.domain.visit import SettlementState as S
from middleware.engine.cards import CardDesk, _holder
from middleware.engine.gate import Gate
from middleware.engine.runner import Engine
from middleware.flow import visit as flow


def another_persons_reply_is_ours(patch):
    patch.setattr(reading, "echo_visit", lambda row, visit, message_id: None)


def a_reply_without_a_code_is_a_yes(patch):
    patch.setattr(faults, "_SUCCESS", re.compile(r"0*\Z"))


def a_refusal_that_carries_a_settlement_is_a_refusal(patch):
    real = faults.of_code
    patch.setattr(
        faults, "of_code", lambda call, code, message, *, has_settlement: real(call, code, message, has_settlement=False)
    )


def a_missing_amount_is_nothing(patch):
    patch.setattr(reading, "_INDISPENSABLE", ())


def cash_is_read_as_the_account(patch):
    real = reading._split

    def planted(*args):
        split = real(*args)
        return evolve(split, cash=split.account, account=split.cash)

    patch.setattr(reading, "_split", planted)


def any_acknowledgement_is_a_yes(patch):
    patch.setattr("daemon.simulate.letters.outcome_of", lambda ack: outcome_of(evolve(ack, code="AA")))


def a_pulled_card_is_the_one_before(patch):
    real = CardDesk.read

    async def planted(self, caller, reader):
        try:
            answer = await real(self, caller, reader)
        except Fault:
            if not hasattr(self, "last"):
                raise
            self._keep("D-again", evolve(self.last, account=caller.account))
            return {"card_read_id": "D-again"}
        self.last = self._kept[answer["card_read_id"]]
        return answer

    patch.setattr(CardDesk, "read", planted)


def a_card_read_is_good_as_often_as_it_is_shown(patch):
    @contextlib.contextmanager
    def planted(self, caller, card_read_id):
        if card_read_id not in self._kept:
            raise Fault("card.read_expired")
        yield _holder(self._kept[card_read_id].read)

    patch.setattr(CardDesk, "used", planted)


SOMEBODY = Caller(Role.OPERATOR, "somebody-else", "desk")


def one_person_is_enough_at_the_desk(patch):
    for rows in (flow.SETTLEMENT_ROWS, flow.PAYER_ROWS):
        moves = rows[e.ManualApproved].moves
        for state, real in list(moves.items()):

            def planted(s, event, at, visit, real=real):
                open_ = s.proposal is not None and s.proposal.proposed_by == event.caller.account
                return real(s, evolve(event, caller=SOMEBODY) if open_ else event, at, visit)

            patch.setitem(moves, state, planted)


def what_is_stale_is_approved(patch):
    for rows in (flow.SETTLEMENT_ROWS, flow.PAYER_ROWS):
        moves = rows[e.ManualApproved].moves
        for state, real in list(moves.items()):

            def planted(s, event, at, visit, real=real):
                digest = s.proposal.digest if s.proposal is not None else event.proposal
                return real(s, evolve(event, proposal=digest), at, visit)

            patch.setitem(moves, state, planted)


def what_an_earlier_life_wrote_is_never_old_enough(patch):
    patch.setattr(Engine, "_since", lambda self, visit_id, version, now: now)


def a_decision_by_hand_is_forgotten(patch):
    moves = flow.SETTLEMENT_ROWS[e.ManualApproved].moves
    real = moves[S.MANUAL]

    def planted(s, event, at, visit):
        done = real(s, event, at, visit)
        return type(done)(evolve(done.state, state=S.MANUAL, next_due=at.now + dt.timedelta(days=1)))

    patch.setitem(moves, S.MANUAL, planted)


def a_lost_card_is_not_asked_about_again(patch):
    async def planted(self, caller, holder, settlement_id): ...

    patch.setattr(Gate, "before_money", planted)


ALL = (
    another_persons_reply_is_ours,
    a_reply_without_a_code_is_a_yes,
    a_refusal_that_carries_a_settlement_is_a_refusal,
    a_missing_amount_is_nothing,
    cash_is_read_as_the_account,
    any_acknowledgement_is_a_yes,
    a_pulled_card_is_the_one_before,
    a_card_read_is_good_as_often_as_it_is_shown,
    one_person_is_enough_at_the_desk,
    what_is_stale_is_approved,
    what_an_earlier_life_wrote_is_never_old_enough,
    a_decision_by_hand_is_forgotten,
    a_lost_card_is_not_asked_about_again,
)
