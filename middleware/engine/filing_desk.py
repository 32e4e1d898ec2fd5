"""Filings as callers see them: an answer, or the fault that says what is known instead; and what an operator decides."""

from __future__ import annotations

from typing import Protocol

from middleware.domain.fault import Fault
from middleware.domain.filing import About, Facts, FilingState
from middleware.domain.order import Caller
from middleware.engine.counter import Answer
from middleware.engine.enquiry import EnquiryDesk
from middleware.engine.filing import Filer
from middleware.engine.open_count import OpenCount
from middleware.engine.runner import Engine
from middleware.store import filings
from middleware.store.codec import encode
from middleware.store.filings import Filing
from middleware.store.units import Record, Unit

PART = "filings"


class Filings(Protocol):
    """What the door asks; every method raises ``Fault``. ``key`` is the caller's request_id, as of ``Counter``."""

    async def file(self, caller: Caller, key: str, about: About, facts: Facts) -> Answer:
        """File it, once. ``filing.unknown`` when the centre gave no clear answer: the same request establishes it."""

    async def withdraw(self, caller: Caller, key: str, filing_id: str, reason: str) -> Answer:
        """Take it back, once."""

    async def get(self, caller: Caller, *, filing_id: str = "", request_id: str = "") -> Answer:
        """What is known of it, whatever that is; asks nobody."""

    async def list(self, after: str, limit: int, *, every: bool) -> Answer:
        """Those in doubt, the oldest first; or all."""

    async def resolve(self, caller: Caller, filing_id: str, number: str, reference: str, *, done: bool) -> Answer:
        """A person saw at the centre what is true; also the number that nobody knew. Journalled."""


class FilingDesk(OpenCount):
    """Implements ``Filings``, and is the part ``filings`` of the daemon's health."""

    def __init__(self, engine: Engine, enquiries: EnquiryDesk) -> None:
        self._store = engine.means.reader.filings
        super().__init__(engine.means, PART, "filing.open", self._store.in_doubt)
        self._filer = Filer(engine, enquiries)
        self._filer.changed = self.kick

    async def file(self, caller: Caller, key: str, about: About, facts: Facts) -> Answer:
        """See ``Filings.file``."""
        return await self._answer(await self._filer.file(caller, key, about, facts))

    async def withdraw(self, caller: Caller, key: str, filing_id: str, reason: str) -> Answer:
        """See ``Filings.withdraw``."""
        return await self._answer(await self._filer.withdraw(caller, key, filing_id, reason))

    async def get(self, caller: Caller, *, filing_id: str = "", request_id: str = "") -> Answer:
        """See ``Filings.get``."""
        if bool(filing_id) is bool(request_id):
            raise Fault("request.bad_params", "params: exactly one of filing_id and request_id")
        if filing_id:
            return _view(await self._means.pool.run(self._store.one, filing_id))
        found = await self._means.pool.run(self._store.by_key, caller.account, request_id)
        if found is None:
            raise Fault("request.not_found", "no filing under this request_id")
        return _view(found)

    async def list(self, after: str, limit: int, *, every: bool) -> Answer:
        """See ``Filings.list``."""
        rows = await self._means.pool.run(self._store.page, after, limit, every=every)
        return {
            "rows": [_view(row) for row in rows],
            "next_after": rows[-1].filing_id if rows else after,
            "complete": len(rows) < limit,
        }

    async def resolve(self, caller: Caller, filing_id: str, number: str, reference: str, *, done: bool) -> Answer:
        """See ``Filings.resolve``."""
        one = await self._means.pool.run(self._store.one, filing_id)
        if filing_id in self._filer.flying:
            raise Fault("system.busy", "it is on its way")
        if not one.open:
            if not (done and number and one.state is FilingState.DONE and not one.number):
                raise Fault("desk.stale", "the filing is certain")
            work = filings.numbered(filing_id, number)
        else:
            if not done and not self._filer.limit_passed(one):
                raise Fault("filing.unknown", "the centre may still carry it out")
            state = FilingState.DONE if done else FilingState.DECLINED
            told = {"number": number} if number else {}
            ended = self._means.now().isoformat()
            work = filings.end(one, one.message_id, state=str(state), why="desk", ended_at=ended, **told)
        now, after = self._means.now(), FilingState.DONE if done else FilingState.DECLINED
        body = encode({"filing_id": filing_id, "account": caller.account, "number": number, "done": done})
        record = Record(now, "", "", "FilingResolved", str(one.state), str(after), body, reference)
        await self._means.journal.commit(Unit(records=(record,), now=now, work=work))
        self.kick()
        return _view(await self._means.pool.run(self._store.one, filing_id))

    async def _answer(self, one: Filing) -> Answer:
        """It is done, or the fault that says what is known instead; the same for every repeat."""
        match one.state:
            case FilingState.DONE:
                return _view(one)
            case FilingState.DECLINED:
                words = await self._means.pool.run(self._store.words, one.filing_id)
                raise Fault("centre.refused", f"{one.filing_id} {one.why}", foreign=words)
            case FilingState.NOT_SENT:
                raise Fault(one.why, one.filing_id)
        raise Fault("filing.unknown", f"{one.filing_id} {one.why}".strip())


def _view(one: Filing) -> Answer:
    view: Answer = {
        "filing_id": one.filing_id,
        "kind": str(one.kind),
        "state": str(one.state),
        "withdraws": one.undoes,
        "withdrawn": one.withdrawn,
        "number": one.number,
        "why": one.why,
        "message_id": one.message_id,
        "attempts": one.attempts,
        "visit_id": one.visit_id,
        "account": one.account,
        "terminal": one.terminal,
        "made_at": one.made_at,
    }
    return view | ({"ended_at": one.ended_at} if one.ended_at else {})
