"""``settlement.explain``: the split of a bill as people are told it, from the journal and the bill, in both languages."""

from __future__ import annotations

from middleware.domain import benefit
from middleware.domain.charge import ChargeLine
from middleware.domain.fault import Fault
from middleware.domain.kind import VisitKind
from middleware.domain.split import Split
from middleware.domain.visit import Settlement, Visit
from middleware.engine.counter import Answer
from middleware.engine.runner import Engine


async def explained(engine: Engine, visit: Visit, s: Settlement) -> Answer:
    """What was cancelled, else settled, else quoted. ``settlement.wrong_state`` while the centre has told no split."""
    of, split = _newest(s)
    if split is None:
        raise Fault("settlement.wrong_state", "the centre has not said how it splits")
    found, known = await _items(engine, visit, s)
    shown = found[: benefit.MAX_ITEMS]
    certain = of == "quoted" or not s.broken_identities  # a quote that does not add up is none
    zh, en = benefit.receipt(split, shown, certain=certain)
    return {
        "settlement_id": s.settlement_id,
        "visit_id": visit.visit_id,
        "of": of,
        "certain": certain,
        "total": split.total.yuan,
        "balance_after": split.balance_after.yuan,
        "payers": [_part(one) for one in benefit.payers(split)],
        "own": [_part(one) for one in benefit.reasons(split)],
        "items": [_item(one) for one in shown],
        "items_known": known,
        "items_left_off": len(found) - len(shown),
        "receipt": {"zh": list(zh), "en": list(en)},
    }


def _newest(s: Settlement) -> tuple[str, Split | None]:
    if s.cancelled is not None:
        return "cancelled", s.cancelled.split
    if s.settled is not None:
        return "settled", s.settled.split
    return "quoted", s.quoted


async def _items(engine: Engine, visit: Visit, s: Settlement) -> tuple[list[benefit.Item], bool]:
    """Of a bill its own, of a stay those of all its charges, in order; and whether the centre told it by line.

    A pharmacy's are told by the quote, and not at every centre; else no charges are taken without a verdict on each line.
    """
    owners = [one.errand_id for one in visit.charges] if visit.order.kind is VisitKind.INPATIENT else [s.settlement_id]
    means = engine.means
    verdicts = await means.pool.run(means.reader.verdicts, visit.visit_id, owners)
    found: list[benefit.Item] = []
    for owner in owners:
        if owner in verdicts:
            found += benefit.items(verdicts[owner], await _lines(engine, visit.visit_id, owner))
    return found, bool(verdicts) or visit.order.kind is not VisitKind.PHARMACY


async def _lines(engine: Engine, visit_id: str, owner: str) -> tuple[ChargeLine, ...]:
    try:
        return (await engine.visits.bill(visit_id, owner)).lines
    except Fault as fault:
        if fault.code != "person.forgotten":
            raise
        return ()


def _part(part: benefit.Part) -> Answer:
    return {"code": part.code, "zh": part.zh, "en": part.en, "amount": part.amount.yuan}


def _item(item: benefit.Item) -> Answer:
    zh, en = benefit.level_name(item.level)
    return {
        "line_id": item.line_id,
        "name": item.name,
        "level": item.level,
        "zh": zh,
        "en": en,
        "amount": item.amount.yuan,
        "reasons": [_part(one) for one in item.reasons],
    }
