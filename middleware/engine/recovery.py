"""What the dead left: nothing stays in flight that nobody is waiting for (invariant 9), nothing due that nobody pursues."""

from __future__ import annotations

from functools import partial

import structlog

from middleware.domain.event import DaemonRestarted
from middleware.domain.outcome import Unknown
from middleware.domain.payment import LEG_IN_FLIGHT
from middleware.domain.visit import IN_FLIGHT, Settlement, Visit
from middleware.engine.runner import Engine
from middleware.engine.tasks import together
from middleware.engine.writing import NOTHING, Extra, label
from middleware.store.nodes import Claimed
from middleware.store.units import Ending, StaleError, Unit
from middleware.store.writer import Writer

log = structlog.get_logger()

PAGE = 256


async def recover(engine: Engine, *, mine: bool = False) -> bool:
    """Claim what lives that are over had in hand: in flight becomes unknown, due times are armed; whether that was all.

    At a start it comes before any door opens. ``mine``: with what this life has claimed already, when it is not known
    whether that was written. Raises ``Fault`` when the database does not take it.
    """
    means = engine.means
    after, looked, found = "", 0, list[Visit]()
    while True:
        since = means.now().isoformat()
        page = await means.journal.run(partial(Writer.claim, since=since, after=after, limit=PAGE, mine=mine))
        # Side by side, so that a page is a few commits and not a commit a visit.
        seen = await engine.visits.reload([claimed.visit_id for claimed in page])
        taken = await together([_take(engine, claimed, *seen[claimed.visit_id]) for claimed in page])
        found += [visit for visit in taken if visit is not None]
        looked += len(page)
        if len(page) < PAGE:
            break
        after = page[-1].visit_id
    # Only now: what is due would compete with those who still wait to be looked at, and with the doors.
    for visit in found:
        engine.wake_all(visit)
    # Last, for the visits' own marks must be durable first; until then whoever looks next finds these again.
    whole = await means.journal.run(partial(Writer.clear, at=means.now().isoformat()))
    log.info("engine.recovered", visits=looked, whole=whole)
    return whole


async def _take(engine: Engine, claimed: Claimed, visit: Visit, version: int) -> Visit | None:
    """One visit, as it is then; None when something wrote it since, a late answer perhaps: then the next look decides."""
    if version != claimed.version:
        return None
    errands = {errand.errand_id for errand in visit.errands}
    unheard = dict(claimed.dead)
    for subject in _in_flight(visit):
        if subject in claimed.flying:
            continue
        extra = NOTHING
        if ids := unheard.pop(subject, ()):
            extra = Extra(ending=_crashed(ids[0], engine))
            unheard[subject] = ids[1:]
        try:
            found = DaemonRestarted(errand_id=subject) if subject in errands else DaemonRestarted(subject)
            visit = await engine.apply(claimed.visit_id, found, extra, only=version, arm=False)
        except StaleError:
            return visit if version != claimed.version else None  # what we wrote ourselves is still to be armed
        version += 1
    if rest := tuple(_crashed(message_id, engine) for ids in unheard.values() for message_id in ids):
        await engine.means.journal.commit(Unit(endings=rest, epoch=engine.means.journal.epoch))
    return visit


def _crashed(message_id: str, engine: Engine) -> Ending:
    return Ending(message_id, label(Unknown("crash")), engine.means.now())


def _in_flight(visit: Visit) -> list[str]:
    """Of what somebody waits for an answer: settlements, errands, and "" for the visit itself."""
    flying = [""] if visit.awaiting is not None else []
    flying += [errand.errand_id for errand in visit.errands if errand.awaiting is not None]
    return flying + [s.settlement_id for s in visit.settlements if _flies(s)]


def _flies(settlement: Settlement) -> bool:
    legs = any(leg.state in LEG_IN_FLIGHT for leg in settlement.legs)
    return legs or settlement.awaiting is not None or settlement.state in IN_FLIGHT
