"""Loading a list of lost and blacklisted cards: in parts, with progress, taken whole or refused whole.

What refuses more cards is one person's to do; what refuses fewer needs two. So a list that is *added* counts as soon as all
of it is there, and one that *replaces* what its source said before waits for a second person.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from attrs import define, field

from middleware.domain.card_list import ListedCard, ListRefusedError, read_list
from middleware.domain.fault import Fault
from middleware.domain.order import Caller
from middleware.domain.registry import ListState, Matter
from middleware.engine.counter import Answer
from middleware.engine.identifiers import new_id
from middleware.engine.registry import INSTALL, proposal_view
from middleware.engine.runner import Means
from middleware.store import registers
from middleware.store.codec import encode
from middleware.store.registers import Change, Proposed, Work
from middleware.store.units import Record, Unit

ADD, REPLACE = "add", "replace"


@define
class _Loading:
    """The import that is under way here; of several there is one."""

    list_id: str
    source: str
    mode: str
    account: str
    expected: int
    next_line: int = 1
    busy: bool = False
    digest: Any = field(factory=hashlib.sha256)


class CardLists:
    """``max_rows`` is the bound of one list. A daemon that stops in the middle has taken nothing.

    ``changed`` is called when a list counts from now on.
    """

    def __init__(self, means: Means, max_rows: int, changed: Callable[[], None] = lambda: None) -> None:
        self._means = means
        self._changed = changed
        self._max_rows = max_rows
        self._loading: _Loading | None = None

    async def begin(self, caller: Caller, source: str, mode: str, rows: int) -> Answer:
        """Begin a list of so many lines; one that was being loaded is broken off."""
        if rows > self._max_rows:
            raise Fault("registry.list_refused", f"{rows} lines, at most {self._max_rows}")
        means, now = self._means, self._means.now()
        list_id = new_id(means, "L")
        row = {
            "list_id": list_id,
            "source": source,
            "mode": mode,
            "state": str(ListState.LOADING),
            "rows": 0,
            "expected": rows,
            "file_digest": "",
            "by": caller.account,
            "begun_at": now.isoformat(),
            "ended_at": "",
        }
        await self._commit(caller, "CardListBegun", {"list_id": list_id, "source": source}, registers.begin_list(row))
        self._loading = _Loading(list_id, source, mode, caller.account, rows)
        return self._view(self._loading)

    async def part(self, caller: Caller, list_id: str, first: int, lines: Sequence[str]) -> Answer:
        """The next lines; ``first`` is the number of the first of them. A part that came already is answered again.

        Raises ``registry.list_refused`` naming line and rule: then nothing of the whole list is taken.
        """
        loading = self._mine(caller, list_id)
        if first < loading.next_line and first + len(lines) <= loading.next_line:
            return self._view(loading)
        if loading.busy:
            raise Fault("system.busy", "a part of this list is being written")
        loading.busy = True
        try:
            if first != loading.next_line or first - 1 + len(lines) > loading.expected:
                raise await self._refused(
                    caller, loading, f"line {first}: line {loading.next_line} of {loading.expected} comes next"
                )
            zone = self._means.now().tzinfo or dt.UTC
            try:
                rows = await self._means.pool.run(self._rows, lines, first, zone, list_id)
            except ListRefusedError as exc:
                raise await self._refused(caller, loading, str(exc)) from None
            await self._means.journal.commit(
                Unit(now=self._means.now(), work=registers.add_to_list(list_id, rows, len(lines)))
            )
            loading.next_line += len(lines)
            loading.digest.update("".join(f"{line}\n" for line in lines).encode())
        finally:
            loading.busy = False
        return self._view(loading)

    async def end(self, caller: Caller, list_id: str) -> Answer:
        """All lines were sent: the list counts, or waits for a second person."""
        loading = self._mine(caller, list_id)
        if loading.next_line - 1 != loading.expected:
            raise await self._refused(
                caller, loading, f"line {loading.next_line}: missing, {loading.expected} were announced"
            )
        made: Proposed | None = None
        if loading.mode == REPLACE:
            change = Change(Matter.LIST, list_id, None, INSTALL, 0, "")
            made = registers.proposed_of(change, caller.account, self._means.now())
        state = ListState.WAITING if made is not None else ListState.CURRENT
        digest = loading.digest.hexdigest()
        facts = {
            "list_id": list_id,
            "source": loading.source,
            "mode": loading.mode,
            "rows": loading.expected,
            "sha256": digest,
        }
        facts |= {"proposal": made.proposal} if made is not None else {}
        await self._commit(caller, "CardListLoaded", facts, registers.finish_list(list_id, digest, state, made))
        self._loading = None
        self._changed()
        answer = self._view(loading) | {"state": str(state), "sha256": digest}
        return answer | ({"proposal": proposal_view(made)} if made is not None else {})

    async def all(self) -> Answer:
        """The newest lists: how far one is, what counts, what waits."""
        found = await self._means.pool.run(self._means.reader.registers.lists)
        return {"lists": [_list_view(row) for row in found]}

    def _rows(self, lines: Sequence[str], first: int, zone: dt.tzinfo, list_id: str) -> list[dict[str, str]]:
        cards: list[ListedCard] = read_list(lines, first, zone)
        return self._means.reader.registers.rows_of(cards, list_id, self._means.now())

    def _mine(self, caller: Caller, list_id: str) -> _Loading:
        loading = self._loading
        if loading is None or loading.list_id != list_id or loading.account != caller.account:
            raise Fault("request.not_found", "no such list is being loaded here; begin it again")
        return loading

    async def _refused(self, caller: Caller, loading: _Loading, why: str) -> Fault:
        self._loading = None
        work = registers.drop_list(loading.list_id, self._means.now())
        await self._commit(caller, "CardListRefused", {"list_id": loading.list_id, "why": why}, work)
        return Fault("registry.list_refused", why)

    async def _commit(self, caller: Caller, event: str, facts: dict[str, Any], work: Work) -> None:
        now = self._means.now()
        body = encode({"role": str(caller.role), "account": caller.account, **facts})
        await self._means.journal.commit(Unit(records=(Record(now, "", "", event, "", "", body),), now=now, work=work))

    def _view(self, loading: _Loading) -> Answer:
        return {
            "list_id": loading.list_id,
            "source": loading.source,
            "mode": loading.mode,
            "state": str(ListState.LOADING),
            "rows": loading.next_line - 1,
            "expected": loading.expected,
        }


def _list_view(row: Any) -> Answer:
    names = ("list_id", "source", "mode", "state", "rows", "expected", "by", "begun_at")
    view = {name: getattr(row, name) for name in names}
    more = {"sha256": row.file_digest, "ended_at": row.ended_at}
    return view | {name: value for name, value in more.items() if value}
