"""Defects of pursuing an unknown outcome to plant, as in ``planted``."""

from __future__ import annotations

import datetime as dt

from attrs import evolve

from middleware.domain import event as e
from middleware.domain.pursuit import ORDER
from middleware.domain.visit import SettlementState as S
from middleware.flow import pursuit, reversal
from middleware.flow import visit as flow


def weak_evidence_decides(patch):
    """5201 shows a visit and no settlement, so it is called not done."""
    patch.setitem(
        flow.SETTLEMENT_ROWS[e.CentreShowedVisits].moves, S.UNKNOWN, lambda s, event, at, visit: reversal.undone(s)
    )


def the_file_is_skipped(patch):
    patch.setattr(pursuit, "next_file", lambda s, at: None)


def the_limit_in_time_is_forgotten(patch):
    moves = flow.SETTLEMENT_ROWS[e.DueTimePassed].moves
    real, never = moves[S.UNKNOWN], dt.timedelta(days=3650)

    def planted(s, event, at, visit):
        endless = evolve(at, policy=evolve(at.policy, doubt_limit_s=never.total_seconds()))
        known = evolve(s, pursuit=evolve(s.pursuit, until=at.now + never)) if s.pursuit else s
        return real(known, event, endless, visit)

    patch.setitem(moves, S.UNKNOWN, planted)


def every_region_has_the_same_order(patch):
    patch.setattr(pursuit, "order", lambda policy, visit, settlement: ORDER)


def the_wait_for_the_file_wakes_nobody(patch):
    patch.setattr(pursuit, "_rest", lambda s, when, real=pursuit._rest: evolve_due(real(s, when)))


def evolve_due(step):
    return evolve(step, state=evolve(step.state, next_due=None), commands=())


ALL = (
    weak_evidence_decides,
    the_file_is_skipped,
    the_limit_in_time_is_forgotten,
    every_region_has_the_same_order,
    the_wait_for_the_file_wakes_nobody,
)
