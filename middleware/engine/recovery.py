"""What a start finds of an earlier life: nothing stays in flight that nobody is waiting for (invariant 9)."""

from __future__ import annotations

import structlog

from middleware.domain.event import DaemonRestarted
from middleware.domain.visit import IN_FLIGHT
from middleware.engine.runner import Engine

log = structlog.get_logger()


async def recover(engine: Engine) -> int:
    """Mark what was in flight as unknown, re-arm what is due; how many visits were looked at. Before any door opens."""
    visits = await engine.means.pool.run(engine.means.reader.busy_visits)
    for visit in visits:
        if visit.awaiting is not None:
            await engine.apply(visit.visit_id, DaemonRestarted())
        for settlement in visit.settlements:
            if settlement.awaiting is not None or settlement.state in IN_FLIGHT:
                await engine.apply(visit.visit_id, DaemonRestarted(settlement.settlement_id))
            elif settlement.next_due is not None:
                engine.wake_at(visit.visit_id, settlement.settlement_id, settlement.next_due)
    log.info("engine.recovered", visits=len(visits))
    return len(visits)
