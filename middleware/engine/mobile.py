"""What the channel of mobile payment says by itself (6302): it finds its order, is written down, and is then answered.

It decides nothing. It is why the order is asked about now, and the answer to that is what counts.
"""

from __future__ import annotations

import structlog

from middleware.domain.event import OrderNoticed
from middleware.domain.fault import Fault
from middleware.domain.mobile import OrderStands
from middleware.domain.visit import SettlementState
from middleware.engine.runner import Engine
from middleware.flow.mobile import MAX_NOTICES
from middleware.store.statements import Statements

log = structlog.get_logger()

# Where a notice is why something is done; elsewhere what it says is known, or about to be.
_MOVED = frozenset({SettlementState.ORDERED, SettlementState.UNKNOWN, SettlementState.REVERSED, SettlementState.REFUSED})


class MobileNotices:
    """Takes genuine notices; whether one is genuine the edge has said."""

    def __init__(self, engine: Engine, store: Statements) -> None:
        self._engine = engine
        self._store = store

    async def taken(self, notice: OrderStands) -> None:
        """Return when it is durable. ``mobile.unknown_order`` for an order that is none of ours, or no longer."""
        pool = self._engine.means.pool
        found = (await pool.run(self._store.messages, (notice.our_number,))).get(notice.our_number)
        visit = await self._engine.visits.visit(found.visit_id) if found is not None and found.settlement_id else None
        settlement = visit.settlement(found.settlement_id) if visit is not None and found is not None else None
        order = settlement.mobile if settlement is not None else None
        if found is None or order is None or order.our_number != notice.our_number or order.number != notice.order_number:
            log.error("mobile.stray_notice", message_id=notice.our_number)
            raise Fault("mobile.unknown_order")
        if settlement is None or settlement.state not in _MOVED or order.noticed >= MAX_NOTICES:
            return  # heard before, or too late to tell anything: it need not come again
        event = OrderNoticed(found.settlement_id, notice.order_number, notice.amounts)
        await self._engine.apply(found.visit_id, event)
