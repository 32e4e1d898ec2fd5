"""What the HIS calls its departments, staff and charge items: shown, and used where somebody left it out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from attrs import asdict, evolve

from middleware.domain.fault import Fault
from middleware.domain.kind import VisitKind
from middleware.domain.masters import MasterFacts, MasterKind, completed
from middleware.domain.order import Caller, RegisterOrder
from middleware.domain.told import NEEDED
from middleware.engine.counter import Answer
from middleware.engine.runner import Means
from middleware.store.codec import encode
from middleware.store.his_charges import Stored
from middleware.store.his_masters import HisMasters, Master
from middleware.store.units import Record, Unit

_NAMED = {
    VisitKind.OUTPATIENT: ("department_name", "specialty", "doctor_name"),
    VisitKind.INPATIENT: ("department_name", "doctor_name"),
}


class NameRule(StrEnum):
    """What a registration's department and doctor are held to."""

    FILL = "fill"  # a name that is left out is the HIS's own
    CHECK = "check"  # and a code must be in use at the HIS, a name must be the HIS's


class MasterDesk:
    """What people and front ends see of the registers."""

    def __init__(self, means: Means) -> None:
        self._means = means

    async def show(self, caller: Caller, kind: MasterKind, code: str, reason: str) -> Answer:
        """One record, of each link, with all that was said of it; the look is journalled, for staff have phones and papers.

        Raises ``request.not_found``.
        """
        means, now = self._means, self._means.now()
        rows = await means.pool.run(means.reader.his_masters.by_code, kind, code, now)
        body = {"role": str(caller.role), "account": caller.account, "kind": str(kind), "found": len(rows)}
        await means.journal.commit(Unit(records=(Record(now, "", "", "HisMasterShown", "", "", encode(body), reason),)))
        if not rows:
            raise Fault("request.not_found", f"no {kind} by that code")
        return {
            "rows": [
                _view(one) | {"said": [{"place": place, "value": text} for place, text in one.facts.said]} for one in rows
            ]
        }

    async def list(self, kind: MasterKind, code: str, after: str, limit: int) -> Answer:
        """Records as they stand now; ``code``: those with that code, of each link."""
        run, masters, now = self._means.pool.run, self._means.reader.his_masters, self._means.now()
        if code:
            rows = await run(masters.by_code, kind, code, now)
        else:
            link, _, digest = after.partition("/")
            rows = await run(masters.page, kind, (link, digest), limit, now)
        return {
            "rows": [_view(one) for one in rows],
            "next_after": f"{rows[-1].link}/{rows[-1].digest}" if rows else after,
            "complete": bool(code) or len(rows) < limit,
        }


def _view(one: Master) -> Answer:
    return {
        "link": one.link,
        "kind": str(one.kind),
        "code": one.code,
        "state": str(one.state),
        "version": one.version,
        "effective_at": one.effective_at,
        "inbox": one.sequence,
        **asdict(one.facts, filter=lambda member, _: member.name != "said"),
    }


async def named(means: Means, order: RegisterOrder, rule: NameRule) -> RegisterOrder:
    """The order with the names that the HIS gives its codes, where they were left out and no two links differ.

    Raises ``his.master_unknown`` and ``his.master_differs`` by the rule ``CHECK``, for registers that the HIS told of.
    """
    run, masters, now = means.pool.run, means.reader.his_masters, means.now()
    changes: dict[str, Any] = {}
    for kind, member in ((MasterKind.DEPARTMENT, "department"), (MasterKind.STAFF, "doctor")):
        code, name = getattr(order, f"{member}_code"), getattr(order, f"{member}_name")
        unsaid = kind is MasterKind.DEPARTMENT and order.kind is VisitKind.OUTPATIENT and not order.specialty
        if not code or (name and rule is NameRule.FILL and not unsaid):
            continue
        facts: MasterFacts | None = await run(masters.one, kind, code, now)
        if rule is NameRule.CHECK and await run(masters.has, kind):
            if facts is None:
                raise Fault("his.master_unknown", f"params.{member}_code")
            if name and name != facts.name:
                raise Fault("his.master_differs", f"params.{member}_name")
        if facts is not None and not name:
            changes[f"{member}_name"] = facts.name
        if facts is not None and unsaid:
            changes["specialty"] = facts.specialty
    whole = evolve(order, **changes)
    for member in _NAMED.get(order.kind, ()):
        if not getattr(whole, member):
            raise Fault("request.bad_params", f"params.{member}: is required, for no register of the HIS says it")
    return whole


def filled_in(masters: HisMasters, lines: Sequence[Stored], now: dt.datetime) -> tuple[Stored, ...]:
    """What a line lacks and its HIS says in its registers. Blocks: for a reader's thread."""
    seen: dict[tuple[str, MasterKind, str], MasterFacts | None] = {}

    def one(link: str, kind: MasterKind, code: str) -> MasterFacts | None:
        key = (link, kind, code)
        if key not in seen:
            seen[key] = masters.one(kind, code, now, link) if code else None
        return seen[key]

    def whole(stored: Stored) -> Stored:
        if not stored.lacks:
            return stored
        line = stored.line
        item = one(stored.link, MasterKind.ITEM, line.hospital_code)
        department = one(stored.link, MasterKind.DEPARTMENT, line.department_code)
        line = completed(line, item, department, one(stored.link, MasterKind.STAFF, line.doctor_code))
        return evolve(stored, line=line, lacks=tuple(name for name in NEEDED if not getattr(line, name)))

    return tuple(map(whole, lines))
