"""The audit of cards: each act a journal record, durable before anybody hears how it ended."""

from __future__ import annotations

from typing import Any

from middleware.domain.audit import EVENTS, MAX_FILES, MAX_WHY, CardAct
from middleware.domain.order import Caller
from middleware.engine.runner import Means
from middleware.store.codec import encode
from middleware.store.units import Record, Unit


class Audit:
    """Who did what with which card, where, by which PSAM, and how it ended; without what was read or typed.

    Await :meth:`note` before the caller is answered, for what was done and for what was refused.
    """

    def __init__(self, means: Means) -> None:
        self._means = means

    async def note(self, caller: Caller, act: CardAct) -> None:
        """Durable when it returns. Raises ``Fault("system.journal")`` or ``.node``: then the caller hears that instead."""
        record = Record(self._means.now(), "", "", EVENTS[act.act][bool(act.code)], "", "", encode(_body(caller, act)))
        await self._means.journal.commit(Unit(records=(record,)))


def _body(caller: Caller, act: CardAct) -> dict[str, Any]:
    kind, region = (act.card.kind, act.card.region_code) if act.card is not None else (act.kind, "")
    facts: dict[str, Any] = {
        "code": act.code,
        "kind": kind,
        "region": region,
        "psam": act.psam,
        "files": list(act.files[:MAX_FILES]),
        "why": act.why[:MAX_WHY],
        "tries_left": act.tries_left,
    }
    who = {"role": str(caller.role), "account": caller.account, "terminal": caller.terminal, "reader": act.reader}
    return who | {name: value for name, value in facts.items() if value not in ("", [], None)}
