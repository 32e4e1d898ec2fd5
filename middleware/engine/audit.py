"""The audit of cards: each act a journal record and a row of the rules' window, durable before anybody hears of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from middleware.domain.audit import EVENTS, MAX_FILES, MAX_WHY, Act, CardAct, Seen
from middleware.domain.card import CardRead
from middleware.domain.centre import Holder
from middleware.domain.order import Caller
from middleware.domain.registry import REFUSED_PSAM
from middleware.engine.identifiers import new_id
from middleware.engine.runner import Means
from middleware.store.audit_window import NOBODY, put_of
from middleware.store.codec import encode
from middleware.store.registers import psam_used
from middleware.store.units import Record, Unit


class Audit:
    """Who did what with which card, where, by which PSAM, and how it ended; without what was read or typed.

    Await :meth:`note` before the caller is answered, for what was done and for what was refused. ``noted`` is called after
    each act that the rules may have something to say of.
    """

    def __init__(self, means: Means) -> None:
        self._means = means
        self.noted: Callable[[], None] = lambda: None

    async def note(self, caller: Caller, act: CardAct, holder: Holder | None = None) -> None:
        """Durable when it returns. Raises ``Fault("system.journal")`` or ``.node``: then the caller hears that instead.

        ``holder`` is whose card it is where no card was read just now, as before a settlement.
        """
        means, now, subject = self._means, self._means.now(), NOBODY
        whose = act.card if act.card is not None else holder
        read = act.card if isinstance(act.card, CardRead) and act.act is Act.READ else None
        if whose is not None:
            subject = await means.pool.run(means.reader.window.subject, whose, now)
        seen = Seen(
            audit_id=new_id(means, "A"),
            at=now,
            act=act.act,
            code=act.code,
            card=subject.card,
            role=caller.role,
            account=caller.account,
            terminal=caller.terminal,
            region=act.card.region_code if act.card is not None else "",
            psam=act.psam,
            differs=read.id_number.differs(read.birth_date, read.sex) if read is not None else (),
        )
        record = Record(now, "", "", EVENTS[act.act][bool(act.code)], "", "", encode(_body(caller, act)))
        looked_at = bool(subject.card or act.psam)
        puts = (put_of(seen, subject),) if looked_at else ()
        work = psam_used(act.psam, now, good=not act.code) if act.psam and _of_psam(act.code) else None
        await means.journal.commit(Unit(records=(record,), now=now, puts=puts, work=work))
        if looked_at:
            self.noted()


def _of_psam(code: str) -> bool:
    """Whether how it ended says something of the PSAM, and not only of the card or of who was to type."""
    return not code or code == "card.key_refused" or (code.startswith("psam.") and code not in REFUSED_PSAM)


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
    reader = "" if act.code == "reader.unknown" else act.reader  # what is no reader's name may be anybody's
    who = {"role": str(caller.role), "account": caller.account, "terminal": caller.terminal, "reader": reader}
    return who | {name: value for name, value in facts.items() if value not in ("", [], None)}
