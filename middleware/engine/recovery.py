"""What a start finds of an earlier life: nothing stays in flight that nobody is waiting for (invariant 9)."""

from __future__ import annotations

import structlog

from middleware.domain.event import DaemonRestarted
from middleware.domain.outcome import Unknown
from middleware.domain.visit import IN_FLIGHT
from middleware.engine.runner import Engine
from middleware.engine.writing import label
from middleware.store.units import Ending, Unit

log = structlog.get_logger()


async def recover(engine: Engine) -> int:
    """Mark what was in flight as unknown, re-arm what is due; how many visits were looked at. Before any door opens."""
    means = engine.means
    visits = await means.pool.run(means.reader.busy_visits)
    for visit in visits:
        if visit.awaiting is not None:
            await engine.apply(visit.visit_id, DaemonRestarted())
        for settlement in visit.settlements:
            if settlement.awaiting is not None or settlement.state in IN_FLIGHT:
                await engine.apply(visit.visit_id, DaemonRestarted(settlement.settlement_id))
            elif settlement.next_due is not None:
                engine.wake_at(visit.visit_id, settlement.settlement_id, settlement.next_due)
    # Last, for the visits' own marks must be durable first; until then the next start finds these again.
    unended = await means.pool.run(means.reader.unended_messages, means.journal.epoch)
    endings = tuple(Ending(message_id, label(Unknown("crash")), means.now()) for message_id in unended)
    if endings:
        await means.journal.commit(Unit(endings=endings))
    log.info("engine.recovered", visits=len(visits), messages=len(endings))
    return len(visits)
