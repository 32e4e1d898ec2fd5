"""A bill's lines beside the downloaded catalogues, before it is quoted: remarks, or a refusal where the region wants it."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from middleware.domain.catalogue import CATALOGUES, CatalogueRules, Use
from middleware.domain.charge import ChargeLine
from middleware.domain.fault import Fault
from middleware.domain.remark import MAX_REMARKS, REFUSABLE, Remark
from middleware.domain.visit import Visit
from middleware.engine.runner import Means
from middleware.flow.remarks import Found, remarks
from middleware.store.catalogue import Catalogues

log = structlog.get_logger()

_ASKED = frozenset({Use.ITEMS, Use.LIMITS, Use.MAPPING, Use.VALUES})
MAX_NAMED = 200  # characters of a refusal's detail


class ItemCheck:
    """One look into the store a quote. Where nothing is offered nothing is asked."""

    def __init__(self, means: Means, store: Catalogues, rules: CatalogueRules) -> None:
        self._means = means
        self._store = store
        self._rules = rules
        self._names = [name for name in rules.offered if CATALOGUES[name].use in _ASKED]

    async def of(self, visit: Visit, lines: Sequence[ChargeLine]) -> tuple[Remark, ...]:
        """What the catalogues say against the lines. Raises ``catalogue.refused_item`` where the region has it refused.

        What cannot be looked up is no reason to refuse a quote, except where looking is what the region wants.
        """
        if not self._names:
            return ()
        try:
            found = await self._means.pool.run(self._looked_up, visit, lines)
        except Fault as fault:
            if self._rules.refuse_unknown:
                raise
            log.warning("catalogue.not_asked", code=fault.code)
            return ()
        if self._rules.refuse_unknown:
            _refuse([one for one in found if one.kind in REFUSABLE])
        return found[:MAX_REMARKS]

    def _looked_up(self, visit: Visit, lines: Sequence[ChargeLine]) -> tuple[Remark, ...]:
        values = {"med_type": visit.order.med_type, "insutype": visit.insurance}
        told = self._store.lists(values.keys())
        asked = {name: code for name, code in values.items() if name in told}
        codes = {code for line in lines for code in (line.catalogue_code, line.hospital_code)} | set(asked.values())
        found: Found = self._store.find(self._names, codes)
        return remarks(lines, asked, found, self._rules.offered, self._means.now().date())


def _refuse(against: Sequence[Remark]) -> None:
    if against:
        named = ", ".join(f"{one.line_id} {one.kind}" for one in against)
        raise Fault("catalogue.refused_item", named if len(named) <= MAX_NAMED else f"{named[:MAX_NAMED]} ...")
